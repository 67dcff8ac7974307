#!/usr/bin/env bash
# Installs RateWall from artifacts/ratewall, or takes it away again. Enables and starts nothing.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: packaging/install.sh [--root DIR] [--uninstall]

  --root DIR    install below DIR (an image or a package) and leave this machine alone
  --uninstall   take the wall down, disable the units, remove the program; policy and state stay
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program_directory=$here/../artifacts/ratewall
units=(ratewall.service ratewall-correlate.service ratewall-correlate.timer ratewall-follow.service ratewall-watch.service)
root=
uninstall=no

while (($# > 0)); do
  case $1 in
    --root)
      [[ $# -ge 2 && -n $2 ]] || { echo "install.sh: --root needs a directory" >&2; exit 2; }
      root=${2%/}
      shift 2
      ;;
    --uninstall) uninstall=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "install.sh: what is '$1'?" >&2; usage >&2; exit 2 ;;
  esac
done

# systemctl is asked only about the machine it runs on, and only where systemd is the init.
has_systemd() { [[ -z $root && -d /run/systemd/system ]]; }

require_write() {
  local target=${root:-/}
  [[ -w $target ]] || { echo "install.sh: may not write to $target; run as root" >&2; exit 3; }
}

install_all() {
  [[ -x $program_directory/ratewall ]] || { echo "install.sh: artifacts/ratewall/ratewall is not there; run ./build.sh first" >&2; exit 1; }
  if [[ -n $root ]]; then mkdir -p "$root"; fi
  require_write

  # The new program stands beside the old one until it is complete; a run of the timer never finds half of it.
  local target=$root/usr/lib/ratewall
  install -d -m 0755 "$root/usr/lib" "$root/usr/bin" "$root/usr/lib/systemd/system"
  rm -rf "$target.new" "$target.old"
  install -d -m 0755 "$target.new"
  cp -R --preserve=mode "$program_directory/." "$target.new/"
  chmod -R u=rwX,go=rX "$target.new"
  if [[ -d $target ]]; then mv "$target" "$target.old"; fi
  mv "$target.new" "$target"
  rm -rf "$target.old"
  ln -sfn ../lib/ratewall/ratewall "$root/usr/bin/ratewall"

  local unit
  for unit in "${units[@]}"; do
    install -m 0644 "$here/systemd/$unit" "$root/usr/lib/systemd/system/$unit"
  done

  install -d -m 0755 "$root/etc/ratewall" "$root/etc/ratewall/conf.d" "$root/etc/ratewall/rules.d"
  install -d -m 0750 "$root/var/lib/ratewall"
  if [[ ! -e $root/etc/ratewall/ratewall.yaml ]]; then
    install -m 0644 "$here/etc/ratewall.yaml" "$root/etc/ratewall/ratewall.yaml"
    echo "policy:   $root/etc/ratewall/ratewall.yaml (new; it changes nothing of the built-in default)"
  else
    echo "policy:   $root/etc/ratewall/ratewall.yaml (kept)"
  fi

  if has_systemd; then systemctl daemon-reload; fi
  echo "program:  $root/usr/bin/ratewall"
  echo "units:    ${units[*]} in $root/usr/lib/systemd/system"
  cat <<'TEXT'

Nothing is enabled yet. Next:
  ratewall check                                      is the policy right?
  ratewall apply --check                              would the kernel take it?
  systemctl enable --now ratewall.service             the wall, now and at every boot
  systemctl enable --now ratewall-correlate.timer     logs to bans, every 15 seconds
  systemctl enable --now ratewall-follow.service      or instead of the timer: at once, by a process that stays
  systemctl enable --now ratewall-watch.service       watched units: dovecot, unless the policy says more
  ratewall status
TEXT
}

uninstall_all() {
  require_write
  if has_systemd; then
    local unit
    for unit in "${units[@]}"; do
      if [[ -e /usr/lib/systemd/system/$unit ]]; then systemctl disable --now "$unit" 2>/dev/null || true; fi
    done
  fi
  if [[ -z $root && -x /usr/bin/ratewall ]]; then
    # Rules whose program is gone would be nobody's.
    /usr/bin/ratewall remove || echo "install.sh: the wall is still up: nft delete table inet ratewall" >&2
  fi

  local unit
  for unit in "${units[@]}"; do rm -f "$root/usr/lib/systemd/system/$unit"; done
  rm -f "$root/usr/bin/ratewall"
  rm -rf "$root/usr/lib/ratewall"
  if has_systemd; then systemctl daemon-reload; fi
  echo "RateWall is removed. Policy and state stay: $root/etc/ratewall $root/var/lib/ratewall"
}

if [[ $uninstall == yes ]]; then uninstall_all; else install_all; fi

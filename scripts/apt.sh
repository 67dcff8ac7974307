# shellcheck shell=bash
# Sourced by quickstart.sh and test.sh: gets what a machine lacks from apt, and never starts a service.

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1

# apt-get; with fresh lists if the ones there do not know the packages, or are too old to be true.
apt_get() {
  apt-get -qq -o Dpkg::Use-Pty=0 "$@" 2>/dev/null && return
  apt-get -qq update
  apt-get -qq -o Dpkg::Use-Pty=0 "$@"
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) == ii* ]]; }

# Installs those of the packages that are not installed.
install_missing() {
  local package missing=()
  for package in "$@"; do is_installed "$package" || missing+=("$package"); done
  ((${#missing[@]} > 0)) || return 0
  command -v apt-get >/dev/null || { echo "missing and no apt-get to install them: ${missing[*]}" >&2; return 1; }
  echo "installing ${missing[*]}"
  apt_get install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Installs a package whose units shall neither start now nor be enabled: a daemon of ours is started by hand where it is used.
install_idle() {
  local package=$1 code=0
  shift
  is_installed "$package" && return
  if [[ -d /run/systemd/system ]]; then systemctl mask --runtime --quiet "$@" 2>/dev/null || true; fi
  install_missing "$package" || code=$?
  if [[ -d /run/systemd/system ]]; then
    systemctl unmask --runtime --quiet "$@" || true
    systemctl disable --quiet "$@" || true
  fi
  return "$code"
}

# Prints the path of a real sshd: the installed one, or else one whose package is unpacked below the folder $1. The package
# is not installed, because installing it would start an sshd on this machine.
real_sshd() {
  local target=$1 found work package libraries options=
  if found=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd); then
    echo "$found"
    return
  fi
  if [[ ! -x $target/sshd ]]; then
    work=$(mktemp -d "${TMPDIR:-/tmp}/ratewall-openssh.XXXXXX")
    # The package and whatever else its installation would bring: the libraries that this machine lacks. Upgrades
    # of what is installed ("Inst NAME [OLD] ...") are none of ours.
    apt_get -s install --no-install-recommends openssh-server >"$work/plan" || return
    awk '$1 == "Inst" && $3 !~ /^\[/ { print $2 }' "$work/plan" >"$work/packages"
    (cd "$work" && xargs apt-get -qq -o APT::Sandbox::User=root download <packages >&2) || return
    rm -rf "$target"
    mkdir -p "$target"
    for package in "$work"/*.deb; do dpkg -x "$package" "$target"; done
    rm -rf "$work"
    libraries=$(find "$target" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
    # Since OpenSSH 9.8 each session runs other programs, which it looks for in their usual place.
    if [[ -x $target/usr/lib/openssh/sshd-session ]]; then options="-o SshdSessionPath='$target/usr/lib/openssh/sshd-session'"; fi
    if [[ -x $target/usr/lib/openssh/sshd-auth ]]; then options+=" -o SshdAuthPath='$target/usr/lib/openssh/sshd-auth'"; fi
    # sshd starts itself again for each connection, so the path must be absolute.
    cat >"$target/sshd" <<SCRIPT
#!/bin/sh
LD_LIBRARY_PATH='$libraries' exec '$target/usr/sbin/sshd' $options "\$@"
SCRIPT
    chmod 0755 "$target/sshd"
  fi
  echo "$target/sshd"
}

#!/usr/bin/env bash
# Makes the test machines' images, ratewall-test/base (an attacker, or anybody) and ratewall-test/host (RateWall in it).
#
#   images.sh base       makes the base if the engine has none, and prints its name
#   images.sh host TAG   makes the host from the base and artifacts/ratewall, and prints its name
#
# The base comes from a registry where one answers, else from Debian's archive by mmdebstrap; that is kept in
# ${XDG_CACHE_HOME:-~/.cache}/ratewall, so a second run is quick.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
recipe=$(cat "$here"/{packages,unpacked,unpack.sh,base.Dockerfile} | sha256sum | cut -c1-12)
base=ratewall-test/base:$recipe
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ratewall
tarball=$cache/base-$recipe-$(dpkg --print-architecture 2>/dev/null || uname -m).tar
work=$(mktemp -d "${TMPDIR:-/tmp}/ratewall-images.XXXXXX")
trap 'rm -rf "$work"' EXIT

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

base_from_registry() {
  # The tests' own engine sits in a network namespace without a way out: nothing to wait for.
  case ${DOCKER_HOST:-} in unix:///*ratewall-engine*) return 1 ;; esac
  timeout 30 docker pull -q debian:bookworm-slim >/dev/null 2>&1 || return 1
  mkdir "$work/base"
  cp "$here"/{packages,unpacked,unpack.sh} "$work/base/"
  timeout 300 docker build -q -t "$base" -f "$here/base.Dockerfile" "$work/base" >&2
}

base_from_archive() {
  if [[ ! -s $tarball ]]; then
    command -v mmdebstrap >/dev/null || { echo "images.sh: no registry answers, and mmdebstrap is not installed" >&2; return 1; }
    mkdir -p "$cache"
    echo "images.sh: making a Debian root with its daemons, about a minute" >&2
    # The lists go at the end only: the hook asks them what the unpacked packages need.
    mmdebstrap --quiet --variant=apt --include="$(sed '/^#/d' "$here/packages" | paste -sd,)" --skip=cleanup/apt/lists \
      --customize-hook="cp '$here/unpack.sh' \"\$1/tmp/unpack.sh\"" \
      --customize-hook="chroot \"\$1\" sh /tmp/unpack.sh <'$here/unpacked'" \
      --customize-hook='rm -r "$1/tmp/unpack.sh" "$1"/var/lib/apt/lists/*' \
      bookworm "$work/base.tar" http://deb.debian.org/debian >&2
    cp "$work/base.tar" "$tarball.$$"
    mv "$tarball.$$" "$tarball"
  fi
  docker import "$tarball" "$base" >/dev/null
}

make_base() {
  has_image "$base" || base_from_registry || base_from_archive
}

make_host() {
  local tag=$1 dotnet root
  make_base
  [[ -x $here/../artifacts/ratewall/ratewall ]] || { echo "images.sh: run ./build.sh first" >&2; exit 1; }
  dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
  mkdir -p "$work/host/dotnet/shared"
  root=$work/host/root
  cp "$dotnet/dotnet" "$work/host/dotnet/"
  cp -R "$dotnet/host" "$work/host/dotnet/"
  cp -R "$dotnet/shared/Microsoft.NETCore.App" "$work/host/dotnet/shared/"
  "$here/../packaging/install.sh" --root "$root" >/dev/null
  # Debian's /usr merge makes /lib a link; the image must not get directories in its place.
  cp "$here/entrypoint.sh" "$here/daemons.sh" "$work/host/"
  chmod 0755 "$work/host/entrypoint.sh"
  docker build -q --build-arg BASE="$base" -t "$tag" -f "$here/host.Dockerfile" "$work/host" 2>"$work/build.log" >&2 || {
    cat "$work/build.log" >&2
    exit 1
  }
}

case ${1:-} in
  base) make_base && echo "$base" ;;
  host) [[ -n ${2:-} ]] || { echo "Usage: images.sh host TAG" >&2; exit 2; }; make_host "$2" && echo "$2" ;;
  *) echo "Usage: images.sh base | host TAG" >&2; exit 2 ;;
esac

#!/usr/bin/env bash
# Builds the program: artifacts/ratewall/ratewall. Needs the .NET SDK alone.
set -euo pipefail
# A build says what it built, sends nothing home and makes no certificates.
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
cd "$(dirname "${BASH_SOURCE[0]}")"

case $(uname -m) in
  x86_64) rid=linux-x64 ;;
  aarch64) rid=linux-arm64 ;;
  armv7l) rid=linux-arm ;;
  *) echo "build.sh: no runtime identifier known for $(uname -m)" >&2; exit 1 ;;
esac
# A C library that is not glibc needs its own build of the runtime.
if compgen -G '/lib/ld-musl-*' >/dev/null; then rid=${rid/linux-/linux-musl-}; fi
command -v dotnet >/dev/null || { echo "build.sh: dotnet is not there; install the .NET 10 SDK" >&2; exit 1; }

# Published beside and then moved: an older file never stays in the new program.
out=artifacts/ratewall
staging=$(mktemp -d "${TMPDIR:-/tmp}/ratewall-build.XXXXXX")
trap 'rm -rf "$staging"' EXIT
dotnet publish src/RateWall -c Release -r "$rid" --self-contained false -p:PublishReadyToRun=true -o "$staging/ratewall" --nologo -v quiet
chmod -R u=rwX,go=rX "$staging/ratewall"
mkdir -p artifacts
rm -rf "$out"
mv "$staging/ratewall" "$out"
echo "built $out/ratewall ($rid)"

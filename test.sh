#!/usr/bin/env bash
# Runs every test: installs what is missing (as root, with apt), builds, unit tests, integration tests on the real kernel
# and in containers. Each test that could not run is named; where everything could have been installed it is a failure.
# The last line is "N passed, N failed, N skipped"; the exit code is 0 only if nothing failed.
#
#   ./test.sh [FILTER]     FILTER as for `dotnet test --filter`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec </dev/null

filter=${1:-}
results=$PWD/artifacts/test-results
engine=
child=
images=
passed=0
failed=0
skipped=0
strict=no
if ((EUID == 0)) && command -v apt-get >/dev/null; then strict=yes; fi

. scripts/apt.sh
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
# No build server stays behind.
export MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false DOTNET_CLI_USE_MSBUILD_SERVER=0

say() { printf '\n== %s\n' "$*"; }

# True while something of a process group runs; what has only not been waited for does not count.
# shellcheck disable=SC2317,SC2329  # called by the trap
goes_on() { ps -eo pgid=,stat= | awk -v group="$1" '$1 == group && $2 !~ /^Z/ { found = 1 } END { exit !found }'; }

# shellcheck disable=SC2317,SC2329  # called by the trap
clean_up() {
  local code=$? group i
  trap - EXIT
  trap '' INT TERM HUP
  for group in $child $images; do
    kill -TERM -- "-$group" 2>/dev/null || continue
    # The tests take away what they made.
    for ((i = 0; i < 300; i++)); do
      goes_on "$group" || continue 2
      sleep 0.2
    done
    kill -KILL -- "-$group" 2>/dev/null || true
  done
  if [[ -n $engine ]]; then containers/engine.sh down "$engine" || true; fi
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# In the background, so that a signal to this script is not kept waiting by the child, and as a process group, whose end is
# that of everything it started.
run() {
  local code=0
  set -m
  "$@" &
  child=$!
  set +m
  wait "$child" || code=$?
  child=
  return "$code"
}

start_engine() {
  local answer
  command -v docker >/dev/null || return 0
  # /tmp, not TMPDIR: a socket's path is at most 107 bytes long.
  engine=$(mktemp -d /tmp/ratewall-engine.XXXXXX)
  if answer=$(containers/engine.sh up "$engine"); then
    while IFS='=' read -r name value; do export "$name=$value"; done <<<"$answer"
    echo "container engine: ${DOCKER_HOST:-the one that answers}"
    # The hosts' base image is made while everything builds. Where that fails, the tests try again and say why.
    if [[ -z $filter ]]; then
      set -m
      containers/images.sh base >/dev/null 2>&1 &
      images=$!
      set +m
    fi
  fi
}

# Prints outcome, name and message of each test in a TRX file, tab-separated, one test a line.
read_trx() {
  tr '\r\n\t' '   ' <"$1" | sed 's/<UnitTestResult /\n&/g; s/<\/UnitTestResult>/&\n/g' | awk '
    /^<UnitTestResult / {
      name = outcome = message = ""
      if (match($0, / testName="[^"]*"/)) name = substr($0, RSTART + 11, RLENGTH - 12)
      if (match($0, / outcome="[^"]*"/)) outcome = substr($0, RSTART + 10, RLENGTH - 11)
      if (match($0, /<Message>[^<]*/)) message = substr($0, RSTART + 9, RLENGTH - 9)
      if (match($0, /<StdOut>[^<]*/) && message == "") message = substr($0, RSTART + 8, RLENGTH - 8)
      printf "%s\t%s\t%s\n", outcome, name, message
    }' | sed 's/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&#x[0-9A-Fa-f]*;/ /g; s/&amp;/\&/g'
}

# Runs one test project and adds what its TRX file says; what a broken run hides counts as a failure.
run_tests() {
  local name=$1 verbosity=$2 code=0 failures=0 outcome test message
  local trx=$results/$name.trx
  local arguments=(test "tests/$name" -c Release --no-build --results-directory "$results" --logger "trx;LogFileName=$name.trx"
    --logger "console;verbosity=$verbosity")
  if [[ -n $filter ]]; then arguments+=(--filter "$filter"); fi
  rm -f "$trx"
  say "$name tests"
  run dotnet "${arguments[@]}" || code=$?
  if [[ -s $trx ]]; then
    while IFS=$'\t' read -r outcome test message; do
      case $outcome in
        Passed) passed=$((passed + 1)) ;;
        NotExecuted | Inconclusive | Pending)
          if [[ $strict == yes ]]; then
            failures=$((failures + 1))
            echo "SKIPPED, which is a failure here: $test: $message"
          else
            skipped=$((skipped + 1))
            echo "SKIPPED: $test: $message"
          fi
          ;;
        *)
          failures=$((failures + 1))
          echo "FAILED: $test: ${message:0:600}"
          ;;
      esac
    done < <(read_trx "$trx")
  elif [[ $code -eq 0 && -n $filter ]]; then
    echo "no test of $name matches $filter"
  else
    failures=1
    echo "FAILED: the $name tests did not run (exit code $code)"
  fi
  if ((code != 0 && failures == 0)); then
    failures=1
    echo "FAILED: the $name tests broke off (exit code $code)"
  fi
  failed=$((failed + failures))
}

finish() {
  say "$1"
  echo "$passed passed, $failed failed, $skipped skipped"
  if ((failed > 0)); then exit 1; fi
  exit 0
}

command -v dotnet >/dev/null || { failed=1; finish "dotnet is not there: install the .NET 10 SDK"; }
mkdir -p "$results"
if [[ $strict == yes ]]; then
  packages=(nftables iproute2 util-linux procps libnftables1 libsystemd0 systemd systemd-journal-remote openssh-client strace
    iptables mmdebstrap debian-archive-keyring)
  run install_missing "${packages[@]}" || { failed=1; finish "apt-get could not install what the tests need"; }
  # Another package may have brought docker, and the two do not go together.
  if ! command -v dockerd >/dev/null && ! docker version >/dev/null 2>&1; then
    # A docker that starts by itself would write its rules into this machine's firewall.
    run install_idle docker.io docker.service docker.socket containerd.service ||
      { failed=1; finish "apt-get could not install what the tests need"; }
  fi
  RATEWALL_TEST_SSHD=$(real_sshd "$PWD/artifacts/openssh") || { failed=1; finish "openssh-server could not be unpacked"; }
  export RATEWALL_TEST_SSHD
fi

start_engine
say "building"
run ./build.sh || { failed=1; finish "the program does not build"; }
run dotnet build RateWall.sln -c Release --nologo -v quiet || { failed=1; finish "the tests do not build"; }
# The same program, compiled ahead: less to do each time a test runs it.
export RATEWALL_TEST_PROGRAM=$PWD/artifacts/ratewall/ratewall.dll

run_tests unit minimal
if [[ -n $images ]]; then wait "$images" || true; fi
run_tests integration normal
finish "totals"

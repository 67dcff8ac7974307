#!/usr/bin/env bash
# RateWall at work in two network namespaces: a host with a real sshd, and an attacker. The machine's own firewall, sshd
# and configuration are never touched; everything made here is removed at the end.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"

host=rwhost$$
attacker=rwattacker$$
work=$(mktemp -d)
sshd_pid=

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
step() { printf '\n%s== %s%s\n' "$bold" "$1" "$plain"; }
say() { printf '%s\n' "$1"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; }
die() { printf 'quickstart: %s\n' "$1" >&2; exit 1; }

cleanup() {
    status=$?
    if [ -n "$sshd_pid" ]; then kill "$sshd_pid" 2>/dev/null || true; wait "$sshd_pid" 2>/dev/null || true; fi
    # What sshd forked for a connection may outlive it for a moment, and opens the log once more.
    for _ in $(seq 50); do
        left=$(ip netns pids "$host" 2>/dev/null || true)
        [ -n "$left" ] || break
        # shellcheck disable=SC2086  # one word a process
        kill $left 2>/dev/null || true
        sleep 0.1
    done
    ip netns del "$host" 2>/dev/null || true
    ip netns del "$attacker" 2>/dev/null || true
    rm -rf "$work"
    [ "$status" -eq 0 ] || printf 'quickstart: stopped with %s; everything it made has been removed\n' "$status" >&2
}
trap cleanup EXIT

[ "$(id -u)" -eq 0 ] || die "network namespaces need root: run it with sudo"
command -v dotnet >/dev/null || die "the .NET 10 SDK is missing: https://dotnet.microsoft.com/download"

step "1. Install what is missing, build"
. scripts/apt.sh
install_missing nftables iproute2 util-linux openssh-client libnftables1 libsystemd0
./build.sh
ratewall=$here/artifacts/ratewall/ratewall
sshd=$(real_sshd "$work/openssh")

step "2. Two network namespaces: a host and an attacker"
ip netns add "$host"
ip netns add "$attacker"
ip link add eth0 netns "$host" type veth peer name eth0 netns "$attacker"
ip -n "$host" addr add 192.0.2.1/24 dev eth0
ip -n "$attacker" addr add 192.0.2.66/24 dev eth0
ip -n "$attacker" addr add 192.0.2.77/24 dev eth0
for space in "$host" "$attacker"; do
    ip -n "$space" link set lo up
    ip -n "$space" link set eth0 up
done
say "host 192.0.2.1, attacker 192.0.2.66 and 192.0.2.77; this machine's own firewall is not involved"

cat > "$work/ratewall.yaml" <<YAML
# The built-in policy, but for where this sshd logs and for a ban short enough to watch it run out.
services:
  ssh:
    log: { file: $work/sshd.log, program: sshd }
bans:
  first: 8s
YAML
export RATEWALL_CONFIG=$work/ratewall.yaml RATEWALL_STATE_DIR=$work/state
on_host() { nsenter --net="/run/netns/$host" "$@"; }
on_attacker() { nsenter --net="/run/netns/$attacker" "$@"; }

start_sshd() {
    ssh-keygen -q -t ed25519 -N '' -f "$work/hostkey"
    # sshd wants its own user and /run/sshd: both exist only inside this mount namespace.
    grep -v '^sshd:' /etc/passwd > "$work/passwd"
    printf 'sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin\n' >> "$work/passwd"
    : > "$work/sshd.log"
    # shellcheck disable=SC2016  # $1 and $2 are for the inner shell
    nsenter --net="/run/netns/$host" unshare --mount -- bash -c '
        mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && mount --bind "$1/passwd" /etc/passwd
        exec "$2" -D -f /dev/null -E "$1/sshd.log" -h "$1/hostkey" \
            -o PidFile=none -o UsePAM=no -o PasswordAuthentication=yes -o PermitRootLogin=yes -o LogLevel=INFO' \
        bash "$work" "$sshd" &
    sshd_pid=$!
    for _ in $(seq 50); do grep -q 'Server listening' "$work/sshd.log" && return; sleep 0.1; done
    cat "$work/sshd.log" >&2
    die "sshd did not start"
}
start_sshd
say "a real sshd listens on the host: $("$sshd" -V 2>&1 | head -n 1 || true)"

step "3. The wall goes up"
show "ratewall apply"
on_host "$ratewall" apply
show "ratewall apply        # again: nothing to do"
on_host "$ratewall" apply

show "ratewall correlate    # as the timer does every 15 seconds; the first run notes how far the log goes"
on_host "$ratewall" correlate

step "4. The attacker opens connections until the kernel says no"
opened() { on_attacker timeout 0.7 bash -c 'exec 3<>/dev/tcp/192.0.2.1/22' 2>/dev/null; }
line='' passed=0
for _ in 1 2 3 4 5 6 7 8 9; do
    if opened; then line+=' +'; passed=$((passed + 1)); else line+=' -'; fi
done
say "nine connections from 192.0.2.66 within a minute:$line   (+ through, - dropped by the kernel)"
[ "$passed" -eq 6 ] || die "expected six to come through, not $passed"

step "5. The attacker guesses passwords from 192.0.2.77; sshd logs what it sees"
printf '#!/bin/sh\necho wrong-password\n' > "$work/askpass"
chmod 700 "$work/askpass"
guess() {
    on_attacker env SSH_ASKPASS="$work/askpass" SSH_ASKPASS_REQUIRE=force ssh -b 192.0.2.77 -o ConnectTimeout=2 \
        -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o NumberOfPasswordPrompts=3 \
        -o PreferredAuthentications=password -o PubkeyAuthentication=no -F /dev/null "$1@192.0.2.1" true </dev/null >/dev/null 2>&1 || true
}
guess root
guess admin
grep -E 'Failed password' "$work/sshd.log" | tr -d '\r'

step "6. correlate reads the log and hands the offender to the kernel"
show "ratewall correlate"
on_host "$ratewall" correlate
show "ratewall list"
on_host "$ratewall" list
on_host "$ratewall" list --format json | grep -q '"192.0.2.77"' || die "192.0.2.77 is not banned"

step "7. The banned address is dropped; the deadline is the kernel's"
ip -n "$attacker" route replace 192.0.2.1/32 dev eth0 src 192.0.2.77
if opened; then die "a banned address came through"; fi
say "a connection from 192.0.2.77: dropped"
show "nft list set inet ratewall ban4"
on_host nft list set inet ratewall ban4
show "ratewall trace 192.0.2.77"
on_host "$ratewall" trace 192.0.2.77
show "ratewall status"
on_host "$ratewall" status

step "8. Nobody has to lift the ban: it runs out in the kernel"
for _ in $(seq 20); do
    left=$(on_host nft list set inet ratewall ban4 | grep -o 'expires [0-9a-z]*' || true)
    [ -n "$left" ] || break
    say "192.0.2.77 $left"
    sleep 1
done
opened || die "the ban did not run out"
say "a connection from 192.0.2.77: through"

step "Done"
cat <<'END'
Everything made here is removed now. To install for real on this machine:

    sudo packaging/install.sh                 # program, units, /etc/ratewall/ratewall.yaml; starts nothing
    ratewall check                            # what the policy says, and what it allows at most
    sudo ratewall apply --check               # would the kernel take it?
    sudo systemctl enable --now ratewall.service ratewall-correlate.timer
END

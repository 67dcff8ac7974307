#!/usr/bin/env bash
# A container engine for the tests.
#
#   engine.sh up DIR     uses the engine that answers; else starts dockerd in a network namespace of its own, all it has
#                        below DIR. Prints the environment for docker, NAME=value a line.
#   engine.sh down DIR   ends the dockerd that `up DIR` started, by its process id, and removes what it left; where `up`
#                        found an engine there is nothing to do.
set -euo pipefail

verb=${1:-}
state=${2:-}
[[ ($verb == up || $verb == down) && -n $state ]] || { echo "Usage: engine.sh up|down DIR" >&2; exit 2; }

api_version() { docker version --format '{{.Server.APIVersion}}' 2>/dev/null; }

# The process is the one that was started here: numbers are used again.
is_ours() {
  local pid=$1
  [[ -r /proc/$pid/cmdline ]] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "--data-root $state/data"
}

down() {
  local pid netns mount
  if [[ -s $state/pid ]]; then
    pid=$(<"$state/pid")
    if is_ours "$pid"; then
      kill -TERM "$pid"
      timeout 30 tail --pid="$pid" -f /dev/null || kill -KILL "$pid" 2>/dev/null || true
    fi
  fi
  if [[ -s $state/netns ]]; then
    netns=$(<"$state/netns")
    ip netns delete "$netns" 2>/dev/null || true
  fi
  # What a dockerd that did not end in peace left mounted, innermost first.
  if [[ -r /proc/self/mounts ]]; then
    while read -r mount; do umount -l "$mount" 2>/dev/null || true; done \
      < <(awk -v top="$state/" 'index($2, top) == 1 { print $2 }' /proc/self/mounts | sort -r)
  fi
  rm -rf "$state"
}

up() {
  local version driver pid netns
  command -v docker >/dev/null || { echo "engine.sh: docker is not installed" >&2; exit 1; }
  if version=$(api_version) && [[ -n $version ]]; then
    echo "DOCKER_API_VERSION=$version"
    return
  fi
  if ((EUID != 0)); then
    echo "engine.sh: no container engine answers, and starting one needs root" >&2
    exit 1
  fi
  command -v dockerd >/dev/null || { echo "engine.sh: no container engine answers, and dockerd is not installed" >&2; exit 1; }

  mkdir -p "$state"
  trap down EXIT
  netns=rwengine$$
  echo "$netns" >"$state/netns"
  ip netns add "$netns"
  ip -n "$netns" link set lo up
  export DOCKER_HOST=unix://$state/docker.sock

  # overlay2 cannot stand on another overlay; vfs is slow and always works.
  for driver in overlay2 vfs; do
    # Not `ip netns exec`: that remounts /sys, and the containers' cgroups with it.
    nsenter --net="/run/netns/$netns" dockerd --storage-driver "$driver" --exec-opt native.cgroupdriver=cgroupfs \
      --default-ulimit nofile=16384:16384 --data-root "$state/data" --exec-root "$state/exec" --host "$DOCKER_HOST" \
      --pidfile "$state/dockerd.pid" >"$state/dockerd.log" 2>&1 </dev/null &
    pid=$!
    echo "$pid" >"$state/pid"
    while kill -0 "$pid" 2>/dev/null && ((SECONDS < 60)); do
      if version=$(api_version) && [[ -n $version ]]; then
        trap - EXIT
        echo "DOCKER_HOST=$DOCKER_HOST"
        echo "DOCKER_API_VERSION=$version"
        return
      fi
      sleep 0.2
    done
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" || true
  done
  echo "engine.sh: dockerd did not start:" >&2
  tail -n 5 "$state/dockerd.log" >&2
  exit 1
}

"$verb"

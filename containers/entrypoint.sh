#!/bin/sh
# Gives systemd a cgroup tree of its own to write before it becomes PID 1: version 1 controllers, so that it counts tasks
# and memory on kernels where version 2 has no controllers left, or version 2 alone where version 1 is gone.
set -eu

umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
v1=no
for controller in pids memory cpu cpuacct; do
  mkdir "/sys/fs/cgroup/$controller"
  if mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" 2>/dev/null; then
    v1=yes
  else
    rmdir "/sys/fs/cgroup/$controller"
  fi
done
if [ "$v1" = yes ]; then
  mkdir /sys/fs/cgroup/systemd /sys/fs/cgroup/unified
  mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
else
  umount /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi

exec /sbin/init --unit=multi-user.target

#!/bin/busybox sh
# shellcheck shell=dash
# The first process of a machine that run.py boots: makes it habitable, runs /test-command and switches it off.
#
# The console (ttyS0) is the kernel's. What the tests print goes to ttyS1, and after it a line `test-status N`.
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev 2>/dev/null
/bin/busybox mkdir -p /dev/shm
# Not where the checkout lies, which would be hidden.
for folder in /tmp /run /var/tmp /dev/shm; do
  [ -n "$(/bin/busybox ls -A $folder)" ] || /bin/busybox mount -t tmpfs tmp $folder
  /bin/busybox chmod 1777 $folder
done
/bin/busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup
/bin/busybox mount -t bpf bpf /sys/fs/bpf
/bin/busybox mount -t tracefs tracefs /sys/kernel/tracing
/bin/busybox ip link set lo up 2>/dev/null
/bin/busybox stty -F /dev/ttyS1 raw -echo

export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
/bin/bash /test-command </dev/null >/dev/ttyS1 2>&1
echo "test-status $?" >/dev/ttyS1
/bin/busybox sync
/bin/busybox poweroff -f

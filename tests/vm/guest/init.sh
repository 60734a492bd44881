#!/bin/bash
# The virtual machine's first process: mounts, the security module's policy, the scenarios, power off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb
part=$(sed -n 's/.*vmtest\.part=\([^ ]*\).*/\1/p' /proc/cmdline)
read -r up _ </proc/uptime
if [ "$part" = selinux ] && [ -z "$PERMWRAP_VM_POLICY" ]; then
  export PERMWRAP_VM_POLICY=1
  load_policy -i 2>/dev/console
  mount -t selinuxfs selinuxfs /sys/fs/selinux 2>/dev/null
  # The first process was there before the policy: a new program image gives it its domain.
  exec /bench/init.sh
fi
mount -o remount,rw /
if [ "$part" = systemd ] && [ $$ = 1 ]; then
  # systemd becomes the first process, and this script a service of it.
  printf '[Unit]\nAfter=basic.target\n[Service]\nExecStart=/bench/init.sh\nStandardOutput=null\nStandardError=null\nTimeoutSec=infinity\n' >/etc/systemd/system/vmtest.service
  exec /lib/systemd/systemd --unit=vmtest.service
fi
mountpoint -q /dev/pts || { mkdir -p /dev/pts /dev/shm; mount -t devpts -o gid=5,mode=620 devpts /dev/pts; mount -t tmpfs shm /dev/shm; }
[ "$part" = systemd ] || { mount -t tmpfs -o mode=755 run /run; mkdir -p /run/lock; }
mountpoint -q /sys/kernel/security || mount -t securityfs securityfs /sys/kernel/security
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
ip link set lo up; hostname vmtest
chmod 1777 /tmp /var/tmp; ulimit -n 4096
modprobe -a 9p 9pnet_virtio loop 2>/dev/null
context=; [ "$part" != selinux ] || context=,context=system_u:object_r:tmp_t:s0
mkdir -p /mnt/out; mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144$context out /mnt/out
stty -F /dev/ttyS1 -opost 2>/dev/null
echo "# first process after ${up} s, $(cat /proc/sys/kernel/osrelease), lsm $(cat /sys/kernel/security/lsm)" >/dev/ttyS1
python3 -B /bench/guest.py "$part" >/dev/ttyS1 2>/dev/ttyS0
read -r up _ </proc/uptime
echo "# end after ${up} s" >/dev/ttyS1
echo "end $?" >/dev/ttyS1
sync; sleep 0.3
echo o >/proc/sysrq-trigger; sleep 20; reboot -f

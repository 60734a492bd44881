#!/bin/bash
# Boots the virtual machines and runs the scenarios with $PERMWRAP in them; one line a scenario, last `lsm ok N/M wrong W`.
# usage: run.sh [PART]...   PART: apparmor selinux fs hardening plain systemd tomoyo   or PART@KERNEL (plain@5.10); default: apparmor fs hardening selinux
# $PERMWRAP: the binary (default permwrap in PATH)   $PERMWRAP_VM_WORK: as for build.sh   $PERMWRAP_VM_JOBS: machines at once (default 2)
# $PERMWRAP_VM_TIMEOUT: seconds a machine may take (900)   $PERMWRAP_VM_ONLY: a regular expression of scenario names
# Details (hints, JSON) are left in work/out-PART/. Exit status: 0 no wrong statement, 1 some, 2 trouble of the harness.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${PERMWRAP_VM_WORK:-$here/work}
permwrap=${PERMWRAP:-$(command -v permwrap)}
jobs=${PERMWRAP_VM_JOBS:-2}
limit=${PERMWRAP_VM_TIMEOUT:-900}
parts=("$@"); [ $# -gt 0 ] || parts=(selinux apparmor fs hardening)
export PATH=$PATH:/usr/sbin:/sbin
[ -x "$permwrap" ] || { echo "no permwrap: set \$PERMWRAP" >&2; exit 2; }
[ -f "$work/root.img" ] || { echo "no image: run build.sh first" >&2; exit 2; }

# KVM where it really runs a kernel (a nested or para-virtual KVM may have the device and not do it), else TCG.
accelerator() {
  [ -n "${PERMWRAP_VM_ACCEL:-}" ] && { echo "$PERMWRAP_VM_ACCEL"; return; }
  local cache=$work/accel kernel
  [ -f "$cache" ] && { cat "$cache"; return; }
  kernel=$(ls "$work"/kernel-*/vmlinuz | head -1)
  if [ -w /dev/kvm ] && timeout 15 qemu-system-x86_64 -accel kvm -cpu host -m 256 -nographic -nodefaults -serial stdio -no-reboot \
      -kernel "$kernel" -append "console=ttyS0 panic=-1" </dev/null 2>/dev/null | grep -q 'Unable to mount root'; then
    echo kvm
  else
    echo tcg
  fi >"$cache"
  cat "$cache"
}

initramfs() { # KERNEL FILE
  local kernel=$1 dir=$work/kernel-$1 tree version
  tree=$(mktemp -d); version=$(cat "$dir/version")
  mkdir -p "$tree"/{bin,proc,sys,dev,root,bench,lib/modules/"$version"}
  cp "$(command -v busybox)" "$tree/bin/busybox"
  local module
  for module in virtio_pci virtio_blk ext4 crc32c_generic libcrc32c; do
    modprobe -d "$dir" -S "$version" --show-depends "$module" 2>/dev/null | sed -n 's/^insmod //p'
  done | awk '!seen[$1]++ {print $1}' | while read -r file; do
    cp "$file" "$tree/lib/modules/"; basename "$file" >>"$tree/lib/modules/order"
  done
  cp "$permwrap" "$tree/permwrap"; cp "$here"/guest/* "$tree/bench/"
  cat >"$tree/init" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
for m in $($b cat /lib/modules/order); do $b insmod /lib/modules/$m 2>/dev/null; done
n=0; while [ ! -b /dev/vda ] && [ $n -lt 50 ]; do $b sleep 0.1; n=$((n+1)); done
$b mount -t ext4 -o noatime /dev/vda /root || { echo "PERMWRAP_VM no root"; $b poweroff -f; }
$b cp /bench/* /root/bench/; $b cp /permwrap /root/usr/local/bin/permwrap; $b chmod 755 /root/usr/local/bin/permwrap /root/bench /root/bench/*
for m in proc sys dev; do $b mount --move /$m /root/$m; done
exec $b switch_root /root /bench/init.sh
INIT
  chmod 755 "$tree/init"
  ( cd "$tree" && find . | cpio -o -H newc --quiet | gzip -1 ) >"$2"
  rm -rf "$tree"
}

boot() { # PART[@KERNEL]
  local part=${1%@*} kernel=6.1 out=$work/out-$1 extra=
  case $1 in *@*) kernel=${1#*@} ;; esac
  [ -f "$work/kernel-$kernel/vmlinuz" ] || { echo "missing $1: no kernel $kernel, run build.sh $kernel" >"$work/results-$1"; return; }
  rm -rf "$out"; mkdir -p "$out/share/none" "$out/share/ro" "$out/share/mapped"; chmod 755 "$out"
  echo from-host >"$out/share/ro/file"; echo from-host >"$out/share/none/file"; chmod 644 "$out"/share/*/file
  case $part in
    selinux) extra="security=selinux selinux=1 enforcing=1" ;;
    # Its policy comes from the scenarios; the first process activates it.
    tomoyo) extra="security=tomoyo TOMOYO_trigger=/bench/init.sh TOMOYO_loader=/bench/tomoyo-init" ;;
    *) extra="security=apparmor apparmor=1" ;;
  esac
  initramfs "$kernel" "$out/initramfs"
  local begin=$SECONDS
  timeout -k 10 "$limit" qemu-system-x86_64 -accel "$accel" -cpu max -smp 2 -m 1536 -nodefaults -display none -no-reboot -monitor none \
    -serial "file:$out/console" -serial "file:$out/results" -kernel "$work/kernel-$kernel/vmlinuz" -initrd "$out/initramfs" \
    -append "console=ttyS0 quiet loglevel=3 panic=-1 net.ifnames=0 vmtest.part=$part vmtest.only=${PERMWRAP_VM_ONLY:-} $extra ${PERMWRAP_VM_APPEND:-}" \
    -drive "file=$work/root.img,format=raw,if=virtio,snapshot=on,cache=unsafe" \
    -virtfs "local,path=$out,mount_tag=out,security_model=none,id=out" \
    -virtfs "local,path=$out/share/none,mount_tag=none,security_model=none,id=none" \
    -virtfs "local,path=$out/share/ro,mount_tag=ro,security_model=none,readonly=on,id=ro" \
    -virtfs "local,path=$out/share/mapped,mount_tag=mapped,security_model=mapped-xattr,id=mapped" \
    -device virtio-rng-pci </dev/null >"$out/qemu" 2>&1
  local rc=$? took=$((SECONDS - begin))
  rm -f "$out/initramfs"
  tr -d '\r' <"$out/results" | grep -aE '^(ok|WRONG|missing) ' >"$work/results-$1"
  grep -aq '^end ' "$out/results" || echo "missing $1.end: the machine did not finish (qemu status $rc, see $out/console)" >>"$work/results-$1"
  echo "# $1: kernel $(cat "$work/kernel-$kernel/version"), $accel, ${took} s; $(tr -d '\r' <"$out/results" | grep -a '^# ' | tr -d '#' | tr '\n' ';')" >>"$work/results-$1"
}

accel=$(accelerator)
running=0
for part in "${parts[@]}"; do
  boot "$part" &
  running=$((running + 1))
  if [ $running -ge "$jobs" ]; then wait -n; running=$((running - 1)); fi
done
wait
all=$work/results
for part in "${parts[@]}"; do cat "$work/results-$part"; done >"$all"
for word in WRONG missing ok '#'; do grep "^$word " "$all"; done
ok=$(grep -c '^ok ' "$all"); wrong=$(grep -c '^WRONG ' "$all"); total=$(grep -cE '^(ok|WRONG|missing) ' "$all")
echo "vm ok $ok/$total wrong $wrong"
grep -q '\.end: ' "$all" && exit 2
[ "$wrong" = 0 ]

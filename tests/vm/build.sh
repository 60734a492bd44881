#!/bin/bash
# Builds what run.sh boots: Debian's own kernels (unpacked, never installed) and one root file system, SELinux-labelled.
# usage: build.sh [KERNEL|more]...     KERNEL: 6.1 (default), 5.10, 6.12     needs root and Debian 12, whose package mirror it uses
# more: systemd and SELinux's own tools as well, for the part systemd and further answers of the part selinux
# $PERMWRAP_VM_WORK: where it all goes (default: work/ beside this file). Parts that are there already are kept.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${PERMWRAP_VM_WORK:-$here/work}
# The machine's own mirror, without the folder that the archive lies in there.
site=$(apt-get indextargets --format '$(SITE)' 2>/dev/null | grep -m1 -E '/debian/?$' || true)
mirror=${PERMWRAP_VM_MIRROR:-${site%/debian*}}
[ -n "$mirror" ] || { echo "no mirror of Debian's: set \$PERMWRAP_VM_MIRROR" >&2; exit 2; }
kernels=(); more=
for word in "$@"; do
  if [ "$word" = more ]; then more=1; else kernels+=("$word"); fi
done
[ ${#kernels[@]} -gt 0 ] || kernels=(6.1)
mkdir -p "$work"
say() { printf '%s build: %s\n' "$(date +%T)" "$*" >&2; }
as_root=(); [ "$(id -u)" = 0 ] || as_root=(sudo)

need=()
for pair in qemu-system-x86_64=qemu-system-x86 mmdebstrap=mmdebstrap mke2fs=e2fsprogs cpio=cpio busybox=busybox-static depmod=kmod xz=xz-utils curl=curl; do
  PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%=*}" >/dev/null || need+=("${pair#*=}")
done
if [ ${#need[@]} -gt 0 ]; then
  say "installs ${need[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${need[@]}" >/dev/null
fi
export PATH=$PATH:/usr/sbin:/sbin

# --- kernels -------------------------------------------------------------------------------------------------------
newest() { # SUITE-URL PATTERN -> file name of the newest package whose file name matches
  curl -fsS --retry 3 "$mirror/$1/main/binary-amd64/Packages.xz" | xz -dc | sed -n 's/^Filename: //p' | grep -E "/$2" | sort -V | tail -1
}
for kernel in "${kernels[@]}"; do
  dir=$work/kernel-$kernel
  [ -f "$dir/vmlinuz" ] && continue
  case $kernel in
    6.1)  base=debian-security index=debian-security/dists/bookworm-security pattern='linux-image-6\.1\.0-[0-9]+-amd64_' ;;
    5.10) base=debian-security index=debian-security/dists/bullseye-security pattern='linux-image-5\.10\.0-[0-9]+-amd64_' ;;
    6.12) base=debian index=debian/dists/bookworm-backports pattern='linux-image-6\.12\.[0-9]+\+deb12-amd64_' ;;
    *) echo "unknown kernel $kernel" >&2; exit 2 ;;
  esac
  file=$(newest "$index" "$pattern")
  [ -n "$file" ] || { echo "no package for $kernel" >&2; exit 1; }
  say "kernel $kernel: $(basename "$file")"
  rm -rf "$dir.new"; mkdir -p "$dir.new"
  curl -fsS --retry 3 -o "$dir.new/k.deb" "$mirror/$base/$file"
  dpkg -x "$dir.new/k.deb" "$dir.new/x"
  version=$(ls "$dir.new/x/lib/modules")
  mv "$dir.new/x/boot/vmlinuz-$version" "$dir.new/vmlinuz"
  mv "$dir.new/x/boot/config-$version" "$dir.new/config"
  echo "$version" >"$dir.new/version"
  # The modules a virtual machine without hardware can use.
  mkdir -p "$dir.new/lib/modules/$version/kernel"
  ( cd "$dir.new/x/lib/modules/$version"
    cp modules.builtin* modules.order "$dir.new/lib/modules/$version/"
    for part in fs net/9p net/sunrpc net/dns_resolver net/vmw_vsock lib crypto arch/x86/crypto security drivers/virtio drivers/block drivers/cdrom \
                drivers/char/hw_random drivers/net/dummy* drivers/net/tun* drivers/net/virtio_net* net/core drivers/net/net_failover* drivers/nvme/../md; do
      for path in kernel/$part; do [ -e "$path" ] && cp -a --parents "$path" "$dir.new/lib/modules/$version/"; done
    done; true )
  rm -rf "$dir.new"/lib/modules/"$version"/kernel/fs/{ocfs2,gfs2,ceph,afs,btrfs,xfs,f2fs,jffs2,reiserfs,orangefs,ubifs,nilfs2,dlm,coda}
  find "$dir.new/lib/modules" -name '*.ko.xz' -exec xz -d {} +
  depmod -b "$dir.new" "$version"
  rm -rf "$dir.new/x" "$dir.new/k.deb"; mv "$dir.new" "$dir"
  rm -f "$work/root.img"
done

# --- root file system ----------------------------------------------------------------------------------------------
packages=python3,acl,attr,apparmor,util-linux,procps,kmod,iproute2,iputils-ping,policycoreutils,selinux-utils,selinux-policy-default,auditd,\
checkpolicy,semodule-utils,nfs-kernel-server,nfs-common,dosfstools,exfatprogs,ntfs-3g,cifs-utils,samba,passwd,sudo,quota,libcap2-bin,\
squashfs-tools,genisoimage,strace,dmsetup,cryptsetup-bin,rsync,nginx-light,perl,bash,coreutils,setpriv,openssh-client
packages=${packages/,setpriv/}
if [ ! -f "$work/root.done" ]; then
  say "root file system (mmdebstrap)"
  "${as_root[@]}" rm -rf "$work/root"
  "${as_root[@]}" mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    bookworm "$work/root" "deb $mirror/debian bookworm main" "deb $mirror/debian-security bookworm-security main"
  "${as_root[@]}" chroot "$work/root" sh -ec '
    for user in alice bob deploy; do useradd -m -s /bin/bash $user; done
    groupadd team; usermod -aG team bob
    sed -i s/^SELINUX=.*/SELINUX=enforcing/ /etc/selinux/config
    sed -i "s/^flush = .*/flush = SYNC/; s/^disk_full_action.*/disk_full_action = IGNORE/; s/^disk_error_action.*/disk_error_action = IGNORE/" /etc/audit/auditd.conf
    mkdir -p /bench /mnt/a /mnt/b
    rm -f /etc/resolv.conf; echo vmtest >/etc/hostname; echo "127.0.0.1 localhost vmtest" >/etc/hosts'
  touch "$work/root.done"
fi
if [ -n "$more" ] && [ ! -f "$work/more.done" ]; then
  say "systemd and SELinux's tools"
  "${as_root[@]}" unshare -m sh -ec 'mount --bind /proc "$1/proc"; touch "$1/etc/resolv.conf"; mount --bind /etc/resolv.conf "$1/etc/resolv.conf"
    export DEBIAN_FRONTEND=noninteractive
    chroot "$1" apt-get update -qq; chroot "$1" apt-get install -y -qq --no-install-recommends systemd-sysv libpam-systemd dbus setools policycoreutils-python-utils' \
    sh "$work/root" >"$work/more.log" 2>&1
  "${as_root[@]}" rm -f "$work/root/etc/resolv.conf"
  touch "$work/more.done"
  rm -f "$work/root.img"
fi
if [ ! -f "$work/root.img" ]; then
  say "image"
  "${as_root[@]}" rm -rf "$work/root/lib/modules"; "${as_root[@]}" mkdir -p "$work/root/lib/modules"
  for dir in "$work"/kernel-*/; do "${as_root[@]}" cp -a "$dir"lib/modules/* "$work/root/lib/modules/"; done
  # A small domain of our own in the policy.
  "${as_root[@]}" cp "$here/guest/bench.te" "$work/root/tmp/"
  "${as_root[@]}" unshare -m sh -c 'mount --bind /proc "$1/proc" && chroot "$1" sh -ec "cd /tmp; checkmodule -M -m -o bench.mod bench.te; semodule_package -o bench.pp -m bench.mod;
    semodule -n -s default -i bench.pp; rm bench.*"' sh "$work/root" >"$work/semodule.log" 2>&1 || say "policy module failed: see semodule.log"
  # Labels as SELinux wants them; setfiles needs no active SELinux.
  # (It reaches files through /proc/self/fd.)
  "${as_root[@]}" unshare -m sh -c 'mount --bind /proc "$1/proc" && chroot "$1" setfiles -F -e /proc -e /sys -e /dev \
    /etc/selinux/default/contexts/files/file_contexts /' sh "$work/root" >"$work/setfiles.log" 2>&1 || say "setfiles failed: see setfiles.log"
  rm -f "$work/root.img.new"
  truncate -s 1400M "$work/root.img.new"
  "${as_root[@]}" mke2fs -q -F -t ext4 -O ^has_journal -d "$work/root" "$work/root.img.new"
  "${as_root[@]}" chown "$(id -u)" "$work/root.img.new"
  mv "$work/root.img.new" "$work/root.img"
fi
say "done: $(du -sh "$work" | cut -f1) in $work"

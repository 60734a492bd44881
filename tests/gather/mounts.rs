//! The mount through which an object is seen.

use crate::support::{become_user, forked, needs_programs, needs_root, own_mounts, shell};
use crate::{in_own_mounts, read};
use permwrap::attempt::Errno;

#[test]
fn a_bind_mount_is_told_from_what_it_shows() {
    in_own_mounts(&[], || {
        shell(
            "cd /mnt; mkdir 'in side' seen; touch 'in side/f'; mount --bind 'in side' seen
             mount -o remount,bind,ro,noexec,nosymfollow,nodev,nosuid seen",
        );
        let facts = read(b"/mnt/seen/f");
        let target = facts.walk.target().unwrap();
        let mount = facts.mount_of(target);
        assert_eq!(
            (&mount.point[..], &mount.root[..]),
            (&b"/mnt/seen"[..], &b"/in side"[..])
        );
        let flags = mount.flags;
        assert!(
            flags.read_only && flags.noexec && flags.nosymfollow && flags.nodev && flags.nosuid
        );
        assert!(!mount.super_read_only);
        let straight = read(b"/mnt/in side/f");
        let other = straight.walk.target().unwrap();
        assert!(!straight.mount_of(other).flags.read_only);
        assert_eq!(
            straight.node(other).inode.as_ref().unwrap().number,
            facts.node(target).inode.as_ref().unwrap().number
        );
        // The `..` of a mount's root is the parent of the mount point.
        let facts = read(b"/mnt/seen/../in side");
        assert_eq!(
            facts.node(facts.walk.target().unwrap()).path,
            b"/mnt/in side"
        );
    });
}

#[test]
fn a_read_only_superblock_is_told_from_a_read_only_mount() {
    in_own_mounts(&[], || {
        shell("mkdir /mnt/t; mount -t tmpfs -o ro,size=4k t /mnt/t");
        let facts = read(b"/mnt/t");
        let mount = facts.mount_of(facts.walk.target().unwrap());
        assert!(mount.super_read_only);
        assert_eq!(mount.fs_type, "tmpfs");
        assert_eq!(mount.super_option("size"), Some(Some("4k")));
    });
}

#[test]
fn another_users_fuse_mount_is_seen_as_a_mount_only() {
    if !needs_root() || !needs_programs(&["bindfs"]) || !std::path::Path::new("/dev/fuse").exists()
    {
        return;
    }
    forked(|| {
        own_mounts();
        shell(
            "cd /mnt; mkdir src on; touch src/f; chown 4002 src on
             bindfs --no-allow-other src on >/dev/null 2>&1",
        );
        let _mounted = Mounted("/mnt/on");
        forked(|| {
            become_user(4001, 4001, &[]);
            let facts = read(b"/mnt/on/f");
            let on = facts.node(facts.walk.steps[1].found.clone().unwrap().unwrap());
            assert_eq!(on.inode.as_ref().unwrap_err().errno, Some(Errno::Acces));
            let mount = &facts.mounts[on.mount.0];
            assert!(mount.fs_type.starts_with("fuse"), "{mount:?}");
            assert!(facts.walk.steps[2].found.is_err());
        });
    });
}

/// Ends the daemon of a FUSE mount when dropped.
struct Mounted(&'static str);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = nix::mount::umount(self.0);
    }
}

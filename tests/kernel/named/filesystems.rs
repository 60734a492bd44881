//! Mounts, and file systems with rules of their own.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::libc;
use permwrap::attempt::{OpenHow, Operation};

use super::{ALICE, BOB, Scene, WWW, root, user};
use crate::ground::c_path;
use crate::plan::Who;
use crate::support;
use crate::worker::Worker;

#[test]
fn a_fuse_mount_lets_in_only_who_mounted_it() {
    if !support::needs_programs(&["bindfs"]) {
        return;
    }
    let script = "mkdir real seen; echo hello > real/f; chmod 644 real/f
        chown 3101:3101 seen real/f
        setpriv --reuid 3101 --regid 3101 --clear-groups true
        bindfs --no-allow-other real seen";
    let Some(scene) = Scene::new(
        "filesystems::a_fuse_mount_lets_in_only_who_mounted_it",
        script,
    ) else {
        return;
    };
    assert_eq!(
        scene.tries(&root(), Operation::READ, "/x/seen/f"),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, "/x/seen/f"),
        "EACCES fuse-other-user"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::List, "/x/seen"),
        "EACCES fuse-other-user"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Delete, "/x/seen/f"),
        "EACCES fuse-other-user"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Chmod(Some(0o600)), "/x/seen"),
        "EACCES fuse-other-user"
    );
}

#[test]
fn a_fuse_mount_with_allow_other_goes_by_the_bits() {
    if !support::needs_programs(&["bindfs"]) {
        return;
    }
    let script = "mkdir real seen; echo hello > real/f; chmod 640 real/f; chown 3101:3201 real/f
        bindfs -o allow_other,default_permissions real seen";
    let Some(scene) = Scene::new(
        "filesystems::a_fuse_mount_with_allow_other_goes_by_the_bits",
        script,
    ) else {
        return;
    };
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, "/x/seen/f"),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::READ, "/x/seen/f"),
        "EACCES mode-denies"
    );
    let member = Who {
        groups: vec![WWW],
        ..user(BOB)
    };
    assert_eq!(
        scene.tries(&member, Operation::READ, "/x/seen/f"),
        "allowed"
    );
}

#[test]
fn overlayfs_goes_by_what_it_shows() {
    let script =
        "mkdir lower upper work seen; echo hello > lower/f; mkdir lower/d; echo hello > lower/d/g
        chmod 640 lower/f; chown 3101:3201 lower/f; chmod 1777 lower/d; chown 3101 lower/d/g
        setfacl -m u:3102:r lower/d/g
        mount -t overlay o -o lowerdir=lower,upperdir=upper,workdir=work seen";
    let Some(scene) = Scene::new("filesystems::overlayfs_goes_by_what_it_shows", script) else {
        return;
    };
    assert_eq!(
        scene.tries(&user(BOB), Operation::READ, "/x/seen/f"),
        "EACCES mode-denies"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::APPEND, "/x/seen/f"),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::READ, "/x/seen/d/g"),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::WRITE, "/x/seen/d/g"),
        "EACCES acl-denies"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::Delete, "/x/seen/d/g"),
        "EPERM sticky-directory"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::Delete, "/x/seen/f"),
        "EACCES parent-not-writable"
    );
    assert_eq!(
        scene.tries(&root(), Operation::Delete, "/x/seen/d/g"),
        "allowed"
    );
}

#[test]
fn an_overlay_without_an_upper_layer_is_read_only() {
    let script = "mkdir one two seen; echo hello > one/f; chmod 666 one/f
        mount -t overlay o -o lowerdir=one:two seen";
    let Some(scene) = Scene::new(
        "filesystems::an_overlay_without_an_upper_layer_is_read_only",
        script,
    ) else {
        return;
    };
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, "/x/seen/f"),
        "EROFS read-only-mount"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::CREATE, "/x/seen/f"),
        "EROFS read-only-mount"
    );
}

#[test]
fn a_read_only_bind_mount_is_not_its_disk() {
    let script = "mkdir -p disk/sub seen; touch disk/sub/f; chmod 666 disk/sub/f; mkfifo disk/sub/p; chmod 666 disk/sub/p
        mount --bind disk/sub seen; mount -o remount,bind,ro seen";
    let Some(scene) = Scene::new(
        "filesystems::a_read_only_bind_mount_is_not_its_disk",
        script,
    ) else {
        return;
    };
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, "/x/seen/f"),
        "EROFS read-only-mount"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, "/x/disk/sub/f"),
        "allowed"
    );
    let both = OpenHow {
        read: true,
        ..OpenHow::WRITE
    };
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Open(both), "/x/seen/p"),
        "allowed"
    );
}

#[test]
fn an_id_mapped_mount_knows_only_its_ids() {
    let script = "mkdir real seen; touch real/known real/strange; chmod 666 real/*; chmod 777 real; chown 3101:3101 real/strange";
    let Some(scene) = Scene::new("filesystems::an_id_mapped_mount_knows_only_its_ids", script)
    else {
        return;
    };
    if let Err(error) = id_mapped("/x/real", "/x/seen") {
        return support::skip(&format!("no id-mapped mounts of tmpfs here ({error})"));
    }
    let tries = |who: &Who, operation, path: &str| scene.tries(who, operation, path);
    assert_eq!(
        tries(&user(BOB), Operation::Chmod(Some(0o622)), "/x/seen/known"),
        "allowed"
    );
    assert_eq!(
        tries(&user(BOB), Operation::READ, "/x/seen/strange"),
        "allowed"
    );
    assert_eq!(
        tries(&user(BOB), Operation::WRITE, "/x/seen/strange"),
        "EACCES unmapped-owner"
    );
    assert_eq!(
        tries(&root(), Operation::WRITE, "/x/seen/strange"),
        "EACCES unmapped-owner"
    );
    assert_eq!(
        tries(
            &root(),
            Operation::Setxattr("user.x".to_owned()),
            "/x/seen/strange"
        ),
        "EPERM unmapped-owner"
    );
    assert_eq!(
        tries(&root(), Operation::Delete, "/x/seen/strange"),
        "EOVERFLOW"
    );
    assert_eq!(
        tries(&root(), Operation::Chmod(Some(0o600)), "/x/seen/strange"),
        "EOVERFLOW"
    );
    assert_eq!(
        tries(&root(), Operation::Utime { now: false }, "/x/seen/strange"),
        "EOVERFLOW"
    );
    let link = scene.tries_to(
        &root(),
        Operation::Link,
        "/x/seen/strange",
        Some("/x/seen/link"),
    );
    assert_eq!(link, "EOVERFLOW");
    assert_eq!(
        tries(&user(BOB), Operation::Mkdir, "/x/seen/new"),
        "allowed"
    );
}

/// Mounts a directory with an id mapping in which user and group 0 appear as bob, and no other ids are mapped
/// (mount_setattr(2)).
fn id_mapped(from: &str, to: &str) -> std::io::Result<()> {
    let namespace = Who {
        namespace: Some((vec![BOB], vec![BOB])),
        capabilities: 0,
        ..user(BOB)
    };
    let worker = Worker::start(&namespace, &[]);
    let namespace = std::fs::File::open(format!("/proc/{}/ns/user", worker.pid))?;
    let (from, to) = (c_path(from), c_path(to));
    let answer = |answer: libc::c_long| match answer {
        0.. => Ok(answer as i32),
        _ => Err(std::io::Error::last_os_error()),
    };
    // OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC
    let flags = 1 | libc::O_CLOEXEC;
    // SAFETY: the path is a C string that outlives the call.
    let tree = answer(unsafe {
        libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, from.as_ptr(), flags)
    })?;
    // SAFETY: the descriptor is new and has no other owner.
    let tree = unsafe { OwnedFd::from_raw_fd(tree) };
    // struct mount_attr: attr_set with MOUNT_ATTR_IDMAP, attr_clr, propagation, userns_fd.
    let attributes = [0x0010_0000_u64, 0, 0, namespace.as_raw_fd() as u64];
    // SAFETY: the attributes have the layout of struct mount_attr and the given size.
    answer(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    })?;
    // MOVE_MOUNT_F_EMPTY_PATH
    let flags = 4;
    // SAFETY: both paths are C strings that outlive the call.
    answer(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            flags,
        )
    })
    .map(drop)
}

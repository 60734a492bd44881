//! A process of the test's own, which can change its credentials, namespaces and root directory.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Uid, fork, pipe2, setgroups, setresgid, setresuid};

/// Calls the function in a forked child. A panic there becomes a panic here. Changes of the child's attributes end with it.
pub fn forked(act: impl FnOnce()) {
    // Daemons started by the child must not keep the pipe open.
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    // SAFETY: the child calls only `act`, and ends without returning into the test harness.
    match unsafe { fork() }.expect("a child") {
        ForkResult::Child => {
            drop(reader);
            std::panic::set_hook(Box::new(move |info| {
                let _ = nix::unistd::write(writer.as_fd(), info.to_string().as_bytes());
            }));
            let failed = catch_unwind(AssertUnwindSafe(act)).is_err();
            // SAFETY: it merely ends the process, without the parent's exit handlers.
            unsafe { nix::libc::_exit(i32::from(failed)) }
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let mut words = String::new();
            let _ = std::fs::File::from(reader).read_to_string(&mut words);
            let ended = waitpid(child, None).expect("the child can be waited for");
            assert!(
                matches!(ended, WaitStatus::Exited(_, 0)),
                "in the child: {ended:?} {words}"
            );
        }
    }
}

/// Moves this process into a mount namespace of its own, with an empty tmpfs on `/mnt`.
pub fn own_mounts() {
    unshare(CloneFlags::CLONE_NEWNS).expect("root may have a mount namespace");
    shell("mount --make-rprivate / && mount -t tmpfs -o mode=755 scene /mnt");
}

/// Assumes these ids permanently, without further groups or capabilities.
pub fn become_user(uid: u32, gid: u32, groups: &[u32]) {
    let groups: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
    setgroups(&groups).expect("root may set groups");
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    setresgid(gid, gid, gid).expect("root may set the gid");
    setresuid(uid, uid, uid).expect("root may set the uid");
    // After a change of uid, /proc/self would belong to root and not be accessible.
    nix::sys::prctl::set_dumpable(true).expect("a process may be dumpable");
}

/// Runs a shell script that must succeed.
pub fn shell(script: &str) {
    let mut child = std::process::Command::new("sh")
        .args(["-eu"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("sh(1) runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(script.as_bytes()).expect("sh reads");
    drop(stdin);
    let ended = child.wait().expect("sh ends");
    assert!(ended.success(), "{script}");
}

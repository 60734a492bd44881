//! A terminal for a command to run on.

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::libc;
use nix::pty::{OpenptyResult, openpty};

/// Puts a command on a new terminal, in a session of its own, and returns the descriptor for reading its output. The command
/// must be dropped for the terminal to close with the last process on it.
pub fn attach(command: &mut Command) -> OwnedFd {
    let OpenptyResult { master, slave } = openpty(None, None).expect("a terminal");
    let end = || Stdio::from(slave.try_clone().expect("a descriptor"));
    command.stdin(end()).stdout(end()).stderr(end());
    // SAFETY: both system calls are permitted between fork and execve.
    unsafe {
        command.pre_exec(|| {
            libc::setsid();
            libc::ioctl(0, libc::TIOCSCTTY, 0);
            Ok(())
        });
    }
    master
}

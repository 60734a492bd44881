//! The listener: a process in the command's group that hears what is sent to the group.
//!
//! Bare, the command's group is the wrapper's: `^C` ends the script around it as well, and `kill 0` reaches the other end of
//! a pipeline. On a terminal of its own the command's group is another one, and what is sent to it has to be told.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::libc;

use super::messages::Report;
use super::modes::Modes;
use crate::run::sys;

/// The signal by which the monitor ends it, and by which the kernel tells that the monitor has ended: the highest, which comes after all others that wait.
const DISMISSAL: i32 = 64;

/// How long after the monitor the wrapper may be killed for its terminal to be put right, in milliseconds.
const A_WHILE: i32 = 2000;

/// Ends it, when it has told of everything that was sent until now.
pub fn dismiss(listener: i32) {
    sys::kill(listener, DISMISSAL);
    // In case somebody stopped it.
    sys::kill(listener, libc::SIGCONT);
    sys::reap(listener);
}

/// Starts it, as the monitor's child and in the caller's group. Called in the command's process before that is the
/// command, so that nothing sent to the group is missed. Without one (no process to be had) the group is not heard.
pub fn start(monitor: u32, wrapper: &OwnedFd, user: (&OwnedFd, &Modes)) -> Option<i32> {
    // SAFETY: the monitor's one thread waits meanwhile, so nothing is half done in the memory that is copied.
    match unsafe { sys::fork_sibling() } {
        Ok(None) => listen(monitor, wrapper, user),
        started => started.ok().flatten(),
    }
}

fn listen(monitor: u32, wrapper: &OwnedFd, (user, before): (&OwnedFd, &Modes)) -> ! {
    let has_monitor = || std::os::unix::process::parent_id() == monitor;
    if !sys::tell_of_parents_end(DISMISSAL) || !has_monitor() {
        sys::exit(0);
    }
    // SAFETY: what is kept is all that the listener goes on using; it never returns.
    unsafe { sys::keep_only(&[wrapper.as_raw_fd(), user.as_raw_fd()]) };
    sys::leave_directory();
    while let Some((signal, code, sender)) = sys::wait_for_signal() {
        // Where no more signals may be queued, who sent one gets lost.
        if signal == DISMISSAL && (sender == monitor || sender == 0) {
            if !has_monitor() {
                replace_the_monitor(wrapper, user, before);
            }
            sys::exit(0);
        }
        // Stops and continues are seen by what they do. What the monitor sent came from the wrapper's own group.
        let told = !matches!(
            signal,
            libc::SIGTSTP
                | libc::SIGTTIN
                | libc::SIGTTOU
                | libc::SIGCONT
                | libc::SIGWINCH
                | libc::SIGCHLD
        );
        let by_key = code == libc::SI_KERNEL && matches!(signal, libc::SIGINT | libc::SIGQUIT);
        let by_process = code <= 0 && sender != monitor;
        if told && (by_key || by_process) {
            Report::Group(signal).send(wrapper);
        }
    }
    sys::exit(0)
}

/// The monitor was killed. Where the wrapper was, too, nobody else is left to put the user's terminal right.
fn replace_the_monitor(wrapper: &OwnedFd, user: &OwnedFd, before: &Modes) {
    let mut watched = [sys::watch(wrapper.as_fd(), 0)];
    sys::poll(&mut watched, A_WHILE);
    if watched[0].revents & libc::POLLHUP != 0 {
        before.put_back(user);
    }
}

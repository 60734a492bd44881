//! The listener: a process in the command's process group that learns of signals sent to the group.
//!
//! Without permwrap, the command is in the wrapper's process group: `^C` also ends the surrounding script, and `kill 0` reaches
//! the other end of a pipeline. On a terminal of its own the command has another process group, and signals sent to that must
//! be reported.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::libc;

use super::messages::Report;
use super::modes::Modes;
use crate::run::sys;

/// The signal by which the monitor ends the listener, and by which the kernel reports the end of the monitor: the highest one,
/// which is delivered after all other pending ones.
const DISMISSAL: i32 = 64;

/// How long to wait for the wrapper's end after the monitor was killed, in milliseconds. If it is killed too, the listener
/// restores the terminal.
const A_WHILE: i32 = 2000;

/// Ends the listener, after it has reported all signals sent so far.
pub fn dismiss(listener: i32) {
    sys::kill(listener, DISMISSAL);
    // In case it was stopped.
    sys::kill(listener, libc::SIGCONT);
    sys::reap(listener);
}

/// Starts the listener, as a child of the monitor in the caller's process group. It is called in the command's process before
/// that becomes the command, so that no signal to the group is missed. If no process can be created, such signals go unnoticed.
pub fn start(monitor: u32, wrapper: &OwnedFd, user: (&OwnedFd, &Modes)) -> Option<i32> {
    // SAFETY: the monitor's only thread is suspended meanwhile, so the copied memory is in a consistent state.
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
    // SAFETY: the listener uses only the descriptors that are kept, and never returns.
    unsafe { sys::keep_only(&[wrapper.as_raw_fd(), user.as_raw_fd()]) };
    sys::leave_directory();
    while let Some((signal, code, sender)) = sys::wait_for_signal() {
        // If no more signals can be queued, the sender is unknown.
        if signal == DISMISSAL && (sender == monitor || sender == 0) {
            if !has_monitor() {
                replace_the_monitor(wrapper, user, before);
            }
            sys::exit(0);
        }
        // Stops and continues are recognized by their effect. What the monitor sent came from the wrapper's own group.
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

/// The monitor was killed. If the wrapper was killed as well, nobody else is left to restore the user's terminal.
fn replace_the_monitor(wrapper: &OwnedFd, user: &OwnedFd, before: &Modes) {
    let mut watched = [sys::watch(wrapper.as_fd(), 0)];
    sys::poll(&mut watched, A_WHILE);
    if watched[0].revents & libc::POLLHUP != 0 {
        before.put_back(user);
    }
}

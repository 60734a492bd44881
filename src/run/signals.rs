//! The signals that reach the wrapper: which of them must be forwarded to the command, and how to stop as the command stopped.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::libc;

use super::sentinel::Sentinel;
use super::sys;

/// To whom a signal was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// To the wrapper alone, as by `kill PID`: it is meant for the command.
    Wrapper,
    /// To every process of the wrapper's process group, as by `kill %1`.
    Group,
    /// To every process of the foreground process group, by the terminal itself.
    Foreground,
}

/// An event reported by the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A child changed its state.
    Child,
    /// A signal was sent.
    Sent(c_int, To),
}

/// A queue of all signals sent to the wrapper. They must be blocked.
#[derive(Debug)]
pub struct Inbox {
    queue: OwnedFd,
    sentinel: Option<Sentinel>,
    /// Whether the command has ended, so that it no longer matters to whom a signal was sent.
    over: bool,
    leads_session: bool,
    own: u32,
}

impl Inbox {
    /// Opens the queue, which includes signals that arrived since they were blocked. It must be opened before the command is
    /// started, so that the recipient of every signal can be determined.
    pub fn open() -> io::Result<Inbox> {
        let queue = sys::signal_descriptor()?;
        let sentinel = Sentinel::start(&queue);
        let own = std::process::id();
        // SAFETY: no memory is involved.
        let leads_session = unsafe { libc::getsid(0) } == own as i32;
        Ok(Inbox {
            queue,
            sentinel,
            over: false,
            leads_session,
            own,
        })
    }

    /// A descriptor that is readable when an event is pending.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }

    /// The command has ended: from now on it makes no difference to whom a signal was sent, and the sentinel is ended.
    pub fn command_has_ended(&mut self) {
        self.over = true;
        self.sentinel.iter().for_each(Sentinel::end);
    }

    /// Stops the distinction of signals, and reaps the sentinel. To be called before this process ends or becomes another
    /// program.
    pub fn close(self) {
        if let Some(sentinel) = self.sentinel {
            sentinel.dismiss();
        }
    }

    /// The next event, if one is pending.
    pub fn next(&self) -> Option<Notice> {
        loop {
            let info = sys::next_signal(&self.queue)?;
            let signal = info.ssi_signo as c_int;
            if signal == libc::SIGCHLD && info.ssi_code > 0 {
                return Some(Notice::Child);
            }
            // The wrapper caused it itself: SIGPIPE after its reader went away, or a signal that it sent to the rest of its
            // group. Or its sentinel did.
            if info.ssi_code <= 0 && info.ssi_pid == self.own || self.is_by_sentinel(&info) {
                continue;
            }
            return Some(Notice::Sent(signal, self.addressee(signal, info.ssi_code)));
        }
    }

    /// Sends a signal to the other processes of the wrapper's process group.
    pub fn send_to_others(&self, signal: c_int) {
        sys::kill(0, signal);
        if let Some(sentinel) = &self.sentinel {
            // The sentinel received it too, and must not count it.
            let _ = sentinel.was_pending(signal);
        }
    }

    fn is_by_sentinel(&self, info: &libc::signalfd_siginfo) -> bool {
        let sentinel = self.sentinel.as_ref().map(Sentinel::pid);
        info.ssi_code <= 0 && sentinel == Some(info.ssi_pid.cast_signed())
    }

    /// Stops this process by the signal that stopped the command, so that the shell reports the same about its job. Returns when
    /// the process is continued, and whether that is because the command alone was continued or killed.
    pub fn stop_with(&self, command: i32, signal: c_int) -> bool {
        match &self.sentinel {
            Some(sentinel) => sentinel.stop_with(command, || stop_as(signal)),
            None => {
                stop_as(signal);
                false
            }
        }
    }

    fn addressee(&self, signal: c_int, code: c_int) -> To {
        const BY_TERMINAL: [c_int; 8] = [
            libc::SIGINT,
            libc::SIGQUIT,
            libc::SIGTSTP,
            libc::SIGTTIN,
            libc::SIGTTOU,
            libc::SIGHUP,
            libc::SIGCONT,
            libc::SIGWINCH,
        ];
        let by_kernel = code == libc::SI_KERNEL && BY_TERMINAL.contains(&signal);
        // When a terminal hangs up, only the session leader is signalled.
        let to_leader = self.leads_session && matches!(signal, libc::SIGHUP | libc::SIGCONT);
        if by_kernel && !to_leader {
            return To::Foreground;
        }
        match &self.sentinel {
            Some(sentinel) if !by_kernel && !self.over && sentinel.was_pending(signal) => To::Group,
            _ => To::Wrapper,
        }
    }
}

/// Stops this process by a signal. Returns when it is continued.
fn stop_as(signal: c_int) {
    let ignored = sys::disposition(signal).is_ok_and(|(handler, _)| handler == libc::SIG_IGN);
    let own = std::process::id() as i32;
    if signal == libc::SIGSTOP || ignored {
        sys::kill(own, libc::SIGSTOP);
        return;
    }
    // In an orphaned process group the kernel ignores the signal, and the command was not stopped by it either.
    sys::kill(own, signal);
    sys::set_mask(!sys::only(signal));
    sys::set_mask(!0);
}

/// Whether the default action of the signal terminates the process.
#[must_use]
pub fn is_deadly(signal: c_int) -> bool {
    !matches!(
        signal,
        libc::SIGCHLD
            | libc::SIGCONT
            | libc::SIGTSTP
            | libc::SIGTTIN
            | libc::SIGTTOU
            | libc::SIGURG
            | libc::SIGWINCH
            | libc::SIGPIPE
    )
}

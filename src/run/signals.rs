//! The signals that reach the wrapper: which of them the command has to be sent, and stopping as the command stopped.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::libc;

use super::sentinel::Sentinel;
use super::sys;

/// Whom a signal was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// The wrapper alone, as by `kill PID`: it stands for the command.
    Wrapper,
    /// Every process of the wrapper's group, as by `kill %1`.
    Group,
    /// Every process of the foreground group, by the terminal itself.
    Foreground,
}

/// Something the wrapper was told by the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A child changed its state.
    Child,
    /// A signal was sent.
    Sent(c_int, To),
}

/// All signals sent to the wrapper, as a queue. They must be blocked.
#[derive(Debug)]
pub struct Inbox {
    queue: OwnedFd,
    sentinel: Option<Sentinel>,
    /// Whether the command has ended, so that it matters no longer whom a signal was sent to.
    over: bool,
    leads_session: bool,
    own: u32,
}

impl Inbox {
    /// Opens the queue; what was sent since the signals were blocked is in it. To be called before the command is started:
    /// then it is known of every signal whom it was sent to.
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

    /// Readable when there is a notice.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }

    /// The command has ended: from now on a signal is one, whomever it was sent to. What only told them apart ends while this
    /// process goes on.
    pub fn command_has_ended(&mut self) {
        self.over = true;
        self.sentinel.iter().for_each(Sentinel::end);
    }

    /// No more signals are asked about: what is left belongs to nobody. To be called before this process ends or becomes
    /// another program.
    pub fn close(self) {
        if let Some(sentinel) = self.sentinel {
            sentinel.dismiss();
        }
    }

    /// The next notice.
    pub fn next(&self) -> Option<Notice> {
        loop {
            let info = sys::next_signal(&self.queue)?;
            let signal = info.ssi_signo as c_int;
            if signal == libc::SIGCHLD && info.ssi_code > 0 {
                return Some(Notice::Child);
            }
            // What the wrapper caused itself: a reader that went away, or what it sent to the rest of its group.
            if info.ssi_code <= 0 && info.ssi_pid == self.own {
                continue;
            }
            return Some(Notice::Sent(signal, self.addressee(signal, info.ssi_code)));
        }
    }

    /// Sends a signal to the other processes of the wrapper's group.
    pub fn send_to_others(&self, signal: c_int) {
        sys::kill(0, signal);
        if let Some(sentinel) = &self.sentinel {
            // It got it too, and is to forget it.
            let _ = sentinel.was_pending(signal);
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
        // A terminal that hangs up tells the leader of its session, and nobody else.
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

/// Stops this process by the signal that stopped the command, so that the shell says the same of its job. Returns when
/// the process is continued.
pub fn stop_as(signal: c_int) {
    let ignored = sys::disposition(signal).is_ok_and(|(handler, _)| handler == libc::SIG_IGN);
    let own = std::process::id() as i32;
    if signal == libc::SIGSTOP || ignored {
        sys::kill(own, libc::SIGSTOP);
        return;
    }
    // In an orphaned group the kernel lets the signal do nothing; the command was then not stopped by it either.
    sys::kill(own, signal);
    sys::set_mask(!sys::only(signal));
    sys::set_mask(!0);
}

/// Whether this signal, when nobody handles it, ends a process.
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

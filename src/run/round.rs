//! Runs a command as a child of this process, for a caller that continues afterwards.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};

use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use super::exit::Exit;
use super::sys;

/// Signals that are forwarded to the command, because they are meant for it.
const PASSED_ON: [Signal; 4] = [
    Signal::SIGHUP,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// The signals of the interrupt and quit keys. The terminal sends them to the command itself, so this process ignores them.
const KEYS: [libc::c_int; 2] = [libc::SIGINT, libc::SIGQUIT];

/// How one run of the command went.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Its process id.
    pub pid: u32,
    /// How it ended.
    pub exit: Exit,
    /// Whether this process was asked to end in the meantime.
    pub is_last: bool,
}

/// Runs the command to its end.
///
/// # Errors
/// Fails if the command cannot be started.
pub fn round(command: &mut Command) -> std::io::Result<Round> {
    // Blocked before there is a child whose end could be missed.
    let mut waited_for = SigSet::from_iter(PASSED_ON);
    waited_for.add(Signal::SIGCHLD);
    let before = waited_for.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    // SAFETY: pthread_sigmask(3) may be called between fork and exec.
    unsafe { command.pre_exec(move || before.thread_set_mask().map_err(Into::into)) };
    let spawned = command.spawn();
    let keys = KEYS.map(|key| (key, sys::disposition(key)));
    for key in KEYS {
        sys::set_disposition(key, libc::SIG_IGN);
    }
    let ended = spawned.and_then(|mut child| {
        let (ended, is_last) = wait(&mut child, &waited_for)?;
        Ok((child.id(), ended, is_last))
    });
    for (key, disposition) in keys {
        if let Ok((libc::SIG_DFL, _)) = disposition {
            sys::set_disposition(key, libc::SIG_DFL);
        }
    }
    before.thread_set_mask()?;
    let (pid, ended, is_last) = ended?;
    let exit = Exit {
        code: ended.code(),
        signal: ended.signal(),
    };
    Ok(Round { pid, exit, is_last })
}

/// Forwards signals until the child has ended.
fn wait(child: &mut Child, signals: &SigSet) -> std::io::Result<(ExitStatus, bool)> {
    let mut is_last = false;
    loop {
        if let Some(ended) = child.try_wait()? {
            return Ok((ended, is_last));
        }
        match signals.wait()? {
            Signal::SIGCHLD => {}
            signal => {
                is_last |= matches!(signal, Signal::SIGHUP | Signal::SIGTERM);
                sys::kill(child.id().cast_signed(), signal as i32);
            }
        }
    }
}

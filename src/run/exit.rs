//! How a command ended, and ending this process in the same way.

use nix::libc;

use super::sys;
use crate::{complaint, quote};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code, if it exited.
    pub code: Option<i32>,
    /// The number of the signal that killed it, if one did.
    pub signal: Option<i32>,
}

impl Exit {
    /// The command exited with this code, from 0 to 255.
    #[must_use]
    pub fn with_code(code: i32) -> Exit {
        Exit {
            code: Some(code),
            signal: None,
        }
    }

    /// The command was killed by this signal.
    #[must_use]
    pub fn by_signal(signal: i32) -> Exit {
        Exit {
            code: None,
            signal: Some(signal),
        }
    }

    /// Ends this process in the same way as the command.
    pub fn repeat(self) -> ! {
        let Some(signal) = self.signal else {
            sys::exit(self.code.unwrap_or(125));
        };
        // SAFETY: no memory is involved. The command may have dumped core; a second core file is not wanted.
        unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
        sys::set_disposition(signal, libc::SIG_DFL);
        sys::kill(std::process::id() as i32, signal);
        sys::set_mask(!sys::only(signal));
        // The init process of a container cannot kill itself.
        sys::exit(128 + signal)
    }
}

/// The exit code for a command that could not be executed, as defined by env(1) and timeout(1).
#[must_use]
pub fn code_of(errno: i32) -> i32 {
    if errno == libc::ENOENT { 127 } else { 126 }
}

/// The message that says why a command could not be executed.
#[must_use]
pub fn message(name: &[u8], errno: i32) -> Vec<u8> {
    let reason = std::io::Error::from_raw_os_error(errno).to_string();
    let reason = match errno {
        libc::ENOENT if !name.contains(&b'/') => "command not found",
        _ => reason.split(" (os error").next().unwrap_or_default(),
    };
    complaint::line(&format!("{}: {reason}", quote::display(name))).into_bytes()
}

/// Becomes the command if there is nothing to watch. On failure it prints the reason and exits.
pub fn become_the_command(command: &super::Command) -> ! {
    let errno = command.execute();
    let _ = sys::write(sys::stderr(), &message(command.name().to_bytes(), errno));
    sys::exit(code_of(errno))
}

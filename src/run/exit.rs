//! The end: as the command ended.

use nix::libc;

use super::sys;
use crate::{complaint, quote};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code, where it exited.
    pub code: Option<i32>,
    /// The number of the signal that killed it, where one did.
    pub signal: Option<i32>,
}

impl Exit {
    /// It exited with this code, 0 to 255.
    #[must_use]
    pub fn with_code(code: i32) -> Exit {
        Exit {
            code: Some(code),
            signal: None,
        }
    }

    /// This signal killed it.
    #[must_use]
    pub fn by_signal(signal: i32) -> Exit {
        Exit {
            code: None,
            signal: Some(signal),
        }
    }

    /// Ends this process in the same way.
    pub fn repeat(self) -> ! {
        let Some(signal) = self.signal else {
            sys::exit(self.code.unwrap_or(125));
        };
        // SAFETY: no memory is involved. One core file is enough: the command's.
        unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
        sys::set_disposition(signal, libc::SIG_DFL);
        sys::kill(std::process::id() as i32, signal);
        sys::set_mask(!sys::only(signal));
        // The first process of a container cannot kill itself.
        sys::exit(128 + signal)
    }
}

/// The exit code for a command that could not be executed, as env(1) and timeout(1) have it.
#[must_use]
pub fn code_of(errno: i32) -> i32 {
    if errno == libc::ENOENT { 127 } else { 126 }
}

/// The line that tells why a command could not be executed.
#[must_use]
pub fn message(name: &[u8], errno: i32) -> Vec<u8> {
    let reason = std::io::Error::from_raw_os_error(errno).to_string();
    let reason = match errno {
        libc::ENOENT if !name.contains(&b'/') => "command not found",
        _ => reason.split(" (os error").next().unwrap_or_default(),
    };
    complaint::line(&format!("{}: {reason}", quote::display(name))).into_bytes()
}

/// Becomes the command, when there is nothing to watch; else says why not.
pub fn become_the_command(command: &super::Command) -> ! {
    let errno = command.execute();
    let _ = sys::write(sys::stderr(), &message(command.name().to_bytes(), errno));
    sys::exit(code_of(errno))
}

//! A command run as a child of this process, for who wants to do something afterwards.

use std::os::unix::process::ExitStatusExt;

use nix::libc;

use super::exit::Exit;
use super::sys;

/// Runs it to its end, its process id with how it ended. The keys that interrupt and quit are for it alone.
///
/// # Errors
/// Where it cannot be started.
pub fn round(command: &mut std::process::Command) -> std::io::Result<(u32, Exit)> {
    let mut child = command.spawn()?;
    let keys = [libc::SIGINT, libc::SIGQUIT];
    keys.iter()
        .for_each(|key| sys::set_disposition(*key, libc::SIG_IGN));
    let ended = child.wait();
    keys.iter()
        .for_each(|key| sys::set_disposition(*key, libc::SIG_DFL));
    let ended = ended?;
    let exit = Exit {
        code: ended.code(),
        signal: ended.signal(),
    };
    Ok((child.id(), exit))
}

//! The user who invoked root by sudo(8) or doas(1).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The maximum number of processes between this one and the invoker's own.
const MOST_BETWEEN: usize = 16;

/// The invoker's uid; `None` if the process was not started through sudo or doas.
#[must_use]
pub fn invoker() -> Option<u32> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let uid = std::env::var_os("SUDO_UID").and_then(|uid| uid.to_str()?.parse().ok());
    let by_doas = || {
        let name: OsString = std::env::var_os("DOAS_USER")?;
        let user = nix::unistd::User::from_name(name.to_str()?).ok()??;
        Some(user.uid.as_raw())
    };
    uid.or_else(by_doas).filter(|&uid| uid != 0)
}

/// The invoker's `$XDG_STATE_HOME`. sudo does not pass it on, but was itself started with it.
pub(super) fn state_home(uid: u32) -> Option<PathBuf> {
    let mut pid = rustix::process::getppid()?.as_raw_pid();
    for _ in 0..MOST_BETWEEN {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let set = environment
            .split(|&byte| byte == 0)
            .find_map(|variable| variable.strip_prefix(b"XDG_STATE_HOME="))
            .map(|value| PathBuf::from(OsString::from_vec(value.to_vec())));
        if set.as_ref().is_some_and(|path| path.is_absolute()) {
            return set;
        }
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let number = |field: &str| -> Option<u32> {
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            line.split_whitespace().next()?.parse().ok()
        };
        if number("Uid:")? == uid {
            return None;
        }
        pid = number("PPid:")?.cast_signed();
    }
    None
}

//! The user who invoked root by sudo(8) or doas(1).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
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
        let set = state_home_of(&format!("/proc/{pid}"));
        if set.is_some() {
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

/// Every `$XDG_STATE_HOME` that a process of this user has. Whether a directory there is the user's own is for the caller to
/// check: the user may set it to anything.
pub(super) fn state_homes(uid: u32) -> BTreeSet<PathBuf> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|process| process.metadata().is_ok_and(|found| found.uid() == uid))
        .filter_map(|process| state_home_of(process.path().to_str()?))
        .collect()
}

/// The variable in the environment that a process was started with.
fn state_home_of(process: &str) -> Option<PathBuf> {
    let environment = std::fs::read(format!("{process}/environ")).ok()?;
    let set = environment
        .split(|&byte| byte == 0)
        .find_map(|variable| variable.strip_prefix(b"XDG_STATE_HOME="))?;
    let path = PathBuf::from(OsString::from_vec(set.to_vec()));
    path.is_absolute().then_some(path)
}

//! Changes of what cannot be reached through a file descriptor: groups and kernel settings, by means of system programs and
//! `/proc`.

use std::process::{Command, Stdio};

use crate::quote;

/// The directories of system programs. The search path of the environment is ignored.
const SEARCH_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a system program with a clean environment.
pub(super) fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    // The program is located here, because the search path of the environment must not be used.
    let place = SEARCH_PATH
        .split(':')
        .map(|directory| std::path::Path::new(directory).join(program))
        .find(|place| place.exists())
        .ok_or_else(|| format!("{program} is not installed"))?;
    let output = Command::new(place)
        .args(arguments)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{program}: {}",
            quote::display(output.stderr.trim_ascii())
        )),
    }
}

/// Whether the group database lists the user as a member; `None` if there is no such group.
pub(super) fn is_member(user: &str, group: &str, gid: u32) -> Option<bool> {
    let group = nix::unistd::Group::from_name(group).ok()??;
    (group.gid.as_raw() == gid).then(|| group.mem.iter().any(|member| member == user))
}

/// The file of a sysctl: `/proc/sys/fs/protected_regular`.
fn setting_file(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

/// The present value of a sysctl.
pub(super) fn setting(name: &str) -> Result<String, String> {
    let value = std::fs::read_to_string(setting_file(name));
    let value = value.map_err(|error| format!("{name}: {error}"))?;
    Ok(value.trim().to_owned())
}

pub(super) fn set(name: &str, value: &str) -> Result<(), String> {
    std::fs::write(setting_file(name), value).map_err(|error| format!("{name}: {error}"))
}

//! Changes of what cannot be reached through a file descriptor: mounts, groups and kernel settings, by means of system programs
//! and `/proc`.

use std::process::{Command, Stdio};

use super::object::Object;
use super::state::State;
use crate::quote;

/// The directories of system programs. The search path of the environment is ignored.
const SEARCH_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Remounts. mount(8) resolves the path once more, so this is done only if nobody but root can redirect it.
pub(super) fn remount(options: &str, point: &Object) -> Result<(), String> {
    use std::os::unix::ffi::OsStrExt;
    if !is_firm(&point.path) {
        return Err(format!(
            "{}: others can redirect the path to it, so remount it by hand",
            quote::display(&point.path)
        ));
    }
    let point = std::ffi::OsStr::from_bytes(&point.path);
    run_with(
        Command::new("mount").args(["-o", options, "--"]).arg(point),
        "mount",
    )
}

/// Whether every directory above belongs to root and is writable by nobody else.
fn is_firm(path: &[u8]) -> bool {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let mut above = ends.map(|(at, _)| &path[..at.max(1)]);
    above.all(|directory| {
        let state = Object::at(directory).map(|(_, fd)| State::of(&fd));
        matches!(state, Ok(Ok(state)) if state.uid == 0 && state.mode & 0o022 == 0)
    })
}

pub(super) fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    run_with(Command::new(program).args(arguments), program)
}

/// Runs a system program with a clean environment.
fn run_with(command: &mut Command, program: &str) -> Result<(), String> {
    // The program is located here, because the search path of the environment must not be used.
    let place = SEARCH_PATH
        .split(':')
        .map(|directory| std::path::Path::new(directory).join(program))
        .find(|place| place.exists())
        .ok_or_else(|| format!("{program} is not installed"))?;
    let output = Command::new(place)
        .args(command.get_args())
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

/// All options of the mount with this id, including those of its superblock, as `/proc/self/mountinfo` shows them.
pub(super) fn options(mount: u64) -> Option<String> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let is_it = |line: &&str| line.split(' ').next() == Some(mount.to_string().as_str());
    let (own, of_file_system) = table.lines().find(is_it)?.split_once(" - ")?;
    let options = (own.split(' ').nth(5)?, of_file_system.split(' ').nth(2)?);
    Some(format!("{} {}", options.0, options.1))
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

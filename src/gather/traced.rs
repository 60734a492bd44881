//! Files below `/proc/PID` that require the right to trace the process (ptrace_may_access, called from fs/proc).

use std::os::unix::fs::MetadataExt;

use super::subject::Status;
use super::{View, unknown_io};
use crate::facts::{Fact, Mount, TraceMode, Traced};

/// Files that require PTRACE_MODE_READ to be opened, or to be followed as links.
const READ: [&str; 15] = [
    "auxv",
    "cwd",
    "environ",
    "exe",
    "fd",
    "fdinfo",
    "io",
    "ksm_stat",
    "maps",
    "numa_maps",
    "pagemap",
    "root",
    "smaps",
    "smaps_rollup",
    "wchan",
];

/// Files that require PTRACE_MODE_ATTACH to be opened.
const ATTACH: [&str; 4] = ["mem", "personality", "stack", "syscall"];

/// The process whose state the file with this path on a proc mount shows; `None` if the file does not require the right to
/// trace.
pub(super) fn traced(path: &[u8], mount: &Mount, view: &View) -> Option<Traced> {
    let inside = path.strip_prefix(mount.point.as_slice());
    let path = [b"/proc".as_slice(), inside.unwrap_or(path)].concat();
    let path = if mount.root == b"/" {
        path.as_slice()
    } else {
        return None;
    };
    let (pid, mode) = asked_for(path).or_else(|| hidden(path, mount))?;
    process(pid, mode, view)
}

/// The process, as seen by a subject that requests this access mode.
pub(super) fn process(pid: i32, mode: TraceMode, view: &View) -> Option<Traced> {
    let pid = view.pid_seen_from_here(pid);
    let status = Status::of(pid).ok()?;
    let [real, effective, saved, _] = status.uids;
    let [real_gid, effective_gid, saved_gid, _] = status.gids;
    Some(Traced {
        pid,
        command: status.name,
        mode,
        uids: [real, effective, saved],
        gids: [real_gid, effective_gid, saved_gid],
        permitted: status.permitted,
        dumpable: dumpable(pid, effective),
        same_user_ns: view.shares_user_ns(pid),
    })
}

/// The process and the access mode that a path requires: `/proc/PID/FILE`, `/proc/PID/task/TID/FILE`, and the entries of `fd`,
/// `ns` and `map_files` there.
fn asked_for(path: &[u8]) -> Option<(i32, TraceMode)> {
    let path = std::str::from_utf8(path).ok()?;
    let mut parts = path.rsplit_once("/proc/")?.1.split('/');
    let mut pid = parts.next()?.parse().ok()?;
    let mut file = parts.next()?;
    if file == "task" {
        pid = parts.next()?.parse().ok()?;
        file = parts.next()?;
    }
    let mode = match (file, parts.next()) {
        ("ns" | "map_files", Some(_)) => TraceMode::Read,
        (file, _) if READ.contains(&file) => TraceMode::Read,
        (file, None) if ATTACH.contains(&file) => TraceMode::Attach,
        _ => return None,
    };
    Some((pid, mode))
}

/// The process whose directory this is, if proc hides the directories of other users' processes (hidepid= of proc(5)).
fn hidden(path: &[u8], mount: &Mount) -> Option<(i32, TraceMode)> {
    let hides = mount.super_option("hidepid").flatten()?;
    let name = std::str::from_utf8(path.strip_prefix(b"/proc/")?).ok()?;
    let pid = name.parse().ok()?;
    (!matches!(hides, "0" | "off")).then_some((pid, TraceMode::Enter))
}

/// Whether the process is dumpable. If not, its files in proc belong to root (task_dump_owner of fs/proc/base.c).
fn dumpable(pid: i32, effective: u32) -> Fact<bool> {
    let path = format!("/proc/{pid}/environ");
    let what = "whether the process may be looked at";
    let file =
        std::fs::metadata(&path).map_err(|error| unknown_io(what, path.as_bytes(), &error))?;
    match (file.uid(), effective) {
        // The files of a process of root belong to root in either case.
        (0, 0) => Err(crate::facts::UnknownFact::not_gathered(what)),
        (owner, effective) => Ok(owner == effective),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_ask_for_tracing_are_told_from_the_rest() {
        let read = |pid| Some((pid, TraceMode::Read));
        assert_eq!(asked_for(b"/proc/12/environ"), read(12));
        assert_eq!(asked_for(b"/proc/12/task/13/maps"), read(13));
        assert_eq!(asked_for(b"/proc/12/fd/3"), read(12));
        assert_eq!(asked_for(b"/proc/12/ns/net"), read(12));
        assert_eq!(asked_for(b"/proc/12/mem"), Some((12, TraceMode::Attach)));
        for path in [
            "/proc/12",
            "/proc/12/status",
            "/proc/12/ns",
            "/proc/sys/kernel",
            "/proc/12/task/13",
            "/etc",
        ] {
            assert_eq!(asked_for(path.as_bytes()), None, "{path}");
        }
    }
}

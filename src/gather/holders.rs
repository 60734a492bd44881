//! The processes that execute a file or have it open for writing, which makes the kernel answer ETXTBSY: from `/proc/PID/exe`
//! and `/proc/PID/fd`.

use std::fs::{read_dir, read_to_string};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::attempt::{Attempt, Errno, Operation};
use crate::facts::{Facts, Hold, Holder, Inode, Kind};

/// The processes whose use of the file refuses the attempt, as far as permwrap may inspect them.
pub(super) fn read(attempt: &Attempt, facts: &Facts) -> Vec<Holder> {
    let Some(target) = facts.walk.target() else {
        return Vec::new();
    };
    match &facts.node(target).inode {
        Ok(inode) if inode.kind == Kind::Regular => {
            let how = wanted(attempt, inode);
            how.map_or_else(Vec::new, |how| holders(inode, how))
        }
        _ => Vec::new(),
    }
}

/// The use by another process that would refuse the attempt. `None` if none is to be expected, since the search is expensive.
fn wanted(attempt: &Attempt, inode: &Inode) -> Option<Hold> {
    let busy = attempt.errno == Some(Errno::TxtBsy);
    match &attempt.operation {
        Operation::Exec => busy.then_some(Hold::Writes),
        Operation::Open(how) if how.write || how.truncate => {
            let may_run = inode.mode & 0o111 != 0 && attempt.errno.is_none();
            (busy || may_run).then_some(Hold::Runs)
        }
        _ => None,
    }
}

fn holders(inode: &Inode, how: Hold) -> Vec<Holder> {
    let mut found = Vec::new();
    for entry in read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let process = entry.path();
        let holds = match how {
            Hold::Runs => is(&process.join("exe"), inode),
            Hold::Writes => writes(&process, inode),
        };
        if holds {
            let command = read_to_string(process.join("comm")).unwrap_or_default();
            found.push(Holder {
                pid,
                command: command.trim_end().to_owned(),
                how,
            });
        }
    }
    found
}

/// Whether the process has the file open for writing.
fn writes(process: &Path, inode: &Inode) -> bool {
    let descriptors = read_dir(process.join("fd")).into_iter().flatten().flatten();
    descriptors.into_iter().any(|descriptor| {
        let info = process.join("fdinfo").join(descriptor.file_name());
        is(&descriptor.path(), inode) && read_to_string(info).is_ok_and(|info| for_writing(&info))
    })
}

/// Whether the text of an fdinfo file shows an access mode other than O_RDONLY.
fn for_writing(info: &str) -> bool {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & 3 != 0)
}

/// Whether the link refers to this inode.
fn is(link: &Path, inode: &Inode) -> bool {
    let device = rustix::fs::makedev(inode.device.major, inode.device.minor);
    link.metadata()
        .is_ok_and(|found| (found.dev(), found.ino()) == (device, inode.number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_mode_is_read_from_the_flags() {
        assert!(for_writing("pos:\t0\nflags:\t0100001\nmnt_id:\t25\n"));
        assert!(for_writing("pos:\t0\nflags:\t02\n"));
        assert!(!for_writing("pos:\t0\nflags:\t0100000\nmnt_id:\t25\n"));
        assert!(!for_writing(""));
    }
}

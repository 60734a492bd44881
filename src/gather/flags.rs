//! Inode flags that make the kernel refuse changes, from statx(2) or else the FS_IOC_GETFLAGS ioctl, and active swap files.

use std::fs::File;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{IFlags, ioctl_getflags};
use rustix::io::Errno;

use super::{mounts, unknown};
use crate::facts::{Fact, Flags, Inode, Kind};

/// File systems that honor the flags but do not report them in statx(2).
const SILENT: [&str; 5] = ["jfs", "nilfs2", "ocfs2", "reiserfs", "ubifs"];

/// The flags of a file for which statx(2) reported none: read by ioctl if the file system supports them.
///
/// Only regular files and directories are opened: nothing else has the flags, and opening a device or a FIFO can have side
/// effects.
pub(super) fn by_ioctl(handle: &Path, inode: &Inode, fs_type: &str, path: &[u8]) -> Fact<Flags> {
    if !SILENT.contains(&fs_type) || !matches!(inode.kind, Kind::Regular | Kind::Directory) {
        return Ok(Flags::default());
    }
    let opened = File::options()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(handle);
    let file = opened.map_err(|error| super::unknown_io("inode flags", path, &error))?;
    match ioctl_getflags(&file) {
        Ok(set) => Ok(Flags {
            immutable: set.contains(IFlags::IMMUTABLE),
            append: set.contains(IFlags::APPEND),
            swap: false,
            verity: false,
        }),
        Err(Errno::NOTTY | Errno::OPNOTSUPP) => Ok(Flags::default()),
        Err(errno) => Err(unknown("inode flags", path, errno)),
    }
}

/// The active swap files, by device and inode number, from `/proc/swaps`.
pub(super) fn swap_files() -> Vec<(u64, u64)> {
    let Ok(table) = std::fs::read("/proc/swaps") else {
        return Vec::new();
    };
    swap_paths(&table)
        .filter_map(|path| std::fs::metadata(super::path(&path)).ok())
        .filter(std::fs::Metadata::is_file)
        .map(|file| (file.dev(), file.ino()))
        .collect()
}

/// The paths in a `/proc/swaps` table that are files rather than partitions.
fn swap_paths(table: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    table
        .split(|&byte| byte == b'\n')
        .skip(1)
        .filter_map(|line| {
            let mut words = line
                .split(|&byte| matches!(byte, b' ' | b'\t'))
                .filter(|word| !word.is_empty());
            let path = words.next()?;
            (words.next()? == b"file").then(|| mounts::unescape(path))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_files_are_told_from_partitions() {
        let table = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
            /dev/dm-1                               partition\t8388604\t\t0\t\t-2\n\
            /swap\\040file                           file\t\t1048572\t\t0\t\t-3\n";
        assert_eq!(swap_paths(table).collect::<Vec<_>>(), [b"/swap file"]);
    }
}

//! Mounts, from `/proc/PID/mountinfo` (proc_pid_mountinfo(5)). They are looked up by mount id, because bind mounts share a
//! device number.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::PathBuf;

use rustix::fs::{StatVfsMountFlags, fstat, fstatfs, fstatvfs, major, minor};

use super::surroundings::under;
use super::world::Laid;
use super::{View, way_back};
use crate::byte_path;
use crate::facts::{Mount, MountFlags, Unwritable};

/// The mounts visible to a process. A machine may have thousands, of which an attempt meets a few: only those are parsed.
#[derive(Debug)]
pub(super) struct Table {
    mountinfo: Vec<u8>,
    /// The mounts visible to permwrap, read only if an id is missing above: a process in a chroot does not see the mount that
    /// holds its root directory.
    own: OnceCell<Vec<u8>>,
}

impl Table {
    /// The table of the process whose view this is.
    pub(super) fn read(view: &View) -> Table {
        Table {
            mountinfo: view.proc_text("mountinfo"),
            own: OnceCell::new(),
        }
    }

    /// The mount with this id. If no table lists it, it is derived from statvfs(2) of the file.
    pub(super) fn get(&self, id: u64, file: BorrowedFd<'_>) -> Mount {
        let mut mount = with_id(&self.mountinfo, id)
            .or_else(|| with_id(self.own.get_or_init(our_mountinfo), id))
            .map(|placed| placed.mount)
            .unwrap_or_else(|| by_statvfs(id, file));
        if mount.fs_type == "fuseblk" {
            let more = ntfs_options(&mount);
            mount.super_options.extend(more);
        }
        if mount.root != b"/" && mount.root != mount.point {
            mount.origin = origin(&parsed(&self.mountinfo), &mount);
        }
        if let Ok(status) = fstat(file) {
            mount.unwritable = unwritable(&mount, status.st_dev);
            mount.super_read_only |= mount.unwritable == Some(Unwritable::Error);
        }
        mount
    }
}

/// The mount of a reconstructed world that lay on `under`.
pub(super) fn laid(under: Mount, laid: &Laid) -> Mount {
    let root = byte_path::below(&laid.source, &under.point);
    let point = match (root, byte_path::below(&under.point, &laid.source)) {
        // A mount below the source, which comes with it.
        (None, Some(rest)) => way_back::join(&laid.point, rest),
        _ => laid.point.clone(),
    };
    if point != laid.point && !laid.recursive {
        return Mount { point, ..under };
    }
    Mount {
        root: root.map_or(under.root.clone(), |rest| way_back::join(&under.root, rest)),
        point,
        flags: MountFlags {
            read_only: under.flags.read_only || laid.read_only,
            noexec: under.flags.noexec || laid.noexec,
            nodev: under.flags.nodev || laid.nodev,
            nosuid: under.flags.nosuid || laid.nosuid,
            ..under.flags
        },
        ..under
    }
}

/// A mount of a reconstructed world whose file system has gone with the last process that saw it.
pub(super) fn gone(laid: &Laid) -> Mount {
    Mount {
        point: laid.point.clone(),
        fs_type: laid.fs_type.clone(),
        source: match laid.source.as_slice() {
            b"" => laid.fs_type.clone().into_bytes(),
            source => source.to_vec(),
        },
        root: b"/".to_vec(),
        flags: MountFlags {
            read_only: laid.read_only,
            noexec: laid.noexec,
            nodev: laid.nodev,
            nosuid: laid.nosuid,
            ..MountFlags::default()
        },
        ..Mount::default()
    }
}

/// What keeps the file system on this block device read-only.
fn unwritable(mount: &Mount, device: u64) -> Option<Unwritable> {
    let given_up = |option: &str| mount.super_option(option).is_some();
    if given_up("emergency_ro") || given_up("shutdown") {
        return Some(Unwritable::Error);
    }
    let directory = format!("/sys/dev/block/{}:{}", major(device), minor(device));
    if matches!(mount.fs_type.as_str(), "ext2" | "ext3" | "ext4") {
        let name = std::fs::read_link(&directory).ok()?;
        if has_given_up(&name.file_name()?.to_string_lossy()) {
            return Some(Unwritable::Error);
        }
    }
    let read_only = mount.super_read_only || mount.flags.read_only;
    let protected = read_only && number(&format!("{directory}/ro")) == Some(1);
    protected.then_some(Unwritable::Device)
}

/// Whether an ext4 file system that stops at errors has met one since boot. Since Linux 6.1 it no longer appears as read-only
/// then.
fn has_given_up(device: &str) -> bool {
    let options = std::fs::read_to_string(format!("/proc/fs/ext4/{device}/options"));
    let stops =
        options.is_ok_and(|options| options.lines().any(|line| line == "errors=remount-ro"));
    let last = number(&format!("/sys/fs/ext4/{device}/last_error_time"));
    let started = || {
        let text = std::fs::read_to_string("/proc/stat").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("btime "))?;
        line.trim().parse::<u64>().ok()
    };
    stops && last.is_some_and(|last| last > 0 && started().is_some_and(|started| last >= started))
}

fn number(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The options that ntfs-3g was started with, from its command line: mountinfo does not show them.
fn ntfs_options(mount: &Mount) -> Vec<(String, Option<String>)> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let options_of = |process: std::fs::DirEntry| {
        let name = std::fs::read(process.path().join("comm")).ok()?;
        if !matches!(
            name.trim_ascii_end(),
            b"ntfs-3g" | b"mount.ntfs-3g" | b"mount.ntfs"
        ) {
            return None;
        }
        let line = std::fs::read(process.path().join("cmdline")).ok()?;
        let words: Vec<&[u8]> = line.split(|&byte| byte == 0).collect();
        let is_its = words.contains(&mount.point.as_slice());
        let at = words.iter().position(|word| *word == b"-o")?;
        let list = words.get(at + 1).filter(|_| is_its)?;
        Some(options(list))
    };
    let found = processes.filter_map(options_of).next();
    let known = |name: &str| matches!(name, "rw" | "ro") || mount.super_option(name).is_some();
    let found = found.unwrap_or_default();
    found.into_iter().filter(|(name, _)| !known(name)).collect()
}

/// A mount of a table, with its device number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub device: (u32, u32),
    pub mount: Mount,
}

/// The mounts visible to permwrap itself.
pub(super) fn ours() -> Vec<Placed> {
    parsed(&our_mountinfo())
}

fn our_mountinfo() -> Vec<u8> {
    std::fs::read("/proc/self/mountinfo").unwrap_or_default()
}

/// Another path of the directory that a bind mount shows, through another mount of the same file system that is not covered by
/// a later one.
fn origin(all: &[Placed], bound: &Mount) -> Option<Vec<u8>> {
    let device = all.iter().find(|one| one.mount.id == bound.id)?.device;
    let is_covered = |at: usize| {
        let point = &all[at].mount.point;
        all[at + 1..]
            .iter()
            .any(|later| later.mount.point == *point)
    };
    let paths = all.iter().enumerate().filter_map(|(at, one)| {
        let is_other = one.device == device && one.mount.id != bound.id && !is_covered(at);
        let rest = byte_path::below(&bound.root, &one.mount.root).filter(|_| is_other)?;
        let path = way_back::join(&one.mount.point, rest);
        (path != bound.point).then_some((one.mount.root.len(), path))
    });
    paths.min().map(|(_, path)| path)
}

/// The mount points below this directory, as permwrap reaches them. What is mounted there is another tree, and its server may
/// never answer.
pub(super) fn points_below(view: &View, directory: &[u8]) -> HashSet<PathBuf> {
    let root = view.root_directory();
    let points = parsed(&view.proc_text("mountinfo"))
        .into_iter()
        .map(|placed| placed.mount.point);
    points
        .filter(|point| point != directory && byte_path::is_within(point, directory))
        .map(|point| under(&root, &point))
        .collect()
}

fn parsed(mountinfo: &[u8]) -> Vec<Placed> {
    mountinfo
        .split(|&byte| byte == b'\n')
        .filter_map(parse)
        .collect()
}

/// The mount with this id.
fn with_id(mountinfo: &[u8], id: u64) -> Option<Placed> {
    let begin = format!("{id} ");
    let mut lines = mountinfo.split(|&byte| byte == b'\n');
    parse(lines.find(|line| line.starts_with(begin.as_bytes()))?)
}

/// The mount id of an open file, if statx(2) does not report it (before Linux 5.8).
pub(super) fn id_by_fdinfo(file: BorrowedFd<'_>) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("mnt_id:"))?;
    line.trim().parse().ok()
}

/// Parses a line of mountinfo.
fn parse(line: &[u8]) -> Option<Placed> {
    let mut words = line.split(|&byte| byte == b' ');
    let id = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    let (_parent, device) = (words.next()?, words.next()?);
    let (major, minor) = std::str::from_utf8(device).ok()?.split_once(':')?;
    let device = (major.parse().ok()?, minor.parse().ok()?);
    let (root, point) = (unescape(words.next()?), unescape(words.next()?));
    let options = options(words.next()?);
    // A single hyphen ends the optional fields, of which there may be any number.
    words.by_ref().find(|&word| word == b"-")?;
    let fs_type = String::from_utf8_lossy(&unescape(words.next()?)).into_owned();
    let source = unescape(words.next()?);
    let super_options = self::options(words.next().unwrap_or_default());
    let has = |name: &str| options.iter().any(|(option, _)| option == name);
    let mount = Mount {
        id,
        root,
        point,
        origin: None,
        fs_type,
        source,
        flags: MountFlags {
            read_only: has("ro"),
            noexec: has("noexec"),
            nosuid: has("nosuid"),
            nodev: has("nodev"),
            nosymfollow: has("nosymfollow"),
            idmapped: has("idmapped"),
        },
        super_read_only: super_options.iter().any(|(option, _)| option == "ro"),
        super_options,
        unwritable: None,
    };
    Some(Placed { device, mount })
}

/// Splits `rw,uid=1000,context="a,b"` at the commas outside quotes.
fn options(list: &[u8]) -> Vec<(String, Option<String>)> {
    let mut quoted = false;
    list.split(|&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    })
    .filter(|option| !option.is_empty())
    .map(|option| {
        let text = String::from_utf8_lossy(&unescape(option)).into_owned();
        match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.trim_matches('"').to_owned())),
            None => (text, None),
        }
    })
    .collect()
}

/// Decodes the kernel's `\ooo` escapes (seq_path, mangle) of spaces, tabs, newlines, backslashes and number signs.
pub(crate) fn unescape(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.first_chunk::<3>().filter(|digits| {
            byte == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit))
        });
        if let Some(digits) = octal {
            let value = digits
                .iter()
                .fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0'));
            plain.push((value & 0xff) as u8);
            rest = &after[3..];
        } else {
            plain.push(byte);
            rest = after;
        }
    }
    plain
}

/// A mount as far as a file on it reveals it, if the mount itself is not visible.
fn by_statvfs(id: u64, file: BorrowedFd<'_>) -> Mount {
    let flags = fstatvfs(file).map_or(StatVfsMountFlags::empty(), |found| found.f_flag);
    let has = |flag| flags.contains(flag);
    let magic = fstatfs(file).map_or(0, |found| found.f_type);
    Mount {
        id,
        fs_type: type_by_magic(magic).to_owned(),
        flags: MountFlags {
            read_only: has(StatVfsMountFlags::RDONLY),
            noexec: has(StatVfsMountFlags::NOEXEC),
            nosuid: has(StatVfsMountFlags::NOSUID),
            nodev: has(StatVfsMountFlags::NODEV),
            // ST_NOSYMFOLLOW of statfs(2).
            nosymfollow: flags.bits() & 0x2000 != 0,
            idmapped: false,
        },
        ..Mount::default()
    }
}

/// The file system types with permission checks of their own, by the magic number of statfs(2) (linux/magic.h).
fn type_by_magic(magic: impl TryInto<u64>) -> &'static str {
    match magic.try_into().unwrap_or(0) & 0xffff_ffff {
        0x9fa0 => "proc",
        0x6573_5546 => "fuse",
        0x6969 => "nfs",
        0xff53_4d42 => "cifs",
        0xfe53_4d42 => "smb3",
        0x4d44 => "vfat",
        0x2011_bab0 => "exfat",
        0x0102_1997 => "9p",
        0x794c_7630 => "overlay",
        0x7371_7368 => "squashfs",
        0x0102_1994 => "tmpfs",
        0xef53 => "ext4",
        0x9123_683e => "btrfs",
        0x5846_5342 => "xfs",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_mount_of_a_weird_directory_is_read() {
        let Placed { device, mount } = parse(
            b"36 35 98:0 /a\\040b /mnt/x\\012y\\134z ro,noexec,nosuid master:1 propagate_from:2 - ext4 /dev/root rw,errors=continue",
        )
        .unwrap();
        assert_eq!(device, (98, 0));
        assert_eq!(mount.id, 36);
        assert_eq!(mount.root, b"/a b");
        assert_eq!(mount.point, b"/mnt/x\ny\\z");
        assert_eq!(mount.fs_type, "ext4");
        assert_eq!(mount.source, b"/dev/root");
        assert!(mount.flags.read_only && mount.flags.noexec && mount.flags.nosuid);
        assert!(!mount.flags.nodev && !mount.super_read_only);
        assert_eq!(mount.super_option("errors"), Some(Some("continue")));
    }

    #[test]
    fn a_mount_without_optional_fields_or_source_is_read() {
        let Placed { mount, .. } =
            parse(b"1 0 0:2 / /proc rw,nosymfollow - proc none ro,hidepid=invisible").unwrap();
        assert!(mount.flags.nosymfollow && mount.super_read_only);
        assert_eq!(mount.super_option("hidepid"), Some(Some("invisible")));
        let Placed { mount, .. } = parse(b"1 0 0:2 / /t rw - tmpfs  rw,size=5k").unwrap();
        assert_eq!(mount.source, b"");
        assert_eq!(mount.super_option("size"), Some(Some("5k")));
    }

    #[test]
    fn a_comma_inside_a_quoted_label_does_not_split_it() {
        let found = options(b"rw,context=\"system_u:object_r:t:s0:c1,c2\",user_id=0,allow_other");
        assert_eq!(found.len(), 4);
        assert_eq!(found[1].1.as_deref(), Some("system_u:object_r:t:s0:c1,c2"));
        assert_eq!(found[3], ("allow_other".to_owned(), None));
    }

    #[test]
    fn half_a_line_is_no_mount() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"36 35 98:0 / /mnt rw shared:1"), None);
    }

    #[test]
    fn a_backslash_without_three_octal_digits_stays() {
        assert_eq!(unescape(b"a\\04"), b"a\\04");
        assert_eq!(unescape(b"\\\\9\\134"), b"\\\\9\\");
    }
}

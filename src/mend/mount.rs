//! The options of a mount, changed through an open descriptor: who can redirect the path to it gains nothing.

use std::os::fd::OwnedFd;

use nix::mount::{MsFlags, mount};

use super::object::{Object, handle};
use crate::gather;
use crate::quote;

/// Makes a change to the options that the mount has now (as [`options`] returns them).
///
/// # Errors
/// A message of one line.
pub(super) fn remount(point: &Object, now: &str, change: &str) -> Result<(), String> {
    let now = Options::parse(now);
    change_to(point, &now, &now.after(change))
}

/// Gives the mount the options that it had, from those that it has now.
///
/// # Errors
/// A message of one line.
pub(super) fn restore(point: &Object, now: &str, before: &str) -> Result<(), String> {
    change_to(point, &Options::parse(now), &Options::parse(before))
}

/// All options of the mount with this id, including those of its superblock, as `/proc/self/mountinfo` shows them.
pub(super) fn options(mount: u64) -> Option<String> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let is_it = |line: &&str| line.split(' ').next() == Some(mount.to_string().as_str());
    let (own, of_file_system) = table.lines().find(is_it)?.split_once(" - ")?;
    let options = (own.split(' ').nth(5)?, of_file_system.split(' ').nth(2)?);
    Some(format!("{} {}", options.0, options.1))
}

fn change_to(point: &Object, from: &Options, to: &Options) -> Result<(), String> {
    let changed = from.change_to(to, &point.open()?);
    changed.map_err(|errno| format!("{}: {}", quote::display(&point.path), errno.desc()))
}

/// All options of a mount, as words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Options {
    /// Those of the mount itself.
    own: Vec<String>,
    /// Those of its superblock.
    file_system: Vec<String>,
}

/// The options that flags of mount(2) stand for; those without a flag are the file system's own.
const FLAGS: &[(&str, MsFlags)] = &[
    ("ro", MsFlags::MS_RDONLY),
    ("nosuid", MsFlags::MS_NOSUID),
    ("nodev", MsFlags::MS_NODEV),
    ("noexec", MsFlags::MS_NOEXEC),
    (
        "nosymfollow",
        MsFlags::from_bits_retain(nix::libc::MS_NOSYMFOLLOW),
    ),
    ("noatime", MsFlags::MS_NOATIME),
    ("nodiratime", MsFlags::MS_NODIRATIME),
    ("relatime", MsFlags::MS_RELATIME),
    ("sync", MsFlags::MS_SYNCHRONOUS),
    ("dirsync", MsFlags::MS_DIRSYNC),
    ("mand", MsFlags::MS_MANDLOCK),
    ("lazytime", MsFlags::MS_LAZYTIME),
];

/// What mountinfo shows, but no file system takes.
const ONLY_SHOWN: &[&str] = &["rw", "seclabel"];

impl Options {
    /// Parses what [`options`] reads: both lists, separated by a space.
    fn parse(text: &str) -> Options {
        let (own, file_system) = text.split_once(' ').unwrap_or((text, ""));
        let words = |list: &str| list.split(',').map(unescaped).collect();
        Options {
            own: words(own),
            file_system: words(file_system),
        }
    }

    /// These options after a change in the notation of mount(8): `remount,bind,rw`, `remount,noexec`.
    fn after(&self, change: &str) -> Options {
        let mut after = self.clone();
        let option = change.rsplit(',').next().unwrap_or_default();
        set(&mut after.own, option);
        let is_of_both = matches!(option, "rw" | "ro") && !change.contains("bind");
        if is_of_both {
            set(&mut after.file_system, option);
        }
        after
    }

    /// Changes the mount whose root is open at `point` from these options to others.
    ///
    /// # Errors
    /// What the kernel answered.
    fn change_to(&self, to: &Options, point: &OwnedFd) -> nix::Result<()> {
        let point = handle(point);
        let remount = |flags: MsFlags, data: Option<&str>| {
            let flags = MsFlags::MS_REMOUNT | flags;
            mount(None::<&str>, &point, None::<&str>, flags, data)
        };
        if flags(&self.file_system) != flags(&to.file_system) {
            let data = to.file_system.iter().map(String::as_str);
            let data: Vec<&str> = data.filter(|word| is_data(word)).collect();
            let all = flags(&to.own) | flags(&to.file_system);
            remount(all, Some(&data.join(",")))?;
        }
        remount(MsFlags::MS_BIND | flags(&to.own), None)
    }
}

/// Sets an option, which excludes its opposite.
fn set(words: &mut Vec<String>, option: &str) {
    let restricts = match option {
        "rw" => "ro".to_owned(),
        "ro" => option.to_owned(),
        _ if option.starts_with("no") => option.to_owned(),
        _ => format!("no{option}"),
    };
    words.retain(|word| *word != restricts);
    if restricts == option {
        words.push(restricts);
    }
}

fn flags(words: &[String]) -> MsFlags {
    let set = FLAGS
        .iter()
        .filter(|(word, _)| words.iter().any(|known| known == word));
    set.map(|(_, flag)| *flag).collect()
}

/// Whether it is an option of the file system, which is passed to it as text.
fn is_data(word: &str) -> bool {
    !ONLY_SHOWN.contains(&word) && FLAGS.iter().all(|(known, _)| *known != word)
}

/// A word without mountinfo's escapes (`\040` for a space).
fn unescaped(word: &str) -> String {
    let word = gather::unescape(word.as_bytes());
    String::from_utf8_lossy(&word).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writable_again_concerns_the_file_system_unless_it_is_a_bind_mount() {
        let before = Options::parse("ro,nosuid,relatime ro,size=1024k,mode=755");
        let both = before.after("remount,rw");
        assert!(!flags(&both.own).contains(MsFlags::MS_RDONLY));
        assert!(!flags(&both.file_system).contains(MsFlags::MS_RDONLY));
        assert!(flags(&both.own).contains(MsFlags::MS_NOSUID | MsFlags::MS_RELATIME));
        let own = before.after("remount,bind,rw");
        assert!(!flags(&own.own).contains(MsFlags::MS_RDONLY));
        assert_eq!(own.file_system, before.file_system);
    }

    #[test]
    fn an_option_excludes_its_opposite() {
        let before = Options::parse("rw,noexec rw,seclabel");
        let after = before.after("remount,exec");
        assert!(!flags(&after.own).contains(MsFlags::MS_NOEXEC));
        assert!(flags(&after.after("remount,noexec").own).contains(MsFlags::MS_NOEXEC));
        let data = before.file_system.iter().filter(|word| is_data(word));
        assert_eq!(data.count(), 0);
    }
}

//! The file system stores no Unix owners: they are determined by mount options, or by the host.

use super::case::Case;
use super::{Candidate, Fit, Rule, Words};
use crate::attempt::Operation;
use crate::change::{Change, Effect, argv};
use crate::facts::{Inode, Mount, NodeId, Perms};
use crate::quote;

/// How a file system is told which owner and modes to show.
struct Options {
    /// The type, as passed to mount(8).
    kind: &'static str,
    /// The names of the options for the modes of files and of directories.
    modes: [&'static str; 2],
    /// Whether these options give the mode itself, rather than a mask.
    plain: bool,
}

impl Options {
    fn of(mount: &Mount) -> Option<Options> {
        let masks = |kind| Options {
            kind,
            modes: ["fmask", "dmask"],
            plain: false,
        };
        Some(match mount.fs_type.as_str() {
            "vfat" => masks("vfat"),
            "msdos" => masks("msdos"),
            "exfat" => masks("exfat"),
            "ntfs" => masks("ntfs"),
            "ntfs3" => masks("ntfs3"),
            "fuseblk" => masks("ntfs-3g"),
            "cifs" | "smb3" => Options {
                kind: "cifs",
                modes: ["file_mode", "dir_mode"],
                plain: true,
            },
            _ => return None,
        })
    }
}

pub(super) fn words(case: &Case) -> Words {
    let (point, kind) = case.mount().map_or_else(
        || (case.path(), "a file system".to_owned()),
        |mount| (quote::display(&mount.point), mount.fs_type.clone()),
    );
    let rule = match () {
        () if is_read_only_by_attribute(case) => {
            "its DOS attribute read-only is set: it shows as a mode without w".to_owned()
        }
        () if matches!(kind.as_str(), "drvfs" | "virtiofs" | "9p") => {
            "the host decides who may do what there".to_owned()
        }
        () if makes_a_link(&case.attempt.operation) => {
            "it has no place for links and special files".to_owned()
        }
        () => "owner and mode come from the mount's options (uid=, gid=, umask=), so chmod and chown cannot change them".to_owned(),
    };
    case.words(
        format!("{point} is {kind}, which keeps no Unix owners"),
        rule,
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Some(mount) = case.mount() else {
        return Vec::new();
    };
    if case.facts.surroundings.wsl {
        return vec![Candidate::advice(
            "close the Windows program that holds it, or turn on metadata for the drive (options = \"metadata\" in /etc/wsl.conf)",
        )];
    }
    if is_read_only_by_attribute(case) {
        return clear_attribute(case).into_iter().collect();
    }
    if matches!(case.denial.rule, Rule::FileSystem) {
        return cannot_be_kept(case, mount).into_iter().collect();
    }
    match Options::of(mount) {
        Some(options) => vec![mount_as(case, mount, &options)],
        None => vec![Candidate::advice(
            "change it on the host that shares the directory",
        )],
    }
}

fn makes_a_link(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Symlink | Operation::Link | Operation::Mknod(_) | Operation::Bind
    )
}

/// Advice for a change that the file system cannot store.
fn cannot_be_kept(case: &Case, mount: &Mount) -> Option<Candidate> {
    let point = quote::display(&mount.point);
    let advice = match &case.attempt.operation {
        operation if makes_a_link(operation) => {
            format!(
                "copy the file instead, or keep it on a Linux file system: {point} has no links"
            )
        }
        Operation::Chown { .. } => format!(
            "copy without owners (cp without -p, rsync -rt, tar --no-same-owner): one owner is shown for all of {point}, by its option uid="
        ),
        Operation::Chmod(_) => format!(
            "copy without modes (cp without -p, rsync -rt): all of {point} shows the mode that its options give (fmask=, dmask=)"
        ),
        _ => format!("keep it on a Linux file system: {point} cannot store this"),
    };
    Some(Candidate::advice(advice))
}

/// Whether the file has the read-only attribute: not even its owner may write to it, although the mount's mask would permit it.
fn is_read_only_by_attribute(case: &Case) -> bool {
    let Some((inode, mask)) = case.inode().zip(file_mask(case)) else {
        return false;
    };
    let fat = matches!(
        case.mount().map(|mount| mount.fs_type.as_str()),
        Some("vfat" | "msdos" | "exfat")
    );
    fat && !inode.is_dir()
        && case.wanted().contains(Perms::W)
        && inode.mode & 0o222 == 0
        && mask & 0o222 != 0o222
        && (inode.uid == case.subject().uid || mask & 0o022 != 0o022)
}

fn file_mask(case: &Case) -> Option<u32> {
    octal(case.mount()?, "fmask")
}

fn octal(mount: &Mount, option: &str) -> Option<u32> {
    u32::from_str_radix(mount.super_option(option)??, 8).ok()
}

/// Clears the attribute by chmod, which must set all write bits that the mask permits (fat_sanitize_mode).
fn clear_attribute(case: &Case) -> Option<Candidate> {
    let add = 0o222 & !file_mask(case)?;
    let change = Change::Chmod {
        node: case.at()?,
        add,
    };
    Some(
        Candidate::new(
            Fit::Meant,
            format!("clear the read-only attribute of {}", case.path()),
            [change],
        )
        .noting("who else may write it is up to the mount's options"),
    )
}

/// Mounts it again such that the subject has the required access. The other options are preserved, and nobody else is let in.
/// These options take effect only when mounting; a remount does not change them.
fn mount_as(case: &Case, mount: &Mount, options: &Options) -> Candidate {
    let subject = case.subject();
    let point = mount.point.as_slice();
    let shown = case.inode().map_or((0, 0), |inode| (inode.uid, inode.gid));
    // An owner of root can be replaced by the subject. Another owner is kept, and the group is let in.
    let (uid, gid, shift) = match shown {
        (0, gid) => (subject.uid, gid, 6),
        (uid, gid) if uid == subject.uid => (uid, gid, 6),
        (uid, _) => (uid, subject.gid, 3),
    };
    let mut words: Vec<String> = kept(mount);
    words.push(format!("uid={uid}"));
    words.push(format!("gid={gid}"));
    for (name, mode) in options.modes.iter().zip(modes(case, shift)) {
        let value = match options.plain {
            true => mode,
            false => 0o777 & !mode,
        };
        words.push(format!("{name}={value:04o}"));
    }
    let list = words.join(",");
    let mounting = argv(&[
        b"mount",
        b"-t",
        options.kind.as_bytes(),
        b"-o",
        list.as_bytes(),
        &mount.source,
        point,
    ]);
    let whose = match shift {
        6 => format!("as {}'s", case.who()),
        _ => format!("for the group of {}", case.who()),
    };
    let title = format!("mount {} {whose}", quote::display(&mount.point));
    if needs_a_password(mount) {
        return Candidate::advice(format!(
            "{title}: with the options uid={uid},gid={gid} beside those it has"
        ));
    }
    Candidate::new(
        Fit::Meant,
        title,
        [argv(&[b"umount", point]), mounting].map(|argv| Change::Run {
            argv,
            root: true,
            effect: Effect::Repairs,
        }),
    )
    .noting("the same options in /etc/fstab keep it")
}

/// The modes of files and of directories: the present ones, with the required permissions added for one class.
fn modes(case: &Case, shift: u32) -> [u32; 2] {
    let mount = case.mount();
    let facts = case.facts;
    let on_it = (0..facts.nodes.len()).map(NodeId).filter(|id| {
        let point = mount.map(|mount| mount.point.as_slice());
        Some(facts.mount_of(*id).point.as_slice()) == point
    });
    let inodes: Vec<&Inode> = on_it
        .filter_map(|id| facts.node(id).inode.as_ref().ok())
        .collect();
    let refused = case.inode().is_some_and(Inode::is_dir);
    let shown = |dir: bool| inodes.iter().find(|inode| inode.is_dir() == dir);
    let option = |name: &str| {
        let mount = mount?;
        let mask = octal(mount, name).map(|mask| 0o777 & !mask);
        mask.or_else(|| {
            octal(
                mount,
                if name == "fmask" {
                    "file_mode"
                } else {
                    "dir_mode"
                },
            )
        })
    };
    let directory = option("dmask").or_else(|| shown(true).map(|inode| inode.mode & 0o777));
    let directory = directory.unwrap_or(0o755);
    let file = option("fmask").or_else(|| shown(false).map(|inode| inode.mode & 0o777));
    let file = file.unwrap_or(directory & 0o666);
    let wanted = case.wanted().bits();
    let (more_file, more_directory) = match refused {
        true => (4 | (wanted & 2), 5 | (wanted & 2)),
        false => (wanted, 5),
    };
    [
        file | more_file << shift,
        directory | more_directory << shift,
    ]
}

/// The other options of the mount.
fn kept(mount: &Mount) -> Vec<String> {
    const SET_ANEW: &[&str] = &[
        "uid",
        "gid",
        "umask",
        "fmask",
        "dmask",
        "file_mode",
        "dir_mode",
        "user_id",
        "group_id",
        "blksize",
        "forceuid",
        "noforceuid",
        "forcegid",
        "noforcegid",
        "addr",
        "sec",
        "rsize",
        "wsize",
        "bsize",
        "unix",
        "nounix",
        "mapposix",
        "serverino",
        "noserverino",
        "reparse",
        "symlink",
        "nativesocket",
        "closetimeo",
        "retrans",
        "echo_interval",
        "actimeo",
        "acregmax",
        "acdirmax",
        "default_permissions",
        "rw",
        "cache",
        "esize",
        "credits",
        "handletimeout",
        "max_credits",
    ];
    let flags = mount.flags;
    let mut words: Vec<String> = [
        (flags.read_only || mount.super_read_only, "ro"),
        (flags.nosuid, "nosuid"),
        (flags.nodev, "nodev"),
        (flags.noexec, "noexec"),
    ]
    .into_iter()
    .filter(|(on, _)| *on)
    .map(|(_, name)| name.to_owned())
    .collect();
    if is_guest(mount) {
        words.push("guest".to_owned());
    }
    let others = mount
        .super_options
        .iter()
        .filter(|(name, _)| !SET_ANEW.contains(&name.as_str()) && name != "ro");
    words.extend(others.map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => name.clone(),
    }));
    words
}

fn is_guest(mount: &Mount) -> bool {
    mount.fs_type == "cifs" && mount.super_option("sec") == Some(Some("none"))
}

fn needs_a_password(mount: &Mount) -> bool {
    matches!(mount.fs_type.as_str(), "cifs" | "smb3") && !is_guest(mount)
}

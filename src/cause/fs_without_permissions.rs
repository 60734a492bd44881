//! The file system keeps no Unix owners: the mount's options, or the host, decide.

use super::case::Case;
use super::{Candidate, Fit, Words};
use crate::change::{Change, Effect, argv};
use crate::facts::Mount;
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let (point, kind) = mounted(case);
    let rule = match kind.as_str() {
        "9p" | "drvfs" | "virtiofs" => "the host decides who may do what there".to_owned(),
        _ => "owner and mode come from the mount's options (uid=, gid=, umask=), so chmod and chown cannot change them".to_owned(),
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
    match mount.fs_type.as_str() {
        "vfat" | "msdos" | "exfat" | "ntfs" | "ntfs3" | "fuseblk" => vec![mount_as(case, mount)],
        _ => vec![Candidate::advice(
            "change it on the host that shares the directory",
        )],
    }
}

/// The options are read when it is mounted: a remount does not change them.
fn mount_as(case: &Case, mount: &Mount) -> Candidate {
    let subject = case.subject();
    let point = mount.point.as_slice();
    let kind = match mount.fs_type.as_str() {
        "fuseblk" => "ntfs-3g",
        kind => kind,
    };
    let options = format!("uid={},gid={},umask=022", subject.uid, subject.gid);
    let (kind, options) = (kind.as_bytes(), options.as_bytes());
    let commands = [
        argv(&[b"umount", point]),
        argv(&[b"mount", b"-t", kind, b"-o", options, &mount.source, point]),
    ];
    Candidate::new(
        Fit::Meant,
        format!("mount {} as {}'s", quote::display(&mount.point), case.who()),
        commands.map(|argv| Change::Run {
            argv,
            root: true,
            effect: Effect::Repairs,
        }),
    )
    .noting("the same options in /etc/fstab keep it")
}

fn mounted(case: &Case) -> (String, String) {
    case.mount().map_or_else(
        || (case.path(), "a file system".to_owned()),
        |mount| (quote::display(&mount.point), mount.fs_type.clone()),
    )
}

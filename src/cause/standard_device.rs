//! Device nodes that every user needs. One that has lost its mode, or was replaced by a regular file, is restored.

use super::case::Case;
use super::{Candidate, Fit};
use crate::change::{Change, Effect, argv};
use crate::facts::{DeviceNumber, Facts, Kind, NodeId};

/// The nodes with their device numbers (the kernel's `Documentation/admin-guide/devices.txt`) and modes (its devtmpfs, and
/// udev's `50-udev-default.rules`).
const STANDARD: &[(&[u8], DeviceNumber, u32)] = &[
    (b"/dev/full", number(1, 7), 0o666),
    (b"/dev/fuse", number(10, 229), 0o666),
    (b"/dev/net/tun", number(10, 200), 0o666),
    (b"/dev/null", number(1, 3), 0o666),
    (b"/dev/ptmx", number(5, 2), 0o666),
    (b"/dev/random", number(1, 8), 0o666),
    (b"/dev/tty", number(5, 0), 0o666),
    (b"/dev/urandom", number(1, 9), 0o666),
    (b"/dev/zero", number(1, 5), 0o666),
];

const fn number(major: u32, minor: u32) -> DeviceNumber {
    DeviceNumber { major, minor }
}

/// Restores the refusing node to its standard mode, or to a device.
pub(super) fn restored(case: &Case) -> Option<Candidate> {
    let (node, inode) = (case.at()?, case.inode()?);
    let path = &case.node()?.path;
    let (_, device, mode) = STANDARD.iter().find(|(name, ..)| name == path)?;
    let shown = case.path();
    if is_standard(case.facts, node, *mode) {
        let mode = Change::SetMode { node, mode: *mode };
        return Some(
            Candidate::new(Fit::Meant, format!("give {shown} its mode back"), [mode])
                .noting("everybody uses it, and something changed its mode"),
        );
    }
    let run = |words: &[&[u8]]| Change::Run {
        argv: argv(words),
        root: true,
        effect: Effect::Repairs,
    };
    let (major, minor) = (device.major.to_string(), device.minor.to_string());
    let mode = format!("{mode:04o}");
    let make = [b"mknod".as_slice(), b"-m", mode.as_bytes(), path, b"c"];
    let make = [&make[..], &[major.as_bytes(), minor.as_bytes()]].concat();
    let is_file = inode.kind == Kind::Regular;
    is_file.then(|| {
        Candidate::new(
            Fit::Meant,
            format!("make {shown} a device again"),
            [run(&[b"rm", path]), run(&make)],
        )
        .noting("a plain file took its place")
    })
}

/// Whether the node is one of these devices, and this is its standard mode.
#[must_use]
pub fn is_standard(facts: &Facts, node: NodeId, mode: u32) -> bool {
    let node = facts.node(node);
    node.inode.as_ref().is_ok_and(|inode| {
        let is_it = |(path, device, usual): &(&[u8], DeviceNumber, u32)| {
            (*path, *device, *usual) == (&node.path, inode.rdev, mode)
        };
        inode.kind == Kind::Char && STANDARD.iter().any(is_it)
    })
}

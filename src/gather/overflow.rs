//! Tells an owner without a mapping from the user whose id is shown for it.

use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::geteuid;

use super::subject;
use crate::attempt::UNMAPPED;
use crate::facts::Inode;

/// The id that is shown for an owner without a mapping (fs.overflowuid, fs.overflowgid).
const OVERFLOW: u32 = 65534;

/// The permissions asked about, with the bits that give them to a group or to others.
const ASKED: [(Access, u32); 2] = [(Access::READ_OK, 0o044), (Access::WRITE_OK, 0o022)];

/// The inode with `UNMAPPED` for ids that have no mapping in permwrap's own user namespace. Engines do map 65534, so the kernel
/// is asked where that has no effect; otherwise it is taken for unmapped.
pub(super) fn told_apart(inode: Inode, handle: &Path, is_local: bool) -> Inode {
    let shows = inode.uid == OVERFLOW || inode.gid == OVERFLOW;
    if !shows || subject::own_ids_are_the_machines() || is_local && is_overridden(&inode, handle) {
        return inode;
    }
    let told = |id: u32| match id {
        OVERFLOW => UNMAPPED,
        id => id,
    };
    Inode {
        uid: told(inode.uid),
        gid: told(inode.gid),
        ..inode
    }
}

/// Whether access(2) grants permwrap what the mode does not. Then a capability grants it, which counts only if owner and group
/// are mapped (`capable_wrt_inode_uidgid`). A mode that lets everybody read and write leaves nothing to ask about, and without
/// the capability the answer is no.
fn is_overridden(inode: &Inode, handle: &Path) -> bool {
    let is_owner = geteuid().as_raw() == OVERFLOW;
    let withheld = ASKED.iter().find(|(_, bits)| inode.mode & bits == 0);
    let granted = |asked: Access| accessat(CWD, handle, asked, AtFlags::EACCESS).is_ok();
    !is_owner && withheld.is_some_and(|(asked, _)| granted(*asked))
}

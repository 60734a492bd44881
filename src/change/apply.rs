//! The state after a change, as the command and the kernel produce it.

use super::{Change, InodeFlag, MountOption, acl, inode};
use crate::attempt::{CapabilitySet, Subject};
use crate::byte_path;
use crate::facts::{
    DeviceNumber, Facts, FileCapabilities, Flags, Inode, Kind, MountId, Node, NodeId, Perms,
    Program, Tag, UnknownFact, is_left_by_accident,
};

pub(super) fn apply(change: &Change, subject: &mut Subject, facts: &mut Facts) {
    if !matches!(change, Change::Run { .. } | Change::Tee | Change::Advice(_)) {
        // The server's answers apply to the state before the change.
        facts.policy.served.clear();
    }
    match change {
        Change::Chmod { node, add } => chmod(facts, *node, |mode| mode | add),
        Change::SetMode { node, mode } => chmod(facts, *node, |_| *mode),
        Change::Chown { node, uid, gid } => {
            for node in same_inode(facts, *node) {
                chown(node, *uid, *gid);
            }
        }
        Change::ChownTree {
            top,
            from,
            uid,
            gid,
        } => chown_tree(facts, top, *from, *uid, *gid),
        Change::Make {
            parent,
            name,
            directory,
            uid,
            gid,
        } => make(facts, *parent, name, *directory, (*uid, *gid)),
        Change::Remove { parent, name, .. } => remove(facts, *parent, name),
        Change::AclGrant { node, tag, perms } => set_acl(facts, *node, |inode, acl| {
            acl::grant(acl, inode.gid, *tag, *perms).after
        }),
        Change::AclMask { node, perms } => set_acl(facts, *node, |_, acl| {
            let mut acl = acl.clone();
            acl.set(Tag::Mask, *perms);
            acl
        }),
        Change::SetAcl { node, acl } => set_acl(facts, *node, |_, _| acl.clone()),
        Change::Remount {
            mount,
            option,
            file_system,
        } => remount(facts, *mount, *option, *file_system),
        Change::SetFlag { node, flag, on } => set_flags(facts, *node, |flags| match flag {
            InodeFlag::Immutable => flags.immutable = *on,
            InodeFlag::Append => flags.append = *on,
        }),
        Change::JoinGroup(gid) => join(subject, *gid),
        Change::LeaveGroup(gid) => leave(subject, *gid),
        Change::Relogin(_) => {
            if let Ok(groups) = &subject.database_groups {
                subject.groups.clone_from(groups);
            }
        }
        Change::RunAsRoot(_) | Change::ByRoot { .. } => become_root(subject),
        Change::FileCapability {
            program,
            capability,
        } => {
            if let Some(known) = &mut facts.surroundings.program
                && known.path == *program
            {
                known.capabilities = FileCapabilities::and(known.capabilities, *capability);
            }
            if !subject.no_new_privs && subject.bounding.contains(*capability) {
                subject.capabilities = subject.capabilities.with(*capability);
            }
        }
        Change::Setting { name, value } => set_setting(facts, name, *value),
        Change::SetFileCapabilities { program, held } => {
            if let Some(known) = &mut facts.surroundings.program
                && known.path == *program
            {
                known.capabilities = *held;
            }
        }
        Change::RunThrough { .. }
        | Change::Run { .. }
        | Change::Deploy { .. }
        | Change::Tee
        | Change::Advice(_) => {}
    }
}

/// Gives what another user left in a tree by accident to somebody else.
fn chown_tree(facts: &mut Facts, top: &[u8], from: u32, uid: u32, gid: Option<u32>) {
    for node in &mut facts.nodes {
        let has_capabilities = node.has_capabilities;
        let theirs = node.inode.as_ref().is_ok_and(|inode| {
            let has_other_names = inode.links > 1;
            let (mode, is_directory) = (inode.mode, inode.is_dir());
            inode.uid == from
                && is_left_by_accident(mode, is_directory, has_other_names, has_capabilities)
        });
        if theirs && is_within(&node.path, top) {
            chown(node, Some(uid), gid);
        }
    }
}

/// The subject after it was put into the group, and has logged in again.
fn join(subject: &mut Subject, gid: u32) {
    if let Ok(groups) = &mut subject.database_groups
        && !groups.contains(&gid)
    {
        groups.push(gid);
    }
    if !subject.groups.contains(&gid) {
        subject.groups.push(gid);
    }
}

/// The subject after it was taken out of the group, and has logged in again.
fn leave(subject: &mut Subject, gid: u32) {
    if let Ok(groups) = &mut subject.database_groups {
        groups.retain(|group| *group != gid);
    }
    subject.groups.retain(|group| *group != gid);
}

/// The subject as root, with what it may hold at most.
fn become_root(subject: &mut Subject) {
    subject.uid = 0;
    subject.real_uid = 0;
    subject.gid = 0;
    subject.groups = vec![0];
    subject.capabilities = CapabilitySet(CapabilitySet::FULL.0 & subject.bounding.0);
}

/// chmod(1). If the inode has an ACL, the kernel stores the group bits in its mask (`posix_acl_chmod`).
fn chmod(facts: &mut Facts, id: NodeId, change: impl Fn(u32) -> u32) {
    let Some(before) = inode(facts, id).copied() else {
        return;
    };
    let mode = change(before.mode);
    for node in same_inode(facts, id) {
        if let Ok(inode) = &mut node.inode {
            inode.mode = mode;
        }
        if let Ok(Some(acl)) = &mut node.acl {
            let group = match acl.get(Tag::Mask) {
                Some(_) => Tag::Mask,
                None => Tag::OwningGroup,
            };
            for (tag, shift) in [(Tag::Owner, 6), (group, 3), (Tag::Other, 0)] {
                acl.set(tag, Perms::from_bits(mode >> shift));
            }
        }
    }
}

/// chown(1). The kernel (`chown_common`) clears set-user-ID of anything but a directory, and set-group-ID if the group may
/// execute the file, as well as file capabilities.
fn chown(node: &mut Node, uid: Option<u32>, gid: Option<u32>) {
    let Ok(inode) = &mut node.inode else { return };
    inode.uid = uid.unwrap_or(inode.uid);
    inode.gid = gid.unwrap_or(inode.gid);
    if inode.kind != Kind::Directory {
        inode.mode &= !0o4000;
        if inode.mode & 0o010 != 0 {
            inode.mode &= !0o2000;
        }
        node.has_capabilities = false;
    }
}

/// install(1). Walks that did not find the name now find it.
fn make(facts: &mut Facts, parent: NodeId, name: &[u8], directory: bool, (uid, gid): (u32, u32)) {
    let Some(above) = inode(facts, parent).copied() else {
        return;
    };
    let node = Node {
        path: byte_path::join(&facts.node(parent).path, name),
        inode: Ok(Inode {
            kind: if directory {
                Kind::Directory
            } else {
                Kind::Regular
            },
            mode: if directory { 0o755 } else { 0o640 },
            uid,
            gid,
            number: 0,
            links: 1,
            rdev: DeviceNumber::default(),
            ..above
        }),
        acl: match facts.node(parent).default_acl {
            Ok(None) => Ok(None),
            _ => Err(UnknownFact::not_gathered("the ACL that it inherits")),
        },
        flags: Ok(Flags::default()),
        link: None,
        program: match directory {
            true => Err(UnknownFact::not_gathered("the first bytes")),
            false => Ok(Program::Other),
        },
        ..facts.node(parent).clone()
    };
    let id = NodeId(facts.nodes.len());
    facts.nodes.push(node);
    let Facts { walk, to, .. } = facts;
    for walk in std::iter::once(walk).chain(to) {
        if let Some(step) = walk.steps.last_mut()
            && (step.dir, step.name.as_slice(), &step.found) == (parent, name, &Ok(None))
        {
            step.found = Ok(Some(id));
        }
    }
}

/// rm(1), rmdir(1). Walks that found the name no longer do. The node remains, but no walk leads to it.
fn remove(facts: &mut Facts, parent: NodeId, name: &[u8]) {
    let Facts { walk, to, .. } = facts;
    for walk in std::iter::once(walk).chain(to) {
        if let Some(step) = walk.steps.last_mut()
            && (step.dir, step.name.as_slice()) == (parent, name)
        {
            step.found = Ok(None);
        }
    }
}

/// setfacl(1). The mode reflects the new ACL: its group bits are the mask.
fn set_acl(
    facts: &mut Facts,
    id: NodeId,
    change: impl Fn(&Inode, &crate::facts::Acl) -> crate::facts::Acl,
) {
    let Some(before) = inode(facts, id).copied() else {
        return;
    };
    for node in same_inode(facts, id) {
        let Ok(acl) = &mut node.acl else { continue };
        let old = acl.clone().unwrap_or_else(|| acl::from_mode(before.mode));
        let new = change(&before, &old);
        let bits = |tag| new.get(tag).unwrap_or_default().bits();
        let group = match new.get(Tag::Mask) {
            Some(mask) => mask.bits(),
            None => bits(Tag::OwningGroup),
        };
        if let Ok(inode) = &mut node.inode {
            inode.mode =
                before.mode & !0o777 | bits(Tag::Owner) << 6 | group << 3 | bits(Tag::Other);
        }
        let base_alone = new.entries.len() <= 3;
        *acl = (!base_alone).then_some(new);
    }
}

fn remount(facts: &mut Facts, id: MountId, option: MountOption, file_system: bool) {
    let mount = &mut facts.mounts[id.0];
    let flags = &mut mount.flags;
    match option {
        MountOption::Rw | MountOption::Ro => flags.read_only = option == MountOption::Ro,
        MountOption::Exec | MountOption::Noexec => flags.noexec = option == MountOption::Noexec,
        MountOption::Dev | MountOption::Nodev => flags.nodev = option == MountOption::Nodev,
        MountOption::Symfollow | MountOption::Nosymfollow => {
            flags.nosymfollow = option == MountOption::Nosymfollow;
        }
    }
    let (from, to) = match option {
        MountOption::Rw => ("ro", "rw"),
        MountOption::Ro => ("rw", "ro"),
        _ => return,
    };
    if file_system {
        // All mounts of a file system share its superblock.
        let (source, fs_type) = (mount.source.clone(), mount.fs_type.clone());
        for mount in &mut facts.mounts {
            if mount.source == source && mount.fs_type == fs_type {
                mount.super_read_only = option == MountOption::Ro;
                let options = mount.super_options.iter_mut();
                for (name, _) in options.filter(|(name, _)| name == from) {
                    to.clone_into(name);
                }
            }
        }
    }
}

fn set_flags(facts: &mut Facts, id: NodeId, change: impl Fn(&mut crate::facts::Flags)) {
    for node in same_inode(facts, id) {
        if let Ok(flags) = &mut node.flags {
            change(flags);
        }
    }
}

fn set_setting(facts: &mut Facts, name: &str, value: i64) {
    let settings = &mut facts.settings;
    let small = u8::try_from(value);
    match (name, small) {
        ("fs.protected_symlinks", Ok(value)) => settings.protected_symlinks = Ok(value),
        ("fs.protected_hardlinks", Ok(value)) => settings.protected_hardlinks = Ok(value),
        ("fs.protected_regular", Ok(value)) => settings.protected_regular = Ok(value),
        ("fs.protected_fifos", Ok(value)) => settings.protected_fifos = Ok(value),
        ("net.ipv4.ip_unprivileged_port_start", _) => {
            if let Ok(port) = u32::try_from(value) {
                settings.unprivileged_port_start = Ok(port);
            }
        }
        _ => {
            settings.other.insert(name.to_owned(), Ok(value));
        }
    }
}

/// All nodes of the same inode: the facts contain one for each mount on which it was met.
fn same_inode(facts: &mut Facts, id: NodeId) -> impl Iterator<Item = &mut Node> {
    let key = |node: &Node| {
        let inode = node.inode.as_ref().ok()?;
        (inode.number != 0).then_some((inode.device, inode.number))
    };
    let wanted = key(facts.node(id));
    facts
        .nodes
        .iter_mut()
        .enumerate()
        .filter(move |(at, node)| *at == id.0 || wanted.is_some() && key(node) == wanted)
        .map(|(_, node)| node)
}

fn is_within(path: &[u8], top: &[u8]) -> bool {
    path.strip_prefix(top)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || top.ends_with(b"/"))
}

//! The commands that make changes, as lists of words, never as text for a shell.

use super::{Argv, Change, InodeFlag, MountOption, acl, capabilities, inode};
use crate::attempt::{ANY_GROUP, Operation, Subject};
use crate::byte_path;
use crate::facts::{Acl, Entry, Facts, FileCapabilities, MountId, Names, NodeId, Tag};

pub(super) fn argv(change: &Change, subject: &Subject, facts: &Facts) -> Option<Argv> {
    let path = |node: &NodeId| facts.node(*node).path.as_slice();
    let names = &facts.names;
    Some(match change {
        Change::Chmod { node, add } => line(&["chmod", &symbolic(*add)], path(node)),
        Change::SetMode { node, mode } => line(&["chmod", &octal(facts, *node, *mode)], path(node)),
        // Without -h, a symlink that has replaced the file in the meantime would hand over its target.
        Change::Chown { node, uid, gid } => chown(names, *uid, *gid, path(node))?,
        Change::ChownTree {
            top,
            from,
            uid,
            gid,
        } => chown_tree(names, top, *from, *uid, *gid),
        Change::Make {
            parent,
            name,
            directory,
            uid,
            gid,
        } => make(
            names,
            &byte_path::join(path(parent), name),
            *directory,
            *uid,
            *gid,
        ),
        Change::Remove {
            parent,
            name,
            directory,
        } => {
            let program = if *directory { "rmdir" } else { "rm" };
            line(&[program], &byte_path::join(path(parent), name))
        }
        Change::AclGrant { node, tag, perms } => {
            let gid = inode(facts, *node)?.gid;
            let grant = acl::grant(&before(facts, *node)?, gid, *tag, *perms);
            let set = entries(names, &grant.set);
            let options: &[&str] = match grant.keep_mask {
                true => &["setfacl", "-n", "-m", &set],
                false => &["setfacl", "-m", &set],
            };
            line(options, path(node))
        }
        Change::AclMask { node, perms } => {
            line(&["setfacl", "-m", &format!("m::{perms}")], path(node))
        }
        Change::SetAcl { node, acl } => {
            let set = entries(names, &acl.entries);
            line(&["setfacl", "--set", &set], path(node))
        }
        Change::Remount {
            mount,
            option,
            file_system,
        } => remount(facts, *mount, *option, *file_system),
        Change::SetFlag { node, flag, on } => {
            let letter = match flag {
                InodeFlag::Immutable => 'i',
                InodeFlag::Append => 'a',
            };
            let sign = if *on { '+' } else { '-' };
            line(&["chattr", &format!("{sign}{letter}")], path(node))
        }
        Change::JoinGroup(gid) => membership(&["usermod", "-aG"], subject, names, *gid)?,
        Change::LeaveGroup(gid) => {
            let group = names.groups.get(gid)?.name.as_str();
            let user = names.users.get(&subject.uid)?;
            line(&["gpasswd", "-d", user], group.as_bytes())
        }
        Change::Relogin(gid) => match &facts.surroundings.unit {
            Some(unit) if unit.user => {
                line(&["systemctl", "--user", "restart"], unit.name.as_bytes())
            }
            Some(unit) => line(&["systemctl", "restart"], unit.name.as_bytes()),
            None => line(&["newgrp"], group(names, *gid).as_bytes()),
        },
        Change::RunAsRoot(command) if command.is_empty() => return None,
        Change::RunAsRoot(command) => command.clone(),
        Change::ByRoot { operation, path } => by_root(names, operation, path)?,
        // As the kernel would start it.
        Change::RunThrough {
            interpreter,
            argument,
            script,
        } => [interpreter, argument, script]
            .into_iter()
            .filter(|word| !word.is_empty())
            .cloned()
            .collect(),
        Change::FileCapability {
            program,
            capability,
        } => {
            let held = capabilities(facts, program)?;
            let all = FileCapabilities::and(held, *capability)?;
            line(&["setcap", &all.text()], program)
        }
        Change::SetFileCapabilities { program, held } => match held {
            Some(held) => line(&["setcap", &held.text()], program),
            None => line(&["setcap", "-r"], program),
        },
        Change::Setting { name, value } => {
            line(&["sysctl", "-w"], format!("{name}={value}").as_bytes())
        }
        Change::Run { argv, .. } => argv.clone(),
        Change::Deploy { .. } | Change::Tee | Change::Advice(_) => return None,
    })
}

/// A command and the object that it is applied to.
fn line(words: &[&str], last: &[u8]) -> Argv {
    words
        .iter()
        .map(|word| word.as_bytes())
        .chain([last])
        .map(<[u8]>::to_vec)
        .collect()
}

fn chown(names: &Names, uid: Option<u32>, gid: Option<u32>, path: &[u8]) -> Option<Argv> {
    Some(match (uid, gid) {
        (Some(uid), Some(gid)) => line(&["chown", "-h", &owner(names, uid, gid)], path),
        (Some(uid), None) => line(&["chown", "-h", &user(names, uid)], path),
        (None, Some(gid)) => line(&["chgrp", "-h", &group(names, gid)], path),
        (None, None) => return None,
    })
}

/// Gives a tree to another owner: find(1) descends from the top without following symlinks, and chown(1) gets names relative to
/// their directory. Files accessible to their owner alone, those with names elsewhere, those that run with the rights of their
/// owner or group, and other mounts are left unchanged.
fn chown_tree(names: &Names, top: &[u8], from: u32, uid: u32, gid: Option<u32>) -> Argv {
    let from = from.to_string();
    let owner = match gid {
        Some(gid) => owner(names, uid, gid),
        None => user(names, uid),
    };
    let which = ["-xdev", "-uid", &from, "-perm", "/077"];
    let alone = [
        "(", "-type", "d", "-o", "-links", "1", "!", "-perm", "/6000", ")",
    ];
    let what = ["-execdir", "chown", "-h", &owner, "{}", "+"];
    let words = which.into_iter().chain(alone).chain(what);
    let words = words.map(|word| word.as_bytes().to_vec());
    line(&["find"], top).into_iter().chain(words).collect()
}

/// Makes an empty directory or file that belongs to somebody.
fn make(names: &Names, path: &[u8], directory: bool, uid: u32, gid: u32) -> Argv {
    let (user, group) = (user(names, uid), group(names, gid));
    let words: &[&str] = match directory {
        true => &["install", "-d", "-m", "755", "-o", &user, "-g", &group],
        false => &[
            "install",
            "-m",
            "640",
            "-o",
            &user,
            "-g",
            &group,
            "/dev/null",
        ],
    };
    line(words, path)
}

/// The command that performs the operation.
fn by_root(names: &Names, operation: &Operation, path: &[u8]) -> Option<Argv> {
    Some(match operation {
        Operation::Chmod(Some(mode)) => line(&["chmod", &format!("{mode:o}")], path),
        // The group is not known.
        Operation::Chown {
            gid: Some(ANY_GROUP),
            ..
        } => return None,
        Operation::Chown { uid, gid } => return chown(names, *uid, *gid, path),
        Operation::Delete => line(&["rm"], path),
        Operation::Rmdir => line(&["rmdir"], path),
        Operation::Utime { now: true } => line(&["touch", "-c"], path),
        _ => return None,
    })
}

fn membership(command: &[&str], subject: &Subject, names: &Names, gid: u32) -> Option<Argv> {
    let group = names.groups.get(&gid)?.name.as_str();
    let user = names.users.get(&subject.uid)?;
    Some(line(&[command, &[group]].concat(), user.as_bytes()))
}

/// The ACL before a change; if there is none, the one that is equivalent to the mode.
fn before(facts: &Facts, node: NodeId) -> Option<Acl> {
    Some(match facts.node(node).acl.as_ref().ok()? {
        Some(acl) => acl.clone(),
        None => acl::from_mode(inode(facts, node)?.mode),
    })
}

/// A mode in the notation with which chmod(1) sets all bits: for a directory, set-group-ID is only changed by five digits.
fn octal(facts: &Facts, node: NodeId, mode: u32) -> String {
    match inode(facts, node).is_some_and(crate::facts::Inode::is_dir) {
        true => format!("{mode:05o}"),
        false => format!("{mode:03o}"),
    }
}

/// Permission bits in the notation with which chmod(1) adds them: `u+w`, `g+rx,o+x`, `a+x`.
fn symbolic(add: u32) -> String {
    if add & 7 != 0 && add == (add & 7) * 0o111 {
        return symbolic(add & 7).replacen('o', "a", 1);
    }
    let clauses: Vec<String> = [('u', 6), ('g', 3), ('o', 0)]
        .into_iter()
        .filter(|(_, shift)| add >> shift & 7 != 0)
        .map(|(who, shift)| {
            let letters = [(4, 'r'), (2, 'w'), (1, 'x')];
            let bits = letters
                .into_iter()
                .filter(|(bit, _)| add >> shift & bit != 0)
                .map(|(_, letter)| letter);
            format!("{who}+{}", bits.collect::<String>())
        })
        .collect();
    clauses.join(",")
}

fn entries(names: &Names, entries: &[Entry]) -> String {
    let words: Vec<String> = entries
        .iter()
        .map(|entry| acl_entry(names, *entry))
        .collect();
    words.join(",")
}

fn acl_entry(names: &Names, entry: Entry) -> String {
    let who = match entry.tag {
        Tag::Owner => "u:".to_owned(),
        Tag::User(uid) => format!("u:{}", user(names, uid)),
        Tag::OwningGroup => "g:".to_owned(),
        Tag::Group(gid) => format!("g:{}", group(names, gid)),
        Tag::Mask => "m:".to_owned(),
        Tag::Other => "o:".to_owned(),
    };
    format!("{who}:{}", entry.perms)
}

/// For a bind mount, only the mount itself must change: without `bind`, mount(8) would also change the superblock.
fn remount(facts: &Facts, id: MountId, option: MountOption, file_system: bool) -> Argv {
    let mount = &facts.mounts[id.0];
    let whole = mount.root == b"/" || mount.root.is_empty();
    // Whether writing is possible depends on mount and superblock; the other options belong to the mount alone.
    let of_both = matches!(option, MountOption::Rw | MountOption::Ro);
    let bind = if file_system || whole && !of_both {
        ""
    } else {
        "bind,"
    };
    let options = format!("remount,{bind}{}", option.name());
    line(&["mount", "-o", &options], &mount.point)
}

fn owner(names: &Names, uid: u32, gid: u32) -> String {
    format!("{}:{}", user(names, uid), group(names, gid))
}

/// The user's name, if every command interprets it as one (chown(1) and setfacl(1) take digits for a number); otherwise the
/// number.
fn user(names: &Names, uid: u32) -> String {
    name_or_number(names.users.get(&uid), uid)
}

fn group(names: &Names, gid: u32) -> String {
    name_or_number(names.groups.get(&gid).map(|group| &group.name), gid)
}

fn name_or_number(name: Option<&String>, id: u32) -> String {
    name.filter(|name| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    })
    .cloned()
    .unwrap_or_else(|| id.to_string())
}

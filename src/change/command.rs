//! Changes written as the commands that make them.

use super::apply::child;
use super::{Change, acl, inode};
use crate::attempt::{Operation, Subject};
use crate::facts::{Entry, Facts, MountId, Names, NodeId, Tag};
use crate::quote;

pub(super) fn command(change: &Change, subject: &Subject, facts: &Facts) -> Option<String> {
    let path = |node: &NodeId| quote::shell(&facts.node(*node).path);
    let names = &facts.names;
    Some(match change {
        Change::Chmod { node, add } => format!("chmod {} {}", symbolic(*add), path(node)),
        Change::Chown { node, uid, gid } => {
            // Without -h, a symlink that took the file's place meanwhile would hand over its target.
            match (uid, gid) {
                (Some(uid), Some(gid)) => {
                    format!("chown -h {} {}", owner(names, *uid, *gid), path(node))
                }
                (Some(uid), None) => format!("chown -h {} {}", user(names, *uid), path(node)),
                (None, Some(gid)) => format!("chgrp -h {} {}", group(names, *gid), path(node)),
                (None, None) => return None,
            }
        }
        Change::ChownTree {
            top,
            from,
            uid,
            gid,
        } => format!(
            "chown -Rh --from={} {} {}",
            user(names, *from),
            owner(names, *uid, *gid),
            quote::shell(top)
        ),
        Change::Make {
            parent,
            name,
            directory,
            uid,
            gid,
        } => {
            let path = quote::shell(&child(&facts.node(*parent).path, name));
            let owner = format!("-o {} -g {}", user(names, *uid), group(names, *gid));
            match directory {
                true => format!("install -d -m 755 {owner} {path}"),
                false => format!("install -m 640 {owner} /dev/null {path}"),
            }
        }
        Change::AclGrant { node, tag, perms } => {
            let known = facts.node(*node).acl.as_ref().ok()?;
            let before = match known {
                Some(acl) => acl.clone(),
                None => acl::from_mode(inode(facts, *node)?.mode),
            };
            let grant = acl::grant(&before, *tag, *perms);
            let entries: Vec<String> = grant
                .set
                .iter()
                .map(|entry| acl_entry(names, *entry))
                .collect();
            let keep = if grant.keep_mask { "-n " } else { "" };
            format!("setfacl {keep}-m {} {}", entries.join(","), path(node))
        }
        Change::AclMask { node, perms } => format!("setfacl -m m::{perms} {}", path(node)),
        Change::Remount { mount, option } => remount(facts, *mount, option),
        Change::ClearImmutable(node) => format!("chattr -i {}", path(node)),
        Change::ClearAppend(node) => format!("chattr -a {}", path(node)),
        Change::JoinGroup(gid) => {
            let group = &names.groups.get(gid)?.name;
            let user = names.users.get(&subject.uid)?;
            format!(
                "usermod -aG {} {}",
                quote::shell(group.as_bytes()),
                quote::shell(user.as_bytes())
            )
        }
        Change::Relogin(gid) => match &facts.surroundings.unit {
            Some(unit) if unit.user => format!(
                "systemctl --user restart {}",
                quote::shell(unit.name.as_bytes())
            ),
            Some(unit) => format!("systemctl restart {}", quote::shell(unit.name.as_bytes())),
            None => format!("newgrp {}", group(names, *gid)),
        },
        Change::RunAsRoot if facts.surroundings.command.is_empty() => return None,
        Change::RunAsRoot => quote::command(&facts.surroundings.command),
        Change::ByRoot { operation, path } => by_root(names, operation, path)?,
        Change::RunThrough {
            interpreter,
            script,
        } => {
            let mut words: Vec<Vec<u8>> = interpreter
                .splitn(2, |byte| matches!(byte, b' ' | b'\t'))
                .map(|word| word.trim_ascii().to_vec())
                .collect();
            words.push(script.clone());
            quote::command(&words)
        }
        Change::FileCapability {
            program,
            capability,
        } => format!(
            "setcap {}=+ep {}",
            capability.name().to_lowercase(),
            quote::shell(program)
        ),
        Change::Setting { name, value } => format!("sysctl -w {name}={value}"),
        Change::Unproven { command, .. } => command.clone(),
        Change::Advice(_) => return None,
    })
}

/// The operation as the command that does it.
fn by_root(names: &Names, operation: &Operation, path: &[u8]) -> Option<String> {
    let words = match operation {
        Operation::Chmod(Some(mode)) => format!("chmod {mode:o}"),
        Operation::Chown {
            uid: Some(uid),
            gid: Some(gid),
        } => format!("chown -h {}", owner(names, *uid, *gid)),
        Operation::Chown {
            uid: Some(uid),
            gid: None,
        } => format!("chown -h {}", user(names, *uid)),
        Operation::Chown {
            uid: None,
            gid: Some(gid),
        } => format!("chgrp -h {}", group(names, *gid)),
        Operation::Delete => "rm".to_owned(),
        Operation::Rmdir => "rmdir".to_owned(),
        Operation::Utime { now: true } => "touch -c".to_owned(),
        _ => return None,
    };
    Some(format!("{words} {}", quote::shell(path)))
}

/// Permission bits as chmod(1) adds them: `u+w`, `g+rx,o+x`, `a+x`.
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

/// Of a bind mount only the mount itself is meant: without `bind` the file system it comes from would change too.
fn remount(facts: &Facts, id: MountId, option: &str) -> String {
    let mount = &facts.mounts[id.0];
    let whole = mount.root == b"/" || mount.root.is_empty();
    let of_super = option == "rw" && mount.super_read_only;
    let bind = if whole || of_super { "" } else { "bind," };
    format!(
        "mount -o remount,{bind}{option} {}",
        quote::shell(&mount.point)
    )
}

fn owner(names: &Names, uid: u32, gid: u32) -> String {
    format!("{}:{}", user(names, uid), group(names, gid))
}

/// The user's name where every command takes it for one (chown(1) and setfacl(1) read digits as a number), else the number.
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

//! Names of users and groups: from the databases that NSS provides (nsswitch.conf(5)) or, for a process with another root
//! directory, from the files there (passwd(5), group(5)).

mod getent;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::unistd::{Gid, Uid};

use crate::attempt::{Attempt, Numbers, Operation, UNMAPPED};
use crate::facts::{Entry, Fact, Facts, Group, Names, Tag, UnknownFact};
use crate::{quote, small_file};

/// The most that is read of passwd(5) or group(5), in bytes.
const MOST: u64 = 16 * 1024 * 1024;

/// A user of the user database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    /// The login name.
    pub name: String,
    /// The uid.
    pub uid: u32,
    /// The gid of the primary group.
    pub gid: u32,
    /// The home directory.
    pub home: Vec<u8>,
}

/// The databases; each entry is looked up only once.
#[derive(Debug)]
pub(super) struct Databases {
    source: Source,
    /// The mapping between the databases' uids and gids and those here, unless they are the same.
    numbers: Option<[Numbers; 2]>,
    users: RefCell<BTreeMap<u32, Option<User>>>,
    groups: RefCell<BTreeMap<u32, Option<Group>>>,
}

/// The origin of the entries.
#[derive(Debug)]
enum Source {
    /// NSS, and the local users for the members by primary group, which NSS cannot list.
    System(Vec<User>),
    /// The files below another root directory.
    Files(Vec<User>, Vec<(u32, Group)>),
}

impl Databases {
    /// The databases of the system that permwrap runs in.
    pub(super) fn system() -> Databases {
        Databases::from(Source::System(users_of_file(Path::new("/etc/passwd"))))
    }

    /// The databases in `etc` below another root directory, with the id mapping of the user namespace in use there.
    pub(super) fn under(root: &Path, numbers: Option<[Numbers; 2]>) -> Databases {
        let text = |name: &str| small_file::beginning(&root.join(name), MOST).unwrap_or_default();
        Databases {
            numbers,
            ..Databases::of_texts(&text("etc/passwd"), &text("etc/group"))
        }
    }

    /// The databases with this content of passwd(5) and group(5).
    pub(super) fn of_texts(passwd: &[u8], group: &[u8]) -> Databases {
        let groups = group.split(|&byte| byte == b'\n');
        let groups = groups.filter_map(group_line).collect();
        Databases::from(Source::Files(users_of(passwd), groups))
    }

    /// The same databases as seen from outside of the user namespace that they are used in.
    pub(super) fn seen_through(self, numbers: Option<[Numbers; 2]>) -> Databases {
        Databases { numbers, ..self }
    }

    fn from(source: Source) -> Databases {
        Databases {
            source,
            numbers: None,
            users: RefCell::default(),
            groups: RefCell::default(),
        }
    }

    /// The id in the databases that corresponds to this id here.
    fn there(&self, kind: usize, id: u32) -> Option<u32> {
        if id == UNMAPPED {
            return None;
        }
        match &self.numbers {
            Some(numbers) => numbers[kind].inside(id),
            None => Some(id),
        }
    }

    /// The user with this uid (as seen from here).
    pub(super) fn user(&self, uid: u32) -> Option<User> {
        let uid = self.there(0, uid)?;
        let mut known = self.users.borrow_mut();
        let found = known.entry(uid).or_insert_with(|| match &self.source {
            Source::System(_) => user(uid),
            Source::Files(users, _) => users.iter().find(|user| user.uid == uid).cloned(),
        });
        let leads_back = |user: &User| {
            let named = self.user_named(&user.name);
            named.is_none_or(|named| named.uid == uid)
        };
        found
            .clone()
            .filter(|user| is_presentable(&user.name) && leads_back(user))
    }

    /// The group with this gid (as seen from here).
    pub(super) fn group(&self, gid: u32) -> Option<Group> {
        let gid = self.there(1, gid)?;
        let mut known = self.groups.borrow_mut();
        let found = known.entry(gid).or_insert_with(|| match &self.source {
            Source::System(users) => Some(with_primary_members(group(gid)?, gid, users)),
            Source::Files(users, groups) => {
                let (_, group) = groups.iter().find(|(number, _)| *number == gid)?;
                Some(with_primary_members(group.clone(), gid, users))
            }
        });
        let leads_back = |group: &Group| {
            let is_of_a_file = matches!(self.source, Source::Files(..));
            !is_of_a_file || self.gid_of(&group.name) == Some(gid)
        };
        found
            .clone()
            .filter(|group| is_presentable(&group.name) && leads_back(group))
    }

    /// The user with this name, from the files alone.
    pub(super) fn user_named(&self, name: &str) -> Option<User> {
        let (Source::Files(users, _) | Source::System(users)) = &self.source;
        users.iter().find(|user| user.name == name).cloned()
    }

    /// The gid of the group with this name; only for databases that are files.
    pub(super) fn gid_of(&self, name: &str) -> Option<u32> {
        let mut groups = self.files().iter();
        groups
            .find(|(_, group)| group.name == name)
            .map(|(gid, _)| *gid)
    }

    /// The groups of a user with this name and primary group; only for databases that are files.
    pub(super) fn groups_of(&self, name: &str, gid: u32) -> Vec<u32> {
        let is_member =
            |(_, group): &&(u32, Group)| group.members.iter().any(|member| member == name);
        let listed = self.files().iter().filter(is_member);
        let listed = listed
            .map(|(number, _)| *number)
            .filter(|number| *number != gid);
        [gid].into_iter().chain(listed).collect()
    }

    fn files(&self) -> &[(u32, Group)] {
        match &self.source {
            Source::Files(_, groups) => groups,
            Source::System(_) => &[],
        }
    }

    /// The names of all ids that the subject and the facts mention.
    pub(super) fn names(&self, attempt: &Attempt, facts: &Facts) -> Names {
        let subject = &attempt.subject;
        let mut uids = BTreeSet::from([subject.uid, subject.real_uid]);
        let mut gids: BTreeSet<u32> = subject.groups.iter().copied().collect();
        gids.insert(subject.gid);
        gids.extend(subject.database_groups.iter().flatten());
        if let Operation::Chown { uid, gid } = attempt.operation {
            uids.extend(uid);
            gids.extend(gid);
        }
        uids.extend(facts.another.iter().flat_map(|other| other.uids));
        for node in &facts.nodes {
            if let Ok(inode) = &node.inode {
                uids.insert(inode.uid);
                gids.insert(inode.gid);
            }
            let acls = [&node.acl, &node.default_acl]
                .into_iter()
                .flatten()
                .flatten();
            for Entry { tag, .. } in acls.flat_map(|acl| &acl.entries) {
                match tag {
                    Tag::User(uid) => uids.insert(*uid),
                    Tag::Group(gid) => gids.insert(*gid),
                    _ => false,
                };
            }
            if let Some(traced) = &node.traced {
                uids.extend(traced.uids);
            }
        }
        let users = uids.iter().copied();
        let groups = gids.into_iter();
        Names {
            homes: uids
                .iter()
                .filter_map(|uid| Some((*uid, self.user(*uid)?.home)))
                .filter(|(_, home)| home.len() > 1)
                .collect(),
            users: users
                .filter_map(|uid| Some((uid, self.user(uid)?.name)))
                .collect(),
            groups: groups
                .filter_map(|gid| Some((gid, self.group(gid)?)))
                .collect(),
        }
    }
}

/// The groups that a new login with this uid would have, including the primary group; empty for a uid without a user.
pub(super) fn groups_of(uid: u32) -> Fact<Vec<u32>> {
    let Some(user) = user(uid) else {
        return Ok(Vec::new());
    };
    groups_of_user(&user)
}

/// The groups that a new login of this user would have.
pub(super) fn groups_of_user(user: &User) -> Fact<Vec<u32>> {
    let unknown = |errno: nix::errno::Errno| UnknownFact {
        what: format!("groups of {}", user.name),
        path: Vec::new(),
        errno: crate::attempt::Errno::from_number(errno as i32),
    };
    if let Some(groups) = getent::groups_of(&user.name) {
        return Ok(groups);
    }
    let name = CString::new(user.name.as_str()).map_err(|_| unknown(nix::errno::Errno::EINVAL))?;
    let groups = nix::unistd::getgrouplist(&name, Gid::from_raw(user.gid)).map_err(unknown)?;
    Ok(groups.into_iter().map(Gid::as_raw).collect())
}

/// The user with this uid, by NSS.
pub(super) fn user(uid: u32) -> Option<User> {
    let known = nix::unistd::User::from_uid(Uid::from_raw(uid))
        .ok()
        .flatten();
    known
        .map(User::from)
        .or_else(|| getent::user(&uid.to_string()))
}

/// The user with this name, by NSS.
pub(super) fn user_named(name: &str) -> Option<User> {
    let known = nix::unistd::User::from_name(name).ok().flatten();
    known.map(User::from).or_else(|| getent::user(name))
}

/// The group with this gid, by NSS.
pub(super) fn group(gid: u32) -> Option<Group> {
    let known = nix::unistd::Group::from_gid(Gid::from_raw(gid))
        .ok()
        .flatten();
    let known = known.map(|group| Group {
        name: group.name,
        members: group.mem,
    });
    known.or_else(|| Some(getent::group(&gid.to_string())?.1))
}

/// The gid of the group with this name, by NSS.
pub(super) fn gid_of(name: &str) -> Option<u32> {
    let known = nix::unistd::Group::from_name(name).ok().flatten();
    known
        .map(|group| group.gid.as_raw())
        .or_else(|| Some(getent::group(name)?.0))
}

impl From<nix::unistd::User> for User {
    fn from(user: nix::unistd::User) -> User {
        User {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            home: user.dir.as_os_str().as_bytes().to_vec(),
        }
    }
}

/// Whether a name can stand for its number on a terminal and in a command. The databases of a container may contain anything.
fn is_presentable(name: &str) -> bool {
    /// More than useradd(8) accepts, for accounts of other machines (`DOMAIN\user`).
    const LONGEST: usize = 64;
    name.len() <= LONGEST && !name.starts_with('-') && quote::display(name.as_bytes()) == name
}

/// Adds the users whose primary group it is, who need not be listed as members.
fn with_primary_members(mut group: Group, gid: u32, users: &[User]) -> Group {
    for user in users.iter().filter(|user| user.gid == gid) {
        if !group.members.contains(&user.name) {
            group.members.push(user.name.clone());
        }
    }
    group
}

fn users_of_file(path: &Path) -> Vec<User> {
    users_of(&small_file::beginning(path, MOST).unwrap_or_default())
}

fn users_of(text: &[u8]) -> Vec<User> {
    let lines = text.split(|&byte| byte == b'\n');
    lines.filter_map(user_line).collect()
}

/// Parses a line of passwd(5): `name:password:uid:gid:gecos:home:shell`.
fn user_line(line: &[u8]) -> Option<User> {
    let mut fields = line.split(|&byte| byte == b':');
    let name = word(fields.next()?);
    let uid = word(fields.nth(1)?).parse().ok()?;
    let gid = word(fields.next()?).parse().ok()?;
    let home = fields.nth(1).unwrap_or_default().to_vec();
    (!name.is_empty()).then_some(User {
        name,
        uid,
        gid,
        home,
    })
}

/// Parses a line of group(5): `name:password:gid:member,member`.
fn group_line(line: &[u8]) -> Option<(u32, Group)> {
    let mut fields = line.split(|&byte| byte == b':');
    let name = word(fields.next()?);
    let gid = word(fields.nth(1)?).parse().ok()?;
    let members = fields
        .next()
        .unwrap_or_default()
        .split(|&byte| byte == b',');
    let members = members.map(word).filter(|name| !name.is_empty()).collect();
    (!name.is_empty()).then_some((gid, Group { name, members }))
}

fn word(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_by_primary_group_are_members() {
        let users = [
            user_line(b"alice:x:1000:50:Alice,,,:/home/alice:/bin/bash").unwrap(),
            user_line(b"bob:x:1001:51::/home/bob:").unwrap(),
        ];
        let (gid, group) = group_line(b"staff:x:50:bob,carol").unwrap();
        let group = with_primary_members(group, gid, &users);
        assert_eq!(group.members, ["bob", "carol", "alice"]);
        assert_eq!(users[0].home, b"/home/alice");
    }

    #[test]
    fn a_name_that_misleads_is_not_used() {
        let long = "a".repeat(5000);
        let passwd = format!(
            "root:x:0:0::/:\napp:x:1:1::/:\nroot:x:2:2::/:\n\x1b[31mred:x:3:3::/:\n{long}:x:4:4::/:\n"
        );
        let group = "staff:x:1:\nstaff:x:2:\n\x1b[31mred:x:3:\n";
        let names = Databases::of_texts(passwd.as_bytes(), group.as_bytes());
        let users: Vec<bool> = (0..5).map(|uid| names.user(uid).is_some()).collect();
        assert_eq!(users, [true, true, false, false, false]);
        let groups: Vec<bool> = (1..4).map(|gid| names.group(gid).is_some()).collect();
        assert_eq!(groups, [true, false, false]);
    }

    #[test]
    fn broken_lines_name_nobody() {
        for line in [
            "",
            "#alice",
            "alice",
            "alice:x",
            "alice:x:me:50::",
            ":x:1:1::/:",
            "+::::::",
        ] {
            assert_eq!(user_line(line.as_bytes()), None, "{line}");
        }
        assert_eq!(group_line(b"staff:x:"), None);
        assert_eq!(group_line(b"staff:x:50").unwrap().1.members, [""; 0]);
    }
}

//! Where the command runs: what decides which fix lasts.

use super::{Perms, ProgramFile, Tag};
use crate::attempt::{Numbers, Place};

/// Container, service manager, home and project of the subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The container the subject runs in, where it does.
    pub container: Option<Container>,
    /// The systemd unit the subject runs in, where it is a service.
    pub unit: Option<Unit>,
    /// Whether the subject lives in another mount namespace, root directory or user namespace than permwrap: paths and ids
    /// mean something else there.
    pub elsewhere: bool,
    /// Where that is, and the paths that objects there have here.
    pub abroad: Option<Abroad>,
    /// Whether this is the Windows Subsystem for Linux.
    pub wsl: bool,
    /// The subject's home directory.
    pub home: Option<Vec<u8>>,
    /// The top of the project tree that the object lies in (a folder with `.git`, `package.json`, `pyproject.toml`,
    /// `Cargo.toml` ...), where there is one.
    pub project: Option<Vec<u8>>,
    /// A Python virtual environment or other package prefix that the object lies in.
    pub prefix: Option<Vec<u8>>,
    /// The objects below the refusing one's subtree that are of the same foreign owner: leftovers of sudo or of a root
    /// container in one's own tree. The top of that tree, and how many there are.
    pub leftovers: Option<Leftovers>,
    /// What earlier hints of the same run offer: an entry of an ACL is set, not added to, so a later one must hold it too.
    pub offered: Vec<Offer>,
    /// The refused command line, as far as it was permwrap that started it.
    pub command: Vec<Vec<u8>>,
    /// The file of the program that it starts, where that is no script: looked at where a capability of it would help.
    pub program: Option<ProgramFile>,
    /// The program of that command line, where it is set-user-ID.
    pub powerless: Option<Vec<u8>>,
    /// Whether sudo(8) is installed.
    pub sudo: bool,
    /// Whether setfacl(1) is installed.
    pub setfacl: bool,
}

/// An entry of an ACL that a fix grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Of which object.
    pub path: Vec<u8>,
    /// The named user or group.
    pub tag: Tag,
    /// The entry's permissions.
    pub perms: Perms,
}

/// Another place that the subject lives in, seen from permwrap's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Abroad {
    /// Which it is.
    pub place: Option<Place>,
    /// Paths there, and those of the same objects here; only of those that have one here.
    pub paths: Vec<(Vec<u8>, Vec<u8>)>,
    /// The ids there of users and of groups, where those are not the ones of here.
    pub numbers: Option<[Numbers; 2]>,
    /// The words that run a command of root's in there from here: `podman exec -u 0 shop-web`; none where nobody can say.
    pub enter: Vec<Vec<u8>>,
    /// Whether setfacl(1) is installed there.
    pub setfacl: bool,
}

/// A container, by what can be seen from inside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// `docker`, `podman`, `kubernetes`, `lxc`, `systemd-nspawn`, `snap`, `flatpak`; empty where it is one of a kind not known.
    pub kind: String,
    /// Whether its user namespace maps ids.
    pub remapped: bool,
    /// Whether its root file system is read-only.
    pub read_only_root: bool,
    /// The ids in it and those of the host, of users and of groups, where they differ and can be told.
    pub numbers: Option<[Numbers; 2]>,
}

impl Surroundings {
    /// The id of a user (of a group where `group` says so) as it is written where the subject lives; `None` of one who does not
    /// exist there.
    #[must_use]
    pub fn id_there(&self, id: u32, group: bool) -> Option<u32> {
        let abroad = self.abroad.as_ref();
        match abroad.and_then(|abroad| abroad.numbers.as_ref()) {
            Some(numbers) => numbers[usize::from(group)].inside(id),
            None => Some(id),
        }
    }

    /// What runs there, for people: "this container".
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match (&self.container, &self.unit) {
            (Some(_), _) => "the container",
            (None, Some(_)) => "the service",
            (None, None) => "the process",
        }
    }

    /// The same id as the host of the subject's container writes it, where that can be told.
    #[must_use]
    pub fn id_on_host(&self, id: u32, group: bool) -> Option<u32> {
        let container = self.container.as_ref().filter(|one| one.remapped);
        match (container, &self.abroad) {
            (Some(container), None) => container.numbers.as_ref()?[usize::from(group)].outside(id),
            _ => Some(id),
        }
    }
}

/// A systemd service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// Its name: `app.service`.
    pub name: String,
    /// Whether it is one of a user's own manager.
    pub user: bool,
}

/// Files of a foreign owner in a tree that is otherwise the subject's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftovers {
    /// The top directory whose subtree holds them.
    pub top: Vec<u8>,
    /// Their owner.
    pub owner: u32,
    /// How many there are, as far as was counted. What its owner keeps private (0600, 0700) is none.
    pub count: usize,
    /// How many files of the tree are the subject's own.
    pub own: usize,
    /// Whether something is mounted below the top: a change of the whole tree would leave it.
    pub mounts: bool,
}

//! The environment that the command runs in. It determines which fix will last.

use super::{Kind, Perms, ProgramFile, Tag};
use crate::attempt::{Account, Numbers, Place, UNMAPPED};

/// Container, service manager, home and project of the subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The container that the subject runs in, if any.
    pub container: Option<Container>,
    /// The systemd unit that the subject runs in, if it is a service.
    pub unit: Option<Unit>,
    /// Whether the subject lives in another mount namespace, root directory or user namespace than permwrap, where paths and
    /// ids have another meaning.
    pub elsewhere: bool,
    /// What that place is, and the paths here of objects there.
    pub abroad: Option<Abroad>,
    /// Whether the system is the Windows Subsystem for Linux.
    pub wsl: bool,
    /// The subject's home directory.
    pub home: Option<Vec<u8>>,
    /// The root of the project tree that the object lies in (a directory with `.git`, `package.json`, `pyproject.toml`,
    /// `Cargo.toml` or the like), if any.
    pub project: Option<Vec<u8>>,
    /// The Python virtual environment or other package prefix that the object lies in, if any.
    pub prefix: Option<Vec<u8>>,
    /// Files of a foreign owner in a tree that is otherwise the subject's own, typically left by sudo or by a root container.
    pub leftovers: Option<Leftovers>,
    /// The uids and the gids of containers of the subject's own, if it has an engine that runs commands with them (`podman unshare`).
    pub own_containers: Option<[Numbers; 2]>,
    /// A directory of root's on the way in which users other than the subject keep something, or root something private: who
    /// could write in it could delete that, or put something else in its place.
    pub peopled: Option<Vec<u8>>,
    /// The ACL entries that earlier hints of the same run grant. Setting an entry replaces its permissions, so a later hint for
    /// the same entry must include them.
    pub offered: Vec<Offer>,
    /// What is known of the refusal besides the attempt.
    pub account: Account,
    /// The refused command line, if permwrap started the command.
    pub command: Vec<Vec<u8>>,
    /// The files that it names. A file has several paths if it is named by a symlink.
    pub named: Vec<Named>,
    /// Whether somebody besides root could have placed the program that it runs, so that root must not run it.
    pub planted: bool,
    /// Whether others than root and the subject could replace a file that it names, or the recipe that it follows, before root
    /// runs it.
    pub swappable: bool,
    /// The variable of the Makefile that it reads from which the places to install to are made: `PREFIX`.
    pub install_variable: Option<Vec<u8>>,
    /// The executable that it runs, unless that is a script; looked at only if a capability of the file would help.
    pub program: Option<ProgramFile>,
    /// The program of that command line, if it is set-user-ID.
    pub powerless: Option<Vec<u8>>,
    /// How a user runs a single command as root.
    pub elevator: Elevator,
    /// Whether setfacl(1) is installed.
    pub setfacl: bool,
}

/// The program with which a user runs a single command as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Elevator {
    /// None is installed: it is done in a shell of root's.
    #[default]
    None,
    /// sudo(8)
    Sudo,
    /// doas(1), where there is no sudo.
    Doas,
}

impl Elevator {
    /// The one to use, given which programs are installed.
    #[must_use]
    pub fn of(is_installed: impl Fn(&str) -> bool) -> Elevator {
        let all = [Elevator::Sudo, Elevator::Doas];
        let found = all.into_iter().find(|one| is_installed(one.name()));
        found.unwrap_or_default()
    }

    /// The program's name; empty if there is none.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Elevator::None => "",
            Elevator::Sudo => "sudo",
            Elevator::Doas => "doas",
        }
    }

    /// The command, run as root.
    #[must_use]
    pub fn run(self, command: &str) -> String {
        let name = self.name();
        let space = if name.is_empty() { "" } else { " " };
        format!("{name}{space}{command}")
    }
}

/// A file that a command line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its absolute path.
    pub path: Vec<u8>,
    /// Whether the command writes, replaces, moves or deletes it, or sets its attributes. It may if that is not known.
    pub is_altered: bool,
    /// Whether it would be found by its name alone, as a program, although another directory of programs has one of this name.
    pub shadows: bool,
    /// What it leads to; `None` if it does not exist or cannot be seen.
    pub found: Option<Found>,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its type.
    pub kind: Kind,
    /// Its permission bits, with those for set-user-ID and the like.
    pub mode: u32,
    /// The uid of its owner.
    pub owner: u32,
}

/// An ACL entry that a fix grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The object that the entry is added to.
    pub path: Vec<u8>,
    /// The named user or group.
    pub tag: Tag,
    /// The permissions of the entry.
    pub perms: Perms,
}

/// Another place that the subject lives in, as seen from permwrap's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Abroad {
    /// Which place it is.
    pub place: Option<Place>,
    /// Pairs of a path there and the path here of the same object, for objects that have a path here.
    pub paths: Vec<(Vec<u8>, Vec<u8>)>,
    /// The mapping of uids and of gids between there and here, unless they are the same.
    pub numbers: Option<[Numbers; 2]>,
    /// The command prefix that runs a command as root in that place from here: `podman exec -u 0 shop-web`. Empty if none is
    /// known.
    pub enter: Vec<Vec<u8>>,
    /// In words, by what the place was judged if it had gone itself: the image of a container that was removed as it ended.
    pub remains: Option<String>,
    /// Whether setfacl(1) is installed in that place.
    pub setfacl: bool,
}

/// A container, as far as it can be recognized from inside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// `docker`, `podman`, `kubernetes`, `lxc`, `systemd-nspawn`, `snap` or `flatpak`; empty for a container of unknown kind.
    pub kind: String,
    /// The name of a snap or flatpak; empty for other kinds.
    pub application: String,
    /// Whether the container has a user namespace that maps ids.
    pub remapped: bool,
    /// Whether its root file system is read-only.
    pub read_only_root: bool,
    /// The mapping of its uids and gids to those of the host, if they differ and the mapping is known.
    pub numbers: Option<[Numbers; 2]>,
}

impl Surroundings {
    /// The id of a user (of a group if `group` is set) in the place that the subject lives in; `None` if it has no mapping
    /// there.
    #[must_use]
    pub fn id_there(&self, id: u32, group: bool) -> Option<u32> {
        let abroad = self.abroad.as_ref();
        match abroad.and_then(|abroad| abroad.numbers.as_ref()) {
            Some(numbers) => numbers[usize::from(group)].inside(id),
            None => Some(id).filter(|id| *id != UNMAPPED),
        }
    }

    /// A name for what the subject runs in, for messages: "the container".
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match (&self.container, &self.unit) {
            (Some(_), _) => "the container",
            (None, Some(_)) => "the service",
            (None, None) => "the process",
        }
    }

    /// The same id as seen on the host of the subject's container; `None` if that is not known.
    #[must_use]
    pub fn id_on_host(&self, id: u32, group: bool) -> Option<u32> {
        let container = self.container.as_ref().filter(|one| one.remapped);
        match (container, &self.abroad) {
            (Some(container), None) => container.numbers.as_ref()?[usize::from(group)].outside(id),
            // Ids of another place are those of this one if it is known how they are mapped.
            (Some(_), Some(abroad)) if abroad.numbers.is_none() => None,
            _ => Some(id),
        }
    }
}

/// A systemd service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// Its name: `app.service`.
    pub name: String,
    /// Whether it belongs to a user's own manager (`systemctl --user`).
    pub user: bool,
}

/// Files of a foreign owner in a tree that is otherwise the subject's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftovers {
    /// The top directory of the tree that holds them.
    pub top: Vec<u8>,
    /// The uid of their owner.
    pub owner: u32,
    /// How many there are, as far as they were counted. Files that their owner keeps private (mode 0600 or 0700) do not count.
    pub count: usize,
    /// How many files of the tree belong to the subject.
    pub own: usize,
    /// Whether something is mounted below the top directory: a recursive change would cross into that mount.
    pub mounts: bool,
    /// Whether one of them belongs to a group that is neither its owner's own nor the subject's: that group was chosen, or
    /// inherited from its directory.
    pub groups: bool,
    /// Whether the tree lies in a directory of the subject's and is one thing, whoever owns most of it: the refused command is to
    /// delete all of it, or one program makes and maintains it.
    pub whole: bool,
}

impl Leftovers {
    /// Whether the tree as a whole is the subject's, so that what is foreign in it was left there.
    #[must_use]
    pub fn are_strays(&self) -> bool {
        !self.mounts && (self.whole || self.own > self.count)
    }
}

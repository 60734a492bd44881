//! What is known of the system, as far as a judgement needs it: the inodes met on the way, the mounts they lie on, the
//! settings in force, and the names of people.
//!
//! Facts hold neither subject nor operation, so that any stranger can be judged on them, and a [change](crate::change)
//! can be applied to a copy. Everything is plain data: nothing here reads the system. Ids are in the observer's numbers.
#![forbid(unsafe_code)]

mod acl;
mod file_capabilities;
mod file_system;
mod inode;
mod logged_refusal;
mod mount;
mod names;
pub mod notation;
mod policy;
mod requests;
mod surroundings;
mod traced;

pub use crate::attempt::{Fact, UnknownFact};
pub use acl::{Acl, Entry, Tag};
pub use file_capabilities::{FileCapabilities, ProgramFile};
pub use inode::{DeviceNumber, Flags, Inode, Kind, Node, Perms, Program};
pub use logged_refusal::{LoggedRefusal, Module};
pub use mount::{Mount, MountFlags, Unwritable};
pub use names::{Group, Names};
pub use policy::{AccessVector, Labels, Policy, ProfileAnswer, ProfilePerms};
pub use requests::{
    ProfileRequest, VectorRequest, profile_requests, server_requests, vector_requests,
};
pub use surroundings::{Abroad, Container, Leftovers, Offer, Surroundings, Unit};
pub use traced::{TraceMode, Traced};

/// How many symlinks one resolution of a path follows (MAXSYMLINKS of the kernel).
pub const MAX_SYMLINKS: u32 = 40;

/// Index of a node in [`Facts::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// Index of a mount in [`Facts::mounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MountId(pub usize);

/// Everything a judgement of one attempt is based on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Every inode met, each once per mount it was met on.
    pub nodes: Vec<Node>,
    /// The mounts that nodes refer to.
    pub mounts: Vec<Mount>,
    /// The way to the object; empty for an operation of no file.
    pub walk: Walk,
    /// The way to the new name, of a rename or link.
    pub to: Option<Walk>,
    /// For running a program: the ways to its interpreter, the interpreter's interpreter and so on, in the order in
    /// which the kernel opens them. `#!` scripts first, the ELF loader last.
    pub interpreters: Vec<Walk>,
    /// Kernel settings.
    pub settings: Settings,
    /// User and group names.
    pub names: Names,
    /// Container, service manager and the like.
    pub surroundings: Surroundings,
    /// Other processes that hold the object in a way that refuses it (text busy), where looked for.
    pub holders: Vec<Holder>,
    /// The other process that a signal was for, or that was to be traced.
    pub another: Option<Traced>,
    /// What security modules and file servers grant the subject, where they were asked.
    pub policy: Policy,
}

/// A path resolved step by step, in the order in which the kernel does it (path_resolution(7)).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walk {
    /// The path as it was asked for, absolute.
    pub path: Vec<u8>,
    /// One step a component, including those of the symlinks met on the way. The first step is a lookup in the start.
    pub steps: Vec<Step>,
    /// The root directory, where the walk starts unless it is relative. `None` only in a walk that was not made.
    pub start: Option<NodeId>,
    /// Of a relative path: the working directory, where the walk starts, and the path from there.
    pub relative: Option<(NodeId, Vec<u8>)>,
    /// How many steps there are up to and including the one that looked up the last component of the path as written;
    /// the steps after it follow that component, where it is a symlink. More than there are steps where the walk ended
    /// before that component.
    pub written: usize,
    /// Whether the path ends in a slash, so that the object must be a directory.
    pub trailing_slash: bool,
}

/// One lookup of one name in one directory.
///
/// A walk ends with the first step that found nothing, with the last component, or with the 41st symlink: that one is
/// found, but not followed (ELOOP).
///
/// A symlink that leads to no name, be it a magic link of `/proc` (`/proc/PID/cwd`, `/proc/PID/fd/3`) or a link to `/`, is
/// followed by a step of its own: its `dir` is the link, its `name` is empty, and it found what the link stands for. No
/// directory is searched in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The directory searched. Where it is none, nothing was found (ENOTDIR).
    pub dir: NodeId,
    /// The component: a name, `.` or `..`. For an absolute symlink target the walk starts again at the root, and the
    /// next step's `dir` says so.
    pub name: Vec<u8>,
    /// What was found: a node; `Ok(None)` where there is no such name; unknown where that could not be seen.
    pub found: Fact<Option<NodeId>>,
    /// How many symlinks deep: 0 for a component of the path as written.
    pub depth: u8,
    /// Whether this is the last component of the path or symlink target it belongs to.
    pub last: bool,
}

/// Kernel settings that judgements turn on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// fs.protected_symlinks (0 or 1).
    pub protected_symlinks: Fact<u8>,
    /// fs.protected_hardlinks (0 or 1).
    pub protected_hardlinks: Fact<u8>,
    /// fs.protected_regular (0, 1 or 2).
    pub protected_regular: Fact<u8>,
    /// fs.protected_fifos (0, 1 or 2).
    pub protected_fifos: Fact<u8>,
    /// net.ipv4.ip_unprivileged_port_start of the subject's network namespace.
    pub unprivileged_port_start: Fact<u32>,
    /// Whether the subject's network namespace belongs to the subject's own user namespace.
    pub owns_network_namespace: Fact<bool>,
    /// The active security modules (`/sys/kernel/security/lsm`), e.g. `landlock`, `selinux`, `apparmor`.
    pub security_modules: Fact<Vec<String>>,
    /// Whether SELinux is enforcing.
    pub selinux_enforcing: Fact<bool>,
    /// The kernel's lockdown.
    pub lockdown: Fact<Lockdown>,
    /// Other settings by name (`kernel.dmesg_restrict`), where they were looked at.
    pub other: std::collections::BTreeMap<String, Fact<i64>>,
    /// Lines of the audit or kernel log that tell of a refusal by a security module around the time of the failure.
    pub module_log: Vec<String>,
}

/// What the kernel keeps even from root (kernel_lockdown(7)); each level includes those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lockdown {
    /// Nothing.
    None,
    /// What could change the running kernel.
    Integrity,
    /// What could read its secrets.
    Confidentiality,
}

impl Lockdown {
    /// The level's name, as `/sys/kernel/security/lockdown` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Lockdown::None => "none",
            Lockdown::Integrity => "integrity",
            Lockdown::Confidentiality => "confidentiality",
        }
    }

    /// The level with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Lockdown> {
        let all = [
            Lockdown::None,
            Lockdown::Integrity,
            Lockdown::Confidentiality,
        ];
        all.into_iter().find(|level| level.name() == name)
    }
}

/// A process that holds a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: i32,
    /// Its name.
    pub command: String,
    /// How it holds the file.
    pub how: Hold,
}

/// How a process holds a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It runs it as a program, or has it mapped as one: writing gives ETXTBSY.
    Runs,
    /// It has it open for writing: running it gives ETXTBSY.
    Writes,
}

impl Default for Settings {
    fn default() -> Settings {
        fn unknown<T>(what: &str) -> Fact<T> {
            Err(UnknownFact::not_gathered(what))
        }
        Settings {
            protected_symlinks: unknown("fs.protected_symlinks"),
            protected_hardlinks: unknown("fs.protected_hardlinks"),
            protected_regular: unknown("fs.protected_regular"),
            protected_fifos: unknown("fs.protected_fifos"),
            unprivileged_port_start: unknown("net.ipv4.ip_unprivileged_port_start"),
            owns_network_namespace: unknown("owner of the network namespace"),
            security_modules: unknown("active security modules"),
            selinux_enforcing: unknown("SELinux mode"),
            lockdown: unknown("lockdown of the kernel"),
            other: std::collections::BTreeMap::new(),
            module_log: Vec::new(),
        }
    }
}

impl Facts {
    /// The node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The mount a node lies on.
    #[must_use]
    pub fn mount_of(&self, id: NodeId) -> &Mount {
        &self.mounts[self.node(id).mount.0]
    }

    /// Every walk: the object's, the new name's, the interpreters'.
    pub fn walks(&self) -> impl Iterator<Item = &Walk> {
        std::iter::once(&self.walk)
            .chain(&self.to)
            .chain(&self.interpreters)
    }
}

impl Walk {
    /// Where the walk starts, and the path from there, as the kernel got it.
    #[must_use]
    pub fn beginning(&self) -> Option<(NodeId, &[u8])> {
        match &self.relative {
            Some((directory, path)) => Some((*directory, path)),
            None => Some((self.start?, &self.path)),
        }
    }

    /// The step that looked up the last component of the path as written; `None` for `/` itself.
    #[must_use]
    pub fn written_step(&self) -> Option<&Step> {
        self.written
            .checked_sub(1)
            .and_then(|at| self.steps.get(at))
    }

    /// The directory that holds (or would hold) the last component of the path as written.
    #[must_use]
    pub fn parent(&self) -> Option<NodeId> {
        self.written_step().map(|step| step.dir)
    }

    /// The node that the last component of the path as written names, a symlink not followed.
    #[must_use]
    pub fn named(&self) -> Option<NodeId> {
        match self.written {
            0 => self.start,
            _ => self.written_step()?.found.clone().ok().flatten(),
        }
    }

    /// The node at the end of the walk, symlinks followed, where the walk came to an end.
    #[must_use]
    pub fn target(&self) -> Option<NodeId> {
        match self.steps.last() {
            Some(step) => step.found.as_ref().ok().copied().flatten(),
            None => self.start,
        }
    }
}

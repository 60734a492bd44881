//! What is known of the system, as far as a judgement needs it: the inodes met during path resolution, the mounts they lie on,
//! the kernel settings in force, and the names of users and groups.
//!
//! Facts hold neither subject nor operation, so the same facts can be used to judge any subject, and a [change](crate::change)
//! can be applied to a copy of them. Everything is plain data: nothing here reads the system. Ids are those of the observer's
//! (permwrap's) user namespace.
#![forbid(unsafe_code)]

mod acl;
mod devices;
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

use crate::attempt::Errno;
use crate::byte_path;

pub use crate::attempt::{Fact, UnknownFact};
pub use acl::{Acl, Entry, Tag};
pub use devices::{DeviceRule, Devices};
pub use file_capabilities::{FileCapabilities, ProgramFile};
pub use inode::{DeviceNumber, Flags, Inode, Kind, Node, Perms, Program, is_left_by_accident};
pub use logged_refusal::{LoggedRefusal, Module};
pub use mount::{Mount, MountFlags, Unwritable};
pub use names::{Group, Names};
pub use policy::{AccessVector, Labels, Policy, ProfileAnswer, ProfilePerms};
pub use requests::{
    PORT_CLASS, ProfileRequest, VectorRequest, port_permission, profile_requests, server_requests,
    vector_requests,
};
pub use surroundings::{
    Abroad, Container, Elevator, Found, Leftovers, Named, Offer, Surroundings, Unit,
};
pub use traced::{TraceMode, Traced};

/// How many symlinks the kernel follows while it resolves one path (MAXSYMLINKS of include/linux/namei.h).
pub const MAX_SYMLINKS: u32 = 40;

/// Index of a node in [`Facts::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// Index of a mount in [`Facts::mounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MountId(pub usize);

/// Everything that the judgement of one attempt is based on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Every inode met, each once per mount it was met on.
    pub nodes: Vec<Node>,
    /// The mounts that nodes refer to.
    pub mounts: Vec<Mount>,
    /// The devices that the subject's control group may use; looked at only if the object is a device.
    pub devices: Devices,
    /// The resolution of the object's path; empty for an operation that takes no path.
    pub walk: Walk,
    /// The resolution of the new name, for a rename or link.
    pub to: Option<Walk>,
    /// For the execution of a program: the resolutions of the paths of its interpreter, of the interpreter's interpreter and so
    /// on, in the order in which the kernel opens them. `#!` interpreters come first, the ELF loader last.
    pub interpreters: Vec<Walk>,
    /// Kernel settings.
    pub settings: Settings,
    /// User and group names.
    pub names: Names,
    /// Container, service manager and similar surroundings of the subject.
    pub surroundings: Surroundings,
    /// Other processes that use the object in a way that makes the kernel refuse it (ETXTBSY), if they were looked for.
    pub holders: Vec<Holder>,
    /// The process that a signal was sent to, or that was to be traced.
    pub another: Option<Traced>,
    /// What security modules and file servers grant the subject, if they were asked.
    pub policy: Policy,
    /// The error number of the refusal to be explained. If it is not ENOENT, a name that is missing now was there then.
    pub answered: Option<Errno>,
}

/// A path resolved step by step, in the kernel's order (path_resolution(7)).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walk {
    /// The requested path, made absolute.
    pub path: Vec<u8>,
    /// One step per component, including the components of symlink targets. The first step is a lookup in the starting
    /// directory.
    pub steps: Vec<Step>,
    /// The root directory, where the resolution of an absolute path starts. `None` only in a walk that was never made.
    pub start: Option<NodeId>,
    /// For a relative path: the working directory, where the resolution starts, and the path relative to it.
    pub relative: Option<(NodeId, Vec<u8>)>,
    /// The number of steps up to and including the lookup of the last component of the path as written. The steps after it
    /// follow that component, if it is a symlink. Greater than the number of steps if the walk ended before that component.
    pub written: usize,
    /// Whether the path ends in a slash, so that the object must be a directory.
    pub trailing_slash: bool,
}

/// One lookup of one name in one directory.
///
/// A walk ends with the first lookup that finds nothing, with the last component, or with the 41st symlink, which is found but
/// not followed (ELOOP).
///
/// A symlink whose target holds no component to look up, such as a magic link of `/proc` (`/proc/PID/cwd`, `/proc/PID/fd/3`) or
/// a link to `/`, is followed by a step of its own: `dir` is the link, `name` is empty, and `found` is what the link refers to.
/// No directory is searched in such a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The directory searched. If this node is not a directory, nothing was found (ENOTDIR).
    pub dir: NodeId,
    /// The component: a name, `.` or `..`. After an absolute symlink target the walk starts again at the root, so the next
    /// step's `dir` is the root directory.
    pub name: Vec<u8>,
    /// What was found: a node; `Ok(None)` if there is no such name; unknown if the lookup could not be observed.
    pub found: Fact<Option<NodeId>>,
    /// Nesting depth of symlinks: 0 for a component of the path as written.
    pub depth: u8,
    /// Whether this is the last component of the path or symlink target it belongs to.
    pub last: bool,
}

/// Kernel settings that judgements depend on.
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
    /// Whether the subject's network namespace is owned by the subject's own user namespace.
    pub owns_network_namespace: Fact<bool>,
    /// The active security modules (`/sys/kernel/security/lsm`), e.g. `landlock`, `selinux`, `apparmor`.
    pub security_modules: Fact<Vec<String>>,
    /// Whether SELinux is enforcing.
    pub selinux_enforcing: Fact<bool>,
    /// The kernel's lockdown level.
    pub lockdown: Fact<Lockdown>,
    /// Other sysctls by name (`kernel.dmesg_restrict`), as far as they were read.
    pub other: std::collections::BTreeMap<String, Fact<i64>>,
    /// Lines of the audit or kernel log that report a refusal by a security module around the time of the failure.
    pub module_log: Vec<String>,
}

/// What lockdown withholds even from root (kernel_lockdown(7)). Each level includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lockdown {
    /// Nothing is withheld.
    None,
    /// Whatever could modify the running kernel.
    Integrity,
    /// Also whatever could read the kernel's secrets.
    Confidentiality,
}

impl Lockdown {
    /// The name of the level, as `/sys/kernel/security/lockdown` spells it.
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

/// A process that uses a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: i32,
    /// Its name.
    pub command: String,
    /// How it uses the file.
    pub how: Hold,
}

/// How a process uses a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It executes the file or maps it as executable: opening it for writing gives ETXTBSY.
    Runs,
    /// It has the file open for writing: executing it gives ETXTBSY.
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

    /// The mount that covers a path: of several on the same point, the latest.
    #[must_use]
    pub fn mount_over(&self, path: &[u8]) -> Option<MountId> {
        let covering = self.mounts.iter().enumerate();
        let covering = covering.filter(|(_, mount)| byte_path::below(path, &mount.point).is_some());
        let deepest = covering.max_by_key(|(_, mount)| mount.point.len());
        deepest.map(|(at, _)| MountId(at))
    }

    /// The mount a node lies on.
    #[must_use]
    pub fn mount_of(&self, id: NodeId) -> &Mount {
        &self.mounts[self.node(id).mount.0]
    }

    /// Lets every walk that passes through this path begin there, as a mount of it elsewhere does: the directories above are
    /// neither searched nor known.
    pub fn begin_at(&mut self, top: &[u8]) {
        let Some(at) = self.nodes.iter().position(|node| node.path == top) else {
            return;
        };
        for walk in [&mut self.walk].into_iter().chain(&mut self.to) {
            if let Some(rest) = byte_path::below(&walk.path, top) {
                walk.relative = Some((NodeId(at), rest.to_vec()));
            }
        }
    }

    /// The path of the object without each `..` that is known to lead back out of a real directory, rather than out of what a
    /// symlink refers to.
    #[must_use]
    pub fn without_detours(&self, path: &[u8]) -> Vec<u8> {
        let is_its_path =
            self.walk.path == path && path.split(|&byte| byte == b'/').any(|name| name == b"..");
        let first = self.walk.steps.first().map(|step| step.dir);
        let begins = self
            .walk
            .beginning()
            .filter(|(from, _)| first == Some(*from));
        let Some((beginning, rest)) = begins.filter(|_| is_its_path) else {
            return path.to_vec();
        };
        let is_component = |name: &&[u8]| !name.is_empty();
        // A working directory has no symlinks in its path.
        let above = self.node(beginning).path.split(|&byte| byte == b'/');
        let mut plain: Vec<(&[u8], bool)> = above
            .filter(is_component)
            .map(|name| (name, true))
            .collect();
        let mut written = self.walk.steps.iter().filter(|step| step.depth == 0);
        for name in rest.split(|&byte| byte == b'/').filter(is_component) {
            let found = written
                .next()
                .and_then(|step| step.found.as_ref().ok().copied()?);
            match (name, plain.last()) {
                (b".", _) | (b"..", None) => {}
                (b"..", Some((_, true))) => {
                    plain.pop();
                }
                _ => plain.push((
                    name,
                    found.is_some_and(|found| {
                        self.node(found).inode.as_ref().is_ok_and(Inode::is_dir)
                    }),
                )),
            }
        }
        let mut path: Vec<u8> = plain
            .iter()
            .flat_map(|(name, _)| [b"/", *name].concat())
            .collect();
        if path.is_empty() || self.walk.trailing_slash {
            path.push(b'/');
        }
        path
    }

    /// Every walk: that of the object, of the new name and of the interpreters.
    pub fn walks(&self) -> impl Iterator<Item = &Walk> {
        std::iter::once(&self.walk)
            .chain(&self.to)
            .chain(&self.interpreters)
    }
}

impl Walk {
    /// The directory where the resolution starts, and the path from there, as it was passed to the kernel.
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

    /// The node that the last component of the path as written refers to; a symlink is not followed.
    #[must_use]
    pub fn named(&self) -> Option<NodeId> {
        match self.written {
            0 => self.start,
            _ => self.written_step()?.found.clone().ok().flatten(),
        }
    }

    /// The node at the end of the walk, with symlinks followed; `None` if the walk did not reach its end.
    #[must_use]
    pub fn target(&self) -> Option<NodeId> {
        match self.steps.last() {
            Some(step) => step.found.as_ref().ok().copied().flatten(),
            None => self.start,
        }
    }
}

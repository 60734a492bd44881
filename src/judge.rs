//! Derives a verdict from facts, subject and operation, as the kernel would decide it.
//!
//! The judge replays the kernel's own checks in the kernel's order and stops at the first refusal. It is pure: whatever the
//! [facts](crate::facts) do not hold is unknown, and if a check depends on it, the verdict is [`Verdict::Unclear`].
//!
//! Each check of the kernel is one function, with the name of the kernel function above it. The order is that of Linux 6.18;
//! `tests/kernel` compares it with the running kernel.
#![forbid(unsafe_code)]

mod access;
mod attr;
mod create;
mod exec;
mod filesystem;
mod infer;
mod lookup;
mod mount;
mod open;
mod owner;
mod policy;
mod process;
mod remove;
mod rename;
mod socket;
#[cfg(test)]
mod tests;
mod traced;
mod trust;
mod xattr;

pub use access::held;
pub use infer::code_of;
pub use process::is_a_modules_answer;

pub use crate::denial::{Certainty, Class, Denial, Obstacle, Rule};

use crate::attempt::{Capability, Errno, NodeType, Object, Operation, Subject};
use crate::denial::Code;
use crate::facts::{Facts, Inode, Kind, Lockdown, Mount, Node, NodeId, Perms, UnknownFact, Walk};

/// What the kernel would answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The kernel allows it.
    Allowed,
    /// The kernel refuses.
    Denied(Denial),
    /// The system call fails for a reason other than permission: `ENOENT`, `ENOTDIR`, `EEXIST` ...
    Fails {
        /// The error number.
        errno: Errno,
        /// The node at which it fails; for `ENOENT`, the directory that lacks the name.
        at: Option<NodeId>,
    },
    /// The facts do not suffice to decide.
    Unclear(UnknownFact),
}

impl Verdict {
    /// The error number that the system call would return; `None` if it succeeds or if that is unclear.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Verdict::Denied(denial) => Some(denial.errno),
            Verdict::Fails { errno, .. } => Some(*errno),
            Verdict::Allowed | Verdict::Unclear(_) => None,
        }
    }
}

/// What the kernel would answer if the subject attempted the operation.
#[must_use]
pub fn judge(subject: &Subject, operation: &Operation, object: &Object, facts: &Facts) -> Verdict {
    match (Kernel { subject, facts }).answer(operation, object) {
        Ok(()) => Verdict::Allowed,
        Err(Stop::Denied(denial)) => Verdict::Denied(*denial),
        Err(Stop::Fails(errno, at)) => Verdict::Fails { errno, at },
        Err(Stop::Unclear(unknown)) => Verdict::Unclear(unknown),
    }
}

/// The likely refuser, if [`judge`] does not deny but the system call returned `reported`: a sandbox, a security module, or a
/// file system that decides by itself. `None` if nothing of the kind is in force.
#[must_use]
pub fn infer(
    subject: &Subject,
    operation: &Operation,
    object: &Object,
    facts: &Facts,
    reported: Errno,
) -> Option<Denial> {
    (Kernel { subject, facts }).infer(operation, object, reported)
}

/// The capability that [`judge`]'s answer depends on, if the kernel allows the operation only because the subject has it.
#[must_use]
pub fn needed_capability(
    subject: &Subject,
    operation: &Operation,
    object: &Object,
    facts: &Facts,
) -> Option<Capability> {
    (Kernel { subject, facts }).needed_capability(operation, object)
}

/// The input of every check.
#[derive(Clone, Copy)]
struct Kernel<'a> {
    subject: &'a Subject,
    facts: &'a Facts,
}

/// The ways in which a replay ends early.
enum Stop {
    Denied(Box<Denial>),
    Fails(Errno, Option<NodeId>),
    Unclear(UnknownFact),
}

/// The outcome of one check: `?` continues with the next one only if this one does not refuse.
type Decision<T = ()> = Result<T, Stop>;

impl From<UnknownFact> for Stop {
    fn from(unknown: UnknownFact) -> Stop {
        Stop::Unclear(unknown)
    }
}

/// A refusal that the facts prove.
fn deny<T>(errno: Errno, code: Code, at: Obstacle, rule: Rule) -> Decision<T> {
    Err(Stop::Denied(Box::new(Denial {
        errno,
        code,
        at,
        rule,
        certainty: Certainty::Proven,
    })))
}

/// A failure at this node for a reason other than permission.
fn fail<T>(errno: Errno, at: NodeId) -> Decision<T> {
    Err(Stop::Fails(errno, Some(at)))
}

impl<'a> Kernel<'a> {
    /// The kernel's own checks, followed by those of security modules and servers.
    fn answer(self, operation: &Operation, object: &Object) -> Decision {
        let own = self.decide(operation, object);
        if let Err(Stop::Unclear(_)) = own {
            self.profile_lets_it_start(operation, object)?;
        }
        own?;
        self.device_cgroup(operation)?;
        self.security_hooks(operation, object)?;
        self.unasked_modules_allow(operation)?;
        self.landlock_allows(operation, object)?;
        self.server_allows(operation, object)
    }

    /// The kernel's own checks.
    fn decide(self, operation: &Operation, object: &Object) -> Decision {
        match object {
            // None of the kernel's own checks refuses a connection over the network.
            Object::Port { .. } if *operation == Operation::Connect => return Ok(()),
            Object::Port { port, .. } => return self.inet_bind(*port),
            _ => {}
        }
        let walk = &self.facts.walk;
        match operation {
            Operation::Mount => self.privileged(Capability::SysAdmin, Certainty::Proven),
            Operation::Signal => self.kill(),
            Operation::Ptrace => self.ptrace(),
            Operation::Privileged(privilege) => self.ask_for(*privilege),
            Operation::Trust(policy) if *object == Object::Process => self.trust_itself(policy),
            Operation::Trust(policy) => self.trust(walk, policy),
            _ if matches!(object, Object::Process | Object::Another(_)) => {
                Err(UnknownFact::not_gathered("what exactly the process asked for").into())
            }
            Operation::Open(how) => self.open(walk, *how),
            Operation::Exec => self.execve(walk),
            Operation::List => self.list(walk),
            Operation::Traverse => self.chdir(walk),
            Operation::Stat { follow } => self.lookup(walk, *follow, false).map(drop),
            Operation::Mkdir => self.mkdir(walk),
            Operation::Mknod(kind) => self.mknod(walk, *kind),
            Operation::Symlink => self.symlink(walk),
            Operation::Delete => self.unlink(walk),
            Operation::Rmdir => self.rmdir(walk),
            Operation::Rename => self.rename(walk, self.new_name()?),
            Operation::Link => self.link(walk, self.new_name()?),
            Operation::Chmod(mode) => self.chmod(walk, *mode),
            Operation::Chown { uid, gid } => self.chown(walk, *uid, *gid),
            Operation::Utime { now } => self.utimensat(walk, *now),
            Operation::Setxattr(name) => self.setxattr(walk, name),
            Operation::Bind => self.unix_bind(walk),
            Operation::Connect => self.unix_connect(walk),
        }
    }

    fn new_name(self) -> Decision<&'a Walk> {
        let to = self.facts.to.as_ref();
        to.ok_or_else(|| UnknownFact::not_gathered("new name").into())
    }

    fn node(self, id: NodeId) -> &'a Node {
        self.facts.node(id)
    }

    fn inode(self, id: NodeId) -> Decision<&'a Inode> {
        Ok(self.node(id).inode.as_ref().map_err(Clone::clone)?)
    }

    fn kind(self, id: NodeId) -> Decision<Kind> {
        Ok(self.inode(id)?.kind)
    }

    fn is_dir(self, id: NodeId) -> Decision<bool> {
        Ok(self.kind(id)? == Kind::Directory)
    }

    fn mount_of(self, id: NodeId) -> &'a Mount {
        self.facts.mount_of(id)
    }
}

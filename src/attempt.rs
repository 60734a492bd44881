//! What was tried: the vocabulary that every stage shares.
//!
//! An [`Incident`] is what a text says about a failure; an [`Attempt`] is one concrete reading of it: this subject tried this
//! operation on this object. Nothing here reads the system.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

mod errno;
mod fact;
mod incident;
mod label;
mod numbers;
mod operation;
mod place;
mod policy;
mod privilege;
mod subject;

pub use errno::Errno;
pub use fact::{Fact, UnknownFact};
pub use incident::{Account, Clue, Incident, Origin, Sign, Signs};
pub use label::Label;
pub use numbers::Numbers;
pub use operation::{NodeType, OpenHow, Operation};
pub use place::Place;
pub use policy::{Owner, Policy};
pub use privilege::{AskedIn, Privilege};
pub use subject::{Capability, CapabilitySet, IdMap, Subject, UNMAPPED};

/// Stands for an unknown new name, if a program failed to create a file in a directory and named only the directory. Chosen so
/// that no real file is likely to have it.
pub const ANY_NAME: &[u8] = b"(a new file)";

/// Stands for a group that a message does not name, and that the process is not in; chown(2) knows no group of this number.
pub const ANY_GROUP: u32 = u32::MAX;

/// The extended attribute that holds a file's access ACL.
pub const ACCESS_ACL: &str = "system.posix_acl_access";

/// Stands for any attribute of the `user` namespace: the same rules apply to all of them.
pub const ANY_USER_ATTRIBUTE: &str = "user.*";

/// What an attempt was aimed at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Object {
    /// A path, absolute, as bytes. It may hold symlinks, `.` and `..`.
    Path(Vec<u8>),
    /// A socket address with a port.
    Port {
        /// The address as printed (`0.0.0.0`, `::1`); empty where unknown.
        address: String,
        /// The port number.
        port: u16,
    },
    /// The process itself, for an operation that takes no file (ptrace, mount, setpriority).
    Process,
    /// Another process, by its id: the object of a signal or trace.
    Another(i32),
}

/// One concrete reading of a failure, ready to be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Who tried.
    pub subject: Subject,
    /// What was tried.
    pub operation: Operation,
    /// The object of the operation.
    pub object: Object,
    /// For a rename or link: the new name, as an absolute path.
    pub to: Option<Vec<u8>>,
    /// The working directory, if the paths were relative to it: they begin with it, and the kernel starts there without
    /// checking the directories above.
    pub directory: Option<Vec<u8>>,
    /// The error number that the system call returned, if known.
    pub errno: Option<Errno>,
}

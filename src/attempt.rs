//! What was tried: the vocabulary that every stage shares.
//!
//! An [`Incident`] is what a text says of a failure, an [`Attempt`] is one concrete reading of it: this subject tried
//! this operation on this object. Nothing here looks at the system.
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
pub use incident::{Clue, Incident, Origin, Sign, Signs};
pub use label::Label;
pub use numbers::Numbers;
pub use operation::{NodeType, OpenHow, Operation};
pub use place::Place;
pub use policy::{Owner, Policy};
pub use privilege::Privilege;
pub use subject::{Capability, CapabilitySet, IdMap, Subject};

/// Stands for whatever name a program wanted to make in a directory, where it named only the directory. Hardly a name
/// that a file has.
pub const ANY_NAME: &[u8] = b"(a new file)";

/// The attribute that a file's ACL is kept in.
pub const ACCESS_ACL: &str = "system.posix_acl_access";

/// The attribute that stands for any of a user's own: the rules are the same for all of them.
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
    /// The process as a whole: an operation of no file (ptrace, mount, setpriority).
    Process,
    /// Another process, by its id: of signals and tracing.
    Another(i32),
}

/// One concrete reading of a failure, ready to be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Who tried.
    pub subject: Subject,
    /// What was tried.
    pub operation: Operation,
    /// On what.
    pub object: Object,
    /// The second path of a rename or link: the new name, absolute.
    pub to: Option<Vec<u8>>,
    /// The working directory, where the paths were relative to it: they begin with it, and the kernel starts there
    /// without asking the directories above.
    pub directory: Option<Vec<u8>>,
    /// The error number the system answered, where known.
    pub errno: Option<Errno>,
}

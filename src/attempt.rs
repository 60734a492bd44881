//! What was tried: the vocabulary that every stage shares.
//!
//! An [`Incident`] is what a text says of a failure, an [`Attempt`] is one concrete reading of it: this subject tried
//! this operation on this object. Nothing here looks at the system.
#![forbid(unsafe_code)]

mod errno;
mod label;
mod operation;
mod policy;
mod privilege;
mod subject;

pub use errno::Errno;
pub use label::Label;
pub use operation::{NodeType, OpenHow, Operation};
pub use policy::{Owner, Policy};
pub use privilege::Privilege;
pub use subject::{Capability, CapabilitySet, IdMap, Subject};

/// Stands for whatever name a program wanted to make in a directory, where it named only the directory. Hardly a name
/// that a file has.
pub const ANY_NAME: &[u8] = b"(a new file)";

/// What the text says of one failure, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Incident {
    /// The line (or lines) that told of the failure, without colours and prefixes.
    pub message: Vec<u8>,
    /// The error number the text tells of; `None` where it tells of a denial without saying which.
    pub errno: Option<Errno>,
    /// The paths of the message, unquoted, as printed (relative ones left relative): the likeliest to be the
    /// refused one first. Empty where the message names none.
    pub paths: Vec<Vec<u8>>,
    /// Where the message names neither a path nor an address: what tells of one all the same.
    pub clue: Option<Clue>,
    /// The operations the text allows for, the likeliest first. Empty where it does not tell.
    pub operations: Vec<Operation>,
    /// The id of the pattern that recognised the message.
    pub pattern: String,
    /// A socket address with a port, where that is what was refused (`0.0.0.0:80`).
    pub address: Option<Vec<u8>>,
    /// The directory that relative paths are relative to, where the text tells (`tar -C`, `make: Entering directory`).
    pub directory: Option<Vec<u8>>,
    /// Whether the words are surely the program's own failure (an exception, a `perror` line), so that a live check
    /// that finds the access allowed is worth a word. False for words that may be about something else.
    pub certain: bool,
    /// How often it was seen: 1, or more where equal ones were folded into one.
    pub count: u32,
}

/// What tells of the object of a message that does not name it. It may be about something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clue {
    /// The path of something that is named otherwise, such as a setting of the kernel.
    Path(Vec<u8>),
    /// A line of source that the message quotes.
    Code(Vec<u8>),
    /// A line of source that the message points at: the file, as printed, and the line's number (from 1).
    Line(Vec<u8>, u32),
}

/// What an attempt was aimed at.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// One concrete reading of a failure, ready to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
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

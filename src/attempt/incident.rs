//! What a text says of one failure, and how well it says it.

use super::{Errno, Operation};

/// What the text says of one failure, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Incident {
    /// The line (or lines) that told of the failure, without colors and prefixes.
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
    /// What in the text tells the operation; `None` where nothing does.
    pub operation_sign: Option<Sign>,
    /// Whether the text says that something was to be opened, without saying which way.
    pub opens: bool,
    /// The id of the pattern that recognised the message.
    pub pattern: String,
    /// A socket address with a port, where that is what was refused (`0.0.0.0:80`).
    pub address: Option<Vec<u8>>,
    /// The number of the process that the failure is about, where it is one (kill, ptrace).
    pub process: Option<i32>,
    /// The directory that relative paths are relative to, where the text tells (`tar -C`, `make: Entering directory`).
    pub directory: Option<Vec<u8>>,
    /// Whether the path is relative to an open directory that the text does not name, as the frame `os.unlink(name,
    /// dir_fd=fd)` tells: it is not to be looked up in the working directory.
    pub in_open_directory: bool,
    /// Where the text is from, if it says that it is not from here: the prefix of a container's or another host's log.
    pub origin: Option<Origin>,
    /// Whether the words are surely the program's own failure (an exception, a `perror` line), so that a live check
    /// that finds the access allowed is worth a word. False for words that may be about something else.
    pub certain: bool,
    /// How often it was seen: 1, or more where equal ones were folded into one.
    pub count: u32,
}

/// What tells the operation or the object of a failure. The strongest comes first, and decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// The system call itself: permwrap's own start of the command, or a traced call.
    Call,
    /// The message's call, verb or flags.
    Message,
    /// What a security module wrote down of the process that failed.
    Record,
    /// A line of source or a frame that the text quotes or points at.
    Source,
    /// What the program does with such an object.
    Program,
    /// The command's arguments.
    Arguments,
}

/// What tells each part of a reading of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signs {
    /// What tells the operation; `None` where nothing does.
    pub operation: Option<Sign>,
    /// What tells the object; `None` where nothing does.
    pub object: Option<Sign>,
    /// Whether it is known who failed.
    pub subject: bool,
    /// Whether it is known where the object lies.
    pub place: bool,
}

impl Signs {
    /// Everything is known, by the system call itself.
    pub const CALL: Signs = Signs {
        operation: Some(Sign::Call),
        object: Some(Sign::Call),
        subject: true,
        place: true,
    };

    /// Whether enough is known for a fix to be proven: no guess decides what was tried, on what, or by whom.
    #[must_use]
    pub fn are_firm(&self) -> bool {
        let told = self.operation.is_some();
        let named = self.object.is_some_and(|sign| sign < Sign::Arguments);
        told && named && self.subject && self.place
    }
}

/// Where a text is from that is not from here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A container or pod, by the name that the log's prefix gives.
    Container(String),
    /// Another machine, in words: "a machine named build-7", "a GitHub Actions runner".
    Machine(String),
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

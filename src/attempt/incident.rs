//! What a text says about one failure, and how reliably.

use serde::{Deserialize, Serialize};

use super::{Errno, Operation};

/// What the text says about one failure, and nothing beyond that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Incident {
    /// The line (or lines) that reported the failure, without colors and prefixes.
    pub message: Vec<u8>,
    /// The error number that the text gives; `None` if it reports a denial without an error number.
    pub errno: Option<Errno>,
    /// The paths in the message, unquoted, as printed (relative ones left relative), with the path most likely to have been
    /// refused first. Empty if the message names none.
    pub paths: Vec<Vec<u8>>,
    /// If the message names neither a path nor an address: what identifies the object indirectly.
    pub clue: Option<Clue>,
    /// The operations that the text allows for, the most likely first. Empty if it says nothing about the operation.
    pub operations: Vec<Operation>,
    /// What in the text identifies the operation; `None` if nothing does.
    pub operation_sign: Option<Sign>,
    /// Whether the text says that something was to be opened, but not with which access mode.
    pub opens: bool,
    /// The id of the pattern that matched the message.
    pub pattern: String,
    /// The socket address with a port that was refused (`0.0.0.0:80`), if it was one.
    pub address: Option<Vec<u8>>,
    /// The id of the process that the operation was aimed at (kill, ptrace), if it was one.
    pub process: Option<i32>,
    /// The directory that relative paths are relative to, if the text names it (`tar -C`, `make: Entering directory`).
    pub directory: Option<Vec<u8>>,
    /// Whether the path is relative to a directory file descriptor that the text does not identify, as in the traceback line
    /// `os.unlink(name, dir_fd=fd)`. Such a path must not be resolved from the working directory.
    pub in_open_directory: bool,
    /// Where the text comes from, if it says that it comes from another place: the prefix of a container's or another host's
    /// log.
    pub origin: Option<Origin>,
    /// Whether the text certainly reports a failure of the program itself (an exception, a `perror` line), so that it is worth
    /// mentioning if a live check finds the access allowed. False for text that may be about something else.
    pub certain: bool,
    /// What the program appends to the object's path for the file that it creates beside it, if the text shows that it does:
    /// `-journal`.
    pub beside: Option<Vec<u8>>,
    /// Whether the object may be in a directory right below the one that the text names, as git's objects are.
    pub below: bool,
    /// How often it was seen: 1, or more if identical incidents were merged.
    pub count: u32,
}

impl Incident {
    /// Whether the use of the file in a shell's code tells more than the message: some shells say "cannot create" of every
    /// redirection for writing, also if it appends.
    #[must_use]
    pub fn is_told_more_exactly_by(&self, used: &Operation) -> bool {
        let writes = matches!(used, Operation::Open(how) if how.write);
        writes && self.pattern.starts_with("shell-") && self.operations == [Operation::CREATE]
    }

    /// The name of what it was done to, as printed: of a symbolic link, which is named second in `TARGET -> NAME`, the link; of a
    /// copy, unless something tells otherwise, what was to be written.
    #[must_use]
    pub fn object(&self) -> Option<&[u8]> {
        match (self.operations.first(), &self.paths[..]) {
            (Some(Operation::Symlink), [_target, name, ..]) => Some(name),
            (None, [from, to, ..]) if self.is_about_a_copy() => {
                let at = |name: &[u8]| memchr::memmem::find(&self.message, name);
                Some(if at(from) < at(to) { to } else { from })
            }
            (_, paths) => paths.first().map(Vec::as_slice),
        }
    }

    /// Whether the message says that something was to be copied.
    #[must_use]
    pub fn is_about_a_copy(&self) -> bool {
        let says = |word: &[u8]| memchr::memmem::find(&self.message, word).is_some();
        says(b"copy") || says(b"Copy")
    }
}

/// What identifies the operation or the object of a failure, in descending order of reliability. The most reliable one present
/// decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// The system call itself: permwrap's own execution of the command, or a traced call.
    Call,
    /// The call, verb or flags that the message names.
    Message,
    /// What a security module logged about the process that failed.
    Record,
    /// A source line or stack frame that the text quotes or points to.
    Source,
    /// What the program is known to do with such an object.
    Program,
    /// The command's arguments.
    Arguments,
}

/// What identifies each part of the reading of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signs {
    /// What identifies the operation; `None` if nothing does.
    pub operation: Option<Sign>,
    /// What identifies the object; `None` if nothing does.
    pub object: Option<Sign>,
    /// Whether the failing process is known.
    pub subject: bool,
    /// Whether it happened on another machine or in a server, whose system calls cannot be seen from here.
    pub elsewhere: bool,
    /// Whether it is known in which place (container, host) the object lies.
    pub place: bool,
}

impl Signs {
    /// Everything is known from the system call itself.
    pub const CALL: Signs = Signs {
        operation: Some(Sign::Call),
        object: Some(Sign::Call),
        subject: true,
        place: true,
        elsewhere: false,
    };

    /// Whether enough is known for a fix to be proven: neither the operation nor the object nor the subject is guessed.
    #[must_use]
    pub fn are_firm(&self) -> bool {
        let told = self.operation.is_some();
        let named = self.object.is_some_and(|sign| sign < Sign::Arguments);
        told && named && self.subject && self.place
    }
}

/// What is known of a refusal besides the attempt itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    /// Whether nothing but a program's text tells of it.
    pub hearsay: bool,
    /// See [`Incident::beside`].
    pub beside: Option<Vec<u8>>,
    /// The executable of the run, which a capability could be given to.
    pub program: Option<Vec<u8>>,
    /// The top of the tree that the command was to delete.
    #[serde(default)]
    pub deleted: Option<Vec<u8>>,
    /// Whether the command goes on to list the directory that it was to enter.
    #[serde(default)]
    pub lists: bool,
    /// Whether the command goes on to create files in it.
    #[serde(default)]
    pub fills: bool,
}

/// The other place that a text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A container or pod, by the name in the log's prefix; empty if the text does not tell it.
    Container(String),
    /// A step of an image's build, by its instruction: `RUN npm ci`.
    Build(String),
    /// Another machine, described in words: "a machine named build-7", "a GitHub Actions runner".
    Machine(String),
}

/// What identifies the object of a message that does not name it. It may turn out to be about something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clue {
    /// The path of something that the message names in another way, such as a kernel setting.
    Path(Vec<u8>),
    /// A source line that the message quotes.
    Code(Vec<u8>),
    /// The command line that a shell was given at its prompt.
    Typed(Vec<u8>),
    /// A source line that the message points to: the file, as printed, and the line number (from 1).
    Line(Vec<u8>, u32),
}

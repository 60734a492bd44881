//! What a program does with the words that name files.

use super::CommandLine;
use crate::attempt::Operation;

/// A word of a command line that may name a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    /// The word, without the name of an option whose value it may be.
    pub word: Vec<u8>,
    /// What the program does with the file, if known.
    pub operation: Option<Operation>,
}

impl Operand {
    /// Whether the program makes or writes a file of this name.
    #[must_use]
    pub fn makes_a_file(&self) -> bool {
        matches!(&self.operation, Some(Operation::Open(how)) if how.write)
    }
}

impl CommandLine {
    /// Whether the program writes, replaces, moves or deletes the file of this operand, or sets its attributes; also if that is
    /// not known.
    #[must_use]
    pub fn alters(&self, operand: &Operand, is_last: bool) -> bool {
        let replaces = self.known.is_some_and(|known| known.replaces);
        replaces
            || match &operand.operation {
                // The others are what the symlinks refer to.
                Some(Operation::Symlink) => is_last,
                Some(operation) => operation.alters(),
                None => true,
            }
    }
}

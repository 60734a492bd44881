//! What a program does with the words that name files.

use super::{CommandLine, Program};
use crate::attempt::Operation;
use crate::byte_path;

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

    /// Whether the word denotes this path or its directory. A relative word matches the end of the path.
    #[must_use]
    pub fn leads_to(&self, path: &[u8]) -> bool {
        let directory = byte_path::parent(path).unwrap_or(b"/");
        is_the_end_of(&self.word, path) || is_the_end_of(&self.word, directory)
    }
}

/// Whether a word of a command line denotes this path. A relative word matches the end of the path.
#[must_use]
pub fn is_the_end_of(word: &[u8], path: &[u8]) -> bool {
    let word = word.strip_prefix(b"./").unwrap_or(word);
    let word = match word.strip_suffix(b"/") {
        Some(b"") | None => word,
        Some(word) => word,
    };
    let rest = path.strip_suffix(word).filter(|_| !word.is_empty());
    rest.is_some_and(|rest| rest.is_empty() || !word.starts_with(b"/") && rest.ends_with(b"/"))
}

impl CommandLine {
    /// Whether the program reads this file in order to replace it with a new version.
    #[must_use]
    pub fn replaces(&self, path: &[u8]) -> bool {
        let is_told = |known: &Program| {
            let mut words = self.words.iter();
            let is_one = |word: &Vec<u8>| {
                let mut options = known.in_place.iter();
                options.any(|option| word.starts_with(option.as_bytes()))
            };
            known.replaces && words.any(is_one)
        };
        let mut operands = self.operands.iter();
        self.known.is_some_and(is_told) && operands.any(|one| is_the_end_of(&one.word, path))
    }

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

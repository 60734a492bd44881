//! Random paths through a tree.

use fastrand::Rng;
use permwrap::attempt::Operation;

use super::{File, NAMES, Tree, What, some_name};

/// What a path should preferably lead to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    Anything,
    Directory,
    Program,
    /// A name in a directory, existing or new.
    Name,
}

impl Aim {
    pub(super) fn of(operation: &Operation) -> Aim {
        match operation {
            Operation::Exec => Aim::Program,
            Operation::List | Operation::Traverse | Operation::Rmdir => Aim::Directory,
            Operation::Open(how) if how.create => Aim::Name,
            Operation::Mkdir | Operation::Mknod(_) | Operation::Symlink | Operation::Bind => {
                Aim::Name
            }
            _ => Aim::Anything,
        }
    }

    fn suits(self, file: &File) -> bool {
        match self {
            Aim::Anything => true,
            Aim::Directory | Aim::Name => matches!(file.what, What::Directory | What::Link(_)),
            Aim::Program => matches!(file.what, What::Program(_) | What::Link(_)),
        }
    }
}

/// The path of something in the tree, usually of the preferred kind and without detours.
pub(super) fn random_path(rng: &mut Rng, tree: &Tree, aim: Aim, of_link: bool) -> String {
    if of_link && rng.u8(..40) == 0 {
        return "/".to_owned();
    }
    let mut path = match of_link && rng.bool() {
        true => String::new(),
        false => "{top}".to_owned(),
    };
    let aimed = rng.u8(..4) > 0;
    let suitable: Vec<&File> = tree
        .files
        .iter()
        .filter(|file| !aimed || aim.suits(file))
        .collect();
    let target = rng.choice(suitable).unwrap_or(&tree.files[0]);
    let mut words: Vec<String> = target
        .path
        .split('/')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    if aimed && aim == Aim::Name {
        words.push(some_name(rng).to_owned());
    }
    let detours = if rng.u8(..5) < 3 { 0 } else { rng.usize(1..3) };
    for _ in 0..detours {
        let word = match rng.u8(..12) {
            0 => ".",
            1 | 2 => "..",
            3 => NAMES[4],
            _ => some_name(rng),
        };
        let at = if rng.bool() {
            words.len()
        } else {
            rng.usize(..=words.len())
        };
        words.insert(at, word.to_owned());
    }
    for word in words {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&word);
    }
    if path.is_empty() {
        path.push('.');
    }
    if rng.u8(..16) == 0 {
        path.push('/');
    }
    path
}

//! A working directory, as far as a command line or code determines it.

use crate::byte_path;

/// A working directory, as far as the code determines it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whereabouts {
    /// The directory that the shell was started in.
    #[default]
    Start,
    /// This directory; a relative path is relative to where the shell was started, one with `~` to the home directory.
    At(Vec<u8>),
    /// One of these, none of which is itself one of several or unknown.
    OneOf(Vec<Whereabouts>),
    /// The code changed directory, and only running it would tell where to.
    Unknown,
}

/// The maximum number of directories of which one is the right one.
const MOST_PLACES: usize = 8;

impl Whereabouts {
    /// One of several, which may be the same or themselves one of several.
    #[must_use]
    pub fn one_of(places: impl IntoIterator<Item = Whereabouts>) -> Whereabouts {
        let mut every: Vec<Whereabouts> = Vec::new();
        for place in places {
            match place {
                Whereabouts::OneOf(places) => every.extend(places),
                place => every.push(place),
            }
        }
        every.sort();
        every.dedup();
        match every.len() {
            1 => every.remove(0),
            2..=MOST_PLACES if !every.contains(&Whereabouts::Unknown) => Whereabouts::OneOf(every),
            _ => Whereabouts::Unknown,
        }
    }

    /// Each directory that it may be.
    #[must_use]
    pub fn each(&self) -> &[Whereabouts] {
        match self {
            Whereabouts::OneOf(places) => places,
            place => std::slice::from_ref(place),
        }
    }

    /// The result of `cd DIRECTORY` from here. As in a shell, `..` removes the last name, even if that is a symlink.
    #[must_use]
    pub fn to(&self, directory: &[u8]) -> Whereabouts {
        match self {
            _ if directory.starts_with(b"/") => Whereabouts::At(without_dots(directory)),
            _ if is_below_home(directory) => Whereabouts::At(directory.to_vec()),
            Whereabouts::Start => match without_dots(directory) {
                start if start == b"." => Whereabouts::Start,
                there => Whereabouts::At(there),
            },
            Whereabouts::At(here) if is_below_home(here) => {
                Whereabouts::At(byte_path::join(here, directory))
            }
            Whereabouts::At(here) => match without_dots(&byte_path::join(here, directory)) {
                start if start == b"." => Whereabouts::Start,
                there => Whereabouts::At(there),
            },
            Whereabouts::OneOf(places) => {
                Whereabouts::one_of(places.iter().map(|here| here.to(directory)))
            }
            Whereabouts::Unknown => Whereabouts::Unknown,
        }
    }

    /// The whereabouts `inner` of a shell that was started here.
    #[must_use]
    pub fn then(&self, inner: &Whereabouts) -> Whereabouts {
        match inner {
            Whereabouts::Start => self.clone(),
            Whereabouts::At(directory) => self.to(directory),
            Whereabouts::OneOf(places) => {
                Whereabouts::one_of(places.iter().map(|inner| self.then(inner)))
            }
            Whereabouts::Unknown => Whereabouts::Unknown,
        }
    }
}

/// Whether the shell expands this word to the home directory (`~`) or to a path below it (`~/src`).
pub(super) fn is_below_home(word: &[u8]) -> bool {
    word == b"~" || word.starts_with(b"~/")
}

/// The path without `.`, and without each `..` that follows a name.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if names.last().is_some_and(|last| *last != b"..") => {
                names.pop();
            }
            b".." if path.starts_with(b"/") => {}
            name => names.push(name),
        }
    }
    let root: &[u8] = if path.starts_with(b"/") { b"/" } else { b"" };
    match [root, &names.join(&b'/')].concat() {
        nothing if nothing.is_empty() => b".".to_vec(),
        path => path,
    }
}

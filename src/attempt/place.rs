//! Places that see another file system tree or other ids than permwrap.

use crate::quote;

/// A place with another root directory, other mounts or other ids than permwrap's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// A container, by its name or id; empty if neither is known.
    Container(String),
    /// The sandbox that this program creates: `bwrap`.
    Sandbox(String),
    /// A chroot(2) with this root directory, given by its path here.
    Root(Vec<u8>),
    /// A mount namespace with a root directory of its own, of which nothing more is known.
    Tree,
    /// A mount namespace or user namespace of which nothing more is known.
    Namespace,
}

impl Place {
    /// In words that follow a verb: "in the container shop-web".
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Place::Container(name) if name.is_empty() => "in a container".to_owned(),
            Place::Container(name) => {
                format!("in the container {}", quote::display(name.as_bytes()))
            }
            Place::Sandbox(program) => {
                format!("in a sandbox ({})", quote::display(program.as_bytes()))
            }
            Place::Root(path) => format!("below the chroot {}", quote::display(path)),
            Place::Tree => "in a file system tree of its own".to_owned(),
            Place::Namespace => "in another namespace".to_owned(),
        }
    }
}

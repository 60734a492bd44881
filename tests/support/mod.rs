//! What every test file needs: when to skip, where the built permwrap is, and a [`World`] to fail in for real.
//!
//! ```no_run
//! mod support;
//! use support::World;
//!
//! #[test]
//! fn a_closed_directory_is_named() {
//!     let Some(world) = World::new() else { return };
//!     world.root("install -d -m 750 -o deploy -g www /srv/app && touch /srv/app/db");
//!     let ran = world.run("alice", "permwrap -- cat /srv/app/db");
//!     assert_eq!(ran.code(), 1, "{ran}");
//!     assert!(ran.stderr().contains("may not pass through /srv/app"), "{ran}");
//! }
//! ```
#![allow(
    dead_code,
    unused_imports,
    reason = "every file of tests uses another part of it"
)]

mod forked;
mod namespace;
mod skip;
pub mod svg;
mod terminal;
mod world;

pub use forked::{become_user, forked, own_mounts, shell};
pub use namespace::end_processes_of_namespace_of;
pub use skip::{
    is_long, is_root, long_or, needs_programs, needs_python_modules, needs_root, share, skip,
};
pub use terminal::{answered, typed};
pub use world::{Ran, World};

use std::path::PathBuf;

use permwrap::attempt::{Errno, Incident};
use permwrap::detect::{Pattern, Patterns, patterns_of_file};

/// The built-in patterns with their samples, which the program does not contain.
pub fn patterns_with_samples() -> Vec<Pattern> {
    let built_in = Patterns::builtin();
    let names: std::collections::BTreeSet<&str> = built_in
        .iter()
        .map(|pattern| pattern.file.as_str())
        .collect();
    let of_file = |name: &str| {
        let path = format!("{}/patterns/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).expect("a file of patterns");
        patterns_of_file(name, &text).expect("it is well formed")
    };
    names.into_iter().flat_map(of_file).collect()
}

/// The permwrap built for this test run.
pub fn permwrap() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_permwrap"))
}

/// The top directory of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// An incident in one line, for messages.
pub fn shown(incident: &Incident) -> String {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "[{}] {:?} {:?} {:?} address {:?} in {:?}",
        incident.pattern,
        incident.errno.map(Errno::symbol),
        incident.paths.iter().map(text).collect::<Vec<_>>(),
        incident
            .operations
            .iter()
            .map(|o| o.name())
            .collect::<Vec<_>>(),
        incident.address.as_ref().map(text),
        text(&incident.message),
    )
}

//! Never in the way: whatever goes wrong on permwrap's side stays there. Each fault is put in for real, and the command's
//! bytes, its exit status and its end are those that it has bare in the same surroundings.
//!
//! Debian packages: coreutils util-linux mount.

#[path = "../support/mod.rs"]
mod support;

mod run;

mod limits;
mod processes;
mod refused_calls;
mod surroundings;

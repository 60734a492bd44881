//! Failures of permwrap never affect the command. Each fault is injected for real; the command's output, exit status and end
//! must be the same as without permwrap in the same environment.
//!
//! Debian packages: coreutils util-linux mount.

#[path = "../support/mod.rs"]
mod support;

mod run;

mod limits;
mod processes;
mod refused_calls;
mod surroundings;

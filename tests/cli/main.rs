//! Tests the built permwrap from outside: real programs fail as temporary users, the explanation is compared with the known
//! cause, the first fix is applied, and the program is run again.
//!
//! Debian packages: acl bash coreutils dash e2fsprogs findutils git nodejs perl python3 strace tar util-linux.

#[path = "../support/mod.rs"]
mod support;

mod arguments;
mod case;
mod coreutils;
mod daily;
mod everyday;
mod evidence;
mod habits;
mod hints;
mod languages;
mod sandbox;
mod shells;
mod why;

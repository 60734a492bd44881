//! The built permwrap from the outside: real programs really fail as throw-away users, and what permwrap says of it is
//! compared with what is known, then its first fix is carried out and the program run again.
//!
//! Debian packages: acl bash coreutils dash e2fsprogs findutils git nodejs perl python3 tar util-linux.

#[path = "../support/mod.rs"]
mod support;

mod arguments;
mod case;
mod coreutils;
mod daily;
mod evidence;
mod habits;
mod hints;
mod languages;
mod sandbox;
mod shells;
mod why;

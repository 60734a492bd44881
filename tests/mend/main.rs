//! `permwrap fix` and `undo`, for real: each kind of change is made, proven by the kernel, and taken back bit for bit.
//!
//! Debian packages: acl, bsdutils, e2fsprogs, libcap2-bin, passwd, python3, strace, sudo.
#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod changes;
mod interrupted;
mod rounds;
mod scene;

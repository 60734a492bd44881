//! `permwrap fix` and `undo`: each kind of change is really made, proven by the kernel, and reverted bit for bit.
//!
//! Debian packages: acl, bsdutils, doas, e2fsprogs, libcap2-bin, nodejs, passwd, python3, python3-django, strace, sudo, tmux.
#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod came_back;
mod changes;
mod interrupted;
mod programs;
mod rounds;
mod scene;

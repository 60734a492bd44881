//! `permwrap --trace`: the calls that are seen, beside what strace sees, and the life of what is traced.
//!
//! Debian packages: gcc libc6-dev strace perl python3 gdb

#[path = "../support/mod.rs"]
mod support;

mod hints;
mod life;
mod oracle;
mod scene;
mod table;

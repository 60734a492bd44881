//! `permwrap --trace`: the observed calls compared with those of strace, and the life cycle of tracees.
//!
//! Debian packages: gcc libc6-dev strace perl python3 gdb git vim make nodejs npm psmisc bubblewrap curl openssl sqlite3 lsof rsync
//! openssh-client.

#[path = "../support/mod.rs"]
mod support;

mod hints;
mod life;
mod oracle;
mod scene;
mod table;

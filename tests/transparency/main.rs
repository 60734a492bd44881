//! The command cannot tell, and neither can anybody else: everything here runs twice in the same surroundings, bare and
//! behind permwrap, and what was seen is compared.
//!
//! In the scripts, `run` stands where permwrap would: `run cat file` is `cat file` the first time and `permwrap -- cat file`
//! the second. Another wrapper can be put in its place, for instance to see whether a test is right:
//! `PERMWRAP_UNDER_TEST=env cargo test --test transparency` (env passes nearly everything that needs no terminal). With
//! `PERMWRAP_UNDER_TEST="target/debug/permwrap --trace --"` (an absolute path) all is seen but what no tracer can hide.
//!
//! Debian packages: gcc libc6-dev perl python3 python3-pip python3-tqdm procps psmisc util-linux coreutils bash zsh fish tcsh less vim
//! nano htop dialog whiptail fzf pv git nodejs npm tmux sudo strace gdb

#[path = "../support/mod.rs"]
mod support;

mod pair;
mod scene;

mod cost;
mod end;
mod identity;
mod output;
mod signals;
mod terminal;

//! Neither the command nor anybody else can tell the difference: everything here runs twice in the same environment, without
//! and with permwrap, and the observations are compared.
//!
//! In the scripts, `run` stands for permwrap: `run cat file` is `cat file` in the first run and `permwrap -- cat file` in the
//! second, and `run --stdout cat file` is `permwrap --stdout -- cat file`. Another wrapper can take its place, for example to check a test itself: `PERMWRAP_UNDER_TEST=env cargo test --test
//! transparency` (env passes nearly everything that needs no terminal). With `PERMWRAP_UNDER_TEST="target/debug/permwrap
//! --trace --"` (an absolute path), everything is compared except what no tracer can hide.
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
mod stdout;
mod terminal;

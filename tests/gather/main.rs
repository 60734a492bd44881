//! Compares what is gathered with what system calls report. Most of it requires root.
//!
//! Debian packages: acl, bindfs, e2fsprogs, util-linux.

#[path = "../support/mod.rs"]
mod support;

mod comparison;
mod mounts;
mod objects;
mod paths;
mod processes;

use std::process::{Child, Stdio};

use permwrap::attempt::{Attempt, Errno, Object, Operation, Subject};
use permwrap::facts::{Facts, Walk};
use permwrap::gather;
use support::{World, forked, needs_programs, needs_root, own_mounts};
/// What this process gathers for reading the path.
fn read(path: &[u8]) -> Facts {
    gather::facts(&attempt(own(), Operation::READ, path))
}

/// Runs a test that requires root and these programs in a mount namespace of its own, with an empty `/mnt`.
fn in_own_mounts(programs: &[&str], test: impl FnOnce()) {
    if needs_root() && needs_programs(programs) {
        forked(|| {
            own_mounts();
            test();
        });
    }
}

fn own() -> Subject {
    gather::own_subject().expect("/proc is there")
}

fn attempt(subject: Subject, operation: Operation, path: &[u8]) -> Attempt {
    Attempt {
        subject,
        operation,
        object: Object::Path(path.to_vec()),
        to: None,
        directory: None,
        errno: None,
    }
}

/// The steps of a walk, each as a line `dir name -> found`.
fn steps(facts: &Facts, walk: &Walk) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let steps = walk.steps.iter().map(|step| {
        let found = match &step.found {
            Ok(Some(node)) => text(&facts.node(*node).path),
            Ok(None) => "nothing".to_owned(),
            Err(unknown) => unknown.errno.map_or("?", Errno::symbol).to_owned(),
        };
        let dir = text(&facts.node(step.dir).path);
        format!("{dir} {} {found}", text(&step.name))
    });
    steps.collect()
}

/// A waiting process of alice, with its credentials.
fn sleeper(world: &World) -> (Child, Subject) {
    let mut sleep = world.command("alice", "sleep");
    let child = sleep.arg("60").stdout(Stdio::null()).spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    wait_for("sleep", pid);
    (child, gather::subject(pid).unwrap())
}

/// Waits until the process has executed this program.
fn wait_for(program: &str, pid: i32) {
    for _ in 0..500 {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if name.trim() == program {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{pid} did not become {program}");
}

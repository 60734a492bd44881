//! Changes can be reverted, whenever permwrap is killed.

use super::scene::{By, fails, fix, state, undo, world};
use super::support::{Ran, World, needs_programs, share};

/// A refusal that alice meets, on objects that can be set up again and again.
struct Refusal {
    prepare: &'static str,
    paths: &'static str,
    command: &'static str,
}

const FILE: Refusal = Refusal {
    prepare: "rm -rf /srv/app
        install -d -m 750 -o deploy -g www /srv/app
        install -d -m 750 -o deploy -g www /srv/app/data
        install -m 640 -o deploy -g www /dev/null /srv/app/data/db",
    paths: "/srv/app /srv/app/data /srv/app/data/db",
    command: "cat /srv/app/data/db",
};

/// An immutable file of alice's that she may not write either: letting her takes several steps.
const TOOL: Refusal = Refusal {
    prepare: "chattr -i /home/alice/p/tool 2>/dev/null; rm -rf /home/alice/p
        install -d -o alice -g alice /home/alice/p
        install -o alice -g alice -m 555 /bin/true /home/alice/p/tool && chattr +i /home/alice/p/tool",
    paths: "/home/alice/p/tool",
    command: "bash -c 'echo -n >>p/tool'",
};

/// A file for which something is created first.
const LOG: Refusal = Refusal {
    prepare: "umount /var/log 2>/dev/null; mount -t tmpfs -o mode=755 log /var/log",
    paths: "/var/log/alice.log",
    command: "bash -c 'echo -n >>/var/log/alice.log'",
};

impl Refusal {
    /// Sets it up anew and lets alice meet it. Returns the state.
    fn met(&self, world: &World) -> String {
        world.root(self.prepare);
        let before = self.state(world);
        fails(world, self.command);
        before
    }

    fn state(&self, world: &World) -> String {
        state(world, self.paths)
    }
}

const FIX: &str = "permwrap fix --yes --as alice";

const UNDO: &str = "permwrap undo --yes";

/// Runs the command as root in alice's home. A fault (`signal=KILL`, `error=ENOSPC`) is injected into this call of that name.
fn with_fault(world: &World, fault: &str, (call, time): (&str, usize), command: &str) -> Ran {
    let injected = format!("-e trace={call} -e inject={call}:{fault}:when={time}");
    let strace = format!("strace -qq -o /dev/null -f {injected} {command}");
    world.run("root", &format!("cd /home/alice && {strace}"))
}

/// Every step: a system call, and the how manieth of that name. A short test takes a part of them.
fn steps<'c>(calls: &[(&'c str, usize)]) -> Vec<(&'c str, usize)> {
    let times = |(call, most): &(&'c str, usize)| {
        let call = *call;
        share(1..=*most, 2).map(move |time| (call, time))
    };
    calls.iter().flat_map(times).collect()
}

#[test]
fn killed_at_any_step_it_can_be_taken_back() {
    if !needs_programs(&["strace"]) {
        return;
    }
    let Some(world) = world() else { return };
    let mut changed = 0;
    for step in steps(&[("setxattr", 3), ("fsync", 4), ("renameat", 2)]) {
        let before = FILE.met(&world);
        let killed = with_fault(&world, "signal=KILL", step, FIX);
        assert!(killed.output.status.code() != Some(0), "{step:?}: {killed}");
        changed += usize::from(FILE.state(&world) != before);
        let undone = world.run("root", UNDO);
        assert!(
            undone.output.status.success() || undone.stderr().contains("there is no fix"),
            "{step:?}: {undone}"
        );
        assert_eq!(FILE.state(&world), before, "{step:?}: {undone}");
    }
    assert!(changed > 0, "none was killed in the middle");
}

#[test]
fn where_nothing_can_be_recorded_nothing_is_changed() {
    let Some(world) = world() else { return };
    let before = FILE.met(&world);
    world.root("mkdir -p /var/tmp/state && mount -t tmpfs -o size=8k full /var/tmp/state && dd if=/dev/zero of=/var/tmp/state/full 2>/dev/null; true");
    let fixed = fix(&world, By::Root);
    assert_ne!(fixed.code(), 0, "{fixed}");
    assert_eq!(FILE.state(&world), before, "{fixed}");
}

#[test]
fn what_others_changed_since_is_left_unless_it_is_forced() {
    let Some(world) = world() else { return };
    let before = FILE.met(&world);
    let fixed = fix(&world, By::Alice);
    assert_eq!(fixed.code(), 0, "{fixed}");
    world.root("setfacl -m u:bob:r /srv/app/data/db");
    let undone = undo(&world, By::Alice);
    assert_eq!(undone.code(), 1, "{undone}");
    assert!(
        undone
            .stderr()
            .contains("left: /srv/app/data/db was changed by others since"),
        "{undone}"
    );
    let theirs = state(&world, "/srv/app/data/db");
    assert!(theirs.contains("3002"), "{theirs}");
    let forced = world.run("alice", "permwrap undo --yes --force");
    assert_eq!(forced.code(), 0, "{forced}");
    assert_eq!(FILE.state(&world), before, "{forced}");
}

#[test]
fn two_at_once_change_it_once() {
    let Some(world) = world() else { return };
    let before = FILE.met(&world);
    let both = world.run(
        "alice",
        "permwrap fix --yes & permwrap fix --yes; wait; cat /srv/app/data/db",
    );
    assert_eq!(both.code(), 0, "{both}");
    let undone = undo(&world, By::Alice);
    assert_eq!(undone.code(), 0, "{undone}");
    assert_eq!(FILE.state(&world), before, "{both}\n{undone}");
}

#[test]
fn killed_at_any_step_of_the_way_back_it_can_be_gone_again() {
    if !needs_programs(&["strace"]) {
        return;
    }
    let Some(world) = world() else { return };
    let mut left_between = 0;
    for (refusal, calls) in [
        (
            FILE,
            &[("removexattr", 3), ("setxattr", 2), ("fsync", 3)][..],
        ),
        (TOOL, &[("chmod", 2), ("fchmodat", 2), ("ioctl", 4)]),
    ] {
        for step in steps(calls) {
            let before = refusal.met(&world);
            let fixed = fix(&world, By::Root);
            assert_eq!(fixed.code(), 0, "{fixed}");
            let after = refusal.state(&world);
            assert_ne!(after, before, "{fixed}");
            let _ = with_fault(&world, "signal=KILL", step, UNDO);
            let between = refusal.state(&world);
            left_between += usize::from(between != before && between != after);
            let undone = undo(&world, By::Root);
            let said = undone.stderr();
            assert!(
                undone.code() == 0 || said.contains("there is no fix"),
                "{step:?}: {undone}"
            );
            assert_eq!(refusal.state(&world), before, "{step:?}: {undone}");
        }
    }
    assert!(left_between > 0, "none was killed in the middle");
}

#[test]
fn where_the_disk_is_full_at_any_step_it_is_done_or_not_done() {
    if !needs_programs(&["strace"]) {
        return;
    }
    let Some(world) = world() else { return };
    let mut undone_at_once = 0;
    for refusal in [FILE, LOG] {
        for time in share(1..=6, 1) {
            let before = refusal.met(&world);
            let fixed = with_fault(&world, "error=ENOSPC", ("fsync", time), FIX);
            if fixed.code() == 0 {
                let undone = undo(&world, By::Root);
                assert_eq!(undone.code(), 0, "{time}: {fixed}\n{undone}");
            } else {
                undone_at_once += usize::from(time > 2);
            }
            assert_eq!(refusal.state(&world), before, "{time}: {fixed}");
        }
    }
    world.root("umount /var/log");
    assert!(undone_at_once > 0, "it never failed after a change");
}

#[test]
fn root_and_a_user_at_once_change_it_once() {
    let Some(world) = world() else { return };
    let before = FILE.met(&world);
    let both = world.run(
        "alice",
        "sudo sh -c 'cd /home/alice && permwrap fix --yes --as alice' & permwrap fix --yes; wait; cat /srv/app/data/db",
    );
    assert_eq!(both.code(), 0, "{both}");
    let _ = undo(&world, By::Alice);
    let _ = undo(&world, By::Root);
    assert_eq!(FILE.state(&world), before, "{both}");
}

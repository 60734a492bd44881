//! Changes can be reverted, whenever permwrap is killed.

use super::scene::{By, fails, fix, state, undo, world};
use super::support::{needs_programs, share};

const PATHS: &str = "/srv/app /srv/app/data /srv/app/data/db";

const SCENE: &str = "rm -rf /srv/app
    install -d -m 750 -o deploy -g www /srv/app
    install -d -m 750 -o deploy -g www /srv/app/data
    install -m 640 -o deploy -g www /dev/null /srv/app/data/db";

#[test]
fn killed_at_any_step_it_can_be_taken_back() {
    if !needs_programs(&["strace"]) {
        return;
    }
    let Some(world) = world() else { return };
    world.root(SCENE);
    let before = state(&world, PATHS);
    let mut changed = 0;
    for (call, most) in [("setxattr", 3), ("fsync", 4), ("renameat", 2)] {
        for time in share(1..=most, 2) {
            fails(&world, "cat /srv/app/data/db");
            let killed = world.run(
                "root",
                &format!(
                    "cd /home/alice && strace -qq -o /dev/null -f -e trace={call} \
                     -e inject={call}:signal=KILL:when={time} permwrap fix --yes --as alice"
                ),
            );
            assert!(
                killed.output.status.code() != Some(0),
                "{call} {time}: {killed}"
            );
            changed += usize::from(state(&world, PATHS) != before);
            let undone = world.run("root", "permwrap undo --yes");
            assert!(
                undone.output.status.success() || undone.stderr().contains("there is no fix"),
                "{call} {time}: {undone}"
            );
            assert_eq!(state(&world, PATHS), before, "{call} {time}: {undone}");
        }
    }
    assert!(changed > 0, "none was killed in the middle");
}

#[test]
fn where_nothing_can_be_recorded_nothing_is_changed() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    let before = state(&world, PATHS);
    fails(&world, "cat /srv/app/data/db");
    world.root("mkdir -p /var/tmp/state && mount -t tmpfs -o size=8k full /var/tmp/state && dd if=/dev/zero of=/var/tmp/state/full 2>/dev/null; true");
    let fixed = fix(&world, By::Root);
    assert_ne!(fixed.code(), 0, "{fixed}");
    assert_eq!(state(&world, PATHS), before, "{fixed}");
}

#[test]
fn what_others_changed_since_is_left_unless_it_is_forced() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    let before = state(&world, PATHS);
    fails(&world, "cat /srv/app/data/db");
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
    assert_eq!(state(&world, PATHS), before, "{forced}");
}

#[test]
fn two_at_once_change_it_once() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    let before = state(&world, PATHS);
    fails(&world, "cat /srv/app/data/db");
    let both = world.run(
        "alice",
        "permwrap fix --yes & permwrap fix --yes; wait; cat /srv/app/data/db",
    );
    assert_eq!(both.code(), 0, "{both}");
    let undone = undo(&world, By::Alice);
    assert_eq!(undone.code(), 0, "{undone}");
    assert_eq!(state(&world, PATHS), before, "{both}\n{undone}");
}

/// A file of root's with a set-user-ID bit, a flag and an ACL of its own in alice's directory: giving it back takes several steps.
const STEPS: &str = "chattr -i /home/alice/p/tool 2>/dev/null; rm -rf /home/alice/p
    install -d -o alice -g alice /home/alice/p
    install -m 4755 /bin/true /home/alice/p/tool && chattr +i /home/alice/p/tool";

#[test]
fn killed_at_any_step_of_the_way_back_it_can_be_gone_again() {
    if !needs_programs(&["strace"]) {
        return;
    }
    let Some(world) = world() else { return };
    let on_the_way = |call: &str, time: usize| {
        format!(
            "strace -qq -o /dev/null -f -e trace={call} -e inject={call}:signal=KILL:when={time} permwrap undo --yes"
        )
    };
    let mut left_between = 0;
    for (prepare, paths, command, steps) in [
        (
            SCENE,
            PATHS,
            "cat /srv/app/data/db",
            vec![("removexattr", 3), ("setxattr", 2), ("fsync", 3)],
        ),
        (
            STEPS,
            "/home/alice/p/tool",
            "bash -c 'echo -n >>p/tool'",
            vec![("fchownat", 1), ("chmod", 2), ("fchmodat", 2), ("ioctl", 4)],
        ),
    ] {
        for (call, most) in steps {
            for time in share(1..=most, 2) {
                world.root(prepare);
                let before = state(&world, paths);
                fails(&world, command);
                let fixed = fix(&world, By::Root);
                assert_eq!(fixed.code(), 0, "{fixed}");
                let after = state(&world, paths);
                assert_ne!(after, before, "{fixed}");
                let _ = world.run("root", &on_the_way(call, time));
                let between = state(&world, paths);
                left_between += usize::from(between != before && between != after);
                let undone = undo(&world, By::Root);
                let said = undone.stderr();
                assert!(
                    undone.code() == 0 || said.contains("there is no fix"),
                    "{call} {time}: {undone}"
                );
                assert_eq!(state(&world, paths), before, "{call} {time}: {undone}");
            }
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
    for (command, paths) in [
        ("cat /srv/app/data/db", PATHS),
        (
            "bash -c 'echo -n >>/var/log/alice.log'",
            "/var/log/alice.log",
        ),
    ] {
        for time in share(1..=6, 1) {
            world.root(SCENE);
            world.root("umount /var/log 2>/dev/null; mount -t tmpfs -o mode=755 log /var/log");
            let before = state(&world, paths);
            fails(&world, command);
            let fixed = world.run(
                "root",
                &format!(
                    "cd /home/alice && strace -qq -o /dev/null -f -e trace=fsync \
                     -e inject=fsync:error=ENOSPC:when={time} permwrap fix --yes --as alice"
                ),
            );
            if fixed.code() == 0 {
                let undone = undo(&world, By::Root);
                assert_eq!(undone.code(), 0, "{time}: {fixed}\n{undone}");
            } else {
                undone_at_once += usize::from(time > 2);
            }
            assert_eq!(state(&world, paths), before, "{time}: {fixed}");
        }
        world.root("umount /var/log");
    }
    assert!(undone_at_once > 0, "it never failed after a change");
}

#[test]
fn root_and_a_user_at_once_change_it_once() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    let before = state(&world, PATHS);
    fails(&world, "cat /srv/app/data/db");
    let both = world.run(
        "alice",
        "sudo sh -c 'cd /home/alice && permwrap fix --yes --as alice' & permwrap fix --yes; wait; cat /srv/app/data/db",
    );
    assert_eq!(both.code(), 0, "{both}");
    let _ = undo(&world, By::Alice);
    let _ = undo(&world, By::Root);
    assert_eq!(state(&world, PATHS), before, "{both}");
}

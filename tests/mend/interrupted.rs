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

//! An object that is replaced between judgement and change remains untouched. The attacks are made while permwrap asks for
//! confirmation.

use super::scene::{answered, fails, state, world};
use super::support::World;

/// A directory of alice with a file left there by root, and a victim that belongs to root.
fn scene(world: &World) {
    world.root(
        "rm -rf /home/alice/p /home/alice/q /home/victim
         install -d -o alice -g alice /home/alice/p /home/alice/p/d
         install -m 644 /dev/null /home/alice/p/d/out
         install -d /home/victim /home/victim/d
         install -m 600 /dev/null /home/victim/d/out; install -m 600 /dev/null /home/victim/out",
    );
    fails(world, "bash -c 'echo x >>p/d/out'");
}

/// The attack is made while the process of root asks. The victim must be unchanged, and nothing given away.
fn is_refused(world: &World, name: &str, attack: &str) {
    scene(world);
    let victims = "/home/victim /home/victim/d /home/victim/d/out /home/victim/out";
    let before = state(world, victims);
    let (text, code) = answered(world, "alice", "permwrap fix", || {
        world.root(attack);
    });
    assert_ne!(code, 0, "{name}: {text}");
    assert!(text.contains("nothing was changed"), "{name}: {text}");
    // An additional hard link shows only in the link count.
    assert_eq!(state(world, victims), before, "{name}: {text}");
}

#[test]
fn what_was_swapped_meanwhile_is_not_touched() {
    let Some(world) = world() else { return };
    for (name, attack) in [
        (
            "the file by a link",
            "cd /home/alice/p/d && mv out away && ln -s /home/victim/d/out out",
        ),
        (
            "the file by another name of the victim",
            "cd /home/alice/p/d && mv out away && ln /home/victim/d/out out",
        ),
        (
            "its directory by a link",
            "cd /home/alice/p && mv d away && ln -s /home/victim/d d",
        ),
        (
            "the top by a link",
            "cd /home/alice && mv p q && ln -s /home/victim p",
        ),
        (
            "the file by a mount",
            "mount --bind /home/victim/d/out /home/alice/p/d/out",
        ),
        (
            "its directory by a mount",
            "mount --bind /home/victim/d /home/alice/p/d",
        ),
        (
            "the file by a new one of the same name",
            "cd /home/alice/p/d && mv out away && install -m 644 /dev/null out",
        ),
    ] {
        is_refused(&world, name, attack);
        world.root("umount /home/alice/p/d/out /home/alice/p/d 2>/dev/null; true");
    }
}

#[test]
fn a_file_with_further_names_is_not_given_away() {
    let Some(world) = world() else { return };
    scene(&world);
    world.root(
        "rm /home/alice/p/d/out; chmod 644 /home/victim/out; ln /home/victim/out /home/alice/p/d/out",
    );
    let before = state(&world, "/home/victim/out");
    let ran = world.run("alice", "permwrap fix --yes");
    assert_ne!(ran.code(), 0, "{ran}");
    assert_eq!(state(&world, "/home/victim/out"), before, "{ran}");
}

#[test]
fn what_others_changed_meanwhile_is_left() {
    let Some(world) = world() else { return };
    scene(&world);
    let (text, code) = answered(&world, "alice", "permwrap fix", || {
        world.root("chmod 600 /home/alice/p/d/out");
    });
    assert_ne!(code, 0, "{text}");
    assert!(text.contains("was changed since it was judged"), "{text}");
    assert!(state(&world, "/home/alice/p/d/out").contains(" 600 0:0"));
}

#[test]
fn nothing_is_changed_where_nobody_says_yes() {
    let Some(world) = world() else { return };
    scene(&world);
    let before = state(&world, "/home/alice/p/d/out");
    for command in ["permwrap fix", "permwrap fix --dry-run"] {
        let ran = world.run("alice", command);
        assert_eq!(ran.code(), 1, "{ran}");
        assert_eq!(state(&world, "/home/alice/p/d/out"), before, "{ran}");
    }
    let undo = world.run("alice", "permwrap undo --yes");
    assert!(
        undo.stderr()
            .contains("there is no fix that could be taken back"),
        "{undo}"
    );
}

#[test]
fn a_planted_state_directory_is_not_trusted() {
    let Some(world) = world() else { return };
    scene(&world);
    // The records of another user in place of alice's: a directory that belongs to somebody else is ignored.
    world.root(
        "mv /home/alice/.local/state/permwrap /home/bob/theirs && chown -R bob:bob /home/bob/theirs && chmod 755 /home/bob
         ln -s /home/bob/theirs /home/alice/.local/state/permwrap",
    );
    let ran = world.run("root", "cd /home/alice && permwrap fix --yes --as alice");
    assert_eq!(ran.code(), 2, "{ran}");
    let ran = world.run("alice", "permwrap fix --yes");
    assert_eq!(ran.code(), 2, "{ran}");
}

/// Whatever alice's record says, root runs nothing that she wrote there, neither by itself nor through sudo.
#[test]
fn root_does_not_run_a_command_out_of_anothers_record() {
    let Some(world) = world() else { return };
    scene(&world);
    for ask in ["--yes --as alice --again", "--yes --again"] {
        world.root("chown root: /home/alice/p/d/out");
        fails(
            &world,
            "bash -c 'echo x >>p/d/out && id -u >>/home/alice/p/ran'",
        );
        let ran = world.run(
            "root",
            &format!("cd /home/alice && SUDO_UID=$(id -u alice) permwrap fix {ask}"),
        );
        assert_eq!(ran.code(), 0, "{ask}: {ran}");
        assert!(ran.stderr().contains("runs the command again"), "{ran}");
        assert_eq!(
            world.run("root", "cat /home/alice/p/ran").code(),
            1,
            "{ask}: {ran}"
        );
    }
}

/// As after `su` without a dash: the variable is alice's, and may lead anywhere.
#[test]
fn root_keeps_no_record_where_anothers_environment_says() {
    let Some(world) = world() else { return };
    world.root("ln -s /etc /home/alice/st; chown -h alice: /home/alice/st");
    for place in ["/home/alice/.local/state", "/home/alice/st"] {
        let ran = world.run(
            "root",
            &format!("XDG_STATE_HOME={place} permwrap -- rm /proc/version"),
        );
        assert!(ran.stderr().contains("permwrap: "), "{ran}");
    }
    let left = world.run(
        "root",
        "ls -d /home/alice/.local /etc/permwrap; ls /var/lib/permwrap/runs | wc -l",
    );
    assert_eq!(left.stdout(), "2\n", "{left}");
}

/// Whoever trusts root's files must not find there what somebody else wrote.
#[test]
fn what_was_written_since_does_not_become_roots() {
    let Some(world) = world() else { return };
    world.root(
        "install -d -o alice -g alice /home/alice/bin
         printf '#!/bin/sh\\necho good\\n' >/home/alice/bin/job; chmod 755 /home/alice/bin/job",
    );
    for (written, left) in [("", "0"), ("echo 'echo evil' >>bin/job; ", "3001")] {
        fails(&world, "bash -c 'echo >>bin/job'");
        let ran = world.run(
            "alice",
            &format!(
                "permwrap fix --yes && {{ {written}permwrap undo --yes; stat -c %u bin/job; }}"
            ),
        );
        assert!(
            ran.stdout().ends_with(&format!("{left}\n")),
            "{written}: {ran}"
        );
    }
    let forced = world.run("alice", "permwrap undo --yes --force; stat -c %u bin/job");
    assert_eq!(forced.stdout(), "0\n", "{forced}");
}

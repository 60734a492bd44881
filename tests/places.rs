//! Failures in other root directories, mounts and namespaces: the explanation is correct there, and no command is suggested
//! that would affect an object with the same path on this machine.
//!
//! Debian packages: bubblewrap, iproute2.

mod support;

use support::{Ran, World, needs_programs};

/// A tree that programs can run in, with a directory that only root may enter; outside of the tree, the same path is open to
/// everybody.
const TREE: &str = "mkdir -p /srv/tree/usr && mount --bind /usr /srv/tree/usr && cd /srv/tree && \
    for d in bin lib lib64; do ln -s usr/$d $d; done && \
    install -d -m 700 only && echo x > only/f && \
    install -d -m 755 /srv/open && echo x > /srv/open/f && chmod 644 /srv/open/f && \
    install -d -m 700 /srv/tree/srv/open && echo x > /srv/tree/srv/open/f";

fn assert_says(ran: &Ran, words: &[&str]) {
    for words in words {
        assert!(ran.stderr().contains(words), "{words:?} is missing\n{ran}");
    }
}

fn assert_never_says(ran: &Ran, words: &[&str]) {
    for words in words {
        assert!(!ran.stderr().contains(words), "{words:?} is said\n{ran}");
    }
}

#[test]
fn what_fails_below_a_chroot_is_judged_there() {
    let Some(world) = World::new() else { return };
    world.root(TREE);
    let ran = world.run(
        "root",
        "permwrap -- chroot --userspec=12345:12345 /srv/tree cat /only/f",
    );
    let words = [
        "below the chroot /srv/tree",
        "may not pass through /only",
        "/only there is /srv/tree/only here",
    ];
    assert_says(&ran, &words);
    assert_never_says(&ran, &["there is no /only", "sudo"]);
}

#[test]
fn one_that_lives_on_below_a_chroot_is_judged_there_too() {
    let Some(world) = World::new() else { return };
    world.root(TREE);
    let ran = world.run(
        "root",
        "permwrap -- chroot --userspec=12345:12345 /srv/tree sh -c 'cat /srv/open/f; sleep 1'",
    );
    let words = [
        "below the chroot /srv/tree",
        "may not pass through /srv/open",
        "/srv/open there is /srv/tree/srv/open here",
    ];
    assert_says(&ran, &words);
    // Here, everybody may read it.
    assert_never_says(&ran, &["can read /srv/open/f now"]);
}

#[test]
fn what_chroot_itself_is_refused_is_judged_here() {
    let Some(world) = World::new() else { return };
    world.root(TREE);
    let ran = world.run("alice", "permwrap -- chroot /srv/tree cat /only/f");
    assert_says(&ran, &["permwrap: "]);
    assert_never_says(&ran, &["below the chroot", "/only"]);
}

/// A sandbox that mounts a directory read-only which is writable here.
const SANDBOX: &str = "bwrap --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
    --ro-bind /srv/mine /srv/there --unshare-all --chdir /";

fn sandbox() -> Option<World> {
    if !needs_programs(&["bwrap"]) {
        return None;
    }
    let world = World::new()?;
    world.root("install -d -o alice /srv/mine; install -d -m 700 /srv/there");
    let works = world.run("alice", &format!("{SANDBOX} true"));
    if works.code() != 0 {
        support::skip(&format!("bwrap cannot make a sandbox here: {works}"));
        return None;
    }
    Some(world)
}

#[test]
fn a_mount_of_a_sandbox_is_no_mount_of_this_machine() {
    let Some(world) = sandbox() else { return };
    let ran = world.run(
        "alice",
        &format!("permwrap -- {SANDBOX} sh -c 'touch /srv/there/f; sleep 1'"),
    );
    let words = [
        "cannot create /srv/there/f in a sandbox (bwrap)",
        "/srv/there is mounted read-only",
        "/srv/there there is /srv/mine here",
        "--bind /srv/mine /srv/there instead of --ro-bind",
    ];
    assert_says(&ran, &words);
    assert_never_says(&ran, &["remount", "may not pass through"]);
}

#[test]
fn the_options_of_a_sandbox_tell_what_it_has_mounted_though_it_has_gone() {
    let Some(world) = sandbox() else { return };
    let run = SANDBOX;
    for _ in 0..3 {
        let ran = world.run("alice", &format!("permwrap -- {run} touch /srv/there/f"));
        assert_says(&ran, &["/srv/there is mounted read-only"]);
    }
    // Nothing tells what lies outside of the mounts.
    let ran = world.run("alice", &format!("permwrap -- {run} mkdir /srv/open/x"));
    assert_never_says(&ran, &["may not", "is mounted read-only"]);
}

#[test]
fn one_that_was_gone_too_soon_is_not_judged_by_what_is_here() {
    let Some(world) = sandbox() else { return };
    for _ in 0..5 {
        let ran = world.run(
            "alice",
            &format!("permwrap -- {SANDBOX} touch /srv/there/f"),
        );
        assert_says(&ran, &["in a sandbox (bwrap)"]);
        assert_never_says(
            &ran,
            &["remount", "may not pass through", "setfacl", "chmod"],
        );
    }
}

#[test]
fn a_recursive_mount_of_a_sandbox_is_read_only_below_as_well() {
    let Some(world) = sandbox() else { return };
    // Here, /srv is a mount of its own below /.
    let ran = world.run(
        "alice",
        "permwrap -- bwrap --ro-bind / / --dev /dev touch /srv/mine/new",
    );
    let words = [
        "cannot create /srv/mine/new in a sandbox (bwrap)",
        "is mounted read-only",
        "--bind /srv/mine /srv/mine after its --ro-bind options",
    ];
    assert_says(&ran, &words);
    // What root alone may write is not made writable by an option.
    let refused = "permwrap -- bwrap --ro-bind / / --dev /dev touch /srv/new";
    let ran_as_alice = world.run("alice", refused);
    assert_says(&ran_as_alice, &["is mounted read-only"]);
    assert_never_says(&ran_as_alice, &["--bind"]);
    assert_never_says(&ran, &["fsck", "dmesg"]);
}

#[test]
fn a_file_that_is_emptied_is_refused_by_the_mount_before_its_mode() {
    let Some(world) = World::new() else { return };
    world.root("mkdir -p /srv/set && echo 1 > /srv/set/f && mount --bind /srv/set /srv/set && mount -o remount,bind,ro /srv/set");
    let ran = world.run("alice", "permwrap -- sh -c 'echo 2 > /srv/set/f'");
    assert_says(&ran, &["because  /srv/set is mounted read-only"]);
    // Nothing of the kind is said of one that is added to.
    let ran = world.run("alice", "permwrap -- sh -c 'echo 2 >> /srv/set/f'");
    assert_says(&ran, &["alice may read /srv/set/f, but not write it"]);
}

#[test]
fn a_user_namespace_changes_ids_but_no_files() {
    let Some(world) = sandbox() else { return };
    let run = "unshare --map-root-user";
    if world.run("alice", &format!("{run} true")).code() != 0 {
        return support::skip("unshare cannot make a user namespace here");
    }
    let ran = world.run("alice", &format!("permwrap -- {run} cat /srv/there/f"));
    let words = [
        "cannot read /srv/there/f",
        "/srv/there",
        "does not exist in here",
    ];
    assert_says(&ran, &words);
}

#[test]
fn root_of_a_user_namespace_rules_what_was_made_with_it() {
    let Some(world) = World::new() else { return };
    if world.run("alice", "unshare -r true").code() != 0 {
        return support::skip("unshare cannot make a user namespace here");
    }
    for (command, words) in [
        (
            "unshare -r mount -t tmpfs none /mnt",
            "with --mount it gets its own",
        ),
        (
            "unshare -r ip link add d0 type dummy",
            "with --net it gets its own",
        ),
        (
            "unshare -rm mount -t ext4 /dev/null /mnt",
            "only those that need no device",
        ),
        (
            "unshare -r setpriv --clear-groups true",
            "setgroups(2) is forbidden in it",
        ),
    ] {
        let run = || world.run("alice", &format!("permwrap -- {command}"));
        let says = |ran: &Ran| {
            let said = ran.stderr();
            let said: Vec<&str> = said.split_whitespace().collect();
            said.join(" ").contains(words)
        };
        // On a busy machine it may end before it is looked at; then it is not known which of the programs failed.
        let mut ran = run();
        for _ in 0..10 {
            if says(&ran) || !ran.stderr().contains("it is not known") {
                break;
            }
            ran = run();
        }
        assert!(says(&ran), "{words:?} is missing\n{ran}");
    }
}

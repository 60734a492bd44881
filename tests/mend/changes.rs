//! Every kind of change.

use permwrap::attempt::{Attempt, Capability, Object, Operation, Subject};
use permwrap::change::Change;
use permwrap::facts::Facts;
use permwrap::mend::deed::Undone;
use permwrap::mend::plan::plan;
use permwrap::remedy::Fix;

use super::scene::{By, fails, fix, fix_asked, state, undo, world};
use super::support::{World, needs_programs};

/// The command fails for alice, is fixed, and works; reverting the fix restores the previous state.
fn goes_there_and_back(world: &World, by: By, command: &str, paths: &str) {
    let before = state(world, paths);
    let ran = fails(world, command);
    let fixed = fix(world, by);
    assert_eq!(fixed.code(), 0, "{ran}\n{fixed}");
    assert!(fixed.stderr().contains("alice can "), "{fixed}");
    let stranger = world.run("bob", command);
    assert_ne!(stranger.code(), 0, "{fixed}\n{stranger}");
    let works = world.run("alice", command);
    assert_eq!(works.code(), 0, "{ran}\n{fixed}\n{works}");
    assert_ne!(state(world, paths), before, "{fixed}");
    let undone = undo(world, by);
    assert_eq!(undone.code(), 0, "{fixed}\n{undone}");
    assert_eq!(state(world, paths), before, "{fixed}\n{undone}");
    let again = world.run("alice", command);
    assert_ne!(again.code(), 0, "{again}");
}

#[test]
fn ones_own_file_gets_its_bit_and_loses_it() {
    let Some(world) = world() else { return };
    world.root("install -m 400 -o alice -g alice /dev/null /home/alice/notes");
    for by in [By::Alice, By::Root] {
        goes_there_and_back(
            &world,
            by,
            "sh -c 'echo x >>/home/alice/notes'",
            "/home/alice/notes",
        );
        world.root("truncate -s 0 /home/alice/notes");
    }
}

#[test]
fn the_whole_way_is_put_right_in_one_go() {
    let Some(world) = world() else { return };
    world.root(
        "install -d -m 750 -o deploy -g www /srv/app
         install -d -m 750 -o deploy -g www /srv/app/data
         install -m 640 -o deploy -g www /dev/null /srv/app/data/db",
    );
    for by in [By::Alice, By::Root] {
        goes_there_and_back(
            &world,
            by,
            "cat /srv/app/data/db",
            "/srv/app /srv/app/data /srv/app/data/db",
        );
    }
}

#[test]
fn what_root_left_in_ones_own_directory_is_given_back() {
    let Some(world) = world() else { return };
    world.root(
        "install -d -o alice -g alice /home/alice/p; install -m 644 /dev/null /home/alice/p/out",
    );
    for by in [By::Alice, By::Root] {
        goes_there_and_back(&world, by, "bash -c 'echo -n >>p/out'", "/home/alice/p/out");
    }
}

#[test]
fn a_whole_tree_that_root_left_is_given_back_without_what_is_mounted_or_linked_there() {
    let Some(world) = world() else { return };
    world.root(
        "install -d -o alice -g alice /home/alice/p /home/alice/p/.git
         install -d /home/alice/p/build /home/alice/p/build/mnt /srv/other
         cd /home/alice/p; for n in 1 2 3 4 5 6 7 8; do touch build/$n; install -o alice -g alice /dev/null own$n; done
         touch /srv/other/f; mount --bind /srv/other build/mnt
         install -m 600 /dev/null build/private; touch /srv/twin; ln /srv/twin build/twin; ln -s /srv/other/f build/link",
    );
    let others = "/srv/other /srv/other/f /srv/twin /home/alice/p/build/private";
    let paths = "/home/alice/p/build /home/alice/p/build/1 /home/alice/p/build/8 /srv/other /srv/other/f /srv/twin";
    let before = state(&world, others);
    for by in [By::Alice, By::Root] {
        goes_there_and_back(&world, by, "bash -c 'echo -n >>p/build/1'", paths);
        fails(&world, "bash -c 'echo -n >>p/build/1'");
        let fixed = fix(&world, by);
        assert_eq!(fixed.code(), 0, "{fixed}");
        assert_eq!(state(&world, others), before, "{fixed}");
        undo(&world, by);
    }
    world.root("umount /home/alice/p/build/mnt");
}

#[test]
fn a_mark_is_taken_off_and_comes_back() {
    let Some(world) = world() else { return };
    for (mark, command) in [
        ("i", "bash -c 'echo -n >>/home/alice/notes'"),
        ("a", "bash -c 'echo -n >/home/alice/notes'"),
    ] {
        world.root(&format!(
            "install -m 640 -o alice -g alice /dev/null /home/alice/notes && chattr +{mark} /home/alice/notes"
        ));
        for by in [By::Alice, By::Root] {
            goes_there_and_back(&world, by, command, "/home/alice/notes");
        }
        world.root("chattr -ia /home/alice/notes; rm /home/alice/notes");
    }
}

#[test]
fn a_mask_that_takes_an_entry_away_is_widened() {
    let Some(world) = world() else { return };
    world.root(
        "install -m 600 -o deploy -g www /dev/null /srv/db && setfacl -m u:alice:rw,m::r /srv/db",
    );
    for by in [By::Alice, By::Root] {
        goes_there_and_back(&world, by, "bash -c 'echo -n >>/srv/db'", "/srv/db");
    }
}

#[test]
fn set_group_id_survives_an_acl_and_its_undoing() {
    let Some(world) = world() else { return };
    world.root(
        "install -d -m 2750 -o deploy -g www /srv/app && install -m 644 /dev/null /srv/app/f",
    );
    for by in [By::Alice, By::Root] {
        goes_there_and_back(&world, by, "cat /srv/app/f", "/srv/app /srv/app/f");
    }
}

#[test]
fn a_group_that_is_meant_for_it_is_joined_and_left() {
    if !needs_programs(&["python3", "usermod", "gpasswd"]) {
        return;
    }
    let Some(world) = world() else { return };
    world.root(
        "cat >/home/alice/c.py <<'END'\nimport socket\nsocket.socket(socket.AF_UNIX).connect('/srv/s')\nEND
         (cd /srv && exec setsid /usr/bin/python3 -c \"import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('/srv/s'); s.listen(9); time.sleep(600)\" >/dev/null 2>&1 &)
         for i in $(seq 100); do [ -S /srv/s ] && break; sleep 0.1; done
         chown root:team /srv/s && chmod 660 /srv/s",
    );
    let members = |world: &World| world.root("grep ^team: /etc/group").stdout();
    let before = members(&world);
    for by in [By::Alice, By::Root] {
        let command = "/usr/bin/python3 /home/alice/c.py";
        fails(&world, command);
        // Nothing in the message names the socket, so a fix requires confirmation. The second question is about sg(1); root's
        // session is not alice's.
        let (fixed, code) = fix_asked(&world, by);
        assert_eq!(code, 0, "{fixed}");
        let questions = if by == By::Alice { 2 } else { 1 };
        assert_eq!(fixed.matches("[y/N]").count(), questions, "{fixed}");
        assert_ne!(members(&world), before, "{fixed}");
        // Each run is a new login.
        let works = world.run("alice", command);
        assert_eq!(works.code(), 0, "{fixed}\n{works}");
        let undone = undo(&world, by);
        assert_eq!(undone.code(), 0, "{undone}");
        assert_eq!(members(&world), before, "{undone}");
    }
}

#[test]
fn a_read_only_mount_that_is_meant_to_be_written_is_so_again() {
    let Some(world) = world() else { return };
    world.root(
        "mkdir /srv/data && mount -t tmpfs -o mode=755,uid=3001,gid=3001 data /srv/data && mount -o remount,ro /srv/data
         echo 'data /srv/data tmpfs rw,defaults 0 0' >>/etc/fstab",
    );
    let options = |world: &World| world.root("findmnt -no OPTIONS /srv/data").stdout();
    let before = options(&world);
    for by in [By::Alice, By::Root] {
        let command = "touch /srv/data/f";
        let ran = fails(&world, command);
        // It concerns everybody, so it is not made unasked.
        let unasked = fix(&world, by);
        assert_ne!(unasked.code(), 0, "{unasked}");
        assert_eq!(options(&world), before, "{unasked}");
        let (fixed, code) = fix_asked(&world, by);
        assert_eq!(code, 0, "{ran}\n{fixed}");
        let works = world.run("alice", command);
        assert_eq!(works.code(), 0, "{fixed}\n{works}");
        world.run("alice", "rm /srv/data/f");
        let undone = undo(&world, by);
        assert_eq!(undone.code(), 0, "{undone}");
        assert_eq!(options(&world), before, "{undone}");
    }
}

#[test]
fn a_mount_in_ones_own_directory_is_changed_through_its_descriptor() {
    let Some(world) = world() else { return };
    world.root(
        "cd /home/alice; install -d -o alice ro tmp run from; install -m 755 -o alice /dev/null run/f
         mount --bind from ro; mount -o remount,bind,ro,nosuid ro
         mount -t tmpfs -o size=1m,mode=755,uid=3001,gid=3001 own tmp; mount -o remount,ro tmp
         mount --bind run run; mount -o remount,bind,noexec,nodev run; cp /bin/true run/f",
    );
    let options = || {
        world.root("for m in ro tmp run; do findmnt -no OPTIONS,FS-OPTIONS /home/alice/$m; done")
    };
    let before = options().stdout();
    for command in ["touch ro/f", "touch tmp/f", "./run/f"] {
        let ran = fails(&world, command);
        let (fixed, code) = fix_asked(&world, By::Alice);
        assert_eq!(code, 0, "{ran}\n{fixed}");
        let works = world.run("alice", &format!("{command} && rm -f ro/f tmp/f"));
        assert_eq!(works.code(), 0, "{fixed}\n{works}");
        let undone = undo(&world, By::Alice);
        assert_eq!(undone.code(), 0, "{undone}");
        assert_eq!(options().stdout(), before, "{undone}");
    }
}

#[test]
fn a_mount_that_others_changed_since_is_left() {
    let Some(world) = world() else { return };
    world.root(
        "mkdir /srv/data && mount -t tmpfs -o mode=755,uid=3001,gid=3001 data /srv/data && mount -o remount,ro /srv/data
         echo 'data /srv/data tmpfs rw,defaults 0 0' >>/etc/fstab",
    );
    fails(&world, "touch /srv/data/f");
    let (fixed, code) = fix_asked(&world, By::Alice);
    assert_eq!(code, 0, "{fixed}");
    world.root("mount -o remount,rw,noexec /srv/data");
    let left = undo(&world, By::Alice);
    assert!(
        left.stderr().contains("mounted again or differently since"),
        "{left}"
    );
    let options = world.root("findmnt -no OPTIONS /srv/data").stdout();
    assert!(options.starts_with("rw,noexec"), "{options}");
    let forced = world.run("alice", "permwrap undo --yes --force");
    assert_eq!(forced.code(), 0, "{forced}");
    let options = world.root("findmnt -no OPTIONS /srv/data").stdout();
    assert!(options.starts_with("ro"), "{options}");
}

#[test]
fn a_log_that_cannot_be_made_is_made_and_taken_away_while_it_is_empty() {
    let Some(world) = world() else { return };
    world.root("mount -t tmpfs -o mode=755 log /var/log");
    let command = "bash -c 'echo -n >>/var/log/alice.log'";
    for by in [By::Alice, By::Root] {
        let ran = fails(&world, command);
        let fixed = fix(&world, by);
        assert_eq!(fixed.code(), 0, "{ran}\n{fixed}");
        let works = world.run("alice", command);
        assert_eq!(works.code(), 0, "{fixed}\n{works}");
        if by == By::Root {
            world.run("alice", "echo x >>/var/log/alice.log");
            let left = undo(&world, by);
            assert!(left.stderr().contains("has something in it now"), "{left}");
            world.root("truncate -s 0 /var/log/alice.log");
        }
        let undone = undo(&world, by);
        assert_eq!(undone.code(), 0, "{undone}");
        assert_eq!(world.root("ls /var/log").stdout(), "", "{undone}");
    }
}

#[test]
fn a_program_of_ones_own_gets_a_capability_and_loses_it() {
    let Some(world) = world() else { return };
    world.root(
        "install -m 755 -o alice -g alice /bin/true /srv/server && setcap cap_net_raw=ep /srv/server",
    );
    let before = state(&world, "/srv/server");
    let attempt = Attempt {
        subject: Subject::login(3001, 3001, Vec::new()),
        operation: Operation::Bind,
        object: Object::Port {
            address: "127.0.0.1".to_owned(),
            port: 80,
        },
        to: None,
        directory: None,
        errno: None,
    };
    let change = Change::FileCapability {
        program: b"/srv/server".to_vec(),
        capability: Capability::NetBindService,
    };
    let fix = Fix {
        changes: vec![change],
        ..Fix::advice("let the program listen".to_owned())
    };
    let mut deeds = world.inside(|_| plan(&attempt, &Facts::default(), &fix).expect("a plan"));
    world.inside(|_| deeds[0].perform().expect("root may"));
    let after = state(&world, "/srv/server");
    assert!(
        after.contains("cap_net_bind_service,cap_net_raw=ep"),
        "{after}"
    );
    let undone = world.inside(|_| deeds[0].undo(true, false));
    assert_eq!(undone, Ok(Undone::Back));
    assert_eq!(state(&world, "/srv/server"), before);
}

#[test]
fn a_tree_that_was_to_be_deleted_is_given_back_as_a_whole() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -d -o alice -g alice /home/alice/p; install -d /home/alice/p/build/{a,b}
         touch /home/alice/p/build/{a,b}/f",
    );
    let _ = world.run("alice", "permwrap -- rm -rf p/build");
    let fixed = world.run("root", "cd /home/alice && permwrap fix --as alice --yes");
    assert_eq!(fixed.code(), 0, "{fixed}");
    let owners = world
        .root("find /home/alice/p/build -printf '%u\\n' | sort -u")
        .stdout();
    assert_eq!(owners, "alice\n");
    world.run("alice", "rm -rf p/build").ok();
}

//! Each reason that `permwrap history` can give why a fix did not last.

use super::scene::{answered, fails, world};
use super::support::{World, needs_programs};

/// A refusal that is fixed, and comes back because of what somebody does.
struct Back {
    prepare: &'static str,
    command: &'static str,
    /// What is done after the fix, by root.
    then: &'static str,
    why: &'static str,
}

/// Fails, is fixed, and fails again. Returns what the history says.
fn history(world: &World, back: &Back) -> String {
    world.root(back.prepare);
    world.run("alice", "rm -rf .local/state/permwrap");
    fails(world, back.command);
    let (fixed, code) = answered(world, "alice", "permwrap fix", || {});
    assert_eq!(code, 0, "{}: {fixed}", back.why);
    // Times are kept in seconds.
    world.root(&format!("sleep 1.1; {}", back.then));
    fails(world, back.command);
    world.run("alice", "permwrap history").stdout()
}

const APP: &str = "rm -rf /srv/app; install -d -m 755 -o deploy -g www /srv/app
    install -m 640 -o deploy -g www /dev/null /srv/app/db";

const NOTES: &str = "chattr -i /home/alice/notes 2>/dev/null; rm -rf /home/alice/notes";

#[test]
fn what_became_of_an_object_is_told() {
    let Some(world) = world() else { return };
    for back in [
        Back {
            prepare: APP,
            command: "cat /srv/app/db",
            then: "setfacl -m u:alice:--- /srv/app/db",
            why: "/srv/app/db got another ACL, on ",
        },
        Back {
            prepare: APP,
            command: "cat /srv/app/db",
            then: "chgrp bob /srv/app/db; setfacl -x u:alice /srv/app/db",
            why: "/srv/app/db was given to another group (3002), on ",
        },
        Back {
            prepare: APP,
            command: "bash -c 'echo -n >>/srv/app/db'",
            then: "rm /srv/app/db",
            why: "/srv/app/db is gone since",
        },
        Back {
            prepare: "install -m 400 -o alice -g alice /dev/null /home/alice/notes",
            command: "bash -c 'echo -n >>notes'",
            then: "chmod 400 /home/alice/notes",
            why: "/home/alice/notes got mode 0400, where 0600 was set, on ",
        },
        Back {
            prepare: "install -m 600 -o alice -g alice /dev/null /home/alice/notes; chattr +i /home/alice/notes",
            command: "bash -c 'echo -n >>notes'",
            then: "chattr +i /home/alice/notes",
            why: "/home/alice/notes was marked again (chattr), on ",
        },
        Back {
            prepare: "install -m 644 /dev/null /home/alice/notes",
            command: "bash -c 'echo -n >>notes'",
            then: "rm /home/alice/notes; install -m 644 /dev/null /home/alice/notes",
            why: "made by root: whatever makes it decides its owner and mode",
        },
    ] {
        world.root(NOTES);
        let told = history(&world, &back);
        let came_back = told.split_once("came back: ").map(|(_, why)| why);
        assert!(
            came_back.is_some_and(|why| why.contains(back.why)),
            "{}: {told}",
            back.why
        );
    }
}

#[test]
fn what_was_taken_back_is_told() {
    let Some(world) = world() else { return };
    world.root(APP);
    fails(&world, "cat /srv/app/db");
    let fixed = world.run(
        "alice",
        "permwrap fix --yes && sleep 1.1 && permwrap undo --yes",
    );
    assert_eq!(fixed.code(), 0, "{fixed}");
    fails(&world, "cat /srv/app/db");
    let told = world.run("alice", "permwrap history").stdout();
    assert!(told.contains("came back: it was taken back"), "{told}");
}

#[test]
fn what_became_of_a_log_a_group_and_a_mount_is_told() {
    let Some(world) = world() else { return };
    for back in [
        Back {
            prepare: "mount -t tmpfs -o mode=755 log /var/log",
            command: "bash -c 'echo -n >>/var/log/alice.log'",
            then: "rm /var/log/alice.log",
            why: "/var/log/alice.log has been removed since",
        },
        Back {
            prepare: "mkdir /srv/data && mount -t tmpfs -o mode=755,uid=3001,gid=3001 data /srv/data && mount -o remount,ro /srv/data
                      echo 'data /srv/data tmpfs rw,defaults 0 0' >>/etc/fstab",
            command: "touch /srv/data/f",
            then: "mount -o remount,ro /srv/data",
            why: "/srv/data has been mounted again or differently since",
        },
        Back {
            prepare: "install -m 660 -g team /dev/null /srv/list; sed -i 's/^alice ALL.*/&/' /etc/sudoers.d/test
                      mkdir /mnt/up /mnt/work && mount -t overlay -o lowerdir=/usr/bin,upperdir=/mnt/up,workdir=/mnt/work bin /usr/bin && rm /usr/bin/setfacl",
            command: "cat /srv/list",
            then: "gpasswd -d alice team",
            why: "alice is in group team no longer",
        },
    ] {
        let told = history(&world, &back);
        assert!(told.contains(&format!("came back: {}", back.why)), "{}: {told}", back.why);
    }
}

#[test]
fn what_became_of_a_capability_and_a_setting_is_told() {
    if !needs_programs(&["python3", "unshare"]) {
        return;
    }
    let Some(world) = world() else { return };
    world.root("printf 'import socket\\nsocket.socket().bind((\"127.0.0.1\", 81))\\n' >/home/alice/bind.py");
    // In a network namespace of its own, where a kernel setting is nobody else's.
    let there = |program: &str, then: &str| {
        world.root("rm -rf /home/alice/.local");
        let (told, _) = answered(
            &world,
            "root",
            &format!(
                "unshare -n -- bash -c '
                 alice() {{ setpriv --reuid alice --regid alice --init-groups -- env -C /home/alice HOME=/home/alice USER=alice \"$@\"; }}
                 for i in $(seq 9); do alice permwrap -- {program} bind.py 2>&1 | cat >/dev/null; alice permwrap fix && break; done
                 sleep 1.1; {then}
                 alice permwrap -- {program} bind.py; alice permwrap history'"
            ),
            || {},
        );
        told
    };
    let told = there(
        "/usr/bin/python3",
        "echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start",
    );
    let why = "came back: net.ipv4.ip_unprivileged_port_start is 1024 again";
    assert!(told.contains(why), "{told}");
    world.root("install -o alice -g alice $(readlink -f /usr/bin/python3) /srv/server");
    let told = there(
        "/srv/server",
        "cat $(readlink -f /usr/bin/python3) >/srv/server",
    );
    assert!(
        told.contains("came back: /srv/server has lost its capability"),
        "{told}"
    );
}

//! Every kind of fix is really made by root, in a world of its own. Afterwards the refused access succeeds, the subject has
//! lost no access, everybody else who was refused is still refused, and the state is the one that the change predicted.
//!
//! Debian packages: acl, e2fsprogs, util-linux.

mod support;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use permwrap::attempt::{Attempt, Object, Operation};
use permwrap::change::{Change, Effect};
use permwrap::facts::{Facts, Inode};
use permwrap::judge::{self, Verdict};
use permwrap::remedy::{Fix, Remedy, remedy};
use permwrap::{gather, quote};
use support::World;

/// Users whose access is compared before and after. "nobody" stands for a user that no scene mentions.
const PEOPLE: &[&str] = &["alice", "bob", "deploy", "www", "nobody"];

/// A refusal to be fixed.
struct Scene {
    /// Prepares the scene, run by root.
    prepare: &'static str,
    /// The user who is refused.
    user: &'static str,
    /// The refused operation, as in `permwrap why`, and the path.
    operation: &'static str,
    path: &'static str,
    /// The same access as a command.
    access: &'static str,
}

/// The facts, and the fixes for the attempt.
struct Seen {
    attempt: Attempt,
    facts: Facts,
    remedy: Remedy,
}

/// The facts as seen inside the world, in which the commands are run as well.
fn facts_here(attempt: &Attempt) -> Facts {
    let mut facts = gather::facts(attempt);
    facts.surroundings.elsewhere = false;
    facts
}

/// The remedy for a refusal.
fn remedy_for(attempt: &Attempt, facts: &Facts) -> Remedy {
    match judge::judge(&attempt.subject, &attempt.operation, &attempt.object, facts) {
        Verdict::Denied(denial) => remedy(attempt, facts, &denial),
        verdict => panic!("{attempt:?}: {verdict:?}"),
    }
}

impl Scene {
    fn attempt(&self, pid: i32) -> Attempt {
        let mut subject = gather::subject_as(self.user).expect("the world has this user");
        subject.pid = Some(pid);
        Attempt {
            subject,
            operation: Operation::from_name(self.operation).expect("an operation"),
            object: Object::Path(self.path.as_bytes().to_vec()),
            to: None,
            directory: None,
            errno: None,
        }
    }

    fn look(&self, world: &World) -> Seen {
        world.inside(|pid| {
            let attempt = self.attempt(pid);
            let mut facts = facts_here(&attempt);
            let view = gather::View::of(&attempt.subject);
            facts.surroundings.leftovers = view.leftovers(&attempt, &facts);
            let remedy = remedy_for(&attempt, &facts);
            Seen {
                attempt,
                facts,
                remedy,
            }
        })
    }

    /// Makes the fix at this position of the list, in a new world, and compares.
    fn try_fix(&self, at: usize) -> Option<Fix> {
        let world = World::new()?;
        world.root(self.prepare);
        // What permwrap remembers is kept there.
        world.run(self.user, "mkdir -p .local/state");
        let seen = self.look(&world);
        let fix = seen.remedy.fixes.get(at)?.clone();
        assert!(!fix.led_astray || at == 0, "`permwrap fix` makes the first");
        let goes_around = matches!(fix.changes.as_slice(), [Change::RunThrough { .. }]);
        if fix.argv.is_empty() && !fix.led_astray || !fix.verified && !goes_around {
            return Some(fix);
        }
        let paths: Vec<Vec<u8>> = seen
            .facts
            .nodes
            .iter()
            .map(|node| node.path.clone())
            .collect();
        let before = rights(&world, &paths);
        assert_ne!(
            world.run(self.user, self.access).code(),
            0,
            "{} is refused before",
            self.access
        );
        if fix.led_astray {
            let Scene {
                user,
                operation,
                path,
                ..
            } = self;
            world.run(user, &format!("permwrap why {operation} {path}"));
            world.root(&format!(
                "mount -t tmpfs -o mode=755 lib /var/lib; cd /home/{user}; permwrap fix --yes --as {user}"
            ));
        }
        for command in &fix.commands() {
            let by = if fix.needs_root { "root" } else { self.user };
            let _ = world.run(by, command).ok();
        }
        if goes_around {
            return Some(fix);
        }
        self.compare_prediction(&world, &seen, &fix);
        self.compare_rights(&before, &rights(&world, &paths), &fix);
        let _ = world.run(self.user, self.access).ok();
        if !matches!(seen.attempt.operation, Operation::Delete) {
            self.take_back(&world, &seen, &fix);
        }
        Some(fix)
    }

    /// Reverts the fix by its inverse, which must restore everything.
    fn take_back(&self, world: &World, seen: &Seen, fix: &Fix) {
        let mut subject = seen.attempt.subject.clone();
        let mut facts = seen.facts.clone();
        let mut undo = Vec::new();
        for change in &fix.changes {
            // A tree requires a record of the previous state, which is not part of these tests.
            let Some(inverse) = change.inverse(&subject, &facts) else {
                return;
            };
            change.apply(&mut subject, &mut facts);
            undo.push(inverse);
        }
        for change in undo.into_iter().rev().flatten() {
            let argv = change.argv(&subject, &facts).expect("a command undoes it");
            let _ = world.run("root", &quote::command(&argv)).ok();
            change.apply(&mut subject, &mut facts);
        }
        let (again, facts) = world.inside(|pid| {
            let attempt = self.attempt(pid);
            let facts = facts_here(&attempt);
            (attempt.subject, facts)
        });
        assert_eq!(facts.nodes, seen.facts.nodes, "{fix:?} is not taken back");
        assert_eq!(facts.walk, seen.facts.walk, "{fix:?} is not taken back");
        assert_eq!(facts.mounts, seen.facts.mounts, "{fix:?} is not taken back");
        assert_eq!(again.groups, seen.attempt.subject.groups, "{fix:?}");
    }

    fn compare_rights(&self, before: &[Right], after: &[Right], fix: &Fix) {
        // Group bits and mount options also let in others, which ranks such a fix lower.
        let shared = fix.changes.iter().any(|change| match change {
            Change::Chmod { add, .. } => add & 0o077 != 0,
            Change::Remount { .. } => true,
            _ => false,
        });
        for (before, after) in before.iter().zip(after) {
            let lost = before.has && !after.has;
            let gained = !before.has && after.has;
            let of_subject = before.user == self.user;
            assert!(
                !(of_subject && lost),
                "{fix:?} takes from the subject: {before:?}"
            );
            assert!(
                of_subject || !gained || shared,
                "{fix:?} lets in a stranger: {after:?}"
            );
        }
    }

    fn compare_prediction(&self, world: &World, seen: &Seen, fix: &Fix) {
        let mut predicted = seen.facts.clone();
        let mut subject = seen.attempt.subject.clone();
        for change in &fix.changes {
            change.apply(&mut subject, &mut predicted);
        }
        let (again, mut facts) = world.inside(|pid| {
            let attempt = self.attempt(pid);
            let facts = facts_here(&attempt);
            (attempt.subject, facts)
        });
        if fix.relogin {
            // The group database is part of the prediction; the names of its members are not.
            facts.names = predicted.names.clone();
            subject.groups.sort_unstable();
        }
        let mut groups = again.groups.clone();
        groups.sort_unstable();
        assert_eq!(groups, subject.groups, "{fix:?}");
        assert_eq!(facts.nodes.len(), predicted.nodes.len(), "{fix:?}");
        for (after, predicted) in facts.nodes.iter_mut().zip(&predicted.nodes) {
            if let (Ok(after), Ok(Inode { number: 0, .. })) = (&mut after.inode, &predicted.inode) {
                // The inode number of a new file cannot be predicted.
                after.number = 0;
            }
            assert_eq!(after, predicted, "{fix:?}");
        }
        assert_eq!(facts.mounts, predicted.mounts, "{fix:?}");
    }

    /// Makes every fix that is offered, and returns them.
    fn fixes(&self) -> Option<Vec<Fix>> {
        support::needs_root().then_some(())?;
        let mut fixes = Vec::new();
        while let Some(fix) = self.try_fix(fixes.len()) {
            fixes.push(fix);
        }
        Some(fixes)
    }

    /// Makes every fix; the first one must be one that only `permwrap fix` makes.
    fn is_mended(&self) {
        if let Some(fixes) = self.fixes() {
            let first = fixes.first().expect("there is a fix");
            assert!(first.verified && first.led_astray, "{fixes:#?}");
        }
    }

    /// Makes every fix; the first one must consist of these commands.
    fn is_fixed_by(&self, commands: &[&str]) {
        if let Some(fixes) = self.fixes() {
            let first = fixes.first().expect("there is a fix");
            assert_eq!(first.commands(), commands, "{fixes:#?}");
            assert_eq!(
                first.verified,
                first.effect == Effect::Repairs,
                "{fixes:#?}"
            );
        }
    }
}

/// Whether somebody may read, write or execute (search) something.
#[derive(Debug)]
struct Right {
    user: String,
    #[allow(dead_code, reason = "for the message")]
    what: String,
    has: bool,
}

/// What every user may do with each of these paths, according to the kernel.
fn rights(world: &World, paths: &[Vec<u8>]) -> Vec<Right> {
    let mut rights = Vec::new();
    for user in PEOPLE {
        let tests: Vec<String> = paths
            .iter()
            .flat_map(|path| ["-r", "-w", "-x"].map(|test| (test, path)))
            .map(|(test, path)| format!("test {test} {} && echo 1 || echo 0", quote::shell(path)))
            .collect();
        let group = if *user == "nobody" { "nogroup" } else { user };
        let output = world
            .command_as(
                &["--reuid", user, "--regid", group, "--init-groups"],
                "root",
                "sh",
            )
            .args(["-c", &tests.join("\n")])
            .output()
            .expect("sh runs");
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(lines.lines().count(), tests.len());
        rights.extend(lines.lines().zip(&tests).map(|(line, test)| Right {
            user: (*user).to_owned(),
            what: test.clone(),
            has: line == "1",
        }));
    }
    rights
}

#[test]
fn the_owner_gets_the_owners_bits() {
    Scene {
        prepare: "install -m 464 -o alice -g www /dev/null /srv/notes",
        user: "alice",
        operation: "write",
        path: "/srv/notes",
        access: "echo x >> /srv/notes",
    }
    .is_fixed_by(&["chmod u+w /srv/notes"]);
}

#[test]
fn a_closed_directory_lets_one_person_pass() {
    Scene {
        prepare: "install -d -m 750 -o deploy -g www /srv/app; install -m 644 /dev/null /srv/app/db",
        user: "alice",
        operation: "read",
        path: "/srv/app/db",
        access: "cat /srv/app/db",
    }
    .is_fixed_by(&["setfacl -m u:alice:--x /srv/app"]);
}

#[test]
fn a_closed_directory_and_a_closed_file_in_it_are_one_fix() {
    Scene {
        prepare: "install -d -m 750 -o deploy -g www /srv/app; install -m 640 -o deploy -g www /dev/null /srv/app/db",
        user: "alice",
        operation: "read",
        path: "/srv/app/db",
        access: "cat /srv/app/db",
    }
    .is_fixed_by(&[
        "setfacl -m u:alice:--x /srv/app",
        "runuser -u deploy -- setfacl -m u:alice:r-- /srv/app/db",
    ]);
}

#[test]
fn an_acl_entry_joins_what_was_held_as_other() {
    Scene {
        prepare: "install -d -m 775 -o deploy -g www /srv/uploads",
        user: "alice",
        operation: "create",
        path: "/srv/uploads/new",
        access: "touch /srv/uploads/new && rm /srv/uploads/new",
    }
    .is_fixed_by(&["setfacl -m u:alice:rwx /srv/uploads"]);
}

#[test]
fn a_mask_is_not_widened_for_others() {
    Scene {
        prepare: "install -m 644 -o deploy -g www /dev/null /srv/f; setfacl -m u:bob:rw,g::rw /srv/f; chmod g-w /srv/f",
        user: "alice",
        operation: "write",
        path: "/srv/f",
        access: "echo x >> /srv/f",
    }
    .is_fixed_by(&["setfacl -m u:bob:r--,g::r--,u:alice:rw- /srv/f"]);
}

#[test]
fn an_entry_below_the_mask_leaves_the_mask_alone() {
    Scene {
        prepare: "install -m 640 -o deploy -g www /dev/null /srv/f; setfacl -m u:bob:rw,g::rw /srv/f; setfacl -n -m m::r /srv/f",
        user: "alice",
        operation: "read",
        path: "/srv/f",
        access: "cat /srv/f",
    }
    .is_fixed_by(&["setfacl -n -m u:alice:r-- /srv/f"]);
}

#[test]
fn a_mask_that_holds_back_the_subject_alone_is_widened() {
    Scene {
        prepare: "install -m 640 -o deploy -g www /dev/null /srv/f; setfacl -m u:alice:rw /srv/f; chmod g-w /srv/f",
        user: "alice",
        operation: "write",
        path: "/srv/f",
        access: "echo x >> /srv/f",
    }
    .is_fixed_by(&["setfacl -m m::rw- /srv/f"]);
}

#[test]
fn an_empty_mask_hides_the_whole_acl() {
    Scene {
        prepare: "install -m 604 -o deploy -g www /dev/null /srv/f; setfacl -m u:alice:rw,u:bob:rwx,m::- /srv/f",
        user: "alice",
        operation: "write",
        path: "/srv/f",
        access: "echo x >> /srv/f",
    }
    .is_fixed_by(&["setfacl -m u:bob:r--,u:alice:rw- /srv/f"]);
}

#[test]
fn leftovers_of_root_are_given_back() {
    Scene {
        prepare: "install -d -o alice -g alice /home/alice/app; install -m 644 /dev/null /home/alice/app/log",
        user: "alice",
        operation: "write",
        path: "/home/alice/app/log",
        access: "echo x >> /home/alice/app/log",
    }
    .is_mended();
}

#[test]
fn the_group_gets_bits_where_the_subject_is_alone_in_it() {
    Scene {
        prepare: "usermod -aG team alice; install -m 644 -o deploy -g team /dev/null /srv/f",
        user: "alice",
        operation: "write",
        path: "/srv/f",
        access: "echo x >> /srv/f",
    }
    .is_fixed_by(&["chmod g+w /srv/f"]);
}

#[test]
fn one_person_is_let_in_rather_than_the_whole_group() {
    Scene {
        prepare: "usermod -aG team alice; usermod -aG team bob; install -m 644 -o deploy -g team /dev/null /srv/f",
        user: "alice",
        operation: "write",
        path: "/srv/f",
        access: "echo x >> /srv/f",
    }
    .is_fixed_by(&["setfacl -m u:alice:rw- /srv/f"]);
}

#[test]
fn an_immutable_file_is_unmarked() {
    Scene {
        prepare: "install -m 644 -o alice /dev/null /srv/f; chattr +i /srv/f",
        user: "alice",
        operation: "write",
        path: "/srv/f",
        access: "echo x >> /srv/f",
    }
    .is_fixed_by(&["chattr -i /srv/f"]);
}

#[test]
fn an_append_only_file_is_unmarked_or_appended_to() {
    Scene {
        prepare: "install -m 644 -o alice /dev/null /srv/f; chattr +a /srv/f",
        user: "alice",
        operation: "truncate",
        path: "/srv/f",
        access: "echo x > /srv/f",
    }
    .is_fixed_by(&["chattr -a /srv/f"]);
}

#[test]
fn a_read_only_bind_mount_is_remounted_alone() {
    Scene {
        prepare: "install -d -o alice /srv/data /mnt/data; touch /srv/data/f; chown alice /srv/data/f; \
                  mount --bind /srv/data /mnt/data; mount -o remount,bind,ro,nosuid /mnt/data",
        user: "alice",
        operation: "write",
        path: "/mnt/data/f",
        access: "echo x >> /mnt/data/f",
    }
    .is_fixed_by(&["mount -o remount,bind,rw /mnt/data"]);
}

#[test]
fn a_read_only_file_system_is_remounted() {
    Scene {
        prepare: "mkdir /mnt/disk; mount -t tmpfs -o nosuid,nodev disk /mnt/disk; \
                  install -m 644 -o alice /dev/null /mnt/disk/f; mount -o remount,ro /mnt/disk",
        user: "alice",
        operation: "write",
        path: "/mnt/disk/f",
        access: "echo x >> /mnt/disk/f",
    }
    .is_fixed_by(&["mount -o remount,rw /mnt/disk"]);
}

#[test]
fn a_log_is_made_for_who_writes_it() {
    Scene {
        prepare: "mkdir /mnt/log; mount --bind /mnt/log /var/log",
        user: "www",
        operation: "create",
        path: "/var/log/app.log",
        access: "echo started >> /var/log/app.log",
    }
    .is_fixed_by(&["install -m 640 -o www -g www /dev/null /var/log/app.log"]);
}

#[test]
fn a_directory_to_be_listed_is_also_passed_through() {
    Scene {
        prepare: "install -d -m 700 -o deploy /srv/app; touch /srv/app/f",
        user: "alice",
        operation: "list",
        path: "/srv/app",
        access: "ls -l /srv/app",
    }
    .is_fixed_by(&["setfacl -m u:alice:r-x /srv/app"]);
}

#[test]
fn a_tree_of_leftovers_is_given_back_and_what_is_anothers_stays() {
    Scene {
        prepare: "install -d -o alice -g alice /home/alice/app /home/alice/app/{.git,c,d,e,f,g,h,i}; mkdir -p /home/alice/app/out/a/b; \
                  touch /home/alice/app/out/a/{1,2,3}; install -m 600 -o bob /dev/null /home/alice/app/out/a/bobs; \
                  ln -s /etc/hostname /home/alice/app/out/a/link",
        user: "alice",
        operation: "write",
        path: "/home/alice/app/out/a/1",
        access: "cd app && echo x >> out/a/1 && test $(stat -c %U:%G /etc/hostname) = root:root && \
                 test $(stat -c %U out/a/bobs) = bob",
    }
    .is_mended();
}

#[test]
fn a_repository_made_by_root_is_given_back_whole() {
    Scene {
        prepare: "install -d -o alice -g alice /home/alice/app; mkdir -p /home/alice/app/.git/objects/{aa,bb,cc}; \
                  touch /home/alice/app/{by-root,.git/HEAD,.git/objects/aa/1,.git/objects/bb/2}; \
                  install -m 600 /dev/null /home/alice/app/.git/secret; touch /home/linked; ln /home/linked /home/alice/app/.git/linked",
        user: "alice",
        operation: "create",
        path: "/home/alice/app/.git/index.lock",
        access: "cd app && touch .git/index.lock .git/objects/{aa,bb,cc}/x && echo x >> .git/objects/bb/2 && \
                 test $(stat -c %U by-root) = root && test $(stat -c %U .git/secret) = root && \
                 test $(stat -c %U .git/linked) = root",
    }
    .is_mended();
}

#[test]
fn what_is_given_back_keeps_its_programs_rights_and_its_groups() {
    let prepare = "install -d -o alice -g alice /home/alice/app /home/alice/app/{.git,c,d,e,f,g,h,i}; \
                   mkdir -p /home/alice/app/out; touch /home/alice/app/out/{1,2}; \
                   install -d -m 2775 -g team /home/alice/app/out/shared; \
                   install -m 4755 /bin/true /home/alice/app/out/tool";
    Scene {
        prepare,
        user: "alice",
        operation: "write",
        path: "/home/alice/app/out/1",
        access: "cd app/out && echo x >> 1 && test $(stat -c %U:%a tool) = root:4755 && \
                 test $(stat -c %G:%a shared) = team:2775",
    }
    .is_mended();
}

#[test]
fn a_group_is_joined_where_there_is_no_setfacl() {
    let scene = Scene {
        prepare: "install -m 640 -o deploy -g www /dev/null /srv/f",
        user: "alice",
        operation: "read",
        path: "/srv/f",
        access: "cat /srv/f",
    };
    if let Some(fixes) = scene.fixes() {
        let joins = |fix: &Fix| fix.commands() == ["usermod -aG www alice"];
        assert!(
            fixes
                .iter()
                .any(|fix| joins(fix) && fix.verified && fix.relogin),
            "{fixes:#?}"
        );
    }
}

#[test]
fn a_script_on_a_noexec_mount_is_run_through_its_interpreter() {
    Scene {
        prepare: "mkdir /mnt/usb; mount -t tmpfs -o noexec,mode=755 usb /mnt/usb; \
                  printf '#!/bin/sh\\ntouch ~/ran\\n' > /mnt/usb/run.sh; chmod 755 /mnt/usb/run.sh",
        user: "alice",
        operation: "exec",
        path: "/mnt/usb/run.sh",
        access: "/mnt/usb/run.sh || test -e ran",
    }
    .is_fixed_by(&["/bin/sh /mnt/usb/run.sh"]);
}

#[test]
fn a_program_is_marked_as_one() {
    Scene {
        prepare: "printf '#!/bin/sh\\necho ran\\n' > /srv/tool; chmod 644 /srv/tool",
        user: "alice",
        operation: "exec",
        path: "/srv/tool",
        access: "/srv/tool",
    }
    .is_fixed_by(&["chmod a+x /srv/tool"]);
}

#[test]
fn what_root_left_in_a_sticky_directory_is_deleted_by_root() {
    Scene {
        prepare: "touch /tmp/left",
        user: "alice",
        operation: "delete",
        path: "/tmp/left",
        access: "rm -f /tmp/left",
    }
    .is_fixed_by(&["rm /tmp/left"]);
}

#[test]
fn what_only_its_owner_may_do_is_done_by_root() {
    let scene = Scene {
        prepare: "install -m 644 -o deploy /dev/null /srv/f; install -d -m 1777 /srv/drop; \
                  install -o 990 /dev/null /srv/drop/left",
        user: "alice",
        operation: "delete",
        path: "/srv/drop/left",
        access: "rm -f /srv/drop/left",
    };
    if support::needs_root() {
        let world = World::new().expect("root makes a world");
        world.root(scene.prepare);
        let fix = scene.look(&world).remedy.fixes[0].clone();
        assert_eq!(fix.commands(), ["rm /srv/drop/left"]);
        assert!(fix.effect == Effect::DoesIt && fix.needs_root);
        world.root(&fix.commands()[0]);
        world.root("test ! -e /srv/drop/left");
    }
}

#[test]
fn programs_are_run_from_a_mount_again() {
    Scene {
        prepare: "mkdir /mnt/usb; mount -t tmpfs -o noexec,nosuid,mode=755 usb /mnt/usb; \
                  install -m 755 /bin/true /mnt/usb/tool",
        user: "alice",
        operation: "exec",
        path: "/mnt/usb/tool",
        access: "/mnt/usb/tool",
    }
    .is_fixed_by(&["mount -o remount,exec /mnt/usb"]);
}

#[test]
fn a_stale_group_counts_after_newgrp() {
    if !support::needs_root() || !support::needs_programs(&["newgrp"]) {
        return;
    }
    let world = World::new().expect("root makes a world");
    world.root("usermod -aG team alice; install -m 640 -g team /dev/null /srv/f");
    let stale = &["--reuid=alice", "--regid=alice", "--clear-groups"];
    let as_stale = |script: &str| {
        let mut command = world.command_as(stale, "alice", "sh");
        command.args(["-c", script]).output().expect("sh runs")
    };
    assert!(!as_stale("cat /srv/f").status.success());
    let fix = world.inside(|pid| {
        let scene = Scene {
            prepare: "",
            user: "alice",
            operation: "read",
            path: "/srv/f",
            access: "",
        };
        let mut attempt = scene.attempt(pid);
        attempt.subject.groups = vec![attempt.subject.gid];
        let facts = facts_here(&attempt);
        remedy_for(&attempt, &facts).fixes[0].clone()
    });
    assert_eq!(fix.commands(), ["newgrp team"]);
    assert!(fix.verified && fix.relogin && !fix.needs_root, "{fix:?}");
    // newgrp starts a shell, which reads its commands from stdin.
    let script = format!("echo 'cat /srv/f' | {}", fix.commands()[0]);
    let output = as_stale(&script);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_low_port_is_listened_on_after_the_setting() {
    if !support::needs_root() || !support::needs_programs(&["python3", "unshare"]) {
        return;
    }
    let world = World::new().expect("root makes a world");
    let fix = world.inside(|pid| {
        let mut subject = gather::subject_as("alice").expect("the world has alice");
        subject.pid = Some(pid);
        let attempt = Attempt {
            subject,
            operation: Operation::Bind,
            object: Object::Port {
                address: "127.0.0.1".to_owned(),
                port: 81,
            },
            directory: None,
            to: None,
            errno: None,
        };
        let mut facts = facts_here(&attempt);
        facts.settings.unprivileged_port_start = Ok(1024);
        let fixes = remedy_for(&attempt, &facts).fixes;
        assert!(fixes[0].title.contains("from 1024 up"), "{fixes:?}");
        let last = fixes.last().expect("there are several");
        assert!(last.note.contains("for all users"), "{fixes:?}");
        last.clone()
    });
    assert!(fix.verified && fix.needs_root, "{fix:?}");
    // In a network namespace of its own, because the setting is otherwise global.
    let bind = "setpriv --reuid=alice --regid=alice --clear-groups /usr/bin/python3 -c \
                'import socket; socket.socket().bind((\"0.0.0.0\", 81))'";
    world.root(&format!(
        "unshare --net sh -c '! sh -c \"$1\" 2>/dev/null && eval \"$2\" && sh -c \"$1\"' sh {} {}",
        quote::shell(bind.as_bytes()),
        quote::shell(fix.commands()[0].as_bytes())
    ));
}

#[test]
fn an_administrators_command_is_run_by_root() {
    if !support::needs_root() {
        return;
    }
    let world = World::new().expect("root makes a world");
    let words = ["cp", "/etc/hostname", "/usr/local/bin/tool-of-a-test"];
    let fix = world.inside(|pid| {
        let scene = Scene {
            prepare: "",
            user: "alice",
            operation: "create",
            path: words[2],
            access: "",
        };
        let attempt = scene.attempt(pid);
        let mut facts = facts_here(&attempt);
        facts.surroundings.command = words.map(|word| word.as_bytes().to_vec()).to_vec();
        remedy_for(&attempt, &facts).fixes[0].clone()
    });
    assert_eq!(fix.commands(), [words.join(" ")]);
    assert!(fix.effect == Effect::DoesIt && fix.needs_root, "{fix:?}");
}

#[test]
fn a_device_is_used_through_its_group() {
    Scene {
        prepare: "mknod -m 660 /dev/ttyUSB7 c 1 3; chgrp team /dev/ttyUSB7",
        user: "alice",
        operation: "write",
        path: "/dev/ttyUSB7",
        access: "echo x >> /dev/ttyUSB7",
    }
    .is_fixed_by(&["usermod -aG team alice"]);
}

#[test]
fn a_directory_for_a_service_is_made_by_root() {
    let scene = Scene {
        prepare: "true",
        user: "www",
        operation: "mkdir",
        path: "/srv/data",
        access: "mkdir /srv/data",
    };
    if let Some(fixes) = scene.fixes() {
        assert_eq!(
            fixes[0].commands(),
            ["install -d -m 755 -o www -g www /srv/data"]
        );
    }
}

#[test]
fn a_name_that_means_something_to_a_shell_does_no_harm() {
    // What a shell prints about it need not be text, so the path is passed as bytes.
    let Some(world) = World::new() else { return };
    for (at, name) in HOSTILE.iter().enumerate() {
        let path = [b"/srv/".as_slice(), name].concat();
        for shell in ["dash", "bash"] {
            let word = quote::shell(&path);
            let script = format!(
                "cd /srv && install -m 400 /dev/null {word} && chmod u+w {word} && stat -c %a {word}"
            );
            let ran = world
                .command("root", shell)
                .args(["-c", &script])
                .output()
                .expect("a shell");
            assert_eq!(ran.stdout, b"600\n", "{at}: {script}");
            world.inside(|_| {
                let path = Path::new(OsStr::from_bytes(&path));
                assert!(path.exists(), "{at}: {script}");
                std::fs::remove_file(path).expect("it can be removed");
                assert_eq!(
                    std::fs::read_dir("/srv").expect("it is there").count(),
                    0,
                    "{script}"
                );
            });
        }
    }
}

const HOSTILE: &[&[u8]] = &[
    b"plain",
    b"two words",
    b"-rf",
    b"$(touch harm)",
    b"`touch harm`",
    b"a;touch harm",
    b"a\ntouch harm\n",
    b"\n",
    b"ends in two\n\n",
    b"it's \"quoted\"",
    b"back\\slash\\n",
    b"percent %s %d \n %",
    b"\x1b]0;title\x07",
    b"bytes \x80\x81\x82\xfe\xff",
    b"\xe2\x80\xaeright to left",
    b"history !! !$ \n",
    b"glob * ? [a-z] {a,b} ~",
    b"tab\tand\rreturn",
];

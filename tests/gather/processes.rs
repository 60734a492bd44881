//! Subjects, and what the kernel shows of a process.

use std::os::unix::fs::MetadataExt;

use crate::support::{World, become_user, needs_programs, needs_root, shell};
use crate::{attempt, in_own_mounts, own, read, sleeper, steps, wait_for};
use permwrap::attempt::{Errno, Operation};
use permwrap::gather;

#[test]
fn a_process_elsewhere_is_looked_at_through_its_own_root() {
    let Some(world) = World::new() else { return };
    world
        .root("mkdir /srv/only-here; setfacl -m u:alice:rx /srv/only-here; usermod -aG team alice");
    let (mut child, subject) = sleeper(&world);
    assert_eq!((subject.uid, subject.gid), (3001, 3001));
    assert_eq!(subject.groups, [3001, 3010]);
    assert!(subject.initial_user_ns == own().initial_user_ns);
    let facts = gather::facts(&attempt(subject, Operation::List, b"/srv/only-here"));
    let target = facts.walk.target().expect("seen in its mount namespace");
    assert_eq!(facts.node(target).path, b"/srv/only-here");
    assert_eq!(facts.mount_of(target).point, b"/srv");
    assert_eq!(facts.names.user(3001), "alice");
    assert_eq!(facts.names.groups[&3010].members, ["alice"]);
    assert_eq!(
        read(b"/srv/only-here").walk.target(),
        None,
        "it is not in ours"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_magic_link_leads_to_the_open_file() {
    in_own_mounts(&[], || {
        shell("mkdir -m 700 /mnt/closed; echo x > /mnt/closed/f; chmod 644 /mnt/closed/f");
        let file = std::fs::File::open("/mnt/closed/f").unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
        become_user(4001, 4001, &[]);
        for path in [format!("/proc/self/fd/{fd}"), format!("/dev/fd/{fd}")] {
            let facts = read(path.as_bytes());
            let target = facts.walk.target().expect(&path);
            assert_eq!(
                facts.node(target).inode.as_ref().unwrap().number,
                file.metadata().unwrap().ino()
            );
            assert_eq!(facts.node(target).path, b"/mnt/closed/f");
            let step = facts.walk.steps.last().unwrap();
            assert!(step.name.is_empty() && facts.node(step.dir).link.is_some());
            assert!(facts.node(step.dir).traced.is_some());
        }
        let facts = read(b"/proc/self/cwd/x");
        let pid = std::process::id();
        let steps = steps(&facts, &facts.walk);
        assert_eq!(steps[2], format!("/proc {pid} /proc/{pid}"));
        assert_eq!(steps[3], format!("/proc/{pid} cwd /proc/{pid}/cwd"));
        let facts = read(b"/proc/1/root/etc");
        assert_eq!(facts.walk.target(), None);
        let facts = read(b"/proc/1/environ");
        let traced = facts
            .node(facts.walk.target().unwrap())
            .traced
            .clone()
            .unwrap();
        assert_eq!((traced.pid, traced.uids), (1, [0, 0, 0]));
    });
}

#[test]
fn proc_self_is_the_subject() {
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    wait_for("sleep", pid);
    let facts = gather::facts(&attempt(
        gather::subject(pid).unwrap(),
        Operation::READ,
        b"/proc/self/exe",
    ));
    let target = facts.node(facts.walk.target().unwrap());
    assert!(
        target.path.ends_with(b"/sleep") || target.path.ends_with(b"coreutils"),
        "{target:?}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_user_namespace_is_counted_in_our_numbers() {
    if !needs_root() || !needs_programs(&["unshare", "setpriv"]) {
        return;
    }
    let mut child = std::process::Command::new("setpriv")
        .args(["--reuid=4001", "--regid=4002", "--clear-groups"])
        .args([
            "unshare",
            "--user",
            "--net",
            "--map-root-user",
            "sleep",
            "60",
        ])
        .spawn()
        .unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    wait_for("sleep", pid);
    let subject = gather::subject(pid).unwrap();
    assert_eq!((subject.uid, subject.gid), (4001, 4002));
    assert_eq!(subject.uid_map.0, [(4001, 1)]);
    assert_eq!(subject.gid_map.0, [(4002, 1)]);
    assert!(!subject.initial_user_ns);
    assert!(subject.has(permwrap::attempt::Capability::DacOverride));
    let facts = gather::facts(&attempt(subject, Operation::READ, b"/"));
    assert_eq!(facts.settings.owns_network_namespace, Ok(true));
    assert_eq!(facts.settings.unprivileged_port_start, Ok(1024));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_zombie_still_shows_its_credentials() {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    for _ in 0..500 {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        if status.contains("State:\tZ") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let subject = gather::subject(pid).unwrap();
    let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap();
    let (status, uid_map, gid_map) = (read("status"), read("uid_map"), read("gid_map"));
    let snapshot = gather::Snapshot {
        status: &status,
        user_ns: None,
        uid_map: &uid_map,
        gid_map: &gid_map,
        label: Some(b"app (enforce)\n"),
    };
    child.wait().unwrap();
    assert_eq!(subject.uid, own().uid);
    assert_eq!(subject.groups, own().groups);
    assert_eq!(subject.uid_map, own().uid_map);
    let saved = gather::subject_from_snapshot(&snapshot).unwrap();
    assert_eq!(
        (saved.uid, &saved.groups, saved.capabilities),
        (subject.uid, &subject.groups, subject.capabilities)
    );
    assert_eq!(saved.label, Ok(Some("app (enforce)".to_owned())));
    let gone = gather::subject(pid).unwrap_err();
    assert_eq!(gone.errno, Some(Errno::NoEnt));
    // Its view is permwrap's own then.
    let facts = gather::facts(&attempt(saved, Operation::READ, b"/etc/passwd"));
    assert!(facts.walk.target().is_some());
}

#[test]
fn proc_self_of_a_process_that_is_gone_is_nobodys() {
    let mut subject = own();
    subject.pid = None;
    let facts = gather::facts(&attempt(subject, Operation::READ, b"/proc/self/fd/0"));
    assert_eq!(facts.walk.target(), None);
    assert!(facts.walk.steps.last().unwrap().found.is_err());
}

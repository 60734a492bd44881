//! What is gathered, against what the system calls say. Needs root for most.
//!
//! Debian packages: acl, bindfs, e2fsprogs, util-linux.
mod support;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use permwrap::attempt::{Attempt, Errno, Object, Operation, Subject};
use permwrap::facts::{Facts, Kind, Perms, Program, Tag, Walk};
use permwrap::gather;
use permwrap::judge::{Obstacle, Verdict, judge};
use support::{World, become_user, forked, needs_programs, needs_root, own_mounts, shell};

/// What is gathered for reading the path, by this process for itself.
fn read(path: &[u8]) -> Facts {
    gather::facts(&attempt(own(), Operation::READ, path))
}

/// Runs a test that needs root and these programs in a mount namespace of its own, with an empty `/mnt`.
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

/// `dir name -> found`, a line for each step.
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

#[test]
fn symlinks_dots_and_the_root_are_stepped_through() {
    in_own_mounts(&[], || {
        shell(
            "mkdir -p /mnt/a/b /mnt/c; touch /mnt/c/f; ln -s ../../c/./f /mnt/a/b/rel; ln -s /mnt/a/b/rel /mnt/abs; ln -s / /mnt/top",
        );
        let facts = read(b"//mnt/../../mnt/abs");
        assert_eq!(
            steps(&facts, &facts.walk),
            [
                "/ mnt /mnt",
                "/mnt .. /",
                "/ .. /",
                "/ mnt /mnt",
                "/mnt abs /mnt/abs",
                "/ mnt /mnt",
                "/mnt a /mnt/a",
                "/mnt/a b /mnt/a/b",
                "/mnt/a/b rel /mnt/a/b/rel",
                "/mnt/a/b .. /mnt/a",
                "/mnt/a .. /mnt",
                "/mnt c /mnt/c",
                "/mnt/c . /mnt/c",
                "/mnt/c f /mnt/c/f",
            ]
        );
        assert_eq!(facts.walk.written, 5);
        let named = facts.node(facts.walk.named().unwrap());
        assert_eq!(named.link.as_deref(), Some(&b"/mnt/a/b/rel"[..]));
        let depths: Vec<u8> = facts.walk.steps.iter().map(|step| step.depth).collect();
        assert_eq!(depths, [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
        assert_eq!(facts.nodes.len(), 8, "each inode once: {facts:#?}");

        let facts = read(b"/mnt/top");
        assert_eq!(
            steps(&facts, &facts.walk),
            ["/ mnt /mnt", "/mnt top /mnt/top", "/mnt/top  /"]
        );
        assert_eq!(facts.walk.target(), facts.walk.start);
        assert_eq!(read(b"/").walk.target(), facts.walk.start);
    });
}

#[test]
fn a_walk_that_ends_early_says_where() {
    in_own_mounts(&[], || {
        shell("mkdir /mnt/d; touch /mnt/f; ln -s gone/x /mnt/dangling; ln -s loop /mnt/loop");
        let facts = read(b"/mnt/d/x/y");
        assert_eq!(
            steps(&facts, &facts.walk).last().unwrap(),
            "/mnt/d x nothing"
        );
        assert_eq!(
            (facts.walk.written_step(), facts.walk.named()),
            (None, None)
        );
        let facts = read(b"/mnt/d/x");
        assert_eq!(
            facts.walk.parent().map(|dir| &facts.node(dir).path[..]),
            Some(&b"/mnt/d"[..])
        );
        let facts = read(b"/mnt/f/x");
        assert_eq!(
            steps(&facts, &facts.walk).last().unwrap(),
            "/mnt/f x ENOTDIR"
        );
        let facts = read(b"/mnt/dangling");
        assert_eq!(
            steps(&facts, &facts.walk).last().unwrap(),
            "/mnt gone nothing"
        );
        assert!(facts.walk.named().is_some() && facts.walk.target().is_none());
        let facts = read(b"/mnt/loop");
        assert_eq!(facts.walk.steps.len(), 2 + 40);
        let end = facts.walk.target().unwrap();
        assert_eq!(facts.node(end).inode.as_ref().unwrap().kind, Kind::Symlink);
        let facts = read(b"/mnt/d/");
        assert!(facts.walk.trailing_slash);
    });
}

#[test]
fn the_link_itself_is_the_object_of_a_deletion() {
    in_own_mounts(&[], || {
        shell("mkdir /mnt/d; ln -s d /mnt/link");
        let facts = gather::facts(&attempt(own(), Operation::Delete, b"/mnt/link"));
        assert_eq!(facts.walk.steps.len(), 2);
        let facts = gather::facts(&attempt(own(), Operation::Delete, b"/mnt/link/"));
        assert_eq!(facts.walk.steps.len(), 3);
        assert_eq!(facts.walk.written, 2);
    });
}

#[test]
fn behind_a_closed_directory_nothing_is_seen() {
    in_own_mounts(&[], || {
        shell(
            "mkdir -p /mnt/closed/in /mnt/blind; chmod 750 /mnt/closed; touch /mnt/blind/f; chmod 711 /mnt/blind; ln -s closed/in /mnt/link",
        );
        become_user(4001, 4001, &[]);
        let facts = read(b"/mnt/closed/in/f");
        assert_eq!(
            steps(&facts, &facts.walk),
            [
                "/ mnt /mnt",
                "/mnt closed /mnt/closed",
                "/mnt/closed in EACCES"
            ]
        );
        let closed = facts.node(facts.walk.steps[2].dir);
        let inode = closed.inode.as_ref().unwrap();
        assert_eq!((inode.mode, inode.uid), (0o750, 0));
        assert_eq!(closed.acl, Ok(None));
        assert!(closed.flags.is_ok());
        let facts = read(b"/mnt/link");
        assert_eq!(
            steps(&facts, &facts.walk).last().unwrap(),
            "/mnt/closed in EACCES"
        );
        assert!(facts.walk.named().is_some());
        let facts = read(b"/mnt/closed/..");
        assert_eq!(
            steps(&facts, &facts.walk).last().unwrap(),
            "/mnt/closed .. EACCES"
        );
        // No read permission is needed to look a name up.
        let facts = read(b"/mnt/blind/f");
        assert!(facts.walk.target().is_some());
    });
}

#[test]
fn names_of_any_bytes_are_walked() {
    in_own_mounts(&[], || {
        for name in [
            &b"a\nb"[..],
            b"\xff\xfe",
            b"\x1b[31m",
            b" ",
            b"$(x)",
            b"-rf",
            &[b'n'; 255],
        ] {
            let path = [b"/mnt/", name].concat();
            std::fs::write(std::ffi::OsStr::from_bytes(&path), "").unwrap();
            let facts = read(&path);
            assert_eq!(facts.node(facts.walk.target().unwrap()).path, path);
        }
        let facts = read(&[b"/mnt/".to_vec(), vec![b'n'; 256]].concat());
        assert_eq!(
            steps(&facts, &facts.walk)
                .last()
                .unwrap()
                .rsplit(' ')
                .next(),
            Some("ENAMETOOLONG")
        );
        let facts = read(b"/mnt/a\0b");
        assert!(facts.walk.steps[1].found.is_err());
    });
}

#[test]
fn attributes_are_as_the_tools_set_them() {
    in_own_mounts(&["setfacl", "chattr"], || {
        shell(
            "cd /mnt; mkdir d; chmod 3775 d; setfacl -m d:u:4001:rwx d; touch f i a; chown 4001:4002 f; chmod 4640 f
             setfacl -m u:4003:rwx,g:4004:x,m:r f; chattr +i i; chattr +a a; mkfifo p; mknod z c 1 5",
        );
        let node = |path: &str| {
            let facts = read(path.as_bytes());
            facts.node(facts.walk.target().unwrap()).clone()
        };
        let f = node("/mnt/f");
        let inode = f.inode.unwrap();
        assert_eq!(
            (inode.mode, inode.uid, inode.gid, inode.links),
            (0o4640, 4001, 4002, 1)
        );
        let acl = f.acl.unwrap().unwrap();
        assert_eq!(acl.get(Tag::User(4003)), Some(Perms::RWX));
        assert_eq!(acl.get(Tag::Group(4004)), Some(Perms::X));
        assert_eq!(acl.mask(), Perms::R);
        let d = node("/mnt/d");
        assert_eq!(d.inode.unwrap().mode, 0o3775);
        assert_eq!(d.acl, Ok(None));
        assert_eq!(
            d.default_acl.unwrap().unwrap().get(Tag::User(4001)),
            Some(Perms::RWX)
        );
        let (i, a) = (node("/mnt/i").flags.unwrap(), node("/mnt/a").flags.unwrap());
        assert!(i.immutable && !i.append && a.append && !a.immutable);
        shell("chattr -i /mnt/i; chattr -a /mnt/a");
        assert_eq!(node("/mnt/p").inode.unwrap().kind, Kind::Fifo);
        let z = node("/mnt/z").inode.unwrap();
        assert_eq!((z.kind, z.rdev.major, z.rdev.minor), (Kind::Char, 1, 5));
    });
}

#[test]
fn an_acl_with_many_entries_is_read() {
    in_own_mounts(&["setfacl"], || {
        shell(
            "touch /mnt/f; for i in $(seq 5000 5200); do echo u:$i:r; done | setfacl -M - /mnt/f",
        );
        let facts = read(b"/mnt/f");
        let acl = facts.node(facts.walk.target().unwrap()).acl.clone();
        assert_eq!(acl.unwrap().unwrap().entries.len(), 201 + 4);
    });
}

#[test]
fn a_bind_mount_is_told_from_what_it_shows() {
    in_own_mounts(&[], || {
        shell(
            "cd /mnt; mkdir 'in side' seen; touch 'in side/f'; mount --bind 'in side' seen
             mount -o remount,bind,ro,noexec,nosymfollow,nodev,nosuid seen",
        );
        let facts = read(b"/mnt/seen/f");
        let target = facts.walk.target().unwrap();
        let mount = facts.mount_of(target);
        assert_eq!(
            (&mount.point[..], &mount.root[..]),
            (&b"/mnt/seen"[..], &b"/in side"[..])
        );
        let flags = mount.flags;
        assert!(
            flags.read_only && flags.noexec && flags.nosymfollow && flags.nodev && flags.nosuid
        );
        assert!(!mount.super_read_only);
        let straight = read(b"/mnt/in side/f");
        let other = straight.walk.target().unwrap();
        assert!(!straight.mount_of(other).flags.read_only);
        assert_eq!(
            straight.node(other).inode.as_ref().unwrap().number,
            facts.node(target).inode.as_ref().unwrap().number
        );
        // `..` of a mount's root is where it is mounted.
        let facts = read(b"/mnt/seen/../in side");
        assert_eq!(
            facts.node(facts.walk.target().unwrap()).path,
            b"/mnt/in side"
        );
    });
}

#[test]
fn a_read_only_superblock_is_told_from_a_read_only_mount() {
    in_own_mounts(&[], || {
        shell("mkdir /mnt/t; mount -t tmpfs -o ro,size=4k t /mnt/t");
        let facts = read(b"/mnt/t");
        let mount = facts.mount_of(facts.walk.target().unwrap());
        assert!(mount.super_read_only);
        assert_eq!(mount.fs_type, "tmpfs");
        assert_eq!(mount.super_option("size"), Some(Some("4k")));
    });
}

#[test]
fn a_process_elsewhere_is_looked_at_through_its_own_root() {
    let Some(world) = World::new() else { return };
    world
        .root("mkdir /srv/only-here; setfacl -m u:alice:rx /srv/only-here; usermod -aG team alice");
    let mut child = world
        .command("alice", "sleep")
        .arg("60")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    wait_for("sleep", pid);
    let subject = gather::subject(pid).unwrap();
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

/// Waits until the process has become this program.
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

#[test]
fn a_root_directory_is_where_dot_dot_ends() {
    in_own_mounts(&["setfacl"], || {
        shell(
            "mkdir -p /mnt/jail/d; touch /mnt/jail/f /mnt/outside; ln -s /f /mnt/jail/d/link
             setfacl -m u:4001:r /mnt/jail/f",
        );
        nix::unistd::chroot("/mnt/jail").unwrap();
        // Without /proc, too, credentials and ACLs are known.
        let subject = own();
        assert_eq!(subject.uid, 0);
        assert!(subject.has(permwrap::attempt::Capability::DacOverride));
        let facts = gather::facts(&attempt(subject, Operation::READ, b"/../d/../../d/link"));
        let target = facts.walk.target().expect("it is in the jail");
        assert_eq!(facts.node(target).path, b"/f");
        let acl = facts.node(target).acl.clone().unwrap().unwrap();
        assert_eq!(acl.get(Tag::User(4001)), Some(Perms::R));
    });
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
fn the_programs_that_a_script_leads_to_are_walked() {
    in_own_mounts(&[], || {
        shell(
            "cd /mnt; printf '#!/mnt/two\\n' > one; printf '#! /bin/sh -e\\n' > two; echo plain > three; chmod 755 one two three",
        );
        let exec = |path: &[u8]| gather::facts(&attempt(own(), Operation::Exec, path));
        let facts = exec(b"/mnt/one");
        let paths: Vec<&[u8]> = facts
            .interpreters
            .iter()
            .map(|walk| &walk.path[..])
            .collect();
        assert_eq!(paths[..2], [&b"/mnt/two"[..], b"/bin/sh"]);
        assert_eq!(paths.len(), 3, "the loader of sh is the last");
        let sh = facts.node(facts.interpreters[1].target().unwrap());
        assert!(matches!(&sh.program, Ok(Program::Elf(Some(loader))) if loader == paths[2]));
        assert_eq!(exec(b"/mnt/three").interpreters, []);
        let three = exec(b"/mnt/three");
        assert_eq!(
            three.node(three.walk.target().unwrap()).program,
            Ok(Program::Other)
        );
        // What cannot be read may still be run: then it is not known what it leads to.
        shell("chmod 711 /mnt/one");
        become_user(4001, 4001, &[]);
        let facts = exec(b"/mnt/one");
        let program = facts.node(facts.walk.target().unwrap()).program.clone();
        assert_eq!(program.unwrap_err().errno, Some(Errno::Acces));
    });
}

/// Ends the daemon of a FUSE mount.
struct Mounted(&'static str);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = nix::mount::umount(self.0);
    }
}

#[test]
fn another_users_fuse_mount_is_seen_as_a_mount_only() {
    if !needs_root() || !needs_programs(&["bindfs"]) || !std::path::Path::new("/dev/fuse").exists()
    {
        return;
    }
    forked(|| {
        own_mounts();
        shell(
            "cd /mnt; mkdir src on; touch src/f; chown 4002 src on
             bindfs --no-allow-other src on >/dev/null 2>&1",
        );
        let _mounted = Mounted("/mnt/on");
        forked(|| {
            become_user(4001, 4001, &[]);
            let facts = read(b"/mnt/on/f");
            let on = facts.node(facts.walk.steps[1].found.clone().unwrap().unwrap());
            assert_eq!(on.inode.as_ref().unwrap_err().errno, Some(Errno::Acces));
            let mount = &facts.mounts[on.mount.0];
            assert!(mount.fs_type.starts_with("fuse"), "{mount:?}");
            assert!(facts.walk.steps[2].found.is_err());
        });
    });
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
    // Its view is then permwrap's own.
    let facts = gather::facts(&attempt(saved, Operation::READ, b"/etc/passwd"));
    assert!(facts.walk.target().is_some());
}

#[test]
fn whether_a_directory_is_empty_is_looked_at_for_its_removal() {
    in_own_mounts(&[], || {
        shell("mkdir -p /mnt/empty /mnt/full/x");
        let empty = |path: &[u8]| {
            let facts = gather::facts(&attempt(own(), Operation::Rmdir, path));
            facts.node(facts.walk.named().unwrap()).empty.clone()
        };
        assert_eq!(empty(b"/mnt/empty"), Ok(true));
        assert_eq!(empty(b"/mnt/full"), Ok(false));
        let facts = gather::facts(&Attempt {
            to: Some(b"/mnt/full".to_vec()),
            ..attempt(own(), Operation::Rename, b"/mnt/empty")
        });
        let to = facts.to.as_ref().unwrap().named().unwrap();
        assert_eq!(facts.node(to).empty, Ok(false));
    });
}

/// A small tree at random: directories (some closed), files, symlinks of every kind, bind mounts.
fn random_tree(random: &mut fastrand::Rng) {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let some = |random: &mut fastrand::Rng| {
        let depth = random.usize(1..4);
        let names: Vec<&str> = (0..depth).map(|_| NAMES[random.usize(0..4)]).collect();
        names.join("/")
    };
    for _ in 0..30 {
        let path = format!("/mnt/{}", some(random));
        match random.u8(0..10) {
            0..4 => drop(std::fs::create_dir(&path)),
            4 => drop(std::fs::File::create_new(&path)),
            5 => drop(std::fs::set_permissions(
                &path,
                std::os::unix::fs::PermissionsExt::from_mode(
                    [0o700, 0o711, 0o755][random.usize(0..3)],
                ),
            )),
            6 => drop(nix::mount::mount(
                Some(format!("/mnt/{}", some(random)).as_str()),
                path.as_str(),
                None::<&str>,
                nix::mount::MsFlags::MS_BIND,
                None::<&str>,
            )),
            _ => {
                let up = ["", "../", "../../", "./", "/mnt/", "//", "../.."][random.usize(0..7)];
                let slash = ["", "", "/"][random.usize(0..3)];
                drop(std::os::unix::fs::symlink(
                    format!("{up}{}{slash}", some(random)),
                    &path,
                ));
            }
        }
    }
}

#[test]
fn the_walk_ends_where_the_kernels_own_does() {
    if !needs_root() {
        return;
    }
    let seed = fastrand::u64(..);
    forked(|| {
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..20 {
            let seed = random.u64(..);
            forked(|| compare_walks(seed));
        }
    });
}

/// Compares the ends of many walks in one random tree with statx(2) of the same path.
fn compare_walks(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    own_mounts();
    random_tree(&mut random);
    if random.bool() {
        become_user(4001, 4001, &[]);
    }
    let view = gather::View::of(&own());
    for _ in 0..200 {
        let parts = ["a", "b", "c", "d", "..", ".", "", "mnt"];
        let length = random.usize(0..7);
        let path: Vec<&str> = (0..length).map(|_| parts[random.usize(0..8)]).collect();
        let path = format!("/mnt/{}", path.join("/"));
        let facts = view.facts(&attempt(own(), Operation::READ, path.as_bytes()));
        let ours = end_of(&facts);
        let kernels = nix::sys::stat::stat(path.as_str());
        let kernels = kernels
            .map(|found| found.st_ino)
            .map_err(|errno| errno as i32);
        assert_eq!(
            ours,
            kernels,
            "seed {seed} {path}\n{:#?}",
            steps(&facts, &facts.walk)
        );
    }
}

/// The inode number at the end of the walk, or the error number that looking there answers.
fn end_of(facts: &Facts) -> Result<u64, i32> {
    // The walk goes through `.` without asking: whether the directory may be searched is for the judge to say.
    let closed = |step: &permwrap::facts::Step| {
        let mode = facts.node(step.dir).inode.as_ref().unwrap().mode;
        step.name == b"."
            && step.found.is_ok()
            && mode & 1 == 0
            && !nix::unistd::geteuid().is_root()
    };
    if facts.walk.steps.iter().any(closed) {
        return Err(Errno::Acces.number());
    }
    let Some(step) = facts.walk.steps.last() else {
        let start = facts.node(facts.walk.start.unwrap());
        return Ok(start.inode.as_ref().unwrap().number);
    };
    match &step.found {
        Err(unknown) => Err(unknown.errno.unwrap().number()),
        Ok(None) => Err(Errno::NoEnt.number()),
        Ok(Some(node)) => {
            let node = facts.node(*node);
            let inode = node.inode.as_ref().unwrap();
            match (
                inode.kind,
                facts.walk.trailing_slash || ends_in_slash(facts),
            ) {
                (Kind::Symlink, _) => Err(Errno::Loop.number()),
                (Kind::Directory, _) | (_, false) => Ok(inode.number),
                _ => Err(Errno::NotDir.number()),
            }
        }
    }
}

/// Whether a symlink that the last component led through ends in a slash.
fn ends_in_slash(facts: &Facts) -> bool {
    let after = facts
        .walk
        .steps
        .get(facts.walk.written - 1..)
        .unwrap_or_default();
    let lasts = after.iter().filter(|step| step.last);
    lasts
        .filter_map(|step| step.found.as_ref().ok().copied().flatten())
        .filter_map(|node| facts.node(node).link.as_ref())
        .any(|link| link.ends_with(b"/"))
}

#[test]
fn home_project_and_leftovers_are_found() {
    let Some(world) = World::new() else { return };
    world.root(
        "cd /home/alice && mkdir -p p/.git p/src p/node_modules/q && touch p/src/x p/node_modules/q/package.json
         chown -R alice:alice p && touch p/src/{a,b} && mkdir -p p/node_modules/r && touch p/node_modules/r/f
         mkdir venv && touch venv/pyvenv.cfg && mkdir -p .npm/_cacache && touch .npm/_cacache/f && chown alice venv .npm",
    );
    let mut child = world
        .command("alice", "sleep")
        .arg("60")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    wait_for("sleep", pid);
    let subject = gather::subject(pid).unwrap();
    let look = |path: &str| {
        let attempt = attempt(subject.clone(), Operation::WRITE, path.as_bytes());
        let facts = gather::facts(&attempt);
        let leftovers = gather::View::of(&attempt.subject).leftovers(&attempt, &facts);
        let leftovers =
            leftovers.map(|left| (String::from_utf8(left.top).unwrap(), left.owner, left.count));
        (facts.surroundings, leftovers)
    };
    let (around, leftovers) = look("/home/alice/p/node_modules/r/f");
    assert_eq!(around.home.as_deref(), Some(&b"/home/alice"[..]));
    assert_eq!(around.project.as_deref(), Some(&b"/home/alice/p"[..]));
    assert_eq!(leftovers, Some(("/home/alice/p".to_owned(), 0, 4)));
    let (_, leftovers) = look("/home/alice/.npm/_cacache/f");
    assert_eq!(leftovers, Some(("/home/alice/.npm".to_owned(), 0, 2)));
    let (around, leftovers) = look("/home/alice/venv/pyvenv.cfg");
    assert_eq!(around.prefix.as_deref(), Some(&b"/home/alice/venv"[..]));
    assert_eq!(leftovers, Some(("/home/alice/venv".to_owned(), 0, 1)));
    let (around, leftovers) = look("/etc/passwd");
    assert_eq!((around.project, leftovers), (None, None));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_running_program_is_held() {
    in_own_mounts(&[], || {
        shell("cp \"$(readlink -f \"$(command -v sleep)\")\" /mnt/sleep");
        let mut child = std::process::Command::new("/mnt/sleep")
            .arg("60")
            .spawn()
            .unwrap();
        wait_for("sleep", i32::try_from(child.id()).unwrap());
        let facts = gather::facts(&attempt(own(), Operation::WRITE, b"/mnt/sleep"));
        let holders: Vec<u32> = facts
            .holders
            .iter()
            .map(|holder| holder.pid.cast_unsigned())
            .collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(holders, [child.id()]);
        let open = std::fs::File::options()
            .append(true)
            .open("/mnt/sleep")
            .unwrap();
        let busy = Attempt {
            errno: Some(Errno::TxtBsy),
            ..attempt(own(), Operation::Exec, b"/mnt/sleep")
        };
        let facts = gather::facts(&busy);
        assert_eq!(facts.holders[0].pid.cast_unsigned(), std::process::id());
        drop(open);
        assert_eq!(gather::facts(&busy).holders, []);
    });
}

#[test]
fn a_relative_path_starts_in_the_working_directory() {
    in_own_mounts(&[], || {
        shell(
            "mkdir -p /mnt/closed/own; chmod 700 /mnt/closed; cd /mnt/closed/own; chown 4001 .
             echo x > f; echo x > open; chmod 600 f; ln -s /mnt/closed/own/open up; ln -s open link",
        );
        std::env::set_current_dir("/mnt/closed/own").unwrap();
        become_user(4001, 4001, &[]);
        let look = |name: &str| {
            let attempt = Attempt {
                directory: Some(b"/mnt/closed/own".to_vec()),
                ..attempt(
                    own(),
                    Operation::READ,
                    format!("/mnt/closed/own/{name}").as_bytes(),
                )
            };
            let facts = gather::facts(&attempt);
            let verdict = judge(
                &attempt.subject,
                &attempt.operation,
                &attempt.object,
                &facts,
            );
            let kernel = std::fs::File::open(name)
                .err()
                .and_then(|error| error.raw_os_error());
            let (ours, at) = match &verdict {
                Verdict::Allowed => (None, None),
                Verdict::Denied(denial) => (Some(denial.errno.number()), Some(denial.at.clone())),
                verdict => panic!("{name}: {verdict:?}"),
            };
            assert_eq!(ours, kernel, "{name}: {verdict:?}");
            match at {
                Some(Obstacle::Node(node)) => facts.node(node).path.clone(),
                _ => Vec::new(),
            }
        };
        assert_eq!(look("open"), b"");
        assert_eq!(look("link"), b"");
        assert_eq!(look("f"), b"/mnt/closed/own/f");
        assert_eq!(look("../x"), b"/mnt/closed");
        assert_eq!(look("up"), b"/mnt/closed");
    });
}

#[test]
fn proc_self_of_a_process_that_is_gone_is_nobodys() {
    let mut subject = own();
    subject.pid = None;
    let facts = gather::facts(&attempt(subject, Operation::READ, b"/proc/self/fd/0"));
    assert_eq!(facts.walk.target(), None);
    assert!(facts.walk.steps.last().unwrap().found.is_err());
}

//! Path resolution.

use std::os::unix::ffi::OsStrExt;

use crate::support::{become_user, shell};
use crate::{attempt, in_own_mounts, own, read, steps};
use permwrap::attempt::{Attempt, Operation};
use permwrap::facts::{Kind, Perms, Tag};
use permwrap::gather;
use permwrap::judge::{Obstacle, Verdict, judge};

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
        // Looking up a name requires no read permission.
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
fn a_root_directory_is_where_dot_dot_ends() {
    in_own_mounts(&["setfacl"], || {
        shell(
            "mkdir -p /mnt/jail/d; touch /mnt/jail/f /mnt/outside; ln -s /f /mnt/jail/d/link
             setfacl -m u:4001:r /mnt/jail/f",
        );
        nix::unistd::chroot("/mnt/jail").unwrap();
        // Credentials and ACLs are known even without /proc.
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

//! An engine that knows one container, and what it is made to tell.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};

use tar::EntryType::{Directory, Regular, Symlink};

use super::*;
use crate::attempt::{CapabilitySet, Operation};
use crate::gather::tar::tests::Made;

const SHOP: &str = r#"{"Id": "0123", "Name": "/shop", "Path": "cat", "Args": ["f"], "State": {"Running": true},
    "Config": {"Image": "shop", "User": "app:7", "WorkingDir": "/data"},
    "HostConfig": {"CapDrop": ["ALL"], "GroupAdd": ["42"], "SecurityOpt": ["no-new-privileges"]},
    "Mounts": [{"Type": "bind", "Source": "/srv/shop", "Destination": "/data", "RW": false}]}"#;

fn answer(path: &str) -> Option<Vec<u8>> {
    let member = |kind, mode, id, content: &str| {
        let made = Made::new().with("member", kind, mode, (id, id), content.as_bytes());
        made.bytes()
    };
    Some(match path {
        "/containers/shop/json" | "/containers/0123/json" => SHOP.into(),
        "/containers/job/json" => SHOP
            .replace(
                r#""HostConfig": {"#,
                r#""HostConfig": {"AutoRemove": true, "#,
            )
            .into(),
        "/containers/0123/archive?path=/" => member(Directory, 0o755, 0, ""),
        "/containers/0123/archive?path=/data" => member(Directory, 0o700, 0, ""),
        "/containers/0123/archive?path=/data/f" => member(Regular, 0o640, 1000, "x"),
        "/containers/0123/archive?path=/link" => member(Symlink, 0o777, 0, "data/f"),
        "/containers/0123/archive?path=/etc/passwd" => {
            member(Regular, 0o644, 0, "app:x:1000:1000::/data:/bin/sh\n")
        }
        _ => return None,
    })
}

/// An engine that knows one container, and what it has been asked.
fn engine(socket: &std::path::Path) -> Arc<Mutex<Vec<String>>> {
    let listener = UnixListener::bind(socket).unwrap();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            let path = request.split(' ').nth(1).unwrap().to_owned();
            noted.lock().unwrap().push(path.clone());
            let _ = match answer(&path) {
                Some(body) => {
                    stream.write_all(&[b"HTTP/1.0 200 OK\r\n\r\n", body.as_slice()].concat())
                }
                None if path.ends_with("gone") => stream.write_all(
                    b"HTTP/1.0 404 Not Found\r\n\r\n{\"message\": \"No such container: 0123\"}",
                ),
                None => stream.write_all(
                    b"HTTP/1.0 404 Not Found\r\n\r\n{\"message\": \"Could not find the file /x\"}",
                ),
            };
        }
    });
    asked
}

#[test]
fn no_file_is_asked_for_of_a_container_that_docker_is_about_to_remove() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("sock");
    let asked = engine(&socket);
    let named = |stays| {
        let sockets = [socket.clone()];
        let text = b"cat: /data/f: Permission denied";
        let job = Answered::named(&sockets, &["job".to_owned()], None, stays, &[], text);
        job.unwrap().look_ahead(text);
        let mut asked = asked.lock().unwrap();
        let files = asked
            .iter()
            .filter(|path| path.contains("/archive"))
            .count();
        asked.clear();
        files
    };
    assert_eq!(named(false), 0);
    assert_ne!(named(true), 0);
}

#[test]
fn an_engine_tells_who_ran_in_a_container_and_what_lies_there() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("sock");
    engine(&socket);
    let names = ["cat", "shop"].map(str::to_owned);
    let client = ["docker", "-H", "unix:///x"].map(|word| word.as_bytes().to_vec());
    let answered = Answered::named(
        &[socket],
        &names,
        None,
        true,
        &client,
        b"cat: /link: Permission denied",
    )
    .unwrap();
    assert_eq!(
        answered.enter().join(&b' '),
        b"docker -H unix:///x exec -u 0 shop"
    );
    assert!(answered.is_seen());
    assert_eq!(answered.place(), Place::Container("shop".into()));
    let subject = answered.subject().unwrap();
    assert_eq!(
        (subject.uid, subject.gid, &subject.groups[..]),
        (1000, 7, &[42][..])
    );
    assert!(subject.no_new_privs && subject.bounding == CapabilitySet::EMPTY);
    let attempt = Attempt {
        subject,
        operation: Operation::READ,
        object: Object::Path(b"/link".to_vec()),
        to: None,
        directory: None,
        errno: None,
    };
    let facts = answered.facts(&attempt, &Settings::default());
    let target = facts.node(facts.walk.target().unwrap());
    assert_eq!(target.path, b"/data/f");
    assert_eq!(target.inode.as_ref().unwrap().mode, 0o640);
    assert!(facts.mounts[target.mount.0].flags.read_only);
    assert_eq!(facts.names.users[&1000], "app");
    let Source::Engine(engine) = &answered.source else {
        panic!("the image of a container that exists");
    };
    let member = |path: &[u8]| engine.member("0123", path);
    assert_eq!(member(b"/nothing"), Some(None));
    assert_eq!(member(b"/gone"), None);
}

#[test]
fn a_socket_that_nobody_listens_at_tells_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sockets = [folder.path().join("sock")];
    assert!(Answered::new(&sockets, &[], &[], b"").is_none());
    assert!(Answered::named(&sockets, &["shop".to_owned()], None, true, &[], b"").is_none());
}

#[test]
fn the_empty_directory_of_a_removed_container_is_not_its_root() {
    let root = crate::gather::image::directory_of_the_engine();
    let found = |members: Members, accounts: [Vec<u8>; 2]| Found {
        since: Instant::now(),
        about: serde_json::from_str(SHOP).expect("as an engine says it"),
        accounts,
        members,
        untouched: false,
    };
    let alone = Members::from([(b"/".to_vec(), Some(root)), (b"/data".to_vec(), None)]);
    assert!(!found(alone.clone(), Default::default()).has_content());
    assert!(found(alone, [b"app:x:7:7::/:/bin/sh".to_vec(), Vec::new()]).has_content());
}

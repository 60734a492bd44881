//! What permwrap asks of a container engine: nothing, for a run in which nothing is said of a refusal; and what it hears of a
//! container counts only as long as that exists.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// An engine that knows no container; returns the requests that it has received.
fn engine(socket: &Path) -> Arc<Mutex<Vec<String>>> {
    let listener = UnixListener::bind(socket).expect("a socket");
    let requests = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut lines = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
            let request = lines.next().and_then(Result::ok).unwrap_or_default();
            heard.lock().expect("no panic").push(request);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n[]");
        }
    });
    requests
}

/// Runs permwrap around a client that writes this to stderr, and returns what the engine was asked.
fn asked_by(words: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a directory");
    let socket = folder.path().join("engine.sock");
    let requests = engine(&socket);
    let client = folder.path().join("docker");
    std::fs::write(&client, format!("#!/bin/sh\necho '{words}' >&2\nexit 1\n")).expect("a file");
    std::fs::set_permissions(&client, std::fs::Permissions::from_mode(0o755)).expect("own file");
    let ran = Command::new(support::permwrap())
        .arg("--")
        .arg(&client)
        .args(["run", "--rm", "image", "cat", "/data/f"])
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .stdin(Stdio::null())
        .output()
        .expect("permwrap runs");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains(words), "{said}");
    requests.lock().expect("no panic").clone()
}

#[test]
fn an_engine_is_asked_nothing_while_nothing_is_said_of_a_refusal() {
    assert_eq!(asked_by("pulled the image, 3 layers"), Vec::<String>::new());
    assert_eq!(
        asked_by("Traceback (most recent call last):"),
        Vec::<String>::new()
    );
}

#[test]
fn an_engine_is_asked_once_a_refusal_is_told() {
    let asked = asked_by("cat: /data/f: Permission denied");
    let lists = |request: &String| request.starts_with("GET /containers/json");
    assert!(asked.iter().any(lists), "{asked:?}");
    assert!(
        asked.iter().all(|request| request.starts_with("GET ")),
        "{asked:?}"
    );
}

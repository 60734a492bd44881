//! What permwrap asks of a container engine: nothing, for a run in which nothing is said of a refusal; and what it hears of a
//! container counts only as long as that exists.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// An engine that answers each request with this body; returns the requests that it has received.
fn answering(
    socket: &Path,
    answer: impl Fn(&str) -> Vec<u8> + Send + 'static,
) -> Arc<Mutex<Vec<String>>> {
    let listener = UnixListener::bind(socket).expect("a socket");
    let requests = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut lines = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
            let request = lines.next().and_then(Result::ok).unwrap_or_default();
            let body = answer(&request);
            heard.lock().expect("no panic").push(request);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
            let _ = stream.write_all(&body);
        }
    });
    requests
}

/// A client with this name that writes this to stderr.
fn client(folder: &Path, name: &str, words: &str) -> PathBuf {
    let client = folder.join(name);
    let script =
        format!("#!/bin/sh\n[ -z \"$BUILDS\" ] || touch \"$BUILDS\"\necho '{words}' >&2\nexit 1\n");
    std::fs::write(&client, script).expect("a file");
    std::fs::set_permissions(&client, std::fs::Permissions::from_mode(0o755)).expect("own file");
    client
}

/// Runs permwrap around a client that writes this to stderr, and returns what the engine was asked.
fn asked_by(words: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a directory");
    let socket = folder.path().join("engine.sock");
    let requests = answering(&socket, |_| b"[]".to_vec());
    let client = client(folder.path(), "docker", words);
    let ran = Command::new(support::permwrap())
        .arg("--")
        .arg(&client)
        .args(["run", "--rm", "image", "cat", "/data/f"])
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .env("XDG_STATE_HOME", folder.path())
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

/// An image with one file that only root may read, as `docker save` writes it.
const IMAGE: &str = r#"
    mkdir -p layer/data && echo x > layer/data/f
    tar -C layer --owner=0 --group=0 --mode=go-rwx -cf one.tar data/f
    tar -C layer --owner=0 --group=0 --mode=755 --no-recursion -cf dir.tar data
    echo '[{"Config": "c.json", "Layers": ["dir.tar", "one.tar"]}]' > manifest.json
    tar -cf image.tar dir.tar one.tar manifest.json
"#;

/// An engine that has removed the only container; it knows the image still.
fn engine_after_the_end(folder: &Path) -> PathBuf {
    let made = Command::new("sh")
        .args(["-ec", IMAGE])
        .current_dir(folder)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "tar");
    let image = std::fs::read(folder.join("image.tar")).expect("an archive");
    let created = br#"{"Type":"container","Action":"create","Actor":{"Attributes":{"image":"shop:1","name":"web"}}}"#;
    let about = br#"{"Config":{"User":"1000","WorkingDir":"/data"},"Size":4096}"#;
    let socket = folder.join("engine.sock");
    let answer = move |request: &str| match request {
        events if events.starts_with("GET /events?") => created.to_vec(),
        "GET /images/shop:1/json HTTP/1.0" => about.to_vec(),
        "GET /images/shop:1/get HTTP/1.0" => image.clone(),
        _ => b"[]".to_vec(),
    };
    answering(&socket, answer);
    socket
}

/// What permwrap says about a client of that engine that is called with these arguments.
fn said_after_the_end(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a directory");
    let socket = engine_after_the_end(folder.path());
    let client = client(folder.path(), "docker", "cat: /data/f: Permission denied");
    let ran = Command::new(support::permwrap())
        .arg("--")
        .arg(&client)
        .args(arguments)
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .env("XDG_STATE_HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("permwrap runs");
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

#[test]
fn a_container_that_was_removed_is_judged_by_its_image() {
    let said = said_after_the_end(&["run", "--rm", "shop:1", "cat", "/data/f"]);
    for words in [
        "cannot read /data/f in the container web",
        "uid 1000 may not read /data/f",
        "as the image shop:1 has it",
        "COPY --chown=1000:0 ... /data/f",
    ] {
        assert!(said.contains(words), "{words:?} is missing\n{said}");
    }
}

#[test]
fn the_options_of_the_run_count_before_the_image() {
    // Root may read it, so that something else was refused.
    let said = said_after_the_end(&["run", "-u", "0", "shop:1", "cat", "/data/f"]);
    assert!(said.contains("was written in a container"), "{said}");
    assert!(!said.contains("may not read"), "{said}");
    let said = said_after_the_end(&["run", "-v", "kept:/data", "shop:1", "cat", "/data/f"]);
    assert!(!said.contains("may not read"), "{said}");
    let said = said_after_the_end(&["run", "shop:2", "cat", "/data/f"]);
    assert!(!said.contains("may not read"), "{said}");
}

/// The storage of a client without a server: an image with one file that only root may read, a container of it, and one in which
/// an image is built.
const STORAGE: &str = r#"
    mkdir -p overlay-images/abc overlay-layers overlay/one/diff/data overlay/two/diff/data overlay/three/diff/data
    mkdir -p overlay-containers/c1/userdata overlay-containers/c2/userdata
    echo x > overlay/one/diff/data/f && chmod 600 overlay/one/diff/data/f
    echo '[{"id": "abc", "names": ["localhost/shop:latest"], "layer": "one"}]' > overlay-images/images.json
    echo '{"config": {"User": "1000"}, "rootfs": {}}' > overlay-images/abc/config
    echo '[{"id": "one"}, {"id": "two", "parent": "one"}, {"id": "three", "parent": "one"}]' > overlay-layers/layers.json
    echo '[{"id": "c1", "names": ["web"], "layer": "two"}, {"id": "c2", "layer": "three"}]' \
        > overlay-containers/containers.json
    echo '{"process": {"user": {"uid": 7, "gid": 7}, "args": ["cat"], "cwd": "/"}, "root": {"path": "/x"}, "mounts": [],
        "linux": {"namespaces": []}}' > overlay-containers/c1/userdata/config.json
    echo '{"ociv1": {"config": {"User": "1001", "WorkingDir": "/data"}}}' > overlay-containers/c2/userdata/buildah.json
    touch -d @1 overlay-containers/c2/userdata/buildah.json
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\n' "$PWD" > storage.conf
"#;

/// Tests what permwrap says about such a client that is called with these arguments.
fn assert_said_from_storage(arguments: &[&str], words: &[&str]) {
    // For others, ids in containers depend on /etc/subuid.
    if !support::needs_root() {
        return;
    }
    let folder = tempfile::tempdir().expect("a directory");
    let made = Command::new("sh")
        .args(["-ec", STORAGE])
        .current_dir(folder.path())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "the storage");
    let client = client(folder.path(), "podman", "cat: /data/f: Permission denied");
    let builds = folder
        .path()
        .join("overlay-containers/c2/userdata/buildah.json");
    let ran = Command::new(support::permwrap())
        .arg("--")
        .arg(&client)
        .args(arguments)
        .env(
            "CONTAINERS_STORAGE_CONF",
            folder.path().join("storage.conf"),
        )
        .env("BUILDS", builds)
        .env("XDG_STATE_HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("permwrap runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    for words in words {
        assert!(said.contains(words), "{words:?} is missing\n{said}");
    }
}

#[test]
fn a_client_without_a_server_keeps_images_that_can_be_looked_at() {
    let words = [
        "cannot read /data/f in a container",
        "uid 1000 may not read /data/f",
        "as the image shop has it",
    ];
    assert_said_from_storage(&["run", "--rm", "shop", "cat", "/data/f"], &words);
}

#[test]
fn the_log_of_a_container_that_has_ended_is_judged_by_what_is_kept_of_it() {
    let words = [
        "cannot read /data/f in the container web",
        "uid 7 may not read /data/f",
    ];
    assert_said_from_storage(&["logs", "web"], &words);
}

#[test]
fn a_step_of_a_build_is_judged_by_the_container_that_it_runs_in() {
    let words = [
        "uid 1001 may not read /data/f",
        "as this step of the build had it",
        "COPY --chown=1001:0 ... /data/f",
    ];
    assert_said_from_storage(&["build", "-t", "shop", "."], &words);
}

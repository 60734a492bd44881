//! `permwrap why` and `permwrap explain`.

use serde_json::Value;

use crate::support::World;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn why_tells_the_verdict_by_its_status() {
    let Some(world) = World::new() else { return };
    world.root("install -m 640 -o deploy -g www /dev/null /srv/f");
    assert_eq!(
        world
            .run("root", "permwrap why read /srv/f --as deploy")
            .code(),
        0
    );
    assert_eq!(
        world
            .run("root", "permwrap why read /srv/f --as alice")
            .code(),
        1
    );
    assert_eq!(
        world
            .run("root", "permwrap why read /srv/none --as alice")
            .code(),
        2
    );
    assert_eq!(
        world
            .run("root", "permwrap why read /srv/f --as nobody-of-this-name")
            .code(),
        2
    );
    assert_eq!(
        world
            .run("root", "permwrap why read /srv/f --as 3001:3004")
            .code(),
        0
    );
    assert_eq!(
        world
            .run("root", "permwrap why read /srv/f --as 3001:3001:3001,3004")
            .code(),
        0
    );
}

#[test]
fn why_as_json_has_every_field_of_the_interface() {
    let Some(world) = World::new() else { return };
    world.root("install -m 640 -o deploy -g www /dev/null /srv/f");
    let ran = world.run("root", "permwrap why write /srv/f --as alice --json");
    let why = json(&ran.stdout());
    for field in [
        "schema",
        "errno",
        "message",
        "pattern",
        "operation",
        "path",
        "count",
        "subject",
        "verdict",
        "causes",
        "fixes",
    ] {
        assert!(why.get(field).is_some(), "{field} is missing of {why:#}");
    }
    assert_eq!(why["verdict"], "denied");
    assert_eq!(why["errno"], "EACCES");
    assert_eq!(why["operation"], "write");
    assert_eq!(why["message"], Value::Null);
    assert_eq!(why["subject"]["user"], "alice");
    assert_eq!(why["causes"][0]["code"], "mode-denies");
}

#[test]
fn explain_reads_a_saved_text() {
    let Some(world) = World::new() else { return };
    world.root("install -m 600 /dev/null /srv/f");
    let ran = world.run("alice", "cat /srv/f 2> log; permwrap explain log --json");
    let explained = json(&ran.stdout());
    assert_eq!(explained["incidents"][0]["path"], "/srv/f");
    assert_eq!(explained["incidents"][0]["verdict"], "denied");
    let offline = world.run("alice", "permwrap explain --offline --json < log");
    assert_eq!(
        json(&offline.stdout())["incidents"][0]["verdict"],
        "unknown"
    );
}

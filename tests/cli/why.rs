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
fn a_program_without_a_slash_is_looked_up_along_path() {
    let Some(world) = World::new() else { return };
    world.root("install -d /srv/a /srv/b && install -m 600 /dev/null /srv/a/tool && install -m 755 /bin/true /srv/b/tool");
    let asked = |path: &str| {
        world.run(
            "alice",
            &format!("PATH={path}:$PATH; permwrap why exec tool"),
        )
    };
    assert_eq!(
        asked("/srv/a:/srv/b").stdout(),
        "permwrap: alice can run /srv/b/tool\n"
    );
    let ran = asked("/srv/a");
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(ran.stdout().contains("cannot run /srv/a/tool"), "{ran}");
    let ran = asked("/srv/none");
    assert_eq!(ran.code(), 2, "{ran}");
    assert!(
        ran.stderr().contains("tool is in no directory of PATH"),
        "{ran}"
    );
}

#[test]
fn writing_what_is_not_there_is_creating_it() {
    let Some(world) = World::new() else { return };
    for operation in ["write", "append", "truncate", "create"] {
        let ran = world.run("alice", &format!("permwrap why {operation} /srv/app.log"));
        assert_eq!(ran.code(), 1, "{ran}");
        assert!(ran.stdout().contains("cannot create /srv/app.log"), "{ran}");
        let ran = world.run("alice", &format!("permwrap why {operation} app.log"));
        assert_eq!(ran.code(), 0, "{ran}");
    }
    let ran = world.run("alice", "permwrap why write /srv/none/app.log");
    assert_eq!(ran.code(), 2, "{ran}");
    assert!(
        ran.stdout().contains("there is no directory /srv/none\n"),
        "{ran}"
    );
}

#[test]
fn writing_a_directory_is_asked_for_as_creating_in_it() {
    let Some(world) = World::new() else { return };
    let ran = world.run("root", "permwrap why write /srv --as alice");
    assert_eq!(ran.code(), 2, "{ran}");
    assert!(
        ran.stdout().contains("`permwrap why create /srv/NAME`"),
        "{ran}"
    );
}

#[test]
fn what_permwrap_itself_is_refused_is_explained() {
    let Some(world) = World::new() else { return };
    world.root("install -d -m 700 /srv/closed && touch /srv/closed/f.toml");
    for (command, headline) in [
        ("--report /srv/r.json -- true", "cannot create /srv/r.json"),
        (
            "explain /srv/closed/f.toml",
            "cannot read /srv/closed/f.toml",
        ),
        ("check /srv/closed/f.toml", "cannot read /srv/closed/f.toml"),
        (
            "patterns test /srv/closed/f.toml",
            "cannot read /srv/closed/f.toml",
        ),
        (
            "check --init /srv/permwrap.toml",
            "cannot create /srv/permwrap.toml",
        ),
    ] {
        let ran = world.run("alice", &format!("permwrap {command}"));
        assert!(
            ran.stderr().contains(&format!("permwrap: {headline}\n")),
            "{ran}"
        );
        assert!(ran.stderr().contains("  because  alice may not "), "{ran}");
        assert!(!ran.stderr().contains("os error"), "{ran}");
    }
}

#[test]
fn the_last_run_is_explained_as_a_whole() {
    let Some(world) = World::new() else { return };
    world.root("for n in 1 2 3 4 5; do install -d -m 700 /srv/d$n; done");
    let ran = world.run(
        "alice",
        "permwrap -- ls /srv/d1 /srv/d2 /srv/d3 /srv/d4 /srv/d5; permwrap explain --last",
    );
    for n in 1..=5 {
        assert!(
            ran.stdout().contains(&format!("cannot list /srv/d{n}\n")),
            "{ran}"
        );
    }
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

#[test]
fn a_log_of_a_thousand_equal_failures_is_explained_once() {
    let Some(world) = World::new() else { return };
    let line = |number| format!("cat: /srv/cache/{number}: Permission denied\n");
    let log: String = (0..1000).map(line).collect();
    let ran = world.run_with_input("alice", "permwrap explain --offline", log.as_bytes());
    assert_eq!(ran.stdout().matches("permwrap: ").count(), 1, "{ran}");
    assert!(
        ran.stdout()
            .contains("/srv/cache/0  (and 999 more like it)"),
        "{ran}"
    );
    let listed = "permwrap explain --offline --json";
    let listed = json(
        &world
            .run_with_input("alice", listed, log.as_bytes())
            .stdout(),
    );
    assert_eq!(listed["incidents"].as_array().map(Vec::len), Some(1000));
}

#[test]
fn a_service_is_judged_as_its_unit_says() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -d -m 750 -o deploy -g team /srv/app && install -d -m 770 -o deploy -g team /srv/app/data
         install -m 664 -o deploy -g team /dev/null /srv/app/f
         install -d /etc/systemd/system/shop.service.d
         printf '[Unit]\\nDescription=x\\n[Service]\\nUser=www\\nWorkingDirectory=/srv/app\\nProtectSystem=strict\\nReadWritePaths=\"/srv/app/data\" /srv/none\\nProtectHome=yes\\n' >/etc/systemd/system/shop.service
         printf '[Service]\\nSupplementaryGroups=team\\n' >/etc/systemd/system/shop.service.d/groups.conf",
    );
    let asked =
        |question: &str| world.run("root", &format!("permwrap why {question} --as svc:shop"));
    let ran = asked("read f");
    assert_eq!(
        (ran.code(), ran.stdout().as_str()),
        (0, "permwrap: www can read /srv/app/f\n"),
        "{ran}"
    );
    assert_eq!(asked("create /srv/app/data/new").code(), 0);
    let ran = asked("write f");
    assert_eq!(ran.code(), 1, "{ran}");
    let said = ran
        .stdout()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for words in [
        "permwrap: cannot write /srv/app/f",
        "/ is read-only for the service",
        "ProtectSystem=strict of shop.service makes it so for the service",
        "systemctl edit shop.service, [Service] ReadWritePaths=/srv/app/f",
    ] {
        assert!(said.contains(words), "{words}: {ran}");
    }
    let ran = asked("list /home/www");
    assert_eq!(ran.code(), 1, "{ran}");
    for words in ["www may not pass through /home", "ProtectHome=yes of"] {
        assert!(ran.stdout().contains(words), "{words}: {ran}");
    }
    let ran = world.run("root", "permwrap why read /srv --as svc:none");
    assert_eq!(ran.code(), 2, "{ran}");
    assert!(
        ran.stderr().contains("there is no unit none.service"),
        "{ran}"
    );
    world.root("printf 'user = \"svc:shop\"\\n[[path]]\\npath = \"f\"\\nneeds = [\"read\", \"write\"]\\n' >/srv/app/permwrap.toml");
    let ran = world.run("root", "permwrap check /srv/app/permwrap.toml");
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(
        ran.stdout()
            .contains("1 of 2 requirements hold, 1 does not"),
        "{ran}"
    );
}

#[test]
fn a_setting_of_a_unit_that_is_not_followed_leaves_it_open() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -d /etc/systemd/system && install -m 600 /dev/null /srv/f
         printf '[Service]\\nUser=www\\nNoExecPaths=/\\nPrivateTmp=yes\\nSocketBindDeny=any\\n' >/etc/systemd/system/shop.service
         printf '[Service]\\nUser=www\\nRootDirectory=/srv/root\\n' >/etc/systemd/system/root.service",
    );
    for (question, setting) in [
        ("exec /bin/ls --as svc:shop", "NoExecPaths= of shop.service"),
        ("read /tmp/k --as svc:shop", "PrivateTmp= of shop.service"),
        ("bind 8080 --as svc:shop", "SocketBindDeny= of shop.service"),
        (
            "read /srv/f --as svc:root",
            "RootDirectory= of root.service",
        ),
    ] {
        let ran = world.run("root", &format!("permwrap why {question}"));
        assert_eq!(ran.code(), 2, "{ran}");
        assert!(ran.stdout().contains(setting), "{ran}");
        assert!(!ran.stdout().contains("  fix  "), "{ran}");
    }
    assert_eq!(
        world
            .run("root", "permwrap why read /etc/passwd --as svc:shop")
            .code(),
        0
    );
}

#[test]
fn what_is_no_address_is_a_wrong_call() {
    let Some(world) = World::new() else { return };
    for address in ["0.0.0.0:99999", "65536", "::1", "@abstract"] {
        let ran = world.run("alice", &format!("permwrap why bind {address}"));
        assert_eq!(ran.code(), 2, "{ran}");
    }
    for path in ["s.sock", "./65536"] {
        let ran = world.run("alice", &format!("permwrap why bind {path}"));
        assert_eq!(ran.code(), 0, "{ran}");
    }
}

//! `permwrap check`, tested from outside.
//!
//! Debian packages: acl, python3.
mod support;

use serde_json::Value;
use support::World;

/// A project in /srv/shop whose service, www, lacks some of the required access.
fn project(world: &World) {
    world.root(
        "install -d -m 755 /srv/shop && cd /srv/shop
         install -d -o www -g www -m 750 data
         install -d -m 755 uploads
         install -m 644 /dev/null settings.ini
         install -m 644 /dev/null key
         cat >permwrap.toml <<'END'
user = \"www\"
not-root = true
[[path]]
path = \"data/\"
needs = [\"read\", \"write\"]
mode = [\"750\", \"770\"]
[[path]]
path = \"uploads/\"
needs = [\"read\", \"write\"]
mode = \"775\"
[[path]]
path = \"settings.ini\"
needs = [\"read\"]
[[path]]
path = \"key\"
closed = true
[[path]]
path = \"logs/\"
needs = [\"write\"]
END",
    );
}

#[test]
fn the_list_tells_what_holds_and_what_does_not_with_its_fix() {
    let Some(world) = World::new() else { return };
    project(&world);
    let ran = world.run("root", "cd /srv/shop && permwrap check");
    assert_eq!(ran.code(), 1, "{ran}");
    let text = ran.stdout();
    for line in [
        "permwrap check: permwrap.toml, for www (uid 3004)",
        "  ok       does not run as root",
        "  ok       may read data/",
        "  ok       may write data/",
        "  ok       data/ has mode 750 or 770",
        "  ok       may read uploads/",
        "  NO       may write uploads/",
        "  NO       uploads/ has mode 775",
        "  because  its mode is 755",
        "  ok       may read settings.ini",
        "  NO       key is closed to others",
        "  because  everybody may read it",
        "  NO       logs/ exists",
        "permwrap: 6 of 10 requirements hold, 4 do not",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{ran}");
    }
}

#[test]
fn when_the_fixes_are_made_all_of_it_holds() {
    let Some(world) = World::new() else { return };
    project(&world);
    let check = "cd /srv/shop && permwrap check --json";
    let list: Value = serde_json::from_str(&world.run("root", check).stdout()).expect("it is JSON");
    assert_eq!(
        (&list["schema"], &list["holds"]),
        (&Value::from(1), &Value::from(false))
    );
    for item in list["items"].as_array().expect("a list") {
        if item["holds"] == false {
            let commands = item["fixes"][0]["commands"]
                .as_array()
                .expect("commands")
                .clone();
            assert!(!commands.is_empty(), "{item}");
            for command in commands {
                world.root(command.as_str().expect("text"));
            }
        }
    }
    let ran = world.run("root", "cd /srv/shop && permwrap check");
    assert_eq!(ran.code(), 0, "{ran}");
    assert!(
        ran.stdout()
            .ends_with("permwrap: all 10 requirements hold\n"),
        "{ran}"
    );
    assert_eq!(
        world
            .run("www", "touch /srv/shop/uploads/a /srv/shop/logs/b")
            .code(),
        0
    );
    assert_ne!(world.run("bob", "cat /srv/shop/key").code(), 0);
}

#[test]
fn another_user_is_judged_where_one_is_named() {
    let Some(world) = World::new() else { return };
    project(&world);
    let ran = world.run("root", "permwrap check --as bob /srv/shop/permwrap.toml");
    assert!(ran.stdout().contains("for bob (uid 3002)"), "{ran}");
    assert!(
        ran.stdout().contains("  NO       may read data/\n"),
        "{ran}"
    );
    let ran = world.run("root", "permwrap check --as 0 /srv/shop/permwrap.toml");
    assert!(
        ran.stdout().contains("  NO       does not run as root\n"),
        "{ran}"
    );
}

#[test]
fn a_service_is_not_started_when_something_is_missing() {
    let Some(world) = World::new() else { return };
    project(&world);
    let ran = world.run(
        "www",
        "cd /srv/shop && permwrap --check -- touch data/started",
    );
    assert_eq!((ran.code(), ran.stdout()), (125, String::new()), "{ran}");
    assert!(ran.stderr().contains("permwrap: not started"), "{ran}");
    assert!(ran.stderr().contains("may write uploads/"), "{ran}");
    assert_ne!(world.run("root", "ls /srv/shop/data/started").code(), 0);
    world.root("cd /srv/shop && printf '[[path]]\\npath = \"data\"\\nneeds = [\"write\"]\\n' >permwrap.toml");
    let ran = world.run(
        "www",
        "cd /srv/shop && permwrap --check -- touch data/started",
    );
    assert_eq!((ran.code(), ran.stderr()), (0, String::new()), "{ran}");
    world.root("ls /srv/shop/data/started");
}

#[test]
fn what_cannot_be_seen_is_not_judged() {
    let Some(world) = World::new() else { return };
    world.root("install -d -m 700 /srv/closed && touch /srv/closed/a");
    let manifest =
        r#"printf '[[path]]\npath = "/srv/closed/a"\nneeds = ["read"]\n' >permwrap.toml"#;
    world.run("alice", manifest).ok();
    let ran = world.run("alice", "permwrap check --as root");
    assert_eq!(ran.code(), 2, "{ran}");
    assert!(
        ran.stdout().contains("  unclear  may read /srv/closed/a\n"),
        "{ran}"
    );
    assert!(
        ran.stdout()
            .ends_with("permwrap: the one requirement could not be judged\n"),
        "{ran}"
    );
}

#[test]
fn trouble_is_one_line_that_names_the_place() {
    let Some(world) = World::new() else { return };
    let says = |setup: &str, command: &str, expected: &str| {
        let ran = world.run("alice", &format!("{setup}; permwrap {command}"));
        assert_eq!(ran.code(), 2, "{ran}");
        assert_eq!(ran.stderr(), format!("permwrap: {expected}\n"), "{ran}");
    };
    says(
        "true",
        "check",
        "permwrap.toml is not there (permwrap check --init drafts one)",
    );
    says(
        r#"printf 'user = "a"\n[[path]]\npath = "x"\nneeds = ["raed"]\n' >permwrap.toml"#,
        "check 2>&1 | sed 's/; there are.*//' >&2; exit ${PIPESTATUS[0]}",
        "permwrap.toml:4: \"raed\" is not an operation",
    );
    says(
        "echo 'user = \"nobody-of-that-name\"' >permwrap.toml",
        "check",
        "permwrap.toml: unknown user 'nobody-of-that-name'",
    );
    says(
        "true",
        "check --init",
        "permwrap.toml is there already, and stays as it is",
    );
}

#[test]
fn all_that_is_required_of_a_path_gets_one_mode() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -d -o www /srv/app && cd /srv/app && touch key open && chmod 664 key open && chown www key open && cat >permwrap.toml <<'END'
user = \"www\"
[[path]]
path = \"key\"
needs = [\"write\"]
closed = true
mode = [\"644\", \"400\", \"600\"]
[[path]]
path = \"open\"
closed = true
mode = \"644\"
[[path]]
path = \"a/b/c/\"
needs = [\"write\"]
END
         chown www permwrap.toml",
    );
    let ran = world.run("www", "cd /srv/app && permwrap check");
    let text = ran.stdout();
    let fixes: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  fix      "))
        .filter_map(|line| line.split("   ").next())
        .collect();
    let contradiction =
        "no mode in the manifest's list is closed to others: correct `mode` or `closed` there";
    let expected = [
        "chmod 600 /srv/app/key",
        "chmod 600 /srv/app/key",
        contradiction,
        contradiction,
        "mkdir -p -m 750 /srv/app/a/b/c",
    ];
    assert_eq!(fixes, expected, "{ran}");
}

#[test]
fn a_first_manifest_is_drafted_and_can_be_checked() {
    let Some(world) = World::new() else { return };
    let ran = world.run(
        "www",
        "mkdir -p shop/shop node_modules/x media && cd shop
         printf 'BASE_DIR = Path(__file__).resolve().parent.parent\\nMEDIA_ROOT = BASE_DIR / \"media\"\\n' >shop/settings.py
         mkdir media deploy; printf '[Service]\\nUser=www\\n' >deploy/shop.service
         printf 'FROM x\\nUSER other\\n' >../node_modules/x/Dockerfile
         permwrap check --init && permwrap check",
    );
    assert_eq!(ran.code(), 0, "{ran}");
    let text = ran.stdout();
    assert!(
        text.starts_with("permwrap: wrote permwrap.toml: drafted from 2 files\n"),
        "{ran}"
    );
    assert!(text.contains("  ok       may write media/\n"), "{ran}");
    let manifest = world.run("www", "cat shop/permwrap.toml").stdout();
    assert!(
        manifest.contains("user = \"www\"            # deploy/shop.service line 2: User"),
        "{manifest}"
    );
    assert!(
        manifest.contains("# guessed from shop/settings.py line 2: MEDIA_ROOT"),
        "{manifest}"
    );
}

#[test]
fn groups_ports_programs_sockets_and_devices_are_judged_too() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -m 644 /dev/null /srv/tool && mkdir /srv/bin && install -m 755 /bin/true /srv/bin/helper
         python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/srv/db.sock\")' && chmod 600 /srv/db.sock
         cat >/srv/permwrap.toml <<'END'
user = \"www\"
groups = [\"www\", \"team\", \"no-such-group\"]
ports = [8080, \"127.0.0.1:80\"]
programs = [\"helper\", \"/srv/tool\", \"no-such-program\"]
sockets = [\"db.sock\"]
devices = [\"/dev/null\"]
END",
    );
    let ran = world.run(
        "root",
        "PATH=$PATH:/srv/bin permwrap check /srv/permwrap.toml",
    );
    assert_eq!(ran.code(), 1, "{ran}");
    let text = ran.stdout();
    for line in [
        "  ok       is in the group www",
        "  NO       is in the group team",
        "  fix      sudo usermod -aG team www   adds it; start the service anew afterwards",
        "  NO       is in the group no-such-group",
        "  ok       may listen on port 8080",
        "  NO       may listen on 127.0.0.1:80",
        "  ok       may run helper",
        "  NO       may run /srv/tool",
        "  NO       may run no-such-program",
        "  NO       may connect to db.sock",
        "  ok       may read and write /dev/null",
        "permwrap: 4 of 10 requirements hold, 6 do not",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{ran}");
    }
}

#[test]
fn one_database_does_not_open_the_whole_project() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -d -o deploy -g deploy /srv/site && cd /srv/site && touch manage.py
         printf 'user = \"www\"\n[[path]]\npath = \"db.sqlite3\"\nneeds = [\"create\"]\n' >permwrap.toml",
    );
    let ran = world.run("root", "cd /srv/site && permwrap check --json");
    assert_eq!(ran.code(), 1, "{ran}");
    let text = ran.stdout();
    assert!(
        text.contains("in its own directory below /srv/site"),
        "{ran}"
    );
    assert!(!text.contains("u:www:rwx"), "{ran}");
}

#[test]
fn no_directory_is_made_by_root_where_others_could_put_a_link() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -d -o www -g www /srv/web && install -d -m 700 /srv/victim && install -d /srv/site && cd /srv/site
         printf 'user = \"alice\"\n[[path]]\npath = \"/srv/web/static/\"\nneeds = [\"write\"]\n' >permwrap.toml
         printf 'user = \"www\"\n[[path]]\npath = \"/srv/web/a/b/\"\nneeds = [\"write\"]\n' >own.toml",
    );
    let fixes = |manifest: &str| {
        let ran = world.run(
            "root",
            &format!("cd /srv/site && permwrap check --json {manifest}"),
        );
        assert_eq!(ran.code(), 1, "{ran}");
        ran.stdout()
    };
    let others = fixes("permwrap.toml");
    assert!(
        others.contains("its owner can") && !others.contains("install"),
        "{others}"
    );
    // The service makes its own, as itself.
    let own = fixes("own.toml");
    let made = "runuser -u www -- mkdir -p -m 750 /srv/web/a/b";
    assert!(own.contains(&format!("\"{made}\"")), "{own}");
    world.run("www", "ln -s /srv/victim /srv/web/a").ok();
    let _ = world.run("root", made);
    assert_eq!(
        world.root("stat -c '%U %a' /srv/victim").stdout(),
        "root 700\n"
    );
}

#[test]
fn a_manifest_has_nothing_of_the_systems_opened() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -d /srv/site && install -m 600 /dev/null /etc/secret && install -m 755 /bin/true /srv/site/run
         cat >/srv/site/permwrap.toml <<'END'
user = \"www\"
[[path]]
path = \"/etc/secret\"
mode = \"666\"
[[path]]
path = \"/etc/new/\"
needs = [\"read\"]
[[path]]
path = \"run\"
mode = \"4755\"
END",
    );
    let ran = world.run(
        "root",
        "cd /srv/site && cat permwrap.toml && permwrap check",
    );
    assert_eq!(ran.code(), 1, "{ran}");
    let text = ran.stdout();
    assert!(
        !text.contains("chmod 666") && !text.contains("chmod 4755"),
        "{ran}"
    );
    assert!(!text.contains("install -d"), "{ran}");
}

#[test]
fn a_strangers_manifest_does_not_tell_root_what_to_run() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -d -o bob /srv/bobs && cd /srv/bobs && chmod 755 /home/alice && chown -R bob: . && cat >permwrap.toml <<'END'
[[path]]
path = \"/home/alice\"
closed = true
[[path]]
path = \"data/\"
needs = [\"write\"]
END
         chown bob: permwrap.toml",
    );
    let ran = world.run("root", "cd /srv/bobs && permwrap check");
    assert_eq!(ran.code(), 1, "{ran}");
    let text = ran.stdout();
    assert!(text.contains("belongs to bob"), "{ran}");
    let commands = ["chmod", "mkdir", "install"];
    assert!(
        !commands.iter().any(|command| text.contains(command)),
        "{ran}"
    );
    // The user who called sudo asks about a manifest of their own.
    let ran = world.run(
        "root",
        "cd /srv/bobs && SUDO_UID=$(id -u bob) permwrap check",
    );
    assert!(ran.stdout().contains("mkdir"), "{ran}");
}

#[test]
fn nothing_that_others_need_is_closed_for_a_manifest() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -d -o alice /srv/mine && cd /srv/mine && touch key && chown alice: key && ln -s /etc /srv/mine/link && cat >permwrap.toml <<'END'
[[path]]
path = \"/usr\"
closed = true
[[path]]
path = \"/etc/passwd\"
closed = true
[[path]]
path = \"/usr/bin/sudo\"
mode = \"600\"
[[path]]
path = \"/tmp\"
mode = \"600\"
[[path]]
path = \"link/hosts\"
mode = \"600\"
[[path]]
path = \"key\"
closed = true
END
         chown alice: permwrap.toml",
    );
    for user in ["alice", "root"] {
        let ran = world.run(
            user,
            "cd /srv/mine && SUDO_UID=3001 permwrap check --as alice",
        );
        let text = ran.stdout();
        let commands: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("chmod "))
            .collect();
        assert!(commands.iter().all(|line| line.contains("key")), "{ran}");
        // A command for root could be redirected by alice.
        assert_eq!(commands.len(), usize::from(user == "alice"), "{ran}");
    }
}

/// A unit that does not run is judged by what its file says, for everything in the manifest: what is closed to it is refused, what
/// a setting may forbid whose effect is not followed is not called allowed. Another user is not subject to it.
#[test]
fn the_settings_of_a_unit_count_for_paths_ports_and_programs() {
    let Some(world) = World::new() else { return };
    world.root(
        "mkdir -p /etc/systemd/system /srv/app/data /srv/app/closed; printf '#!/bin/sh\\n' >/srv/app/run; chmod 755 /srv/app/run
         chown -R www: /srv/app
         printf '[Service]\\nUser=www\\nExecStart=/bin/true\\nNoExecPaths=/srv\\nInaccessiblePaths=/srv/app/closed\\nSocketBindDeny=any\\nReadOnlyPaths=/srv/app\\nReadWritePaths=/srv/app/data\\nPrivateTmp=yes\\n' >/etc/systemd/system/app.service
         cat >/srv/app/permwrap.toml <<'X'
user = \"svc:app\"
ports = [8080]
programs = [\"/srv/app/run\"]
[[path]]
path = \"data\"
needs = [\"write\"]
[[path]]
path = \"closed\"
needs = [\"read\"]
[[path]]
path = \"run\"
needs = [\"write\"]
[[path]]
path = \"/tmp\"
needs = [\"write\"]
[[path]]
path = \"closed\"
needs = [\"read\"]
as = \"www\"
X",
    );
    let ran = world.run("root", "cd /srv/app && permwrap check");
    for line in [
        "unclear  may listen on port 8080",
        "unclear  may run /srv/app/run",
        "ok       may write data",
        "NO       may read closed\n",
        "NO       may write run",
        "unclear  may write /tmp\n",
        "ok       may read closed (as www)",
    ] {
        assert!(ran.stdout().contains(line), "{line}: {ran}");
    }
}

#[test]
fn closed_is_what_no_named_user_and_no_member_of_its_group_gets_into() {
    let Some(world) = World::new() else { return };
    world.root(
        r#"install -d /srv/p && cd /srv/p && usermod -aG team bob
         install -m 600 -o alice /dev/null acl && setfacl -m u:bob:r acl
         install -m 640 -o alice -g team /dev/null group
         install -d -m 700 -o alice dir && setfacl -m u:bob:x dir
         install -m 640 -o deploy -g alice /dev/null deployed
         install -m 600 -o alice /dev/null own
         echo 'user = "alice"' >permwrap.toml
         for f in acl group dir deployed own; do printf '[[path]]\npath = "%s"\nclosed = true\n' $f; done >>permwrap.toml"#,
    );
    let text = world
        .run("root", "cd /srv/p && permwrap check; true")
        .stdout();
    for line in [
        "NO       acl is closed to others",
        "because  bob may read it",
        "take bob out of its ACL: setfacl -x u:bob /srv/p/acl",
        "NO       group is closed to others",
        "because  bob may traverse it",
        "ok       deployed is closed to others",
        "ok       own is closed to others",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn what_fails_for_one_reason_is_explained_once() {
    let Some(world) = World::new() else { return };
    world.root(
        r#"chmod 700 /home/alice; touch /home/alice/a /home/alice/b; install -d /srv/p && cd /srv/p
         echo 'user = "www"' >permwrap.toml
         for f in a b; do printf '[[path]]\npath = "/home/alice/%s"\nneeds = ["read"]\n' $f; done >>permwrap.toml"#,
    );
    let text = world
        .run("root", "cd /srv/p && permwrap check; true")
        .stdout();
    assert!(
        text.contains(
            "  NO       may read /home/alice/a\n  NO       may read /home/alice/b\n  because"
        ),
        "{text}"
    );
    assert_eq!(text.matches("because").count(), 1, "{text}");
}

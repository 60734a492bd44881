//! Hints as the user sees them, and cases without a hint.

use crate::support::World;

#[test]
fn the_hint_names_object_rule_and_fix() {
    let Some(world) = World::new() else { return };
    world.root("install -d -m 750 -o deploy -g www /srv/app && touch /srv/app/db");
    let ran = world.run("alice", "permwrap cat /srv/app/db");
    let expected = "\
cat: /srv/app/db: Permission denied

permwrap: cannot read /srv/app/db
  because  alice may not pass through /srv/app

           drwxr-xr-x  root    root  /
           drwxr-xr-x  root    root  srv/
           drwxr-x---  deploy  www   app/";
    assert!(ran.stderr().starts_with(expected), "{ran}");
    assert!(
        ran.stderr()
            .contains("  fix      sudo setfacl -m u:alice:--x "),
        "{ran}"
    );
    assert!(
        ran.stderr()
            .contains("  more     permwrap causes dir-not-searchable\n"),
        "{ran}"
    );
}

#[test]
fn ten_thousand_equal_failures_are_one_hint_with_a_count() {
    let Some(world) = World::new() else { return };
    world.root("install -m 600 /dev/null /srv/f");
    let ran = world.run(
        "alice",
        "permwrap --report r.json -- bash -c 'for i in {1..10000}; do echo \"cat: /srv/f: Permission denied\"; done >&2; exit 3'",
    );
    assert_eq!(ran.code(), 3, "{ran}");
    assert_eq!(ran.stderr().matches("permwrap: cannot").count(), 1);
    let report = world.run("alice", "cat r.json").stdout();
    let report: serde_json::Value = serde_json::from_str(&report).expect("the report is JSON");
    assert_eq!(report["incidents"].as_array().map(Vec::len), Some(1));
    assert!(
        report["incidents"][0]["count"].as_u64() >= Some(10_000),
        "{report:#}"
    );
}

#[test]
fn what_another_permwrap_inside_has_told_is_not_told_again() {
    let Some(world) = World::new() else { return };
    world.root("install -m 600 /dev/null /srv/f; install -m 600 /dev/null /srv/g");
    let hints = |command: &str| {
        let ran = world.run("alice", command);
        let told = |file| ran.stderr().matches(&format!("cannot read {file}")).count();
        (told("/srv/f"), told("/srv/g"))
    };
    let run = "permwrap -- sh -c 'permwrap -- cat /srv/f; cat /srv/g'";
    assert_eq!(hints(run), (1, 1));
    assert_eq!(hints("permwrap -- permwrap --quiet -- cat /srv/f"), (1, 0));
    assert_eq!(hints("permwrap -- permwrap -- permwrap cat /srv/f"), (1, 0));
    // What a program prints is no hint, and what is told of another file or user is told of that one alone.
    let printed = "permwrap -- sh -c 'echo permwrap: cannot read /srv/f >&2; cat /srv/f'";
    assert_eq!(hints(printed), (2, 0));
    world.root("install -m 600 /dev/null '/srv/f g'");
    let longer = "permwrap -- sh -c 'permwrap -- cat /srv/f; cat \"/srv/f g\"'";
    assert_eq!(hints(longer), (2, 0));
}

/// What `permwrap explain` says about a text, on one line.
fn explained(world: &World, text: &str) -> String {
    world.root(&format!("cat > /home/alice/text <<'END'\n{text}\nEND"));
    let ran = world.run("alice", "permwrap explain text");
    let said = ran.stdout();
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_step_of_a_build_is_found_in_the_dockerfile() {
    let Some(world) = World::new() else { return };
    world.root(
        "printf 'FROM debian\\nWORKDIR /app\\nUSER 1000\\nRUN touch f\\n' > /home/alice/Dockerfile",
    );
    for text in [
        "STEP 4/4: RUN touch f\ntouch: cannot touch 'f': Permission denied",
        "#8 [4/4] RUN touch f\n#8 0.3 touch: cannot touch 'f': Permission denied",
        " > [4/4] RUN touch f:\n0.318 touch: cannot touch 'f': Permission denied\n------",
    ] {
        let said = explained(&world, text);
        for words in [
            "line 4 of Dockerfile, run as 1000 (line 3) in /app (line 2)",
            "RUN chown 1000 /app above line 3",
        ] {
            assert!(said.contains(words), "{words:?} is missing\n{said}");
        }
    }
    // The step that failed is over.
    let text = "STEP 4/4: RUN touch f\n$ cat /etc/shadow\ncat: /etc/shadow: Permission denied";
    let said = explained(&world, text);
    assert!(said.contains("alice may not read /etc/shadow"), "{said}");
}

#[test]
fn what_a_service_of_compose_wrote_leads_to_its_volume() {
    let Some(world) = World::new() else { return };
    world.root(
        "printf 'services:\\n  web:\\n    user: 1000:7\\n    volumes:\\n    - ./data:/data:ro\\n' > /home/alice/compose.yaml",
    );
    let text = "web-1  | PermissionError: [Errno 13] Permission denied: '/data/f'";
    let said = explained(&world, text);
    for words in [
        "in the container web-1",
        "line 5 of compose.yaml mounts ./data read-only at /data",
        "/home/alice/data/f --as 1000:7` judges it here, as line 3 has it",
    ] {
        assert!(said.contains(words), "{words:?} is missing\n{said}");
    }
    let said = explained(&world, &text.replace("web-1", "db-1"));
    assert!(!said.contains("compose.yaml"), "{said}");
}

#[test]
fn a_server_gets_its_hint_while_it_runs() {
    let Some(world) = World::new() else { return };
    world.root("install -m 600 /dev/null /srv/f");
    // The server waits until the hint is in its log, and the test fails if none appears.
    let ran = world.run(
        "alice",
        "permwrap bash -c 'cat /srv/f; for i in {1..100}; do grep -q permwrap: log && exit 0; sleep 0.1; done; exit 9' 2> log",
    );
    assert_eq!(ran.code(), 0, "{ran}");
}

#[test]
fn nothing_is_said_where_nothing_failed() {
    let Some(world) = World::new() else { return };
    let ran = world.run("alice", "permwrap bash -c 'echo out; echo all is well >&2'");
    assert_eq!(
        (ran.stdout().as_str(), ran.stderr().as_str()),
        ("out\n", "all is well\n")
    );
}

#[test]
fn words_about_an_access_that_is_open_give_no_hint() {
    let Some(world) = World::new() else { return };
    let ran = world.run(
        "alice",
        "permwrap bash -c 'echo \"alice@host: Permission denied (publickey).\" >&2; exit 255'",
    );
    assert_eq!(
        ran.stderr(),
        "alice@host: Permission denied (publickey).\n",
        "{ran}"
    );
}

#[test]
fn a_program_run_as_another_user_is_judged_as_that_user() {
    let Some(world) = World::new() else { return };
    world.root("echo x > /home/alice/x");
    // The program ends before it can be inspected, and the shell that started it may read the file.
    let ran = world.run(
        "root",
        "permwrap sh -c 'setpriv --reuid bob --regid bob --clear-groups cat /home/alice/x; sleep 0.1'",
    );
    assert!(
        ran.stderr()
            .contains("bob may not pass through /home/alice"),
        "{ran}"
    );
}

#[test]
fn failures_with_one_obstacle_are_one_hint() {
    let Some(world) = World::new() else { return };
    world.root("mkdir -p /srv/d && touch /srv/d/1 /srv/d/2 /srv/d/3");
    let ran = world.run("alice", "permwrap rm -rf /srv/d");
    assert_eq!(ran.stderr().matches("permwrap: cannot").count(), 1, "{ran}");
    assert!(
        ran.stderr().contains("(and 2 more for the same reason)"),
        "{ran}"
    );
}

#[test]
fn a_users_pattern_for_a_line_without_a_reason_works_in_a_run() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -m 600 /dev/null /srv/lock && mkdir /srv/patterns && chmod 755 /srv/patterns",
    );
    world.root(
        "cat > /srv/patterns/mine.toml <<'END'
[[pattern]]
id = \"frobnicator\"
keywords = [\"frobnicator sulks\"]
line = 'frobnicator sulks over (?P<path>\\S+)'
operation = \"read\"
END",
    );
    let ran = world.run(
        "alice",
        "permwrap --patterns /srv/patterns -- perl -e 'print STDERR \"frobnicator sulks over /srv/lock\\n\"; exit 3'",
    );
    assert!(
        ran.stderr().contains("permwrap: cannot read /srv/lock"),
        "{ran}"
    );
}

#[test]
fn what_a_viewer_shows_is_no_failure_of_its_own() {
    let Some(world) = World::new() else { return };
    world.root("install -m 600 /dev/null /srv/secret");
    world.root("echo 'cat: /srv/secret: Permission denied' > /srv/log && echo 'rm: cannot remove '\\''/srv/secret'\\'': Permission denied' >> /srv/log");
    for command in [
        "tail /srv/log",
        "sed '' /srv/log",
        "diff /srv/log /dev/null",
    ] {
        let ran = world.run(
            "alice",
            &format!("permwrap -- script -qec \"permwrap -- {command}\" /dev/null"),
        );
        assert!(!ran.stdout().contains("permwrap:"), "{command} {ran}");
    }
    let ran = world.run("alice", "permwrap -- cat /srv/secret");
    assert!(
        ran.stderr().contains("permwrap: cannot read /srv/secret"),
        "{ran}"
    );
}

#[test]
fn what_is_told_on_stdout_gets_its_hint_where_that_is_asked_for() {
    let Some(world) = World::new() else { return };
    world.root("install -m 600 /dev/null /srv/f; printf '#!/bin/sh\\ncat /srv/f 2>&1\\nexit 3\\n' >/mnt/bin/tells; chmod 755 /mnt/bin/tells");
    for to in ["| cat", ">out; code=$?; cat out; exit $code"] {
        let without = world.run("alice", &format!("set -o pipefail; permwrap tells {to}"));
        assert_eq!(
            (without.code(), without.stderr().as_str()),
            (3, ""),
            "{to}: {without}"
        );
        let ran = world.run(
            "alice",
            &format!("set -o pipefail; permwrap --stdout tells {to}"),
        );
        assert_eq!(
            (ran.code(), ran.stdout()),
            (3, without.stdout()),
            "{to}: {ran}"
        );
        assert!(ran.stdout().contains("Permission denied"), "{to}: {ran}");
        assert!(
            ran.stderr().starts_with("\npermwrap: cannot read /srv/f\n"),
            "{to}: {ran}"
        );
    }
}

#[test]
fn what_is_told_on_both_streams_is_one_hint_and_halves_are_none() {
    let Some(world) = World::new() else { return };
    world.root("install -m 600 /dev/null /srv/f");
    let told = "cat: /srv/f: Permission denied";
    let ran = world.run(
        "alice",
        &format!("permwrap --stdout sh -c 'echo {told}; echo {told} >&2; exit 1' | cat"),
    );
    assert_eq!(ran.stderr().matches("permwrap: ").count(), 1, "{ran}");
    let ran = world.run("alice", "permwrap --stdout sh -c 'printf \"cat: /srv/f: \"; echo Permission denied >&2; exit 1' | cat");
    assert!(!ran.stderr().contains("permwrap: cannot"), "{ran}");
}

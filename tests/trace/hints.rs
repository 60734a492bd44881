//! Hints based on traced calls, if messages give only half of the information, none, or something else; no hints for calls that
//! were not failures.

use serde_json::Value;

use crate::support::{Ran, World, needs_programs};

const SCENE: &str = "mkdir -p /srv/app/data /srv/bin; touch /srv/app/data/users.db; chmod 700 /srv/app/data; \
                     printf '#!/bin/sh\\necho hello\\n' >/srv/bin/tool; chmod 644 /srv/bin/tool";

/// The result of this script under trace, run by alice, and the report.
fn traced(script: &str) -> Option<(Ran, Value)> {
    traced_with("", script)
}

fn traced_with(options: &str, script: &str) -> Option<(Ran, Value)> {
    let world = World::new()?;
    world.root(SCENE);
    let ran = world.run(
        "alice",
        &format!("permwrap --trace {options} --report /tmp/report.json -- {script}"),
    );
    let report = world.root("cat /tmp/report.json");
    let report = serde_json::from_str(&report.stdout()).expect("a report");
    Some((ran, report))
}

/// The only incident of a report, which must be exact.
#[track_caller]
fn incident(report: &Value) -> &Value {
    let incidents = report["incidents"].as_array().expect("incidents");
    assert_eq!(incidents.len(), 1, "{report:#}");
    assert_eq!(incidents[0]["exact"], true, "{report:#}");
    &incidents[0]
}

fn told(report: &Value) -> Vec<&str> {
    let calls = report["calls"].as_array().expect("calls").iter();
    calls
        .filter(|call| call["told"] == true)
        .filter_map(|call| call["path"].as_str().or(call["address"].as_str()))
        .collect()
}

#[test]
fn a_message_without_a_path_gets_that_of_the_call() {
    if !needs_programs(&["perl"]) {
        return;
    }
    let script = "perl -e 'open F, \"<\", \"/srv/app/data/users.db\" or die \"cannot start: $!\"'";
    let Some((ran, report)) = traced(script) else {
        return;
    };
    let incident = incident(&report);
    assert_eq!(
        (&incident["path"], &incident["operation"]),
        (&"/srv/app/data/users.db".into(), &"read".into()),
        "{ran}"
    );
    assert_eq!(incident["causes"][0]["code"], "dir-not-searchable", "{ran}");
    assert!(
        incident["message"]
            .as_str()
            .is_some_and(|message| message.starts_with("cannot start")),
        "{ran}"
    );
    assert_eq!(told(&report), ["/srv/app/data/users.db"]);
}

#[test]
fn a_bare_bind_gets_its_port() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let script = "python3 -c 'import socket; socket.socket().bind((\"127.0.0.1\", 80))'";
    let Some((ran, report)) = traced(script) else {
        return;
    };
    assert_eq!(
        incident(&report)["causes"][0]["code"],
        "privileged-port",
        "{ran}"
    );
    assert!(
        ran.stderr().contains("cannot listen on 127.0.0.1:80"),
        "{ran}"
    );
    assert_eq!(told(&report), ["127.0.0.1:80"]);
}

#[test]
fn half_a_path_becomes_a_whole_one() {
    let Some((ran, report)) = traced("sh -c 'cd /srv/app && cat data/users.db'") else {
        return;
    };
    assert_eq!(incident(&report)["path"], "/srv/app/data/users.db", "{ran}");
}

#[test]
fn an_error_that_a_program_keeps_to_itself_is_told() {
    let Some((ran, report)) = traced("sh -c 'cat /srv/app/data/users.db 2>/dev/null'") else {
        return;
    };
    assert_eq!(incident(&report)["path"], "/srv/app/data/users.db", "{ran}");
    assert!(
        ran.stderr()
            .contains("alice may not pass through /srv/app/data"),
        "{ran}"
    );
    assert!(told(&report).is_empty(), "{report:#}");
}

#[test]
fn an_error_in_other_words_is_told() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let script = "python3 -c 'import sqlite3; sqlite3.connect(\"/srv/app/data/users.db\").execute(\"create table t (a)\")'";
    let Some((ran, report)) = traced(script) else {
        return;
    };
    assert_eq!(incident(&report)["path"], "/srv/app/data/users.db", "{ran}");
}

#[test]
fn a_program_without_x_in_the_search_path_is_named() {
    let Some((ran, report)) = traced("sh -c 'PATH=/srv/bin:$PATH; tool'") else {
        return;
    };
    assert_eq!(
        incident(&report)["causes"][0]["code"],
        "not-executable",
        "{ran}"
    );
    assert_eq!(incident(&report)["path"], "/srv/bin/tool", "{ran}");
}

#[test]
fn a_refusal_that_was_got_round_is_no_failure() {
    let script = "sh -c 'PATH=/srv/app/data:/srv/bin:$PATH; cat /etc/hostname >/dev/null; false'";
    let Some((ran, report)) = traced(script) else {
        return;
    };
    assert_eq!(ran.stderr(), "", "{ran}");
    assert_eq!(report["incidents"], serde_json::json!([]));
}

#[test]
fn what_a_program_tries_with_its_own_process_is_no_failure() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let script = "python3 -c 'import os
try: os.chmod(\"/proc/self/cmdline\", 0o600)
except OSError: pass
for n in range(9): os.path.exists(\"/nowhere/%d\" % n)
os._exit(3)'";
    let Some((ran, report)) = traced(script) else {
        return;
    };
    assert_eq!(ran.stderr(), "", "{ran}");
    assert_eq!(report["calls"][0]["errno"], "EPERM", "{report:#}");
}

#[test]
fn the_last_way_to_do_what_was_asked_for_decides() {
    // touch opens the file first, and its message has the error number of that.
    let Some((ran, report)) = traced("touch -d yesterday /srv/bin/tool") else {
        return;
    };
    assert!(
        ran.stderr().contains("alice does not own /srv/bin/tool"),
        "{ran}"
    );
    assert_eq!(incident(&report)["operation"], "utime", "{report:#}");
}

#[test]
fn a_command_that_works_gets_no_hint() {
    let Some((ran, report)) = traced("sh -c 'cat /srv/app/data/users.db 2>/dev/null; true'") else {
        return;
    };
    assert_eq!(ran.stderr(), "", "{ran}");
    assert_eq!(
        report["calls"].as_array().expect("calls").len(),
        1,
        "{report:#}"
    );
}

#[test]
fn what_python_tries_in_passing_is_no_failure() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let Some((ran, _)) = traced("python3 -c 'raise ValueError(1)'") else {
        return;
    };
    assert!(!ran.stderr().contains("permwrap:"), "{ran}");
}

#[test]
fn processes_that_a_program_looks_at_in_turn_are_no_failures() {
    let list = "sh -c 'for p in $(seq 1 6); do ls /proc/$p/fd 2>/dev/null; done; exit 3'";
    let Some((ran, report)) = traced(list) else {
        return;
    };
    let others = report["calls"].as_array().map_or(0, Vec::len);
    if others <= 3 {
        return crate::support::skip("there are too few processes of others");
    }
    assert_eq!(ran.stderr(), "", "{ran}");
    let probe = "sh -c '{ read x < /proc/1/environ; } 2>/dev/null; \
                 for n in 1 2 3 4 5; do read x < /etc/passwd; done; exit 3'";
    let Some((ran, _)) = traced(probe) else {
        return;
    };
    assert_eq!(ran.stderr(), "", "{ran}");
    let one = "sh -c 'cat /proc/1/environ 2>/dev/null'";
    let Some((ran, _)) = traced(one) else { return };
    assert!(
        ran.stderr().contains("cannot read /proc/1/environ"),
        "{ran}"
    );
}

#[test]
fn a_name_that_has_gone_since_is_judged_by_its_directories() {
    // Refused by the new directory, and by the old one. Root removes the second name, before it is judged.
    let moved = "cd /tmp; touch f; mv f /srv/f 2>/dev/null; rm f; touch refused; exit 3";
    let removed = "rm -f /srv/own/f 2>/dev/null; touch /tmp/refused; \
                   while [ -e /srv/own/f ]; do sleep 0.02; done; exit 3";
    for (script, directory) in [(moved, "/srv"), (removed, "/srv/own")] {
        let Some(world) = World::new() else { return };
        world.root("mkdir /srv/own; touch /srv/own/f");
        let command = format!("permwrap --trace --report /tmp/report.json -- sh -c '{script}'");
        let ran = std::thread::scope(|scope| {
            let ran = scope.spawn(|| world.run("alice", &command));
            world.root("until [ -e /tmp/refused ]; do sleep 0.02; done; rm /srv/own/f");
            ran.join().expect("it ends")
        });
        let report = world.root("cat /tmp/report.json").stdout();
        let report: Value = serde_json::from_str(&report).expect("a report");
        let cause = &report["incidents"][0]["causes"][0];
        assert_eq!(
            (&cause["code"], &cause["path"]),
            (&"parent-not-writable".into(), &directory.into()),
            "{ran}"
        );
    }
}

#[test]
fn equal_calls_are_counted() {
    let script = "sh -c 'for i in 1 2 3 4 5; do cat /srv/app/data/users.db; done'";
    let Some((ran, report)) = traced(script) else {
        return;
    };
    assert_eq!(report["calls"][0]["count"], 5, "{report:#}");
    assert_eq!(incident(&report)["count"], 5, "{ran}");
}

#[test]
fn programs_that_read_hints_get_exact_ones() {
    let script = "sh -c 'cat /srv/app/data/users.db 2>/dev/null'";
    let Some((ran, _)) = traced_with("--hints json", script) else {
        return;
    };
    let line = ran
        .stderr()
        .lines()
        .find(|line| line.starts_with('{'))
        .map(str::to_owned);
    let hint: Value = serde_json::from_str(&line.expect("a line of JSON")).expect("JSON");
    assert_eq!(hint["exact"], true, "{ran}");
    let Some((ran, _)) = traced_with("--hints github", script) else {
        return;
    };
    assert!(
        ran.stderr().contains("::error") && ran.stderr().contains("/srv/app/data"),
        "{ran}"
    );
}

#[test]
fn what_a_filter_refuses_is_certainly_the_filters() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let filter = crate::life::filtered(&[nix::libc::SYS_mkdir, nix::libc::SYS_mkdirat]);
    let Some((ran, report)) = traced(&format!("{filter} mkdir /tmp/new")) else {
        return;
    };
    let incident = incident(&report);
    assert_eq!(
        (&incident["verdict"], &incident["causes"][0]["code"]),
        (&"denied".into(), &"seccomp-denies".into()),
        "{ran}"
    );
}

#[test]
fn a_hint_that_lacks_the_object_says_how_to_get_it() {
    if !needs_programs(&["perl"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root(SCENE);
    let script = "perl -e 'open F, \"<\", sprintf(\"/%s/app/data/users.db\", \"srv\") or print STDERR \"Error: Permission denied (os error 13)\\n\"'";
    let ran = world.run("alice", &format!("permwrap -- {script}"));
    let next = "  next     permwrap --trace -- perl -e ";
    assert!(ran.stderr().contains(next), "{ran}");
    let ran = world.run("alice", &format!("permwrap --trace -- {script}"));
    assert!(!ran.stderr().contains("--trace"), "{ran}");
}

#[test]
fn a_message_that_no_refused_call_fits_is_not_blamed_on_a_sandbox() {
    let script = "sh -c 'echo \"x: cannot create /srv/open/f: Permission denied\" >&2; cat /srv/app/data/users.db 2>/dev/null'";
    let Some(world) = World::new() else { return };
    world.root(&format!("{SCENE}; mkdir -m 777 /srv/open"));
    let ran = world.run("alice", &format!("permwrap --trace -- {script}"));
    assert!(!ran.stderr().contains("sandbox"), "{ran}");
    assert!(!ran.stderr().contains("for /srv/open"), "{ran}");
    assert!(ran.stderr().contains("/srv/app/data"), "{ran}");
}

#[test]
fn equal_messages_about_different_calls_are_told_apart() {
    let script = "bash -c 'for i in d e; do cd /srv/$i; echo > x; done; exit 3'";
    let Some(world) = World::new() else { return };
    world.root("mkdir /srv/d /srv/e");
    let ran = world.run(
        "alice",
        &format!("permwrap --trace --report /tmp/report.json -- {script}"),
    );
    let report = world.root("cat /tmp/report.json").stdout();
    let report = serde_json::from_str(&report).expect("a report");
    assert_eq!(told(&report), ["/srv/d/x", "/srv/e/x"], "{ran}");
}

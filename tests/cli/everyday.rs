//! What a newcomer's first afternoon meets: each was silent, vague or said three times.
//!
//! Debian packages: git, make, python3.

use crate::support::{Ran, World, needs_programs};

fn explained(world: &World, text: &str) -> String {
    let text = text.replace('\'', "'\\''");
    world
        .run(
            "alice",
            &format!("printf '%s\\n' '{text}' | permwrap explain"),
        )
        .stdout()
}

fn has(ran: &Ran, words: &str) {
    assert!(ran.stderr().contains(words), "{words:?} is missing\n{ran}");
}

#[test]
fn the_line_typed_at_a_prompt_tells_what_the_shell_tried() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -d /srv/app && echo x >/srv/app/run.sh && install -m 600 /dev/null /srv/app/key",
    );
    for (text, told) in [
        (
            "alice@vm:~$ echo hi >/srv/app/run.sh\nbash: /srv/app/run.sh: Permission denied",
            "cannot write /srv/app/run.sh",
        ),
        (
            "[alice@vm app]$ /srv/app/run.sh --all\nbash: /srv/app/run.sh: Permission denied",
            "cannot run /srv/app/run.sh",
        ),
        (
            "vm% cat </srv/app/key\nzsh: permission denied: /srv/app/key",
            "cannot read /srv/app/key",
        ),
        // A prompt that ends like a redirection tells nothing.
        (
            "~> /srv/app/run.sh\nbash: /srv/app/run.sh: Permission denied",
            "permission denied for /srv/app/run.sh",
        ),
    ] {
        let said = explained(&world, text);
        assert!(
            said.contains(&format!("permwrap: {told}")),
            "{text}\n{said}"
        );
    }
}

#[test]
fn a_recipe_works_where_its_makefile_is() {
    if !needs_programs(&["make"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root(
        "install -d -o alice /home/alice/proj && install -d /home/alice/proj/build && touch /home/alice/proj/build/out
         printf 'all:\\n\\techo hi > build/out\\n' >/home/alice/proj/Makefile",
    );
    for command in ["make -C proj", "make -C /home/alice/proj"] {
        let ran = world.run("alice", &format!("permwrap -- {command}"));
        has(&ran, "permwrap: cannot write /home/alice/proj/build/out\n");
    }
    world.root("printf 'all:\\n\\tcd build && echo hi > new\\n' >/home/alice/proj/Makefile");
    for command in ["make -C proj", "sh -c 'make -C proj'"] {
        let ran = world.run("alice", &format!("permwrap -- {command}"));
        has(&ran, "permwrap: cannot create /home/alice/proj/build/new\n");
    }
}

#[test]
fn what_a_script_only_shows_is_not_its_failure() {
    let Some(world) = World::new() else { return };
    world.root(
        "echo 'cat: /etc/shadow: Permission denied' >/srv/log && install -m 600 /dev/null /srv/closed
         printf '#!/bin/sh\\ngrep denied \"$1\" >&2\\n' >/srv/look.sh && chmod 755 /srv/look.sh
         printf 'echo x > \"$1\"\\n' >/srv/write.sh",
    );
    for command in ["/srv/look.sh /srv/log", "sh /srv/look.sh /srv/log"] {
        let ran = world.run("alice", &format!("permwrap -- {command}"));
        assert!(!ran.stderr().contains("permwrap:"), "{ran}");
    }
    for command in [
        "sh /srv/look.sh /srv/closed",
        "sh /srv/write.sh /srv/closed",
    ] {
        // That grep reads it is known only where grep is seen in time.
        let ran = world.run("alice", &format!("permwrap -- {command}"));
        let names_it = |line: &str| line.starts_with("permwrap: ") && line.ends_with("/srv/closed");
        assert!(ran.stderr().lines().any(names_it), "{ran}");
    }
}

#[test]
fn a_database_is_named_by_the_script_that_uses_it() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root(
        "install -d /srv/app && touch /srv/app/shop.db
         printf 'import sqlite3, sys\\nc = sqlite3.connect(\"shop.db\")\\nc.execute(\"create table t (a)\")\\n' >/srv/w.py",
    );
    for command in [
        "cd /srv/app && permwrap -- python3 /srv/w.py",
        "permwrap -- sh -c 'cd /srv/app; python3 /srv/w.py'",
    ] {
        let ran = world.run("alice", command);
        has(&ran, "permwrap: cannot write /srv/app/shop.db\n");
    }
    world.root(
        "chmod 600 /srv/app/shop.db
         printf 'import sqlite3\nDB = \"/srv/app/shop.db\"\nsqlite3.connect(DB).execute(\"select 1 from t\")\n' >/srv/r.py",
    );
    let ran = world.run("alice", "permwrap -- python3 /srv/r.py");
    has(&ran, "permwrap: cannot read /srv/app/shop.db\n");
}

#[test]
fn git_names_its_database_and_means_a_directory_in_it() {
    if !needs_programs(&["git"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    let git = "git -c user.email=a@example.org -c user.name=a";
    world.run(
        "alice",
        &format!("git init -q p && cd p && echo one >f && git add f && {git} commit -qm one"),
    );
    world.root("for n in $(seq 0 255); do install -d /home/alice/p/.git/objects/$(printf %02x $n); done; chown root /home/alice/p/.git/objects/??");
    let ran = world.run(
        "alice",
        &format!("cd p && echo two >f && permwrap -- {git} commit -qam two"),
    );
    has(
        &ran,
        "permwrap: cannot create a file in /home/alice/p/.git/objects",
    );
    has(
        &ran,
        "because  alice may not create anything in /home/alice/p/.git/objects/00",
    );
    has(&ran, "permwrap fix");
}

#[test]
fn the_address_of_a_server_is_in_the_line_that_makes_it() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.run(
        "alice",
        "printf 'import http.server as s\\ns.HTTPServer((\"\", 79), s.SimpleHTTPRequestHandler)\\n' >serve.py",
    );
    let ran = world.run("alice", "permwrap -- python3 serve.py");
    has(&ran, "permwrap: cannot listen on port 79\n");
}

#[test]
fn one_message_that_lists_several_refusals_gets_one_hint() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root(
        "install -d /srv/t && for n in a b c; do install -m 600 -o bob /dev/null /srv/t/$n; done",
    );
    let ran = world.run(
        "alice",
        "permwrap -- python3 -c 'import shutil; shutil.copytree(\"/srv/t\", \"copy\")'",
    );
    assert_eq!(ran.stderr().matches("permwrap: ").count(), 1, "{ran}");
    has(&ran, "(and 2 more for the same reason)");
    has(&ran, "ask bob, who owns /srv/t/");
}

#[test]
fn a_group_that_is_not_named_is_no_change_of_owner() {
    let Some(world) = World::new() else { return };
    world.root("install -m 644 -o bob -g bob /dev/null /srv/f");
    let said = explained(
        &world,
        "rsync: [generator] chgrp \"/srv/f\" failed: Operation not permitted (1)",
    );
    assert!(
        said.contains("permwrap: cannot change the group of /srv/f\n"),
        "{said}"
    );
    assert!(
        said.contains("because  alice may not give /srv/f to another group\n"),
        "{said}"
    );
    assert!(
        said.contains("only its owner may change its group"),
        "{said}"
    );
    assert!(!said.contains("4294967295"), "{said}");
}

#[test]
fn fix_says_why_it_changes_nothing() {
    let Some(world) = World::new() else { return };
    world.run("alice", "permwrap -- mkdir /opt/new");
    let ran = world.run("alice", "permwrap fix --yes");
    assert_eq!(ran.code(), 1, "{ran}");
    has(
        &ran,
        "permwrap: nothing was changed: that fix is a command for you to run",
    );
}

#[test]
fn the_second_path_of_a_rename_is_asked_for_by_its_option() {
    let Some(world) = World::new() else { return };
    let ran = world.run("alice", "permwrap why rename a b");
    assert_eq!(ran.code(), 2, "{ran}");
    has(&ran, "the second path of rename and link follows --to");
}

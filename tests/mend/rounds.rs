//! `--fix`, `--again` and the history.

use super::scene::{By, answered, fails, fails_with, fix, state, world};
use super::support::needs_programs;

const SCENE: &str = "install -d -m 750 -o deploy -g www /srv/app
    install -m 640 -o deploy -g www /dev/null /srv/app/db
    install -m 444 -o alice -g alice /dev/null /home/alice/log";

#[test]
fn a_round_ends_when_the_command_works() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let Some(world) = world() else { return };
    world.root(SCENE);
    world.root("cat >/home/alice/app.py <<'END'\nopen('/srv/app/db').read()\nopen('/home/alice/log', 'a').write('x')\nprint('it works')\nEND");
    let mut questions = 0;
    let command = "permwrap --fix -- /usr/bin/python3 app.py";
    let (text, code) = answered(&world, "alice", command, || questions += 1);
    assert_eq!((code, questions), (0, 2), "{text}");
    assert!(text.contains("it works"), "{text}");
    assert!(text.contains("changed: "), "{text}");
    let undone = world.run("alice", "permwrap undo --yes");
    assert_eq!(undone.code(), 0, "{undone}");
    let ran = world.run("alice", "/usr/bin/python3 app.py");
    assert_eq!(ran.code(), 1, "{ran}");
}

#[test]
fn what_cannot_be_remembered_is_asked_by_root_and_fixed() {
    let Some(world) = world() else { return };
    world.root(
        "install -d -o alice -g alice /home/alice/p; install -m 644 /dev/null /home/alice/p/log
         mkdir -p /home/alice/conf/permwrap; echo 'history = false' >/home/alice/conf/permwrap/config.toml",
    );
    for without in ["-u HOME", "XDG_CONFIG_HOME=/home/alice/conf"] {
        let env = format!("env {without}");
        let ran = fails_with(&world, &env, "tee -a /home/alice/p/log");
        let question = "sudo permwrap why append /home/alice/p/log --as alice; sudo permwrap fix";
        assert!(ran.stderr().contains(question), "{ran}");
        let pasted = question.replace("sudo ", "") + " --yes; chown root: /home/alice/p/log";
        let fixed = world.run("root", &pasted);
        let is_done = "alice can append to /home/alice/p/log now";
        assert!(fixed.stderr().contains(is_done), "{fixed}");
    }
}

#[test]
fn fix_says_so_where_nothing_proves_that_it_is_enough() {
    let Some(world) = world() else { return };
    world.root("install -d -m 750 -o deploy /srv/d");
    fails(&world, "cat '/srv/d/*'");
    let fixed = fix(&world, By::Root);
    assert_eq!(fixed.code(), 1, "{fixed}");
    let why = "nothing was changed: nothing proves that this fix is enough";
    assert!(fixed.stderr().contains(why), "{fixed}");
}

#[test]
fn a_question_is_remembered_after_many_runs() {
    let Some(world) = world() else { return };
    world.root("install -d -m 700 -o alice -g alice /home/alice/d; chmod 0 /home/alice/d");
    world.run(
        "alice",
        "mkdir -p .local/state/permwrap/runs && cd .local/state/permwrap/runs && chmod -R go= .. && \
         for n in $(seq 50); do touch 00179598655800$((1000 + n))-1.json; done",
    );
    let fixed = world.run("alice", "permwrap why list d; permwrap fix --yes");
    assert_eq!(fixed.code(), 0, "{fixed}");
}

#[test]
fn on_no_terminal_nothing_is_asked_or_changed() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    let before = state(&world, "/srv/app /srv/app/db");
    let ran = world.run("alice", "permwrap --fix -- cat /srv/app/db");
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(ran.stderr().contains("cannot read /srv/app/db"), "{ran}");
    assert!(!ran.stderr().contains("[y/N]"), "{ran}");
    assert_eq!(state(&world, "/srv/app /srv/app/db"), before, "{ran}");
    let killed = world.run(
        "alice",
        "permwrap --fix -- bash -c 'kill -TERM $$'; echo $?",
    );
    assert_eq!(killed.stdout(), "143\n", "{killed}");
}

#[test]
fn who_ends_it_ends_the_command() {
    let Some(world) = world() else { return };
    for (signal, caught) in [("TERM", "143"), ("HUP", "129"), ("USR1", "7")] {
        let ran = world.run(
            "alice",
            &format!(
                "permwrap --fix -- bash -c 'trap \"exit 7\" USR1; echo $$ >started; while :; do sleep 0.1; done' &
                 until [ -s started ]; do sleep 0.1; done
                 kill -{signal} $!; wait $!; echo $?; sleep 0.3; kill -0 $(cat started) 2>/dev/null && echo alive; rm started"
            ),
        );
        assert_eq!(ran.stdout(), format!("{caught}\n"), "{signal}: {ran}");
    }
}

#[test]
fn the_command_is_run_again_when_it_can_work() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    fails(&world, "bash -c 'echo x >>log && echo done'");
    let again = world.run("alice", "permwrap fix --yes --again");
    assert_eq!(again.code(), 0, "{again}");
    assert_eq!(again.stdout(), "done\n", "{again}");
}

#[test]
fn what_came_back_is_told_with_its_reason() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    let fail = "cat /srv/app/db";
    fails(&world, fail);
    let fixed = world.run("alice", "permwrap fix --yes");
    assert_eq!(fixed.code(), 0, "{fixed}");
    // This is what a program does that writes its file anew.
    world.root("sleep 1; rm /srv/app/db; install -m 640 -o deploy -g www /dev/null /srv/app/db");
    let hint = fails(&world, fail).stderr();
    assert!(hint.contains("  before   put right on "), "{hint}");
    let told = world.run("alice", "permwrap history");
    assert!(
        told.stdout()
            .contains("could not read /srv/app/db: 2 times on "),
        "{told}"
    );
    assert!(
        told.stdout()
            .contains("came back: /srv/app/db is a new one of "),
        "{told}"
    );
    let json = world.run("alice", "permwrap history --json").ok();
    let json: serde_json::Value = serde_json::from_slice(&json.output.stdout).expect("JSON");
    assert_eq!(json["schema"], 1);
    assert_eq!(json["refusals"][0]["count"], 2, "{json}");
}

#[test]
fn the_history_tells_what_could_not_be_done() {
    let Some(world) = world() else { return };
    let trace = "bash -c 'echo ptrace: Operation not permitted. >&2; exit 1'";
    for command in ["mkdir /srv/new", "mkfifo /srv/fifo", trace] {
        fails(&world, command);
    }
    let told = world.run("alice", "permwrap history").stdout();
    for deed in [
        "could not make the directory /srv/new: once, on 2",
        "could not make the special file /srv/fifo: once, on 2",
        "could not trace a process: once, on 2",
    ] {
        assert!(told.contains(deed), "{deed}: {told}");
    }
    assert!(!told.contains("allowed now"), "{told}");
    world.root("chgrp alice /srv && chmod g+w /srv");
    let told = world.run("alice", "permwrap history").stdout();
    assert_eq!(told.matches("  allowed now\n").count(), 2, "{told}");
}

#[test]
fn why_it_did_not_last_is_told() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    world.root("chmod 755 /srv/app");
    for (undone_by, why) in [
        ("chmod 600 /srv/app/db", "which cuts down its ACL"),
        ("setfacl -b /srv/app/db", "has lost its ACL"),
        (
            "rm /srv/app/db; install -m 640 -o deploy -g www /dev/null /srv/app/db",
            "made by deploy: a default ACL on /srv/app",
        ),
        (
            "chown www /srv/app/db; setfacl -x u:alice /srv/app/db",
            "was given to www",
        ),
    ] {
        fails(&world, "cat /srv/app/db");
        let fixed = world.run("alice", "permwrap fix --yes");
        assert_eq!(fixed.code(), 0, "{fixed}");
        world.root(&format!("sleep 1.1; {undone_by}"));
        let hint = fails(&world, "cat /srv/app/db").stderr();
        // The lines of the hint are wrapped.
        let line = hint.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(line.contains(why), "{undone_by}: {hint}");
        world.root("rm -f /srv/app/db; install -m 640 -o deploy -g www /dev/null /srv/app/db");
    }
}

#[test]
fn where_sudo_was_called_in_another_state_directory_is_found() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    let there = "export XDG_STATE_HOME=$HOME/elsewhere;";
    let ran = world.run(
        "alice",
        &format!("{there} permwrap -- cat /srv/app/db; sudo $(command -v permwrap) fix --yes && cat /srv/app/db"),
    );
    assert_eq!(ran.code(), 0, "{ran}");
    let undone = world.run(
        "alice",
        "sudo $(command -v permwrap) undo --yes && ! cat /srv/app/db",
    );
    assert_eq!(undone.code(), 0, "{undone}");
}

#[test]
fn root_finds_the_state_directory_of_a_users_session() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    let ran = world.run(
        "alice",
        "export XDG_STATE_HOME=$HOME/elsewhere; permwrap -- cat /srv/app/db
         cd; sleep 30 & sudo -u root env -u SUDO_UID XDG_STATE_HOME=/var/tmp/state $(command -v permwrap) fix --yes --as alice; kill $!; cat /srv/app/db",
    );
    assert_eq!(ran.code(), 0, "{ran}");
}

#[test]
fn nothing_is_remembered_where_that_is_not_wanted() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    world.run(
        "alice",
        "mkdir -p .config/permwrap && echo 'history = false' >.config/permwrap/config.toml",
    );
    world.run("alice", "permwrap -- cat /srv/app/db");
    let found = world.run("alice", "ls .local/state/permwrap");
    assert_ne!(found.code(), 0, "{found}");
    let fix = world.run("alice", "permwrap fix");
    assert!(fix.stderr().contains("`history = false`"), "{fix}");
    let fix = world.run("alice", "HOME=/dev/null XDG_STATE_HOME= permwrap fix");
    assert!(fix.stderr().contains("nothing can be remembered"), "{fix}");
}

#[test]
fn what_is_remembered_is_private_and_bounded() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    let ran = world.run(
        "alice",
        "for i in $(seq 55); do permwrap -- cat /srv/app/db 2>err; done; ls .local/state/permwrap/runs | wc -l
         find .local/state/permwrap -perm /077",
    );
    assert_eq!(ran.stdout(), "50\n", "{ran}");
}

/// Runs a command of alice's in a network namespace of its own, where a kernel setting is nobody else's.
fn in_own_network(command: &str) -> String {
    format!(
        "unshare -n -- setpriv --reuid alice --regid alice --init-groups -- \
         env HOME=/home/alice USER=alice bash -c 'cd && ip link set lo up 2>/dev/null; {command}'"
    )
}

#[test]
fn a_low_port_is_freed_in_one_round_and_taken_back() {
    if !needs_programs(&["python3", "unshare"]) {
        return;
    }
    let Some(world) = world() else { return };
    world.root("printf 'import socket\\nsocket.socket().bind((\"127.0.0.1\", 81))\\nprint(\"it works\")\\n' >/home/alice/bind.py");
    let setting = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start";
    let command = in_own_network(&format!(
        "permwrap --fix -- /usr/bin/python3 bind.py; {setting}; permwrap undo --yes; {setting}"
    ));
    let mut questions = 0;
    let (text, _) = answered(&world, "root", &command, || questions += 1);
    assert_eq!(questions, 1, "{text}");
    assert!(text.contains("it works"), "{text}");
    let values: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| line.parse::<u32>().is_ok())
        .collect();
    assert_eq!(values, ["81", "1024"], "{text}");
}

#[test]
fn what_is_only_the_second_choice_is_not_made_without_a_question() {
    if !needs_programs(&["python3", "unshare"]) {
        return;
    }
    let Some(world) = world() else { return };
    world.root(
        "printf 'import socket\nsocket.socket().bind((\"127.0.0.1\", 81))\n' >/home/alice/bind.py",
    );
    let setting = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start";
    let command = "permwrap -- /usr/bin/python3 bind.py";
    let ran = world.run(
        "root",
        &in_own_network(&format!("{command}; permwrap fix --yes; {setting}")),
    );
    assert_eq!(ran.stdout(), "1024\n", "{ran}");
    assert!(
        ran.stderr().contains("better: listen on another port"),
        "{ran}"
    );
}

#[test]
fn a_shell_that_still_runs_can_have_its_failures_fixed() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    let ran = world.run(
        "alice",
        "permwrap -- bash -c 'cat /srv/app/db; for i in $(seq 300); do permwrap fix --yes 2>/dev/null && break; sleep 0.1; done
         cat /srv/app/db'",
    );
    assert_eq!(ran.code(), 0, "{ran}");
}

#[test]
fn ones_own_closed_way_is_opened_without_root() {
    let Some(world) = world() else { return };
    world.root("rm /etc/sudoers.d/test");
    world
        .run(
            "alice",
            "mkdir -p d/e && touch d/e/f && chmod 0 d/e/f d/e d",
        )
        .ok();
    let before = state(&world, "/home/alice/d");
    fails(&world, "cat d/e/f");
    let fixed = world.run("alice", "permwrap fix --yes");
    assert_eq!(fixed.code(), 0, "{fixed}");
    assert!(!fixed.stderr().contains("sudo"), "{fixed}");
    world.run("alice", "cat d/e/f").ok();
    let undone = world.run("alice", "permwrap undo --yes");
    assert_eq!(undone.code(), 0, "{undone}");
    assert_eq!(state(&world, "/home/alice/d"), before);
}

#[test]
fn what_was_to_be_deleted_and_is_gone_needs_no_fix() {
    let Some(world) = world() else { return };
    world.root("install -d -o alice -m 555 /home/alice/v; touch /home/alice/v/f");
    fails(&world, "rm -f v/f");
    world.root("rm /home/alice/v/f");
    let fixed = world.run("alice", "permwrap fix --yes");
    assert_eq!(fixed.code(), 0, "{fixed}");
    assert!(fixed.stderr().contains("v/f is gone already"), "{fixed}");
}

#[test]
fn a_round_inside_tmux_asks_there() {
    if !needs_programs(&["tmux"]) {
        return;
    }
    let Some(world) = world() else { return };
    world.root(SCENE);
    let ran = world.run(
        "alice",
        "export TERM=xterm; tmux() { command tmux -L rounds \"$@\"; }
         shown() { for i in $(seq 300); do tmux capture-pane -p | grep -q \"$1\" && return; sleep 0.1; done; tmux capture-pane -p; exit 1; }
         tmux new-session -d -x 160 -y 50 bash
         tmux send-keys 'permwrap --fix -- cat /srv/app/db && echo it \"works\"' Enter
         shown 'Change it' && tmux send-keys y Enter
         shown '^it works'; tmux kill-server",
    );
    assert_eq!(ran.code(), 0, "{ran}");
    assert!(state(&world, "/srv/app/db").contains("3001"), "{ran}");
}

#[test]
fn what_is_not_for_fix_is_told_as_the_run_told_it() {
    let Some(world) = world() else { return };
    fails(&world, "touch /etc/new");
    let told = world.run("alice", "permwrap -- true; permwrap fix --yes");
    assert_ne!(told.code(), 0, "{told}");
    for line in [
        "permwrap: about `touch /etc/new`",
        "fix      sudo touch /etc/new",
    ] {
        assert!(told.stderr().contains(line), "{line}: {told}");
    }
}

#[test]
fn what_was_asked_about_can_be_fixed() {
    let Some(world) = world() else { return };
    world.root("install -d /srv/p; install -m 640 -o deploy -g www /dev/null /srv/p/f");
    let fixed = world.run("alice", "permwrap why read /srv/p/f; permwrap fix --yes");
    assert_eq!(fixed.code(), 0, "{fixed}");
    world.run("alice", "cat /srv/p/f").ok();
    world.run("alice", "permwrap undo --yes").ok();
    // Who pastes a text need not be the one who got it.
    let explain = "echo cat: /srv/p/f: Permission denied | permwrap explain";
    let fixed = world.run("alice", &format!("{explain}; permwrap fix --yes"));
    assert_eq!(fixed.code(), 1, "{fixed}");
    assert!(
        fixed.stderr().contains("not done without a question"),
        "{fixed}"
    );
}

#[test]
fn a_run_with_a_hint_about_a_process_is_the_last_run() {
    let Some(world) = world() else { return };
    world.root("install -d /srv/p; install -m 640 -o deploy -g www /dev/null /srv/p/f");
    fails(&world, "cat /srv/p/f");
    fails(&world, "kill -0 1");
    let fixed = world.run("alice", "permwrap fix --yes");
    assert_eq!(fixed.code(), 1, "{fixed}");
    assert!(fixed.stderr().contains("about `kill -0 1`"), "{fixed}");
    assert_ne!(world.run("alice", "cat /srv/p/f").code(), 0);
}

#[test]
fn a_record_that_speaks_of_another_user_is_not_believed() {
    let Some(world) = world() else { return };
    world.root("install -d -o deploy /srv/w; install -m 640 -o deploy -g www /dev/null /srv/w/f");
    fails(&world, "cat /srv/w/f");
    world
        .run(
            "alice",
            "sed -i 's/\"uid\": *3001/\"uid\":3002/' .local/state/permwrap/runs/*.json; grep -q 3002 .local/state/permwrap/runs/*",
        )
        .ok();
    let fixed = world.run("root", "cd /home/alice && permwrap fix --yes --as alice");
    assert_ne!(fixed.code(), 0, "{fixed}");
    assert!(
        fixed
            .stderr()
            .contains("the record is alice's, and this would be for bob"),
        "{fixed}"
    );
    assert_ne!(world.run("bob", "cat /srv/w/f").code(), 0, "{fixed}");
}

#[test]
fn a_fix_of_several_changes_is_undone_as_one() {
    let Some(world) = world() else { return };
    let earlier = "install -m 000 -o alice -g alice /dev/null /home/alice/earlier";
    world.root(&format!(
        "{earlier}; install -d /srv/p; for f in a b c; do install -m 640 -o deploy -g www /dev/null /srv/p/$f; done;
         install -d -m 000 -o alice -g alice /home/alice/own"
    ));
    fails(&world, "cat earlier");
    world.run("alice", "permwrap fix --yes").ok();
    let paths = "/srv/p /srv/p/a /srv/p/b /srv/p/c /home/alice/own";
    let before = state(&world, paths);
    fails(&world, "cat /srv/p/a /srv/p/b own/none /srv/p/c");
    let fixed = world.run("alice", "permwrap fix --yes");
    assert!(fixed.stderr().matches("alice can").count() > 2, "{fixed}");
    let undone = world.run("alice", "permwrap undo --yes");
    assert_eq!(undone.code(), 0, "{fixed}\n{undone}");
    assert_eq!(
        undone.stderr().matches("it is as it was before").count(),
        1,
        "{undone}"
    );
    assert_eq!(state(&world, paths), before, "{fixed}\n{undone}");
    world.run("alice", "cat earlier").ok();
    world.run("alice", "permwrap undo --yes").ok();
    assert_ne!(world.run("alice", "cat earlier").code(), 0);
    assert_ne!(world.run("alice", "permwrap undo --yes").code(), 0);
}

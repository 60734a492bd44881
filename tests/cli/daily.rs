//! Requirements of daily use: little noise, one-line hints, reasons why there is no hint, and a way to disable permwrap.
//!
//! Debian packages: findutils, fish, passwd, python3, sudo, tar, util-linux.

use crate::case::Case;
use crate::support::{World, needs_programs};

fn closed_places(world: &World) {
    world.root(
        "install -d /srv/t/open && for d in a b c d e; do install -d -m 700 /srv/t/$d; done
         install -m 600 /dev/null /srv/t/open/secret",
    );
}

#[test]
fn a_walk_over_many_places_is_one_short_hint_that_opens_nothing() {
    if !needs_programs(&["find", "sudo"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    closed_places(&world);
    for (command, count) in [
        ("find /srv/t -name x", 5),
        ("du -s /srv/t", 5),
        ("ls -R /srv/t", 5),
        ("grep -r x /srv/t", 6),
    ] {
        let ran = world.run("alice", &format!("permwrap -- {command}"));
        let said = ran.stderr();
        let headline = format!("permwrap: {count} places below /srv/t are closed to alice\n");
        assert!(said.contains(&headline), "{ran}");
        assert!(
            said.contains(&format!("  fix      sudo {command}")),
            "{ran}"
        );
        assert!(!said.contains("setfacl"), "{ran}");
        assert_eq!(said.matches("permwrap: ").count(), 1, "{ran}");
    }
}

#[test]
fn what_could_not_be_deleted_for_other_reasons_is_counted() {
    let Some(world) = World::new() else { return };
    world.root("install -d -o alice /srv/own && for d in a b c d; do install -d -m 700 /srv/own/$d && touch /srv/own/$d/f; done");
    let ran = world.run("alice", "permwrap -- rm -r /srv/own");
    let said = ran.stderr();
    assert_eq!(said.matches("permwrap: cannot ").count(), 1, "{ran}");
    assert!(
        said.contains(
            "permwrap: 3 more places below /srv/own could not be deleted by alice either\n"
        ),
        "{ran}"
    );
}

#[test]
fn a_walk_that_copies_or_changes_tells_the_first_refusal_and_counts_the_others() {
    if !needs_programs(&["tar"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    closed_places(&world);
    let (copied, changed) = (
        "are closed to alice and were not copied",
        "could not be changed by alice",
    );
    for (command, cannot, count, rest) in [
        ("cp -r /srv/t copy", "", 5, copied),
        ("tar cf t.tar /srv/t", "", 5, copied),
        (
            "chmod -R u+w /srv/t",
            "change the mode of /srv/t\n",
            7,
            changed,
        ),
        ("chown -R alice /srv/t", "", 7, changed),
    ] {
        let ran = world.run("alice", &format!("permwrap -- {command}"));
        let said = ran.stderr();
        assert_eq!(said.matches("permwrap: ").count(), 2, "{ran}");
        assert!(
            said.contains(&format!("permwrap: cannot {cannot}")),
            "{ran}"
        );
        let counted = format!("permwrap: {count} more places below /srv/t {rest}\n");
        assert!(said.contains(&counted), "{ran}");
    }
}

#[test]
fn a_report_of_a_walk_lists_every_place() {
    let Some(world) = World::new() else { return };
    closed_places(&world);
    let ran = world.run(
        "alice",
        "permwrap --quiet --report r.json -- du -s /srv/t; grep -c '\"verdict\"' r.json",
    );
    assert!(ran.stdout().ends_with("\n5\n"), "{ran}");
}

#[test]
fn a_place_that_was_asked_for_itself_gets_its_own_hint() {
    let Some(world) = World::new() else { return };
    closed_places(&world);
    let ran = world.run("alice", "permwrap -- du -s /srv/t/a");
    assert!(
        ran.stderr().contains("permwrap: cannot list /srv/t/a\n"),
        "{ran}"
    );
}

#[test]
fn what_was_not_shown_is_listed_by_a_report() {
    let Some(world) = World::new() else { return };
    closed_places(&world);
    let command = "ls /srv/t/a /srv/t/b /srv/t/c /srv/t/d /srv/t/e";
    let ran = world.run("alice", &format!("permwrap -- {command}"));
    let end = "permwrap: 2 more failures were not shown (--report FILE lists them)\n";
    assert!(ran.stderr().ends_with(end), "{ran}");
    let ran = world.run(
        "alice",
        &format!("permwrap --report r.json -- {command}; grep -c '\"verdict\"' r.json"),
    );
    assert_eq!(ran.stdout(), "5\n", "{ran}");
}

#[test]
fn the_last_run_is_explained_as_it_was_with_its_command() {
    let Some(world) = World::new() else { return };
    let fix = "  fix      sudo useradd carol ";
    let ran = world.run(
        "alice",
        "permwrap -- useradd carol; permwrap explain --last",
    );
    assert!(
        ran.stderr().contains(fix) && ran.stdout().contains(fix),
        "{ran}"
    );
}

#[test]
fn what_another_users_process_may_be_told_is_its_owners_business() {
    if !needs_programs(&["prlimit", "taskset", "renice"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root("setpriv --reuid bob --regid bob --clear-groups sleep 60 >/dev/null 2>&1 & echo $! >/srv/pid");
    for (command, cannot) in [
        ("prlimit --pid PID --nofile=10", "change the limits of"),
        ("renice -n 5 -p PID", "change the scheduling of"),
        ("taskset -p 1 PID", "change the scheduling of"),
        ("kill PID", "signal"),
    ] {
        let command = command.replace("PID", "$(cat /srv/pid)");
        let ran = world.run("alice", &format!("permwrap -- {command}"));
        let said = ran.stderr();
        assert!(
            said.contains(&format!("permwrap: cannot {cannot} process ")),
            "{ran}"
        );
        assert!(
            said.contains("(sleep) belongs to bob, and alice lacks CAP_"),
            "{ran}"
        );
    }
    let ran = world.run("alice", "permwrap -- cat /proc/$(cat /srv/pid)/environ");
    assert!(
        ran.stderr().contains("only bob and root may see it"),
        "{ran}"
    );
    world.root("kill $(cat /srv/pid)");
}

#[test]
fn a_hint_may_be_one_line() {
    let Some(world) = World::new() else { return };
    world.root("install -d -m 750 -o deploy -g www /srv/app && touch /srv/app/f");
    let ran = world.run("alice", "permwrap --hints line -- cat /srv/app/f");
    let said = ran.stderr();
    let line = said.lines().last().unwrap_or_default();
    assert_eq!(said.lines().count(), 2, "{ran}");
    assert!(
        line.starts_with(
            "permwrap: cannot read /srv/app/f: alice may not pass through /srv/app; fix: "
        ),
        "{ran}"
    );
}

#[test]
fn verbose_tells_why_there_is_no_hint() {
    let Some(world) = World::new() else { return };
    let ran = world.run("alice", "permwrap --verbose -- echo all is well");
    assert!(
        ran.stderr()
            .contains("nothing on its stderr was recognized"),
        "{ran}"
    );
    let quiet = "mkdir -p ~/.config/permwrap && printf '[ignore]\\npaths = [\"/srv\"]\\n' > ~/.config/permwrap/config.toml";
    world.root("install -d -m 700 /srv/a");
    let ran = world.run("alice", &format!("{quiet}; permwrap -v -- ls /srv/a"));
    assert!(ran.stderr().contains("recognized by the pattern"), "{ran}");
    assert!(
        ran.stderr().contains("the configuration ignores it"),
        "{ran}"
    );
}

#[test]
fn one_variable_turns_it_off() {
    let Some(world) = World::new() else { return };
    world.root("install -d -m 700 /srv/a");
    for options in ["", "--report /srv/r.json"] {
        let ran = world.run(
            "alice",
            &format!("PERMWRAP=off permwrap {options} -- ls /srv/a"),
        );
        assert_eq!(ran.stderr().lines().count(), 1, "{ran}");
    }
}

#[test]
fn a_failure_that_names_nothing_gets_the_line_that_traces_it() {
    let Some(world) = World::new() else { return };
    let fails = |command: &str| world.run("alice", &format!("permwrap -- {command}"));
    let ran = fails("sh -c 'echo Permission denied >&2; exit 1'");
    let next = "  next     permwrap --trace -- sh -c 'echo Permission denied >&2; exit 1'   shows the call itself\n";
    let hint = format!("permwrap: the program does not say what was refused\n{next}");
    assert_eq!(
        ran.stderr(),
        format!("Permission denied\n\n{hint}"),
        "{ran}"
    );
    let fix = world.run("alice", "permwrap fix");
    assert!(fix.stderr().contains("its hint says what to do"), "{fix}");
    // What did not fail may have coped with it.
    let ran = fails("sh -c 'echo Permission denied >&2'");
    assert_eq!(ran.stderr(), "Permission denied\n", "{ran}");
    // An inner permwrap has told it.
    let ran = fails("permwrap -- sh -c 'echo Permission denied >&2; exit 1'");
    assert_eq!(ran.stderr().matches("does not say").count(), 1, "{ran}");
}

#[test]
fn slips_at_the_prompt_are_understood() {
    let Some(world) = World::new() else { return };
    for (typed, meant) in [
        (
            "permwrap -- PORT=80 node x.js",
            "PORT=80 permwrap -- node x.js",
        ),
        ("permwrap -- 'node x.js'", "permwrap -- node x.js"),
        ("permwrap fx", "`permwrap fix`"),
        ("permwrap version", "`permwrap --version`"),
        ("permwrap why listen 80", "did you mean bind?"),
        ("permwrap why execute ls", "did you mean exec?"),
    ] {
        let ran = world.run("alice", typed);
        assert_ne!(ran.code(), 0, "{ran}");
        assert!(ran.stderr().contains(meant), "{ran}");
    }
    // Only a relative path needs the working directory of the process.
    let pid = "sh -c 'cd /root; exec sleep 30' >/dev/null 2>&1 & echo $!";
    let pid = world.root(pid).stdout();
    let ask = |path: &str| world.run("alice", &format!("permwrap why read {path} --pid {pid}"));
    assert_eq!(ask("/etc/passwd").code(), 0);
    assert!(ask("x").stderr().contains("name an absolute path"));
    world.root(&format!("kill {pid}"));
}

#[test]
fn what_could_not_be_explained_says_what_to_do_next() {
    let Some(world) = World::new() else { return };
    let ran = world.run("alice", "permwrap explain 'open: Permission denied'");
    assert!(
        ran.stdout()
            .contains("  next     permwrap --trace -- COMMAND"),
        "{ran}"
    );
    assert!(
        ran.stdout()
            .contains("  more     permwrap causes unknown\n"),
        "{ran}"
    );
    world.root("install -d -m 700 -o bob /srv/b");
    let ran = world.run("alice", "permwrap why read /srv/b/f --as bob");
    assert_eq!(ran.code(), 2, "{ran}");
    assert!(
        ran.stdout().contains("permwrap why read /srv/b/f --as bob"),
        "{ran}"
    );
}

/// A session with an interactive shell under permwrap: prints what the terminal shows once the hint has appeared.
const AT_A_PROMPT: &str = r#"
import os, pty, select, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.environ["PS1"] = "ready> "
    os.execvp("permwrap", ["permwrap", "--"] + sys.argv[1:])
shown = b""
def until(text, after=0):
    global shown
    end = time.time() + 60
    while text not in shown[after:] and time.time() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 4096)
    return len(shown)
until(b"ready> ")
if "-c" not in sys.argv:
    os.write(terminal, b"cat /srv/a/f\n")
until(b"permwrap causes")
until(b"ready> ", shown.find(b"permwrap causes"))
sys.stdout.write(shown.decode())
os.write(terminal, b"exit\n")
os.waitpid(pid, 0)
"#;

fn gives_hints_at_its_prompt(shell: &str) {
    let Some(world) = World::new() else { return };
    world.root("install -d -m 700 /srv/a");
    world.root(&format!("cat >/srv/session.py <<'END'\n{AT_A_PROMPT}\nEND"));
    let call = format!("NO_COLOR=1 /usr/bin/python3 /srv/session.py {shell}");
    let ran = world.run("alice", &call);
    let shown = ran.stdout();
    let hint = shown.find("permwrap: cannot read /srv/a/f");
    let prompt = shown.rfind("ready> ");
    assert!(hint.is_some() && hint < prompt, "{ran}");
}

#[test]
fn an_interactive_shell_gives_hints_when_its_prompt_returns() {
    if needs_programs(&["python3"]) {
        gives_hints_at_its_prompt("bash --norc");
    }
}

#[test]
fn a_question_is_asked_again_after_a_hint() {
    if needs_programs(&["python3"]) {
        gives_hints_at_its_prompt("sh -c 'cat /srv/a/f; printf \"%s\" \"ready> \"; read answer'");
    }
}

#[test]
fn fish_gives_hints_when_its_prompt_returns() {
    if needs_programs(&["python3", "fish"]) {
        gives_hints_at_its_prompt(
            "fish --no-config -C 'function fish_prompt; echo -n \"ready> \"; end'",
        );
    }
}

#[test]
fn a_program_that_serves_only_root_is_to_be_run_by_root() {
    if !needs_programs(&["passwd"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    let ran = world.run("alice", "permwrap -- passwd bob");
    assert!(
        ran.stderr()
            .contains("because  passwd allows this only to root"),
        "{ran}"
    );
    assert!(ran.stderr().contains("passwd bob"), "{ran}");
    // The same words of any other program say nothing of what root should run.
    let ran = world.run("alice", "permwrap -- sh -c 'echo You must be root >&2'");
    assert_eq!(ran.stderr(), "You must be root\n", "{ran}");
}

#[test]
fn files_below_one_missing_directory_are_one_hint() {
    let Some(world) = World::new() else { return };
    let ran = world.run(
        "alice",
        "seq 1 9 | sed 's#.*#cat: /srv/gone/out/&: Permission denied#' | permwrap explain",
    );
    assert_eq!(ran.stdout().matches("permwrap:").count(), 1, "{ran}");
    assert!(
        ran.stdout().contains("(and 8 more for the same reason)"),
        "{ran}"
    );
}

#[test]
fn a_redirection_is_shown_as_the_line_to_type() {
    if !needs_programs(&["sudo"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root("echo x >/etc/motd && chmod 644 /etc/motd");
    for (code, line) in [
        ("echo a b > /etc/motd", "echo a b | sudo tee /etc/motd"),
        ("echo a b >> /etc/motd", "echo a b | sudo tee -a /etc/motd"),
        ("echo a | sort > /etc/motd", "... | sudo tee /etc/motd"),
    ] {
        let ran = world.run("alice", &format!("permwrap -- sh -c '{code}'"));
        let said = ran
            .stderr()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(said.contains(&format!("like this: {line} more")), "{ran}");
    }
}

#[test]
fn a_long_text_about_one_obstacle_is_one_hint() {
    let Some(world) = World::new() else { return };
    world.root("install -d -m 750 -o deploy -g www /srv/app");
    let ran = world.run(
        "alice",
        "seq 1 1000 | sed 's#.*#cat: /srv/app/f&: Permission denied#' | permwrap explain",
    );
    assert_eq!(ran.stdout().matches("permwrap: cannot").count(), 1, "{ran}");
    assert!(
        ran.stdout()
            .contains("cannot read /srv/app/f1  (and 300 more for the same reason)\n"),
        "{ran}"
    );
    assert!(
        ran.stdout()
            .ends_with("permwrap: 699 more failures were not examined (--json lists them)\n"),
        "{ran}"
    );
}

#[test]
fn strace_of_a_program_that_is_not_executable() {
    Case {
        needs: &["strace"],
        scene: "printf '#!/bin/sh\necho hello\n' > /srv/tool && chmod 644 /srv/tool",
        command: "strace -o log /srv/tool",
        errno: "EACCES",
        path: "/srv/tool",
        cause: "not-executable",
        at: "/srv/tool",
    }
    .check();
}

#[test]
fn find_of_a_program_that_is_not_executable() {
    Case {
        needs: &[],
        scene: "printf '#!/bin/sh\necho hello\n' > /srv/tool && chmod 644 /srv/tool",
        command: "find /srv -name tool -exec /srv/tool {} +",
        errno: "EACCES",
        path: "/srv/tool",
        cause: "not-executable",
        at: "/srv/tool",
    }
    .check();
}

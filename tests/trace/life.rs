//! The life cycle of tracees: threads, vfork, exec, processes that outlive the wrapper, effects of tracing.

use serde_json::Value;

use crate::scene::{compile, report_of};
use crate::support::{Ran, World, needs_programs};

const CLOSED: &str =
    "mkdir -p /srv/closed; touch /srv/closed/f; chmod 700 /srv/closed; mkdir -m 777 /srv/out";

/// A world with a closed directory, the result of this script under trace, run by alice, and the calls.
fn traced(script: &str) -> Option<(World, Ran, Vec<Value>)> {
    let world = World::new()?;
    world.root(CLOSED);
    world.root("cat >/srv/script && chmod 755 /srv/script; true");
    let ran = world.run(
        "alice",
        &format!("permwrap --trace --report /tmp/report.json -- {script}"),
    );
    let calls = report_of(&world, "/tmp/report.json");
    Some((world, ran, calls))
}

fn has(calls: &[Value], name: &str, path: &str) -> bool {
    calls
        .iter()
        .any(|call| call["call"] == name && call["path"] == path)
}

#[test]
fn thousands_of_short_processes_are_traced() {
    let script = "bash -c 'for i in $(seq 1000); do /bin/true; done; for i in 1 2 3; do cat /srv/closed/f; done; exit 7'";
    let Some((_, ran, calls)) = traced(script) else {
        return;
    };
    assert_eq!(ran.code(), 7, "{ran}");
    let cat = calls
        .iter()
        .find(|call| call["path"] == "/srv/closed/f")
        .expect("cat's call");
    assert_eq!(cat["count"], 3, "{calls:?}");
}

#[test]
fn a_program_may_be_run_by_a_thread() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let script = "python3 -c 'import os, threading
thread = threading.Thread(target=lambda: os.execv(\"/bin/cat\", [\"cat\", \"/srv/closed/f\"]))
thread.start(); thread.join()'";
    let Some((_, ran, calls)) = traced(script) else {
        return;
    };
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(has(&calls, "openat", "/srv/closed/f"), "{calls:?}");
}

#[test]
fn a_program_that_was_executed_before_may_be_refused_later() {
    let script = "sh -c 'cp /bin/true program; for i in 1 2 3; do ./program || exit 9; done
                         chmod -x program; ./program; echo $?; chmod +x program; ./program; echo $?'";
    let Some((_, ran, calls)) = traced(script) else {
        return;
    };
    assert_eq!(ran.stdout(), "126\n0\n", "{ran}");
    assert!(has(&calls, "execve", "/home/alice/program"), "{calls:?}");
}

#[test]
fn a_refused_program_of_a_vforked_process_is_seen() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let script = "python3 -c 'import os; os.posix_spawn(\"/srv/closed/f\", [\"f\"], {})'";
    let Some((_, ran, calls)) = traced(script) else {
        return;
    };
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(has(&calls, "execve", "/srv/closed/f"), "{calls:?}");
}

#[test]
fn a_process_that_asks_not_to_be_traced_goes_on_undisturbed() {
    if !needs_programs(&["gcc"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root(CLOSED);
    let program = compile("untraced", include_str!("untraced.c"));
    world.root(&format!(
        "install -m 755 {} /srv/untraced",
        program.display()
    ));
    for way in ["clone", "clone3"] {
        let ran = world.run(
            "alice",
            &format!("permwrap --trace --report /tmp/report.json -- /srv/untraced {way}"),
        );
        assert_eq!(
            (ran.code(), ran.stdout().as_str()),
            (0, "opened\n"),
            "{ran}"
        );
    }
}

#[test]
fn what_outlives_the_command_goes_on() {
    let script = "sh -c '(sleep 0.3; cat /srv/closed/f; cat /etc/passwd >/srv/out/done) 2>/dev/null >&2 & exit 3'";
    let Some((world, ran, _)) = traced(script) else {
        return;
    };
    assert_eq!(ran.code(), 3, "{ran}");
    world.root("for i in $(seq 200); do [ -s /srv/out/done ] && exit; sleep 0.05; done; exit 1");
}

#[test]
fn the_command_goes_on_when_permwrap_is_killed() {
    let Some(world) = World::new() else { return };
    world.root(CLOSED);
    world.run(
        "alice",
        "permwrap --trace -- sh -c 'echo $$ >/srv/out/pid; sleep 0.5; cat /etc/passwd >/srv/out/done' 2>/tmp/stderr & \
         until [ -s /srv/out/pid ]; do sleep 0.02; done; kill -KILL $!; wait; true",
    )
    .ok();
    world.root("for i in $(seq 200); do [ -s /srv/out/done ] && exit; sleep 0.05; done; exit 1");
}

#[test]
fn a_killed_tracer_is_told_of() {
    let script = "sh -c 'kill -KILL $(grep -oP \"TracerPid:\\s+\\K\\d+\" /proc/$$/status); exit 4'";
    let Some(world) = World::new() else { return };
    let ran = world.run("alice", &format!("permwrap --trace -- {script}"));
    assert_eq!(ran.code(), 4, "{ran}");
    assert!(ran.stderr().contains("the tracer was killed"), "{ran}");
}

#[test]
fn a_set_user_id_program_is_said_to_have_no_effect() {
    let Some(world) = World::new() else { return };
    world.root("install -m 4755 /usr/bin/id /srv/id");
    let ran = world.run(
        "alice",
        "permwrap --trace -- sh -c '/srv/id -u; touch /etc/x'",
    );
    assert_eq!(ran.stdout(), "3001\n", "{ran}");
    assert!(
        ran.stderr()
            .contains("without effect while traced: set-user-ID root of id"),
        "{ran}"
    );
    world.root("install -m 4755 /bin/cat /srv/cat");
    let closed = world.run("alice", "permwrap --trace -- /srv/cat /etc/shadow");
    assert!(
        closed.stderr().contains("without effect while traced"),
        "{closed}"
    );
    assert!(!closed.stderr().contains("because"), "{closed}");
    let bare = world.run("alice", "permwrap -- /srv/id -u");
    assert_eq!(bare.stdout(), "0\n", "{bare}");
    let root = world.run(
        "root",
        "permwrap --trace -- setpriv --reuid 3001 --clear-groups /srv/id -u",
    );
    assert_eq!(root.stdout(), "0\n", "{root}");
}

#[test]
fn what_root_may_not_after_giving_up_capabilities_for_its_programs_is_seen() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root(
        "mkdir /srv/o; echo text > /srv/o/data; chown -R alice /srv/o; chmod 600 /srv/o/data",
    );
    // PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
    let reading = "python3 -c 'import ctypes, os; libc = ctypes.CDLL(None); \
                   print([libc.prctl(24, it, 0, 0, 0) for it in (1, 2)]); \
                   os.execvp(\"cat\", [\"cat\", \"./o/data\"])'";
    let ran = world.run(
        "root",
        &format!("cd /srv; permwrap --trace -q --report /tmp/report.json -- {reading}"),
    );
    assert_eq!(ran.code(), 1, "{ran}");
    let calls = report_of(&world, "/tmp/report.json");
    let is_it = |call: &Value| call["path"] == "/srv/o/data" && call["errno"] == "EACCES";
    assert!(calls.iter().any(is_it), "{calls:?}");
}

#[test]
fn a_tracer_in_the_command_is_told_why_it_cannot() {
    if !needs_programs(&["strace"]) {
        return;
    }
    let Some((_, ran, _)) = traced("strace true") else {
        return;
    };
    assert!(ran.stderr().contains("strace could not trace"), "{ran}");
    assert!(!ran.stderr().contains("because"), "{ran}");
}

#[test]
fn what_a_program_lacks_while_traced_is_no_failure_of_its_own() {
    if !needs_programs(&["sudo"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    let ran = world.run("alice", "permwrap --trace -- sudo -n -l");
    assert!(
        ran.stderr().contains("without effect while traced"),
        "{ran}"
    );
    assert!(!ran.stderr().contains("because"), "{ran}");
}

#[test]
fn where_the_command_is_traced_already_it_runs_without() {
    if !needs_programs(&["strace"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    let ran = world.run(
        "alice",
        "strace -f -o /dev/null permwrap --trace -- sh -c 'cat /etc/shadow; exit 5'",
    );
    assert_eq!(ran.code(), 5, "{ran}");
    let said = "permwrap: --trace is not possible: this process is traced already";
    assert_eq!(ran.stderr().matches(said).count(), 1, "{ran}");
    assert!(ran.stderr().contains("cannot read /etc/shadow"), "{ran}");
}

/// Makes these calls (by number) fail with EPERM, for itself and what it executes.
const FILTERED: &str = r#"import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
numbers = [int(word) for word in sys.argv[1].split(",")]
load, equal, answer = 0x20, 0x15, 0x06
program = struct.pack("HBBI", load, 0, 0, 0)
for number in numbers:
    program += struct.pack("HBBI", equal, 0, 1, number) + struct.pack("HBBI", answer, 0, 0, 0x00050001)
program += struct.pack("HBBI", answer, 0, 0, 0x7fff0000)
text = ctypes.create_string_buffer(program)
whole = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(text))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, whole, 0, 0) == 0
os.execvp(sys.argv[2], sys.argv[2:])
"#;

/// The words before a command that make these calls fail with EPERM.
pub fn filtered(calls: &[i64]) -> String {
    let numbers: Vec<String> = calls.iter().map(i64::to_string).collect();
    format!("python3 -c '{FILTERED}' {}", numbers.join(","))
}

#[test]
fn where_a_filter_forbids_tracing_the_command_runs_without() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    let filtered = filtered(&[nix::libc::SYS_ptrace]);
    let ran = world.run(
        "alice",
        &format!("{filtered} permwrap --trace -- sh -c 'exit 5'"),
    );
    assert_eq!(ran.code(), 5, "{ran}");
    let line = "permwrap: --trace is not possible: a filter of system calls (seccomp) forbids ptrace(2); \
                the command runs without it\n";
    assert_eq!(ran.stderr(), line, "{ran}");
}

#[test]
fn where_another_tracer_is_the_command_runs_without() {
    let Some(world) = World::new() else { return };
    world.root(CLOSED);
    let inner = "permwrap --trace -- sh -c 'cat /srv/closed/f; exit 5'";
    let ran = world.run("alice", &format!("permwrap --trace -- {inner}"));
    assert_eq!(ran.code(), 5, "{ran}");
    assert!(
        ran.stderr()
            .starts_with("permwrap: --trace is not possible: this process is traced already"),
        "{ran}"
    );
    // The inner one hints as without --trace, which it does not recommend.
    assert!(
        ran.stderr().contains("may not pass through /srv/closed"),
        "{ran}"
    );
    assert!(!ran.stderr().contains("killed"), "{ran}");
    assert!(!ran.stderr().contains("permwrap --trace"), "{ran}");
}

#[test]
fn what_a_filter_of_the_commands_own_refuses_is_seen() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let filter = filtered(&[nix::libc::SYS_mkdir, nix::libc::SYS_mkdirat]);
    for order in [
        "permwrap --trace --report /tmp/report.json -- FILTER",
        "FILTER permwrap --trace --report /tmp/report.json --",
    ] {
        let Some(world) = World::new() else { return };
        world.root(CLOSED);
        let ran = world.run(
            "alice",
            &format!(
                "{} sh -c 'mkdir /srv/out/new; cat /srv/closed/f'",
                order.replace("FILTER", &filter)
            ),
        );
        assert!(ran.stderr().contains("Operation not permitted"), "{ran}");
        let calls = report_of(&world, "/tmp/report.json");
        assert!(
            calls
                .iter()
                .any(|call| call["path"] == "/srv/out/new" && call["errno"] == "EPERM"),
            "{calls:?}"
        );
        assert!(has(&calls, "openat", "/srv/closed/f"), "{calls:?}");
    }
}

#[test]
fn a_path_in_another_root_is_shown_from_here() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root("mkdir -p /srv/jail/closed; chmod 700 /srv/jail/closed; touch /srv/jail/closed/f");
    let script = "import os; os.chroot(\"/srv/jail\"); os.chdir(\"/\"); os.setuid(3001)
for path in \"/closed/f\", \"closed/f\":
    try: open(path)
    except OSError: pass";
    world.run(
        "root",
        &format!("permwrap --trace --report /tmp/report.json -- python3 -c '{script}'"),
    );
    let calls = report_of(&world, "/tmp/report.json");
    let count: u64 = calls
        .iter()
        .filter(|call| call["path"] == "/srv/jail/closed/f")
        .map(|call| call["count"].as_u64().unwrap_or(0))
        .sum();
    assert_eq!(count, 2, "{calls:?}");
}

#[test]
fn a_user_namespace_inside_is_traced() {
    let Some((_, ran, calls)) = traced("unshare --user --map-root-user cat /srv/closed/f") else {
        return;
    };
    if ran.stderr().contains("unshare failed") {
        return crate::support::skip("this kernel gives users no namespaces");
    }
    assert!(has(&calls, "openat", "/srv/closed/f"), "{ran} {calls:?}");
}

#[test]
fn what_is_refused_in_a_sandbox_is_judged_there_even_after_its_end() {
    if !needs_programs(&["bwrap"]) {
        return;
    }
    let sandbox = "bwrap --ro-bind / / --proc /proc --dev /dev";
    let Some((world, ran, calls)) = traced(&format!("{sandbox} cat /srv/closed/f")) else {
        return;
    };
    if ran.stderr().contains("bwrap:") {
        return crate::support::skip("this kernel gives users no namespaces");
    }
    assert!(has(&calls, "openat", "/srv/closed/f"), "{ran} {calls:?}");
    let report = world.root("cat /tmp/report.json").stdout();
    let report: Value = serde_json::from_str(&report).expect("a report");
    let incident = &report["incidents"][0];
    assert_eq!(incident["exact"], true, "{ran}");
    assert_eq!(incident["causes"][0]["code"], "dir-not-searchable", "{ran}");
}

#[test]
fn what_the_sandbox_refuses_that_all_of_it_runs_in_is_seen() {
    if !needs_programs(&["python3"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    let sandbox = include_str!("../vm/guest/ll.py");
    world.root(&format!(
        "cat >/srv/ll.py <<'END'\n{sandbox}\nEND\necho open >/srv/f"
    ));
    let asked = world.run("alice", "python3 /srv/ll.py --abi");
    if !asked
        .stdout()
        .starts_with(|first: char| first.is_ascii_digit())
    {
        return crate::support::skip("this kernel has no Landlock");
    }
    let ran = world.run(
        "alice",
        "python3 /srv/ll.py --rx /usr --rx /bin --rx /lib --rx /lib64 --rx /etc --rw /dev --rw /proc \
         --rx $(dirname $(command -v permwrap)) -- permwrap --trace -- cat /srv/f; true",
    );
    assert!(
        ran.stderr().contains("permwrap: cannot read /srv/f"),
        "{ran}"
    );
}

#[test]
fn io_uring_is_said_not_to_be_seen() {
    if !needs_programs(&["perl"]) {
        return;
    }
    let script = format!(
        "perl -e '$p = \"\\0\" x 120; syscall({}, 1, $p) >= 0 or exit 9; open F, \"/srv/closed/f\" or exit 1'",
        nix::libc::SYS_io_uring_setup
    );
    let Some((_, ran, _)) = traced(&script) else {
        return;
    };
    if ran.code() == 9 {
        return crate::support::skip("this kernel gives users no io_uring");
    }
    assert!(
        ran.stderr()
            .contains("perl used io_uring, whose operations are not seen"),
        "{ran}"
    );
}

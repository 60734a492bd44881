//! permwrap says only what the evidence supports. It never reports another operation, object or place merely because that would
//! be refused as well.

use crate::support::{World, needs_programs};

/// What alice reads when permwrap runs this command.
fn told(world: &World, command: &str) -> String {
    world
        .run("alice", &format!("permwrap -- {command}"))
        .stderr()
}

/// A program that prints a refusal without having encountered one.
fn says(words: &str) -> String {
    format!("bash -c 'echo \"{words}\" >&2; exit 1'")
}

fn explained(world: &World, text: &str) -> String {
    let ran = world.run_with_input("alice", "permwrap explain", text.as_bytes());
    ran.stdout()
}

#[test]
fn gits_own_rule_is_no_refusal_of_the_kernels() {
    let Some(world) = World::new() else { return };
    if !needs_programs(&["git"]) {
        return;
    }
    world.root(
        "install -d -o deploy -g deploy /srv/repo && cd /srv/repo &&
         setpriv --reuid deploy --regid deploy --clear-groups env HOME=/tmp git init -q .",
    );
    let hint = told(&world, "git -C /srv/repo status");
    assert!(
        hint.contains("fix      git config --global --add safe.directory /srv/repo"),
        "{hint}"
    );
    assert!(!hint.contains("setfacl"), "{hint}");
}

#[test]
fn what_a_program_does_may_be_allowed_now_and_is_not_another_operation() {
    let Some(world) = World::new() else { return };
    world.root("install -m 644 /dev/null /srv/f");
    let hint = told(&world, &says("cat: /srv/f: Permission denied"));
    assert!(
        hint.contains("permwrap: alice can read /srv/f now"),
        "{hint}"
    );
    assert!(!hint.contains("fix "), "{hint}");
}

#[test]
fn where_nothing_tells_the_operation_the_object_is_named_and_no_more() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -m 644 /dev/null /srv/f && install -m 640 -o deploy -g www /dev/null /srv/closed",
    );
    let hint = told(&world, &says("tool: failed on /srv/f: Permission denied"));
    assert!(
        hint.contains("permwrap: permission denied for /srv/f"),
        "{hint}"
    );
    assert!(hint.contains("does not say what was tried"), "{hint}");
    // Whatever the operation was, there is one reason for the refusal. The fix depends on the operation.
    let hint = told(
        &world,
        &says("tool: failed on /srv/closed: Permission denied"),
    );
    assert!(
        hint.contains("for reading it") && hint.contains("for reading and writing it"),
        "{hint}"
    );
    let report = format!(
        "--report r.json -- {}",
        says("tool: failed on /srv/closed: Permission denied")
    );
    world.run("alice", &format!("permwrap {report}"));
    let report = world.run("alice", "cat r.json").stdout();
    let report: serde_json::Value = serde_json::from_str(&report).expect("the report is JSON");
    let incident = &report["incidents"][0];
    assert_eq!(incident["operation"], serde_json::Value::Null, "{report:#}");
    assert_eq!(incident["causes"][0]["code"], "mode-denies", "{report:#}");
    let fixes = incident["fixes"].as_array().expect("fixes are a list");
    assert!(
        fixes.iter().all(|fix| fix["verified"] == false),
        "{report:#}"
    );
}

#[test]
fn its_own_start_of_the_command_is_known_exactly() {
    let Some(world) = World::new() else { return };
    world.root("install -m 640 /bin/true /srv/program");
    for command in ["/etc/passwd", "/srv/program"] {
        let ran = world.run("alice", &format!("permwrap --report r.json -- {command}"));
        assert_eq!(ran.code(), 126, "{ran}");
        assert!(
            ran.stderr()
                .contains(&format!("permwrap: cannot run {command}\n")),
            "{ran}"
        );
        let report = world.run("alice", "cat r.json").stdout();
        let report: serde_json::Value = serde_json::from_str(&report).expect("the report is JSON");
        assert_eq!(report["incidents"][0]["exact"], true, "{report:#}");
        assert_eq!(report["incidents"][0]["operation"], "exec", "{report:#}");
    }
}

#[test]
fn a_traceback_tells_how_a_file_was_opened() {
    let Some(world) = World::new() else { return };
    if !needs_programs(&["python3"]) {
        return;
    }
    world.root("install -m 644 /dev/null /srv/f && install -d /srv/log");
    for (code, expected) in [
        (
            "import logging; logging.FileHandler(\"/srv/log/x\")",
            "cannot create /srv/log/x",
        ),
        ("dst = \"/srv/f\"; open(dst, \"wb\")", "cannot write /srv/f"),
        (
            "import os; os.open(\"/srv/f\", os.O_RDWR)",
            "cannot read and write /srv/f",
        ),
    ] {
        world.root(&format!("echo '{code}' > /srv/main.py"));
        let hint = told(&world, "/usr/bin/python3 /srv/main.py");
        assert!(hint.contains(expected), "{hint}");
    }
}

#[test]
fn a_name_below_an_open_directory_is_not_looked_up_in_the_working_directory() {
    let Some(world) = World::new() else { return };
    if !needs_programs(&["python3"]) {
        return;
    }
    world.root(
        "cd /home/alice && install -d -o alice tree && install -d tree/sub && touch tree/sub/f f &&
         echo 'import shutil; shutil.rmtree(\"tree\")' > rm.py &&
         echo 'import os; d = os.open(\"tree\", 0); os.rmdir(\"sub\", dir_fd=d)' > at.py &&
         chmod 1777 tree && chown root tree && mkdir sub",
    );
    for script in ["rm.py", "at.py"] {
        let hint = told(&world, &format!("/usr/bin/python3 {script}"));
        assert!(
            hint.contains("relative to a directory that the program worked in or had open"),
            "{hint}"
        );
        assert!(!hint.contains("/home/alice/f"), "{hint}");
        assert!(!hint.contains("/home/alice/sub"), "{hint}");
    }
}

#[test]
fn an_option_means_what_it_means_to_its_program() {
    let Some(world) = World::new() else { return };
    world.root("install -d /home/alice/etc && install -m 600 /dev/null /home/alice/etc/secret");
    let hint = told(&world, "cut -d / -f1 etc/secret");
    assert!(
        hint.contains("cannot read /home/alice/etc/secret"),
        "{hint}"
    );
    if !needs_programs(&["python3"]) {
        return;
    }
    world.root("echo 'raise PermissionError(13, \"Permission denied\") # s.bind((\"\", port))' > /srv/main.py");
    for options in ["--processes 4", "--net 7"] {
        let hint = told(&world, &format!("/usr/bin/python3 /srv/main.py {options}"));
        assert!(
            !hint.contains("port 4") && !hint.contains("port 7"),
            "{hint}"
        );
    }
}

#[test]
fn a_line_above_that_tells_of_no_failure_names_no_object() {
    let Some(world) = World::new() else { return };
    world.root("install -D -m 644 /dev/null /srv/app/main.py");
    let words = " * Serving Flask app \\\"/srv/app/main.py\\\"\nPermission denied";
    let hint = told(&world, &format!("bash -c \"echo '{words}' >&2; exit 1\""));
    assert!(!hint.contains("permission denied for /srv/app"), "{hint}");
    assert!(!hint.contains("fix "), "{hint}");
}

#[test]
fn a_device_that_a_shell_redirects_to_is_written() {
    let Some(world) = World::new() else { return };
    world.root("mknod -m 600 /dev/own-null c 1 3");
    let hint = told(&world, "bash -c 'echo hi > /dev/own-null'");
    assert!(hint.contains("cannot write /dev/own-null"), "{hint}");
}

#[test]
fn a_text_from_elsewhere_is_not_looked_up_here() {
    let Some(world) = World::new() else { return };
    world.root("install -m 600 /dev/null /srv/f");
    for (text, place) in [
        (
            "web-1  | cat: /srv/f: Permission denied",
            "in the container web-1",
        ),
        (
            "[pod/shop-1/web] open /srv/f: permission denied",
            "in the container",
        ),
        (
            "cp: cannot create regular file '/Users/alice/x': Permission denied",
            "on a Mac",
        ),
        (
            "rm: cannot remove '/home/runner/work/x': Permission denied",
            "on a GitHub Actions runner",
        ),
        (
            "Jun 03 08:18:20 web7 cat[12]: /srv/f: Permission denied",
            "on web7",
        ),
    ] {
        let hint = explained(&world, text);
        assert!(hint.contains(place), "{hint}");
        assert!(!hint.contains("fix "), "{hint}");
    }
}

#[test]
fn whoever_a_text_is_explained_for_is_judged() {
    let Some(world) = World::new() else { return };
    world.root("install -m 600 -o www /dev/null /srv/f");
    let text = b"cat: /srv/f: Permission denied";
    let of_alice = world
        .run_with_input("alice", "permwrap explain", text)
        .stdout();
    assert!(of_alice.contains("alice may not read /srv/f"), "{of_alice}");
    let of_www = world
        .run_with_input("alice", "permwrap explain --as www", text)
        .stdout();
    assert!(of_www.contains("www can read /srv/f now"), "{of_www}");
    assert!(!of_www.contains("--as"), "{of_www}");
}

#[test]
fn whoever_may_do_it_all_is_told_how_to_ask_for_another() {
    let Some(world) = World::new() else { return };
    world.root("install -m 600 -o www /dev/null /srv/f");
    let text = b"cat: /srv/f: Permission denied";
    let of_root = world
        .run_with_input("root", "permwrap explain", text)
        .stdout();
    assert!(
        of_root.contains("next     permwrap explain --as USER"),
        "{of_root}"
    );
}

#[test]
fn a_file_that_may_not_be_read_and_then_not_be_written_has_failed_twice() {
    let Some(world) = World::new() else { return };
    if !needs_programs(&["python3"]) {
        return;
    }
    world.root("install -m 600 /dev/null /srv/f");
    let script = "for mode in (\"r\", \"a\"):\n try: open(\"/srv/f\", mode)\n except OSError as error: print(f\"cannot open for {dict(r=\\\"reading\\\", a=\\\"appending\\\")[mode]}: {error}\", file=sys.stderr)";
    world.root(&format!(
        "cat > /srv/main.py <<'X'\nimport sys\n{script}\nX",
        script = script.replace("\\\"", "'")
    ));
    world.run(
        "alice",
        "permwrap --report r.json -- /usr/bin/python3 /srv/main.py",
    );
    let report = world.run("alice", "cat r.json").stdout();
    let report: serde_json::Value = serde_json::from_str(&report).expect("the report is JSON");
    let incidents = report["incidents"]
        .as_array()
        .expect("incidents are a list");
    let operations: Vec<&str> = incidents
        .iter()
        .filter_map(|one| one["operation"].as_str())
        .collect();
    assert_eq!(operations, ["read", "append"], "{report:#}");
}

#[test]
fn a_signal_answered_with_eacces_was_refused_by_a_security_module() {
    let Some(world) = World::new() else { return };
    let hint = explained(&world, "kill: (1): Permission denied\n");
    assert!(hint.contains("only a security module"), "{hint}");
    assert!(!hint.contains("nothing stands in the way"), "{hint}");
}

#[test]
fn code_on_the_command_line_counts_whatever_the_interpreter_is_called() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -m 644 /dev/null /srv/f && install -m 755 /dev/null /srv/python-of-ours &&
         printf '#!/bin/sh\necho \"PermissionError: [Errno 13] Permission denied: '\"'/srv/f'\"'\" >&2; exit 1\n' > /srv/python-of-ours",
    );
    let hint = told(
        &world,
        "/srv/python-of-ours -c \"import os; os.open('/srv/f', os.O_WRONLY)\"",
    );
    assert!(hint.contains("permwrap: cannot write /srv/f"), "{hint}");
}

#[test]
fn what_dash_names_without_a_verb_was_to_be_run() {
    let Some(world) = World::new() else { return };
    world.root("install -m 644 /dev/null /srv/job");
    let hint = told(&world, &says("/srv/all.sh: 3: /srv/job: Permission denied"));
    assert!(hint.contains("permwrap: cannot run /srv/job"), "{hint}");
}

#[test]
fn a_copy_under_another_name_does_what_the_program_does() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -m 755 \"$(command -v cat)\" /srv/reader && install -m 600 -o deploy -g deploy /dev/null /srv/f",
    );
    let hint = told(&world, "/srv/reader /srv/f");
    assert!(hint.contains("permwrap: cannot read /srv/f"), "{hint}");
}

#[test]
fn what_code_on_the_command_line_asks_for_is_told() {
    let Some(world) = World::new() else { return };
    if !needs_programs(&["python3"]) {
        return;
    }
    let code = "import socket; socket.socket().bind((\"127.0.0.1\", 81))";
    let hint = told(&world, &format!("python3 -c '{code}'"));
    assert!(hint.contains("port 81"), "{hint}");
    let hint = told(&world, "python3 -c 'import os; os.kill(1, 15)'");
    assert!(hint.contains("process 1"), "{hint}");
}

#[test]
fn a_text_that_an_engine_gave_to_a_script_is_not_judged_here() {
    let Some(world) = World::new() else { return };
    world.root("install -m 644 /dev/null /srv/f");
    // The engine's output arrives after the engine has ended, and none of the processes seen is named cat.
    world.root(
        r#"printf '#!/bin/sh\nPATH=/srv/none\nout=$(podman run image tool 2>&1) || out="c""at: /srv/f: Permission denied"\necho "$out" >&2\nexit 1\n' > /srv/run &&
           chmod 755 /srv/run"#,
    );
    let hint = told(&world, "/srv/run");
    assert!(hint.contains("written in a container"), "{hint}");
    assert!(!hint.contains("can read"), "{hint}");
}

#[test]
fn what_a_process_of_another_user_was_refused_is_not_called_possible() {
    let Some(world) = World::new() else { return };
    if !needs_programs(&["setpriv", "python3"]) {
        return;
    }
    world.root("mkdir /srv/p; install -d -m 700 -o alice /srv/v; echo x >/srv/f; chmod 600 /srv/f");
    for (command, because) in [
        (
            "sh -c \"setpriv --reuid bob --regid bob --clear-groups sh -c 'echo > /srv/p/f'; true\"",
            "bob may not create anything in /srv/p",
        ),
        (
            "setpriv --bounding-set -all sh -c 'touch /srv/v/g'",
            "it is not known which of them failed",
        ),
        (
            "python3 -c 'import subprocess; subprocess.run([\"cat\",\"/srv/f\"],user=\"alice\")'",
            "/srv/f",
        ),
    ] {
        let hint = world
            .root(&format!("permwrap -- {command} || true"))
            .stderr();
        assert!(!hint.contains(" now"), "{command}: {hint}");
        assert!(
            hint.contains(because) || hint.contains("CAP_DAC"),
            "{command}: {hint}"
        );
    }
}

#[test]
fn a_program_is_not_looked_for_in_a_path_that_was_another_ones() {
    let Some(world) = World::new() else { return };
    world.root("install -d /srv/bin && echo true >/srv/bin/tool");
    let hint = told(&world, "sh -c 'export PATH=/srv/bin:$PATH; tool'");
    assert!(hint.contains("cannot run /srv/bin/tool"), "{hint}");
    let hint = told(&world, "sh -c 'P=/srv; PATH=$P/bin tool'");
    assert!(hint.contains("no directory of PATH"), "{hint}");
    let hint = told(&world, "bash -c 'export PATH=/srv/bin:$PATH; tool'");
    assert!(hint.contains("cannot run /srv/bin/tool"), "{hint}");
}

#[test]
fn a_read_only_file_system_is_not_explained_by_bits() {
    let Some(world) = World::new() else { return };
    world.root("mkdir /srv/d");
    let hint = told(
        &world,
        &says("touch: cannot touch '/srv/d/f': Read-only file system"),
    );
    assert!(!hint.contains("may not create"), "{hint}");
    assert!(hint.contains("the kernel answered EROFS"), "{hint}");
}

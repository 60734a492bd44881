//! Programming languages: the path from the exception, the operation from the source line, relative paths.

use crate::case::Case;

#[test]
fn python_opens_for_writing() {
    Case {
        needs: &["python3"],
        scene: "install -d -m 755 -o deploy -g www /srv/data && touch /srv/data/db && chown deploy:www /srv/data/db",
        command: "python3 -c 'open(\"/srv/data/db\", \"w\")'",
        errno: "EACCES",
        path: "/srv/data/db",
        cause: "mode-denies",
        at: "/srv/data/db",
    }
    .check();
}

#[test]
fn python_makes_directories_relative_to_where_it_went() {
    Case {
        needs: &["python3"],
        scene: "install -d -m 755 -o deploy -g www /srv/data",
        command: "python3 -c 'import os; os.chdir(\"/srv/data\"); os.makedirs(\"a/b\")'",
        errno: "EACCES",
        path: "/srv/data/a",
        cause: "parent-not-writable",
        at: "/srv/data",
    }
    .check();
}

#[test]
fn python_renames_into_a_closed_directory() {
    Case {
        needs: &["python3"],
        scene: "install -d -m 755 -o deploy -g www /home/data && touch /home/alice/x && chown alice: /home/alice/x",
        command: "python3 -c 'import os; os.rename(\"x\", \"/home/data/y\")'",
        errno: "EACCES",
        path: "/home/alice/x",
        cause: "parent-not-writable",
        at: "/home/data",
    }
    .check();
}

#[test]
fn node_reads_a_closed_file() {
    Case {
        needs: &["node"],
        scene: "echo x > /srv/secret.json && chown deploy:www /srv/secret.json && chmod 640 /srv/secret.json",
        command: "node -e 'require(\"fs\").readFileSync(\"/srv/secret.json\")'",
        errno: "EACCES",
        path: "/srv/secret.json",
        cause: "mode-denies",
        at: "/srv/secret.json",
    }
    .check();
}

#[test]
fn perl_lists_a_closed_directory() {
    Case {
        needs: &["perl"],
        scene: "install -d -m 711 -o deploy /srv/closed",
        command: "perl -e 'opendir(my $d, \"/srv/closed\") or die \"cannot list /srv/closed: $!\\n\"'",
        errno: "EACCES",
        path: "/srv/closed",
        cause: "mode-denies",
        at: "/srv/closed",
    }
    .check();
}

#[test]
fn python_in_a_read_only_bind_mount() {
    Case {
        needs: &["python3"],
        scene: "mkdir -p /srv/real /srv/ro && chown alice: /srv/real && (mountpoint -q /srv/ro || (mount --bind /srv/real /srv/ro && mount -o remount,ro,bind /srv/ro))",
        command: "python3 -c 'open(\"/srv/ro/new\", \"w\")'",
        errno: "EROFS",
        path: "/srv/ro/new",
        cause: "read-only-mount",
        at: "/srv/ro",
    }
    .check();
}

#[test]
fn node_copies_into_a_directory_of_somebody_else() {
    Case {
        needs: &["node"],
        scene: "install -d -m 755 -o deploy /srv/d && echo x > /srv/f",
        command: "node -e 'require(\"fs\").copyFileSync(\"/srv/f\", \"/srv/d/g\")'",
        errno: "EACCES",
        path: "/srv/d/g",
        cause: "parent-not-writable",
        at: "/srv/d",
    }
    .check();
}

#[test]
fn a_debugger_that_names_no_process_was_told_which() {
    let Some(world) = crate::support::World::new() else {
        return;
    };
    world.root(
        "printf '%s\\n' '#!/bin/sh' 'echo \"ptrace: Operation not permitted.\" >&2; exit 1' >/srv/gdb; \
         chmod 755 /srv/gdb",
    );
    for (arguments, told) in [
        ("-batch -p 1", "cannot trace process 1\n"),
        ("-batch", "cannot trace the process\n"),
    ] {
        let ran = world.run("alice", &format!("permwrap -- /srv/gdb {arguments}"));
        assert!(ran.stderr().contains(told), "{ran}");
    }
}

#[test]
fn what_a_traceback_quotes_is_looked_at_where_the_error_names_nothing() {
    let Some(world) = crate::support::World::new() else {
        return;
    };
    world.root(
        "install -d -m 700 -o deploy /srv/d /srv/open && chmod 777 /srv/open; touch /srv/open/c",
    );
    for (call, told) in [
        (
            "import os; os.mkfifo(\"/srv/d/f\")",
            "cannot make the special file /srv/d/f",
        ),
        (
            "import sqlite3; sqlite3.connect(\"/srv/d/a.db\")",
            "/srv/d/a.db\n",
        ),
        (
            "import ssl; c = ssl.create_default_context(); c.load_cert_chain(\"/srv/d/key\")",
            "cannot read /srv/d/key\n",
        ),
        // The file exists and access is allowed, so the error number came from something else.
        (
            "raise PermissionError(13, \"Permission denied\") # x.bind(\"/srv/open/s\")",
            "alice can listen on /srv/open/s now",
        ),
    ] {
        world.root(&format!("echo '{call}' > /srv/main.py"));
        let ran = world.run("alice", "permwrap -- /usr/bin/python3 /srv/main.py");
        assert!(ran.stderr().contains(told), "{ran}");
    }
}

#[test]
fn the_source_is_looked_at_where_the_message_only_says_where_it_failed() {
    let Some(world) = crate::support::World::new() else {
        return;
    };
    world.root("install -d -m 755 /srv/app; install -m 644 /dev/null /srv/app/log");
    for (source, told) in [
        (
            "open(my $f, q{<}, q{/etc/passwd});\nopen(my $log,\n  \">>\", \"/srv/app/log\") or die \"no log: $!\";",
            Some("cannot append to /srv/app/log"),
        ),
        (
            "open(F, \">/srv/app/new\") || die \"no file: $!\";",
            Some("cannot create /srv/app/new"),
        ),
        // It is unknown which of the two failed; so it is for a variable.
        (
            "mkdir(\"/srv/app/a\") and mkdir(\"/srv/app/b\") or die \"no directory: $!\";",
            None,
        ),
        (
            "my $name = \"/srv/app/a\";\n\n\n\nmkdir($name) or die \"no directory: $!\";",
            None,
        ),
    ] {
        let wrote = world.run_with_input("root", "cat > /home/alice/x.pl", source.as_bytes());
        wrote.ok();
        let ran = world.run("alice", "permwrap -- perl x.pl");
        match told {
            Some(told) => assert!(ran.stderr().contains(told), "{ran}"),
            None => assert!(ran.stderr().contains("does not say for what"), "{ran}"),
        }
    }
}

#[test]
fn a_script_that_only_selects_needs_only_to_read_its_database() {
    let Some(world) = crate::support::World::new() else {
        return;
    };
    world.root("install -d /srv/d && install -m 640 /dev/null /srv/d/a.db");
    for (sql, told) in [
        ("select * from t", "cannot read /srv/d/a.db\n"),
        ("insert into t values (1)", "cannot write /srv/d/a.db\n"),
    ] {
        world.root(&format!(
            "echo 'import sqlite3; sqlite3.connect(\"/srv/d/a.db\").execute(\"{sql}\")' > /srv/lite.py"
        ));
        let ran = world.run("alice", "permwrap -- /usr/bin/python3 /srv/lite.py");
        assert!(ran.stderr().contains(told), "{ran}");
    }
}

#[test]
fn the_script_that_runs_is_not_blamed_for_what_the_program_did_not_name() {
    let Some(world) = crate::support::World::new() else {
        return;
    };
    world.root(
        "install -d -m 700 -o deploy /srv/d && echo 'import os; name = \"/srv/d/f\"; os.mkfifo(name)' > /srv/main.py
         echo 'import sqlite3; name = \"/srv/d/a.db\"; sqlite3.connect(name)' > /srv/lite.py",
    );
    for script in ["main.py", "lite.py"] {
        let ran = world.run(
            "alice",
            &format!("permwrap -- /usr/bin/python3 /srv/{script}"),
        );
        assert!(!ran.stderr().contains("fix "), "{ran}");
    }
}

#[test]
fn a_message_that_was_printed_before_a_change_of_directory_is_about_the_former_one() {
    let Some(world) = crate::support::World::new() else {
        return;
    };
    world.root(
        "install -d -o alice /srv/p /srv/p/c; cd /srv/p; for f in g c/g x c/x; do install -o www -m 600 /dev/null $f; done
         printf 'import os, sys, time\\ntry: open(\"g\")\\nexcept OSError as e: print(e, file=sys.stderr)\\nos.chdir(\"c\")\\ntime.sleep(0.3)' > before.py
         printf 'import os, sys\\nos.chdir(\"c\")\\ntry: open(\"g\")\\nexcept OSError as e: print(e, file=sys.stderr)\\nos.chdir(\"/\")' > daemon.py
         printf 'import os, sys\\nif sys.argv[1:]: os.chdir(\"c\")\\ntry: open(\"x\")\\nexcept OSError as e: print(e, file=sys.stderr)\\nos.chdir(\"/\")' > either.py",
    );
    let of = |script: &str| {
        let command = format!("cd /srv/p; permwrap -- /usr/bin/python3 {script}");
        world.run("alice", &command)
    };
    let ran = of("before.py");
    assert!(ran.stderr().contains("cannot read /srv/p/g\n"), "{ran}");
    let ran = of("daemon.py");
    assert!(ran.stderr().contains("cannot read /srv/p/c/g\n"), "{ran}");
    // It may have been either, and both are refused.
    let ran = of("either.py");
    assert!(!ran.stderr().contains("permwrap: cannot"), "{ran}");
    world.root("rm /srv/p/c/x");
    let ran = of("either.py");
    assert!(ran.stderr().contains("cannot read /srv/p/x\n"), "{ran}");
}

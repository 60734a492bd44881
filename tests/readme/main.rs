//! What the README shows is what permwrap does. `PERMWRAP_TEST_UPDATE=1` updates the parts that have changed.
//!
//! Debian packages: acl, python3, sudo.
#[path = "../support/mod.rs"]
mod support;

mod lines;

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use permwrap::cause::Code;
use support::{World, needs_programs, repository, svg};

/// The program of the README's session.
///
/// Its last line is a single call, so that no version of Python marks only part of it.
const PROGRAM: &str = r#"open("/srv/app/data/users.db")"#;

/// What the terminal shows in the session: the command, the traceback, the hint.
fn session(world: &World, color: &str) -> String {
    world.root("install -d -m 750 -o deploy -g www /srv/app && install -d -o deploy -g www /srv/app/data && install -m 644 /dev/null /srv/app/data/users.db");
    world.root(&format!("cat >/home/alice/app.py <<'END'\n{PROGRAM}\nEND"));
    let ran = world.run(
        "alice",
        &format!("permwrap --color {color} -- /usr/bin/python3 app.py"),
    );
    assert_eq!(ran.code(), 1, "{ran}");
    assert_eq!(ran.stdout(), "");
    format!("$ permwrap -- python3 app.py\n{}", ran.stderr())
}

/// Compares a file of the repository with its expected content, or updates it.
fn is_current(path: &Path, expected: &str) {
    if std::env::var_os("PERMWRAP_TEST_UPDATE").is_some() {
        fs::write(path, expected).expect("it can be written");
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "{} is not current (PERMWRAP_TEST_UPDATE=1 cargo test --test readme). It should be\n{expected}",
        path.display()
    );
}

/// Compares the part of a document between `<!-- NAME -->` and the next `<!-- end -->` with its expected content, or updates
/// it.
fn document_has(document: &str, name: &str, text: &str) {
    // Tests of several parts run at the same time.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock();
    let path = repository().join(document);
    let readme = fs::read_to_string(&path).expect("the document is there");
    let mark = format!("<!-- {name} -->\n");
    let (before, rest) = readme.split_once(&mark).expect("the mark is there");
    let (_, after) = rest.split_once("<!-- end -->").expect("the end is marked");
    is_current(&path, &format!("{before}{mark}{text}<!-- end -->{after}"));
}

#[test]
fn the_session_and_its_picture_are_real() {
    if !needs_programs(&["setfacl", "python3", "sudo"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    let plain = session(&world, "never");
    document_has(
        "README.md",
        "session",
        &format!("\n```console\n{plain}```\n\n"),
    );
    let picture = svg::terminal(&session(&world, "always"));
    is_current(&repository().join("tests/picture/hint.svg"), &picture);
}

/// Every call of permwrap in a document, both in code blocks and in backquotes.
fn calls(document: &str) -> Vec<String> {
    let text = fs::read_to_string(repository().join(document)).expect("the document is there");
    let mut found = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            let line = line.trim_start_matches("$ ").trim_start_matches("sudo ");
            let line = line.split("  #").next().unwrap_or(line);
            let line = line.split(" | ").next().unwrap_or(line);
            if line.starts_with("permwrap ") && !line.starts_with("permwrap: ") {
                found.push(line.trim().to_owned());
            }
        } else {
            let quoted = line.split('`').skip(1).step_by(2);
            let quoted = quoted.map(|call| call.trim_start_matches("sudo "));
            found.extend(
                quoted
                    .filter(|call| call.starts_with("permwrap "))
                    .map(str::to_owned),
            );
        }
    }
    found
}

#[test]
fn every_call_that_a_document_shows_is_one() {
    let documents = [
        "README.md",
        "docs/causes.md",
        "docs/logs.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "src/check/format.md",
        "patterns/README.md",
    ];
    let mut wrong = Vec::new();
    let mut seen = 0;
    for document in documents {
        for call in calls(document) {
            // Placeholders are replaced by actual values.
            let call = call
                .replace("[SUBCOMMAND]", "why")
                .replace("[NAME]", "mode-denies")
                .replace("NAME", "mode-denies")
                .replace(" ...", "")
                .replace("...", "")
                .replace('"', "");
            let words: Vec<std::ffi::OsString> =
                call.split_whitespace().skip(1).map(Into::into).collect();
            // The name of a subcommand on its own is not a call.
            if words.len() == 1 && permwrap::cli::is_subcommand(&words[0]) {
                continue;
            }
            seen += 1;
            if let Err(stop) = permwrap::cli::parse(words)
                && stop.status != 0
            {
                wrong.push(format!("{document}: {call}: {}", stop.text));
            }
        }
    }
    assert!(seen > 20, "{seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut dead = Vec::new();
    for document in [
        "README.md",
        "docs/causes.md",
        "docs/logs.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
    ] {
        let path = repository().join(document);
        let text = fs::read_to_string(&path).expect("the document is there");
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let is_here = path
                .parent()
                .is_some_and(|directory| directory.join(link).exists());
            if !link.contains("://") && !is_here {
                dead.push(format!("{document}: {link}"));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn the_picture_of_a_check_is_real() {
    if !needs_programs(&["setfacl", "sudo"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root(
        "install -d /srv/shop && cd /srv/shop && install -d -o www -g www -m 750 data && install -d uploads
         install -m 644 /dev/null secret.key
         printf 'user = \"www\"\\nnot-root = true\\nports = [8000]\\n[[path]]\\npath = \"data/\"\\nneeds = [\"read\", \"write\"]\\n[[path]]\\npath = \"uploads/\"\\nneeds = [\"write\"]\\n[[path]]\\npath = \"secret.key\"\\nclosed = true\\n' >permwrap.toml",
    );
    let ran = world.run("www", "cd /srv/shop && permwrap check --color always");
    assert_eq!(ran.code(), 1, "{ran}");
    let picture = svg::terminal(&format!("$ permwrap check\n{}", ran.stdout()));
    is_current(&repository().join("tests/picture/check.svg"), &picture);
}

#[test]
fn the_picture_of_a_fix_is_real() {
    if !needs_programs(&["setfacl", "python3"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root("install -d -o alice -g alice /home/alice/shop && install -m 444 -o alice -g alice /dev/null /home/alice/shop/orders.txt");
    world.root("echo 'open(\"orders.txt\", \"a\")' >/home/alice/shop/app.py");
    world.root(&format!("cat >/srv/session.py <<'END'\n{ANSWERED}\nEND"));
    let session = || world.run("alice", "cd shop && /usr/bin/python3 /srv/session.py");
    let mut ran = session();
    // On a busy machine the program may have ended before its message is read, and then less is certain.
    for _ in 0..20 {
        if !ran.stdout().contains("not certain") {
            break;
        }
        world.root("rm -rf /home/alice/.local/state && chmod 444 /home/alice/shop/orders.txt");
        ran = session();
    }
    assert_eq!(ran.code(), 0, "{ran}");
    let shown = ran.stdout().replace('\r', "");
    let picture = svg::terminal(&format!("$ permwrap --fix -- python3 app.py\n{shown}"));
    for line in ["Change it? [y/N] y", "permwrap: changed: "] {
        assert!(shown.contains(line), "{line}\n{ran}");
    }
    is_current(&repository().join("tests/picture/fix.svg"), &picture);
}

/// A session on a terminal in which each question is answered with yes.
const ANSWERED: &str = r#"
import os, pty, select, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm")
    os.execvp("sh", ["sh", "-c", "stty cols 100; exec permwrap --fix -- /usr/bin/python3 app.py"])
shown, answered, end = b"", 0, time.time() + 60
while time.time() < end:
    if not select.select([terminal], [], [], 0.1)[0]:
        continue
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    shown += data
    if shown[answered:].endswith(b"[y/N] "):
        answered = len(shown)
        os.write(terminal, b"y\n")
_, status = os.waitpid(pid, 0)
sys.stdout.write(shown.decode())
sys.exit(os.waitstatus_to_exitcode(status))
"#;

#[test]
fn the_table_of_causes_is_complete() {
    let mut table = String::from("\n| cause | denies because |\n| --- | --- |\n");
    for code in Code::ALL {
        let name = code.name();
        table.push_str(&format!(
            "| [`{name}`](../src/cause/{name}.md) | {} |\n",
            code.because()
        ));
    }
    table.push('\n');
    document_has("docs/causes.md", "causes", &table);
}

#[test]
fn the_demo_shows_a_refusal_and_a_fix_that_works_to_root_and_to_others() {
    let Some(world) = World::new() else { return };
    let script = fs::read_to_string(repository().join("tests/demo.sh")).expect("there is a demo");
    world.root(&format!(
        "mkdir -p /srv/repository/tests; cat >/srv/repository/tests/demo.sh <<'END'\n{script}\nEND"
    ));
    for user in ["root", "alice"] {
        let ran = world.run(
            user,
            "PERMWRAP=/mnt/bin/permwrap sh /srv/repository/tests/demo.sh",
        );
        assert_eq!(ran.code(), 0, "{ran}");
        assert!(ran.stderr().contains("may not pass through"), "{ran}");
        assert!(ran.stdout().ends_with("7 apples\n"), "{ran}");
        assert_eq!(
            world.run("root", "ls /tmp").stdout(),
            "",
            "nothing is left behind"
        );
    }
}

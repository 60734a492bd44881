//! Runs the lines of the README as they are written there, on a machine without anything of permwrap.
//!
//! Debian packages: acl, bash, busybox-static, conmon, fish, man-db, nodejs, podman, python3, python3-yaml, runc, sudo,
//! systemd, zsh.

use std::fs;

use crate::support::{Ran, World, needs_programs, needs_python_modules, repository, skip};

/// The code blocks of one language in the README, in order.
fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(repository().join("README.md")).expect("the README is there");
    let parts = readme.split("```").skip(1).step_by(2);
    parts
        .filter_map(|part| part.strip_prefix(&format!("{language}\n")))
        .map(str::to_owned)
        .collect()
}

/// The only block in this language that contains the words.
fn block(language: &str, words: &str) -> String {
    let mut found = blocks(language);
    found.retain(|block| block.contains(words));
    assert_eq!(found.len(), 1, "{language} with {words:?}");
    found.remove(0)
}

/// A machine without permwrap, with an empty `/usr/local`, where root can use sudo. The result of the cargo build is already
/// there: a script that checks its arguments takes the place of `cargo`.
const FRESH: &str = r#"
    mount -t tmpfs none /usr/local && mkdir -m 755 /usr/local/bin
    mount -t tmpfs -o mode=700 none /root
    cp /mnt/bin/permwrap /srv/built
    mkdir -p /srv/repository /srv/stubs && cd /srv/repository && touch Cargo.toml
    cat >/srv/stubs/cargo <<'X'
#!/bin/sh
case "$*" in
    "build --release --locked") target=target/release ;;
    "build --release --locked --target x86_64-unknown-linux-musl") target=target/x86_64-unknown-linux-musl/release ;;
    "install --path . --locked") target=$HOME/.cargo/bin ;;
    *) echo "cargo $*: not as it is called" >&2; exit 1 ;;
esac
mkdir -p $target && cp /srv/built $target/permwrap
X
    printf '#!/bin/sh\n[ "$*" = "target add x86_64-unknown-linux-musl" ]\n' >/srv/stubs/rustup
    chmod 755 /srv/stubs/*
"#;

fn fresh() -> Option<World> {
    if !needs_programs(&["sudo"]) {
        return None;
    }
    let world = World::new()?;
    world.root(FRESH);
    Some(world)
}

/// Runs lines in the repository, and stops at the first that fails. Only what they install is in the search path.
fn runs(world: &World, lines: &str) -> Ran {
    world.root(&format!(
        "set -eo pipefail; PATH=/srv/stubs:${{PATH#/mnt/bin:}}; cd /srv/repository; {lines}"
    ))
}

#[test]
fn the_lines_that_install_it_do_and_those_that_remove_it_leave_nothing() {
    let Some(world) = fresh() else { return };
    let install = block("sh", "sudo install");
    runs(&world, &install);
    let seen = runs(
        &world,
        "permwrap --version; command -v permwrap; man -w permwrap",
    );
    for there in [
        "permwrap 0.",
        "/usr/local/bin/permwrap\n",
        "/usr/local/share/man/man1/permwrap.1\n",
    ] {
        assert!(seen.stdout().contains(there), "{there}: {seen}");
    }
    let readme = fs::read_to_string(repository().join("README.md")).expect("it is there");
    let (_, removal) = readme.split_once("To remove it: ").expect("it says how");
    let (removal, _) = removal.split_once("\n\n").expect("a paragraph");
    let files = removal.split('`').skip(1).step_by(2).collect::<Vec<_>>();
    world.run("alice", "permwrap -- cat /etc/shadow");
    world.root(&format!("rm -r {}", files[..2].join(" ")));
    assert_eq!(world.root("find /usr/local -type f").stdout(), "");
    let kept = world.run("alice", "find . -name '*permwrap*'").stdout();
    let forgotten: Vec<&str> = kept
        .lines()
        .filter(|path| !files.contains(&path.replacen('.', "~", 1).as_str()))
        .collect();
    assert!(forgotten.is_empty(), "{forgotten:?} are not in {files:?}");
}

#[test]
fn the_static_build_is_called_as_cargo_is() {
    let Some(world) = fresh() else { return };
    runs(&world, &block("sh", "rustup"));
    let readme = fs::read_to_string(repository().join("README.md")).expect("it is there");
    let install = "cargo install --path . --locked";
    assert!(readme.contains(&format!("`{install}`")));
    runs(&world, install);
    let ci = fs::read_to_string(repository().join(".ci/run")).unwrap_or_default();
    // CI really builds it.
    assert!(ci.is_empty() || ci.contains("cargo build --locked --release --quiet --target $musl"));
}

#[test]
fn the_line_in_the_start_up_file_wraps_the_usual_commands() {
    let Some(world) = World::new() else { return };
    let lines = block("sh", "permwrap init");
    let (bash, fish) = lines.trim().split_once('\n').expect("two lines");
    let zsh = bash.replace("permwrap init bash", "permwrap init zsh");
    for (shell, line, file, ask) in [
        ("bash", bash, ".bashrc", "alias python"),
        ("zsh", zsh.as_str(), ".zshrc", "alias python"),
        ("fish", fish, ".config/fish/config.fish", "functions python"),
    ] {
        if !needs_programs(&[shell]) {
            continue;
        }
        assert!(line.contains(file.rsplit('/').next().expect("a name")));
        world.root(&format!(
            "cd /home/alice && mkdir -p $(dirname {file}) && cat >{file} <<'END'\n{line}\nEND\nchown -R alice: /home/alice"
        ));
        let ran = world.run("alice", &format!("{shell} -i -c '{ask}' 2>&1"));
        assert!(ran.stdout().contains("permwrap -- "), "{ran}");
    }
}

/// A project as in the recipes: a directory that its service may write to, one that is closed to others, and servers that
/// report failures.
const PROJECT: &str = r#"
    install -d /srv/shop /srv/shop/data && chown www-data: /srv/shop/data && chown -R alice: /srv/shop
    chown www-data: /srv/shop/data
    printf 'user = "www-data"\n[[path]]\npath = "data/"\nneeds = ["read", "write"]\n' >/srv/shop/permwrap.toml
    printf '#!/bin/sh\necho serving "$@"\n' >/mnt/bin/gunicorn
    printf '#!/bin/sh\necho making "$@"\n' >/mnt/bin/make && cp /mnt/bin/make /mnt/bin/mvn
    chmod 755 /mnt/bin/gunicorn /mnt/bin/make /mnt/bin/mvn
"#;

#[test]
fn every_call_that_the_readme_shows_can_be_made() {
    if !needs_programs(&["setfacl", "sudo", "python3"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root(PROJECT);
    world.root("printf '#!/bin/sh\\nexec cat /srv/shop/secret\\n' >/mnt/bin/COMMAND && chmod 755 /mnt/bin/COMMAND");
    world.root(
        "touch /srv/shop/secret && chmod 600 /srv/shop/secret && chown www-data /srv/shop/secret",
    );
    world.root("cd /srv/shop && echo 'print(open(\"secret\").read())' >app.py && echo 'cat: /etc/shadow: Permission denied' >build.log && cp build.log FILE");
    let mut wrong = Vec::new();
    let mut calls = crate::calls("README.md");
    calls.retain(|call| call != "permwrap.toml");
    for call in &calls {
        let called = call
            .replace("COMMAND...", "COMMAND")
            .replace("[SUBCOMMAND]", "why")
            .replace("[NAME]", "mode-denies")
            .replace("--pid 4242", "--pid $$")
            .replace("--as USER", "--as www-data");
        // A placeholder for the rest of a call, or for a server that does not exist, cannot be run.
        if called.contains("...") || called.contains("svc:") {
            continue;
        }
        // A pattern file of the user's own.
        let called = match called.contains("patterns test") {
            true => called.replace(
                "FILE",
                &repository().join("patterns/git.toml").display().to_string(),
            ),
            false => called,
        };
        let ran = world.run("alice", &format!("cd /srv/shop && PATH=$PATH; {called}"));
        let status = ran.output.status.code();
        // If nothing exists yet, or something already does, permwrap says so.
        let says_so = ["there is no fix", "is there already"];
        if status == Some(2) && says_so.iter().any(|words| ran.stderr().contains(words)) {
            continue;
        }
        let is_run = called.contains(" -- ") || called.contains("--fix");
        // `cat` exits with 1 if it is refused, and a question whose answer is no gives 1 as well.
        if !matches!(status, Some(0 | 1)) || (is_run && ran.stderr().contains("not found")) {
            wrong.push(format!("{call}: {ran}"));
        }
    }
    assert!(calls.len() > 20, "{calls:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_recipe_of_a_web_application_holds() {
    if !needs_programs(&["python3", "node"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root(PROJECT);
    let lines = block("sh", "permwrap check --as");
    let [check, start] = lines.lines().collect::<Vec<_>>()[..] else {
        panic!("two lines: {lines}")
    };
    let python = block("python", "import subprocess");
    let node = block("js", "require(");
    world.root(&format!(
        "cd /srv/shop && cat >start.py <<'END'\n{python}print(\"started\")\nEND\ncat >start.js <<'END'\n{node}console.log(\"started\");\nEND"
    ));
    let without_remark = |line: &str| line.split(" #").next().unwrap_or(line).trim().to_owned();
    let (check, start) = (without_remark(check), without_remark(start));
    let as_service = |script: &str| {
        world.root(&format!(
            "cd /srv/shop && setpriv --reuid www-data --regid www-data --init-groups sh -c '{script} 2>&1; echo \"ended $?\"'"
        )).stdout()
    };
    assert!(as_service(&start).contains("serving shop.wsgi\nended 0"));
    for program in ["/usr/bin/python3 start.py", "node start.js"] {
        assert!(
            as_service(program).ends_with("started\nended 0\n"),
            "{program}"
        );
    }
    world.root(&format!("cd /srv/shop && {check}"));
    world.root("chmod 500 /srv/shop/data");
    let said = as_service(&start);
    assert!(said.contains("data") && !said.contains("serving"), "{said}");
    for program in ["/usr/bin/python3 start.py", "node start.js"] {
        let said = as_service(program);
        assert!(
            said.contains("/srv/shop/data") && said.ends_with("ended 1\n"),
            "{program}: {said}"
        );
        assert!(!said.contains("started"), "{said}");
    }
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    if !needs_programs(&["systemd-analyze"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    let unit = block("ini", "ExecStartPre");
    world.root(&format!(
        "mount -t tmpfs none /usr/local && mkdir -p /usr/local/bin /srv/app/venv/bin && cp /mnt/bin/permwrap /usr/local/bin
         cp /bin/true /srv/app/venv/bin/gunicorn && cat >/srv/shop.service <<'END'\n{unit}END"
    ));
    let ran = world.run(
        "root",
        "SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no /srv/shop.service 2>&1 | grep shop.service; true",
    );
    assert_eq!(ran.stdout(), "", "{ran}");
}

/// Reads YAML from stdin and prints it as JSON.
const AS_JSON: &str = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";

fn yaml(world: &World, text: &str) -> serde_json::Value {
    let script = format!("/usr/bin/python3 -c '{AS_JSON}'");
    let ran = world.run_with_input("root", &script, text.as_bytes()).ok();
    serde_json::from_str(&ran.stdout()).expect("it is JSON")
}

/// The words of an entry point or a command.
fn words(value: &serde_json::Value) -> Vec<&str> {
    let words = value.as_array().expect("a list of words");
    words
        .iter()
        .map(|word| word.as_str().expect("a word"))
        .collect()
}

#[test]
fn what_is_said_to_engines_and_ci_is_well_formed() {
    if !needs_python_modules(&["yaml"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    let compose = yaml(&world, &block("yaml", "services:"));
    let entry_point = words(&compose["services"]["web"]["entrypoint"]);
    let permwrap_said = |words: &[&str]| {
        let words = words.iter().skip(1).map(Into::into).collect();
        permwrap::cli::parse(words).is_ok()
    };
    assert!(permwrap_said(&entry_point), "{entry_point:?}");
    let pod = yaml(&world, &block("yaml", "initContainers:"));
    assert!(permwrap_said(&words(&pod["initContainers"][0]["command"])));
    // The action and the job run shell code.
    let read = |name: &str| {
        let path = repository().join("docs/ci").join(name);
        fs::read_to_string(path).expect("it is there")
    };
    let action = yaml(&world, &read("action.yml"));
    let step = action["runs"]["steps"][0]["run"]
        .as_str()
        .expect("a script");
    let job = yaml(&world, &read("gitlab.yml"));
    let script = words(&job[".permwrap"]["script"]).join("\n");
    for script in [step, script.as_str()] {
        world
            .run_with_input("root", "bash -n", script.as_bytes())
            .ok();
    }
    // It must also do what it is meant for.
    world.root("mkdir /srv/ci && chmod 777 /srv/ci && install -m 600 /dev/null /srv/secret");
    let ran = world.run(
        "alice",
        &format!("cd /srv/ci && export PERMWRAP_RUN='cat /srv/secret' PERMWRAP_REPORT=permwrap.json; {step}"),
    );
    assert_eq!(ran.code(), 1, "{ran}");
    assert!((ran.stdout() + &ran.stderr()).contains("::error"), "{ran}");
    let ran = world.run(
        "alice",
        &format!("cd /srv/ci && COMMAND='cat /srv/secret'; {script}; grep -c dir-not\\\\\\|mode-denies permwrap.json"),
    );
    assert_eq!(ran.stdout(), "1\n", "{ran}");
}

/// Two images in place of those that the recipe is based on: the one with Rust has a `cargo` that installs the static permwrap,
/// the one with Python only a shell.
const IMAGES: &str = r#"
    mkdir -p /srv/rust/bin /srv/rust/out /srv/python/bin /srv/python/etc /srv/python/tmp /srv/python/usr/local/bin
    for tree in rust python; do
        cp "$(command -v busybox)" /srv/$tree/bin/busybox
        for name in sh cp mkdir cat chmod echo env; do ln -s busybox /srv/$tree/bin/$name; done
    done
    cp /srv/static /srv/rust/permwrap
    printf '#!/bin/sh\n[ "$*" = "add --no-cache musl-dev" ]\n' >/srv/rust/bin/apk
    printf '#!/bin/sh\n[ "$*" = "install --locked --path /src --root /out" ] && [ -f /src/Cargo.toml ] && mkdir -p /out/bin && cp /permwrap /out/bin/permwrap\n' >/srv/rust/bin/cargo
    printf '#!/bin/sh\n[ "$1" = --system ] && echo "$2:x:999:999::/:/bin/sh" >>/etc/passwd\n' >/srv/python/bin/useradd
    printf '#!/bin/sh\ncat /app/closed; echo serving "$@"\n' >/srv/python/bin/gunicorn
    chmod 755 /srv/rust/bin/* /srv/python/bin/*
    echo root:x:0:0::/:/bin/sh >/srv/python/etc/passwd
    tar -C /srv/rust -c . | engine import - docker.io/library/rust:1-alpine
    tar -C /srv/python -c . | engine import - docker.io/library/python:3-slim
    mkdir /srv/source /srv/app && touch /srv/source/Cargo.toml && cd /srv/app
    install -m 600 /dev/null closed
    printf '[[path]]\npath = "permwrap.toml"\nneeds = ["read"]\n' >permwrap.toml
"#;

#[test]
fn the_dockerfile_builds_and_its_image_explains() {
    if !needs_programs(&["podman", "runc", "conmon", "busybox"]) {
        return;
    }
    let built = repository().join("target/x86_64-unknown-linux-musl/release/permwrap");
    let named = std::env::var("PERMWRAP_STATIC").map(std::path::PathBuf::from);
    let permwrap = named.unwrap_or(built);
    if !permwrap.exists() {
        return skip("no statically linked permwrap was built");
    }
    let Some(world) = World::new() else { return };
    // Its directory may be hidden in the world.
    let program = fs::read(permwrap).expect("it can be read");
    let copy = "cat >/srv/static && chmod 755 /srv/static";
    world.run_with_input("root", copy, &program).ok();
    world.root(include_str!("../support/engine.sh"));
    let engine = world.run("root", IMAGES);
    if engine.code() != 0 {
        return skip(&format!("the engine does not work here: {engine}"));
    }
    let dockerfile = block("dockerfile", "FROM");
    world.root(&format!(
        "cat >/srv/app/Dockerfile <<'END'\n{dockerfile}END\n\
         cd /srv/app && engine build --isolation=chroot --build-context permwrap-source=/srv/source -t shop ."
    ));
    let ran = world.run("root", "engine run --rm --network=none shop");
    let said = ran.stdout() + &ran.stderr();
    assert!(said.contains("serving shop.wsgi"), "{ran}");
    assert!(said.contains("\"source\":\"permwrap\""), "{ran}");
    assert!(said.contains("/app/closed"), "{ran}");
}

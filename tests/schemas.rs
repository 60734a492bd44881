//! What permwrap writes and reads conforms to the JSON Schemas in docs/schemas.
//!
//! Debian packages: acl, python3, python3-jsonschema.
mod support;

use support::{World, needs_python_modules, repository};

/// Validates each file in the working directory against the schema that its name begins with: `report-1.json` against
/// report.json.
const JUDGE: &str = r#"
import json, pathlib, sys, tomllib
import jsonschema
schemas = pathlib.Path(sys.argv[1])
wrong = 0
for schema in schemas.glob("*.json"):
    jsonschema.Draft202012Validator.check_schema(json.loads(schema.read_text()))
for name in sys.argv[2:]:
    file = pathlib.Path(name)
    schema = json.loads((schemas / (file.name.split("-")[0] + ".json")).read_text())
    text = file.read_text()
    documents = [tomllib.loads(text)] if file.suffix == ".toml" else (
        [json.loads(line) for line in text.splitlines()] if file.suffix == ".jsonl" else [json.loads(text)])
    assert documents, name
    for document in documents:
        for error in jsonschema.Draft202012Validator(schema).iter_errors(document):
            wrong += 1
            print(name, list(error.absolute_path), error.message)
print("wrong:", wrong)
"#;

fn judged(world: &World, files: &str) -> String {
    world.root(&format!("cat >/srv/judge.py <<'END'\n{JUDGE}\nEND"));
    let schemas = repository().join("docs/schemas");
    let ran = world.run(
        "root",
        &format!(
            "cd /srv/out && /usr/bin/python3 /srv/judge.py {} {files}",
            schemas.display()
        ),
    );
    assert_eq!(ran.code(), 0, "{ran}");
    ran.stdout()
}

#[test]
fn what_is_written_is_as_its_schema_says() {
    if !needs_python_modules(&["jsonschema"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root("install -d -m 777 /srv/out && install -d -m 750 -o deploy -g www /srv/app && touch /srv/app/f");
    let ran = world.run(
        "alice",
        "cd /srv/out
         permwrap --report report-1.json -- cat /srv/app/f /etc/shadow
         permwrap --report report-2.json -- true
         permwrap --trace --report report-3.json -- cat /srv/app/f
         permwrap --hints json -- cat /srv/app/f /etc/shadow 2>&1 >/dev/null | grep '^{' >hint-1.jsonl
         permwrap --hints json -- sh -c 'echo \"open: Permission denied\" >&2; cat /srv/app/f' 2>&1 | grep '^{' >hint-2.jsonl
         permwrap why read /srv/app/f --json >why-1.json
         permwrap why read /etc/passwd --json >why-2.json
         permwrap why read /srv/app/f/g --as root --json >why-3.json
         echo 'cat: /srv/app/f: Permission denied' | permwrap explain --json >explain-1.json
         echo 'git@example.org: Permission denied (publickey).' | permwrap explain --json >explain-2.json
         echo 'cat: /srv/app/f: Permission denied' | permwrap explain --offline --json >explain-3.json
         permwrap history --json >history-1.json
         printf 'user = \"bob\"\\nports = [80]\\ngroups = [\"www\"]\\n[[path]]\\npath = \"/srv/app/f\"\\nneeds = [\"read\"]\\nclosed = true\\n' >manifest-1.toml
         permwrap check manifest-1.toml --json >check-1.json
         mkdir project && cd project && permwrap check --init >/dev/null && mv permwrap.toml ../manifest-2.toml
         ls ..",
    );
    assert!(ran.stdout().contains("history-1.json"), "{ran}");
    let said = judged(&world, "*.json *.jsonl *.toml");
    assert_eq!(said, "wrong: 0\n");
}

#[test]
fn the_files_that_are_read_are_as_their_schemas_say() {
    if !needs_python_modules(&["jsonschema"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    world.root(
        "install -d /srv/out && cd /srv/out && cat >config-1.toml <<'END'
color = \"auto\"
hints = \"line\"
patterns = [\"~/patterns\"]
history = true
[ignore]
paths = [\"/proc\"]
causes = [\"landlock-denies\"]
[init]
commands = [\"python3\", \"npm\"]
END
mkdir -p /root/none; HOME=/srv/home; install -d $HOME/.config/permwrap && cp config-1.toml $HOME/.config/permwrap/config.toml
HOME=$HOME permwrap config >/dev/null",
    );
    // The files shared by all patterns have formats of their own.
    let shared = [
        "words",
        "languages",
        "prefixes",
        "programs",
        "run-options",
        "viewers",
        "foreign",
        "machines",
        "policies",
    ];
    for file in std::fs::read_dir(repository().join("patterns")).expect("it is there") {
        let path = file.expect("an entry").path();
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        let is_patterns = std::fs::read_to_string(&path)
            .unwrap_or_default()
            .contains("[[pattern]]");
        if path.extension().is_some_and(|end| end == "toml")
            && is_patterns
            && !shared.contains(&stem)
        {
            world.root(&format!(
                "cp {} /srv/out/patterns-{stem}.toml",
                path.display()
            ));
        }
    }
    assert_eq!(judged(&world, "*.toml"), "wrong: 0\n");
}

#[test]
fn a_fingerprint_is_the_same_on_every_machine() {
    let fingerprint = |uid: u32| {
        let world = World::new()?;
        // Another machine has other ids for the same names.
        world.root(&format!(
            "sed -i 's/^bob:x:3002:3002/bob:x:{uid}:{uid}/' /etc/passwd"
        ));
        world.root("install -d -m 750 -o deploy -g www /srv/app && touch /srv/app/f");
        let ran = world.run("root", "permwrap why read /srv/app/f --as bob --json");
        let why: serde_json::Value = serde_json::from_str(&ran.stdout()).expect("it is JSON");
        let other = world.run("root", "permwrap why write /srv/app/f --as bob --json");
        let other: serde_json::Value = serde_json::from_str(&other.stdout()).expect("it is JSON");
        assert_ne!(why["fingerprint"], other["fingerprint"]);
        why["fingerprint"].as_str().map(str::to_owned)
    };
    let Some(one) = fingerprint(3002) else { return };
    assert_eq!(Some(one), fingerprint(4711));
}

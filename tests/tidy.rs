//! The rules of the repository, as tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use permwrap::cause::Code;

/// The stages that know and decide: they do no I/O.
const PURE: &[&str] = &[
    "attempt", "cause", "change", "detect", "facts", "judge", "remedy", "render", "report",
];

/// What reaches the system.
const REACHES_OUT: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "std::os::fd",
    "nix::",
    "libc::",
    "rustix::",
    "tokio::",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file below these places of the repository, by its path in the repository.
fn files(places: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for place in places {
        collect(&root().join(place), &mut found);
    }
    found
}

fn collect(path: &Path, found: &mut BTreeMap<String, String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a directory can be listed") {
            collect(&entry.expect("an entry can be read").path(), found);
        }
    } else if let Ok(text) = fs::read_to_string(path) {
        let name = path
            .strip_prefix(root())
            .expect("it lies in the repository");
        found.insert(name.to_string_lossy().into_owned(), text);
    }
}

fn rust_files(places: &[&str]) -> BTreeMap<String, String> {
    let mut files = files(places);
    files.retain(|path, _| path.ends_with(".rs"));
    files
}

/// The stage that a file of `src` belongs to: `judge` for `src/judge.rs` and `src/judge/lookup.rs`.
fn stage(path: &str) -> &str {
    let path = path.strip_prefix("src/").unwrap_or(path);
    path.split(['/', '.']).next().unwrap_or(path)
}

fn fails(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The code of a line, without a comment at its end.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

#[test]
fn the_stages_that_decide_do_no_input_or_output() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files(&["src"]) {
        if !PURE.contains(&stage(&path)) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for word in REACHES_OUT.iter().filter(|word| code(line).contains(*word)) {
                complaints.push(format!("{path}:{}: {word} in a pure stage", number + 1));
            }
        }
    }
    fails(complaints);
}

#[test]
fn the_stages_that_decide_forbid_unsafe_code() {
    let mut complaints = Vec::new();
    for stage in PURE {
        let path = root().join(format!("src/{stage}.rs"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{stage}: {error}"));
        if !text.contains("#![forbid(unsafe_code)]") {
            complaints.push(format!("src/{stage}.rs does not forbid unsafe code"));
        }
    }
    fails(complaints);
}

#[test]
fn every_unsafe_says_why_it_is_safe() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files(&["src", "tests"]) {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let line = code(line);
            let is_unsafe = ["unsafe {", "unsafe impl", "unsafe extern"]
                .iter()
                .any(|word| line.contains(word) && !line.contains('"'));
            let above = &lines[number.saturating_sub(8)..number];
            if is_unsafe && !above.iter().any(|line| line.contains("SAFETY:")) {
                complaints.push(format!("{path}:{}: no SAFETY line above", number + 1));
            }
        }
    }
    fails(complaints);
}

#[test]
fn files_stay_readable() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files(&["src", "tests"]) {
        let lines = text.lines().count();
        let most = if path.starts_with("src") { 600 } else { 1000 };
        if lines > most {
            complaints.push(format!("{path}: {lines} lines"));
        }
        for name in ["util", "utils", "common", "helpers", "manager", "misc"] {
            let path = Path::new(&path);
            if path.components().any(|part| part.as_os_str() == name)
                || path.file_stem().is_some_and(|stem| stem == name)
            {
                complaints.push(format!("{}: a name that says nothing", path.display()));
            }
        }
    }
    fails(complaints);
}

#[test]
fn no_test_is_switched_off() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files(&["src", "tests"]) {
        for (number, line) in text.lines().enumerate() {
            // One that another test runs, in a process with an environment of its own, is not switched off.
            if line.trim().starts_with(concat!("#[ign", "ore"))
                && !line.contains("run by another test")
            {
                complaints.push(format!("{path}:{}", number + 1));
            }
        }
    }
    fails(complaints);
}

#[test]
fn every_cause_has_its_page_and_its_file() {
    let mut complaints = Vec::new();
    for code in Code::ALL {
        let page = format!("src/cause/{}.md", code.name());
        let file = format!("src/cause/{}.rs", code.name().replace('-', "_"));
        for path in [page, file] {
            if !root().join(&path).exists() {
                complaints.push(format!("{}: {path} is missing", code.name()));
            }
        }
    }
    for path in files(&["src/cause"])
        .keys()
        .filter(|path| path.ends_with(".md"))
    {
        let name = path
            .trim_start_matches("src/cause/")
            .trim_end_matches(".md");
        if Code::from_name(name).is_none() {
            complaints.push(format!("{path}: there is no such cause"));
        }
    }
    fails(complaints);
}

#[test]
fn nothing_names_one_machine_or_a_registry() {
    let names = [
        concat!("/wo", "rk/"),
        concat!("deb.deb", "ian.org"),
        concat!("registry.np", "mjs"),
        concat!("pypi", ".org"),
        concat!("static.crates", ".io"),
        concat!("index.crates", ".io"),
    ];
    let mut complaints = Vec::new();
    let places = ["src", "tests", "patterns", "README.md", "Cargo.toml", ".ci"];
    for (path, text) in files(&places) {
        for (number, line) in text.lines().enumerate() {
            for name in names.iter().filter(|name| names_it(line, name)) {
                complaints.push(format!("{path}:{}: {name}", number + 1));
            }
        }
    }
    fails(complaints);
}

/// Whether the line has the name, not as the end of a longer one.
fn names_it(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '.' || before == '}')
    })
}

#[test]
fn no_arrow_runs_back() {
    // What a stage must not use: the stages that stand above it.
    let above: &[(&str, &[&str])] = &[
        (
            "attempt",
            &[
                "cause", "change", "judge", "remedy", "report", "render", "detect", "resolve",
                "gather", "run", "wrap",
            ],
        ),
        (
            "facts",
            &[
                "cause", "change", "judge", "remedy", "report", "render", "detect", "resolve",
                "gather", "run", "wrap",
            ],
        ),
        (
            "detect",
            &[
                "facts", "cause", "change", "judge", "remedy", "report", "render", "gather", "run",
                "wrap",
            ],
        ),
        (
            "gather",
            &[
                "cause", "change", "judge", "remedy", "report", "render", "detect", "run", "wrap",
            ],
        ),
        (
            "judge",
            &[
                "remedy", "report", "render", "detect", "resolve", "gather", "run", "wrap",
            ],
        ),
        (
            "change",
            &[
                "remedy", "report", "render", "detect", "resolve", "gather", "run", "wrap",
            ],
        ),
        (
            "remedy",
            &[
                "report", "render", "detect", "resolve", "gather", "run", "wrap",
            ],
        ),
        (
            "report",
            &["render", "detect", "resolve", "gather", "run", "wrap"],
        ),
        ("render", &["detect", "gather", "run", "wrap"]),
        (
            "run",
            &[
                "cause", "change", "judge", "remedy", "render", "resolve", "wrap",
            ],
        ),
    ];
    let mut complaints = Vec::new();
    for (path, text) in rust_files(&["src"]) {
        let Some((_, above)) = above.iter().find(|(name, _)| *name == stage(&path)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for other in above.iter() {
                let uses = ["::", ";", ","]
                    .iter()
                    .any(|end| code(line).contains(&format!("crate::{other}{end}")));
                if uses {
                    complaints.push(format!("{path}:{}: uses {other}", number + 1));
                }
            }
        }
    }
    fails(complaints);
}

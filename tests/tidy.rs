//! The rules of the repository, as tests.

#[path = "tidy/uses.rs"]
mod uses;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use permwrap::cause::Code;

/// All stages in order: each may use those before it, and no others. `lib` and `main` connect them.
const STAGES: &[&str] = &[
    "built_in",
    "byte_path",
    "quote",
    "layout",
    "attempt",
    "programs",
    "facts",
    "denial",
    "judge",
    "change",
    "cause",
    "remedy",
    "report",
    "render",
    "detect",
    "resolve",
    "small_file",
    "report_file",
    "terminal_width",
    "complaint",
    "gather",
    "run",
    "investigate",
    "findings",
    "cli",
    "init",
    "config",
    "appearance",
    "pattern_files",
    "check",
    "mend",
    "wrap",
    "subcommand",
];

/// The last of the pure stages: it and all stages before it do no I/O.
const LAST_PURE: &str = "resolve";

fn pure() -> &'static [&'static str] {
    let last = STAGES.iter().position(|stage| *stage == LAST_PURE);
    &STAGES[..=last.expect("it is a stage")]
}

/// Prefixes of paths to what accesses the system.
const REACHES_OUT: &[&[&str]] = &[
    &["std", "fs"],
    &["std", "env"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "os", "fd"],
    &["nix"],
    &["libc"],
    &["rustix"],
    &["tokio"],
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All text files below these directories of the repository, by their paths in the repository.
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

/// The stage of a file in `src`: `judge` for `src/judge.rs` and `src/judge/lookup.rs`.
fn stage(path: &str) -> &str {
    let path = path.strip_prefix("src/").unwrap_or(path);
    path.split(['/', '.']).next().unwrap_or(path)
}

fn fails(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The code of a line, without a trailing comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

#[test]
fn the_stages_that_decide_do_no_input_or_output() {
    let mut complaints = Vec::new();
    for (file, text) in rust_files(&["src"]) {
        if !pure().contains(&stage(&file)) {
            continue;
        }
        for used in uses::paths(&file, &text) {
            let reaches = |begin: &&&[&str]| {
                used.len() >= begin.len() && used.iter().zip(**begin).all(|(a, b)| a == b)
            };
            if REACHES_OUT.iter().any(|begin| reaches(&begin)) {
                complaints.push(format!("{file}: {} in a pure stage", used.join("::")));
            }
        }
    }
    fails(complaints);
}

#[test]
fn the_stages_that_decide_forbid_unsafe_code() {
    let mut complaints = Vec::new();
    for stage in pure() {
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
            // A test that another test runs, in a process with an environment of its own, is not disabled.
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

/// Whether the line contains the name, other than at the end of a longer one.
fn names_it(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '.' || before == '}')
    })
}

#[test]
fn every_file_belongs_to_a_stage() {
    let mut complaints = Vec::new();
    for file in rust_files(&["src"]).keys() {
        let apart = ["lib", "main", "build"];
        if !STAGES.contains(&stage(file)) && !apart.contains(&stage(file)) {
            complaints.push(format!(
                "{file}: the stage {} has no place in the order",
                stage(file)
            ));
        }
    }
    fails(complaints);
}

#[test]
fn no_arrow_runs_back() {
    let place = |name: &str| STAGES.iter().position(|stage| *stage == name);
    let mut complaints = Vec::new();
    for (file, text) in rust_files(&["src"]) {
        let Some(own) = place(stage(&file)) else {
            continue;
        };
        for used in uses::paths(&file, &text) {
            let ["crate", other, ..] = used.iter().map(String::as_str).collect::<Vec<_>>()[..]
            else {
                continue;
            };
            if place(other).is_some_and(|other| other > own) {
                complaints.push(format!("{file}: uses {other}, which comes after it"));
            }
        }
    }
    fails(complaints);
}

#[test]
fn a_use_is_found_however_it_is_written() {
    for text in [
        "use crate::{gather, render};",
        "use crate::gather::{self as other, View};",
        "fn f() { crate::gather::facts(); }",
        "fn f() { if matches!(crate::gather::x(), 1) {} }",
        "use super::super::gather;",
        "mod inner { use crate::gather; }",
    ] {
        let found = uses::paths("src/judge/lookup.rs", text);
        let is_it =
            |path: &Vec<String>| path.starts_with(&["crate".to_owned(), "gather".to_owned()]);
        assert!(found.iter().any(is_it), "{text}: {found:?}");
    }
    let own_tests = "#[cfg(test)] mod tests { use crate::gather; }";
    assert!(uses::paths("src/judge/lookup.rs", own_tests).is_empty());
}

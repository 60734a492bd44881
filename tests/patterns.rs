//! Every pattern file is well-formed, and every sample in it is recognized by its own pattern alone.

mod support;

use std::sync::Arc;

use permwrap::attempt::{Errno, Incident};
use permwrap::detect::{Pattern, Patterns, Prefilter, incidents_of};
use support::patterns_with_samples;

fn all_shown(incidents: &[Incident]) -> String {
    let shown: Vec<String> = incidents.iter().map(support::shown).collect();
    shown.join("; ")
}

fn texts(pattern: &Pattern) -> String {
    format!("{} ({}:{})", pattern.id, pattern.file, pattern.line_number)
}

#[test]
fn every_file_of_the_folder_is_built_in_and_well_formed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/patterns");
    let built_in: Vec<String> = Patterns::builtin().iter().map(|p| p.file.clone()).collect();
    for entry in std::fs::read_dir(folder).expect("the folder of patterns") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.extension().is_none_or(|e| e != "toml")
            || [
                "words",
                "languages",
                "machines",
                "passing",
                "prefixes",
                "policies",
                "run-by-others",
                "foreign",
                "grave",
                "viewers",
                "programs",
                "run-options",
            ]
            .contains(&name.as_str())
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a pattern file");
        if let Err(mistake) = Patterns::builtin().with_file(&path.to_string_lossy(), &text) {
            panic!("{mistake}");
        }
        assert!(
            built_in.contains(&name) || !text.contains("[[pattern]]"),
            "{name}.toml is not built in"
        );
    }
}

#[test]
fn ids_are_unique() {
    let patterns = Patterns::builtin();
    let mut ids: Vec<&str> = patterns.iter().map(|p| p.id.as_str()).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn what_is_built_in_is_all_but_the_samples() {
    let all = |patterns: &mut dyn Iterator<Item = &Pattern>| {
        let mut all: Vec<_> = patterns
            .map(|pattern| (pattern.id.clone(), pattern.file.clone()))
            .collect();
        all.sort_unstable();
        all
    };
    let built_in = Patterns::builtin();
    assert!(built_in.iter().all(|pattern| pattern.samples.is_empty()));
    assert_eq!(
        all(&mut built_in.iter()),
        all(&mut patterns_with_samples().iter())
    );
}

#[test]
fn every_pattern_has_a_sample_that_it_recognizes() {
    let patterns = Arc::new(Patterns::builtin());
    let mut mistakes = Vec::new();
    for pattern in &patterns_with_samples() {
        if pattern.samples.is_empty() {
            mistakes.push(format!("{} has no sample", texts(pattern)));
        }
        for sample in &pattern.samples {
            let found = incidents_of(sample.text.as_bytes(), &patterns);
            if let Err(mistake) = pattern.check_sample(sample, &found) {
                mistakes.push(format!(
                    "{}: {mistake}\n  in {}\n  got {}",
                    texts(pattern),
                    sample.text,
                    all_shown(&found)
                ));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn no_counter_sample_is_recognized() {
    let patterns = Arc::new(Patterns::builtin());
    let mut mistakes = Vec::new();
    for pattern in &patterns_with_samples() {
        for counter in &pattern.counters {
            let found = incidents_of(counter.text.as_bytes(), &patterns);
            if !found.is_empty() {
                mistakes.push(format!(
                    "{}: {}\n  got {}",
                    texts(pattern),
                    counter.text,
                    all_shown(&found)
                ));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

/// Text that the prefilter holds back never reaches a pattern.
#[test]
fn every_sample_passes_the_prefilter() {
    let mut held_back = Vec::new();
    let patterns = patterns_with_samples();
    for pattern in patterns.iter().filter(|pattern| !pattern.silent) {
        for sample in &pattern.samples {
            // In other languages, the locale's own messages are added to the prefilter.
            let english = sample.text.is_ascii();
            let passed = Prefilter::new::<&str>(&[]).push(sample.text.as_bytes());
            if english && passed.is_none() {
                held_back.push(format!("{}: {}", texts(pattern), sample.text));
            }
        }
    }
    assert!(held_back.is_empty(), "{}", held_back.join("\n"));
}

/// What is wrong with this file.
fn mistake(text: &str) -> String {
    match Patterns::builtin().with_file("my.toml", text) {
        Err(mistake) => mistake.to_string(),
        Ok(_) => String::from("nothing"),
    }
}

#[test]
fn a_malformed_file_is_named_with_its_line() {
    for (text, wanted) in [
        (
            "[[pattern]]\nid = \"x\"\n",
            "my.toml:2: a pattern needs `line`",
        ),
        (
            "[[pattern]]\nid = \"x\"\nline = 'a'\nafter = 'b'\n",
            "my.toml:2: `line` stands alone",
        ),
        (
            "[[pattern]]\nid = \"x\"\nline = '(a'\n",
            "my.toml:3: pattern x: error: unclosed group",
        ),
        (
            "[[pattern]]\nid = \"x\"\nline = '(?P<pth>a)'\n",
            "my.toml:3: pattern x: the group \"pth\" has no meaning",
        ),
        (
            "[[pattern]]\nid = \"x\"\nline = 'a'\noperation = \"wirte\"\n",
            "my.toml:4: there is no operation \"wirte\"",
        ),
        (
            "[[pattern]]\nid = \"x\"\nline = 'a'\nerrno = \"EACESS\"\n",
            "my.toml:4: there is no errno \"EACESS\"",
        ),
        (
            "[[pattern]]\nid = \"x\"\nlien = 'a'\n",
            "my.toml:3: unknown field `lien`",
        ),
        ("[[pattern]\n", "my.toml:1: "),
    ] {
        assert!(
            mistake(text).starts_with(wanted),
            "{text}\n{}",
            mistake(text)
        );
    }
}

#[test]
fn a_users_pattern_comes_before_ours_of_the_same_rank() {
    let file = "[[pattern]]\nid = \"mine\"\nrank = 50\nbefore = '''frobnicate (?P<path>\\S+) says '''\noperation = \"read\"\n";
    let patterns = Patterns::builtin()
        .with_file("my.toml", file)
        .expect("a good file");
    let found = incidents_of(
        b"frobnicate /srv/x says Permission denied\n",
        &Arc::new(patterns),
    );
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].pattern.as_str(), &found[0].paths[0][..]),
        ("mine", &b"/srv/x"[..])
    );
}

#[test]
fn the_words_of_the_commands_locale_are_recognized() {
    let klingon = vec![(Errno::Acces, "chaw'be'lu'".as_bytes().to_vec())];
    let patterns = Arc::new(Patterns::builtin().with_locale(klingon));
    let found = incidents_of("cat: /srv/x: chaw'be'lu'\n".as_bytes(), &patterns);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].errno, &found[0].paths[0][..]),
        (Some(Errno::Acces), &b"/srv/x"[..])
    );
}

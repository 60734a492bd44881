//! Every pattern file is well formed, and every sample in it is recognised by its own pattern alone.

use std::sync::Arc;

use permwrap::attempt::{Errno, Incident};
use permwrap::detect::{Pattern, Patterns, Sieve, incidents_of};

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
            || ["words", "languages", "prefixes"].contains(&name.as_str())
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a pattern file");
        if let Err(mistake) = Patterns::builtin().with_file(&path.to_string_lossy(), &text) {
            panic!("{mistake}");
        }
        assert!(
            built_in.contains(&name) || !text.contains("[[pattern]]"),
            "{name}.toml is missing in src/detect/files.rs"
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
fn every_pattern_has_a_sample_that_it_recognises() {
    let patterns = Arc::new(Patterns::builtin());
    let mut mistakes = Vec::new();
    for pattern in patterns.iter() {
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
                    shown(&found)
                ));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn no_counter_sample_is_recognised() {
    let patterns = Arc::new(Patterns::builtin());
    let mut mistakes = Vec::new();
    for pattern in patterns.iter() {
        for counter in &pattern.counters {
            let found = incidents_of(counter.text.as_bytes(), &patterns);
            if !found.is_empty() {
                mistakes.push(format!(
                    "{}: {}\n  got {}",
                    texts(pattern),
                    counter.text,
                    shown(&found)
                ));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

fn shown(incidents: &[Incident]) -> String {
    let one = |incident: &Incident| {
        format!(
            "[{}] {:?} {:?} {:?} address {:?}",
            incident.pattern,
            incident.errno.map(Errno::symbol),
            incident
                .paths
                .iter()
                .map(|p| String::from_utf8_lossy(p).into_owned())
                .collect::<Vec<_>>(),
            incident
                .operations
                .iter()
                .map(|o| o.name())
                .collect::<Vec<_>>(),
            incident
                .address
                .as_ref()
                .map(|a| String::from_utf8_lossy(a).into_owned())
        )
    };
    incidents.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The prefilter decides before any pattern: what it holds back is never read.
#[test]
fn every_sample_passes_the_sieve() {
    let mut held_back = Vec::new();
    let patterns = Patterns::builtin();
    for pattern in patterns.iter().filter(|pattern| !pattern.silent) {
        for sample in &pattern.samples {
            // In a language, the locale's own words are added to the sieve.
            let english = sample.text.is_ascii();
            let passed = Sieve::new::<&str>(&[]).push(sample.text.as_bytes());
            if english && passed.is_none() {
                held_back.push(format!("{}: {}", texts(pattern), sample.text));
            }
        }
    }
    assert!(held_back.is_empty(), "{}", held_back.join("\n"));
}

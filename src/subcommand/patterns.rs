//! `permwrap patterns`: lists the patterns for messages, and tests whether a pattern file matches its samples.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{Trouble, print};
use crate::attempt::Operation;
use crate::cli::{self, PatternsAction};
use crate::detect::{Pattern, Patterns, incidents_of};
use crate::{config, pattern_files, small_file};

pub fn run(arguments: &cli::Patterns) -> Result<u8, Trouble> {
    match &arguments.action {
        Some(PatternsAction::Test { file }) => test(file),
        None => list(arguments),
    }
}

/// Lists each file on a line, with the ids of its patterns.
fn list(arguments: &cli::Patterns) -> Result<u8, Trouble> {
    let (patterns, troubles) = pattern_files::load(&arguments.patterns, &config::load()?);
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for pattern in patterns.iter() {
        files.entry(&pattern.file).or_default().push(&pattern.id);
    }
    for (file, ids) in &mut files {
        ids.sort_unstable();
        print(&format!("{file:<16}  {}\n", ids.join(" ")))?;
    }
    match troubles.into_iter().next() {
        Some(trouble) => Err(trouble.into()),
        None => Ok(0),
    }
}

/// Tests a file: its form on its own, and its samples together with all other patterns, because another pattern may match them
/// first.
fn test(file: &Path) -> Result<u8, Trouble> {
    let name = file.display().to_string();
    let text =
        small_file::read(file).map_err(|error| Trouble::with(file, &Operation::READ, &error))?;
    let patterns = Patterns::builtin()
        .with_file(&name, &text)
        .map_err(|mistake| mistake.to_string())?;
    let patterns = Arc::new(patterns);
    let own: Vec<&Pattern> = patterns
        .iter()
        .filter(|pattern| pattern.file == name)
        .collect();
    let mistakes: Vec<String> = own
        .iter()
        .flat_map(|pattern| mistakes(pattern, &patterns))
        .collect();
    let samples: usize = own
        .iter()
        .map(|pattern| pattern.samples.len() + pattern.counters.len())
        .sum();
    if mistakes.is_empty() {
        print(&format!(
            "{name}: {} patterns, {samples} samples, all as they should be\n",
            own.len()
        ))?;
        return Ok(0);
    }
    print(&mistakes.concat())?;
    Ok(1)
}

/// The mistakes in a pattern, a few lines each.
fn mistakes(pattern: &Pattern, patterns: &Arc<Patterns>) -> Vec<String> {
    let at = format!("{}:{}: {}", pattern.file, pattern.line_number, pattern.id);
    let mut mistakes = Vec::new();
    if pattern.samples.is_empty() {
        mistakes.push(format!(
            "{at}: has no sample, so nothing shows what it is for\n"
        ));
    }
    for sample in &pattern.samples {
        let found = incidents_of(sample.text.as_bytes(), patterns);
        if let Err(mistake) = pattern.check_sample(sample, &found) {
            mistakes.push(format!(
                "{at}: sample: {mistake}\n{}",
                indented(&sample.text)
            ));
        }
    }
    for counter in &pattern.counters {
        if !incidents_of(counter.text.as_bytes(), patterns).is_empty() {
            mistakes.push(format!(
                "{at}: this should not be recognized, and is:\n{}",
                indented(&counter.text)
            ));
        }
    }
    mistakes
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

//! Measures detection on labelled messages of real programs, in a file of JSON lines given by PERMWRAP_CORPUS.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use permwrap::attempt::{Errno, Incident};
use permwrap::detect::{Patterns, incidents_of};
use serde_json::Value;
use support::shown;

/// The default location of the corpus.
const USUAL: &str = "../shared/corpus/messages.jsonl";

#[test]
fn labelled_messages_are_recognized() {
    let path = std::env::var("PERMWRAP_CORPUS").unwrap_or_else(|_| USUAL.to_owned());
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: no labelled messages (PERMWRAP_CORPUS names them)");
        return;
    };
    let patterns = Arc::new(Patterns::builtin());
    let mut score = Score::default();
    let only = std::env::var("PERMWRAP_CORPUS_ONLY").ok();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).expect("a JSON line");
        if only
            .as_deref()
            .is_some_and(|only| !row["id"].as_str().is_some_and(|id| id.starts_with(only)))
        {
            continue;
        }
        score.judge(
            &row,
            &incidents_of(row["text"].as_str().expect("text").as_bytes(), &patterns),
        );
    }
    score.print();
    let whole = only.is_none();
    assert!(
        !whole || score.share("found") >= 0.95,
        "fewer found than wanted"
    );
    assert!(
        !whole || score.share("path") >= 0.95,
        "fewer paths right than wanted"
    );
    assert!(
        !whole || score.share("operation") >= 0.9,
        "fewer operations right than wanted"
    );
    assert!(
        !whole || score.share("silent") >= 0.97,
        "fewer negatives silent than wanted"
    );
}

/// The number of correct results and the total, by name.
#[derive(Default)]
struct Score {
    counts: BTreeMap<&'static str, (usize, usize)>,
}

impl Score {
    fn count(&mut self, name: &'static str, right: bool) {
        let (good, all) = self.counts.entry(name).or_default();
        *good += usize::from(right);
        *all += 1;
    }

    fn share(&self, name: &str) -> f64 {
        let (good, all) = self.counts.get(name).copied().unwrap_or((1, 1));
        good as f64 / all as f64
    }

    fn print(&self) {
        for (name, (good, all)) in &self.counts {
            eprintln!(
                "{name:10} {good:4} of {all:4}  {:.1} %",
                100.0 * *good as f64 / *all as f64
            );
        }
    }

    fn judge(&mut self, row: &Value, found: &[Incident]) {
        let labels = row["incidents"].as_array().expect("incidents");
        let mut notes = Vec::new();
        if labels.is_empty() {
            self.count("silent", found.is_empty());
        }
        let mut left: Vec<&Incident> = found.iter().collect();
        for label in labels {
            let best = left
                .iter()
                .position(|i| path_fits(label, i) && errno_fits(label, i));
            let best = best.or_else(|| left.iter().position(|i| path_fits(label, i)));
            let Some(best) = best.or((!left.is_empty()).then_some(0)) else {
                self.count("found", false);
                notes.push(format!("missed {label}"));
                continue;
            };
            let incident = left.remove(best);
            self.count("found", true);
            self.count("errno", errno_fits(label, incident));
            self.count("path", path_fits(label, incident));
            let wanted = label["operation"].as_str();
            if let Some(wanted) = wanted {
                self.count(
                    "operation",
                    incident
                        .operations
                        .first()
                        .is_some_and(|o| o.name() == wanted),
                );
            }
            let operation =
                wanted.is_none_or(|w| incident.operations.first().is_some_and(|o| o.name() == w));
            if !(operation && errno_fits(label, incident) && path_fits(label, incident)) {
                notes.push(format!("wanted {label}\n       got {}", shown(incident)));
            }
        }
        if !labels.is_empty() {
            self.count("no extra", left.is_empty());
        }
        notes.extend(
            left.iter()
                .map(|incident| format!("extra {}", shown(incident))),
        );
        for note in notes {
            eprintln!("{}: {note}", row["id"].as_str().unwrap_or_default());
        }
    }
}

fn errno_fits(label: &Value, incident: &Incident) -> bool {
    label["errno"].as_str() == incident.errno.map(Errno::symbol)
}

fn path_fits(label: &Value, incident: &Incident) -> bool {
    let path = incident
        .paths
        .first()
        .map(|path| String::from_utf8_lossy(path).into_owned());
    let others = label["path_alt"].as_array().into_iter().flatten();
    let fits = |wanted: &Value| wanted.as_str() == path.as_deref();
    fits(&label["path"]) || others.into_iter().any(fits)
}

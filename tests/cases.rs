//! Measures detection on messages as people paste them: those in `tests/cases`, and those in a further directory of JSON lines
//! files given by PERMWRAP_CASES. PERMWRAP_CASES_ONLY restricts the test to reports whose id begins with it.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use permwrap::attempt::{Errno, Incident};
use permwrap::detect::{Patterns, incidents_of};
use serde_json::Value;
use support::shown;

/// The default directory of further reports.
const USUAL: &str = "../shared/cases";

/// The required percentage of correct results, including reports that must be ignored.
const FLOOR: usize = 98;

/// What becomes of a text on its way through a page, a log or a terminal.
type PassOn = fn(&str) -> String;

/// How many of a hundred of our own must come out right when they were passed on by somebody.
const PASSED_ON: usize = 98;

#[test]
fn every_message_of_our_own_is_recognised() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let score = scored(&own, str::to_owned).expect("messages");
    assert!(score.share_is_at_least("right", 100), "not all are right");
}

#[test]
fn a_message_reads_the_same_however_it_was_passed_on() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let ways: [(&str, PassOn); 5] = [
        ("entities of HTML", as_html),
        ("a log of JSON lines", as_json_lines),
        ("a value of logfmt", as_logfmt),
        ("Python's repr", as_repr),
        ("a terminal of 80 columns", folded),
    ];
    for (way, pass_on) in ways {
        eprintln!("{way}:");
        let score = scored(&own, pass_on).expect("messages");
        assert!(
            score.share_is_at_least("right", PASSED_ON),
            "fewer right than wanted as {way}"
        );
    }
}

fn as_html(text: &str) -> String {
    let escapes = [
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("\"", "&quot;"),
        ("'", "&#39;"),
    ];
    let escape = |text: String, (plain, entity): (&str, &str)| text.replace(plain, entity);
    escapes.into_iter().fold(text.to_owned(), escape)
}

fn as_json_lines(text: &str) -> String {
    let line = |line: &str| {
        let record = serde_json::json!({"log": format!("{line}\n"), "stream": "stderr"});
        format!("{record}\n")
    };
    text.trim_end().split('\n').map(line).collect()
}

fn as_logfmt(text: &str) -> String {
    let text = Value::from(text.trim_end());
    format!("time=2024-03-01T10:00:00Z level=error msg={text}\n")
}

/// As repr() writes a string that contains no double quotes, or both kinds.
fn as_repr(text: &str) -> String {
    let escaped = text.trim_end().replace('\\', "\\\\").replace('\n', "\\n");
    let escaped = escaped.replace('\t', "\\t").replace('\x1b', "\\x1b");
    let quoted = match (escaped.contains('\''), escaped.contains('"')) {
        (true, false) => format!("\"{escaped}\""),
        _ => format!("'{}'", escaped.replace('\'', "\\'")),
    };
    format!("2024-03-01 10:00:00 ERROR task failed: {quoted}\n")
}

fn folded(text: &str) -> String {
    let fold = |line: &str| {
        let line: Vec<char> = line.chars().collect();
        let pieces: Vec<String> = line
            .chunks(80)
            .map(|piece| piece.iter().collect())
            .collect();
        pieces.join("\n")
    };
    text.split('\n').map(fold).collect::<Vec<_>>().join("\n")
}

#[test]
fn public_reports_are_recognised() {
    let folder = std::env::var_os("PERMWRAP_CASES").unwrap_or_else(|| USUAL.into());
    let Some(score) = scored(Path::new(&folder), str::to_owned) else {
        eprintln!("skipped: no reports (PERMWRAP_CASES names their folder)");
        return;
    };
    assert!(
        score.share_is_at_least("silent", 100),
        "something is told of a text that tells nothing"
    );
    let is_part = std::env::var_os("PERMWRAP_CASES_ONLY").is_some();
    assert!(
        is_part || score.share_is_at_least("right", FLOOR),
        "fewer right than wanted"
    );
}

/// The score for the files in a directory; `None` if there are none.
fn scored(folder: &Path, pass_on: PassOn) -> Option<Score> {
    let only = std::env::var("PERMWRAP_CASES_ONLY").ok();
    let patterns = Arc::new(Patterns::builtin());
    let mut all = Score::default();
    let files = files_of_lines(folder);
    for file in &files {
        let text = std::fs::read_to_string(file).expect("a file of JSON lines");
        let mut score = Score::default();
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).expect("a JSON line");
            let id = row["id"].as_str().unwrap_or_default();
            let wanted = only.as_deref().is_none_or(|only| id.starts_with(only));
            if let Some(text) = row["text"].as_str().filter(|_| wanted) {
                score.judge(id, &row["expected"], &pass_on(text), &patterns);
            }
        }
        eprintln!("{}:", file.display());
        score.print();
        all.add(&score);
    }
    eprintln!("together:");
    all.print();
    (!files.is_empty()).then_some(all)
}

fn files_of_lines(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let is_lines = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "jsonl")
    };
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(is_lines).collect();
    files.sort();
    files
}

/// The number of correct results and the total, by name.
#[derive(Default)]
struct Score {
    counts: BTreeMap<&'static str, (usize, usize)>,
}

impl Score {
    fn count(&mut self, name: &'static str, right: bool) -> bool {
        let (good, all) = self.counts.entry(name).or_default();
        *good += usize::from(right);
        *all += 1;
        right
    }

    fn add(&mut self, other: &Score) {
        for (name, (good, all)) in &other.counts {
            let sum = self.counts.entry(name).or_default();
            sum.0 += good;
            sum.1 += all;
        }
    }

    fn share_is_at_least(&self, name: &str, percent: usize) -> bool {
        let (good, all) = self.counts.get(name).copied().unwrap_or_default();
        good * 100 >= percent * all
    }

    fn print(&self) {
        for (name, (good, all)) in &self.counts {
            eprintln!("  {name:10} {good:4} of {all:4}");
        }
    }

    fn judge(&mut self, id: &str, expected: &Value, text: &str, patterns: &Arc<Patterns>) {
        let found = incidents_of(text.as_bytes(), patterns);
        let right = match (expected["found"].as_bool(), &expected["incidents"]) {
            (None, _) => return,
            (Some(false), _) => self.count("silent", found.is_empty()),
            (Some(true), Value::Array(labels)) if !labels.is_empty() => {
                let judged: Vec<bool> = labels
                    .iter()
                    .map(|label| self.judge_one(label, &found))
                    .collect();
                self.count("number", found.len() == labels.len()) && !judged.contains(&false)
            }
            (Some(true), number) => {
                let number = number.as_u64().is_none_or(|n| found.len() as u64 == n);
                self.judge_one(expected, &found) & self.count("number", number)
            }
        };
        self.count("right", right);
        if !right {
            let got: Vec<String> = found.iter().map(shown).collect();
            eprintln!(
                "{id}: wanted {expected}\n    got {}",
                got.join("\n        ")
            );
        }
    }

    fn judge_one(&mut self, label: &Value, found: &[Incident]) -> bool {
        let best = found
            .iter()
            .max_by_key(|i| (path_fits(label, i), errno_fits(label, i)));
        if !self.count("found", best.is_some()) {
            return false;
        }
        let Some(incident) = best else { return false };
        let path = self.count("path", path_fits(label, incident));
        let errno = self.count("errno", errno_fits(label, incident));
        path & errno & self.operation(label, incident)
    }

    /// A missing operation is not a mistake, unless the words of the report state it.
    fn operation(&mut self, label: &Value, incident: &Incident) -> bool {
        let wanted = match &label["operation"] {
            Value::Array(names) => names.iter().collect(),
            Value::Null => Vec::new(),
            one => vec![one],
        };
        if wanted.is_empty() {
            return true;
        }
        let told = incident.operations.first().and_then(|o| o.reported_name());
        let fits = wanted.iter().any(|name| name.as_str() == told);
        self.count("operation told", told.is_some());
        self.count("operation", told.is_none() || fits)
    }
}

fn errno_fits(label: &Value, incident: &Incident) -> bool {
    label["errno"].as_str() == incident.errno.map(Errno::symbol)
}

/// The path as printed, or below the directory that the message names. An address takes the place of a path. Not judged if the
/// label has none.
fn path_fits(label: &Value, incident: &Incident) -> bool {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let wanted = label["path"].as_str();
    let path = incident.object();
    let address = incident.address.as_ref();
    let below = incident.directory.as_ref().zip(path);
    let below = below.map(|(directory, path)| [directory, &b"/"[..], path].concat());
    label.get("path").is_none()
        || wanted == path.map(text).as_deref()
        || [address, below.as_ref()]
            .into_iter()
            .flatten()
            .any(|name| wanted == Some(&text(name)))
}

//! `permwrap explain`: explains an error text that was saved or pasted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Trouble, fix, print, print_json, remember, style, who};
use crate::attempt::{Incident, Operation};
use crate::cli::Explain;
use crate::complaint::{self, complain};
use crate::detect::{self, Foreign};
use crate::findings::{self, Obstacle};
use crate::investigate::{Views, investigate};
use crate::mend::runs::Failure;
use crate::quote;
use crate::render::{incident_report, text};
use crate::report::{self, Conclusion, ElsewhereReport, ExplainReport, Finding, Unclear, lossy};
use crate::resolve::{CandidateProcess, Circumstances, Evidence, Presence};
use crate::{small_file, wrap};

/// The maximum amount of text that is read, in bytes: more than any terminal keeps.
const MOST: u64 = 16 * 1024 * 1024;

/// The maximum number of consecutive failures that are investigated without finding a new obstacle.
const MOST_IN_A_ROW: usize = 300;

const OFFLINE: &str = "nothing on this machine was looked at (--offline)";

pub fn run(arguments: &Explain) -> Result<u8, Trouble> {
    if arguments.last {
        return explain_last(arguments);
    }
    let text = read(&arguments.source)?;
    let incidents = wrap::incidents_of(&text, &arguments.patterns)?;
    let service = who::service(&arguments.who)?;
    let mut left_out = 0;
    let findings: Vec<Finding> = if arguments.offline {
        let offline = |incident: Incident| {
            let meaning = detect::meaning_elsewhere(&incident).unwrap_or(OFFLINE);
            Finding::without_attempt(incident, meaning.to_owned())
        };
        let findings = incidents.into_iter().map(offline);
        match arguments.json {
            true => findings.collect(),
            false => without_repetitions(findings, &mut left_out),
        }
    } else {
        let (circumstances, mut views) = (circumstances(arguments)?, Views::default());
        let findings = incidents.into_iter().map(|incident| {
            let finding = investigate(Evidence::Message(incident), &circumstances, &mut views);
            who::in_service(finding, service.as_ref())
        });
        match arguments.json {
            true => findings.collect(),
            false => without_repetitions(findings, &mut left_out),
        }
    };
    let foreign = foreign_beside(&text, &findings);
    if arguments.json {
        let incidents = findings.iter().map(incident_report).collect();
        print_json(&ExplainReport {
            schema: report::SCHEMA,
            incidents,
            elsewhere: foreign.iter().map(report_of).collect(),
        })?;
        return Ok(0);
    }
    let style = style(arguments.color);
    let hints: Vec<String> = findings
        .iter()
        .map(|finding| match &finding.incident {
            // System calls of this machine would not reveal more.
            Some(incident) if is_of_another_system(incident, finding) => text::hint(finding, style),
            _ => text::hint_for_a_text(finding, style, arguments.who.is_named()),
        })
        .chain(
            foreign
                .iter()
                .map(|foreign| text::elsewhere(&foreign.message, foreign.meaning, style)),
        )
        .collect();
    print(&if hints.is_empty() {
        "permwrap: no permission failure was found in the text\n".to_owned()
    } else {
        hints.join("\n")
    })?;
    if service.is_none() {
        remember(&[b"explain"], &findings);
    }
    if left_out > 0 {
        print(&format!(
            "\npermwrap: {left_out} more failures were not examined (--json lists them)\n"
        ))?;
    }
    Ok(0)
}

/// The first finding for each obstacle, with the number of further ones. After many consecutive findings without a new
/// obstacle, the remaining ones are only counted, in `left_out`.
fn without_repetitions(
    mut findings: impl Iterator<Item = Finding>,
    left_out: &mut usize,
) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    let mut known: HashMap<Reason, usize> = HashMap::new();
    let mut in_a_row = 0;
    while in_a_row < MOST_IN_A_ROW
        && let Some(finding) = findings.next()
    {
        in_a_row += usize::from(finding.attempt.is_some());
        let Some(reason) = reason(&finding) else {
            kept.push(finding);
            continue;
        };
        match known.entry(reason) {
            Entry::Occupied(first) => kept[*first.get()].alike += 1,
            Entry::Vacant(new) => {
                new.insert(kept.len());
                kept.push(finding);
                in_a_row = 0;
            }
        }
    }
    *left_out = findings.size_hint().0;
    kept
}

/// Why something failed: the same for many failures, so that it is explained once.
#[derive(PartialEq, Eq, Hash)]
enum Reason {
    Obstacle(Obstacle),
    /// What is said of the present state, and the operation.
    Note(String, &'static str),
    /// Why nothing was examined, and the message without what it names.
    Form(String, Vec<u8>),
}

fn reason(finding: &Finding) -> Option<Reason> {
    match (&finding.conclusion, &finding.attempt) {
        (Conclusion::Unclear(Unclear::Note(note)), Some(attempt)) => {
            Some(Reason::Note(note.clone(), attempt.operation.name()))
        }
        (Conclusion::Unclear(Unclear::Note(note)), None) => {
            let form = form(finding.incident.as_ref()?);
            Some(Reason::Form(note.clone(), form))
        }
        _ => findings::obstacle(finding).map(Reason::Obstacle),
    }
}

/// The message of an incident without the objects that it names: thousands of lines of a log may differ in nothing else.
fn form(incident: &Incident) -> Vec<u8> {
    let mut form = incident.message.clone();
    for path in &incident.paths {
        if let Some(at) = memchr::memmem::find(&form, path) {
            form.drain(at..at + path.len());
        }
    }
    form
}

/// The refusals by other systems that the text reports, on lines that no finding is about.
fn foreign_beside(text: &[u8], findings: &[Finding]) -> Vec<Foreign> {
    let told = |foreign: &Foreign| {
        let messages = findings
            .iter()
            .filter_map(|finding| finding.incident.as_ref());
        let mut messages = messages.map(|incident| incident.message.as_slice());
        messages
            .any(|message| memchr::memmem::find(&foreign.message, message.trim_ascii()).is_some())
    };
    let mut foreign = detect::foreign_in(text);
    foreign.retain(|foreign| (findings.is_empty() || !foreign.is_general) && !told(foreign));
    foreign
}

/// Whether the explanation is what the message means on another system, about which nothing on this machine says more.
fn is_of_another_system(incident: &Incident, finding: &Finding) -> bool {
    let meanings = [
        detect::meaning_elsewhere(incident),
        detect::meaning_on_a_mac(incident),
    ];
    match &finding.conclusion {
        Conclusion::Unclear(Unclear::Note(note)) => meanings.contains(&Some(note)),
        _ => false,
    }
}

fn report_of(foreign: &Foreign) -> ElsewhereReport {
    ElsewhereReport {
        kind: foreign.name,
        message: lossy(&foreign.message).0,
        meaning: foreign.meaning,
    }
}

/// Explains all failures of the last run here, according to the present state.
fn explain_last(arguments: &Explain) -> Result<u8, Trouble> {
    let fix::LastRun { run, of_another } = fix::last_run(None)?;
    let circumstances = match of_another {
        Some(_) => Circumstances::default(),
        None => fix::circumstances(&run),
    };
    let now = |failure: &Failure| {
        let mut attempt = failure.attempt.clone();
        // The process has ended, and its id may have been reused.
        attempt.subject.pid = None;
        let remembered = Evidence::Remembered(attempt, failure.account.clone());
        investigate(remembered, &circumstances, &mut Views::default())
    };
    let (far, near): (Vec<&Failure>, Vec<&Failure>) = run
        .failures
        .iter()
        .partition(|failure| failure.elsewhere.is_some());
    let findings: Vec<Finding> = near.into_iter().map(now).collect();
    if arguments.json {
        print_json(&ExplainReport {
            schema: report::SCHEMA,
            incidents: findings.iter().map(incident_report).collect(),
            elsewhere: Vec::new(),
        })?;
        return Ok(0);
    }
    if run.failures.is_empty() {
        print("permwrap: nothing of what was refused there can be judged again\n")?;
    }
    let style = style(arguments.color);
    // What is here says nothing about another container or namespace.
    let far = far
        .into_iter()
        .filter_map(|failure| failure.elsewhere.as_ref());
    let quoted =
        |hint: &str| -> String { hint.lines().map(|line| quote::line(line) + "\n").collect() };
    let far = far.map(|elsewhere| quoted(&elsewhere.hint));
    let hints = findings.iter().map(|finding| text::answer(finding, style));
    print(&hints.chain(far).collect::<Vec<_>>().join("\n"))?;
    Ok(0)
}

/// The text, up to the maximum length, from a file, the command line or standard input.
fn read(source: &[OsString]) -> Result<Vec<u8>, Trouble> {
    let from = match source {
        [] => None,
        [dash] if dash == "-" => None,
        [one] => Some(Path::new(one)),
        several => return Ok(several.join(" ".as_ref()).as_bytes().to_vec()),
    };
    let mut text = Vec::new();
    let name = from.map_or("standard input".to_owned(), |file| {
        file.display().to_string()
    });
    let read = match from {
        Some(file) => {
            small_file::open(file).and_then(|(file, _)| file.take(MOST + 1).read_to_end(&mut text))
        }
        None => {
            let stdin = std::io::stdin();
            if stdin.is_terminal() {
                complain("paste the error text, then press Enter and Ctrl-D");
            }
            stdin.take(MOST + 1).read_to_end(&mut text)
        }
    };
    match (read, from) {
        (Ok(_), _) => {}
        (Err(error), Some(file)) if is_text(file, &error) => {
            return Ok(file.as_os_str().as_bytes().to_vec());
        }
        (Err(error), Some(file)) if error.kind() == ErrorKind::NotFound => {
            return Err(format!(
                "there is no file {} (put the error text in quotes, or pass it on standard input)",
                file.display()
            )
            .into());
        }
        (Err(error), Some(file)) => return Err(Trouble::with(file, &Operation::READ, &error)),
        (Err(error), None) => return Err(format!("{name}: {}", complaint::reason(&error)).into()),
    }
    if text.len() as u64 > MOST {
        text.truncate(MOST as usize);
        complain(&format!(
            "{name}: only the first {} MiB were read",
            MOST >> 20
        ));
    }
    Ok(text)
}

/// Whether the argument is the text itself rather than a file: it contains spaces, as messages do, or neither a slash nor a dot, and no
/// such file exists.
fn is_text(given: &Path, error: &std::io::Error) -> bool {
    let is_absent = matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
    );
    let given = given.as_os_str().as_bytes();
    is_absent && (given.contains(&b' ') || !given.iter().any(|byte| b"/.".contains(byte)))
}

/// The circumstances of the failure: those of the named subject, otherwise those of the caller.
fn circumstances(arguments: &Explain) -> Result<Circumstances, String> {
    let here = wrap::here();
    let Some(subject) = who::named(&arguments.who)? else {
        return Ok(here);
    };
    let named = CandidateProcess {
        subject,
        directory: Some(who::directory(&arguments.who)?),
        arguments: Vec::new(),
        name: None,
        presence: Presence::Named,
        place: None,
    };
    Ok(Circumstances {
        processes: vec![named],
        ..here
    })
}

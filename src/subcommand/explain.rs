//! `permwrap explain`: an error text that was saved or pasted.

use std::io::Read;

use super::{Outcome, print, print_json, style, who};
use crate::attempt::Incident;
use crate::cli::Explain;
use crate::complaint::complain;
use crate::detect::{self, Foreign};
use crate::investigate::{Views, investigate};
use crate::render::{incident_report, text};
use crate::report::{self, ElsewhereReport, ExplainReport, Finding, lossy};
use crate::resolve::{CandidateProcess, Circumstances, Evidence, Presence};
use crate::{small_file, wrap};

/// How much text is read, in bytes: more than any terminal keeps.
const MOST: u64 = 16 * 1024 * 1024;

const OFFLINE: &str = "nothing on this machine was looked at (--offline)";

pub fn run(arguments: &Explain) -> Outcome {
    let text = read(arguments)?;
    let incidents = wrap::incidents_of(&text, &arguments.patterns)?;
    let findings: Vec<Finding> = if arguments.offline {
        let offline = |incident: Incident| {
            let meaning = detect::meaning_elsewhere(&incident).unwrap_or(OFFLINE);
            Finding::without_attempt(incident, meaning.to_owned())
        };
        incidents.into_iter().map(offline).collect()
    } else {
        let (circumstances, mut views) = (circumstances(arguments)?, Views::default());
        let evidence = incidents.into_iter().map(Evidence::Message);
        evidence
            .map(|evidence| investigate(evidence, &circumstances, &mut views))
            .collect()
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
        .map(|finding| text::hint(finding, style))
        .chain(
            foreign
                .iter()
                .map(|foreign| text::elsewhere(&foreign.message, foreign.meaning, style)),
        )
        .collect();
    print(&if hints.is_empty() {
        "permwrap: no permission failure is told of here\n".to_owned()
    } else {
        hints.join("\n")
    })?;
    Ok(0)
}

/// What the text tells of others' refusals, on lines that no finding is about.
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
    foreign.retain(|foreign| !told(foreign) && (findings.is_empty() || !foreign.is_general));
    foreign
}

fn report_of(foreign: &Foreign) -> ElsewhereReport {
    ElsewhereReport {
        kind: foreign.name,
        message: lossy(&foreign.message).0,
        meaning: foreign.meaning,
    }
}

/// The text, or as much of it as is worth reading.
fn read(arguments: &Explain) -> Result<Vec<u8>, String> {
    let (mut text, from) = (Vec::new(), arguments.file.as_deref());
    let name = from.map_or("standard input".to_owned(), |file| {
        file.display().to_string()
    });
    let read = match from {
        Some(file) => {
            small_file::open(file).and_then(|(file, _)| file.take(MOST + 1).read_to_end(&mut text))
        }
        None => std::io::stdin().take(MOST + 1).read_to_end(&mut text),
    };
    read.map_err(|error| format!("{name}: {error}"))?;
    if text.len() as u64 > MOST {
        text.truncate(MOST as usize);
        complain(&format!(
            "{name}: only the first {} MiB were read",
            MOST >> 20
        ));
    }
    Ok(text)
}

/// Who met the failure, and where: whoever was named, else whoever asks.
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

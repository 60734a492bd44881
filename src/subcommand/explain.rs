//! `permwrap explain`: an error text that was saved or pasted.

use std::io::Read;

use super::{Outcome, print, print_json, style, who};
use crate::attempt::Incident;
use crate::cli::Explain;
use crate::investigate::{Views, investigate};
use crate::render::{incident_report, text};
use crate::report::{self, ExplainReport, Finding};
use crate::resolve::{self, CandidateProcess, Circumstances, Evidence, Presence};
use crate::wrap;

const OFFLINE: &str = "nothing on this machine was looked at (--offline)";

pub fn run(arguments: &Explain) -> Outcome {
    let text = read(arguments)?;
    let incidents = wrap::incidents_of(&text, &arguments.patterns)?;
    let findings: Vec<Finding> = if arguments.offline {
        let offline = |incident: Incident| {
            let meaning = resolve::meaning_on_windows(&incident).unwrap_or(OFFLINE);
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
    if arguments.json {
        let incidents = findings.iter().map(incident_report).collect();
        print_json(&ExplainReport {
            schema: report::SCHEMA,
            incidents,
        })?;
        return Ok(0);
    }
    let style = style(arguments.color);
    let hints: Vec<String> = findings
        .iter()
        .map(|finding| text::hint(finding, style))
        .collect();
    print(&if hints.is_empty() {
        "permwrap: no permission failure is told of here\n".to_owned()
    } else {
        hints.join("\n")
    })?;
    Ok(0)
}

fn read(arguments: &Explain) -> Result<Vec<u8>, String> {
    match &arguments.file {
        Some(file) => std::fs::read(file).map_err(|error| format!("{}: {error}", file.display())),
        None => {
            let mut text = Vec::new();
            std::io::stdin()
                .read_to_end(&mut text)
                .map_err(|error| format!("standard input: {error}"))?;
            Ok(text)
        }
    }
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
        presence: Presence::Named,
    };
    Ok(Circumstances {
        processes: vec![named],
        ..here
    })
}

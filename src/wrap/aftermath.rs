//! What remains of a run: the report, and what `permwrap fix` needs to judge the failures again.

use super::traced::Traced;
use super::{Explainer, own_refusal};
use crate::attempt::{Attempt, Object, Operation};
use crate::cli::Hints;
use crate::investigate::OnVolume;
use crate::mend::history;
use crate::mend::runs::{Elsewhere, Failure, MOST_FAILURES, Run};
use crate::render::{Style, text};
use crate::report::{self, Conclusion, Finding, RunReport, Unclear};
use crate::run::Exit;
use crate::{complaint, render, report_file};

impl Explainer {
    /// Remembers the reported failures, so that `permwrap fix` can judge them again, also while the command is running. Errors
    /// are ignored.
    pub(super) fn remember(&self, is_over: bool) {
        if self.form.is_none() || !self.config.remembers() {
            return;
        }
        let told = self.findings.told().into_iter();
        let failures: Vec<Failure> = told.filter_map(failure).take(MOST_FAILURES).collect();
        if !failures.is_empty() {
            let wrapper = std::os::unix::process::parent_id();
            let run = Run::now(wrapper, self.circumstances.command.clone(), failures);
            let kept = run.keep(self.began);
            if is_over && kept.is_ok() {
                let _ = history::count(&run);
            }
        }
    }

    /// Writes the report, if one was requested.
    pub(super) fn report(&self, exit: Exit) -> std::io::Result<()> {
        let Some(file) = &self.report else {
            return Ok(());
        };
        let report = RunReport {
            schema: report::SCHEMA,
            command: self.words(),
            exit: report::Exit {
                code: exit.code,
                signal: exit.signal,
            },
            incidents: self
                .findings
                .listed()
                .map(render::incident_report)
                .collect(),
            unlisted: self.findings.unlisted(),
            calls: self.traced.as_ref().map(Traced::report),
        };
        report_file::write(file, render::json_text(&report)?.as_bytes())
    }

    /// The message that the report could not be written.
    pub(super) fn not_reported(&self, error: &std::io::Error) -> String {
        let file = self.report.clone().unwrap_or_default();
        let line = format!(
            "cannot write the report {}: {}",
            file.display(),
            complaint::reason(error)
        );
        let hint = own_refusal(&file, &Operation::CREATE, error, self.style);
        match (self.form, hint) {
            (Some(Hints::Text), Some(hint)) => format!("\n{hint}"),
            _ => complaint::line(&line),
        }
    }
}

/// A refusal in the form in which it is remembered; `None` for other findings.
fn failure(finding: &Finding) -> Option<Failure> {
    let attempt = finding.attempt.as_ref()?;
    let (operation, firm, code) = match &finding.conclusion {
        Conclusion::Refused(denial, _) => (
            attempt.operation.clone(),
            finding.signs.are_firm(),
            denial.code.name(),
        ),
        // If exactly one of the possible operations is refused, that one is remembered.
        Conclusion::Unclear(Unclear::Operation(ways)) => {
            let mut refused = ways.iter().filter(|way| way.refused.is_some());
            let only = refused.next().filter(|_| refused.next().is_none())?;
            (only.operation.clone(), false, "unknown")
        }
        _ => return None,
    };
    if matches!(attempt.object, Object::Another(_)) {
        // The process id may be reused by another process.
        return None;
    }
    Some(Failure {
        attempt: Attempt {
            operation,
            ..attempt.clone()
        },
        firm,
        elsewhere: (finding.facts.surroundings.elsewhere).then(|| Elsewhere {
            hint: text::hint(finding, Style::default()),
            headline: render::headline(finding),
            here: OnVolume::of(finding),
        }),
        account: finding.facts.surroundings.account.clone(),
        code: code.to_owned(),
    })
}

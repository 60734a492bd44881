//! What remains of a run: the report, and what `permwrap fix` needs to judge the failures again.

use super::traced::Traced;
use super::walk::Walked;
use super::{Explainer, own_refusal};
use crate::attempt::Operation;
use crate::cli::Hints;
use crate::investigate::is_worth_telling;
use crate::mend::history;
use crate::mend::runs::{Failure, Run};
use crate::report::{self, RunReport};
use crate::run::Exit;
use crate::{complaint, render, report_file};

impl Explainer {
    /// Remembers the reported failures, so that `permwrap fix` can judge them again, also while the command is running. Errors
    /// are ignored.
    pub(super) fn remember(&self, is_over: bool) {
        if self.form.is_none() || !self.config.remembers() {
            return;
        }
        // A run whose failures cannot be remembered is: what `permwrap fix` says then is about this run, not about an older one.
        let told = self.findings.told();
        let is_told = told.iter().any(|finding| is_worth_telling(finding));
        let is_hinted_at = || {
            let walked = self.walked.as_ref();
            self.findings.has_nameless() || walked.is_some_and(Walked::has_met_something)
        };
        if is_told || is_over && is_hinted_at() {
            let wrapper = std::os::unix::process::parent_id();
            let command = self.circumstances.command.clone();
            let run = Run::now(wrapper, command, Failure::all(told));
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

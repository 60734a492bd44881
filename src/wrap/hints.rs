//! Which of the new findings get a hint, and how it is written: for people, for programs, or not at all.

use super::Explainer;
use crate::attempt::{Attempt, Object};
use crate::cli::{Hints, RunOptions};
use crate::config::{Config, HintsOrOff};
use crate::investigate::OnVolume;
use crate::mend::{history, runs};
use crate::render::{Style, github, json_line, line, text};
use crate::report::{Conclusion, Finding};
use crate::run::Exit;

/// The format of hints: the command line takes precedence over the configuration.
pub(super) fn form(options: &RunOptions, config: &Config) -> Option<Hints> {
    let configured = config.hints.as_ref().map(|set| set.value);
    match (options.quiet, options.hints, configured) {
        (true, ..) => None,
        (false, Some(form), _) | (false, None, Some(HintsOrOff::Form(form))) => Some(form),
        (false, None, Some(HintsOrOff::Off)) => None,
        (false, None, None) => Some(Hints::default()),
    }
}

impl Explainer {
    /// The hints for new findings.
    pub(super) fn hints(&mut self) -> Vec<u8> {
        let (config, words, style) = (&self.config, self.words(), self.style);
        let (traced, command) = (self.wants_trace, &self.circumstances.command);
        let ignored = |finding: &Finding| {
            is_ignored(finding, config).then_some("the configuration ignores it")
        };
        let inner = &self.inner;
        let unwanted = |finding: &Finding| {
            let told = || inner.has_told(finding);
            ignored(finding).or_else(|| told().then_some("another permwrap, inside, has told it"))
        };
        let text = match self.form {
            None => String::new(),
            Some(Hints::Json) => {
                let due = self.findings.all_due(ignored).into_iter();
                due.map(|finding| json_line::line(finding, &words, now()))
                    .collect()
            }
            Some(Hints::Github) => {
                let workspace = std::env::var("GITHUB_WORKSPACE").ok();
                let due = self.findings.all_due(ignored).into_iter();
                due.map(|finding| github::annotation(finding, workspace.as_deref()))
                    .collect()
            }
            Some(Hints::Line) => {
                let due = self.findings.due(unwanted).into_iter();
                due.map(|finding| line::line(finding, style)).collect()
            }
            Some(Hints::Text) => {
                let due = self.findings.due(unwanted).into_iter();
                let hints: Vec<String> = due
                    .map(|finding| hint(finding, style, traced, command, config))
                    .collect();
                match hints.is_empty() {
                    true => String::new(),
                    false => format!("\n{}", hints.join("\n")),
                }
            }
        };
        text.into_bytes()
    }

    /// What is said at the end of the command as a whole: about a traversal, a refusal that nothing tells more of, and what got no hint.
    pub(super) fn last_hints(&self, exit: Exit) -> String {
        let command = &self.circumstances.command;
        let walked = self.walked.as_ref();
        let mut words = walked.map_or_else(String::new, |walked| {
            walked.hint(command, self.form, self.style)
        });
        let is_silent = self.findings.told().is_empty() && words.is_empty() && !self.inner.tells();
        if is_silent
            && exit.code != Some(0)
            && self.findings.has_nameless()
            && self.form == Some(Hints::Text)
            && !self.wants_trace
        {
            words.push('\n');
            words.push_str(&text::nameless(command, self.style));
        }
        if matches!(self.form, Some(Hints::Text | Hints::Line)) {
            let is_reported = self.report.is_some();
            words.push_str(&text::remainder(
                self.findings.unshown(),
                is_reported,
                self.style,
            ));
        }
        words
    }
}

/// The hint as text, with a line about an earlier fix of the same refusal.
fn hint(
    finding: &Finding,
    style: Style,
    traced: bool,
    command: &[Vec<u8>],
    config: &Config,
) -> String {
    let style = Style {
        is_remembered: config.remembers() && runs::can_be_kept(),
        ..style
    };
    let mut hint = text::hint_in_run(finding, style, traced, command);
    if let (Conclusion::Refused(..), true) = (&finding.conclusion, config.remembers())
        && let Some(attempt) = attempt_here(finding)
        && let Some(before) = history::put_right_before(&attempt)
    {
        hint.push_str(&text::remembered(&before, style));
    }
    hint
}

/// The attempt with the paths and ids of this machine, if there are any.
fn attempt_here(finding: &Finding) -> Option<Attempt> {
    match finding.facts.surroundings.elsewhere {
        true => OnVolume::of(finding).map(|here| here.attempt),
        false => finding.attempt.clone(),
    }
}

/// Whether the configuration suppresses the hint.
fn is_ignored(finding: &Finding, config: &Config) -> bool {
    let cause = match &finding.conclusion {
        Conclusion::Refused(denial, _) => Some(denial.code),
        _ => None,
    };
    match finding.attempt.as_ref().map(|attempt| &attempt.object) {
        Some(Object::Path(path)) => config.ignores(path, cause),
        _ => config.ignores(b"", cause),
    }
}

/// The current time, in seconds since 1970.
fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

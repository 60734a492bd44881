//! The failures of the latest runs, as typed attempts, so that `fix` can judge them again.

use serde::{Deserialize, Serialize};

use super::store::Store;
use crate::attempt::{Account, Attempt, Object};
use crate::investigate::OnVolume;
use crate::render::{self, Style, text};
use crate::report::{Conclusion, Finding, Unclear};

/// The maximum number of runs remembered.
const MOST_RUNS: usize = 50;

/// The maximum number of failures remembered for each run.
const MOST_FAILURES: usize = 20;

/// A run with reported failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The time of its end or of its last hint, in seconds since 1970.
    pub when: u64,
    /// The process id of its wrapper.
    pub wrapper: u32,
    /// The command line.
    pub command: Vec<Vec<u8>>,
    /// The working directory.
    pub directory: Vec<u8>,
    /// The session and terminal.
    pub terminal: String,
    /// The reported failures, in order.
    pub failures: Vec<Failure>,
}

/// A reported failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The attempt.
    pub attempt: Attempt,
    /// Whether it is known, rather than guessed, what was tried.
    pub firm: bool,
    /// What is known of it if it occurred in another container or namespace than permwrap's.
    pub elsewhere: Option<Elsewhere>,
    /// What else was known of it.
    pub account: Account,
    /// The code of the cause.
    pub code: String,
}

/// A failure in another container or namespace. The paths and ids of its attempt are those of that place, so that what is here
/// says nothing about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// The run's hint.
    pub hint: String,
    /// The first line of the hint.
    pub headline: String,
    /// The same attempt in terms of this machine, if the change belongs here.
    pub here: Option<OnVolume>,
}

impl Failure {
    /// The refusals among these findings, in the form in which they are remembered.
    #[must_use]
    pub fn all<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<Failure> {
        let all = findings.into_iter().filter_map(Failure::of);
        all.take(MOST_FAILURES).collect()
    }

    /// `None` for what is no refusal, or cannot be judged again.
    fn of(finding: &Finding) -> Option<Failure> {
        let attempt = finding.attempt.as_ref()?;
        let (operation, firm, code) = match &finding.conclusion {
            Conclusion::Refused(denial, _) => (
                attempt.operation.clone(),
                // Without a message, it was asked about or traced.
                finding.incident.is_none() || finding.signs.are_firm(),
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

    /// The attempt in terms of this machine, if there is one.
    #[must_use]
    pub fn attempt_here(&self) -> Option<&Attempt> {
        match &self.elsewhere {
            Some(elsewhere) => elsewhere.here.as_ref().map(|here| &here.attempt),
            None => Some(&self.attempt),
        }
    }
}

impl Run {
    /// A run of a child of this process that has just ended, or is going on.
    #[must_use]
    pub fn now(wrapper: u32, command: Vec<Vec<u8>>, failures: Vec<Failure>) -> Run {
        Run {
            when: super::now(),
            wrapper,
            command,
            directory: here(),
            terminal: terminal(),
            failures,
        }
    }

    /// Stores the run, which `began` at this time (in microseconds since 1970), in place of what was stored of it before.
    ///
    /// # Errors
    /// A message of one line, if there is no place to store it.
    pub fn keep(&self, began: u64) -> Result<(), String> {
        let store = Store::own("runs")?;
        let name = format!("{began:018}-{}.json", self.wrapper);
        store.write(&name, self, false)?;
        store.keep(MOST_RUNS);
        Ok(())
    }
}

/// Whether there is a place in which a run can be kept.
#[must_use]
pub fn can_be_kept() -> bool {
    Store::own("runs").is_ok()
}

/// The run in this directory that met something last, preferably on this terminal; otherwise the one on this terminal.
#[must_use]
pub fn last(store: &Store) -> Option<Run> {
    let (here, terminal) = (here(), terminal());
    let mut runs: Vec<Run> = newest(store).collect();
    // A server that began long ago may have met something after a short command. What is equal stays in the order of the names.
    runs.sort_by_key(|run| std::cmp::Reverse(run.when));
    let is_here = |run: &&Run| run.directory == here;
    let of_terminal = |run: &&Run| run.terminal == terminal;
    runs.iter()
        .find(|run| is_here(run) && of_terminal(run))
        .or_else(|| runs.iter().find(is_here))
        .or_else(|| runs.iter().find(of_terminal))
        .cloned()
}

/// The run of this wrapper process.
#[must_use]
pub fn of_wrapper(store: &Store, wrapper: u32, since: u64) -> Option<Run> {
    newest(store)
        .take_while(|run| run.when >= since)
        .find(|run| run.wrapper == wrapper)
}

fn newest(store: &Store) -> impl Iterator<Item = Run> {
    let names = store.names().into_iter().rev();
    let runs = names.filter_map(|name| store.read::<Run>(&name));
    runs.map(|mut run| {
        // It may be a file that somebody else has written.
        run.failures.truncate(MOST_FAILURES);
        run
    })
}

fn here() -> Vec<u8> {
    use std::os::unix::ffi::OsStringExt;
    std::env::current_dir()
        .map(|directory| directory.into_os_string().into_vec())
        .unwrap_or_default()
}

/// The ids of session and terminal (proc_pid_stat(5)), which together are unique.
fn terminal() -> String {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    match fields.as_slice() {
        [_state, _parent, _group, session, terminal, ..] => format!("{session}:{terminal}"),
        _ => String::new(),
    }
}

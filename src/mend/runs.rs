//! What the last runs met: the typed attempts, so that `fix` can judge them anew.

use serde::{Deserialize, Serialize};

use super::store::Store;
use crate::attempt::Attempt;

/// How many runs are remembered.
const MOST_RUNS: usize = 50;

/// How many failures of one run are remembered.
pub const MOST_FAILURES: usize = 20;

/// A run in which something was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// When it ended, in seconds since 1970.
    pub when: u64,
    /// The process id of its permwrap.
    pub wrapper: u32,
    /// The command line.
    pub command: Vec<Vec<u8>>,
    /// Where it was run.
    pub directory: Vec<u8>,
    /// The session and terminal it was run in.
    pub terminal: String,
    /// What was told, in that order.
    pub failures: Vec<Failure>,
}

/// One failure that was told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was tried.
    pub attempt: Attempt,
    /// Whether what was tried is known, and not guessed.
    pub firm: bool,
    /// Whether it was in another container or namespace than permwrap.
    pub elsewhere: bool,
    /// The cause's code.
    pub code: String,
}

impl Run {
    /// A run of this process's child, here and now.
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

    /// Remembers it.
    ///
    /// # Errors
    /// In one line: there is nowhere to keep it.
    pub fn keep(&self) -> Result<(), String> {
        let store = Store::own("runs")?;
        let name = format!("{:012}-{}.json", self.when, self.wrapper);
        store.write(&name, self, false)?;
        store.keep(MOST_RUNS);
        super::history::count(self)
    }
}

/// The last run in this directory, of this terminal before others; else the last of this terminal.
#[must_use]
pub fn last(store: &Store) -> Option<Run> {
    let (here, terminal) = (here(), terminal());
    let runs: Vec<Run> = newest(store).collect();
    let is_here = |run: &&Run| run.directory == here;
    let of_terminal = |run: &&Run| run.terminal == terminal;
    runs.iter()
        .find(|run| is_here(run) && of_terminal(run))
        .or_else(|| runs.iter().find(is_here))
        .or_else(|| runs.iter().find(of_terminal))
        .cloned()
}

/// The run of this permwrap.
#[must_use]
pub fn of_wrapper(store: &Store, wrapper: u32, since: u64) -> Option<Run> {
    newest(store)
        .take_while(|run| run.when >= since)
        .find(|run| run.wrapper == wrapper)
}

fn newest(store: &Store) -> impl Iterator<Item = Run> {
    let names = store.names().into_iter().rev();
    names.filter_map(|name| store.read::<Run>(&name))
}

fn here() -> Vec<u8> {
    use std::os::unix::ffi::OsStringExt;
    std::env::current_dir()
        .map(|directory| directory.into_os_string().into_vec())
        .unwrap_or_default()
}

/// The session's number and its terminal's (proc_pid_stat(5)), which together no other has.
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

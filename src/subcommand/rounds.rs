//! `permwrap --fix -- COMMAND`: runs the command, explains, asks, fixes, and runs it again.
//!
//! This ends when the command succeeds, when nothing is left to fix, or when the same refusal comes back. Without a terminal,
//! nothing is asked or changed.

use std::ffi::OsString;
use std::process::Command;

use super::fix::{Consent, asked, circumstances, is_interactive, mend, tell};
use crate::attempt::{Object, Operation};
use crate::mend::now;
use crate::mend::runs::{self, Run};
use crate::mend::store::Store;
use crate::quote;
use crate::run::{Exit, round};

/// The maximum number of runs.
const MOST: usize = 20;

/// Runs the command until it succeeds, and returns how it ended the last time. `words` are permwrap's own arguments, including
/// the command.
pub fn run(words: &[OsString]) -> Exit {
    let asked = asked();
    let mut made: Vec<String> = Vec::new();
    let mut before: Option<Vec<Refusal>> = None;
    let mut group: Option<String> = None;
    let mut exit = Exit::with_code(125);
    for _ in 0..MOST {
        let since = now();
        let round = match round(&mut command(words, group.as_deref())) {
            Ok(round) => round,
            Err(error) => {
                tell(&format!("cannot call myself: {error}"));
                break;
            }
        };
        exit = round.exit;
        if exit.code == Some(0) || round.is_last || !is_interactive() {
            break;
        }
        let store = Store::own("runs").ok();
        let met = store.and_then(|store| match group {
            // A command started by sg(1) has another process id.
            Some(_) => runs::last(&store).filter(|run| run.when >= since),
            None => runs::of_wrapper(&store, round.pid, since),
        });
        let Some(run) = met else { break };
        let refusals = refusals(&run);
        if before.as_ref() == Some(&refusals) {
            tell("the same refusal came back: what was changed did not help");
            break;
        }
        before = Some(refusals);
        match mend(&run.failures, Consent::Asked, &asked, &circumstances(&run)) {
            Ok(mended) if mended.made.is_empty() && mended.group.is_none() => break,
            Ok(mended) => {
                made.extend(mended.made);
                group = mended.group.or(group);
            }
            Err(trouble) => {
                tell(&trouble);
                break;
            }
        }
    }
    if !made.is_empty() {
        tell(&format!("changed: {}", made.join("; ")));
        tell("`permwrap undo` takes it back");
    }
    exit
}

/// A refusal. If the same ones occur again, there is no progress.
type Refusal = (Operation, Object, String);

fn refusals(run: &Run) -> Vec<Refusal> {
    let refusal = |failure: &runs::Failure| {
        let attempt = &failure.attempt;
        (
            attempt.operation.clone(),
            attempt.object.clone(),
            failure.code.clone(),
        )
    };
    run.failures.iter().map(refusal).collect()
}

/// The command line of permwrap itself with the same arguments except `--fix`, run by sg(1) if a group was joined.
fn command(words: &[OsString], group: Option<&str>) -> Command {
    use std::os::unix::ffi::OsStrExt;
    let own = std::env::current_exe().unwrap_or_else(|_| "permwrap".into());
    let fix = words.iter().position(|word| word == "--fix");
    let rest = words
        .iter()
        .enumerate()
        .filter(|(at, _)| Some(*at) != fix)
        .map(|(_, word)| word);
    let Some(group) = group else {
        let mut command = Command::new(own);
        command.args(rest);
        return command;
    };
    let line: Vec<Vec<u8>> = std::iter::once(own.as_os_str())
        .chain(rest.map(OsString::as_os_str))
        .map(|word| word.as_bytes().to_vec())
        .collect();
    let mut command = Command::new("sg");
    command.args([group, "-c", &quote::command(&line)]);
    command
}

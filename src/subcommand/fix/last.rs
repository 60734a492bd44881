//! The run whose failures are fixed, and the command that is run again.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::tell;
use crate::config;
use crate::mend::invoker::invoker;
use crate::mend::now;
use crate::mend::runs::{self, Failure, Run};
use crate::mend::store::Store;
use crate::quote;
use crate::resolve::Circumstances;
use crate::wrap;

/// A run that met failures, and whose it was.
#[derive(Debug)]
pub struct LastRun {
    pub run: Run,
    /// The user, if that is not the one who asks: root does not trust what the record says, nor run its command.
    pub of_another: Option<u32>,
}

/// The last run with failures: of this user, or of the one who invoked root, in this directory or on this terminal; or of the
/// user with the given uid.
///
/// # Errors
/// A message of one line, if there is none.
pub fn last_run(of: Option<u32>) -> Result<LastRun, String> {
    let nothing = || {
        "nothing is remembered that was refused in this directory or on this terminal: run the command again with permwrap before it".to_owned()
    };
    let own = rustix::process::geteuid();
    if of.is_some() && !own.is_root() {
        return Err("only root can fix what another user's run was refused".to_owned());
    }
    let of_user = |uid: u32| {
        let run = runs::last(&Store::of_user(uid, "runs")?)?;
        Some(LastRun {
            run,
            of_another: (uid != own.as_raw()).then_some(uid),
        })
    };
    if let Some(uid) = of {
        return of_user(uid).ok_or_else(nothing);
    }
    let store = Store::own("runs");
    let own = store.as_ref().ok().and_then(runs::last);
    let own = own.map(|run| LastRun {
        run,
        of_another: None,
    });
    let invokers = invoker().and_then(of_user);
    let later = own
        .into_iter()
        .chain(invokers)
        .max_by_key(|last| last.run.when);
    later.ok_or_else(|| match store {
        Err(trouble) => format!("nothing can be remembered: {trouble}"),
        Ok(_) if !config::load().is_ok_and(|config| config.remembers()) => {
            "nothing is remembered: the configuration says `history = false`".to_owned()
        }
        Ok(_) => nothing(),
    })
}

pub(super) fn chosen(run: &Run, number: Option<u16>) -> Result<Vec<Failure>, String> {
    let Some(number) = number else {
        return Ok(run.failures.clone());
    };
    let at = usize::from(number) - 1;
    let failure = run.failures.get(at);
    let failure = failure.ok_or_else(|| {
        format!(
            "the last run has {} that could be put right, not {number}",
            run.failures.len()
        )
    })?;
    Ok(vec![failure.clone()])
}

/// Replaces this process by another run of the command, in a group that this session is not in yet if one is given. Returns
/// only on failure, with the reason.
pub(super) fn again(run: &Run, group: Option<&str>) -> String {
    let directory = OsStr::from_bytes(&run.directory);
    let own = match std::env::current_exe() {
        Ok(own) => own,
        Err(error) => return format!("cannot call myself: {error}"),
    };
    tell(&quote::command(&run.command));
    let line: Vec<Vec<u8>> = [own.as_os_str().as_bytes(), b"--"]
        .into_iter()
        .map(<[u8]>::to_vec)
        .chain(run.command.iter().cloned())
        .collect();
    let mut command = match group {
        Some(group) => {
            let mut command = Command::new("sg");
            command.args([group, "-c", &quote::command(&line)]);
            command
        }
        None => {
            let mut command = Command::new(own);
            command.args(line[1..].iter().map(|word| OsStr::from_bytes(word)));
            command
        }
    };
    let error = command.current_dir(directory).exec();
    format!("cannot run it again: {error}")
}

/// The circumstances of that run, as far as they are remembered.
pub fn circumstances(run: &Run) -> Circumstances {
    Circumstances {
        command: run.command.clone(),
        start: run.directory.clone(),
        ..wrap::here()
    }
}

/// Says which run it is about, since a later one may have met nothing.
pub(super) fn introduce(run: &Run) {
    let minutes = now().saturating_sub(run.when) / 60;
    let ago = match (minutes, minutes / 60, minutes / (24 * 60)) {
        (0, ..) => String::new(),
        (1, ..) => ", a minute ago".to_owned(),
        (minutes, 0, _) => format!(", {minutes} minutes ago"),
        (_, 1, _) => ", an hour ago".to_owned(),
        (_, hours, 0) => format!(", {hours} hours ago"),
        (.., 1) => ", a day ago".to_owned(),
        (.., days) => format!(", {days} days ago"),
    };
    tell(&format!("about `{}`{ago}", quote::command(&run.command)));
}

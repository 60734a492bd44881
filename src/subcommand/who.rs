//! Whom a question is about: `--as USER`, `--pid PID`.

use std::os::unix::ffi::OsStringExt;

use crate::attempt::Subject;
use crate::cli::Who;
use crate::gather;

/// The subject that was named; `None` where nobody was.
///
/// # Errors
/// A user that does not exist, or a process that cannot be looked at, in one line.
pub fn named(who: &Who) -> Result<Option<Subject>, String> {
    match (&who.user, who.pid) {
        (Some(user), _) => gather::subject_as(user).map(Some),
        (None, Some(pid)) => {
            gather::subject(pid)
                .map(Some)
                .map_err(|unknown| match unknown.errno {
                    Some(errno) => format!("process {pid}: {} ({errno})", errno.words()),
                    None => format!("process {pid} cannot be looked at"),
                })
        }
        (None, None) => Ok(None),
    }
}

/// permwrap's own credentials.
///
/// # Errors
/// Where they cannot be read, in one line.
pub fn ourselves() -> Result<Subject, String> {
    gather::own_subject().map_err(|unknown| format!("cannot read {}", unknown.what))
}

/// Where relative paths begin: the working directory of the process asked about, else of permwrap.
///
/// # Errors
/// Where it cannot be read, in one line.
pub fn directory(who: &Who) -> Result<Vec<u8>, String> {
    if let Some(pid) = who.pid {
        let directory = gather::working_directory(pid);
        return directory
            .ok_or_else(|| format!("the working directory of process {pid} cannot be read"));
    }
    let directory =
        std::env::current_dir().map_err(|error| format!("no working directory: {error}"))?;
    Ok(directory.into_os_string().into_vec())
}

//! A program that is named without a slash.

use std::os::unix::ffi::OsStringExt;

use super::examine;
use crate::attempt::{Attempt, Object, Operation, Subject};
use crate::gather;
use crate::report::Conclusion;

/// Where a program lies, as execvp(3) finds it along PATH, passing over what this subject may not run. Where none may be run,
/// it is the first that is there.
///
/// # Errors
/// In one line: there is none.
pub fn program_named(name: &[u8], subject: &Subject) -> Result<Vec<u8>, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_directory = |directory: std::path::PathBuf| {
        [&directory.into_os_string().into_vec()[..], b"/", name].concat()
    };
    let found: Vec<Vec<u8>> = std::env::split_paths(&path)
        .map(in_directory)
        .filter(|path| gather::is_there(path))
        .collect();
    let may_run = |path: &&Vec<u8>| {
        let attempt = Attempt {
            subject: subject.clone(),
            operation: Operation::Exec,
            object: Object::Path((*path).clone()),
            to: None,
            directory: None,
            errno: None,
        };
        examine(attempt).conclusion == Conclusion::Allowed
    };
    let run = found.iter().find(may_run).or(found.first()).cloned();
    run.ok_or_else(|| {
        format!(
            "{} is in no directory of PATH",
            String::from_utf8_lossy(name)
        )
    })
}

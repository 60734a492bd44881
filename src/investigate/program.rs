//! Locates a program that is named without a slash.

use std::os::unix::ffi::OsStringExt;

use super::examine;
use crate::attempt::{Attempt, Object, Operation, Subject};
use crate::gather;
use crate::report::Conclusion;

/// The path of a program, as execvp(3) finds it in PATH, skipping files that the subject may not execute. If it may not execute
/// any of them, the first one found.
///
/// # Errors
/// A message of one line, if there is no such file.
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

//! Explains refusals of permwrap itself, like those of any command.

use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::attempt::{Attempt, Errno, Object, Operation};
use crate::gather;
use crate::investigate::examine;
use crate::render::{Style, text};
use crate::report::Conclusion;

/// The hint for an operation of permwrap itself that failed; `None` if the error is not a refusal, or cannot be explained.
#[must_use]
pub fn own_refusal(
    path: &Path,
    operation: &Operation,
    error: &io::Error,
    style: Style,
) -> Option<String> {
    let errno = Errno::from_number(error.raw_os_error()?).filter(|errno| errno.is_denial())?;
    let directory = std::env::current_dir().ok()?;
    let finding = examine(Attempt {
        subject: gather::own_subject().ok()?,
        operation: operation.clone(),
        object: Object::Path(directory.join(path).into_os_string().into_vec()),
        to: None,
        directory: path
            .is_relative()
            .then(|| directory.as_os_str().as_bytes().to_vec()),
        errno: Some(errno),
    });
    matches!(finding.conclusion, Conclusion::Refused(..)).then(|| text::hint(&finding, style))
}

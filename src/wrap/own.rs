//! What permwrap itself is refused is explained like anything else.

use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::attempt::{Attempt, Errno, Object, Operation};
use crate::gather;
use crate::investigate::examine;
use crate::render::{Style, text};
use crate::report::Conclusion;

/// The hint for what permwrap itself tried here; `None` where the error is none of permission, or is not explained by what
/// can be seen.
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

//! The width of a terminal.

use std::os::fd::AsFd;

/// A smaller reported width is ignored: nothing could be laid out in it.
pub const NARROWEST: u16 = 20;

/// The width in columns of the terminal behind this descriptor; `None` if it is no terminal, or reports no usable width.
#[must_use]
pub fn of(stream: &impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    (size.ws_col >= NARROWEST).then(|| usize::from(size.ws_col))
}

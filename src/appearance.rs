//! The style of text output, which depends on the terminal and the environment.

use std::io::IsTerminal;
use std::os::fd::AsFd;

use crate::cli::Color;
use crate::render::Style;
use crate::terminal_width::{self, NARROWEST};

/// The style for text written to this descriptor.
///
/// Color is used as requested by `color`. If that leaves the choice open: never with NO_COLOR (no-color.org), always with
/// CLICOLOR_FORCE, otherwise if the descriptor is a terminal.
#[must_use]
pub fn style(stream: &(impl AsFd + IsTerminal), color: Color) -> Style {
    let set =
        |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    let color = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR") => false,
        Color::Auto if set("CLICOLOR_FORCE") => true,
        Color::Auto => {
            stream.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    };
    Style {
        color,
        utf8: is_utf8_locale(),
        width: width(stream),
        is_root: rustix::process::geteuid().is_root(),
        is_remembered: true,
    }
}

/// The terminal's width in columns. Without a terminal it is taken from COLUMNS, and otherwise is 100, since a file or pipe has
/// no right margin.
fn width(stream: &impl AsFd) -> usize {
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal_width::of(stream)
        .or_else(|| told().filter(|&columns| columns >= usize::from(NARROWEST)))
        .unwrap_or(100)
}

/// Whether the locale's encoding is UTF-8, judged by its name (locale(7): the first of LC_ALL, LC_CTYPE and LANG that is set).
fn is_utf8_locale() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    locale.is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        name.contains("utf-8") || name.contains("utf8")
    })
}

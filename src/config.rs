//! The configuration: color, format of hints, additional patterns, what to ignore, which commands a shell wraps.
//!
//! ```toml
//! color = "auto"                     # auto, always or never
//! hints = "text"                     # text, line, json, github or off
//! patterns = ["~/patterns"]          # additional pattern directories
//! history = true                     # remember failures for `permwrap fix`; nothing leaves this machine
//!
//! [ignore]
//! paths = ["/proc", "~/scratch"]     # no hints for these and anything below them
//! causes = ["landlock-denies"]
//!
//! [init]
//! commands = ["python3", "npm"]      # what `permwrap init` wraps
//! ```
//!
//! [`parse`] is pure; [`load`] reads the file, and is called only for a hint or a subcommand, so that the start of a wrapped
//! command never waits for it.
#![forbid(unsafe_code)]

mod file;
mod show;

pub use file::{Paths, load, paths};
pub use show::show;

use std::ops::Range;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use crate::cli::{Color, Hints};
use crate::denial::Code;

/// The values that the configuration file sets; `None` or an empty list for what it does not set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// When to use color.
    pub color: Option<Set<Color>>,
    /// The format of hints, or `off`.
    pub hints: Option<Set<HintsOrOff>>,
    /// Additional pattern directories, with `~` expanded.
    pub patterns: Option<Set<Vec<PathBuf>>>,
    /// Paths for which, including everything below them, no hint is shown; with `~` expanded.
    pub ignored_paths: Option<Set<Vec<PathBuf>>>,
    /// Causes for which no hint is shown.
    pub ignored_causes: Option<Set<Vec<Code>>>,
    /// Whether failures are remembered for `permwrap fix` and `history`.
    pub history: Option<Set<bool>>,
    /// The commands that `permwrap init` wraps.
    pub commands: Option<Set<Vec<String>>>,
}

/// A value, with the line of the file that sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set<T> {
    /// The value.
    pub value: T,
    /// The line number, from 1.
    pub line: usize,
}

/// The format of hints, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HintsOrOff {
    /// Hints in this format.
    Form(Hints),
    /// No hints.
    Off,
}

/// A mistake in a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line number, from 1; 0 if the mistake belongs to no particular line.
    pub line: usize,
    /// What is wrong, in one line.
    pub what: String,
}

impl Config {
    /// Whether failures are remembered; true unless configured otherwise.
    #[must_use]
    pub fn remembers(&self) -> bool {
        self.history.as_ref().is_none_or(|set| set.value)
    }

    /// Whether the configuration suppresses hints for this path and cause.
    #[must_use]
    pub fn ignores(&self, path: &[u8], cause: Option<Code>) -> bool {
        use std::os::unix::ffi::OsStrExt;
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(path));
        let by_path = value(&self.ignored_paths)
            .iter()
            .any(|ignored| path.starts_with(ignored));
        by_path || cause.is_some_and(|cause| value(&self.ignored_causes).contains(&cause))
    }
}

/// The value of a list; empty if it is not set.
fn value<T>(list: &Option<Set<Vec<T>>>) -> &[T] {
    list.as_ref().map_or(&[], |set| &set.value)
}

/// A path that is ignored with everything below it. A trailing `/**` or `/*` is accepted, but means nothing else.
fn place(path: PathBuf) -> Result<PathBuf, Wrong> {
    let text = path.to_string_lossy();
    let top = text
        .strip_suffix("/**")
        .or_else(|| text.strip_suffix("/*"))
        .unwrap_or(&text);
    match top.contains(['*', '?']) {
        true => Err((
            None,
            format!("{text} is no path: a path is ignored with all that lies below it"),
        )),
        false => Ok(PathBuf::from(top)),
    }
}

/// Parses the text of a configuration file. `home` replaces a leading `~`.
///
/// # Errors
/// The first mistake, with its line.
pub fn parse(text: &str, home: Option<&std::path::Path>) -> Result<Config, Mistake> {
    let raw: Raw = toml::from_str(text).map_err(|error| mistake(text, &error))?;
    let paths = |list: Spanned<Vec<PathBuf>>| {
        set(text, list, |list| {
            Ok(list.into_iter().map(|path| from_home(path, home)).collect())
        })
    };
    Ok(Config {
        color: raw.color.map(|word| set(text, word, color)).transpose()?,
        hints: raw.hints.map(|word| set(text, word, hints)).transpose()?,
        patterns: raw.patterns.map(paths).transpose()?,
        history: raw.history.map(|value| set(text, value, Ok)).transpose()?,
        ignored_paths: raw
            .ignore
            .paths
            .map(|list| {
                set(text, list, |list| {
                    let places = list.into_iter().map(place);
                    places.map(|place| Ok(from_home(place?, home))).collect()
                })
            })
            .transpose()?,
        ignored_causes: raw
            .ignore
            .causes
            .map(|names| set(text, names, causes))
            .transpose()?,
        commands: raw
            .init
            .commands
            .map(|names| set(text, names, commands))
            .transpose()?,
    })
}

/// The number of the line (from 1) that contains this byte offset of a text.
#[must_use]
pub fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
}

/// A syntax error, or a value of the wrong type, as a message of one line.
#[must_use]
pub fn mistake(text: &str, error: &toml::de::Error) -> Mistake {
    Mistake {
        line: error.span().map_or(0, |span| line_of(text, span.start)),
        what: error.message().lines().collect::<Vec<_>>().join("; "),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    color: Option<Spanned<String>>,
    hints: Option<Spanned<String>>,
    patterns: Option<Spanned<Vec<PathBuf>>>,
    history: Option<Spanned<bool>>,
    #[serde(default)]
    ignore: RawIgnore,
    #[serde(default)]
    init: RawInit,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawIgnore {
    paths: Option<Spanned<Vec<PathBuf>>>,
    causes: Option<Spanned<Vec<Spanned<String>>>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawInit {
    commands: Option<Spanned<Vec<Spanned<String>>>>,
}

/// A mistake in a value: its position, unless it concerns the value as a whole, and what is wrong.
type Wrong = (Option<Range<usize>>, String);

fn set<R, T>(
    text: &str,
    raw: Spanned<R>,
    convert: impl FnOnce(R) -> Result<T, Wrong>,
) -> Result<Set<T>, Mistake> {
    let whole = raw.span();
    match convert(raw.into_inner()) {
        Ok(value) => Ok(Set {
            value,
            line: line_of(text, whole.start),
        }),
        Err((part, what)) => Err(Mistake {
            line: line_of(text, part.unwrap_or(whole).start),
            what,
        }),
    }
}

fn color(word: String) -> Result<Color, Wrong> {
    Ok(match word.as_str() {
        "auto" => Color::Auto,
        "always" => Color::Always,
        "never" => Color::Never,
        _ => {
            let what = format!("color is auto, always or never, not {word:?}");
            return Err((None, what));
        }
    })
}

fn hints(word: String) -> Result<HintsOrOff, Wrong> {
    Ok(match word.as_str() {
        "text" => HintsOrOff::Form(Hints::Text),
        "line" => HintsOrOff::Form(Hints::Line),
        "json" => HintsOrOff::Form(Hints::Json),
        "github" => HintsOrOff::Form(Hints::Github),
        "off" => HintsOrOff::Off,
        _ => {
            let what = format!("hints is text, line, json, github or off, not {word:?}");
            return Err((None, what));
        }
    })
}

fn causes(names: Vec<Spanned<String>>) -> Result<Vec<Code>, Wrong> {
    names
        .into_iter()
        .map(|name| {
            Code::from_name(name.get_ref()).ok_or_else(|| {
                let what = format!("there is no cause {:?} (permwrap causes)", name.get_ref());
                (Some(name.span()), what)
            })
        })
        .collect()
}

fn commands(names: Vec<Spanned<String>>) -> Result<Vec<String>, Wrong> {
    names
        .into_iter()
        .map(|name| {
            let span = name.span();
            crate::init::command_name(name.get_ref()).map_err(|what| (Some(span), what))?;
            Ok(name.into_inner())
        })
        .collect()
}

fn from_home(path: PathBuf, home: Option<&std::path::Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parsed(text: &str) -> Config {
        parse(text, Some(Path::new("/home/alice"))).expect("it is well-formed")
    }

    fn wrong(text: &str) -> (usize, String) {
        let mistake = parse(text, None).expect_err("it is not well-formed");
        (mistake.line, mistake.what)
    }

    #[test]
    fn an_empty_file_sets_nothing() {
        assert_eq!(parsed("# nothing yet\n"), Config::default());
    }

    #[test]
    fn a_value_knows_its_line() {
        let config = parsed("\n# colors\ncolor = \"never\"\nhints = \"off\"\n");
        assert_eq!(
            config.color,
            Some(Set {
                value: Color::Never,
                line: 3
            })
        );
        assert_eq!(config.hints.expect("set").value, HintsOrOff::Off);
    }

    #[test]
    fn a_tilde_is_the_home() {
        let config = parsed("patterns = [\"~/p\", \"/q\"]");
        assert_eq!(
            config.patterns.expect("set").value,
            [PathBuf::from("/home/alice/p"), PathBuf::from("/q")]
        );
    }

    #[test]
    fn an_ignored_path_covers_what_lies_below_it_and_no_namesake() {
        let config = parsed("[ignore]\npaths = [\"/srv/a\"]\ncauses = [\"unknown\"]");
        assert!(config.ignores(b"/srv/a", None));
        assert!(config.ignores(b"/srv/a/b", Some(Code::ModeDenies)));
        assert!(!config.ignores(b"/srv/ab", Some(Code::ModeDenies)));
        let below = parsed("[ignore]\npaths = [\"/srv/a/**\", \"/srv/b/*\"]");
        assert!(below.ignores(b"/srv/a/f", None) && below.ignores(b"/srv/b/f", None));
        assert!(config.ignores(b"/srv/ab", Some(Code::Unknown)));
    }

    #[test]
    fn mistakes_name_their_line() {
        assert_eq!(
            wrong("\ncolor = \"blue\"\n"),
            (2, "color is auto, always or never, not \"blue\"".to_owned())
        );
        assert_eq!(
            wrong("[ignore]\ncauses = [\n  \"unknown\",\n  \"mode-denied\",\n]\n").0,
            4
        );
        let (line, what) = wrong("hints = \"text\"\ncolour = \"auto\"\n");
        assert_eq!(line, 2);
        assert!(what.starts_with("unknown field `colour`"), "{what}");
        assert_eq!(wrong("color = 1").0, 1);
        assert_eq!(wrong("[init]\ncommands = [\"git\", \"rm -rf\"]").0, 2);
    }
}

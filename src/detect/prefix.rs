//! Removes what whoever relayed a message has put before it.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use crate::attempt::Origin;

const FILE: &str = include_str!("../../patterns/prefixes.toml");

/// The maximum number of prefixes on a line.
const MOST: usize = 8;

/// The known prefixes.
#[derive(Debug)]
pub struct Prefixes {
    /// Determines with which of them a line begins.
    which: RegexSet,
    known: Vec<Known>,
}

/// A known prefix.
#[derive(Debug)]
struct Known {
    written: String,
    /// Compiled when a line first begins with it.
    expression: OnceLock<Option<Regex>>,
    origin: Option<Elsewhere>,
}

/// A line without its prefixes.
#[derive(Debug, PartialEq, Eq)]
pub struct Split<'l> {
    /// The writer of the line, as far as the prefixes identify it.
    pub who: Vec<u8>,
    /// Where the line was written, if a prefix says that it was another place.
    pub origin: Option<Origin>,
    /// The message.
    pub rest: &'l [u8],
}

/// The kind of place whose lines have a prefix.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Elsewhere {
    Container,
    Machine,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    prefix: Vec<Prefix>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prefix {
    #[allow(dead_code)]
    about: String,
    #[serde(default)]
    origin: Option<Elsewhere>,
    expression: String,
}

impl Prefixes {
    /// Loads `patterns/prefixes.toml`.
    ///
    /// # Panics
    /// Panics if that built-in file is malformed.
    #[must_use]
    pub fn load() -> Prefixes {
        let file: File = toml::from_str(FILE).expect("patterns/prefixes.toml");
        let which = RegexSetBuilder::new(file.prefix.iter().map(|prefix| &prefix.expression))
            .unicode(false)
            .build()
            .expect("the expressions of patterns/prefixes.toml");
        let known = |prefix: Prefix| Known {
            written: prefix.expression,
            expression: OnceLock::new(),
            origin: prefix.origin,
        };
        Prefixes {
            which,
            known: file.prefix.into_iter().map(known).collect(),
        }
    }

    /// Removes the prefixes of a line.
    #[must_use]
    pub fn split<'l>(&self, line: &'l [u8]) -> Split<'l> {
        let mut split = Split {
            who: Vec::new(),
            origin: None,
            rest: line,
        };
        for _ in 0..MOST {
            let which = self.which.matches(split.rest).iter().next();
            let Some(known) = which.map(|which| &self.known[which]) else {
                break;
            };
            let Some(found) = known.expression().and_then(|it| it.captures(split.rest)) else {
                break;
            };
            let origin = known.origin;
            let name = found.name("host").or_else(|| found.name("who"));
            if let Some(name) = name {
                split.who.extend_from_slice(name.as_bytes());
                split.who.push(b' ');
            }
            let text = name.map_or(String::new(), |name| {
                String::from_utf8_lossy(name.as_bytes()).into_owned()
            });
            split.origin = split.origin.or(origin.map(|kind| match kind {
                Elsewhere::Container => Origin::Container(text),
                Elsewhere::Machine => Origin::Machine(text),
            }));
            let end = match (found.name("rest"), found.get(0)) {
                (Some(rest), _) => rest.start(),
                (None, whole) => whole.map_or(0, |whole| whole.end()),
            };
            if end == 0 {
                break;
            }
            split.rest = &split.rest[end..];
        }
        split
    }
}

impl Known {
    fn expression(&self) -> Option<&Regex> {
        let compile = || RegexBuilder::new(&self.written).unicode(false).build().ok();
        self.expression.get_or_init(compile).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> (String, String) {
        let prefixes = Prefixes::load();
        let split = prefixes.split(line.as_bytes());
        (
            String::from_utf8_lossy(&split.who).into_owned(),
            String::from_utf8_lossy(split.rest).into_owned(),
        )
    }

    #[test]
    fn times_levels_and_numbers_come_off() {
        for line in [
            "2026/11/21 21:10:09 [emerg] 474#474: open()",
            "[2026-11-21 21:18:01 +0000] [142] [ERROR] open()",
            "2024-06-03T08:16:02.3390141Z ##[error]open()",
            "2024-06-03T08:15:29.442187319Z stderr F open()",
            "Jun 03 08:18:20 host1 open()",
            "730:C 21 Nov 2026 21:10:30.539 # open()",
            "2026-11-21 21:12:40,930 INFO open()",
            "[21-Nov-2026 21:07:42] ERROR: open()",
            "E0603 08:15:27.104000       1 main.go:12] open()",
        ] {
            assert_eq!(split(line), (String::new(), "open()".into()), "{line}");
        }
    }

    #[test]
    fn names_of_containers_tell_who_wrote_the_line() {
        for (line, who) in [
            ("cache_1  | x y", "cache_1 "),
            ("0|app      | x y", "0|app "),
            (
                "[pod/ledger-7c9d5f6b8-2xk4p/ledger] 2024-06-03T08:15:27.104Z\tx y",
                "[pod/ledger-7c9d5f6b8-2xk4p/ledger] ",
            ),
            ("packages/web build: x y", "packages/web build "),
            ("#9 4.318 npm ERR! x y", "#9 "),
        ] {
            assert_eq!(split(line), (who.into(), "x y".into()), "{line}");
        }
    }

    #[test]
    fn prefixes_of_containers_and_hosts_tell_where_a_line_was_written() {
        let prefixes = Prefixes::load();
        let origin = |line: &str| prefixes.split(line.as_bytes()).origin;
        let container = |name: &str| Some(Origin::Container(name.into()));
        assert_eq!(origin("web-1  | x"), container("web-1"));
        assert_eq!(origin("web.1  | x"), None);
        assert_eq!(origin("[pod/shop-1/web] x"), container("[pod/shop-1/web]"));
        assert_eq!(
            origin("Jun 03 08:18:20 host1 nginx[12]: open() failed"),
            Some(Origin::Machine("host1".into()))
        );
        assert_eq!(origin("Jun 03 08:18:20 cat: f: Permission denied"), None);
    }

    #[test]
    fn a_message_without_prefix_stays() {
        for line in [
            "cat: /etc/shadow: Permission denied",
            "fatal: Unable to create '/srv/git/app/.git/index.lock': Permission denied",
            "3 |     match e.raw_os_error() {",
            "#0 /srv/app/run.php(3): fopen('x', 'r')",
            "#0      _File.throwIfError (dart:io/file_impl.dart:635:7)",
            "/srv/app/run.sh: 3: cannot create x: Permission denied",
        ] {
            assert_eq!(split(line), (String::new(), line.into()));
        }
    }
}

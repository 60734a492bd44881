//! Removes what whoever relayed a message has put before it.

use serde::Deserialize;

use super::written::{Lazy, Ordered};
use crate::attempt::Origin;
use crate::built_in::built_in;

/// The maximum number of prefixes on a line.
const MOST: usize = 8;

/// The known prefixes.
#[derive(Debug)]
pub struct Prefixes {
    expressions: Ordered,
    /// The kind of place that each of them indicates.
    origins: Vec<Option<Elsewhere>>,
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
    expression: Lazy,
}

impl Prefixes {
    /// Loads `patterns/prefixes.toml`.
    ///
    /// # Panics
    /// Panics if that built-in file is malformed.
    #[must_use]
    pub fn load() -> Prefixes {
        let file: File = built_in!("prefixes");
        let (expressions, origins) = file
            .prefix
            .into_iter()
            .map(|prefix| (prefix.expression, prefix.origin))
            .unzip();
        Prefixes {
            expressions: Ordered::new(expressions),
            origins,
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
            let Some(which) = self.expressions.first(split.rest) else {
                break;
            };
            let expression = self.expressions.matching(which, split.rest);
            let Some(expression) = expression else {
                break;
            };
            let mut found = expression.create_captures();
            expression.captures(split.rest, &mut found);
            let part = |name: &str| Some(found.get_group_by_name(name)?.range());
            let origin = self.origins[which];
            let name = part("host").or_else(|| part("who"));
            let name = name.map(|name| &split.rest[name]);
            if let Some(name) = name {
                split.who.extend_from_slice(name);
                split.who.push(b' ');
            }
            let text = name.map_or(String::new(), |name| {
                String::from_utf8_lossy(name).into_owned()
            });
            split.origin = split.origin.or(origin.map(|kind| match kind {
                Elsewhere::Container => Origin::Container(text),
                Elsewhere::Machine => Origin::Machine(text),
            }));
            let end = match (part("rest"), found.get_match()) {
                (Some(rest), _) => rest.start,
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

//! What stands before a message and belongs to whoever passed it on.

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

const FILE: &str = include_str!("../../patterns/prefixes.toml");

/// How many prefixes a line may have.
const MOST: usize = 8;

/// Takes prefixes off.
#[derive(Debug)]
pub struct Prefixes {
    expressions: Vec<Regex>,
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
    expression: String,
}

impl Prefixes {
    /// Those of `patterns/prefixes.toml`.
    ///
    /// # Panics
    /// Where that file is malformed.
    #[must_use]
    pub fn load() -> Prefixes {
        let file: File = toml::from_str(FILE).expect("patterns/prefixes.toml");
        let compiled = |prefix: Prefix| {
            RegexBuilder::new(&prefix.expression)
                .unicode(false)
                .build()
                .expect("an expression of patterns/prefixes.toml")
        };
        Prefixes {
            expressions: file.prefix.into_iter().map(compiled).collect(),
        }
    }

    /// Who wrote the line, as far as the prefixes name somebody, and the line without them.
    #[must_use]
    pub fn split<'l>(&self, line: &'l [u8]) -> (Vec<u8>, &'l [u8]) {
        let (mut who, mut rest) = (Vec::new(), line);
        for _ in 0..MOST {
            let found = self
                .expressions
                .iter()
                .find_map(|expression| expression.captures(rest));
            let Some(found) = found else { break };
            if let Some(name) = found.name("who") {
                who.extend_from_slice(name.as_bytes());
                who.push(b' ');
            }
            let end = found.get(0).map_or(0, |whole| whole.end());
            if end == 0 {
                break;
            }
            rest = &rest[end..];
        }
        (who, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> (String, String) {
        let (who, rest) = Prefixes::load().split(line.as_bytes()).clone();
        (
            String::from_utf8_lossy(&who).into_owned(),
            String::from_utf8_lossy(rest).into_owned(),
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
    fn a_message_without_prefix_stays() {
        for line in [
            "cat: /etc/shadow: Permission denied",
            "fatal: Unable to create '/srv/git/app/.git/index.lock': Permission denied",
            "3 |     match e.raw_os_error() {",
            "/srv/app/run.sh: 3: cannot create x: Permission denied",
        ] {
            assert_eq!(split(line), (String::new(), line.into()));
        }
    }
}

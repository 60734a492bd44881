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
    /// Lines that tell where others were written.
    headings: Ordered,
    /// What each of them tells.
    tell: Vec<Tells>,
}

/// What a line tells of where others were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// The place; `None` if nothing tells it any more.
    pub origin: Option<Origin>,
    /// Whether it is about itself only.
    pub alone: bool,
}

#[derive(Debug, Clone, Copy)]
struct Tells {
    container: bool,
    alone: bool,
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
    heading: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[allow(dead_code)]
    about: String,
    #[serde(default)]
    container: bool,
    #[serde(default)]
    alone: bool,
    expression: Lazy,
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
        let (headings, tell) = file
            .heading
            .into_iter()
            .map(
                |Written {
                     expression,
                     container,
                     alone,
                     ..
                 }| { (expression, Tells { container, alone }) },
            )
            .unzip();
        Prefixes {
            expressions: Ordered::new(expressions),
            origins,
            headings: Ordered::new(headings),
            tell,
        }
    }

    /// What a line tells of where others were written, if it does.
    #[must_use]
    pub fn heading(&self, line: &[u8]) -> Option<Heading> {
        // Nearly every line is none, which a look at it shows.
        let may_begin = line.first().is_some_and(|first| b" [S-$#%".contains(first));
        let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
        if !may_begin && !has(b"@") && !has(b"OCI runtime ") {
            return None;
        }
        let which = self.headings.first(line)?;
        let expression = self.headings.matching(which, line)?;
        let mut found = expression.create_captures();
        expression.captures(line, &mut found);
        let Tells { container, alone } = self.tell[which];
        let step = found
            .get_group_by_name("step")
            .map(|step| &line[step.range()]);
        let step = step.map(|step| Origin::Build(String::from_utf8_lossy(step).into_owned()));
        Some(Heading {
            origin: step.or(container.then(|| Origin::Container(String::new()))),
            alone,
        })
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
    fn a_heading_tells_where_the_lines_after_it_were_written() {
        let prefixes = Prefixes::load();
        let origin = |line: &str| prefixes.heading(line.as_bytes()).map(|it| it.origin);
        let step = Some(Some(Origin::Build("RUN npm ci".into())));
        for line in [
            "[build 4/5] RUN npm ci",
            " > [4/5] RUN npm ci:",
            "STEP 4/4: RUN npm ci",
            "Step 4/4 : RUN npm ci",
        ] {
            assert_eq!(origin(line), step, "{line}");
        }
        let inside = Some(Some(Origin::Container(String::new())));
        for line in [
            "$ kubectl logs shop-7c9-2xk4p",
            "dev@web:~/app$ sudo docker compose -f c.yaml logs -f web",
            "docker: Error: OCI runtime create failed: runc: exec: \"/x\": permission denied",
        ] {
            assert_eq!(origin(line), inside, "{line}");
        }
        for line in [
            "------",
            "STEP 1/4: FROM debian:12",
            "$ cat f",
            "[2/5] COPY . .",
        ] {
            assert_eq!(origin(line), Some(None), "{line}");
        }
        for line in ["cat: f: Permission denied", "[ERROR] x", "mail bob@web.org"] {
            assert_eq!(origin(line), None, "{line}");
        }
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

//! Node projects: where the code of a server keeps files, and the port that it listens on.
//!
//! Only common calls with a literal path are recognized, so everything found here is marked as guessed.

use super::{Draft, Need, Source, beside, leading_number};

/// Text that precedes a path, and whether the path is a file to be created, as opposed to a directory to be written to.
const CALLS: &[(&str, bool)] = &[
    ("dest:", false),
    ("destination:", false),
    ("uploadDir:", false),
    ("mkdirSync(", false),
    ("mkdir(", false),
    ("createWriteStream(", true),
    ("sqlite3.Database(", true),
    ("new Database(", true),
    ("storage:", true),
];

/// Reads upload directories, write streams, SQLite databases, and ports.
pub(super) fn read(source: &Source, draft: &mut Draft) {
    for (number, line) in source.text.lines().enumerate() {
        for (call, is_file) in CALLS {
            let Some((_, rest)) = line.split_once(call) else {
                continue;
            };
            let Some(path) = literal(rest) else { continue };
            let from = format!("{} line {}: {call}", source.path, number + 1);
            let path = beside(source, path);
            let (path, needs): (String, &'static [_]) = match is_file {
                true => (path, &["create"]),
                false => (
                    format!("{}/", path.trim_end_matches('/')),
                    &["read", "write"],
                ),
            };
            draft.need(Need {
                path,
                needs,
                closed: false,
                from,
                guessed: true,
            });
        }
        if let Some((_, rest)) = line.split_once(".listen(")
            && let Some(port) = leading_number(default(rest))
        {
            draft.port(port, format!("{} line {}: listen", source.path, number + 1));
        }
    }
}

/// What is used if a variable is not set: `80` in `process.env.PORT || 80`.
fn default(value: &str) -> &str {
    let argument = value.split([',', ')']).next().unwrap_or(value);
    let after = |or| argument.rsplit_once(or).map(|(_, default)| default);
    after("||")
        .or_else(|| after("??"))
        .unwrap_or(argument)
        .trim()
}

/// A quoted path that follows immediately.
fn literal(rest: &str) -> Option<&str> {
    let rest = rest.trim_start();
    let quote = rest
        .chars()
        .next()
        .filter(|quote| ['"', '\'', '`'].contains(quote))?;
    let path = rest[1..].split(quote).next()?;
    let is_path = !path.is_empty() && !path.contains(['$', ' ', ':']) && path.contains(['/', '.']);
    is_path.then_some(path)
}

//! Flask projects: the upload folder, a SQLite database, log files, and the port.
//!
//! The settings are Python code, so everything found here is marked as guessed.

use super::django::parent;
use super::{Draft, Need, Source, beside, leading_number};

/// Reads `UPLOAD_FOLDER`, the database in a `sqlite:///` URL or a call of `sqlite3`, the files of `logging`, and the port that is
/// passed to `run`.
pub(super) fn read(source: &Source, draft: &mut Draft) {
    for (number, line) in source.text.lines().enumerate() {
        if let Some((_, arguments)) = line.split_once(".run(")
            && let Some((_, rest)) = arguments.split_once("port=")
            && let Some(port) = leading_number(rest)
        {
            draft.port(port, format!("{} line {}: port", source.path, number + 1));
        }
        let mut need = |path: &str, needs, what: &str| {
            draft.need(Need {
                path: beside(source, path),
                needs,
                closed: false,
                from: format!("{} line {}: {what}", source.path, number + 1),
                guessed: true,
            });
        };
        if let Some((_, rest)) = line.split_once("UPLOAD_FOLDER")
            && let Some((_, value)) = rest.split_once(['=', ':'])
            && let Some(path) = literal(value)
        {
            need(
                &format!("{}/", path.trim_end_matches('/')),
                &["read", "write"],
                "UPLOAD_FOLDER",
            );
        }
        if let Some((_, value)) = line.split_once("sqlite3.connect(")
            && let Some(path) = literal(value).filter(|path| !path.contains(':'))
        {
            need(
                &parent(path),
                &["read", "write"],
                "the directory of the SQLite database",
            );
        }
        if (line.contains("logging") || line.contains("FileHandler("))
            && let Some((_, value)) = line
                .split_once("filename=")
                .or(line.split_once("FileHandler("))
            && let Some(path) = literal(value)
        {
            need(path, &["create"], "a log file");
        }
        if let Some((_, rest)) = line.split_once("sqlite:///") {
            let path = rest.split(['"', '\'', '?']).next().unwrap_or_default();
            // A fourth slash makes it absolute. A relative path is in the instance folder (Flask-SQLAlchemy 3).
            let path = match path.strip_prefix('/') {
                Some(rest) => format!("/{rest}"),
                None => format!("instance/{path}"),
            };
            let is_plain = path.len() > "instance/".len() && !path.contains(['{', '%']);
            if let Some((directory, _)) = path.rsplit_once('/').filter(|_| is_plain) {
                need(
                    &format!("{directory}/"),
                    &["read", "write"],
                    "the directory of the SQLite database",
                );
            }
        }
    }
}

/// The only quoted path in a value, if it is a literal.
fn literal(value: &str) -> Option<&str> {
    let quote = value.chars().find(|letter| ['"', '\''].contains(letter))?;
    let mut parts = value.split(quote);
    let (path, next) = (parts.nth(1)?, parts.nth(1));
    (next.is_none() && !path.is_empty() && !path.contains([' ', '{'])).then_some(path)
}

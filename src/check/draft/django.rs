//! Django settings: the locations in which a site keeps its files.
//!
//! The settings are Python code. The usual notations for paths are recognized, and all others ignored, so everything found here
//! is marked as guessed.

use super::{Draft, Need, Source, beside};

/// Reads `MEDIA_ROOT` and similar settings, a SQLite database, and the files for logging and caching.
pub(super) fn read(source: &Source, draft: &mut Draft) {
    let base = base_directory(&source.text);
    let has_sqlite = source.text.contains("sqlite3");
    for (number, line) in source.text.lines().enumerate() {
        let from = |what: &str| format!("{} line {}: {what}", source.path, number + 1);
        let path = |value: &str| path_of(value).map(|path| locate(source, &base, &path));
        let mut need = |path: String, needs, what: &str| {
            draft.need(Need {
                path,
                needs,
                closed: false,
                from: from(what),
                guessed: true,
            });
        };
        if let Some((name, value)) = line.split_once('=') {
            let name = name.trim();
            let needs: Option<&'static [_]> = match name {
                "MEDIA_ROOT" | "FILE_UPLOAD_TEMP_DIR" => Some(&["read", "write"]),
                "STATIC_ROOT" => Some(&["read"]),
                _ => None,
            };
            if let (Some(needs), Some(path)) = (needs, path(value)) {
                need(as_directory(&path), needs, name);
                continue;
            }
        }
        for (key, value) in dictionary_entries(line) {
            let Some(path) = path(value) else { continue };
            match key {
                // SQLite writes its journal to the directory of the database.
                "NAME" if has_sqlite => {
                    need(path.clone(), &["create"], "DATABASES NAME");
                    need(parent(&path), &["read", "write"], "the database's journal");
                }
                "filename" => need(parent(&path), &["read", "write"], "LOGGING filename"),
                "LOCATION" => need(as_directory(&path), &["read", "write"], "CACHES LOCATION"),
                _ => {}
            }
        }
    }
}

/// A path as written in the settings: relative to the base directory, or absolute.
enum Written {
    FromBase(String),
    Absolute(String),
}

/// Parses `BASE_DIR / "a" / "b"`, `os.path.join(BASE_DIR, "a")` or `"/a"`.
fn path_of(value: &str) -> Option<Written> {
    let value = value.split(" #").next()?;
    let literals: Vec<&str> = literals(value).collect();
    if ["BASE_DIR", "PROJECT_ROOT", "ROOT_DIR", "PROJECT_DIR"]
        .iter()
        .any(|name| value.contains(name))
    {
        return (!literals.is_empty()).then(|| Written::FromBase(literals.join("/")));
    }
    match literals[..] {
        [path] if path.starts_with('/') => Some(Written::Absolute(path.to_owned())),
        _ => None,
    }
}

fn literals(value: &str) -> impl Iterator<Item = &str> {
    let quote = if value.contains('"') { '"' } else { '\'' };
    value.split(quote).skip(1).step_by(2)
}

/// The `'key': value` pairs of a line. Each value extends to the next comma outside of brackets.
fn dictionary_entries(line: &str) -> impl Iterator<Item = (&str, &str)> {
    ["NAME", "filename", "LOCATION"]
        .into_iter()
        .filter_map(move |key| {
            let at = ["'", "\""]
                .iter()
                .find_map(|quote| line.find(&format!("{quote}{key}{quote}")))?;
            let rest = line[at + key.len() + 2..].trim_start().strip_prefix(':')?;
            let mut depth = 0;
            let end = rest.find(|letter| {
                match letter {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth -= 1,
                    _ => {}
                }
                depth < 0 || (depth == 0 && letter == ',')
            });
            Some((key, &rest[..end.unwrap_or(rest.len())]))
        })
}

/// The base directory relative to the directory of the settings file: one step up for each `parent` or `dirname` after the
/// first. Django's template has two.
fn base_directory(text: &str) -> String {
    let line = text
        .lines()
        .find(|line| line.starts_with("BASE_DIR") || line.starts_with("PROJECT_ROOT"));
    let steps = line.map_or(2, |line| {
        line.matches(".parent").count() + line.matches("dirname(").count()
    });
    "../".repeat(steps.saturating_sub(1))
}

fn locate(source: &Source, base: &str, path: &Written) -> String {
    match path {
        Written::Absolute(path) => path.clone(),
        Written::FromBase(path) => beside(source, &format!("{base}{path}")),
    }
}

fn as_directory(path: &str) -> String {
    format!("{}/", path.trim_end_matches('/'))
}

/// The directory that holds the file, with a trailing slash.
pub(super) fn parent(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((directory, _)) => format!("{directory}/"),
        None => "./".to_owned(),
    }
}

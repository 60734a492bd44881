//! Compose files: the users of services, and the bind mounts from the host.
//!
//! This is not a YAML parser: it reads one line at a time, which suits the usual notation of these entries.

use super::{Draft, Inside, Need, Source, beside};

/// Reads `user:`, bind mounts and `env_file:`.
pub(super) fn read(source: &Source, draft: &mut Draft) {
    for (number, line) in source.text.lines().enumerate() {
        let item = line.trim();
        let (listed, item) = match item.strip_prefix("- ") {
            Some(item) => (true, item.trim()),
            None => (false, item),
        };
        if item.starts_with('#') {
            continue;
        }
        let from = |what: &str| format!("{} line {}: {what}", source.path, number + 1);
        match item.split_once(": ").map(|(key, value)| (key, bare(value))) {
            Some(("user", user)) if !user.is_empty() && !user.contains('$') => {
                draft.user(user, from("user"));
            }
            Some(("target", path)) if path.starts_with('/') => draft.inside(Inside {
                path: path.to_owned(),
                needs: READ_WRITE,
                from: from("target"),
            }),
            Some(("source", path)) => bind(source, draft, path, false, from("source")),
            Some(("env_file", path)) => secret(source, draft, path, from("env_file")),
            Some(("volumes", list)) if list.starts_with('[') => {
                let named = list.trim_matches(['[', ']']).split(',');
                for written in named {
                    volume(source, draft, written, &from("volume"));
                }
            }
            None if listed => volume(source, draft, item, &from("volume")),
            _ => {}
        }
    }
}

/// Reads `HOST:INSIDE`, possibly with options after another colon.
fn volume(source: &Source, draft: &mut Draft, written: &str, from: &str) {
    let mut parts = bare(written.trim()).split(':');
    let (Some(host), Some(inside)) = (parts.next(), parts.next()) else {
        return;
    };
    if !inside.starts_with('/') {
        return;
    }
    let mut options = parts.next().unwrap_or("").split(',');
    let read_only = options.any(|option| option == "ro");
    bind(source, draft, host, read_only, from.to_owned());
    draft.inside(Inside {
        path: inside.to_owned(),
        needs: needs_of(read_only),
        from: from.to_owned(),
    });
}

fn bind(source: &Source, draft: &mut Draft, path: &str, read_only: bool, from: String) {
    // A word without a slash is the name of a volume. `~` and variables depend on the user who starts it.
    if !path.starts_with(['.', '/']) || path.contains('$') {
        return;
    }
    let needs: &'static [_] = match (path.ends_with(".sock"), read_only) {
        (true, _) => &["connect"],
        (false, read_only) => needs_of(read_only),
    };
    draft.need(Need {
        path: beside(source, path),
        needs,
        closed: false,
        from,
        guessed: true,
    });
}

fn secret(source: &Source, draft: &mut Draft, path: &str, from: String) {
    if path.is_empty() || path.contains(['$', '[']) {
        return;
    }
    draft.need(Need {
        path: beside(source, path),
        needs: &[],
        closed: true,
        from,
        guessed: true,
    });
}

const READ_WRITE: &[&str] = &["read", "write"];

/// What a service needs of a volume.
fn needs_of(read_only: bool) -> &'static [&'static str] {
    if read_only { &["read"] } else { READ_WRITE }
}

/// A value without quotes and without a trailing comment.
fn bare(value: &str) -> &str {
    let value = value.split(" #").next().unwrap_or(value).trim();
    value.trim_matches(['"', '\''])
}

//! Dockerfiles: what applies inside the image, at the end of its last stage.

use super::{Draft, Inside, Source, leading_number, ports_of, tidied};

/// Reads `USER`, `WORKDIR`, `VOLUME`, `EXPOSE`, and the file and the ports of `ENTRYPOINT` (or `CMD`).
pub(super) fn read(source: &Source, draft: &mut Draft) {
    let mut user = None;
    let mut directory = String::from("/");
    let mut insides: Vec<Inside> = Vec::new();
    let mut ports: Vec<(u16, String)> = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        let Some((word, rest)) = line.trim().split_once(char::is_whitespace) else {
            continue;
        };
        let word = word.to_ascii_uppercase();
        let from = format!("{} line {}: {word}", source.path, number + 1);
        let need = |path: String, needs| Inside {
            path,
            needs,
            // CMD may also hold arguments for the ENTRYPOINT.
            from: match word.as_str() {
                "CMD" => format!("guessed from {from}"),
                _ => from.clone(),
            },
        };
        match word.as_str() {
            "FROM" => {
                user = None;
                directory = String::from("/");
                insides.clear();
                ports.clear();
            }
            "USER" => user = plain(rest).map(|name| (name.to_owned(), from.clone())),
            "WORKDIR" => {
                let Some(path) = plain(rest) else { continue };
                directory = inside(&directory, path);
                insides.retain(|inside| inside.needs != ["traverse"]);
                insides.insert(0, need(format!("{directory}/"), &["traverse"]));
            }
            "VOLUME" => {
                for path in words(rest).iter().filter_map(|word| plain(word)) {
                    let path = inside(&directory, path) + "/";
                    insides.push(need(path, &["read", "write"]));
                }
            }
            "EXPOSE" => {
                let tcp = words(rest)
                    .into_iter()
                    .filter(|port| !port.ends_with("/udp"));
                ports.extend(tcp.filter_map(|port| Some((leading_number(&port)?, from.clone()))));
            }
            "ENTRYPOINT" | "CMD" => {
                let words = words(rest);
                ports.extend(
                    ports_of(&words)
                        .into_iter()
                        .map(|port| (port, from.clone())),
                );
                // A bare name is looked up in the image's PATH.
                if let Some(path) = words.first().filter(|word| word.contains('/')) {
                    insides.push(need(inside(&directory, path), &["exec"]));
                }
            }
            _ => {}
        }
    }
    if let Some((name, from)) = user {
        draft.user(&name, from);
    }
    for inside in insides {
        draft.inside(inside);
    }
    for (port, from) in ports {
        draft.port_inside(port, from);
    }
}

/// Parses `["a", "b"]` or `a b`.
fn words(text: &str) -> Vec<String> {
    let text = text.trim();
    serde_json::from_str(text)
        .unwrap_or_else(|_| text.split_whitespace().map(str::to_owned).collect())
}

/// The word, unless it contains a build argument or variable.
fn plain(word: &str) -> Option<&str> {
    let word = word.trim().trim_matches(['"', '\'']);
    (!word.is_empty() && !word.contains('$')).then_some(word)
}

fn inside(directory: &str, path: &str) -> String {
    let whole = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{directory}/{path}")
    };
    match tidied(whole.trim_end_matches('/')).as_str() {
        "." => "/".to_owned(),
        path => format!("/{path}"),
    }
}

//! Kubernetes manifests: the user that a pod runs as, and the mount points of its volumes.
//!
//! This is not a YAML parser: it reads one line at a time, which suits the usual notation of these entries.

use super::{Draft, Inside, Need, Source};

/// Reads `runAsUser:`, `mountPath:` (a path inside the pod) and the `path:` of a `hostPath:`.
pub(super) fn read(source: &Source, draft: &mut Draft) {
    let lines: Vec<&str> = source.text.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let item = line.trim().trim_start_matches("- ");
        let from = |what: &str| format!("{} line {}: {what}", source.path, number + 1);
        let Some((key, value)) = item.split_once(':') else {
            continue;
        };
        let value = value.split(" #").next().unwrap_or(value).trim();
        let value = value.trim_matches(['"', '\'']);
        match key {
            "runAsUser" if value.parse::<u32>().is_ok() => draft.user(value, from("runAsUser")),
            "mountPath" if value.starts_with('/') => {
                let read_only = entry(&lines, number).any(|line| line == "readOnly: true");
                draft.inside(Inside {
                    path: format!("{}/", value.trim_end_matches('/')),
                    needs: if read_only {
                        &["read"]
                    } else {
                        &["read", "write"]
                    },
                    from: from("mountPath"),
                });
            }
            "path" if value.starts_with('/') && is_below(&lines[..number], "hostPath:") => {
                draft.need(Need {
                    path: value.to_owned(),
                    needs: &["read", "write"],
                    closed: false,
                    from: from("hostPath"),
                    guessed: true,
                });
            }
            _ => {}
        }
    }
}

/// The lines of the list item that this line belongs to.
fn entry<'l>(lines: &'l [&'l str], number: usize) -> impl Iterator<Item = &'l str> {
    let begins = |line: &&str| line.trim_start().starts_with("- ");
    let start = lines[..=number].iter().rposition(begins).unwrap_or(number);
    let rest = &lines[start + 1..];
    let end = rest.iter().position(begins).unwrap_or(rest.len());
    lines[start..start + 1 + end]
        .iter()
        .map(|line| line.trim().trim_start_matches("- "))
}

/// Whether one of the last lines opens the mapping.
fn is_below(lines: &[&str], mapping: &str) -> bool {
    let near = &lines[lines.len().saturating_sub(2)..];
    near.iter().any(|line| line.trim() == mapping)
}

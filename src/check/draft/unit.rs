//! systemd units (systemd.exec(5), systemd.service(5)).

use super::{Draft, Need, Source, ports_of};

/// Reads `User=`, the working directory, the writable paths, the environment file, the program and its ports. What systemd
/// itself provides (`StateDirectory=`, a capability, the port of a socket unit) needs no check.
pub(super) fn read(source: &Source, draft: &mut Draft) {
    let may_listen = source.text.lines().any(|line| {
        line.trim_start().starts_with("AmbientCapabilities=")
            && line.contains("CAP_NET_BIND_SERVICE")
    });
    for (number, line) in source.text.lines().enumerate() {
        let Some((key, value)) = line.trim().split_once('=') else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        let from = format!("{} line {}: {key}", source.path, number + 1);
        if key == "User" {
            draft.user(value, from);
            continue;
        }
        if key == "ExecStart" && !may_listen {
            let words: Vec<String> = value.split_whitespace().map(str::to_owned).collect();
            for port in ports_of(&words) {
                draft.port(port, from.clone());
            }
        }
        let (needs, words): (&'static [_], Vec<&str>) = match key {
            "WorkingDirectory" => (&["traverse"], vec![value]),
            "ReadWritePaths" | "ReadWriteDirectories" => {
                (&["read", "write"], value.split_whitespace().collect())
            }
            "EnvironmentFile" => (&[], vec![value]),
            "ExecStart" | "ExecStartPre" => (&["exec"], value.split_whitespace().take(1).collect()),
            _ => continue,
        };
        for word in words {
            // Prefixes: `-` for a path that may be missing, `+` for full privileges; `@`, `:` and `!` apply to the program.
            let path = word.trim_start_matches(['-', '+', '@', ':', '!']);
            // Specifiers such as "%h" are known only to systemd.
            if !path.starts_with('/') || path.contains('%') {
                continue;
            }
            let is_directory = key == "WorkingDirectory" && !path.ends_with('/');
            draft.need(Need {
                path: if is_directory {
                    format!("{path}/")
                } else {
                    path.to_owned()
                },
                needs,
                closed: key == "EnvironmentFile",
                from: from.clone(),
                guessed: key == "EnvironmentFile",
            });
        }
    }
}

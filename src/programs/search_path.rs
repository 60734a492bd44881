//! The value that a command line itself gives to PATH.

use super::command_lines;
use super::shell;

/// The directories in which the programs that a command starts are looked for, if it sets PATH: `env PATH=/opt/bin:$PATH make`,
/// `sh -c 'PATH=...; make'`. `inherited` takes the place of `$PATH`, `start` that of `$PWD`.
#[must_use]
pub fn search_path(words: &[Vec<u8>], inherited: &[Vec<u8>], start: &[u8]) -> Option<Vec<Vec<u8>>> {
    let lines = command_lines(words);
    let codes = lines.iter().filter(|line| line.is_code_for_a_shell());
    let in_code = codes.flat_map(|line| shell::commands(line.code.as_deref().unwrap_or_default()));
    let in_code = in_code.flat_map(|command| command.words);
    let value = |word: Vec<u8>| word.strip_prefix(b"PATH=").map(<[u8]>::to_vec);
    let value = words
        .iter()
        .cloned()
        .chain(in_code)
        .filter_map(value)
        .next_back()?;
    let mut directories = Vec::new();
    for part in value.split(|byte| *byte == b':') {
        match part {
            b"$PATH" | b"${PATH}" => directories.extend_from_slice(inherited),
            part => {
                let here = [&b"$PWD"[..], b"${PWD}"];
                let below = here.iter().find_map(|here| part.strip_prefix(*here));
                let part = match below {
                    Some(below) => [start, below].concat(),
                    None => part.to_vec(),
                };
                // Relative, or the result of another expansion.
                if part.starts_with(b"/") && !part.contains(&b'$') {
                    directories.push(part);
                }
            }
        }
    }
    Some(directories)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Option<Vec<String>> {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let found = search_path(&words, &[b"/usr/bin".to_vec()], b"/srv")?;
        let text = |directory: &Vec<u8>| String::from_utf8_lossy(directory).into_owned();
        Some(found.iter().map(text).collect())
    }

    #[test]
    fn a_command_that_sets_path_tells_where_programs_are_looked_for() {
        let wanted = Some(vec!["/opt/bin".to_owned(), "/usr/bin".to_owned()]);
        assert_eq!(of(&["env", "PATH=/opt/bin:/usr/bin", "tool"]), wanted);
        assert_eq!(of(&["sh", "-c", "PATH=/opt/bin:$PATH; tool"]), wanted);
        assert_eq!(
            of(&["bash", "-c", "export PATH=\"/opt/bin:${PATH}\"; tool"]),
            wanted
        );
        let below = of(&["sh", "-c", "PATH=$PWD/bin:$PATH tool"]);
        assert_eq!(below, Some(vec!["/srv/bin".into(), "/usr/bin".into()]));
        assert_eq!(of(&["env", "HOME=/x", "tool"]), None);
    }
}

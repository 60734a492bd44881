//! The commands that a command consists of.

use crate::byte_path;
use crate::gather;
use crate::programs::{CommandLine, Program, command_lines, program};

/// The command lines of a command. A script for a shell counts as the code that it contains.
pub(super) fn lines(words: &[Vec<u8>]) -> Vec<CommandLine> {
    let lines = command_lines(words);
    match as_code(&lines) {
        Some(words) => command_lines(&words),
        None => lines,
    }
}

/// The words of a command line with the code of the script that this one runs.
fn as_code(lines: &[CommandLine]) -> Option<Vec<Vec<u8>>> {
    let [line] = lines else {
        return None;
    };
    let (script, code) = match (&line.script, line.known) {
        (Some(script), Some(known)) if known.is_shell() => (script, gather::script(script)?),
        (None, None) if line.program.contains(&b'/') => {
            let code = gather::script(&line.program)?;
            (&line.program, code)
        }
        _ => return None,
    };
    let shell = match line.known {
        Some(_) => line.program.clone(),
        None => shell_of(&code)?,
    };
    let arguments = line.arguments_of(byte_path::name(script))?;
    let mut words = vec![shell, b"-c".to_vec(), code, script.clone()];
    words.extend_from_slice(arguments);
    Some(words)
}

/// The shell that the first line of a script names.
fn shell_of(code: &[u8]) -> Option<Vec<u8>> {
    let line = code
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let mut words = line.split(u8::is_ascii_whitespace);
    let shell = words.find(|word| program(word).is_some_and(Program::is_shell))?;
    Some(shell.to_vec())
}

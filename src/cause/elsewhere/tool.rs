//! The program that a command comes down to.

use crate::programs;

/// The program of a command line; what only starts another (`env`), `python -m` and version numbers are stripped.
pub(super) struct Tool {
    pub(super) name: String,
    arguments: Vec<String>,
    pub(super) raw: Vec<Vec<u8>>,
}

impl Tool {
    pub(super) fn of(command: &[Vec<u8>]) -> Option<Tool> {
        let base = |word: &[u8]| {
            let name = word.rsplit(|&byte| byte == b'/').next().unwrap_or(word);
            String::from_utf8_lossy(name).into_owned()
        };
        let command = programs::at_work(command);
        let (first, rest) = command.split_first()?;
        let mut name = base(first);
        let mut rest = rest;
        if name.starts_with("python")
            && let [flag, module, more @ ..] = rest
            && flag == b"-m"
        {
            name = base(module);
            rest = more;
        }
        Some(Tool {
            name,
            arguments: rest
                .iter()
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect(),
            raw: command.to_vec(),
        })
    }

    pub(super) fn has(&self, argument: &str) -> bool {
        self.arguments.iter().any(|given| given == argument)
    }
}

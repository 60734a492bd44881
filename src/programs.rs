//! Knowledge about particular programs: how they interpret their arguments, and what they do with the files named there.
//!
//! The knowledge is data (`patterns/programs.toml`); here it is applied to command lines. This stage is pure and looks nothing
//! up.
#![forbid(unsafe_code)]

mod command_line;
mod compose;
mod modes;
mod operand;
mod package_scripts;
mod program;
mod recipe;
mod repeated;
mod run_options;
mod script;
mod search_path;
mod shell;
mod table;
mod walk;
mod whereabouts;

pub use command_line::{
    CommandLine, ToldMount, command_lines, commands_of_code, commands_of_script,
};
pub use compose::{ComposeService, ComposeVolume, compose_services};
pub use operand::{Operand, is_the_end_of};
pub use package_scripts::scripts_that_run;
pub use program::{FarSide, Program};
pub use recipe::{Step, code_that_calls, step};
pub use repeated::{Repeated, at_work, repeated, sets_variables};
pub use run_options::{RunOptions, RunVolume, run_options};
pub use script::{engine_named_in, install_variable, names};
pub use search_path::search_path;
pub use shell::{is_assignment, redirections, use_in_code, use_of_what_is_filled_in};
pub use walk::{Errand, Walk, walk};
pub use whereabouts::Whereabouts;

use crate::attempt::Operation;
use crate::byte_path;

/// The program of this name, which may include a path and a version: `/usr/bin/python3.11`.
#[must_use]
pub fn program(name: &[u8]) -> Option<&'static Program> {
    let name = byte_path::name(name);
    table::named(name).or_else(|| {
        let version = |byte: &u8| byte.is_ascii_digit() || b".-".contains(byte);
        let end = name.iter().rposition(|byte| !version(byte))? + 1;
        table::named(&name[..end])
    })
}

/// The names of the programs that ask the kernel for this.
pub fn that_ask_for(operation: &Operation) -> impl Iterator<Item = &'static [u8]> {
    let asking = table::all().filter(|program| program.asks_for(operation));
    asking.flat_map(|program| program.names.iter().map(String::as_bytes))
}

/// Whether some program runs what a file of this name in its directory describes.
#[must_use]
pub fn is_recipe(name: &[u8]) -> bool {
    table::all().any(|program| program.recipes.iter().any(|own| own.as_bytes() == name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::Deserialize;

    use super::program::operation;
    use super::*;
    use crate::built_in::with_samples;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        program: Vec<Program>,
    }

    #[test]
    fn every_name_is_given_once() {
        let file: File = with_samples!("programs");
        let count: usize = file.program.iter().map(|program| program.names.len()).sum();
        let names: BTreeSet<&str> = table::NAMES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), count);
        assert_eq!(table::all().count(), file.program.len());
    }

    #[test]
    fn every_operation_is_one() {
        for program in table::all() {
            let files = program.files.iter().map(|(_, name)| name);
            for name in files.filter(|name| !["untold", "archive"].contains(&name.as_str())) {
                assert!(operation(name).is_some(), "{name}");
            }
            let listed = program.with.iter().chain(&program.archive);
            for name in &program.asks_for {
                assert!(Operation::from_name(name).is_some(), "{name}");
            }
            let one = [&program.does, &program.last, &program.others];
            for name in listed
                .map(|(_, name)| name)
                .chain(one.into_iter().flatten())
            {
                assert!(operation(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn each_sample_is_read_as_it_says() {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let file: File = with_samples!("programs");
        for sample in file.program.iter().flat_map(|program| &program.sample) {
            let words: Vec<Vec<u8>> = sample.command.split(' ').map(|w| w.into()).collect();
            let lines = command_lines(&words);
            let line = lines.last().expect("it is a command");
            let operands: Vec<String> = line.operands.iter().map(|o| text(&o.word)).collect();
            assert_eq!(operands, sample.operands, "{}", sample.command);
            let every = |of: fn(&CommandLine) -> Vec<String>| -> Vec<String> {
                lines.iter().flat_map(of).collect()
            };
            let directories = every(|line| {
                let directories = line.directories.iter();
                directories
                    .map(|d| String::from_utf8_lossy(d).into_owned())
                    .collect()
            });
            assert_eq!(directories, sample.directories, "{}", sample.command);
            assert_eq!(
                every(|line| line.users.clone()),
                sample.users,
                "{}",
                sample.command
            );
            let root = lines.iter().find_map(|line| line.root.as_deref());
            assert_eq!(root.map(text), sample.root, "{}", sample.command);
            assert_eq!(line.ports, sample.ports, "{}", sample.command);
            assert_eq!(line.processes, sample.processes, "{}", sample.command);
            assert_eq!(
                line.script.as_deref().map(text),
                sample.script,
                "{}",
                sample.command
            );
            let operation = line.operands.last().and_then(|o| o.operation.as_ref());
            if sample.operation.is_some() {
                let name = operation.map(|operation| match operation {
                    Operation::Open(how) if how.read && how.write => "write",
                    other => other.name(),
                });
                assert_eq!(name, sample.operation.as_deref(), "{}", sample.command);
            }
        }
    }

    #[test]
    fn a_version_and_a_path_are_part_of_no_name() {
        for name in ["python", "/usr/bin/python3.11", "python3"] {
            assert!(
                program(name.as_bytes()).is_some_and(|program| program.interprets),
                "{name}"
            );
        }
        assert!(program(b"some-tool").is_none());
    }
}

//! Finds where the command begins. It is split off before clap sees the arguments, so that its own arguments, including `--`,
//! are passed on unchanged.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::CommandFactory;

use super::{Cli, is_subcommand};

/// The boundary between permwrap's own arguments and the command.
pub struct Boundary {
    /// The number of arguments that clap parses.
    pub options_end: usize,
    /// The index of the command; the number of arguments if there is none.
    pub command_at: usize,
    pub is_subcommand: bool,
    /// Whether the command is preceded by `--`.
    pub is_marked: bool,
}

impl Boundary {
    /// Finds it.
    pub fn of(arguments: &[OsString]) -> Boundary {
        let description = Cli::command();
        let takes_value = |option: &[u8]| {
            description.get_arguments().any(|argument| {
                argument.get_action().takes_values()
                    && argument
                        .get_long()
                        .is_some_and(|long| option == format!("--{long}").as_bytes())
            })
        };
        let all = arguments.len();
        let mut at = 0;
        while let Some(word) = arguments.get(at).map(|word| word.as_bytes()) {
            if word == b"--" {
                return Boundary {
                    options_end: at,
                    command_at: at + 1,
                    is_subcommand: false,
                    is_marked: true,
                };
            }
            if !word.starts_with(b"-") || word == b"-" {
                let is_subcommand = is_subcommand(&arguments[at]);
                let command_at = if is_subcommand { all } else { at };
                return Boundary {
                    options_end: command_at,
                    command_at,
                    is_subcommand,
                    is_marked: false,
                };
            }
            at += if takes_value(word) { 2 } else { 1 };
        }
        Boundary {
            options_end: all,
            command_at: all,
            is_subcommand: false,
            is_marked: false,
        }
    }
}

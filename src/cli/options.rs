//! The options of a run.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of a run.
#[derive(Debug, Clone, Default, Args)]
pub struct RunOptions {
    /// Write a JSON report to FILE when the command ends
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// When to use color
    #[arg(long, value_name = "WHEN", value_enum)]
    pub color: Option<Color>,
    /// Read more patterns from DIR
    #[arg(long, value_name = "DIR")]
    pub patterns: Vec<PathBuf>,
    /// Show no hints
    #[arg(long, short)]
    pub quiet: bool,
    /// The form of hints
    #[arg(long, value_name = "FORM", value_enum)]
    pub hints: Option<Hints>,
    /// At the end, list the lines that were recognized, and why some got no hint
    #[arg(long, short)]
    pub verbose: bool,
    /// Run `permwrap check` first, and start COMMAND only if everything holds
    #[arg(long)]
    pub check: bool,
    /// After a failed run, offer to fix what was refused, and run COMMAND again
    #[arg(long)]
    pub fix: bool,
    /// Watch COMMAND's stdout as well: some programs report failures there
    #[arg(long)]
    pub stdout: bool,
    /// Give COMMAND the terminal itself; what it writes there is not watched, and gets no hints
    #[arg(long)]
    pub no_pty: bool,
    /// Watch the system calls themselves, for what messages leave out. Except for root, set-user-ID programs in COMMAND
    /// (sudo, ping) then have no effect; debuggers in it cannot attach
    #[arg(long)]
    pub trace: bool,
}

impl RunOptions {
    /// Sets the option that this word denotes, if it is a flag that is not set yet. Otherwise returns false, and clap has to
    /// parse the arguments.
    #[must_use]
    pub fn set_flag(&mut self, word: &[u8]) -> bool {
        let flag = match word {
            b"--quiet" | b"-q" => &mut self.quiet,
            b"--verbose" | b"-v" => &mut self.verbose,
            b"--check" => &mut self.check,
            b"--fix" => &mut self.fix,
            b"--stdout" => &mut self.stdout,
            b"--no-pty" => &mut self.no_pty,
            b"--trace" => &mut self.trace,
            _ => return false,
        };
        !std::mem::replace(flag, true)
    }
}

/// When to use color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// If the output is a terminal; respects NO_COLOR and CLICOLOR_FORCE.
    #[default]
    Auto,
    /// Always use color.
    Always,
    /// Never use color.
    Never,
}

/// The form of hints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Hints {
    /// Text for people.
    #[default]
    Text,
    /// One line of text per hint.
    Line,
    /// One line of JSON per hint.
    Json,
    /// Annotations of a GitHub workflow.
    Github,
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::{Cli, Invocation, parse_with_clap};

    #[test]
    fn every_flag_is_known_without_clap_and_means_the_same() {
        let described = Cli::command();
        let flags = described.get_arguments().filter(|argument| {
            !argument.get_action().takes_values() && argument.get_id() != "version"
        });
        let flags = flags.filter(|argument| argument.get_id() != "help");
        let mut known = 0;
        for flag in flags {
            let long = flag.get_long().map(|long| format!("--{long}"));
            let short = flag.get_short().map(|short| format!("-{short}"));
            for word in long.into_iter().chain(short) {
                let mut options = RunOptions::default();
                assert!(options.set_flag(word.as_bytes()), "{word}");
                assert!(!options.set_flag(word.as_bytes()), "{word} twice");
                let words = [&word, "--", "true"].map(OsString::from);
                let Ok(Invocation::Run {
                    options: by_clap, ..
                }) = parse_with_clap(words.to_vec())
                else {
                    panic!("{word} is an option of a run");
                };
                assert_eq!(format!("{options:?}"), format!("{by_clap:?}"), "{word}");
                known += 1;
            }
        }
        assert!(known >= 7, "{known}");
    }
}

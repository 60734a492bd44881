//! The command line, as types for clap.

mod boundary;
mod mend;
mod misuse;
mod options;
mod question;
mod setup;
pub mod suggestion;

pub use mend::{Fix, History, Undo};
pub use misuse::Stop;
pub use options::{Color, Hints, RunOptions};
pub use question::{Explain, Who, Why};
pub use setup::{Check, Config, Init, Man, Shell, USUAL};

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::denial::Code;
use boundary::Boundary;

/// The request on the command line.
#[derive(Debug)]
pub enum Invocation {
    /// Run a command and explain its permission failures.
    Run {
        /// The options before the command.
        options: RunOptions,
        /// The command and its arguments; never empty.
        command: Vec<OsString>,
        /// The subcommand that the first word of the command resembles, if no `--` marks it as a command.
        resembles: Option<&'static str>,
    },
    /// One of permwrap's own subcommands.
    Own(Own),
}

#[derive(Debug, Parser)]
#[command(
    name = "permwrap",
    version,
    about = "Explains permission failures: put `permwrap --` before any command.",
    long_about = "Runs COMMAND exactly as it would run alone. If the kernel refuses something, permwrap explains afterwards \
                  which object refused it, by which rule, and which smallest change fixes it. Only `permwrap fix` changes \
                  anything, and it asks first.",
    override_usage = USAGE,
    after_help = EXAMPLES,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    run: RunOptions,
    #[command(subcommand)]
    own: Option<Own>,
}

const USAGE: &str = "permwrap [OPTIONS] [--] COMMAND [ARG]...
       permwrap why OPERATION PATH [--as USER | --pid PID]
       permwrap explain [FILE | TEXT]
       permwrap causes [CODE]
       permwrap check [MANIFEST] [--as USER]
       permwrap fix [N]
       permwrap undo [N]
       permwrap history
       permwrap init bash|zsh|fish [COMMAND]...
       permwrap help [SUBCOMMAND]";

/// Examples, in lines that a narrow terminal does not break.
const EXAMPLES: &str = "\
Examples:
  permwrap -- npm install
      run it, and explain what is refused
  permwrap --report r.json -- make install
      also write what was found as JSON
  permwrap why write /var/log/app.log
      explain one access without running anything
  permwrap why read /srv/data --as www-data
      the same for another user
  permwrap explain build.log
      explain a saved error message
  permwrap fix
      fix what the last run was refused, after asking
  permwrap check
      everything that permwrap.toml says a service needs
  eval \"$(permwrap init bash)\"
      wrap the usual commands in this shell

Exit status: that of COMMAND, or its signal; 125 if permwrap itself failed, 126 if COMMAND could not be run, 127 if it was not \
found.";

/// permwrap's own subcommands.
#[derive(Debug, Subcommand)]
pub enum Own {
    /// Explain one access without running anything
    Why(Why),
    /// Explain a saved or pasted error message
    Explain(Explain),
    /// List the causes, or explain one
    Causes(Causes),
    /// List the patterns that recognize messages, or test a file of patterns
    Patterns(Patterns),
    /// Check everything that the project's permwrap.toml asks for
    Check(Check),
    /// Fix what the last run here was refused
    Fix(Fix),
    /// Take back what `fix` changed
    Undo(Undo),
    /// List the refusals met here, what fixed them, and which came back
    History(History),
    /// Print shell code that puts permwrap before the usual commands
    Init(Init),
    /// Show the settings in effect, and where each comes from
    Config(Config),
    /// Print the manual page
    Man(Man),
    /// Show this help, or that of a subcommand
    Help(Help),
}

/// `permwrap help`.
#[derive(Debug, Args)]
pub struct Help {
    /// The subcommand
    #[arg(value_name = "SUBCOMMAND")]
    pub subcommand: Option<String>,
}

/// `permwrap causes`.
#[derive(Debug, Args)]
pub struct Causes {
    /// The cause to explain; for another word, such as EACCES or sticky, the causes whose pages mention it
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// `permwrap patterns`.
#[derive(Debug, Args)]
#[command(
    after_help = "Your own patterns belong in ~/.config/permwrap/patterns/*.toml, or in a directory given by --patterns."
)]
pub struct Patterns {
    /// What to do; by default, the patterns are listed
    #[command(subcommand)]
    pub action: Option<PatternsAction>,
    /// Read more patterns from DIR
    #[arg(long, value_name = "DIR")]
    pub patterns: Vec<PathBuf>,
}

/// What `permwrap patterns` is to do.
#[derive(Debug, Subcommand)]
pub enum PatternsAction {
    /// Check a file of patterns against its samples
    Test {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Parses the arguments, without the program's own name.
///
/// # Errors
/// If help was requested or the arguments are wrong: the text to print and the exit status.
pub fn parse(arguments: Vec<OsString>) -> Result<Invocation, Stop> {
    match run_with_flags(&arguments) {
        Some(run) => Ok(run),
        None => parse_with_clap(arguments),
    }
}

/// The run, if all options are flags. In that case clap is not needed, whose description takes as long to build as a short
/// command.
fn run_with_flags(arguments: &[OsString]) -> Option<Invocation> {
    let mut options = RunOptions::default();
    let flags = arguments
        .iter()
        .take_while(|word| options.set_flag(word.as_bytes()))
        .count();
    let rest = &arguments[flags..];
    let is_marked = rest.first()? == "--";
    let command = &rest[usize::from(is_marked)..];
    let first = command.first()?;
    if !is_marked && (first.as_bytes().starts_with(b"-") || is_subcommand(first)) {
        return None;
    }
    Some(Invocation::Run {
        options,
        resembles: if is_marked { None } else { resembled(first) },
        command: command.to_vec(),
    })
}

fn parse_with_clap(arguments: Vec<OsString>) -> Result<Invocation, Stop> {
    let boundary = Boundary::of(&arguments);
    let (own, command) = arguments.split_at(boundary.command_at);
    let own_arguments = own.iter().take(boundary.options_end).cloned();
    let cli = Cli::try_parse_from(std::iter::once(OsString::from("permwrap")).chain(own_arguments))
        .map_err(|error| {
            let first = boundary
                .is_subcommand
                .then(|| own.iter().find(|word| is_subcommand(word)));
            Stop::by_clap(&error, first.flatten().and_then(|name| name.to_str()))
        })?;
    match (cli.own, command.first()) {
        (Some(Own::Help(help)), _) => Err(help_about(help.subcommand)),
        (Some(own), _) => Ok(Invocation::Own(own)),
        (None, Some(first)) => Ok(Invocation::Run {
            options: cli.run,
            resembles: if boundary.is_marked {
                None
            } else {
                resembled(first)
            },
            command: command.to_vec(),
        }),
        (None, None) if arguments.is_empty() => Err(Stop::at_the_beginning()),
        (None, None) => Err(Stop::without_a_command()),
    }
}

/// The text for `permwrap help`, which is that of the corresponding `--help`.
fn help_about(subcommand: Option<String>) -> Stop {
    let asked = match subcommand {
        None => vec!["--help".into()],
        Some(name) if is_subcommand(OsStr::new(&name)) => vec![name.into(), "--help".into()],
        Some(name) => {
            return Stop::no_such_subcommand(&name, resembled(OsStr::new(&name)));
        }
    };
    parse(asked).expect_err("help is no invocation")
}

/// The subcommand that the word resembles.
fn resembled(word: &OsStr) -> Option<&'static str> {
    let names = SUBCOMMANDS
        .iter()
        .filter_map(|name| std::str::from_utf8(name).ok());
    suggestion::meant(word.to_str()?, names)
}

/// The names of permwrap's own subcommands. The list avoids building clap's description before the command is started.
const SUBCOMMANDS: &[&[u8]] = &[
    b"why",
    b"explain",
    b"causes",
    b"patterns",
    b"check",
    b"fix",
    b"undo",
    b"history",
    b"init",
    b"config",
    b"man",
    b"help",
];

/// Whether the word is the name of one of permwrap's own subcommands.
#[must_use]
pub fn is_subcommand(word: &OsStr) -> bool {
    SUBCOMMANDS.contains(&word.as_bytes())
}

/// The whole command line as described by clap, for completions and the manual page.
#[must_use]
pub fn describe() -> clap::Command {
    let causes = Code::ALL.iter().map(|code| code.name());
    let causes = PossibleValuesParser::new(causes);
    let subcommands = SUBCOMMANDS
        .iter()
        .filter_map(|name| std::str::from_utf8(name).ok());
    let subcommands = PossibleValuesParser::new(subcommands);
    // This is only for the description: for a mistyped name, there is a better error message than the list of all values.
    Cli::command()
        .mut_subcommand("causes", |own| {
            own.mut_arg("code", |code| {
                code.value_parser(causes).hide_possible_values(true)
            })
        })
        .mut_subcommand("help", |own| {
            own.mut_arg("subcommand", |name| {
                name.value_parser(subcommands).hide_possible_values(true)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_with_flags_is_what_clap_makes_of_it() {
        for words in [
            "true",
            "-- true",
            "-q true -q",
            "--quiet --trace -- why --help",
            "--verbose chekc",
            "-- -x",
            "--quiet why true",
            "--report f true",
            "-x true",
            "--quiet",
            "--",
        ] {
            let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            let shown = |run: Invocation| match run {
                Invocation::Run {
                    options,
                    command,
                    resembles,
                } => Some(format!("{options:?} {command:?} {resembles:?}")),
                Invocation::Own(_) => None,
            };
            let known = run_with_flags(&words).and_then(shown);
            let by_clap = parse_with_clap(words.clone()).ok().and_then(shown);
            assert!(known.is_none() || known == by_clap, "{words:?}: {known:?}");
            let has_flags_only = by_clap.is_some() && words[0] != "--report";
            assert_eq!(known.is_some(), has_flags_only, "{words:?}");
        }
    }

    #[test]
    fn every_subcommand_is_known_without_clap() {
        let described = Cli::command();
        let names: Vec<&[u8]> = described
            .get_subcommands()
            .map(|own| own.get_name().as_bytes())
            .collect();
        assert_eq!(names, SUBCOMMANDS);
    }
}

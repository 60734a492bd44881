//! The command line, as types for clap.
//!
//! The command to run is split off before clap sees the arguments, so that its own arguments, including `--`, are passed on
//! unchanged.

mod mend;
mod setup;
pub mod suggestion;

pub use mend::{Fix, History, Undo};
pub use setup::{Check, Config, Init, Man, Shell, USUAL};

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::attempt::Operation;
use crate::denial::Code;

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

/// Why nothing is run: help was requested, or the arguments are wrong.
#[derive(Debug)]
pub struct Stop {
    /// The text to print.
    pub text: String,
    /// The exit status: 0 for help; for an error, 2 for a subcommand and 125 for a run.
    pub status: u8,
}

#[derive(Debug, Parser)]
#[command(
    name = "permwrap",
    version,
    about = "Explains permission failures: put `permwrap --` before any command.",
    long_about = "Runs COMMAND exactly as it would run alone. When the kernel refuses something, permwrap says afterwards \
                  which object refused, by which rule, and what smallest change puts it right. Only `permwrap fix` changes anything, and asks first.",
    override_usage = "permwrap [OPTIONS] [--] COMMAND [ARG]...\n       permwrap why OPERATION PATH [--as USER | --pid PID]\n       \
                      permwrap explain [FILE | TEXT]\n       permwrap causes [CODE]\n       permwrap check [MANIFEST] [--as USER]\n       permwrap fix [N]\n       permwrap undo [N]\n       permwrap history\n       permwrap init bash|zsh|fish [COMMAND]...\n       permwrap help [SUBCOMMAND]",
    after_help = EXAMPLES,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    run: RunOptions,
    #[command(subcommand)]
    own: Option<Own>,
}

const EXAMPLES: &str = "\
Examples:
  permwrap -- python manage.py runserver     run it; a hint follows a permission failure
  permwrap --report r.json -- make install   also write what was found as JSON
  permwrap why write /var/log/app.log        explain one access without running anything
  permwrap why read /srv/data --as www-data  the same for another user
  permwrap explain build.log                 explain a saved or pasted error text
  permwrap causes dir-not-searchable         what a cause means, and its fixes
  permwrap fix                               put right what the last run here met, after asking
  permwrap undo                              take that back
  permwrap check                             judge all that permwrap.toml says a service needs
  eval \"$(permwrap init bash)\"              wrap the usual commands in this shell

Exit status: that of COMMAND, or its signal; 125 when permwrap itself failed, 126 when COMMAND
could not be run, 127 when it was not found.";

/// The message if permwrap is called without arguments.
const BEGINNING: &str = "\
permwrap: no command given. Put it before any command, and a hint follows what the system refuses:

  permwrap -- python3 app.py                       run it
  permwrap explain \"Permission denied: /srv/x\"     explain an error that was met before
  permwrap why write /var/log/app.log              explain one access without running anything
  permwrap help                                    all of it
";

/// Options of a run.
#[derive(Debug, Clone, Default, Args)]
pub struct RunOptions {
    /// Write a JSON report to FILE when the command ends
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// When to color hints
    #[arg(long, value_name = "WHEN", value_enum)]
    pub color: Option<Color>,
    /// Read more patterns from DIR
    #[arg(long, value_name = "DIR")]
    pub patterns: Vec<PathBuf>,
    /// Print no hints
    #[arg(long, short)]
    pub quiet: bool,
    /// How hints are written
    #[arg(long, value_name = "FORM", value_enum)]
    pub hints: Option<Hints>,
    /// At the end, tell which lines were recognised, and why what got no hint got none
    #[arg(long, short)]
    pub verbose: bool,
    /// Judge permwrap.toml first, and do not start the command when something is missing
    #[arg(long)]
    pub check: bool,
    /// After a failed run, ask whether to put it right, and run COMMAND again
    #[arg(long)]
    pub fix: bool,
    /// Watch what COMMAND writes to stdout as well: some programs tell of their failures there
    #[arg(long)]
    pub stdout: bool,
    /// Leave a terminal alone; nothing can be watched there
    #[arg(long)]
    pub no_pty: bool,
    /// Watch the system calls themselves, for what messages leave out. For other users than root, set-user-ID programs
    /// in COMMAND then have no effect; debuggers in it cannot attach
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

/// When to color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// Where stderr is a terminal, minding NO_COLOR and CLICOLOR_FORCE.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

/// How hints are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Hints {
    /// For people.
    #[default]
    Text,
    /// For people, one line a hint.
    Line,
    /// One JSON line a hint.
    Json,
    /// Workflow annotations.
    Github,
}

/// permwrap's own subcommands.
#[derive(Debug, Subcommand)]
pub enum Own {
    /// Explain one access without running anything
    Why(Why),
    /// Explain an error text that was saved or pasted
    Explain(Explain),
    /// List the causes, or explain one
    Causes(Causes),
    /// List the patterns that recognise messages, or test a file of them
    Patterns(Patterns),
    /// Judge what the project's permwrap.toml asks for, all at once
    Check(Check),
    /// Put right what the last run here met
    Fix(Fix),
    /// Take back what `fix` changed
    Undo(Undo),
    /// List refusals that were met here, what put them right, and what came back
    History(History),
    /// Print what a shell needs to put permwrap before the usual commands
    Init(Init),
    /// Show which settings are in force, and where they come from
    Config(Config),
    /// Print the manual page
    Man(Man),
    /// Tell what permwrap can do, or how a subcommand is called
    Help(Help),
}

/// `permwrap help`.
#[derive(Debug, Args)]
pub struct Help {
    /// The subcommand
    #[arg(value_name = "SUBCOMMAND")]
    pub subcommand: Option<String>,
}

/// Whom a question is about; permwrap itself where nobody is named.
#[derive(Debug, Clone, Default, Args)]
pub struct Who {
    /// Judge for USER: a name, a uid, uid:gid or uid:gid:gid,gid,...; svc:NAME for a systemd service
    #[arg(long = "as", value_name = "USER", conflicts_with = "pid")]
    pub user: Option<String>,
    /// Judge for a live process
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: Option<i32>,
}

/// `permwrap why`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 allowed, 1 denied, 2 could not be judged or the call was wrong."
)]
pub struct Why {
    /// What is to be done
    #[arg(value_name = "OPERATION", value_parser = PossibleValuesParser::new(Operation::names()))]
    pub operation: String,
    /// The thing acted on; for bind also ADDRESS:PORT; for exec also a program's name, looked up along PATH
    #[arg(value_name = "PATH")]
    pub path: OsString,
    /// Who is asked about.
    #[command(flatten)]
    pub who: Who,
    /// rename, link: the new name
    #[arg(long, value_name = "PATH")]
    pub to: Option<OsString>,
    /// mknod: what is made
    #[arg(long = "type", value_name = "TYPE", value_parser = ["fifo", "char", "block"])]
    pub node_type: Option<String>,
    /// chmod: the new mode (default: any)
    #[arg(long, value_name = "OCTAL")]
    pub mode: Option<String>,
    /// chown: the new owner, USER, USER:GROUP or :GROUP (default: somebody else)
    #[arg(long, value_name = "OWNER")]
    pub owner: Option<String>,
    /// utime: set the present time
    #[arg(long)]
    pub now: bool,
    /// setxattr: the attribute's name (default: user.*)
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// When to color
    #[arg(long, value_name = "WHEN", value_enum)]
    pub color: Option<Color>,
}

/// `permwrap explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A file with the text, or the text itself in quotes; without it standard input
    #[arg(value_name = "FILE | TEXT")]
    pub source: Vec<OsString>,
    /// Who met the failure.
    #[command(flatten)]
    pub who: Who,
    /// Instead of a text, explain all that the last run here met, as it is now
    #[arg(long, conflicts_with_all = ["source", "user", "pid", "offline"])]
    pub last: bool,
    /// Look at nothing on this machine: report what the text says
    #[arg(long, conflicts_with_all = ["user", "pid"])]
    pub offline: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Read more patterns from DIR
    #[arg(long, value_name = "DIR")]
    pub patterns: Vec<PathBuf>,
    /// When to color
    #[arg(long, value_name = "WHEN", value_enum)]
    pub color: Option<Color>,
}

/// `permwrap causes`.
#[derive(Debug, Args)]
pub struct Causes {
    /// The cause to explain
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// `permwrap patterns`.
#[derive(Debug, Args)]
#[command(
    after_help = "Patterns of your own go to ~/.config/permwrap/patterns/*.toml, or to a directory named with --patterns."
)]
pub struct Patterns {
    /// What to do; without it the patterns are listed
    #[command(subcommand)]
    pub action: Option<PatternsAction>,
    /// Read more patterns from DIR
    #[arg(long, value_name = "DIR")]
    pub patterns: Vec<PathBuf>,
}

/// What `permwrap patterns` is to do.
#[derive(Debug, Subcommand)]
pub enum PatternsAction {
    /// Check a file of patterns and its samples
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
    let split = Split::of(&arguments);
    let (own, command) = arguments.split_at(split.command_at);
    let own_arguments = own.iter().take(split.options_end).cloned();
    let cli = Cli::try_parse_from(std::iter::once(OsString::from("permwrap")).chain(own_arguments))
        .map_err(|error| {
            let first = split
                .is_subcommand
                .then(|| own.iter().find(|word| is_subcommand(word)));
            stop(&error, first.flatten().and_then(|name| name.to_str()))
        })?;
    match (cli.own, command.first()) {
        (Some(Own::Help(help)), _) => Err(help_about(help.subcommand)),
        (Some(own), _) => Ok(Invocation::Own(own)),
        (None, Some(first)) => Ok(Invocation::Run {
            options: cli.run,
            resembles: if split.is_marked {
                None
            } else {
                resembled(first)
            },
            command: command.to_vec(),
        }),
        (None, None) if arguments.is_empty() => Err(Stop {
            text: BEGINNING.to_owned(),
            status: 125,
        }),
        (None, None) => Err(Stop {
            text: "permwrap: no command given (permwrap help tells more)\n".into(),
            status: 125,
        }),
    }
}

/// The text for `permwrap help`, which is that of the corresponding `--help`.
fn help_about(subcommand: Option<String>) -> Stop {
    let asked = match subcommand {
        None => vec!["--help".into()],
        Some(name) if is_subcommand(OsStr::new(&name)) => vec![name.into(), "--help".into()],
        Some(name) => {
            let meant = resembled(OsStr::new(&name));
            let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
            return Stop {
                text: format!(
                    "permwrap: there is no subcommand {name:?}{meant} (permwrap help lists them)\n"
                ),
                status: 2,
            };
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

/// The boundary between permwrap's own arguments and the command.
struct Split {
    /// The number of arguments that clap parses.
    options_end: usize,
    /// The index of the command; the number of arguments if there is none.
    command_at: usize,
    is_subcommand: bool,
    /// Whether the command is preceded by `--`.
    is_marked: bool,
}

impl Split {
    fn of(arguments: &[OsString]) -> Split {
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
                return Split {
                    options_end: at,
                    command_at: at + 1,
                    is_subcommand: false,
                    is_marked: true,
                };
            }
            if !word.starts_with(b"-") || word == b"-" {
                let is_subcommand = is_subcommand(&arguments[at]);
                let command_at = if is_subcommand { all } else { at };
                return Split {
                    options_end: command_at,
                    command_at,
                    is_subcommand,
                    is_marked: false,
                };
            }
            at += if takes_value(word) { 2 } else { 1 };
        }
        Split {
            options_end: all,
            command_at: all,
            is_subcommand: false,
            is_marked: false,
        }
    }
}

/// Help as clap formats it, or an error as a single line.
fn stop(error: &clap::Error, subcommand: Option<&str>) -> Stop {
    let text = error.render().to_string();
    if error.exit_code() == 0 {
        return Stop { text, status: 0 };
    }
    let mut lines = text.lines().map(str::trim);
    let what: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    let what = what.join(" ");
    let what = what.strip_prefix("error: ").unwrap_or(&what);
    let tip = lines.find_map(|line| line.strip_prefix("tip: "));
    let tip = tip.map_or_else(String::new, |tip| format!("; {tip}"));
    let about = subcommand.map_or_else(String::new, |name| format!(" {name}"));
    Stop {
        text: format!("permwrap: {what}{tip} (permwrap help{about} tells more)\n"),
        status: if subcommand.is_some() { 2 } else { 125 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subcommand_is_known_without_clap() {
        let described = Cli::command();
        let names: Vec<&[u8]> = described
            .get_subcommands()
            .map(|own| own.get_name().as_bytes())
            .collect();
        assert_eq!(names, SUBCOMMANDS);
    }
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
                }) = parse(words.to_vec())
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

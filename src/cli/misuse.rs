//! What is printed instead of running something: help as clap formats it, or what is wrong with the arguments.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::suggestion;
use crate::complaint;

/// Why nothing is run: help was requested, or the arguments are wrong.
#[derive(Debug)]
pub struct Stop {
    /// The text to print.
    pub text: String,
    /// The exit status: 0 for help; for an error, 2 for a subcommand and 125 for a run.
    pub status: u8,
}

/// The message if permwrap is called without arguments.
const BEGINNING: &str = "\
permwrap: no command given. Put permwrap before any command:

  permwrap -- python3 app.py
      run it, and explain what the system refuses
  permwrap explain \"Permission denied: /srv/x\"
      explain an error that was met earlier
  permwrap why write /var/log/app.log
      explain one access without running anything
  permwrap help
      all that it can do
";

impl Stop {
    /// permwrap was called without arguments.
    pub fn at_the_beginning() -> Stop {
        Stop {
            text: BEGINNING.to_owned(),
            status: 125,
        }
    }

    /// There are options, but no command.
    pub fn without_a_command() -> Stop {
        Stop {
            text: complaint::line("no command given (see permwrap help)"),
            status: 125,
        }
    }

    /// Help was requested about a subcommand that does not exist, but may resemble another.
    pub fn no_such_subcommand(name: &str, resembled: Option<&str>) -> Stop {
        let meant = resembled.map_or_else(String::new, |meant| format!(": did you mean {meant}?"));
        Stop {
            text: complaint::line(&format!(
                "there is no subcommand '{name}'{meant} (permwrap help lists them)"
            )),
            status: 2,
        }
    }

    /// clap has printed help, or does not understand the arguments of the subcommand or of a run.
    pub fn by_clap(error: &clap::Error, subcommand: Option<&str>) -> Stop {
        if error.exit_code() == 0 {
            return Stop {
                text: error.render().to_string(),
                status: 0,
            };
        }
        let about = subcommand.map_or_else(String::new, |name| format!(" {name}"));
        let what = mistake(error, subcommand);
        Stop {
            text: complaint::line(&format!("{what} (see permwrap help{about})")),
            status: if subcommand.is_some() { 2 } else { 125 },
        }
    }
}

/// What is wrong with the arguments.
fn mistake(error: &clap::Error, subcommand: Option<&str>) -> String {
    let given = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    let argument = given(ContextKind::InvalidArg);
    // `<FILE>` or `--hints <FORM>`
    let bare = |name: &String| {
        let name = name.split(" <").next().unwrap_or(name);
        name.trim_matches(['<', '>']).to_owned()
    };
    let argument: Vec<String> = argument.iter().map(bare).collect();
    let value = given(ContextKind::InvalidValue).concat();
    let known = given(ContextKind::ValidValue);
    match error.kind() {
        ErrorKind::MissingRequiredArgument => format!("missing {}", argument.join(" ")),
        ErrorKind::UnknownArgument => {
            let meant = match &given(ContextKind::SuggestedArg)[..] {
                [] if subcommand == Some("why") && !argument.concat().starts_with('-') => {
                    ": the second path of rename and link follows --to".to_owned()
                }
                [] => String::new(),
                [meant, ..] => format!(": did you mean {meant}?"),
            };
            format!("unknown argument '{}'{meant}", argument.concat())
        }
        ErrorKind::InvalidValue if !known.is_empty() && value.is_empty() => {
            format!(
                "missing {}: one of {}",
                named(&argument.concat()),
                known.join(", ")
            )
        }
        ErrorKind::InvalidValue if !known.is_empty() => {
            let known_words = known.iter().map(String::as_str);
            let meant = synonym(&value)
                .filter(|meant| known.iter().any(|word| word == meant))
                .or_else(|| suggestion::meant(&value, known_words));
            let rest = match meant {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("it must be one of {}", known.join(", ")),
            };
            format!(
                "'{value}' is not a valid {}: {rest}",
                named(&argument.concat())
            )
        }
        _ => first_paragraph(error),
    }
}

/// The operation that people have another word for.
fn synonym(word: &str) -> Option<&'static str> {
    Some(match word {
        "listen" => "bind",
        "open" | "cat" | "load" => "read",
        "edit" | "modify" | "save" | "change" => "write",
        "run" | "execute" | "start" => "exec",
        "remove" | "rm" | "unlink" | "del" => "delete",
        "enter" | "cd" | "search" | "access" | "pass" => "traverse",
        "ls" | "dir" => "list",
        "move" | "mv" => "rename",
        "ln" => "link",
        "make" | "touch" | "new" => "create",
        "chgrp" => "chown",
        _ => return None,
    })
}

/// What takes the value: `OPERATION`, or `value of --hints`.
fn named(argument: &str) -> String {
    match argument.starts_with('-') {
        true => format!("value of {argument}"),
        false => argument.to_owned(),
    }
}

/// clap's own words, as a single line.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    let words = lines.join(" ");
    words.strip_prefix("error: ").unwrap_or(&words).to_owned()
}

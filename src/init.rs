//! `permwrap init SHELL`: what a shell evaluates at its start, so that the usual commands run under permwrap and keep
//! their completion; and the manual page.
//!
//! The scripts are in `init/`, one a shell. clap writes the completion of permwrap's own options and subcommands; the
//! scripts hand everything after `permwrap --` over to the completion of the command that stands there.
#![forbid(unsafe_code)]

mod manual;

pub use manual::manual;

pub use crate::cli::USUAL;
use crate::cli::{self, Shell};

/// Whether a word can be wrapped as a command's name.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn command_name(word: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    if word.is_empty() || word.starts_with('-') || !word.bytes().all(plain) {
        return Err(format!("{word:?} is not the plain name of a command"));
    }
    if word == "permwrap" {
        return Err("permwrap does not wrap itself".to_owned());
    }
    Ok(())
}

/// The script for the shell, which wraps these commands.
///
/// # Errors
/// A command's name that is none, in one line.
pub fn script(shell: Shell, commands: &[String]) -> Result<String, String> {
    for name in commands {
        command_name(name)?;
    }
    let (template, generator) = match shell {
        Shell::Bash => (include_str!("init/bash.sh"), clap_complete::Shell::Bash),
        Shell::Zsh => (include_str!("init/zsh.zsh"), clap_complete::Shell::Zsh),
        Shell::Fish => (include_str!("init/fish.fish"), clap_complete::Shell::Fish),
    };
    let description = cli::describe();
    let subcommands: Vec<&str> = description
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let valued: Vec<String> = description
        .get_arguments()
        .filter(|argument| argument.get_action().takes_values())
        .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
        .collect();
    let or = |words: &[&str]| words.join(if shell == Shell::Fish { " " } else { "|" });
    let valued: Vec<&str> = valued.iter().map(String::as_str).collect();
    Ok(template
        .replace("@COMMANDS@", &commands.join(" "))
        .replace("@SUBCOMMANDS@", &or(&subcommands))
        .replace("@OPTIONS_WITH_VALUE@", &or(&valued))
        .replace("@COMPLETION@\n", &completion(generator)))
}

fn completion(generator: clap_complete::Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(generator, &mut cli::describe(), "permwrap", &mut text);
    String::from_utf8(text).expect("clap writes UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_cannot_carry_shell_code() {
        for word in ["", "-x", "a b", "a;b", "$(x)", "a/b", "permwrap", "é"] {
            assert!(command_name(word).is_err(), "{word:?}");
        }
        for word in USUAL
            .iter()
            .chain(&["g++", "python3.12", "x86_64-linux-gnu-gcc"])
        {
            assert_eq!(command_name(word), Ok(()));
        }
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let text = script(shell, &["git".to_owned()]).expect("git is a name");
            for place in [
                "@COMMANDS@",
                "@COMPLETION@",
                "@SUBCOMMANDS@",
                "@OPTIONS_WITH_VALUE@",
            ] {
                assert!(!text.contains(place), "{text}");
            }
        }
    }
}

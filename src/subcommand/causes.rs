//! `permwrap causes`.

use owo_colors::OwoColorize;

use super::{Outcome, print, style};
use crate::attempt::Errno;
use crate::cli::Causes;
use crate::cli::suggestion::meant;
use crate::denial::Code;
use crate::layout::hanging;
use crate::terminal_width;

pub fn run(arguments: &Causes) -> Outcome {
    let Some(name) = &arguments.code else {
        return list(Code::ALL);
    };
    if let Some(code) = Code::from_name(name) {
        print(&page(code, style(None).color))?;
        return Ok(0);
    }
    let unknown =
        |meant: &str| format!("no cause is called {name:?}{meant} (permwrap causes lists them)");
    if let Some(meant) = meant(name, Code::ALL.iter().map(|code| code.name())) {
        return Err(unknown(&format!("; did you mean {meant}?")));
    }
    match about(name.trim()).as_slice() {
        [] => Err(unknown("")),
        about => list(about),
    }
}

fn list(codes: &[Code]) -> Outcome {
    let width = terminal_width::of(&std::io::stdout()).unwrap_or(usize::MAX);
    let lines = codes.iter().map(|code| entry(*code, width));
    print(&lines.collect::<String>())?;
    Ok(0)
}

/// The minimum length of a word that is searched for: shorter ones are part of others.
const SHORTEST: usize = 3;

/// The causes whose pages mention this word, or the error number whose message it is (`Permission denied`).
fn about(word: &str) -> Vec<Code> {
    let mut errnos = Errno::ALL.iter();
    let errno = errnos.find(|errno| errno.words().eq_ignore_ascii_case(word));
    let word = errno.map_or(word, |errno| errno.symbol()).to_lowercase();
    if word.len() < SHORTEST {
        return Vec::new();
    }
    let mentions = |code: &&Code| code.page().to_lowercase().contains(&word);
    Code::ALL.iter().filter(mentions).copied().collect()
}

/// The line of a cause in the list; what does not fit into the width follows below.
fn entry(code: Code, width: usize) -> String {
    let name = format!("{:<23}", code.name());
    let lines = hanging(&name, code.because(), width);
    let indent = " ".repeat(name.len() + 1);
    format!("{name} {}\n", lines.join(&format!("\n{indent}")))
}

/// The page in Markdown; on a terminal with colors, its headings are shown in bold instead.
fn page(code: Code, color: bool) -> String {
    if !color {
        return code.page().to_owned();
    }
    let line = |line: &str| match line.trim_start_matches('#') {
        heading if heading.len() < line.len() => format!("{}\n", heading.trim_start().bold()),
        _ => format!("{line}\n"),
    };
    code.page().lines().map(line).collect()
}

//! `permwrap causes`.

use owo_colors::OwoColorize;

use super::{Outcome, print, style};
use crate::cli::Causes;
use crate::cli::suggestion::meant;
use crate::denial::Code;
use crate::layout::hanging;
use crate::terminal_width;

pub fn run(arguments: &Causes) -> Outcome {
    let Some(name) = &arguments.code else {
        let width = terminal_width::of(&std::io::stdout()).unwrap_or(usize::MAX);
        print(
            &Code::ALL
                .iter()
                .map(|code| entry(*code, width))
                .collect::<String>(),
        )?;
        return Ok(0);
    };
    let code = Code::from_name(name).ok_or_else(|| {
        let meant = meant(name, Code::ALL.iter().map(|code| code.name()));
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
        format!("no cause is called {name:?}{meant} (permwrap causes lists them)")
    })?;
    print(&page(code, style(None).color))?;
    Ok(0)
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

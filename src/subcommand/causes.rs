//! `permwrap causes`.

use owo_colors::OwoColorize;

use super::{Outcome, print, style};
use crate::cli::Causes;
use crate::cli::suggestion::meant;
use crate::denial::Code;

pub fn run(arguments: &Causes) -> Outcome {
    let Some(name) = &arguments.code else {
        let list: String = Code::ALL
            .iter()
            .map(|code| format!("{:<22}  {}\n", code.name(), code.because()))
            .collect();
        print(&list)?;
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

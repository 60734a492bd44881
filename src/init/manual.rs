//! The manual page: clap's sections, then the subcommands, examples and files.

use crate::cli;

/// The manual page, for man(1).
///
/// # Panics
/// Never: writing to memory does not fail.
#[must_use]
pub fn manual() -> String {
    let mut description = cli::describe();
    // Fills in what clap derives, such as how many values an argument takes.
    description.build();
    let examples = description
        .get_after_help()
        .map_or_else(String::new, ToString::to_string);
    let page = clap_mangen::Man::new(description.clone()).manual("User Commands");
    let mut start = Vec::new();
    let sections = [
        clap_mangen::Man::render_title,
        clap_mangen::Man::render_name_section,
        clap_mangen::Man::render_synopsis_section,
        clap_mangen::Man::render_description_section,
        clap_mangen::Man::render_options_section,
    ];
    for section in sections {
        section(&page, &mut start).expect("memory takes it");
    }
    let start = String::from_utf8(start).expect("clap writes UTF-8");
    let subcommands: String = description.get_subcommands().map(manual_entry).collect();
    format!(
        "{start}.SH SUBCOMMANDS\n{subcommands}.SH EXAMPLES\n.nf\n{}\n.fi\n{}",
        roff(&examples),
        include_str!("manual.roff")
    )
}

/// A subcommand with its arguments, each with what it says of itself.
fn manual_entry(own: &clap::Command) -> String {
    let usage = own.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let about = own
        .get_about()
        .map_or_else(String::new, ToString::to_string);
    let mut text = format!(".TP\n\\fB{}\\fR\n{}.\n", roff(usage), roff(&about));
    for argument in own
        .get_arguments()
        .filter(|argument| argument.get_id() != "help")
    {
        if let Some(help) = argument.get_help() {
            let name = roff(&argument.to_string());
            text.push_str(&format!(
                ".RS\n.TP\n{name}\n{}\n.RE\n",
                roff(&help.to_string())
            ));
        }
    }
    text
}

/// Text as roff(7) takes it literally.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    text.lines()
        .map(|line| match line.as_bytes().first() {
            Some(b'.' | b'\'') => format!("\\&{line}"),
            _ => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_tells_of_files_and_of_every_subcommand() {
        let text = manual();
        assert!(text.contains(".SH FILES"));
        for own in cli::describe().get_subcommands() {
            let name = own.get_name().replace('-', "\\-");
            assert!(text.contains(&name), "{name}");
        }
    }
}

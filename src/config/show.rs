//! `permwrap config`: the settings in force, and where they come from.

use std::path::PathBuf;

use super::{Config, HintsOrOff, Paths, Set};
use crate::cli::{Color, Hints};

/// A table of all settings with their values and origins. `paths` is the location of the file, and `there` says whether it
/// exists.
#[must_use]
pub fn show(config: &Config, paths: Option<&Paths>, there: bool) -> String {
    let file = match paths {
        Some(paths) if there => paths.file.display().to_string(),
        Some(paths) => format!(
            "{} (not there: the defaults are in force)",
            paths.file.display()
        ),
        None => "none: HOME is not set".to_owned(),
    };
    let mut rows = vec![
        row("color", &config.color, "auto", |&color| color_word(color)),
        row("hints", &config.hints, "text", |&hints| hints_word(hints)),
        row("patterns", &config.patterns, "none", |list| listed(list)),
        row("history", &config.history, "true", bool::to_string),
        row("ignore.paths", &config.ignored_paths, "none", |list| {
            listed(list)
        }),
        row("ignore.causes", &config.ignored_causes, "none", |codes| {
            joined(codes.iter().map(|code| code.name().to_owned()))
        }),
        row(
            "init.commands",
            &config.commands,
            &crate::init::USUAL.join(" "),
            |names| names.join(" "),
        ),
    ];
    if let Some(paths) = paths {
        let patterns = paths.directory.join("patterns").display().to_string();
        rows.push(["own patterns".into(), patterns, "always read".into()]);
    }
    let widest = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (name_width, value_width) = (widest(0), widest(1).min(40));
    let mut text = format!("{:name_width$}  {file}\n", "file");
    for [name, value, origin] in &rows {
        text.push_str(&format!(
            "{name:name_width$}  {value:value_width$}  {origin}\n"
        ));
    }
    text
}

fn row<T>(
    name: &str,
    setting: &Option<Set<T>>,
    default: &str,
    word: impl Fn(&T) -> String,
) -> [String; 3] {
    match setting {
        Some(set) => [
            name.to_owned(),
            word(&set.value),
            format!("line {}", set.line),
        ],
        None => [name.to_owned(), default.to_owned(), "default".to_owned()],
    }
}

fn color_word(color: Color) -> String {
    match color {
        Color::Auto => "auto",
        Color::Always => "always",
        Color::Never => "never",
    }
    .to_owned()
}

fn hints_word(hints: HintsOrOff) -> String {
    match hints {
        HintsOrOff::Form(Hints::Text) => "text",
        HintsOrOff::Form(Hints::Line) => "line",
        HintsOrOff::Form(Hints::Json) => "json",
        HintsOrOff::Form(Hints::Github) => "github",
        HintsOrOff::Off => "off",
    }
    .to_owned()
}

fn listed(list: &[PathBuf]) -> String {
    joined(list.iter().map(|path| path.display().to_string()))
}

fn joined(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_tells_where_it_comes_from() {
        let config =
            super::super::parse("\nhints = \"json\"\n[ignore]\npaths = [\"/proc\"]\n", None)
                .expect("it is well-formed");
        let paths = Paths {
            directory: "/h/.config/permwrap".into(),
            file: "/h/.config/permwrap/config.toml".into(),
        };
        let text = show(&config, Some(&paths), true);
        let line = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.expect(name)
                .split_whitespace()
                .skip(1)
                .collect::<Vec<_>>()
        };
        assert_eq!(line("file"), ["/h/.config/permwrap/config.toml"]);
        assert_eq!(line("color"), ["auto", "default"]);
        assert_eq!(line("hints"), ["json", "line", "2"]);
        assert_eq!(line("ignore.paths"), ["/proc", "line", "4"]);
    }
}

//! Layout of hints: labels in a column of their own, text wrapped to the width of the terminal.

use owo_colors::OwoColorize;
use unicode_width::UnicodeWidthStr;

use super::Style;

/// The column at which text begins, after the labels.
pub const INDENT: usize = 11;

/// A label followed by text that is wrapped to `width` columns; only the first line has the label.
#[must_use]
pub fn labelled(label: &str, words: &str, width: usize) -> String {
    let mut text = String::new();
    for (at, line) in wrapped(words, width.saturating_sub(INDENT))
        .into_iter()
        .enumerate()
    {
        let label = if at == 0 { label } else { "" };
        text.push_str(&format!("  {label:<9}{line}\n"));
    }
    text
}

/// Wraps text to lines of at most `width` columns. A longer word is put on a line of its own, because a path or command that
/// was broken could not be copied.
#[must_use]
pub fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if columns(line) + 1 + columns(word) <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// The width of the text on a terminal: wide characters, such as Chinese and Japanese ones, take two columns.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// Highlights the text, if colors are used.
pub(super) fn strong(text: &str, style: Style) -> String {
    if style.color {
        text.yellow().to_string()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_word_stands_alone_unbroken() {
        assert_eq!(
            wrapped("see /a/very/long/path now", 10),
            ["see", "/a/very/long/path", "now"]
        );
    }

    #[test]
    fn a_wide_character_takes_two_columns() {
        assert_eq!(columns("写真/a"), 6);
        assert_eq!(wrapped("写真 写真", 8), ["写真", "写真"]);
    }

    #[test]
    fn the_label_stands_before_the_first_line_only() {
        assert_eq!(
            labelled("because", "one two three", 20),
            "  because  one two\n           three\n"
        );
    }
}

//! Layout of hints: labels in a column of their own, text wrapped to the width of the terminal.
#![forbid(unsafe_code)]

use unicode_width::UnicodeWidthStr;

/// The column at which text begins, after the labels.
pub const INDENT: usize = 11;

/// A list in words: "a", "a or b", "a, b or c", with "or" as the conjunction.
#[must_use]
pub fn listed(words: &[&str], conjunction: &str) -> String {
    match words {
        [others @ .., last] if !others.is_empty() => {
            format!("{} {conjunction} {last}", others.join(", "))
        }
        few => few.concat(),
    }
}

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

/// The lines of a text that follows a name; further lines are aligned with the first. What fits is left exactly as it is.
#[must_use]
pub fn hanging(name: &str, words: &str, width: usize) -> Vec<String> {
    let room = width.saturating_sub(columns(name) + 1);
    match columns(words) <= room {
        true => vec![words.to_owned()],
        false => wrapped(words, room),
    }
}

/// Wraps text to lines of at most `width` columns. A longer word is put on a line of its own, because a path or command that
/// was broken could not be copied. For the same reason, what stands in backticks stays on one line if one is wide enough.
#[must_use]
pub fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in unbroken(words, width) {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(&word);
        } else if columns(line) + 1 + columns(&word) <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

/// The words of a text, those in one pair of backticks as one.
fn unbroken(text: &str, width: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_open = false;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match found.last_mut().filter(|_| is_open) {
            Some(last) if columns(last) + 1 + columns(word) <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => found.push(word.to_owned()),
        }
        is_open ^= word.matches('`').count() % 2 == 1;
    }
    found
}

/// The width of the text on a terminal: wide characters, such as Chinese and Japanese ones, take two columns.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
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
    fn what_stands_in_backticks_stays_together_if_it_fits() {
        assert_eq!(wrapped("see: `a bc`, d", 10), ["see:", "`a bc`, d"]);
        assert_eq!(wrapped("`a bc def` g", 5), ["`a bc", "def`", "g"]);
    }

    #[test]
    fn a_wide_character_takes_two_columns() {
        assert_eq!(columns("写真/a"), 6);
        assert_eq!(wrapped("写真 写真", 8), ["写真", "写真"]);
    }

    #[test]
    fn what_fits_after_a_name_is_left_as_it_is() {
        assert_eq!(hanging("me:", "a  b", 8), ["a  b"]);
        assert_eq!(hanging("me:", "a  b", 7), ["a b"]);
        assert_eq!(hanging("me:", "one two", 8), ["one", "two"]);
    }

    #[test]
    fn the_label_stands_before_the_first_line_only() {
        assert_eq!(
            labelled("because", "one two three", 20),
            "  because  one two\n           three\n"
        );
    }
}

//! Text with a box drawn around it, as by rich, typer, miette and Terraform: removes the borders and joins wrapped lines.

/// The vertical borders of boxes.
const BORDERS: &[&str] = &["│", "┃", "║"];

/// The assumed width of a box without a right border, in characters: programs wrap at 80 columns.
const USUAL_WIDTH: usize = 78;

/// Lines of a box that form one wrapped line of text.
#[derive(Debug, Default)]
pub(super) struct Boxed {
    text: Vec<u8>,
    /// The length of the last line, in characters.
    last: usize,
    /// The width between the borders, in characters; `None` for a box without a right border.
    width: Option<usize>,
}

impl Boxed {
    /// The line without its borders; `None` if it has none.
    pub fn of(line: &[u8]) -> Option<Boxed> {
        let line = std::str::from_utf8(line).ok()?;
        let inside = BORDERS
            .iter()
            .find_map(|border| line.trim_start().strip_prefix(border))?;
        let inside = inside.strip_prefix(' ').unwrap_or(inside);
        let closed = BORDERS
            .iter()
            .find_map(|border| inside.trim_end().strip_suffix(border));
        let width = closed.map(|inside| inside.strip_suffix(' ').unwrap_or(inside).chars().count());
        let text = closed.unwrap_or(inside).trim_end();
        Some(Boxed {
            text: text.as_bytes().to_vec(),
            last: text.chars().count(),
            width,
        })
    }

    /// Appends the next line if it continues this one after a wrap; false if it does not.
    pub fn goes_on(&mut self, next: &Boxed) -> bool {
        if self.lacks_its_name() && next.is_a_name() {
            self.text.push(b' ');
            self.text.extend_from_slice(next.text.trim_ascii());
            self.last = next.last;
            return true;
        }
        if self.width != next.width || next.text.is_empty() {
            return false;
        }
        // A word that is wider than the box is split at its edge, as some programs split any word.
        let full = self.width.is_some_and(|width| self.last >= width)
            && (!self.text.contains(&b' ') || self.ends_in_a_name());
        let glue = if full {
            ""
        } else if self.text.ends_with(b"-") && !self.text.ends_with(b" -") {
            if self.has_room_for(word_or_part(&next.text)) {
                return false;
            }
            ""
        } else {
            // The width of a box without a right border is unknown. There, only a path that did not fit is certain to have been
            // wrapped.
            let sure = self.width.is_some() || next.text.starts_with(b"/");
            if !sure || self.has_room_for(word(&next.text)) {
                return false;
            }
            " "
        };
        self.text.extend_from_slice(glue.as_bytes());
        self.text.extend_from_slice(&next.text);
        self.last = next.last;
        true
    }

    /// The text inside the box.
    pub fn into_text(self) -> Vec<u8> {
        self.text
    }

    /// Whether the text ends with the name of a call, as Node puts it before a path.
    fn lacks_its_name(&self) -> bool {
        let last = self.text.rsplit(|byte| *byte == b' ').next();
        last.is_some_and(|word| super::words::call(word).is_some()) && self.text.contains(&b':')
    }

    /// Whether all of it is a quoted path.
    fn is_a_name(&self) -> bool {
        let text = self.text.trim_ascii();
        matches!(text, [b'\'' | b'"', b'/' | b'.', .., b'\'' | b'"']) && !text.contains(&b' ')
    }

    /// Whether the last word is the beginning of a quoted path.
    fn ends_in_a_name(&self) -> bool {
        let last = self.text.rsplit(|byte| *byte == b' ').next();
        let [quote @ (b'\'' | b'"'), b'/', rest @ ..] = last.unwrap_or_default() else {
            return false;
        };
        !rest.contains(quote)
    }

    /// Whether the word would have fitted into the last line.
    fn has_room_for(&self, word: &[u8]) -> bool {
        let length = String::from_utf8_lossy(word).chars().count();
        self.last == 0 || self.last + 1 + length <= self.width.unwrap_or(USUAL_WIDTH)
    }
}

/// The first word of the text.
fn word(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == b' ');
    &text[..end.unwrap_or(text.len())]
}

/// The first word of the text or, if it can be split at a hyphen between letters, its first part.
fn word_or_part(text: &[u8]) -> &[u8] {
    let word = word(text);
    let parts = |three: &[u8]| {
        three[0].is_ascii_alphabetic() && three[1] == b'-' && three[2].is_ascii_alphabetic()
    };
    let end = word.windows(3).position(parts);
    &word[..end.map_or(word.len(), |at| at + 2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(lines: &[&str]) -> Vec<String> {
        let mut found: Vec<Boxed> = Vec::new();
        for line in lines {
            let next = Boxed::of(line.as_bytes()).expect("a line of a box");
            if !found.last_mut().is_some_and(|last| last.goes_on(&next)) {
                found.push(next);
            }
        }
        let text = |boxed: Boxed| String::from_utf8(boxed.into_text()).expect("it was text");
        found.into_iter().map(text).collect()
    }

    #[test]
    fn what_did_not_fit_is_joined() {
        assert_eq!(
            text_of(&[
                "│ [Errno 13] denied:   │",
                "│ '/srv/cache/results- │",
                "│ march'               │",
            ]),
            ["[Errno 13] denied: '/srv/cache/results-march'"]
        );
        assert_eq!(
            text_of(&["│ denied: '/srv/cache/ │", "│ results'             │"]),
            ["denied: '/srv/cache/results'"]
        );
    }

    #[test]
    fn what_would_have_fitted_is_another_line() {
        assert_eq!(
            text_of(&["│ File \"a.py\"          │", "│   open(x)            │"]),
            ["File \"a.py\"", "  open(x)"]
        );
        assert_eq!(
            text_of(&["│ Error: Failed", "│ ", "│ open /srv/x: permission denied"]),
            ["Error: Failed", "", "open /srv/x: permission denied"]
        );
    }
}

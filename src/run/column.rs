//! Whether the cursor is at the start of a line, as far as the bytes written reveal.

/// Tracks the cursor in a stream of bytes.
#[derive(Debug, Default)]
pub struct Column {
    away: bool,
    escape: Escape,
    line: Vec<u8>,
}

/// The maximum length of a line that is kept, in bytes: enough for a prompt with all its colors.
const LONGEST_LINE: usize = 4096;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// After ESC.
    Begun,
    /// Inside a control sequence (ESC [), which ends with a byte from `@` to `~`.
    Control,
    /// Inside a control string (ESC ], such as a title), which ends with BEL or ESC \.
    Text,
}

impl Column {
    /// Whether nothing has been written since the last line feed, except carriage returns and escape sequences (such as a reset
    /// of colors).
    #[must_use]
    pub fn is_start(&self) -> bool {
        !self.away
    }

    /// What was written since the last line feed: a prompt, and what was typed at it. `None` if it is too long to be a prompt.
    #[must_use]
    pub fn line(&self) -> Option<&[u8]> {
        Some(&self.line[..]).filter(|line| line.len() <= LONGEST_LINE)
    }

    /// Processes bytes that were written.
    pub fn after(&mut self, bytes: &[u8]) {
        let line = match memchr::memrchr(b'\n', bytes) {
            Some(at) => {
                *self = Column::default();
                &bytes[at + 1..]
            }
            None => bytes,
        };
        let room = (LONGEST_LINE + 1).saturating_sub(self.line.len());
        self.line.extend_from_slice(&line[..line.len().min(room)]);
        for &byte in line {
            // Only a line feed returns to the start of a line.
            if self.away {
                return;
            }
            self.escape = match (self.escape, byte) {
                (Escape::None, 0x1b) => Escape::Begun,
                (Escape::Begun, b'[') => Escape::Control,
                (Escape::Begun, b']' | b'P' | b'_' | b'^') => Escape::Text,
                (Escape::Control, b'@'..=b'~') | (Escape::Text, 7) | (Escape::Begun, _) => {
                    Escape::None
                }
                (Escape::Text, 0x1b) => Escape::Begun,
                (Escape::None, b'\r' | 7) => Escape::None,
                (Escape::None, _) => {
                    self.away = true;
                    Escape::None
                }
                (inside, _) => inside,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Column;

    fn starts(pieces: &[&str]) -> bool {
        let mut column = Column::default();
        for piece in pieces {
            column.after(piece.as_bytes());
        }
        column.is_start()
    }

    #[test]
    fn a_line_feed_leads_to_the_start() {
        assert!(starts(&[]));
        assert!(starts(&["text\n"]));
        assert!(starts(&["text\r\n", "more\n"]));
        assert!(!starts(&["text\nmore"]));
    }

    #[test]
    fn colors_put_back_after_the_line_feed_do_not_move_the_cursor() {
        assert!(starts(&["\x1b[31mtext\n\x1b[0m"]));
        assert!(starts(&["text\n\x1b[", "0m", "\r"]));
        assert!(starts(&["text\n\x1b]0;title\x07"]));
        assert!(starts(&["text\n\x1b]0;title\x1b\\"]));
    }

    #[test]
    fn text_after_a_color_moves_it() {
        assert!(!starts(&["\n\x1b[31m", "t", "\x1b[0m"]));
    }
}

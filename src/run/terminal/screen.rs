//! Whether a full-screen program has switched to the alternate screen.

/// The maximum length of an escape sequence examined, in bytes.
const LONGEST: usize = 24;

/// Tracks the output to a terminal.
#[derive(Debug, Default)]
pub struct Screen {
    alternate: bool,
    /// The beginning of an escape sequence that the last chunk cut off.
    begun: Vec<u8>,
}

impl Screen {
    /// Whether the alternate screen is shown.
    #[must_use]
    pub fn is_alternate(&self) -> bool {
        self.alternate
    }

    /// Processes bytes that were written.
    pub fn after(&mut self, bytes: &[u8]) {
        if self.begun.is_empty() {
            self.look(bytes);
            return;
        }
        let mut joined = std::mem::take(&mut self.begun);
        joined.extend_from_slice(bytes);
        self.look(&joined);
    }

    fn look(&mut self, bytes: &[u8]) {
        for at in memchr::memchr_iter(0x1b, bytes) {
            let sequence = &bytes[at..bytes.len().min(at + LONGEST)];
            let parameters = match sequence {
                [0x1b] | [0x1b, b'['] => &[],
                [0x1b, b'[', b'?', rest @ ..] => rest,
                _ => continue,
            };
            match parameters
                .iter()
                .position(|b| !matches!(b, b'0'..=b'9' | b';'))
            {
                Some(end) => self.switch(&parameters[..end], parameters[end]),
                None if sequence.len() < LONGEST => self.begun = sequence.to_vec(),
                None => {}
            }
        }
    }

    fn switch(&mut self, parameters: &[u8], how: u8) {
        let screen = |p: &[u8]| matches!(p, b"47" | b"1047" | b"1049");
        if matches!(how, b'h' | b'l') && parameters.split(|b| *b == b';').any(screen) {
            self.alternate = how == b'h';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Screen;

    fn alternate(pieces: &[&str]) -> bool {
        let mut screen = Screen::default();
        for piece in pieces {
            screen.after(piece.as_bytes());
        }
        screen.is_alternate()
    }

    #[test]
    fn a_full_screen_program_takes_the_alternate_screen_and_gives_it_back() {
        assert!(alternate(&["\x1b[?1049h\x1b[H"]));
        assert!(alternate(&["\x1b[?1;1049;25h"]));
        assert!(!alternate(&["\x1b[?1049h", "text", "\x1b[?1049l"]));
        assert!(!alternate(&["\x1b[?25h\x1b[1049h"]));
    }

    #[test]
    fn a_sequence_may_be_written_in_pieces() {
        assert!(alternate(&["text\x1b", "[", "?10", "49", "h"]));
        assert!(!alternate(&["\x1b", "text", "[?1049h"]));
    }
}

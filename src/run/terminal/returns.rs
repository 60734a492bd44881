//! Line ends between two terminals: the command's has inserted a carriage return before each line feed, and the user's would
//! insert another one.

/// How long to wait for the line feed after a carriage return, in milliseconds.
pub const A_MOMENT: i32 = 20;

/// Removes the carriage returns that the command's terminal inserted.
#[derive(Debug, Default)]
pub struct Returns {
    /// Whether the last chunk ended with a carriage return that may belong to a line feed.
    held: bool,
}

impl Returns {
    /// The bytes as the command wrote them. A trailing carriage return is held back, because its line feed may be yet to come.
    pub fn remove(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 1);
        if std::mem::take(&mut self.held) && bytes.first() != Some(&b'\n') {
            out.push(b'\r');
        }
        let mut from = 0;
        for at in memchr::memmem::find_iter(bytes, b"\r\n") {
            out.extend_from_slice(&bytes[from..at]);
            from = at + 1;
        }
        let rest = &bytes[from..];
        let shown = rest.strip_suffix(b"\r").unwrap_or(rest);
        self.held = shown.len() < rest.len();
        out.extend_from_slice(shown);
        out
    }

    /// Whether a carriage return is being held back.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.held
    }

    /// The held-back carriage return. It is released if nothing follows it for a moment, because the command itself wrote it.
    pub fn release(&mut self) -> Vec<u8> {
        if std::mem::take(&mut self.held) {
            vec![b'\r']
        } else {
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Returns;

    #[test]
    fn one_return_goes_from_before_each_line_feed() {
        let mut returns = Returns::default();
        assert_eq!(returns.remove(b"a\r\nb\r\r\n\rc\r"), b"a\nb\r\n\rc");
        assert_eq!(returns.release(), b"\r");
        assert!(!returns.holds());
    }

    #[test]
    fn a_line_end_may_be_read_in_two_pieces() {
        let mut returns = Returns::default();
        assert_eq!(returns.remove(b"a\r"), b"a");
        assert_eq!(returns.remove(b"\nb\r"), b"\nb");
        assert_eq!(returns.remove(b"c"), b"\rc");
    }
}

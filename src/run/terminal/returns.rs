//! Line ends between two terminals: the command's has put a carriage return before each line feed, and the user's is about
//! to put another there.

/// Takes out again what the command's terminal put in.
#[derive(Debug, Default)]
pub struct Returns {
    /// Whether the last chunk broke off after a carriage return that may belong to a line feed.
    held: bool,
}

impl Returns {
    /// The bytes as the command wrote them; `whole` when no more of them were there to be read.
    pub fn remove(&mut self, bytes: &[u8], whole: bool) -> Vec<u8> {
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
        match rest {
            [before @ .., b'\r'] if !whole => {
                out.extend_from_slice(before);
                self.held = true;
            }
            _ => out.extend_from_slice(rest),
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Returns;

    #[test]
    fn one_return_goes_from_before_each_line_feed() {
        assert_eq!(
            Returns::default().remove(b"a\r\nb\r\r\n\rc\r", true),
            b"a\nb\r\n\rc\r"
        );
    }

    #[test]
    fn a_line_end_may_be_read_in_two_pieces() {
        let mut returns = Returns::default();
        assert_eq!(returns.remove(b"a\r", false), b"a");
        assert_eq!(returns.remove(b"\nb\r", false), b"\nb");
        assert_eq!(returns.remove(b"c", true), b"\rc");
    }
}

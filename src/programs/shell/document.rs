//! Here-documents, whose text follows the line that they stand on.

/// The here-documents of one line.
pub(super) struct Documents<'c> {
    /// The code from the end of that line on.
    line_end: &'c [u8],
    /// What follows the texts read so far.
    after: &'c [u8],
}

impl<'c> Documents<'c> {
    /// None so far of the line that goes on with this code.
    pub(super) fn of_line(code: &'c [u8]) -> Documents<'c> {
        let end = memchr::memchr(b'\n', code).map_or(code.len(), |end| end + 1);
        Documents {
            line_end: &code[end..],
            after: &code[end..],
        }
    }

    /// The text of the next one, which ends at a line with nothing but this word, or tabs before it if it is `indented`.
    pub(super) fn text(&mut self, word: &[u8], indented: bool) -> Vec<u8> {
        let mut text = Vec::new();
        while !self.after.is_empty() {
            let end = memchr::memchr(b'\n', self.after).map_or(self.after.len(), |end| end + 1);
            let (line, after) = self.after.split_at(end);
            self.after = after;
            let tabs = line.iter().take_while(|byte| indented && **byte == b'\t');
            let line = &line[tabs.count()..];
            if line.strip_suffix(b"\n").unwrap_or(line) == word {
                break;
            }
            text.extend_from_slice(line);
        }
        text
    }

    /// The code behind the texts, if this is the end of their line.
    pub(super) fn behind(&self, code: &[u8]) -> Option<&'c [u8]> {
        (code.len() <= self.line_end.len()).then_some(self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_at_its_word() {
        let code = b" | cat\none\n two\n\tEND\nEND\nls";
        let mut documents = Documents::of_line(code);
        assert_eq!(documents.text(b"END", false), b"one\n two\n\tEND\n");
        assert_eq!(documents.behind(b" | cat\none\n two\n\tEND\nEND\nls"), None);
        assert_eq!(
            documents.behind(b"one\n two\n\tEND\nEND\nls"),
            Some(&b"ls"[..])
        );
        let mut indented = Documents::of_line(code);
        assert_eq!(indented.text(b"END", true), b"one\n two\n");
    }
}

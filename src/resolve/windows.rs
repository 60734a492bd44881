//! Messages from Windows: they are about another system's files, and mean something else than they would here.

use crate::attempt::Incident;

const HELD: &str = "the message is from Windows, where it means that another program has the file open and does not share \
    it: an editor, a spreadsheet, an antivirus scan. Close it there or try again in a moment; a program of one's own writes \
    to a temporary file beside it and renames that";

const REFUSED: &str = "the message is from Windows, where it means that the access control list of the file or of its folder \
    refuses, or that the file is read-only, a folder, or held by another program. Its properties there, under Security, tell \
    which";

/// What a message from Windows means there; `None` for a message from elsewhere.
#[must_use]
pub fn meaning_on_windows(incident: &Incident) -> Option<&'static str> {
    let says = |words: &[u8]| memchr::memmem::find(&incident.message, words).is_some();
    if says(b"[WinError 32]") || says(b"[WinError 33]") || says(b"being used by another process") {
        return Some(HELD);
    }
    (says(b"[WinError ") || incident.paths.iter().any(|path| has_drive(path))).then_some(REFUSED)
}

/// Whether the path begins with a drive (`C:\`).
fn has_drive(path: &[u8]) -> bool {
    matches!(path, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(message: &str, path: &str) -> Option<&'static str> {
        let (message, paths) = (message.as_bytes().to_vec(), vec![path.as_bytes().to_vec()]);
        meaning_on_windows(&Incident {
            message,
            paths,
            ..Incident::default()
        })
    }

    #[test]
    fn a_sharing_violation_is_a_file_held_elsewhere() {
        assert_eq!(
            meaning("PermissionError: [WinError 32] ...", "C:\\a.xlsx"),
            Some(HELD)
        );
    }

    #[test]
    fn a_path_with_a_drive_is_of_windows() {
        assert_eq!(
            meaning("EPERM: operation not permitted, open", "C:\\a\\b"),
            Some(REFUSED)
        );
        assert_eq!(meaning("cat: c: Permission denied", "c"), None);
    }
}

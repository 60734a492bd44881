//! Names that a message prints without quoting them, so that they seem to end too early: `grep: it's mine.txt: REASON`.

use memchr::memmem;

use super::Circumstances;
use crate::attempt::{Errno, Incident};
use crate::programs::command_lines;

/// What may follow the part of a name that was taken for all of it. Lists (`/a:/b`, `/a,/b`) and positions (`/a:12`) go on
/// otherwise.
const SEEMING_ENDS: [&[u8]; 8] = [b" ", b"'", b"\"", b"`", b"(", b")", b".", b": "];

/// Completes each name of the incident to the argument that the message prints in whole, if what was read is but a part of that.
/// If no name was read, it is the argument that stands right before the reason.
pub fn complete(incident: &mut Incident, circumstances: &Circumstances) {
    let message = &incident.message;
    if incident.paths.is_empty() && incident.address.is_none() {
        let reason = incident.errno.map(Errno::words).unwrap_or_default();
        let is_named = |word: &[u8]| is_before(word, reason, message);
        incident.paths.extend(argument(circumstances, is_named));
        return;
    }
    for name in &mut incident.paths {
        let is_whole = |word: &[u8]| is_part_of(name, word, message);
        if let Some(given) = argument(circumstances, is_whole) {
            *name = given;
        }
    }
}

/// The first argument of a command line that is such a word, and no code.
fn argument(circumstances: &Circumstances, is: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    circumstances.calls().find_map(|call| {
        let word = call.iter().skip(1).find(|word| is(word))?;
        let mut lines = command_lines(call).into_iter();
        let is_code = lines.any(|line| line.code.as_ref() == Some(word));
        (!is_code).then(|| word.clone())
    })
}

/// Whether the message prints this path between other words and the reason.
fn is_before(word: &[u8], reason: &str, message: &[u8]) -> bool {
    let is_a_path = word.starts_with(b"/") && word.len() > 1;
    let named = [word, b": ", reason.as_bytes()].concat();
    is_a_path && !reason.is_empty() && memmem::find(message, &named).is_some_and(|at| at > 0)
}

/// Whether the message prints this word, and the name nowhere but as a part of it.
fn is_part_of(name: &[u8], word: &[u8], message: &[u8]) -> bool {
    let goes_on = |rest: &[u8]| SEEMING_ENDS.iter().any(|end| rest.starts_with(end));
    let is_head = word.strip_prefix(name).is_some_and(goes_on);
    let is_tail = || {
        let before = word.strip_suffix(name);
        word.starts_with(b"/") && before.is_some_and(|before| before.ends_with(b" "))
    };
    if name.is_empty() || !(is_head || is_tail()) {
        return false;
    }
    let whole: Vec<usize> = memmem::find_iter(message, word).collect();
    let is_within = |at: usize| {
        let mut whole = whole.iter();
        whole.any(|&start| start <= at && at + name.len() <= start + word.len())
    };
    !whole.is_empty() && memmem::find_iter(message, name).all(is_within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(name: &str, message: &str, command: &[&str]) -> String {
        let mut incident = Incident {
            message: message.into(),
            errno: Some(Errno::Acces),
            paths: (!name.is_empty())
                .then(|| name.into())
                .into_iter()
                .collect(),
            ..Incident::default()
        };
        let circumstances = Circumstances {
            command: command.iter().map(|word| (*word).into()).collect(),
            ..Circumstances::default()
        };
        complete(&mut incident, &circumstances);
        let name = incident.paths.first().cloned().unwrap_or_default();
        String::from_utf8_lossy(&name).into_owned()
    }

    #[test]
    fn a_name_is_completed_to_the_argument_that_the_message_prints() {
        for (name, given) in [
            ("/srv/it", "/srv/it's mine.txt"),
            ("/srv/report", "/srv/report (1).pdf"),
            ("/srv/a", "/srv/a: b.txt"),
            ("b.txt", "/srv/a: b.txt"),
            ("/srv/etc", "/srv/etc."),
            ("it", "it's mine.txt"),
            ("", "/srv/report (1).pdf"),
        ] {
            let message = format!("tool: {given}: Permission denied");
            assert_eq!(completed(name, &message, &["tool", given]), given);
        }
    }

    #[test]
    fn a_name_that_stands_for_itself_is_left() {
        for (message, command) in [
            (
                "tool: /srv/a b: /srv/a: Permission denied",
                &["tool", "/srv/a b"][..],
            ),
            ("tool: /srv/a: Permission denied", &["tool", "/srv/a b"]),
            (
                "tool: /srv/a:/data: Permission denied",
                &["tool", "-v", "/srv/a:/data"],
            ),
            ("tool: /srv/a:12: Permission denied", &["tool", "/srv/a:12"]),
            (
                "failed: /srv/a --now: Permission denied",
                &["sh", "-c", "/srv/a --now"],
            ),
        ] {
            assert_eq!(completed("/srv/a", message, command), "/srv/a", "{message}");
        }
    }

    #[test]
    fn an_argument_that_speaks_is_not_what_was_refused() {
        let message = "/opt/tool: Permission denied";
        assert_eq!(completed("", message, &["env", "/opt/tool"]), "");
    }
}

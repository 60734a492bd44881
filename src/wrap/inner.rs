//! Another permwrap that the command runs: it gives hints for what it runs itself, and they are not given twice.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::cli::{self, Hints, Invocation};
use crate::detect;
use crate::render;
use crate::report::Finding;
use crate::run::Scene;
use crate::run::scene::Process;

/// What each hint begins with, and what further lines of its first sentence begin with.
const NAME: &[u8] = b"permwrap: ";
const INDENT: &[u8] = b"          ";

/// The maximum number of hints that are remembered.
const MOST: usize = 1000;

/// What is known of other permwraps inside.
#[derive(Debug, Default)]
pub(super) struct Inner {
    /// The uids of those that were seen among the processes. Without any, what looks like a hint is only text.
    uids: HashSet<u32>,
    /// The first sentences of the hints that passed.
    told: HashSet<Vec<u8>>,
    /// Whether one was writing to the watched stderr when the last text was read, and has not told anything since.
    is_at_work: bool,
}

impl Inner {
    /// Looks for hints of another permwrap in a text, and for itself among the processes.
    pub(super) fn hear(&mut self, text: &[u8], scene: &Scene) {
        let uids = |processes: &[Process]| -> Vec<Option<u32>> {
            let seen = processes.iter().filter(|process| gives_hints(process));
            seen.map(Process::uid).collect()
        };
        let (at_work, gone) = (uids(&scene.processes), uids(&scene.gone));
        let is_at_work = !at_work.is_empty();
        self.uids.extend(at_work.into_iter().chain(gone).flatten());
        let before = self.told.len();
        if !self.uids.is_empty() {
            let new = sentences(text).into_iter();
            self.told.extend(new.take(MOST.saturating_sub(before)));
        }
        self.is_at_work = self.told.len() == before && is_at_work;
    }

    /// Whether one may be about to give hints for what was read last.
    pub(super) fn may_tell(&self) -> bool {
        self.is_at_work
    }

    /// Whether one has given any hint.
    pub(super) fn tells(&self) -> bool {
        !self.told.is_empty()
    }

    /// Whether one of the same user has given a hint for this. It does not name the place, which is its own.
    pub(super) fn has_told(&self, finding: &Finding) -> bool {
        let attempt = finding.attempt.as_ref();
        if !attempt.is_none_or(|attempt| self.uids.contains(&attempt.subject.uid)) {
            return false;
        }
        let line = render::headline(finding);
        let abroad = finding.facts.surroundings.abroad.as_ref();
        let place = abroad.and_then(|abroad| abroad.place.as_ref());
        let line = match place {
            Some(place) => line.replacen(&format!(" {}", place.words()), "", 1),
            None => line,
        };
        self.told.contains(line.as_bytes())
    }
}

/// The sentences that begin the hints in a text, without remarks on how often it was met and on the reason.
fn sentences(text: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut goes_on = false;
    for line in text.split(|byte| *byte == b'\n') {
        let line = detect::without_controls(line);
        let next = line.strip_prefix(INDENT).filter(|_| goes_on);
        goes_on = match (line.strip_prefix(NAME), next, found.last_mut()) {
            (Some(first), ..) => {
                found.push(first.to_vec());
                true
            }
            (None, Some(next), Some(sentence)) => {
                sentence.push(b' ');
                sentence.extend_from_slice(next);
                true
            }
            _ => false,
        };
    }
    let ends = [&b"  ("[..], b": "];
    for sentence in &mut found {
        let ends = ends
            .iter()
            .filter_map(|end| memchr::memmem::find(sentence, end));
        if let Some(end) = ends.min() {
            sentence.truncate(end);
        }
    }
    found
}

/// Whether the process is a permwrap that writes hints for people to the watched stderr.
fn gives_hints(process: &Process) -> bool {
    let mut words = process.cmdline.split(|byte| *byte == 0);
    let name = words.next().unwrap_or_default();
    if crate::byte_path::name(name) != b"permwrap" || process.on_channel != Some(true) {
        return false;
    }
    let mut words: Vec<OsString> = words
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect();
    // Each argument ends with a NUL.
    words.pop();
    match cli::parse(words) {
        Ok(Invocation::Run { options, .. }) => {
            let form = options.hints.unwrap_or_default();
            !options.quiet && matches!(form, Hints::Text | Hints::Line)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_of_a_hint_is_read_in_any_form() {
        let of = |text: &str| {
            let found = sentences(text.as_bytes()).into_iter();
            let found: Vec<String> = found.map(|one| String::from_utf8(one).unwrap()).collect();
            found
        };
        let long = "cat: x\n\n\x1b[31mpermwrap:\x1b[0m cannot read  (2 times)\n  because  x\n";
        assert_eq!(of(long), ["cannot read"]);
        let broken = "permwrap: cannot read\n          /srv/f\n  because  x\n          y";
        assert_eq!(of(broken), ["cannot read /srv/f"]);
        assert_eq!(
            of("permwrap: cannot read /f: bob may not; fix: x"),
            ["cannot read /f"]
        );
    }
}

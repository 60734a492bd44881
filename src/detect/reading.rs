//! Applies the patterns to a line and its context, and derives the incidents that it reports.

mod known;
pub mod printed;

use super::library::Patterns;
use super::pattern::{Direction, Look, Shape};
use super::reason::Reason;
use crate::attempt::Incident;
use known::Reading;
use printed::LONGEST_PATH;

/// The maximum number of reasons read on one line, and how far around each a pattern looks, in bytes. They bound the work for a
/// long line full of reasons. The longest possible path fits in, along with the words around it.
const REASONS: usize = 6;
const REACH: usize = LONGEST_PATH + 1024;

/// The lines around the one being read, by distance from 1.
pub(super) trait Surroundings {
    /// The line at this distance, if there is one.
    fn line(&self, direction: Direction, distance: usize) -> Option<&[u8]>;
}

/// The incidents that the line reports.
pub(super) fn incidents(
    patterns: &Patterns,
    line: &[u8],
    around: &dyn Surroundings,
) -> Vec<Incident> {
    let loaded = patterns.loaded();
    let mut open: Vec<Reason> = loaded.reasons.of(line, REASONS);
    let reasons = open.len();
    if reasons == 0 && !loaded.could_match_without_reason(line) {
        return Vec::new();
    }
    let mut incidents = Vec::new();
    for pattern in loaded.with_keyword_in(line) {
        match &pattern.shape {
            Shape::Line(expression) => {
                let Some(captures) = expression.find(line) else {
                    continue;
                };
                if pattern.silent {
                    if pattern.looks.iter().all(|look| is_there(look, around)) {
                        return Vec::new();
                    }
                    continue;
                }
                let mut reading = Reading::new(pattern, &loaded.words, line);
                reading.take(&captures, 0, pattern.quoting);
                reading.errno = reading.errno.or(open.first().map(|reason| reason.errno));
                reading.place = Some(captures.at.clone());
                if let Some(reason) = open.first() {
                    reading.reason = Some(reason.at.clone());
                    reading.blank(reason.at.clone());
                }
                if let Some(incident) = reading.finish(around) {
                    return vec![incident];
                }
            }
            Shape::AroundReason(before, after) => {
                open.retain(|reason| {
                    let start = reason.at.start.saturating_sub(REACH);
                    let end = line.len().min(reason.at.end + REACH);
                    let head = &line[start..reason.at.start];
                    let tail = first_line(&line[reason.at.end..end]);
                    let before = before.as_ref().map(|e| e.find(head));
                    if matches!(before, Some(None)) {
                        return true;
                    }
                    let after = after.as_ref().map(|e| e.find(tail));
                    if matches!(after, Some(None)) {
                        return true;
                    }
                    if pattern.silent {
                        return !pattern.looks.iter().all(|look| is_there(look, around));
                    }
                    let mut reading = Reading::new(pattern, &loaded.words, line);
                    reading.place = Some(reason.at.clone());
                    reading.reason = Some(reason.at.clone());
                    reading.blank(reason.at.clone());
                    reading.foreign = reason.foreign;
                    reading.errno = reading.errno.or(Some(reason.errno));
                    if let Some(captures) = before.flatten() {
                        reading.take(&captures, start, pattern.quoting);
                    }
                    if let Some(captures) = after.flatten() {
                        reading.take(&captures, reason.at.end, pattern.quoting);
                    }
                    match reading.finish(around) {
                        Some(incident) => {
                            incidents.push(incident);
                            false
                        }
                        None => true,
                    }
                });
            }
        }
        if reasons > 0 && open.is_empty() {
            break;
        }
    }
    incidents
}

/// The text before a line feed that was escaped: what follows it is another line of the message. In source code a quote does, and
/// a name may contain one.
fn first_line(text: &[u8]) -> &[u8] {
    match memchr::memmem::find(text, b"\\n") {
        Some(end)
            if !matches!(text.get(end + 2), None | Some(b'"' | b'\''))
                && !is_in_a_quoted_name(text, end) =>
        {
            &text[..end]
        }
        _ => text,
    }
}

/// Whether this position is between the quotes of the name that the text begins with: `: '/srv/a\nb'`.
fn is_in_a_quoted_name(text: &[u8], at: usize) -> bool {
    let named = text.strip_prefix(b": ").unwrap_or_default();
    let Some((quote @ (b'\'' | b'"'), name)) = named.split_first() else {
        return false;
    };
    let closed = memchr::memchr(*quote, name).map(|length| text.len() - name.len() + length);
    closed.is_some_and(|end| end > at)
}

/// Whether a text quoted in the line reports a refusal by itself, and the line does not merely mention it.
pub(super) fn is_message(patterns: &Patterns, text: &[u8], line: &[u8]) -> bool {
    let loaded = patterns.loaded();
    let mut bare = text.to_vec();
    for reason in loaded.reasons.of(text, REASONS) {
        bare[reason.at].fill(b' ');
    }
    let is_reason_alone = !bare.iter().any(u8::is_ascii_alphabetic);
    let tells = bare != text || loaded.could_match_without_reason(text);
    text.contains(&b' ') && tells && !is_reason_alone && !loaded.is_silenced(line)
}

/// Whether a line in the context matches.
fn is_there(look: &Look, around: &dyn Surroundings) -> bool {
    let lines = (1..=look.lines).map_while(|distance| around.line(look.direction, distance));
    for line in lines {
        if look.line.find(line).is_some() {
            return true;
        }
        let stop = look.stop.as_ref();
        if stop.is_some_and(|stop| stop.find(line).is_some()) {
            return false;
        }
    }
    false
}

//! Joins the lines of a text that a terminal, a pane or a chat folded at a fixed column.

use crate::attempt::Errno;

/// The usual widths at which terminals and chats fold lines, and the possible ones, in characters.
const WIDTHS: &[usize] = &[60, 72, 79, 80, 100, 120, 132];
const FOLDED: std::ops::RangeInclusive<usize> = 40..=250;

/// The text with folded lines joined, if it was folded at a fixed column: no line is longer than that, and every folded line
/// has exactly that length.
#[must_use]
pub fn unfolded(text: &str) -> Option<String> {
    let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
    let widest = widths.iter().copied().max().unwrap_or_default();
    // The border of a box is as wide as the box, and boxes are handled elsewhere.
    let is_box = text
        .lines()
        .any(|line| line.starts_with(['╭', '┌']) || line.ends_with('│'));
    if !FOLDED.contains(&widest) || is_box {
        return None;
    }
    let fold = Fold {
        width: widest,
        full: widths.iter().filter(|width| **width == widest).count(),
    };
    let lines: Vec<&str> = text.lines().collect();
    let mut joined = String::with_capacity(text.len());
    let mut start = 0;
    let mut margin = 0;
    for (at, line) in lines.iter().enumerate() {
        joined.push_str(&line[margin..]);
        let rest = &lines[at + 1..];
        if widths[at] < widest || is_whole(line) || !fold.is_between(&joined[start..], line, rest) {
            joined.push('\n');
            start = joined.len();
            margin = 0;
        } else {
            margin = rest.first().map_or(0, |next| common_margin(line, next));
        }
    }
    Some(joined)
}

/// A width at which a text may have been folded.
struct Fold {
    /// The width, in characters.
    width: usize,
    /// The number of lines that have exactly this width.
    full: usize,
}

impl Fold {
    /// Whether a line was folded and continues in the rest of the text, rather than having this length by chance. `whole` is
    /// the line including what was folded before it.
    fn is_between(&self, whole: &str, line: &str, rest: &[&str]) -> bool {
        let is_part = |next: &&&str| !next.is_empty() && !begins_with_a_time(next);
        let Some(next) = rest.first().filter(is_part) else {
            return false;
        };
        let is_usual = WIDTHS.contains(&self.width);
        let is_sure = self.full >= 2 || self.width == 80;
        let parts = rest
            .iter()
            .take_while(|part| part.chars().count() == self.width);
        let last = rest.get(parts.clone().count());
        let mut parts = parts.chain(last);
        let closes =
            opened_quote(whole).is_some_and(|quote| parts.any(|part| part.contains(quote)));
        // Lines of a list are alike, and some of them may have the same length.
        let is_list = line.get(..4).is_some_and(|begin| next.starts_with(begin));
        let begins = names_a_speaker(next) || next.starts_with(char::is_uppercase);
        let is_other_width = self.full >= 2 && !is_list && !begins && !line.ends_with(':');
        closes
            || is_usual
                && (is_sure || is_cut(line) || goes_on(next) && !Errno::words_of_a_denial_in(whole))
            || is_other_width && is_cut(line)
    }
}

/// The quote that a line opens before a name and does not close.
fn opened_quote(line: &str) -> Option<char> {
    ['\'', '"'].into_iter().find(|quote| {
        let is_odd = line.matches(*quote).count() % 2 == 1;
        let opens = line.rsplit_once(*quote).is_some_and(|(before, name)| {
            before.ends_with([' ', '(', '[', '=', ':', '{']) && name.starts_with(['/', '.', '~'])
        });
        is_odd && opens
    })
}

/// Whether a line begins in the middle of a sentence, as no message does.
fn goes_on(line: &str) -> bool {
    let is_middle = |c: char| c.is_lowercase() || ")]}'\",.;:".contains(c);
    line.starts_with(is_middle) && !names_a_speaker(line)
}

/// Whether a line begins as a message does: `cat: …`.
fn names_a_speaker(line: &str) -> bool {
    let first = line.split(' ').next();
    first.is_some_and(|word| word.ends_with(':') && !word.contains('/'))
}

/// The length of what stands before the text of both lines: a name of a container or of a writer, or blanks.
fn common_margin(line: &str, next: &str) -> usize {
    let equal = line.bytes().zip(next.bytes());
    let equal = equal.take_while(|(one, other)| one == other).count();
    let shared = line.get(..equal).unwrap_or_default();
    let blanks = shared.len() - shared.trim_start_matches(' ').len();
    let signs = ["| ", "]: ", "] "];
    let ends = signs
        .iter()
        .filter_map(|sign| Some(shared.rfind(sign)? + sign.len()));
    let step = shared.strip_prefix('#').map_or(0, |step| {
        let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == ' ';
        1 + step.len() - step.trim_start_matches(is_number).len()
    });
    ends.chain([blanks, step]).max().unwrap_or_default()
}

/// Whether a line begins with a time or a date, as a record of its own does.
fn begins_with_a_time(line: &str) -> bool {
    let line = line.trim_start_matches('[');
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &line[digits..];
    let is_hour = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    digits == 2 && rest.strip_prefix(':').is_some_and(is_hour)
        || digits == 4 && rest.starts_with(['-', '/'])
}

/// Whether a message ends at the end of the line, whose length is then a coincidence.
fn is_whole(line: &str) -> bool {
    let message = |errno: Errno| errno.words().split_once(' ').unwrap_or_default().1;
    let ends = Errno::DENIALS.map(message);
    line.ends_with([')', ']', ';', '}'])
        || line.ends_with('.') && !is_cut(line)
        || ends.iter().any(|end| line.ends_with(end))
}

/// Whether a line ends within a path, a quoted name or brackets.
fn is_cut(line: &str) -> bool {
    let count = |sign: char| line.matches(sign).count();
    let open = count('\'') % 2 == 1 || count('"') % 2 == 1 || count('[') > count(']');
    let closes = |word: &str| word.trim_end_matches('.').ends_with(['\'', '"', '`']);
    open || line
        .rsplit(' ')
        .next()
        .is_some_and(|word| word.contains('/') && !closes(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        unfolded(text).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn a_text_folded_at_80_columns_is_unfolded() {
        let line = format!("[Errno 13] Permission denied: '/srv/{}'", "x".repeat(90));
        let folded = format!("Traceback:\n{}\n{}\nend\n", &line[..80], &line[80..]);
        assert_eq!(printed(&folded), format!("Traceback:\n{line}\nend\n"));
    }

    #[test]
    fn a_quote_that_is_closed_on_the_next_line_shows_a_fold_at_any_column() {
        let line = format!("[Errno 13] Permission denied: '/srv/{}'", "x".repeat(90));
        for width in [60, 72, 91, 100] {
            let lines: Vec<&[u8]> = line.as_bytes().chunks(width).collect();
            let folded = String::from_utf8(lines.join(&b'\n')).expect("it was text");
            assert_eq!(printed(&folded).trim_end(), line, "{width}");
        }
    }

    #[test]
    fn a_name_without_quotes_is_folded_at_a_usual_width() {
        let line = format!("open /srv/{}/run.sh: denied", "x".repeat(60));
        let folded = format!("{}\n{}\n", &line[..60], &line[60..]);
        assert_eq!(printed(&folded), format!("{line}\n"));
        let whole = "CondaError: Could not load environment '/opt/conda/envs/ml'.\nCheck it.\n";
        assert_eq!(printed(whole), whole);
    }

    #[test]
    fn a_full_stop_within_a_name_ends_no_line() {
        let line = format!(
            "open() \"/srv/{}/index.html\" failed (13: denied)",
            "x".repeat(56)
        );
        let folded = format!("{}\n{}\n", &line[..80], &line[80..]);
        assert_eq!(printed(&folded), format!("{line}\n"));
    }

    #[test]
    fn a_text_with_longer_lines_was_not_folded() {
        let text = format!("{}\n{}\nend\n", "x".repeat(80), "y".repeat(90));
        assert_eq!(printed(&text), text);
    }
}

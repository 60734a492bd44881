//! Restores a text that was changed by a browser, a chat or a terminal of 80 columns: decodes entities, replaces typographic
//! quotes and joins folded lines.

use std::borrow::Cow;

use crate::attempt::Errno;

/// HTML entities for characters that occur in error messages.
const ENTITIES: &[(&str, &str)] = &[
    ("quot", "\""),
    ("apos", "'"),
    ("lt", "<"),
    ("gt", ">"),
    ("nbsp", " "),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("amp", "&"),
];

/// The usual widths at which terminals and chats fold lines, and the possible ones, in characters.
const WIDTHS: &[usize] = &[72, 79, 80, 100, 120, 132];
const FOLDED: std::ops::RangeInclusive<usize> = 40..=250;

/// The text as the program printed it, as far as that can be reconstructed.
#[must_use]
pub fn as_printed(text: &[u8]) -> Cow<'_, [u8]> {
    let Ok(pasted) = std::str::from_utf8(text) else {
        return Cow::Borrowed(text);
    };
    let mut printed = Cow::Borrowed(pasted);
    if let Some(unquoted) = without_margin(pasted) {
        printed = Cow::Owned(unquoted);
    }
    if let Some(rest) = super::viewed::without_viewed(&printed) {
        printed = Cow::Owned(rest);
    }
    if printed.contains("</") {
        printed = Cow::Owned(without_tags(&printed));
    }
    if printed.contains('`') {
        let lines: Vec<&str> = printed
            .split('\n')
            .map(|line| reported(line).unwrap_or(line))
            .collect();
        printed = Cow::Owned(lines.join("\n"));
    }
    if has_entities(&printed) {
        printed = Cow::Owned(without_entities(&printed));
    }
    if printed.contains(['‘', '’', '“', '”']) {
        let lines: Vec<String> = printed.split('\n').map(with_plain_quotes).collect();
        printed = Cow::Owned(lines.join("\n"));
    }
    if let Some(unfolded) = unfolded(&printed) {
        printed = Cow::Owned(unfolded);
    }
    match printed {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(printed) => Cow::Owned(printed.into_bytes()),
    }
}

/// The text without the marker that a mail or a page puts before each line of a quotation.
fn without_margin(text: &str) -> Option<String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let is_quotation = lines.all(|line| line.starts_with("> ") || line.trim_end() == ">");
    if !is_quotation || !text.starts_with('>') {
        return None;
    }
    let inner: Vec<&str> = text
        .split('\n')
        .map(|line| line.get(2..).unwrap_or_default())
        .collect();
    Some(inner.join("\n"))
}

/// The message in back-ticks that a sentence in the first person reports: "I get `open /x: permission denied` when I start it".
fn reported(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once('`')?;
    let (message, after) = rest.split_once('`')?;
    let mut words = before.trim_start_matches(['>', ' ']).split(' ');
    let is_first_person = words
        .next()
        .is_some_and(|word| ["I", "I'm", "We", "we", "We're"].contains(&word));
    let gets = ["get", "getting", "see", "seeing", "have"];
    let reports = words.next().is_some_and(|word| gets.contains(&word));
    let is_message = message.contains(": ") && !after.contains('`');
    (is_first_person && reports && is_message).then_some(message)
}

/// The tags of HTML that set a name off from the text around it, as quotes do in plain text.
const EMPHASIS: &[&str] = &["em", "code", "tt", "strong", "b", "i", "kbd", "samp", "var"];

/// The tags of HTML around whole messages.
const AROUND: &[&str] = &[
    "<pre>", "</pre>", "<p>", "</p>", "<li>", "</li>", "<br>", "<br/>", "<td>", "</td>", "<div>",
    "</div>", "<samp>", "</samp>",
];

/// The text without those tags, and with quotes around what they set off where it can be a name of a file.
fn without_tags(text: &str) -> String {
    let bare = AROUND
        .iter()
        .fold(text.to_owned(), |text, tag| text.replace(tag, ""));
    let text = bare.as_str();
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        match emphasised(rest) {
            Some((inside, after)) => {
                let is_name = inside.contains(['/', '.']) && !inside.contains(": ");
                let quote = if is_name { "'" } else { "" };
                plain.extend([quote, inside, quote]);
                rest = after;
            }
            None => {
                plain.push('<');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// The text within the tags with which this begins, and what follows them: `<em class="x">NAME</em>`.
fn emphasised(text: &str) -> Option<(&str, &str)> {
    let (tag, inner) = text.strip_prefix('<')?.split_once('>')?;
    let name = tag.split(' ').next()?;
    EMPHASIS.contains(&name).then_some(())?;
    let (inside, after) = inner.split_once(&format!("</{name}>"))?;
    let is_plain = !inside.is_empty() && !inside.contains(['<', '\'', '\n']);
    is_plain.then_some((inside, after))
}

fn has_entities(text: &str) -> bool {
    [
        "&quot;", "&#", "&apos;", "&lt;", "&gt;", "&amp;", "&lsquo;", "&ldquo;",
    ]
    .iter()
    .any(|entity| text.contains(entity))
}

fn without_entities(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let entity = after.find(';').filter(|end| *end <= 8);
        match entity.and_then(|end| Some((character(&after[..end])?, end))) {
            Some((character, end)) => {
                plain.push_str(&character);
                rest = &after[end + 1..];
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    // The text was escaped twice.
    if plain.len() < text.len() && text.contains("&amp;") && has_entities(&plain) {
        return without_entities(&plain);
    }
    plain
}

fn character(entity: &str) -> Option<String> {
    let Some(number) = entity.strip_prefix('#') else {
        let known = ENTITIES.iter().find(|(name, _)| *name == entity);
        return known.map(|(_, character)| (*character).to_owned());
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?).map(String::from)
}

/// The line with ASCII quotes. Typographic quotes around a name that contains an ASCII quote remain, because they mark its end.
fn with_plain_quotes(line: &str) -> String {
    // Other languages use some of these characters for the opposite side.
    let english = line.contains('“') && !line.contains('„');
    let line = if english {
        Cow::Owned(line.replace(['“', '”'], "\""))
    } else {
        Cow::Borrowed(line)
    };
    let mut plain = String::with_capacity(line.len());
    let mut rest: &str = &line;
    while let Some(at) = rest.find(['‘', '’', '“', '”']) {
        plain.push_str(&rest[..at]);
        let mut characters = rest[at..].chars();
        let quote = characters.next().unwrap_or_default();
        rest = characters.as_str();
        match quote {
            '‘' => {}
            // An apostrophe.
            '’' => {
                plain.push('\'');
                continue;
            }
            _ => {
                plain.push(quote);
                continue;
            }
        }
        let Some((name, after)) = rest.split_once('’') else {
            // The text was cut off before the closing quote.
            plain.push('\'');
            continue;
        };
        if name.contains('\'') {
            plain.extend(["‘", name, "’"]);
        } else {
            plain.extend(["'", name, "'"]);
        }
        rest = after;
    }
    plain.push_str(rest);
    plain
}

/// The text with folded lines joined, if it was folded at a fixed column: no line is longer than that, and every folded line
/// has exactly that length.
fn unfolded(text: &str) -> Option<String> {
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
    for (at, line) in lines.iter().enumerate() {
        joined.push_str(line);
        let rest = &lines[at + 1..];
        if widths[at] < widest || is_whole(line) || !fold.is_between(&joined[start..], line, rest) {
            joined.push('\n');
            start = joined.len();
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
        closes
            || is_usual
                && (is_sure || is_cut(line) || goes_on(next) && !Errno::words_of_a_denial_in(whole))
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
    let names_a_speaker = line
        .split(' ')
        .next()
        .is_some_and(|word| word.ends_with(':'));
    let is_middle = |c: char| c.is_lowercase() || ")]}'\",.;:".contains(c);
    line.starts_with(is_middle) && !names_a_speaker
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
    open || line
        .rsplit(' ')
        .next()
        .is_some_and(|word| word.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        String::from_utf8(as_printed(text.as_bytes()).into_owned()).expect("it was text")
    }

    #[test]
    fn what_somebody_gets_in_back_ticks_is_the_message() {
        assert_eq!(
            printed("I get `open /x: permission denied` when I start it"),
            "open /x: permission denied"
        );
        for text in [
            "If you get `open /x: permission denied`, run chown",
            "The command prints `open /x: denied`",
        ] {
            assert_eq!(printed(text).trim_end(), text);
        }
    }

    #[test]
    fn tags_around_a_message_go() {
        assert_eq!(
            printed("<pre><code>cat: /srv/x: denied</code></pre>"),
            "cat: /srv/x: denied"
        );
        assert_eq!(
            printed("cannot open <code>/srv/x</code>"),
            "cannot open '/srv/x'"
        );
    }

    #[test]
    fn entities_are_characters_again() {
        assert_eq!(
            printed("open &#39;/srv/x&#39; &quot;a&quot; &lt;module&gt; &#x27;b&#x27;"),
            "open '/srv/x' \"a\" <module> 'b'"
        );
        assert_eq!(printed("&amp;quot;/srv/x&amp;quot;"), "\"/srv/x\"");
        assert_eq!(
            printed("a && b &c; https://x/?a=1&b=2"),
            "a && b &c; https://x/?a=1&b=2"
        );
    }

    #[test]
    fn what_a_page_sets_off_is_quoted() {
        assert_eq!(
            printed(
                "The directory <em class=\"x\">sites/files</em> is <b>not</b> writable, a <- b\n"
            ),
            "The directory 'sites/files' is not writable, a <- b\n"
        );
    }

    #[test]
    fn typographic_quotes_are_plain_again() {
        assert_eq!(
            printed("couldn’t open ‘/srv/x’: “a”"),
            "couldn't open '/srv/x': \"a\""
        );
        assert_eq!(printed("denied: ‘/srv/x"), "denied: '/srv/x");
        assert_eq!(printed("‘it's’ „a“ ”b”"), "‘it's’ „a“ ”b”");
    }

    #[test]
    fn a_quotation_loses_its_margin() {
        assert_eq!(
            printed("> cat: x: denied\n>\n> end\n"),
            "cat: x: denied\n\nend\n"
        );
        assert_eq!(printed("> a\nb\n"), "> a\nb\n");
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

//! Restores a text that was changed by a browser or a chat: decodes entities, removes tags and replaces typographic quotes.

use std::borrow::Cow;

use super::unfold::unfolded;

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
    if may_have_quotes(&printed) && printed.contains(['‘', '’', '“', '”', '『']) {
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

/// The message in back-ticks that a sentence in the first person reports: "I get `open /x: permission denied` when I start it",
/// or that is all of an item of a list behind a name: "- api: `open /x: permission denied`".
fn reported(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once('`')?;
    let (message, after) = rest.split_once('`')?;
    let label = before.trim_start_matches([' ', '-', '*', '•']);
    let name = label
        .strip_suffix(": ")
        .filter(|_| label.len() < before.len());
    let is_name = |name: &str| name.starts_with(char::is_lowercase) && !name.contains(' ');
    if name.is_some_and(is_name) && after.trim().is_empty() && message.contains(": ") {
        return Some(message);
    }
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

/// Whether the text contains the byte with which a typographic quote begins.
fn may_have_quotes(text: &str) -> bool {
    // The first byte of ‘ and “, and of 『.
    memchr::memchr2(0xe2, 0xe3, text.as_bytes()).is_some()
}

/// The line with ASCII quotes. Typographic quotes around a name that contains an ASCII quote remain, because they mark its end.
fn with_plain_quotes(line: &str) -> String {
    if !may_have_quotes(line) {
        return line.to_owned();
    }
    // Other languages use some of these characters for the opposite side.
    let english = line.contains('“') && !line.contains('„');
    let line = if english {
        Cow::Owned(line.replace(['“', '”'], "\""))
    } else {
        Cow::Borrowed(line)
    };
    // A low quote opens a name in German and Czech, a corner bracket in Chinese and Japanese.
    let line = with_quotes_of(&with_quotes_of(&line, '‚', '‘'), '『', '』');
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

/// The line with English quotes in place of these pairs.
fn with_quotes_of(line: &str, open: char, close: char) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, name, after)) = rest.split_once(open).and_then(|(before, rest)| {
        rest.split_once(close)
            .map(|(name, after)| (before, name, after))
    }) {
        plain.extend([before, "‘", name, "’"]);
        rest = after;
    }
    plain.push_str(rest);
    plain
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
        assert_eq!(printed("- api: `open /x: denied`"), "open /x: denied");
        for text in [
            "If you get `open /x: permission denied`, run chown",
            "The command prints `open /x: denied`",
            "- `open /x: permission denied`",
            "- Fixed: `open /x: permission denied`",
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
        assert_eq!(
            printed("open(‚/srv/x‘), 『/srv/y』"),
            "open('/srv/x'), '/srv/y'"
        );
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
}

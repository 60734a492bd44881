//! Removes the samples from pattern files, since only tests need them. Used by the build (src/build.rs).

/// The text with the tables of samples replaced by empty lines, so that line numbers are preserved.
#[must_use]
pub fn without(text: &str) -> String {
    let mut rest = String::with_capacity(text.len());
    let mut skips = false;
    // The closing quotes of a string that an earlier line left open.
    let mut open: Option<&str> = None;
    for line in text.lines() {
        if open.is_none() && line.starts_with('[') {
            skips =
                line.starts_with("[[pattern.sample]]") || line.starts_with("[[pattern.counter]]");
        }
        if !skips {
            rest.push_str(line);
        }
        rest.push('\n');
        open = still_open(line, open);
    }
    rest
}

/// The closing quotes of the multi-line string that is open after this line, given the one before it.
fn still_open<'q>(line: &str, open: Option<&'q str>) -> Option<&'q str> {
    if let Some(quotes) = open {
        return (!line.contains(quotes)).then_some(quotes);
    }
    if line.starts_with('#') {
        return None;
    }
    let quotes = ["\'\'\'", "\"\"\""];
    let first = quotes
        .into_iter()
        .filter_map(|quotes| Some((line.find(quotes)?, quotes)))
        .min()?;
    let (at, quotes) = first;
    (!line[at + 3..].contains(quotes)).then_some(quotes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stay_where_they_are_and_samples_go() {
        let text = "[[pattern]]\nid = \"a\"\nline = \'\'\'\n[x]\n\'\'\'\n[[pattern.sample]]\ntext = \"\"\"\n[[pattern]]\n\"\"\"\npath = \"/x\"\n\n[[pattern.look]]\nline = \'x\'\n";
        let expected = "[[pattern]]\nid = \"a\"\nline = \'\'\'\n[x]\n\'\'\'\n\n\n\n\n\n\n[[pattern.look]]\nline = \'x\'\n";
        assert_eq!(without(text), expected);
    }
}

//! A shell's prompt, as it was written: how to write it again on another line.

/// The bytes that write this line again, starting in the first column of another row; `None` if that is not possible, because the
/// cursor was moved to another row in between, as by a list of completions below the line. Questions to the terminal are left out:
/// nobody would wait for a second answer.
#[must_use]
pub fn again(line: &[u8]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    let mut rest = line;
    while let Some((&first, after)) = rest.split_first() {
        if first != 0x1b {
            kept.push(first);
            rest = after;
            continue;
        }
        let length = match after.first() {
            Some(b'[') => control(rest)?,
            Some(b']' | b'P' | b'_' | b'^') => string(rest)?,
            // ESC 7, ESC 8, ESC M and ESC c: the cursor is put somewhere.
            Some(b'7' | b'8' | b'D' | b'E' | b'M' | b'c') | None => return None,
            // A designation of a character set (ESC ( B), or a single letter.
            Some(b'(' | b')') => 3.min(rest.len()),
            Some(_) => 2,
        };
        let (sequence, after) = rest.split_at(length);
        match (sequence[1], sequence.last()) {
            (
                b'[',
                Some(
                    b'A' | b'B' | b'E' | b'F' | b'H' | b'd' | b'f' | b's' | b'u' | b'L' | b'M'
                    | b'S' | b'T',
                ),
            ) => return None,
            (b'[', Some(b'c' | b'n')) | (b'P', _) => {}
            _ => kept.extend_from_slice(sequence),
        }
        rest = after;
    }
    Some(kept)
}

/// The length of a control sequence, which ends with a byte from `@` to `~`; `None` if it is cut off.
fn control(bytes: &[u8]) -> Option<usize> {
    let end = bytes[2..]
        .iter()
        .position(|byte| (b'@'..=b'~').contains(byte))?;
    Some(2 + end + 1)
}

/// The length of a control string, which ends with BEL or ESC \; `None` if it is cut off.
fn string(bytes: &[u8]) -> Option<usize> {
    let end = bytes[2..]
        .iter()
        .position(|byte| matches!(byte, 7 | 0x1b))?
        + 2;
    Some(if bytes[end] == 7 { end + 1 } else { end + 2 }).filter(|length| *length <= bytes.len())
}

#[cfg(test)]
mod tests {
    use super::again;

    #[test]
    fn a_prompt_is_written_again_as_it_was() {
        for line in [
            "",
            "$ ",
            "\x1b[32malice\x1b[0m> ec\x1b[4Dx\r\x1b[7C",
            "\x1b]0;title\x07\x1b(B\x1b[m> ",
        ] {
            assert_eq!(again(line.as_bytes()).as_deref(), Some(line.as_bytes()));
        }
    }

    #[test]
    fn questions_to_the_terminal_are_left_out() {
        assert_eq!(
            again(b"\x1b[6n\x1b[c\x1bP+q54\x1b\\> ").as_deref(),
            Some(&b"> "[..])
        );
    }

    #[test]
    fn a_line_that_was_left_in_between_is_not_written_again() {
        for line in [
            "> \x1b[2A> ",
            "\x1b[3;1H> ",
            "> \x1b[",
            "> \x1b]0;ti",
            "\x1b7> \x1b8",
        ] {
            assert_eq!(again(line.as_bytes()), None, "{line:?}");
        }
    }
}

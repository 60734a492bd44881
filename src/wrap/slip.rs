//! What was meant by a command that is not there.

use crate::programs::is_assignment;
use crate::quote;

/// What was probably meant by a command that was not found, as a sentence: a subcommand that it `resembles`, a variable set for
/// the command, or a command line in quotes.
pub(super) fn meant(command: &[Vec<u8>], resembles: Option<&str>) -> Option<String> {
    if let Some(name) = resembles {
        return Some(format!(
            "did you mean `permwrap {name}`? (permwrap help lists what there is)"
        ));
    }
    if command == [b"version"] {
        return Some("did you mean `permwrap --version`?".to_owned());
    }
    let variables = command
        .iter()
        .take_while(|word| is_assignment(word))
        .count();
    let (set, rest) = command.split_at(variables);
    if !set.is_empty() && !rest.is_empty() {
        return Some(format!(
            "a variable is set before permwrap: {} permwrap -- {}",
            quote::command(set),
            quote::command(rest)
        ));
    }
    let [line] = command else { return None };
    let line = std::str::from_utf8(line).ok()?.trim();
    let is_a_line = line.contains(char::is_whitespace) && !line.contains(char::is_control);
    let is_for_a_shell = line.contains(|letter| "|&;<>()$`\\\"'*?[]{}~#!=".contains(letter));
    is_a_line.then(|| match is_for_a_shell {
        true => {
            let words = [b"sh".as_slice(), b"-c", line.as_bytes()].map(<[u8]>::to_vec);
            format!(
                "for a line of shell code: permwrap -- {}",
                quote::command(&words)
            )
        }
        false => format!("the command's words are not quoted together: permwrap -- {line}"),
    })
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn a_slip_at_the_prompt_gets_the_line_that_was_meant() {
        let of = |words: &[&str]| {
            let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
            let sentence = meant(&words, None)?;
            sentence.split_once(": ").map(|(_, line)| line.to_owned())
        };
        for (words, line) in [
            (
                &["PORT=80", "node", "a b.js"][..],
                "PORT=80 permwrap -- node 'a b.js'",
            ),
            (&["node server.js"], "permwrap -- node server.js"),
            (&["cd x && make"], "permwrap -- sh -c 'cd x && make'"),
        ] {
            assert_eq!(of(words).as_deref(), Some(line));
        }
        for words in [
            &["nodejs"][..],
            &["A=1"],
            &["a b", "c"],
            &["a\nb"],
            &["=1", "x"],
        ] {
            assert_eq!(of(words), None, "{words:?}");
        }
    }
}

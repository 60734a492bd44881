//! Shell code: its commands with their words and redirections, as far as they can be determined without running it.

mod course;
mod document;
mod token;
mod value;

use super::whereabouts::Whereabouts;
use crate::attempt::Operation;
use crate::byte_path;
use course::{Compound, Step, followed};
use document::Documents;
use token::{Keyword, Redirection, Token, keyword, next};
pub(super) use value::Scope;

/// A simple command in shell code.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SimpleCommand {
    /// Its words, unquoted. A word with an expansion (`$name`) is kept as written.
    pub words: Vec<Vec<u8>>,
    /// The files that its redirections open, and how.
    pub redirections: Vec<(Operation, Vec<u8>)>,
    /// The here-document that it reads.
    pub input: Option<Vec<u8>>,
    /// Its working directory.
    pub place: Whereabouts,
    /// Whether the shell does not change directory after it.
    pub is_settled: bool,
}

/// A change of a shell's directory.
#[derive(Debug, PartialEq, Eq)]
pub enum Move<'w> {
    Home,
    /// To where this word leads.
    To(&'w [u8]),
    /// The same; the directory that is left is kept on a stack.
    Push(&'w [u8]),
    /// To the directory on the stack.
    Pop,
    /// To the directory before the last change.
    Back,
    /// Only running it would tell.
    Untold,
}

impl SimpleCommand {
    /// How it changes the shell's directory, if it does.
    #[must_use]
    pub fn moves(&self) -> Option<Move<'_>> {
        // With CDPATH, the directory that is named need not be the one that is meant, here or later.
        let is_assigned = |word: &&Vec<u8>| is_assignment(word) || *word == b"export";
        let assigned = self.words.iter().take_while(is_assigned);
        if assigned.clone().any(|word| word.starts_with(b"CDPATH=")) {
            return Some(Move::Untold);
        }
        let mut words = self.words.iter().map(Vec::as_slice);
        let mut name = words.nth(assigned.count())?;
        while [&b"builtin"[..], b"command"].contains(&name) {
            name = words.next()?;
        }
        match name {
            // What it stands for may be used anywhere after it.
            b"alias" => {
                let goes = |word: &&[u8]| memchr::memmem::find(word, b"cd ").is_some();
                words.find(goes).map(|_| Move::Untold)
            }
            b"cd" | b"pushd" | b"chdir" => {
                let is_operand = |word: &&[u8]| word.len() < 2 || !word.starts_with(b"-");
                let mut operands = words.filter(is_operand);
                Some(match (operands.next(), operands.next()) {
                    (None, None) if name != b"pushd" => Move::Home,
                    (Some(b"-"), None) if name != b"pushd" => Move::Back,
                    (Some([] | [b'+' | b'-', ..]), None) => Move::Untold,
                    (Some(word), None) if name == b"pushd" => Move::Push(word),
                    (Some(word), None) => Move::To(word),
                    _ => Move::Untold,
                })
            }
            b"popd" => Some(match words.find(|word| !word.starts_with(b">")) {
                None => Move::Pop,
                Some(_) => Move::Untold,
            }),
            b"." | b"source" | b"eval" => Some(Move::Untold),
            _ => None,
        }
    }
}

/// What a line of shell code does with this name: execute it as a command, which some shells name by the path where they found
/// it, or open it in a redirection. `None` if it does neither or both.
#[must_use]
pub fn use_in_code(code: &[u8], name: &[u8]) -> Option<Operation> {
    let mut uses: Vec<Operation> = Vec::new();
    for command in commands(code) {
        let is_name = |word: &[u8]| word == name;
        let is_found = |word: &[u8]| {
            let is_bare = !word.contains(&b'/');
            name.starts_with(b"/") && is_bare && byte_path::name(name) == word
        };
        let mut words = command.words.iter();
        let program = words.find(|word| !is_assignment(word));
        if program.is_some_and(|word| is_name(word) || is_found(word)) {
            uses.push(Operation::Exec);
        }
        let opened = command
            .redirections
            .into_iter()
            .filter(|(_, word)| is_name(word));
        uses.extend(opened.map(|(operation, _)| operation));
    }
    uses.dedup();
    match &uses[..] {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// The files that the redirections in some code open, as written there.
#[must_use]
pub fn redirections(code: &[u8]) -> Vec<Vec<u8>> {
    let every = commands(code).into_iter();
    let every = every.flat_map(|command| command.redirections);
    every.map(|(_, word)| word).collect()
}

/// What shell code does with the result of an expansion, as in `echo x >> "$log"`: a name that does not occur literally must
/// come from such a word. `None` if nothing opens one, if a command is itself an expansion or a sourced file, or if the
/// redirections differ in more than how they write.
#[must_use]
pub fn use_of_what_is_filled_in(code: &[u8]) -> Option<Operation> {
    let mut uses: Vec<Operation> = Vec::new();
    for command in commands(code) {
        let mut words = command.words.iter().filter(|word| !is_assignment(word));
        let name = words.next().map(Vec::as_slice).unwrap_or_default();
        if is_filled_in(name) || [&b"."[..], b"source"].contains(&name) {
            return None;
        }
        let opened = command.redirections.into_iter();
        uses.extend(opened.filter_map(|(how, word)| is_filled_in(&word).then_some(how)));
    }
    uses.dedup();
    let writes =
        |operation: &Operation| matches!(operation, Operation::Open(how) if how.write && !how.read);
    match &uses[..] {
        [only] => Some(only.clone()),
        [_, ..] if uses.iter().all(writes) => Some(Operation::CREATE),
        _ => None,
    }
}

/// The simple commands of some code, in order.
#[must_use]
pub fn commands(code: &[u8]) -> Vec<SimpleCommand> {
    commands_within(code, Scope::default())
}

/// The same, run with these variables and parameters.
#[must_use]
pub(super) fn commands_within(code: &[u8], scope: Scope) -> Vec<SimpleCommand> {
    followed(steps(code, true), scope)
}

/// The words of each simple command, without those of command substitutions.
fn plain_commands(code: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let words = |step: Step| match step {
        Step::Command(command) => Some(command.words),
        _ => None,
    };
    steps(code, false).into_iter().filter_map(words).collect()
}

/// The steps through some code, with those of its command substitutions if they count.
fn steps(code: &[u8], with_substitutions: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut command = SimpleCommand::default();
    let mut redirection: Option<Redirection> = None;
    let mut documents: Option<Documents> = None;
    let mut function: Option<Vec<u8>> = None;
    let mut subshells = 0_usize;
    let mut rest = code;
    while let Some((token, after)) = next(rest) {
        rest = after;
        match token {
            Token::Word(word) => {
                for code in word.runs.iter().filter(|_| with_substitutions) {
                    steps.push(Step::Open(Compound::Subshell));
                    steps.extend(self::steps(code, true));
                    steps.push(Step::Close);
                }
                let word = word.text;
                match redirection.take() {
                    Some(Redirection::File(operation)) => {
                        command.redirections.push((operation, word));
                    }
                    Some(Redirection::Document { indented }) => {
                        let documents = documents.get_or_insert_with(|| Documents::of_line(rest));
                        command.input = Some(documents.text(&word, indented));
                    }
                    Some(Redirection::Word) => {}
                    None if command.words.is_empty() => match keyword(&word) {
                        Some(Keyword::Begins(kind)) => {
                            let name = function.take().filter(|_| kind == Compound::Group);
                            steps.push(Step::Open(name.map_or(kind, Compound::Function)));
                            // The words that follow are the loop's variable and list, not a command.
                            if [&b"for"[..], b"case", b"select"].contains(&&word[..]) {
                                command.words.push(word);
                            }
                        }
                        Some(Keyword::Else) => steps.push(Step::Else),
                        Some(Keyword::Ends) => steps.push(Step::Close),
                        Some(Keyword::Other) => {}
                        None => command.words.push(word),
                    },
                    None if word == b"{" && is_definition(&command) => {
                        let name = command.words.pop().unwrap_or_default();
                        command.words.clear();
                        steps.push(Step::Open(Compound::Function(name)));
                    }
                    None => command.words.push(word),
                }
            }
            Token::Redirects(leads) => redirection = Some(leads),
            Token::Names => function = command.words.pop(),
            Token::Ends(_) | Token::EndsCase | Token::Begins | Token::Closes => {
                redirection = None;
                if let Some(behind) = documents.as_ref().and_then(|them| them.behind(rest)) {
                    rest = behind;
                    documents = None;
                }
                end(std::mem::take(&mut command), &mut steps);
                match token {
                    Token::Begins => {
                        subshells += 1;
                        steps.push(Step::Open(Compound::Subshell));
                    }
                    // A parenthesis that closes no subshell ends a pattern of `case`.
                    Token::Closes if subshells > 0 => {
                        subshells -= 1;
                        steps.push(Step::Close);
                    }
                    Token::Ends(link) => steps.push(Step::Link(link)),
                    Token::EndsCase => steps.push(Step::Else),
                    _ => {}
                }
            }
        }
    }
    end(command, &mut steps);
    steps
}

/// A command has ended. What `eval` evaluates takes its place, as far as it is written there.
fn end(command: SimpleCommand, steps: &mut Vec<Step>) {
    match command.words.split_first() {
        None if command.redirections.is_empty() => {}
        Some((name, words)) if name == b"eval" && !words.iter().any(|word| is_filled_in(word)) => {
            steps.push(Step::Open(Compound::Group));
            steps.extend(self::steps(&words.join(&b' '), true));
            steps.push(Step::Close);
        }
        _ => steps.push(Step::Command(command)),
    }
}

/// Whether only running the code tells the whole of a word.
fn is_filled_in(word: &[u8]) -> bool {
    word.iter().any(|byte| b"$`".contains(byte))
}

/// Whether a command is the beginning of a function's definition: `function name`.
fn is_definition(command: &SimpleCommand) -> bool {
    command
        .words
        .first()
        .is_some_and(|word| word == b"function")
}

/// Whether the word is an assignment (`NAME=value`) before a command.
#[must_use]
pub fn is_assignment(word: &[u8]) -> bool {
    let name = word.split(|&byte| byte == b'=').next().unwrap_or_default();
    let begins = name
        .first()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    name.len() < word.len() && begins && name.iter().all(goes_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_running_it_tells_where_an_alias_or_a_search_path_leads() {
        let goes = |code: &str, moves: Option<Move>| {
            let command = commands(code.as_bytes()).remove(0);
            assert_eq!(command.moves(), moves, "{code}");
        };
        for code in [
            "CDPATH=/srv cd sub",
            "CDPATH=/srv",
            "export CDPATH=/srv",
            "alias g='cd sub'",
        ] {
            goes(code, Some(Move::Untold));
        }
        goes("LANG=C cd sub", Some(Move::To(b"sub")));
        goes("alias l='ls -l'", None);
        goes("LANG=C ls", None);
    }

    #[test]
    fn redirections_and_commands_are_told_apart() {
        for (code, name, operation) in [
            ("echo x > /srv/f", "/srv/f", Some(Operation::CREATE)),
            ("echo x >>'/srv/f'; true", "/srv/f", Some(Operation::APPEND)),
            ("cat <f 2>&1", "f", Some(Operation::READ)),
            ("if ./s.sh; then true; fi", "./s.sh", Some(Operation::Exec)),
            ("A=1 npx build", "npx", Some(Operation::Exec)),
            ("cat f > f", "f", Some(Operation::CREATE)),
            ("cat f", "f", None),
            ("f < f", "f", None),
            ("echo '> f'", "f", None),
        ] {
            assert_eq!(
                use_in_code(code.as_bytes(), name.as_bytes()),
                operation,
                "{code}"
            );
        }
    }

    #[test]
    fn a_copy_of_a_descriptor_is_no_command() {
        for code in [&b"cat f >&2"[..], b"cat 2>&1 f", b"cat f 3>&-"] {
            let found = commands(code);
            let words: Vec<&[u8]> = found
                .iter()
                .flat_map(|one| &one.words)
                .map(Vec::as_slice)
                .collect();
            assert_eq!(words, [&b"cat"[..], b"f"]);
            assert_eq!(found.len(), 1);
        }
    }

    #[test]
    fn the_text_of_a_here_document_is_no_command() {
        let code = b"cat > f <<'X' && ls\nimport sqlite3\nX\ncat <<-A <<B\n\ta\n\tA\nb\nB\nbc <<< 'a b'\nrm g";
        let found = commands(code);
        let words: Vec<Vec<&[u8]>> = found
            .iter()
            .map(|one| one.words.iter().map(Vec::as_slice).collect())
            .collect();
        let expected: [&[&[u8]]; 5] = [&[b"cat"], &[b"ls"], &[b"cat"], &[b"bc"], &[b"rm", b"g"]];
        assert_eq!(words, expected);
        assert_eq!(found[0].input.as_deref(), Some(&b"import sqlite3\n"[..]));
        assert_eq!(redirections(code), [b"f"]);
    }

    #[test]
    fn a_name_that_is_filled_in_is_used_as_its_word_is() {
        for (code, operation) in [
            ("echo x >> \"$log\"", Some(Operation::APPEND)),
            (
                "f() { echo x > \"$1\"; }; f /srv/f",
                Some(Operation::CREATE),
            ),
            ("exec >> $log", Some(Operation::APPEND)),
            ("while read x; do :; done < $in", Some(Operation::READ)),
            ("cat < $in > $out", None),
            ("$tool > $out", None),
            (". $lib > $out", None),
            ("echo $log", None),
        ] {
            assert_eq!(
                use_of_what_is_filled_in(code.as_bytes()),
                operation,
                "{code}"
            );
        }
        let evaluated = use_in_code(b"eval 'echo x > /srv/f'", b"/srv/f");
        assert_eq!(evaluated, Some(Operation::CREATE));
    }

    #[test]
    fn commands_end_at_their_separators() {
        let found = commands(b"cd /; tar -xf 'my file' | cat && x=$y");
        let words: Vec<Vec<&[u8]>> = found
            .iter()
            .map(|command| command.words.iter().map(Vec::as_slice).collect())
            .collect();
        assert_eq!(
            words,
            [
                vec![&b"cd"[..], b"/"],
                vec![b"tar", b"-xf", b"my file"],
                vec![b"cat"],
                vec![b"x=$y"]
            ]
        );
    }
}

//! Writing what the shell itself opens: sudo(8) does not reach it.

use super::is_of_the_system;
use super::tool::Tool;
use crate::attempt::{Object, Operation};
use crate::cause::case::Case;
use crate::cause::{Candidate, Fit};
use crate::change::Change;
use crate::facts::Elevator;
use crate::programs::Operand;
use crate::{programs, quote};

/// A file that the shell itself opens for a redirection, so that running the command with sudo would not help, or that tee(1)
/// writes in the shell's code. This requires that the code passed to the shell names the file.
pub(super) fn redirected(tool: &Tool, case: &Case) -> Option<Candidate> {
    let is_shell = programs::program(tool.name.as_bytes()).is_some_and(programs::Program::is_shell);
    let opens = matches!(case.attempt.operation, Operation::Open(how) if how.write);
    let Object::Path(path) = &case.attempt.object else {
        return None;
    };
    let lines = programs::command_lines(&tool.raw);
    let code = lines.first()?.code.as_ref()?;
    let redirects = programs::redirections(code)
        .iter()
        .any(|word| programs::is_the_end_of(word, path));
    let is_it = |operand: &Operand| programs::is_the_end_of(&operand.word, path);
    let mut tees = lines.iter().filter(|line| line.name() == b"tee");
    let tees = tees.any(|line| line.operands.iter().any(is_it));
    let is_written = is_shell && opens && (redirects || tees);
    let elevator = case.facts.surroundings.elevator;
    if !(is_written && is_of_the_system(case) && elevator != Elevator::None) {
        return None;
    }
    let appends = matches!(case.attempt.operation, Operation::Open(how) if how.append);
    let option = if appends { "-a " } else { "" };
    let path = quote::shell(path);
    let why = match redirects {
        true => "sudo does not reach the shell's own `>`; write it like this",
        false => "let only tee run as root",
    };
    let writer = simple_writer(code).filter(|_| redirects);
    let writer = writer.map_or_else(|| "...".to_owned(), quote::display);
    let title = format!("{why}: {writer} | {} tee {option}{path}", elevator.name());
    Some(Candidate::new(Fit::Around, title, [Change::Tee]))
}

/// The command whose output the code redirects, if the code is nothing but one simple command with one redirection at its end.
fn simple_writer(code: &[u8]) -> Option<&[u8]> {
    let at = code.iter().position(|&byte| byte == b'>')?;
    let (writer, rest) = code.split_at(at);
    let is_special = |byte: &u8| b"|&;<>`$()\\\n".contains(byte) || byte.is_ascii_control();
    let target = rest
        .strip_prefix(b">>")
        .or_else(|| rest.strip_prefix(b">"))?
        .trim_ascii();
    let is_one_word = !target
        .iter()
        .any(|byte| is_special(byte) || byte.is_ascii_whitespace());
    // `2>` redirects something else.
    let is_output = writer.last().is_some_and(u8::is_ascii_whitespace);
    let writer = writer.trim_ascii();
    (is_one_word && is_output && !writer.is_empty() && !writer.iter().any(is_special))
        .then_some(writer)
}

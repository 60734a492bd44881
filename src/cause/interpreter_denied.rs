//! Not the file itself is refused, but the interpreter of its `#!` line or its ELF loader.

use super::case::Case;
use super::{Candidate, Purpose, Words, grant};
use crate::byte_path;
use crate::facts::{Inode, Kind, Node, Perms};
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let behind = if case.inode().is_some_and(Inode::is_dir) {
        "something behind "
    } else {
        ""
    };
    let because = format!(
        "{} needs {behind}{}, which {} may not {}",
        case.asked(),
        case.path(),
        case.who(),
        case.may(Perms::X)
    );
    case.words(because, case.rule_in_words())
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    if let Some(advice) = environment_again(case) {
        return vec![advice];
    }
    let mut all = grant::candidates(case);
    all.push(Candidate::advice(format!(
        "name an interpreter that {} may run in the first line of {}",
        case.who(),
        case.asked()
    )));
    all
}

/// For a virtual environment whose Python lies in somebody's closed home directory: it is to be made again with another one.
pub(super) fn environment_again(case: &Case) -> Option<Candidate> {
    let is_python = |node: &&Node| {
        let is_link = node
            .inode
            .as_ref()
            .is_ok_and(|inode| inode.kind == Kind::Symlink);
        let above = byte_path::parent(&node.path).map(byte_path::name);
        let is_named = byte_path::name(&node.path).starts_with(b"python");
        is_link && is_named && above == Some(b"bin")
    };
    let is_anothers = case.purpose()? == Purpose::Home;
    let python = case.facts.nodes.iter().find(is_python);
    let environment = byte_path::parent(byte_path::parent(&python?.path)?)?;
    let is_its = case.facts.nodes.iter().any(|node| node.path == environment);
    (is_anothers && is_its && environment.len() > 1 && environment != b"/usr").then(|| {
        Candidate::advice(format!(
            "the Python of {} lies below {}: make it again with one that {} may run: python3 -m venv --clear {}",
            quote::display(environment),
            case.path(),
            case.who(),
            quote::shell(environment)
        ))
    })
}

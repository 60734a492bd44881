//! Presents findings: as hints for people, or as documents for programs.
#![forbid(unsafe_code)]

pub mod github;
mod json;
pub mod json_line;
pub mod line;
mod listing;
pub mod text;
pub mod walk;

pub use json::{fix_report, incident_report, json_text, obstacle_path};

use crate::attempt::{
    ACCESS_ACL, ANY_NAME, ANY_USER_ATTRIBUTE, Attempt, Object, OpenHow, Operation,
};
use crate::byte_path;
use crate::facts::Facts;
use crate::layout;
use crate::quote;
use crate::report::{Conclusion, Finding, Unclear, Way};

/// The style of hints for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colors.
    pub color: bool,
    /// Whether to use arrows outside of ASCII.
    pub utf8: bool,
    /// The width of the terminal in columns.
    pub width: usize,
    /// Whether root reads it, who needs no sudo.
    pub is_root: bool,
    /// Whether the refusal is remembered, so that `permwrap fix` knows it.
    pub is_remembered: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            color: false,
            utf8: false,
            width: 100,
            is_root: true,
            is_remembered: true,
        }
    }
}

/// What was tried, in words that follow "cannot": `read /srv/app/users.db`.
#[must_use]
pub fn deed(attempt: &Attempt, facts: &Facts) -> String {
    let to = attempt.to.as_ref().map(|to| quote::display(to));
    match &attempt.operation {
        Operation::Trust(policy) if policy.root_only => {
            format!("do this as {}", user(attempt, facts))
        }
        Operation::Trust(_) if attempt.object == Object::Process => "gain privileges".to_owned(),
        Operation::Open(how) if how.create && !is_missing(facts) => deed_to(
            &Operation::Open(OpenHow {
                create: false,
                ..*how
            }),
            &object(attempt, facts),
            to,
        ),
        Operation::Privileged(privilege) if matches!(attempt.object, Object::Another(_)) => {
            privilege.words_about(&object(attempt, facts))
        }
        Operation::Mount => match facts.surroundings.command.first() {
            Some(program) if byte_path::name(program) == b"mount" => {
                format!("mount {}", object(attempt, facts))
            }
            Some(program) if byte_path::name(program) == b"umount" => {
                format!("unmount {}", object(attempt, facts))
            }
            _ => deed_to(&Operation::Mount, &object(attempt, facts), to),
        },
        operation => deed_to(operation, &object(attempt, facts), to),
    }
}

/// What was tried on an object, in words that follow "cannot".
fn deed_to(operation: &Operation, object: &str, to: Option<String>) -> String {
    match (operation, to) {
        (Operation::Rename | Operation::Link, to) => {
            let to = to.unwrap_or_else(|| "another name".to_owned());
            format!("{} to {to}", operation.deed(object))
        }
        (Operation::Setxattr(name), _) if name == ACCESS_ACL => format!("set the ACL of {object}"),
        (Operation::Setxattr(name), _) if name != ANY_USER_ATTRIBUTE => format!(
            "set the attribute {} of {object}",
            quote::display(name.as_bytes())
        ),
        (Operation::Trust(policy), _) => format!("use {object} as {}", policy.about),
        _ => operation.deed(object),
    }
}

/// The finding in one line: what could not be done, or what is not known about it.
#[must_use]
pub fn headline(finding: &Finding) -> String {
    let Some(attempt) = &finding.attempt else {
        return reported(finding);
    };
    let (deed, facts) = (deed(attempt, &finding.facts), &finding.facts);
    let is_told = finding.incident.is_none() || finding.signs.operation.is_some();
    let deed = deed + &place(facts);
    match &finding.conclusion {
        Conclusion::Refused(..) if warns(&attempt.operation) => {
            format!("a warning about {}", named(finding, attempt))
        }
        Conclusion::Refused(..) if is_told => format!("cannot {deed}"),
        Conclusion::Allowed if is_told => {
            format!("{} can {deed} now", user(attempt, facts))
        }
        Conclusion::Unclear(_) if is_told => format!("cannot {deed}, and it is not clear why"),
        _ => format!("permission denied for {}", named(finding, attempt)),
    }
}

/// Whether the program only warns, and goes on.
fn warns(operation: &Operation) -> bool {
    matches!(operation, Operation::Trust(policy) if policy.warns)
}

/// The place of the finding, in words that follow what was done there; empty for permwrap's own place.
fn place(facts: &Facts) -> String {
    let abroad = facts.surroundings.abroad.as_ref();
    let place = abroad.and_then(|abroad| abroad.place.as_ref());
    place.map_or_else(String::new, |place| format!(" {}", place.words()))
}

/// The path there and the path here of the refusing object, otherwise of the attempt's object, if they are known.
#[must_use]
pub fn both_paths(finding: &Finding) -> Option<String> {
    let abroad = finding.facts.surroundings.abroad.as_ref()?;
    abroad.place.as_ref()?;
    let Conclusion::Refused(denial, _) = &finding.conclusion else {
        return None;
    };
    let attempt = finding.attempt.as_ref()?;
    let refusing = obstacle_path(denial, attempt, &finding.facts);
    let asked = match &attempt.object {
        Object::Path(path) => Some(path.clone()),
        _ => None,
    };
    let known = |path: Vec<u8>| abroad.paths.iter().find(|(there, _)| *there == path);
    let Some((there, here)) = refusing.and_then(known).or_else(|| asked.and_then(known)) else {
        return abroad.remains.clone();
    };
    Some(match here == there {
        true => format!(
            "{} is the same object there and here",
            quote::display(there)
        ),
        false => format!(
            "{} there is {} here",
            quote::display(there),
            quote::display(here)
        ),
    })
}

/// What the text alone says.
fn reported(finding: &Finding) -> String {
    let incident = finding.incident.as_ref();
    let object = incident.and_then(|incident| incident.object().or(incident.address.as_deref()));
    let object = object.map(quote::display);
    let operation = incident.and_then(|incident| incident.operations.first());
    match (operation, object) {
        (Some(operation), Some(object)) => format!(
            "the program could not {}",
            deed_to(operation, &object, None)
        ),
        (Some(Operation::Trust(policy)), None) => {
            format!("{} does not accept {}", policy.program, policy.about)
        }
        (Some(operation), None) => {
            // For an unnamed object, `make the directory {}` becomes `make a directory`.
            let deed = match operation {
                Operation::Bind => operation.deed("a port or socket"),
                Operation::Connect => operation.deed("a socket"),
                Operation::Mount => operation.deed("a file system"),
                Operation::Traverse | Operation::List | Operation::Rmdir => {
                    operation.deed("a directory")
                }
                _ if operation.makes_a_name() => operation.deed("").replace(" the ", " a "),
                _ => operation.deed("a file"),
            };
            format!("the program could not {}", deed.trim_end())
        }
        (None, Some(object)) => {
            format!("the program reports that permission was denied for {object}")
        }
        (None, None) => {
            "the program reports that permission was denied, but does not say for what".to_owned()
        }
    }
}

/// Why the evidence does not suffice, as a sentence.
#[must_use]
pub fn unclear(unclear: &Unclear) -> String {
    let ways = match unclear {
        Unclear::Note(note) => return note.clone(),
        Unclear::Operation(ways) => ways,
    };
    let reads = ways.iter().any(|way| way.operation == Operation::READ);
    let doing = |way: &Way| match way.operation {
        // Reading is in the list as well.
        Operation::UPDATE if reads => Operation::WRITE.doing(),
        _ => way.operation.doing(),
    };
    let list = |refused: bool| {
        let words = ways.iter().filter(|way| way.refused.is_some() == refused);
        let words: Vec<&str> = words.map(doing).collect();
        layout::listed(&words, "or")
    };
    let reasons = ways.iter().filter_map(|way| way.refused.as_ref());
    let mut reasons: Vec<&str> = reasons.map(|(because, _)| because.as_str()).collect();
    let mut known: Vec<&str> = Vec::new();
    reasons.retain(|reason| {
        let is_new = !known.contains(reason);
        known.push(reason);
        is_new
    });
    let allowed = match list(false).as_str() {
        "" => String::new(),
        allowed => format!("; {allowed} would be allowed"),
    };
    format!(
        "the message does not say what was tried: {} would be refused ({}){allowed}",
        list(true),
        reasons.join("; ")
    )
}

fn user(attempt: &Attempt, facts: &Facts) -> String {
    quote::display(facts.names.user(attempt.subject.uid).as_bytes())
}

/// The object as the message names it, made absolute; if the message names only a directory, that directory.
fn named(finding: &Finding, attempt: &Attempt) -> String {
    match json::path_of(finding) {
        Some(path) => quote::display(&finding.facts.without_detours(&path)),
        None => object(attempt, &finding.facts),
    }
}

/// Whether the object is known not to exist.
#[must_use]
pub fn is_missing(facts: &Facts) -> bool {
    facts
        .walk
        .steps
        .last()
        .is_some_and(|step| step.found == Ok(None))
}

/// The object, as text.
fn object(attempt: &Attempt, facts: &Facts) -> String {
    match &attempt.object {
        Object::Path(path) if path.ends_with(ANY_NAME) => {
            let directory = byte_path::parent(path).unwrap_or(path);
            format!("a file in {}", quote::display(directory))
        }
        Object::Path(path) => quote::display(&facts.without_detours(path)),
        Object::Port { address, port } if address.is_empty() => format!("port {port}"),
        Object::Port { address, port } if address.contains(':') => {
            format!("[{}]:{port}", quote::display(address.as_bytes()))
        }
        Object::Port { address, port } => format!("{}:{port}", quote::display(address.as_bytes())),
        Object::Process => "the process".to_owned(),
        Object::Another(pid) => format!("process {pid}"),
    }
}

//! From findings to what is shown: a hint for people, or documents for programs.
#![forbid(unsafe_code)]

pub mod github;
mod json;
pub mod json_line;
pub(crate) mod layout;
mod listing;
pub mod text;

pub use json::{fix_report, incident_report, obstacle_path};

use crate::attempt::{Attempt, Object, Operation};
use crate::facts::Facts;
use crate::quote;

/// How a hint for people is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// With colours.
    pub color: bool,
    /// With arrows beyond ASCII.
    pub utf8: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            color: false,
            utf8: false,
            width: 100,
        }
    }
}

/// What was tried, in words that follow "cannot": `read /srv/app/users.db`.
#[must_use]
pub fn deed(attempt: &Attempt, facts: &Facts) -> String {
    let object = object(attempt);
    let to = || {
        attempt
            .to
            .as_ref()
            .map_or_else(|| "another name".to_owned(), |to| quote::display(to))
    };
    match &attempt.operation {
        Operation::Open(how) if how.create && is_missing(facts) => format!("create {object}"),
        Operation::Open(how) if how.truncate => format!("overwrite {object}"),
        Operation::Open(how) if how.append => format!("append to {object}"),
        Operation::Open(how) if how.write => format!("write {object}"),
        Operation::Open(_) => format!("read {object}"),
        Operation::Exec => format!("run {object}"),
        Operation::List => format!("list {object}"),
        Operation::Traverse => format!("pass through {object}"),
        Operation::Mkdir => format!("make the directory {object}"),
        Operation::Mknod(_) => format!("make the node {object}"),
        Operation::Symlink => format!("make the symlink {object}"),
        Operation::Delete => format!("delete {object}"),
        Operation::Rmdir => format!("remove the directory {object}"),
        Operation::Rename => format!("rename {object} to {}", to()),
        Operation::Link => format!("link {object} to {}", to()),
        Operation::Chmod(_) => format!("change the mode of {object}"),
        Operation::Chown {
            uid: None,
            gid: Some(_),
        } => format!("change the group of {object}"),
        Operation::Chown { .. } => format!("change the owner of {object}"),
        Operation::Utime { .. } => format!("set the times of {object}"),
        Operation::Setxattr(name) => format!(
            "set the attribute {} of {object}",
            quote::display(name.as_bytes())
        ),
        Operation::Bind => format!("listen on {object}"),
        Operation::Connect => format!("connect to {object}"),
        Operation::Mount => format!("mount {object}"),
        Operation::Signal => format!("signal {object}"),
        Operation::Ptrace => format!("trace {object}"),
        Operation::Privileged(privilege) => privilege.words().to_owned(),
        Operation::Trust(_) if attempt.object == Object::Process => "gain privileges".to_owned(),
        Operation::Trust(policy) => format!("use {object} as {}", policy.about),
    }
}

/// Whether the object is known not to be there.
fn is_missing(facts: &Facts) -> bool {
    facts
        .walk
        .steps
        .last()
        .is_some_and(|step| step.found == Ok(None))
}

/// The object as people read it.
fn object(attempt: &Attempt) -> String {
    match &attempt.object {
        Object::Path(path) => quote::display(path),
        Object::Port { address, port } if address.is_empty() => format!("port {port}"),
        Object::Port { address, port } if address.contains(':') => {
            format!("[{}]:{port}", quote::display(address.as_bytes()))
        }
        Object::Port { address, port } => format!("{}:{port}", quote::display(address.as_bytes())),
        Object::Process => "the process".to_owned(),
    }
}

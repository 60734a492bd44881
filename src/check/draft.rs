//! Drafts a first manifest from the files of a project: Django and Flask settings, Node servers, compose files, Kubernetes
//! manifests, Dockerfiles, systemd units.
//!
//! Each reader looks for the few things that reveal a path or a user, and ignores everything else. Explicit statements are
//! taken over; mere indications are marked as guessed.

mod compose;
mod django;
mod dockerfile;
mod flask;
mod kind;
mod kubernetes;
mod manifest_text;
mod node;
mod unit;

use crate::attempt::Object;
use crate::{programs, resolve};
use kind::Kind;

/// A file of the project that may be informative.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path, relative to the project.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What has been learned so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The users that the service may run as, the most likely first, each with its source.
    users: Vec<(String, String)>,
    needs: Vec<Need>,
    /// Ports, each with its source.
    ports: Vec<(u16, String)>,
    /// Requirements inside a container, which do not apply here, where the manifest is judged.
    insides: Vec<Inside>,
    ports_inside: Vec<(u16, String)>,
}

/// A path that is required inside a container.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Inside {
    path: String,
    /// The names of the required operations.
    needs: &'static [&'static str],
    from: String,
}

/// A required path.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Need {
    path: String,
    /// The names of the required operations.
    needs: &'static [&'static str],
    closed: bool,
    /// The source of the information: `app.service line 7: WorkingDirectory`.
    from: String,
    /// Whether the file merely indicates it.
    guessed: bool,
}

/// Whether a file with this name can be informative, and so is worth reading.
#[must_use]
pub fn is_source(path: &str) -> bool {
    Kind::of(path).is_some()
}

/// Drafts a manifest from these files.
#[must_use]
pub fn draft(sources: &[Source]) -> Draft {
    let mut draft = Draft::default();
    let mut sources: Vec<(Kind, &Source)> = sources
        .iter()
        .filter_map(|source| Some((Kind::of(&source.path)?.confirmed(&source.text)?, source)))
        .collect();
    // The first user that is named is used.
    sources.sort_by_key(|(kind, source)| (*kind, source.path.clone()));
    for (kind, source) in sources {
        match kind {
            Kind::Unit => unit::read(source, &mut draft),
            Kind::Dockerfile => dockerfile::read(source, &mut draft),
            Kind::Compose => compose::read(source, &mut draft),
            Kind::Kubernetes => kubernetes::read(source, &mut draft),
            Kind::Flask => flask::read(source, &mut draft),
            Kind::Node => node::read(source, &mut draft),
            Kind::Django => django::read(source, &mut draft),
        }
    }
    draft
}

impl Draft {
    fn user(&mut self, name: &str, from: String) {
        self.users.push((name.to_owned(), from));
    }

    /// Records a port. Ports that require no privilege need no check.
    fn port(&mut self, port: u16, from: String) {
        if is_low(port) && !self.ports.iter().any(|(known, _)| *known == port) {
            self.ports.push((port, from));
        }
    }

    /// Records a port inside a container.
    fn port_inside(&mut self, port: u16, from: String) {
        if is_low(port) && !self.ports_inside.iter().any(|(known, _)| *known == port) {
            self.ports_inside.push((port, from));
        }
    }

    /// Records a path inside a container.
    fn inside(&mut self, inside: Inside) {
        if !self.insides.iter().any(|known| known.path == inside.path) {
            self.insides.push(inside);
        }
    }

    /// Records a path, or completes an existing entry.
    fn need(&mut self, need: Need) {
        let known = |known: &&mut Need| known.path == need.path;
        match self.needs.iter_mut().find(known) {
            Some(known) if known.needs.len() < need.needs.len() => *known = need,
            Some(known) => known.closed |= need.closed,
            None => self.needs.push(need),
        }
    }

    /// Whether no file tells what the service needs on this machine.
    #[must_use]
    pub fn names_nothing_here(&self) -> bool {
        self.needs.is_empty() && self.ports.is_empty()
    }

    /// Whether no file was informative.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Draft::default()
    }
}

/// Whether listening on the port requires a privilege by default.
fn is_low(port: u16) -> bool {
    (1..1024).contains(&port)
}

/// The ports that a server is told to listen on, in its arguments.
fn ports_of(words: &[String]) -> Vec<u16> {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.clone().into_bytes()).collect();
    let lines = programs::command_lines(&words);
    let objects = lines.iter().flat_map(resolve::ports_of);
    let port = |object| match object {
        Object::Port { port, .. } => Some(port),
        _ => None,
    };
    objects.filter_map(port).collect()
}

/// The number at the beginning of a text.
fn leading_number(text: &str) -> Option<u16> {
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    text[..end.unwrap_or(text.len())].parse().ok()
}

/// Resolves a path in a file relative to the directory of that file; `./` and `..` are removed where possible.
fn beside(source: &Source, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let directory = source
        .path
        .rsplit_once('/')
        .map_or("", |(directory, _)| directory);
    tidied(&format!("{directory}/{path}"))
}

/// A relative path without `.`, empty components, and `..` after a component that it cancels.
fn tidied(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let slash = if path.ends_with('/') && !parts.is_empty() {
        "/"
    } else {
        ""
    };
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/") + slash
    }
}

#[cfg(test)]
mod tests;

//! What lies in a container, asked of its engine by name.

use std::collections::BTreeMap;
use std::thread;

use super::MOST_NAMES;
use crate::byte_path::{self, below};
use crate::gather::engine_api::{Engine, Member};
use crate::gather::way_back::join;

/// Where an engine mounts kernel file systems in every container. The archive shows only the directories beneath those mounts.
const OF_THE_KERNEL: &[&[u8]] = &[b"/dev", b"/proc", b"/sys"];

/// The maximum number of paths in a text that are asked for in advance, before any of them is known to matter.
const MOST_AHEAD: usize = 4;

/// What lies at a path; `None` where nothing does.
pub(super) type Members = BTreeMap<Vec<u8>, Option<Member>>;

/// The files at the absolute paths in a text, the directories that lead there, and the targets of symlinks, in addition to what
/// was found before.
pub(super) fn members(engine: &Engine, id: &str, text: &[u8], mut found: Members) -> Members {
    loop {
        let unknown = unknown_in(text, &found);
        let answers = asked_at_once(engine, id, &unknown);
        if unknown.is_empty() || answers.is_empty() || found.len() >= MOST_NAMES {
            return found;
        }
        found.extend(answers);
    }
}

/// Asks for all of these names at the same time: the engine does not remove a container while it answers, but does between two
/// answers. That something is not there is believed only of a container that still has its root directory afterwards.
pub(super) fn asked_at_once(engine: &Engine, id: &str, names: &[Vec<u8>]) -> Members {
    let mut answers: Members = thread::scope(|scope| {
        let ask = |path: &Vec<u8>| Some((path.clone(), engine.member(id, path)?));
        let asked = names.iter().map(|path| scope.spawn(move || ask(path)));
        let asked: Vec<_> = asked.collect();
        let answers = asked.into_iter();
        answers
            .filter_map(|answer| answer.join().ok().flatten())
            .collect()
    });
    if answers.values().any(Option::is_none) && !matches!(engine.member(id, b"/"), Some(Some(_))) {
        answers.retain(|_, member| member.is_some());
    }
    answers
}

/// The root directory, and the names that lead to the absolute paths in a text, as far as they are not known yet.
pub(super) fn unknown_in(text: &[u8], known: &Members) -> Vec<Vec<u8>> {
    let paths = named_in(text).take(MOST_AHEAD);
    let mut unknown: Vec<Vec<u8>> = [b"/".to_vec()]
        .into_iter()
        .chain(paths)
        .flat_map(|path| unknown_on_the_way_to(path, known))
        .collect();
    unknown.sort();
    unknown.dedup();
    unknown
}

/// The names that lead to a path, from the first unknown one on. Known symlinks are followed.
fn unknown_on_the_way_to(mut path: Vec<u8>, known: &Members) -> Vec<Vec<u8>> {
    /// The maximum number of symlinks that the kernel follows (MAXSYMLINKS).
    const MOST_LINKS: usize = 40;
    for _ in 0..MOST_LINKS {
        let way = way_to(&path);
        let is_passed = |at: &&Vec<u8>| match known.get(*at) {
            Some(Some(member)) => member.link.is_none(),
            _ => false,
        };
        let passed = way.iter().take_while(is_passed).count();
        let Some(at) = way.get(passed) else {
            return Vec::new();
        };
        match known.get(at) {
            Some(Some(Member {
                link: Some(link), ..
            })) => {
                let rest = path.strip_prefix(at.as_slice()).unwrap_or_default();
                let directory = byte_path::parent(at).unwrap_or(b"/");
                path = join(&byte_path::join(directory, link), rest);
            }
            Some(_) => return Vec::new(),
            None => {
                let rest = way[passed..].iter();
                return rest.filter(|at| !is_of_the_kernel(at)).cloned().collect();
            }
        }
    }
    Vec::new()
}

/// The root directory and every name on the way to a path.
fn way_to(path: &[u8]) -> Vec<Vec<u8>> {
    let names = path
        .split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty());
    let mut way = vec![b"/".to_vec()];
    for name in names {
        way.push(byte_path::step(&way[way.len() - 1], name));
    }
    way
}

/// The absolute paths in a text, last first, because a message usually names the object at its end.
fn named_in(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let is_edge = |byte: &u8| byte.is_ascii_whitespace() || b"'\"`:;,()[]<>".contains(byte);
    let words = text.rsplit(move |byte| is_edge(byte));
    words
        .filter(|word| word.starts_with(b"/") && word.len() > 1)
        .map(<[u8]>::to_vec)
}

pub(super) fn is_of_the_kernel(path: &[u8]) -> bool {
    OF_THE_KERNEL.iter().any(|top| below(path, top).is_some())
}

//! Prints facts in the notation.

mod attempt;
mod file;
mod rest;
mod surroundings;

use super::lines;
use super::tree::below;
use crate::attempt::Attempt;
use crate::facts::{Facts, Inode, Node, Walk};

use attempt::{subject, tried};
use file::file;
use rest::{mount, people, settings};
use surroundings::surroundings;

/// All lines, in the order of the example in the module documentation.
pub(super) fn scene(attempt: &Attempt, facts: &Facts) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(words.trim_end());
        text.push('\n');
    };
    line(subject(&attempt.subject, &facts.names));
    line(tried(attempt, &facts.names));
    if let Some(errno) = attempt.errno {
        line(format!("answer   {errno}"));
    }
    line(String::new());
    for (_, words) in names(facts) {
        words.into_iter().for_each(&mut line);
    }
    line(String::new());
    facts.mounts.iter().for_each(|it| line(mount(it)));
    settings(facts).into_iter().for_each(&mut line);
    people(&facts.names).into_iter().for_each(&mut line);
    surroundings(facts).into_iter().for_each(&mut line);
    text
}

/// The paths that were met, each with its lines.
fn names(facts: &Facts) -> Vec<(Vec<u8>, Vec<String>)> {
    let widths = widths(facts);
    let mut names: Vec<(Vec<u8>, Vec<String>)> = Vec::new();
    for node in &facts.nodes {
        names.push((node.path.clone(), file(node, facts, widths)));
    }
    for walk in facts.walks() {
        for (path, word) in absent(walk, facts) {
            if names.iter().all(|(known, _)| *known != path) {
                names.push((path, vec![word]));
            }
        }
    }
    names.sort_by(|a, b| a.0.cmp(&b.0));
    names.extend(jumps(facts));
    names
}

/// The names of a walk that did not lead to a node.
fn absent(walk: &Walk, facts: &Facts) -> Vec<(Vec<u8>, String)> {
    let steps = walk.steps.iter();
    steps
        .filter(|step| is_directory(facts.node(step.dir)))
        .filter_map(|step| {
            let path = below(&facts.node(step.dir).path, &step.name);
            let word = match &step.found {
                Ok(Some(_)) => return None,
                Ok(None) => format!("missing  {}", lines::escape(&path)),
                Err(unknown) => {
                    let why = unknown
                        .errno
                        .map_or(String::new(), |errno| format!("  ?{errno}"));
                    format!("unseen   {}{why}", lines::escape(&path))
                }
            };
            Some((path, word))
        })
        .collect()
}

/// Whether the node can be searched, as far as is known: an unknown inode counts as a directory.
fn is_directory(node: &Node) -> bool {
    node.inode.as_ref().map_or(true, Inode::is_dir)
}

/// The magic links that were followed.
fn jumps(facts: &Facts) -> Vec<(Vec<u8>, Vec<String>)> {
    let steps = facts.walks().flat_map(|walk| &walk.steps);
    let mut jumps: Vec<(Vec<u8>, Vec<String>)> = steps
        .filter(|step| step.name.is_empty())
        .filter_map(|step| {
            let link = facts.node(step.dir);
            let object = &facts.node(step.found.clone().ok()??).path;
            if link
                .link
                .as_ref()
                .is_some_and(|target| target.iter().all(|&byte| byte == b'/'))
            {
                return None;
            }
            let line = format!(
                "jump     {} {}",
                lines::escape(&link.path),
                lines::escape(object)
            );
            Some((link.path.clone(), vec![line]))
        })
        .collect();
    jumps.dedup();
    jumps
}

/// The widths of the owner and group columns.
fn widths(facts: &Facts) -> (usize, usize) {
    let inodes = facts
        .nodes
        .iter()
        .filter_map(|node| node.inode.as_ref().ok());
    inodes.fold((1, 1), |(owner, group), inode| {
        (
            owner.max(facts.names.user_word(inode.uid).len()),
            group.max(facts.names.group_word(inode.gid).len()),
        )
    })
}

/// `yes` or `no`.
fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

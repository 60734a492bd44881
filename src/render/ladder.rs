//! The ladder: the way to the object, a rung a component, with the refusing rung marked.

use crate::facts::{Facts, Kind, Node, NodeId, Walk};
use crate::judge::{Denial, Obstacle};
use crate::quote;

use super::Style;
use super::layout::{INDENT, columns, wrapped};
use super::text::strong;

/// One line of the ladder.
struct Rung {
    listing: String,
    owner: String,
    group: String,
    name: String,
    refuses: bool,
}

/// The ladder to the object that refuses, ready to print; empty where no object on a path does.
#[must_use]
pub fn ladder(denial: &Denial, facts: &Facts, mark: &str, style: Style) -> String {
    let (Obstacle::Node(refusing) | Obstacle::Mount(_, refusing)) = denial.at else {
        return String::new();
    };
    let Some(walk) = facts
        .walks()
        .find(|walk| way(walk).any(|(node, _)| node == refusing))
    else {
        return String::new();
    };
    let rungs = rungs(walk, facts, refusing);
    let widths = [
        rungs
            .iter()
            .map(|rung| columns(&rung.listing))
            .max()
            .unwrap_or(0),
        rungs
            .iter()
            .map(|rung| columns(&rung.owner))
            .max()
            .unwrap_or(0),
        rungs
            .iter()
            .map(|rung| columns(&rung.group))
            .max()
            .unwrap_or(0),
        rungs
            .iter()
            .map(|rung| columns(&rung.name))
            .max()
            .unwrap_or(0)
            .min(24),
    ];
    rungs
        .iter()
        .map(|rung| line(rung, widths, mark, style))
        .collect()
}

/// The nodes of a walk in order, each with its name on the ladder.
fn way(walk: &Walk) -> impl Iterator<Item = (NodeId, &[u8])> {
    let start = walk.start.map(|node| (node, b"/".as_slice()));
    let steps = walk.steps.iter().filter_map(|step| {
        let found = step.found.as_ref().ok().copied().flatten()?;
        (step.name != b".").then_some((found, step.name.as_slice()))
    });
    start.into_iter().chain(steps)
}

/// The rungs worth showing: the one before the refusing one, that one, and what it hides as a single rung.
fn rungs(walk: &Walk, facts: &Facts, refusing: NodeId) -> Vec<Rung> {
    let nodes: Vec<(NodeId, &[u8])> = way(walk).collect();
    let at = nodes
        .iter()
        .position(|(node, _)| *node == refusing)
        .unwrap_or(0);
    let first = if at <= 2 { 0 } else { at - 1 };
    let mut rungs: Vec<Rung> = (first..=at)
        .map(|index| {
            let (id, name) = nodes[index];
            let node = facts.node(id);
            let name = if index == first {
                node.path.as_slice()
            } else {
                name
            };
            rung(node, name, id == refusing, facts)
        })
        .collect();
    if let Some((id, _)) = nodes.last().filter(|_| at + 1 < nodes.len()) {
        let node = facts.node(*id);
        let below = node
            .path
            .strip_prefix(facts.node(refusing).path.as_slice())
            .unwrap_or(&node.path);
        let below = below.strip_prefix(b"/").unwrap_or(below);
        rungs.push(rung(
            node,
            if below.is_empty() { &node.path } else { below },
            false,
            facts,
        ));
    }
    rungs.extend(unseen(walk));
    rungs
}

fn rung(node: &Node, name: &[u8], refuses: bool, facts: &Facts) -> Rung {
    let mut name = quote::display(name);
    let (listing, owner, group) = match &node.inode {
        Ok(inode) => {
            if inode.is_dir() && !name.ends_with('/') {
                name.push('/');
            }
            if inode.kind == Kind::Symlink
                && let Some(target) = &node.link
            {
                name = format!("{name} -> {}", quote::display(target));
            }
            let acl = if matches!(node.acl, Ok(Some(_))) {
                "+"
            } else {
                ""
            };
            let owner = facts.names.user_word(inode.uid);
            (
                format!("{}{acl}", inode.listing()),
                owner,
                facts.names.group_word(inode.gid),
            )
        }
        Err(_) => ("?".to_owned(), String::new(), String::new()),
    };
    Rung {
        listing,
        owner,
        group,
        name,
        refuses,
    }
}

/// The part of the path that the walk could not see.
fn unseen(walk: &Walk) -> Option<Rung> {
    let hidden = walk.steps.last().is_some_and(|step| step.found.is_err());
    if !hidden {
        return None;
    }
    let seen = walk
        .steps
        .iter()
        .filter(|step| step.depth == 0 && step.found.is_ok())
        .count();
    let components = walk
        .path
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
        .skip(seen);
    let rest = components.collect::<Vec<_>>().join(&b'/');
    (!rest.is_empty()).then(|| Rung {
        listing: "?".to_owned(),
        owner: String::new(),
        group: String::new(),
        name: format!("{}   (cannot be seen from here)", quote::display(&rest)),
        refuses: false,
    })
}

fn line(
    rung: &Rung,
    [listing, owner, group, name]: [usize; 4],
    mark: &str,
    style: Style,
) -> String {
    let plain = format!(
        "{:listing$}  {:owner$}  {:group$}  {}",
        rung.listing, rung.owner, rung.group, rung.name
    );
    let indent = " ".repeat(INDENT);
    if !rung.refuses || mark.is_empty() {
        return format!("{indent}{}\n", plain.trim_end());
    }
    let arrow = if style.utf8 { "← " } else { "<- " };
    let start = listing + owner + group + 6 + name.max(columns(&rung.name)) + 2;
    let room = style.width.saturating_sub(INDENT + start + columns(arrow));
    if columns(mark) <= room {
        let gap = " ".repeat(start - columns(&plain));
        return format!(
            "{indent}{}{gap}{}\n",
            strong(&plain, style),
            strong(&format!("{arrow}{mark}"), style)
        );
    }
    let room = style.width.saturating_sub(INDENT + 2 + columns(arrow));
    let arrow = if style.utf8 { "↑ " } else { "^ " };
    let mut text = format!("{indent}{}\n", strong(&plain, style));
    for (at, words) in wrapped(mark, room).into_iter().enumerate() {
        let arrow = if at == 0 { arrow } else { "  " };
        text.push_str(&format!(
            "{indent}  {}\n",
            strong(&format!("{arrow}{words}"), style)
        ));
    }
    text
}

//! The listing: the path to the object, a row per component, with the refusing row marked.

use crate::denial::{Denial, Obstacle};
use crate::facts::{Facts, Kind, Node, NodeId, Step, Walk};
use crate::quote;

use super::Style;
use owo_colors::OwoColorize;

use crate::layout::{INDENT, columns, wrapped};

/// A row of the listing.
struct Row {
    /// The columns before the name: type and permissions, owner, group.
    cells: [String; 3],
    name: String,
    remark: Remark,
}

/// The remark beside a row.
enum Remark {
    None,
    /// The row refuses, for this reason.
    Refuses(String),
    /// A note about the row.
    Note(&'static str),
}

/// The maximum width of names up to which the remarks of other rows are aligned.
const WIDEST_NAME: usize = 24;

/// The listing up to the refusing object; empty if no object on a path refuses.
#[must_use]
pub fn listing(denial: &Denial, facts: &Facts, mark: &str, style: Style) -> String {
    let (Obstacle::Node(refusing) | Obstacle::Mount(_, refusing)) = denial.at else {
        return String::new();
    };
    let has_it = |walk: &&Walk| way(walk).any(|(node, _)| node == refusing);
    let Some(walk) = facts.walks().find(has_it) else {
        return String::new();
    };
    let rows = rows(walk, facts, refusing, mark);
    let widest =
        |text: fn(&Row) -> &str| rows.iter().map(|row| columns(text(row))).max().unwrap_or(0);
    let cells = [
        widest(|row| &row.cells[0]),
        widest(|row| &row.cells[1]),
        widest(|row| &row.cells[2]),
    ];
    let name = widest(|row| &row.name).min(WIDEST_NAME);
    rows.iter()
        .map(|row| line(row, cells, name, style))
        .collect()
}

/// The nodes of a walk in order, each with its name in the listing.
fn way(walk: &Walk) -> impl Iterator<Item = (NodeId, &[u8])> {
    let start = walk.beginning();
    let start = start.map(|(node, _)| (node, b"/".as_slice()));
    let steps = own_steps(walk).iter().filter_map(|step| {
        let found = step.found.as_ref().ok().copied().flatten()?;
        (step.name != b".").then_some((found, step.name.as_slice()))
    });
    start.into_iter().chain(steps)
}

/// The steps from the beginning on. Those that lead there are not of interest if the walk begins at a mount.
fn own_steps(walk: &Walk) -> &[Step] {
    let Some((beginning, _)) = &walk.relative else {
        return &walk.steps;
    };
    if walk
        .steps
        .first()
        .is_some_and(|step| step.dir == *beginning)
    {
        return &walk.steps;
    }
    let is_there = |step: &Step| step.found == Ok(Some(*beginning));
    let first = walk.steps.iter().position(is_there);
    match first.filter(|_| walk.path.starts_with(b"/")) {
        Some(first) => &walk.steps[first + 1..],
        None => &walk.steps,
    }
}

/// The relevant rows: the refusing one, the one before it, and a single row for what it conceals.
fn rows(walk: &Walk, facts: &Facts, refusing: NodeId, mark: &str) -> Vec<Row> {
    let nodes: Vec<(NodeId, &[u8])> = way(walk).collect();
    let at = nodes
        .iter()
        .position(|(node, _)| *node == refusing)
        .unwrap_or(0);
    let first = if at <= 2 { 0 } else { at - 1 };
    let mut rows: Vec<Row> = (first..=at)
        .map(|index| {
            let (id, name) = nodes[index];
            let node = facts.node(id);
            let name = if index == first || name == b".." {
                node.path.as_slice()
            } else {
                name
            };
            let remark = if id == refusing {
                Remark::Refuses(mark.to_owned())
            } else {
                Remark::None
            };
            row(node, name, remark, facts)
        })
        .collect();
    if let Some((id, _)) = nodes.last().filter(|_| at + 1 < nodes.len()) {
        let node = facts.node(*id);
        let below = node
            .path
            .strip_prefix(facts.node(refusing).path.as_slice())
            .unwrap_or(&node.path);
        let below = below.strip_prefix(b"/").unwrap_or(below);
        let name = if below.is_empty() { &node.path } else { below };
        rows.push(row(node, name, Remark::None, facts));
    }
    rows.extend(unseen(walk));
    rows
}

/// Highlights the text, if colors are used.
fn strong(text: &str, style: Style) -> String {
    match style.color {
        true => text.yellow().to_string(),
        false => text.to_owned(),
    }
}

fn row(node: &Node, name: &[u8], remark: Remark, facts: &Facts) -> Row {
    let mut name = quote::display(name);
    let cells = match &node.inode {
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
            let listing = format!("{}{acl}", inode.listing());
            [
                listing,
                facts.names.user_word(inode.uid),
                facts.names.group_word(inode.gid),
            ]
        }
        Err(_) => unknown(),
    };
    Row {
        cells,
        name,
        remark,
    }
}

fn unknown() -> [String; 3] {
    ["?".to_owned(), String::new(), String::new()]
}

/// The part of the path that the walk could not see.
fn unseen(walk: &Walk) -> Option<Row> {
    let hidden = walk.steps.last().is_some_and(|step| step.found.is_err());
    if !hidden {
        return None;
    }
    let seen = own_steps(walk)
        .iter()
        .filter(|step| step.depth == 0 && step.found.is_ok())
        .count();
    let (_, path) = walk.beginning()?;
    let components = path
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
        .skip(seen);
    let rest = components.collect::<Vec<_>>().join(&b'/');
    (!rest.is_empty()).then(|| Row {
        cells: unknown(),
        name: quote::display(&rest),
        remark: Remark::Note("(cannot be seen from here)"),
    })
}

/// A row with its remark beside it or, if the terminal is too narrow, below it.
fn line(row: &Row, [listing, owner, group]: [usize; 3], name: usize, style: Style) -> String {
    let cells = &row.cells;
    let plain = format!(
        "{:listing$}  {:owner$}  {:group$}  {}",
        cells[0], cells[1], cells[2], row.name
    );
    let indent = " ".repeat(INDENT);
    let (beside, below, words) = match &row.remark {
        Remark::Refuses(mark) if !mark.is_empty() && style.utf8 => ("← ", "↑ ", mark.as_str()),
        Remark::Refuses(mark) if !mark.is_empty() => ("<- ", "^ ", mark.as_str()),
        Remark::Note(note) => ("", "", *note),
        _ => return format!("{indent}{}\n", plain.trim_end()),
    };
    let shown = |text: &str| match row.remark {
        Remark::Refuses(_) => strong(text, style),
        _ => text.to_owned(),
    };
    let start = listing + owner + group + 6 + name.max(columns(&row.name)) + 2;
    if INDENT + start + columns(beside) + columns(words) <= style.width {
        let gap = " ".repeat(start - columns(&plain));
        return format!(
            "{indent}{}{gap}{}\n",
            shown(&plain),
            shown(&format!("{beside}{words}"))
        );
    }
    let mut text = format!("{indent}{}\n", shown(&plain));
    let room = style.width.saturating_sub(INDENT + 2 + columns(below));
    for (at, words) in wrapped(words, room).into_iter().enumerate() {
        let arrow = if at == 0 {
            below.to_owned()
        } else {
            " ".repeat(columns(below))
        };
        text.push_str(&format!(
            "{indent}  {}\n",
            shown(&format!("{arrow}{words}"))
        ));
    }
    text
}

//! Lines of files and of their ACLs.

use std::fmt::Write as _;

use super::{lines, yes_or_no};
use crate::facts::{
    Acl, Fact, Facts, Flags, Inode, Kind, Names, Node, Program, Tag, TraceMode, Traced,
};

/// The line of a file, followed by one line for each entry of its ACLs.
pub(super) fn file(node: &Node, facts: &Facts, (owner, group): (usize, usize)) -> Vec<String> {
    let names = &facts.names;
    let plus = if matches!(node.acl, Ok(Some(_))) {
        "+"
    } else {
        ""
    };
    let mut line = match &node.inode {
        Ok(inode) => format!(
            "{:<12} {:owner$} {:group$}  {}",
            inode.listing() + plus,
            names.user_word(inode.uid),
            names.group_word(inode.gid),
            lines::escape(&node.path)
        ),
        Err(unknown) => format!(
            "{:<12} {:owner$} {:group$}  {}{}",
            "??????????",
            "?",
            "?",
            lines::escape(&node.path),
            unknown
                .errno
                .map_or(String::new(), |errno| format!("  ?{errno}"))
        ),
    };
    if let Some(target) = &node.link {
        let _ = write!(line, " -> {}", lines::escape(target));
    }
    let details = details(node, facts);
    if !details.is_empty() {
        let _ = write!(line, "  {}", details.join(" "));
    }
    let mut text = vec![line];
    for (list, prefix) in [(&node.acl, ""), (&node.default_acl, "default:")] {
        if let Ok(Some(acl)) = list {
            text.extend(entries(acl, prefix, names));
        }
    }
    text
}

/// The entries that the mode does not already express; for a default ACL, all entries.
fn entries(acl: &Acl, prefix: &str, names: &Names) -> Vec<String> {
    let told = |tag| prefix.is_empty() && matches!(tag, Tag::Owner | Tag::Mask | Tag::Other);
    let entries = acl.entries.iter().filter(|entry| !told(entry.tag));
    entries
        .map(|entry| {
            let whom = match entry.tag {
                Tag::Owner => "user:".to_owned(),
                Tag::User(uid) => format!("user:{}", names.user_word(uid)),
                Tag::OwningGroup => "group:".to_owned(),
                Tag::Group(gid) => format!("group:{}", names.group_word(gid)),
                Tag::Mask => "mask:".to_owned(),
                Tag::Other => "other:".to_owned(),
            };
            format!("{:13}{prefix}{whom}:{}", "", entry.perms)
        })
        .collect()
}

fn details(node: &Node, facts: &Facts) -> Vec<String> {
    let mut words = Vec::new();
    let unknown = |key: &str, errno| format!("{key}={}", lines::unknown_word(errno));
    if let Err(gap) = &node.acl {
        words.push(unknown("acl", gap.errno));
    }
    if let Err(gap) = &node.default_acl {
        words.push(unknown("default", gap.errno));
    }
    match &node.flags {
        Ok(flags) if *flags == Flags::default() => {}
        Ok(flags) => words.push(format!("flags={}", flags_word(*flags))),
        Err(gap) => words.push(unknown("flags", gap.errno)),
    }
    match &node.program {
        Ok(Program::Script {
            interpreter,
            argument,
        }) => {
            // A colon separates the two.
            let path = lines::escape(interpreter).replace(':', "\\x3a");
            let mut word = format!("program=script:{path}");
            if !argument.is_empty() {
                word.push_str(&format!(":{}", lines::escape(argument)));
            }
            words.push(word);
        }
        Ok(Program::Elf(Some(path))) => words.push(format!("program=elf:{}", lines::escape(path))),
        Ok(Program::Elf(None)) => words.push("program=elf".to_owned()),
        Ok(Program::Other) => words.push("program=other".to_owned()),
        Err(gap) => words.extend(gap.errno.map(|errno| unknown("program", Some(errno)))),
    }
    if node.has_capabilities {
        words.push("capabilities".to_owned());
    }
    match &node.empty {
        Ok(empty) => words.push(format!("empty={}", yes_or_no(*empty))),
        Err(gap) => words.extend(gap.errno.map(|errno| unknown("empty", Some(errno)))),
    }
    match &node.label {
        Ok(None) => {}
        Ok(Some(label)) => words.push(format!("label={}", lines::escape(label.as_bytes()))),
        Err(gap) => words.push(unknown("label", gap.errno)),
    }
    if let Ok(inode) = &node.inode {
        words.extend(numbers(inode));
    }
    words.extend(
        node.traced
            .iter()
            .map(|process| format!("traced={}", traced(process))),
    );
    if facts.mount_over(&node.path) != Some(node.mount) {
        words.push(format!("mount={}", facts.mounts[node.mount.0].id));
    }
    words
}

/// The numbers of an inode that carry information: those of a file with several hard links, and of a device node.
fn numbers(inode: &Inode) -> Vec<String> {
    let mut words = Vec::new();
    if inode.kind != Kind::Directory && inode.links > 1 {
        let device = inode.device;
        words.push(format!("links={}", inode.links));
        words.push(format!(
            "inode={}:{}/{}",
            device.major, device.minor, inode.number
        ));
    }
    if matches!(inode.kind, Kind::Char | Kind::Block) {
        words.push(format!("rdev={}:{}", inode.rdev.major, inode.rdev.minor));
    }
    words
}

fn traced(process: &Traced) -> String {
    let three = |[a, b, c]: [u32; 3]| format!("{a}/{b}/{c}");
    let known = |fact: &Fact<bool>| match fact {
        Ok(known) => yes_or_no(*known).to_owned(),
        Err(gap) => lines::unknown_word(gap.errno),
    };
    let mode = match process.mode {
        TraceMode::Read => "read",
        TraceMode::Attach => "attach",
        TraceMode::Enter => "enter",
    };
    [
        mode.to_owned(),
        process.pid.to_string(),
        three(process.uids),
        three(process.gids),
        lines::capabilities_word(process.permitted),
        known(&process.dumpable),
        known(&process.same_user_ns),
        lines::escape(process.command.as_bytes()),
    ]
    .join(":")
}

fn flags_word(flags: Flags) -> String {
    let named = [
        (flags.immutable, "immutable"),
        (flags.append, "append"),
        (flags.swap, "swap"),
        (flags.verity, "verity"),
    ];
    let names: Vec<&str> = named
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, name)| *name)
        .collect();
    names.join(",")
}

//! Lines of holders and surroundings.

use std::fmt::Write as _;

use super::lines;
use crate::facts::inode::listing;
use crate::facts::{
    Container, Facts, Found, Hold, Holder, Leftovers, Named, Names, ProgramFile, Surroundings, Unit,
};

/// Holders of the object and the surroundings of the subject.
pub(super) fn surroundings(facts: &Facts) -> Vec<String> {
    let (around, names) = (&facts.surroundings, &facts.names);
    let word = |is_so: bool, word: &str| is_so.then(|| word.to_owned());
    let bytes = |name: &str, value: &Option<Vec<u8>>| {
        let value = value.as_ref()?;
        Some(format!("{name:8} {}", lines::escape(value)))
    };
    let mut all: Vec<String> = facts.holders.iter().map(held).collect();
    let places = [
        bytes("home", &around.home),
        bytes("project", &around.project),
        bytes("prefix", &around.prefix),
        bytes("peopled", &around.peopled),
        around.container.as_ref().map(container),
        around.unit.as_ref().map(unit),
        around.leftovers.as_ref().map(|left| leftovers(left, names)),
        word(around.elsewhere, "elsewhere"),
        word(around.wsl, "wsl"),
        word(around.account.hearsay, "hearsay"),
        word(around.planted, "planted"),
        word(around.swappable, "swappable"),
    ];
    all.extend(places.into_iter().flatten());
    all.extend(around.named.iter().map(named));
    let course = [
        word(around.account.lists, "lists"),
        word(around.account.fills, "fills"),
        bytes("deleted", &around.account.deleted),
        bytes("beside", &around.account.beside),
        bytes("installs", &around.install_variable),
        tools(around),
        command(&around.command),
        around.program.as_ref().map(|known| program(known, names)),
    ];
    all.extend(course.into_iter().flatten());
    all
}

/// `held HOW PID COMMAND`
fn held(holder: &Holder) -> String {
    let how = match holder.how {
        Hold::Runs => "runs",
        Hold::Writes => "writes",
    };
    format!("held     {how} {} {}", holder.pid, holder.command)
}

/// `container KIND remapped read-only-root`
fn container(container: &Container) -> String {
    let kind = match container.kind.as_str() {
        "" => "-",
        kind => kind,
    };
    let remapped = if container.remapped { " remapped" } else { "" };
    let read_only = match container.read_only_root {
        true => " read-only-root",
        false => "",
    };
    format!("container {kind}{remapped}{read_only}")
}

/// `unit NAME user`
fn unit(unit: &Unit) -> String {
    let user = if unit.user { "user" } else { "" };
    format!("unit     {} {user}", unit.name)
}

/// `leftovers TOP OWNER COUNT own=NUMBER mounts groups whole`
fn leftovers(left: &Leftovers, names: &Names) -> String {
    let own = match left.own {
        0 => String::new(),
        own => format!(" own={own}"),
    };
    format!(
        "leftovers {} {} {}{own}{}{}{}",
        lines::escape(&left.top),
        names.user_word(left.owner),
        left.count,
        if left.mounts { " mounts" } else { "" },
        if left.groups { " groups" } else { "" },
        if left.whole { " whole" } else { "" }
    )
}

/// `tools NAME,NAME`
fn tools(around: &Surroundings) -> Option<String> {
    let elevator = around.elevator.name();
    let tools = [
        (!elevator.is_empty(), elevator),
        (around.setfacl, "setfacl"),
    ];
    let there = tools.iter().filter(|(has, _)| *has);
    let tools: Vec<&str> = there.map(|(_, tool)| *tool).collect();
    (!tools.is_empty()).then(|| format!("tools    {}", tools.join(",")))
}

/// `command WORD WORD`
fn command(words: &[Vec<u8>]) -> Option<String> {
    let escaped: Vec<String> = words.iter().map(|word| lines::escape(word)).collect();
    (!words.is_empty()).then(|| format!("command  {}", escaped.join(" ")))
}

/// `program PATH OWNER firm capabilities=PERMITTED:INHERITABLE effective`
fn program(program: &ProgramFile, names: &Names) -> String {
    let held = program.capabilities.map(|held| {
        let effective = if held.effective { " effective" } else { "" };
        let (permitted, inheritable) = (held.permitted.0, held.inheritable.0);
        format!(" capabilities={permitted:x}:{inheritable:x}{effective}")
    });
    let path = lines::escape(&program.path);
    let owner = names.user_word(program.owner);
    let firm = if program.firm { " firm" } else { "" };
    format!("program  {path} {owner}{firm}{}", held.unwrap_or_default())
}

/// `named PATH alters LISTING OWNER`
fn named(named: &Named) -> String {
    let does = match (named.is_altered, named.shadows) {
        (_, true) => "shadows",
        (true, false) => "alters",
        (false, false) => "reads",
    };
    let mut line = format!("named    {} {does}", lines::escape(&named.path));
    if let Some(Found { kind, mode, owner }) = named.found {
        let _ = write!(line, " {} {owner}", listing(kind, mode));
    }
    line
}

//! The program itself refuses, because a file violates its own rule about owner or mode.

use super::case::Case;
use super::{Candidate, Fit, Rule, Words, elsewhere, give_back};
use crate::attempt::{Owner, Policy};
use crate::byte_path;
use crate::change::{Change, Effect};
use crate::denial::Breach;
use crate::facts::{Inode, Kind};
use crate::layout::listed;
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let Some((policy, breach)) = broken(case) else {
        return case.words(
            format!("a program does not accept {}", case.path()),
            case.rule_in_words(),
        );
    };
    if breach == Breach::NotRoot {
        let program = case.facts.surroundings.command.first();
        let program = program.map_or_else(
            || policy.program.clone(),
            |program| quote::display(byte_path::name(program)),
        );
        return case.words(
            format!("{program} allows this only to root"),
            "it checks who runs it".to_owned(),
        );
    }
    let path = case.path();
    let (program, about) = (&policy.program, &policy.about);
    let because = match policy.warns {
        true => format!("{program} warns about {path}, {about}, but continues"),
        false => format!("{program} does not accept {path} as {about}"),
    };
    let rule = match breach {
        Breach::Owner(uid) => format!(
            "it belongs to {}, not to {}",
            case.user(uid),
            owners(case, policy)
        ),
        Breach::Excess(bits) => {
            let is_directory = case.inode().is_some_and(Inode::is_dir);
            format!("{} it", who_may(bits, is_directory))
        }
        Breach::Missing(bits) if bits & 0o4000 != 0 => "its set-user-ID bit is not set".to_owned(),
        Breach::Missing(_) => format!("its mode must be {:04o}", policy.required.0),
        Breach::NoNewPrivileges | Breach::NotRoot => case.rule_in_words(),
        Breach::Nosuid => format!(
            "the mount {} is nosuid, so set-user-ID bits have no effect there",
            case.mount_point()
        ),
    };
    case.words(because, rule)
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Some((policy, breach)) = broken(case) else {
        return Vec::new();
    };
    if breach == Breach::NotRoot {
        return elsewhere::as_root(case).into_iter().collect();
    }
    let mut all = match breach {
        Breach::Owner(_) if !policy.command.is_empty() => trusted(policy, case),
        Breach::Owner(_) if policy.required.0 == 0 && policy.advice.is_empty() => {
            given_over(policy, case).into_iter().collect()
        }
        Breach::Excess(bits) => closed(policy, bits, case).into_iter().collect(),
        _ => Vec::new(),
    };
    if !policy.advice.is_empty() {
        all.push(Candidate::advice(policy.advice.clone()));
    }
    all
}

/// For a program that can be told to trust another owner: what was left there by accident is given back, since then nobody else
/// needs to be trusted; otherwise it is told.
fn trusted(policy: &Policy, case: &Case) -> Vec<Candidate> {
    let (Some(node), Some(inode)) = (case.node(), case.inode()) else {
        return Vec::new();
    };
    let given = give_back::candidate(case);
    let fit = match given {
        Some(_) => Fit::Narrow,
        None => Fit::Meant,
    };
    let path = whole(policy, &node.path);
    let word = |word: &String| match word.as_str() {
        "{}" => path.to_vec(),
        word => word.as_bytes().to_vec(),
    };
    let change = Change::Run {
        argv: policy.command.iter().map(word).collect(),
        root: false,
        effect: Effect::Repairs,
    };
    let title = format!(
        "tell {} that {} is to be trusted",
        policy.program,
        quote::display(path)
    );
    let telling = Candidate::new(fit, title, [change]).noting(what_trust_permits(inode, case));
    let mut all: Vec<Candidate> = given.into_iter().collect();
    all.extend(as_its_owner(inode, case));
    all.push(telling);
    all
}

/// Root can run the command as the owner, without any trust.
fn as_its_owner(inode: &Inode, case: &Case) -> Option<Candidate> {
    let command = &case.facts.surroundings.command;
    if case.subject().uid != 0 || command.is_empty() {
        return None;
    }
    let owner = case.user(inode.uid);
    let line = quote::command(command);
    Some(Candidate::advice(format!(
        "run it as {owner}, whose it is: runuser -u {owner} -- {line}"
    )))
}

/// Whom the user trusts along with the directory.
fn what_trust_permits(inode: &Inode, case: &Case) -> String {
    let who = case.who();
    let whom = match (inode.uid, inode.mode & 0o022) {
        (0, 0) => return "only root can write it".to_owned(),
        (owner, 0) => case.user(owner),
        _ => "all who can write to it".to_owned(),
    };
    format!("its hooks and settings can then run programs as {who}: only if you trust {whom}")
}

/// Gives the object to the owner that the program accepts.
fn given_over(policy: &Policy, case: &Case) -> Option<Candidate> {
    let node = case.at()?;
    let uid = match policy.owners.first() {
        Some(Owner::Root) => 0,
        _ => case.subject().uid,
    };
    let change = Change::Chown {
        node,
        uid: Some(uid),
        gid: None,
    };
    let title = format!("give {} to {}", case.path(), case.user(uid));
    Some(Candidate::new(Fit::Meant, title, [change]))
}

/// Takes these bits from the object or gives it the mode with which it is installed.
fn closed(policy: &Policy, bits: u32, case: &Case) -> Option<Candidate> {
    let (node, inode) = (case.at()?, case.inode()?);
    let mode = installed(policy, case).unwrap_or(inode.mode & !closed_with(bits));
    let change = Change::SetMode { node, mode };
    let title = format!("close {} to others", case.path());
    Some(Candidate::new(Fit::Meant, title, [change]).noting("nobody else needs it open"))
}

/// The mode with which the file is installed, if it is more closed than that of the file now.
fn installed(policy: &Policy, case: &Case) -> Option<u32> {
    let (path, inode) = (&case.node()?.path, case.inode()?);
    let mut known = policy.installed.iter();
    let (_, mode) = known.find(|(top, _)| byte_path::is_within(path, top.as_bytes()))?;
    (inode.kind == Kind::Regular && mode.0 & !inode.mode == 0).then_some(mode.0)
}

/// The path of what the program was given, of which this may be a part.
fn whole<'p>(policy: &Policy, path: &'p [u8]) -> &'p [u8] {
    let is_part = |part: &String| byte_path::name(path) == part.as_bytes();
    match byte_path::parent(path).filter(|_| policy.parts.iter().any(is_part)) {
        Some(whole) => whole,
        None => path,
    }
}

fn broken(case: &Case) -> Option<(&'static Policy, Breach)> {
    match case.denial.rule {
        Rule::Policy(policy, breach) => Some((policy, breach)),
        _ => None,
    }
}

/// The bits that go together with these: who may not read a file may not write it either.
fn closed_with(bits: u32) -> u32 {
    let classes = [(0o040, 0o070), (0o004, 0o007)].into_iter();
    classes.fold(
        bits,
        |all, (read, class)| {
            if bits & read != 0 { all | class } else { all }
        },
    )
}

/// The permitted owners: "alice or root".
fn owners(case: &Case, policy: &Policy) -> String {
    let names = policy.owners.iter().map(|owner| match owner {
        Owner::Myself => case.who(),
        Owner::Root => case.user(0),
    });
    let mut names: Vec<String> = names.collect();
    names.dedup();
    names.join(" or ")
}

/// What the bits permit to others: "its group and others may read and write".
fn who_may(bits: u32, is_directory: bool) -> String {
    let group = (bits & 0o070 != 0).then_some("its group");
    let others = (bits & 0o007 != 0).then_some("others");
    let who: Vec<&str> = group.into_iter().chain(others).collect();
    let all = (bits >> 3 | bits) & 0o7;
    let deeds = match is_directory {
        true => [(4, "list"), (2, "write to"), (1, "enter")],
        false => [(4, "read"), (2, "write"), (1, "run")],
    };
    let may: Vec<&str> = deeds
        .iter()
        .filter(|(bit, _)| all & bit != 0)
        .map(|(_, deed)| *deed)
        .collect();
    format!("{} may {}", listed(&who, "and"), listed(&may, "and"))
}

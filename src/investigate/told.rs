//! Failures whose operation is known: which of its readings the kernel refuses.

use super::judged::{Judged, Views};
use super::{Decision, MOST_READINGS, agrees, is_other, note, untold, words};
use crate::attempt::{ANY_NAME, Errno, Incident, Object, OpenHow, Operation, Sign};
use crate::byte_path;
use crate::facts::{Kind, Program};
use crate::judge::{self, Verdict};
use crate::programs;
use crate::quote;
use crate::resolve::{self, Reading};

/// The first reading that the kernel refuses with the reported error number; failing that, the most informative other one.
pub(super) fn decide(incident: &Incident, readings: Vec<Reading>, views: &mut Views) -> Decision {
    let mut others: Vec<Judged> = Vec::new();
    for reading in readings.into_iter().take(MOST_READINGS) {
        let judged = views.judge(reading);
        let judged = as_named(judged, views);
        let judged = made_beside(judged, incident, views);
        let judged = made_below(judged, incident, views);
        let judged = part_of(judged, views);
        let judged = emptied(judged, incident, views);
        if agrees(incident, &judged.verdict) && !is_far_fetched(&judged, incident) {
            return Decision::of(at_a_given_time(judged, views));
        }
        others.push(judged);
    }
    if others.iter().all(|judged| is_refuted(judged, incident)) {
        let readings = others.into_iter().map(|judged| judged.reading);
        return untold::decide(incident, readings.map(Reading::untold).collect(), views);
    }
    if let Some(errno) = incident.errno {
        for judged in &mut others {
            if let Some(denial) = judged.inferred(errno, views) {
                judged.verdict = Verdict::Denied(denial);
                return Decision::of(judged.clone());
            }
        }
    }
    let is_a_modules = |judged: &Judged| {
        let operation = &judged.reading.attempt.operation;
        incident
            .errno
            .is_some_and(|errno| judge::is_a_modules_answer(operation, errno))
    };
    if others.first().is_some_and(is_a_modules) {
        let first = others.swap_remove(0);
        let words = "only a security module (AppArmor, SELinux) answers so, and what it allows cannot be seen from here";
        return Decision::Judged(Box::new(first), note(words.to_owned()));
    }
    // No program says "read-only" of anything but EROFS; some say "permission denied" of that, too.
    let is_others = |judged: &Judged| match (&judged.verdict, incident.errno) {
        (Verdict::Denied(denial), Some(Errno::RoFs)) => is_other(denial, Errno::RoFs),
        _ => false,
    };
    if !others.is_empty() && others.iter().all(is_others) {
        return Decision::Nothing(words::another_answer(Errno::RoFs));
    }
    others.retain(|judged| !is_others(judged));
    // Some programs report another error number than the kernel's.
    let ranks: [fn(&Verdict) -> bool; 4] = [
        |verdict| matches!(verdict, Verdict::Denied(_)),
        |verdict| matches!(verdict, Verdict::Unclear(_)),
        |verdict| matches!(verdict, Verdict::Allowed),
        |_| true,
    ];
    // A program without a slash was looked for in every directory of PATH.
    let is_bare = |name: &&Vec<u8>| !name.contains(&b'/');
    let only_runs = incident.operations == [Operation::Exec];
    if let Some(name) = incident.paths.first().filter(is_bare)
        && only_runs
        && !others.is_empty()
        && others.iter().all(|judged| !judged.lies_there())
    {
        let name = quote::display(name);
        return Decision::Nothing(format!(
            "no directory of PATH has a program {name} now, and the PATH of what failed may have been another one"
        ));
    }
    let best = ranks
        .iter()
        .find_map(|is| others.iter().position(|judged| is(&judged.verdict)));
    match best {
        Some(at) => Decision::of(others.swap_remove(at)),
        None => Decision::Nothing("the message does not say what was tried".to_owned()),
    }
}

/// Whether the reading contradicts the reported error number: the kernel would have failed with another one. This applies only
/// if the operation is merely assumed from the program's habits or, for reading a file that does not exist, from a source line.
fn is_refuted(judged: &Judged, incident: &Incident) -> bool {
    let Reading { attempt, signs } = &judged.reading;
    // open(2) answers EPERM to marks and flags, never to modes.
    let is_no_open =
        matches!(attempt.operation, Operation::Open(_)) && incident.errno == Some(Errno::Perm);
    let reads = [Operation::READ, Operation::Traverse].contains(&attempt.operation);
    // What a program that only ever reads was refused has gone since.
    let only_reads = resolve::leading_name(&incident.message)
        .and_then(programs::program)
        .is_some_and(|program| program.always_does() == Some(Operation::READ));
    if reads && judged.is_missing() && only_reads {
        return false;
    }
    let least = match reads && judged.is_missing() {
        true => Sign::Source,
        false => Sign::Program,
    };
    let fails = match &judged.verdict {
        Verdict::Fails { errno, .. } => Some(*errno) != incident.errno,
        Verdict::Denied(denial) => is_no_open && denial.errno != Errno::Perm,
        Verdict::Allowed => is_no_open && !only_reads,
        Verdict::Unclear(_) => false,
    };
    incident.errno.is_some() && fails && signs.operation >= Some(least)
}

/// The object that a program actually means, if it prints the name of another one: the first missing directory of a path of
/// directories to be created, a file in a directory that it reports as not writable, or the directory that a program was to be
/// started in.
fn as_named(judged: Judged, views: &mut Views) -> Judged {
    let judged = first_missing(judged, views);
    if judged.reading.attempt.operation == Operation::Exec && judged.kind() == Some(Kind::Directory)
    {
        let object = judged.reading.attempt.object.clone();
        let entered = judged.with(Operation::Traverse, object, views);
        return match entered.verdict {
            Verdict::Denied(_) => entered,
            _ => judged,
        };
    }
    let Operation::Open(how) = judged.reading.attempt.operation else {
        return unoccupied(judged);
    };
    let is_directory = judged.kind() == Some(Kind::Directory);
    match &judged.verdict {
        Verdict::Fails {
            errno: Errno::IsDir,
            ..
        } if how.write => judged.within(views).unwrap_or(judged),
        Verdict::Denied(_) if is_directory && !how.write => {
            let object = judged.reading.attempt.object.clone();
            judged.with(Operation::List, object, views)
        }
        // Programs usually open files for writing with O_CREAT, and an unsearchable directory conceals whether the file exists.
        Verdict::Denied(_) if how.write && !how.create && judged.is_unseen() => {
            let object = judged.reading.attempt.object.clone();
            let operation = Operation::Open(OpenHow {
                create: true,
                ..how
            });
            judged.with(operation, object, views)
        }
        _ => judged,
    }
}

/// A program that also creates a file beside the one that it names: where that one may be written, the other was refused.
pub(super) fn made_beside(judged: Judged, incident: &Incident, views: &mut Views) -> Judged {
    let (Some(suffix), Object::Path(path)) = (&incident.beside, &judged.reading.attempt.object)
    else {
        return judged;
    };
    let writes = matches!(judged.reading.attempt.operation, Operation::Open(how) if how.write);
    if !writes || judged.verdict != Verdict::Allowed {
        return judged;
    }
    let beside = Object::Path([path.as_slice(), suffix].concat());
    match judged.with(Operation::CREATE, beside, views) {
        refused if matches!(refused.verdict, Verdict::Denied(_)) => refused,
        _ => judged,
    }
}

/// A program that names only the top of the directories in which it creates files: where the top may be written, the first
/// directory right below it that may not.
fn made_below(judged: Judged, incident: &Incident, views: &mut Views) -> Judged {
    let Object::Path(path) = &judged.reading.attempt.object else {
        return judged;
    };
    if !incident.below || judged.verdict != Verdict::Allowed {
        return judged;
    }
    let top = byte_path::parent(path).unwrap_or(path);
    let view = views.of(&judged.reading.attempt.subject);
    for directory in view.directories_in(top) {
        let name = Object::Path(byte_path::join(&directory, ANY_NAME));
        match judged.with(Operation::CREATE, name, views) {
            refused if matches!(refused.verdict, Verdict::Denied(_)) => return refused,
            _ => {}
        }
    }
    judged
}

/// A program that does not accept a directory: the part of it that breaks the rule, if the directory itself does not.
fn part_of(judged: Judged, views: &mut Views) -> Judged {
    let (Operation::Trust(policy), Object::Path(path), Verdict::Allowed) = (
        &judged.reading.attempt.operation,
        &judged.reading.attempt.object,
        &judged.verdict,
    ) else {
        return judged;
    };
    let mut parts = policy.parts.iter().map(|name| {
        let part = Object::Path(byte_path::join(path, name.as_bytes()));
        judged.with(Operation::Trust(policy), part, views)
    });
    let refused = parts.find(|part| matches!(part.verdict, Verdict::Denied(_)));
    refused.unwrap_or(judged)
}

/// Opening with O_TRUNC, which a read-only mount refuses before the permissions are looked at (`do_open`). The words do not say whether
/// the file was to be emptied, but the error number does.
fn emptied(judged: Judged, incident: &Incident, views: &mut Views) -> Judged {
    let Operation::Open(how) = judged.reading.attempt.operation else {
        return judged;
    };
    let may_empty = how.write && !how.append && incident.errno == Some(Errno::RoFs);
    if !may_empty || agrees(incident, &judged.verdict) {
        return judged;
    }
    let emptying = Operation::Open(OpenHow {
        truncate: true,
        ..how
    });
    let object = judged.reading.attempt.object.clone();
    match judged.with(emptying, object, views) {
        refused if agrees(incident, &refused.verdict) => refused,
        _ => judged,
    }
}

/// A program that sets timestamps to a given time may first open the file for writing and report the error of that call, as
/// `touch -d` does. Write permission alone would not suffice: only the owner may set a given time (utimensat(2)).
fn at_a_given_time(judged: Judged, views: &mut Views) -> Judged {
    let given = Operation::Utime { now: false };
    let lines = programs::command_lines(&views.circumstances.command);
    let mut operands = lines.iter().flat_map(|line| &line.operands);
    let is_now = judged.reading.attempt.operation == (Operation::Utime { now: true });
    if !is_now || !operands.any(|operand| operand.operation.as_ref() == Some(&given)) {
        return judged;
    }
    let object = judged.reading.attempt.object.clone();
    match judged.with(given, object, views) {
        refused if matches!(refused.verdict, Verdict::Denied(_)) => refused,
        _ => judged,
    }
}

/// A program that replaces an existing name creates the new file under a temporary name first, as `ln -f` does.
fn unoccupied(judged: Judged) -> Judged {
    let is_taken = matches!(judged.verdict, Verdict::Fails { errno, .. } if errno == Errno::Exist);
    if !is_taken || judged.reading.attempt.operation != Operation::Symlink {
        return judged;
    }
    match judged.as_if_missing() {
        made if matches!(made.verdict, Verdict::Denied(_)) => made,
        _ => judged,
    }
}

/// Programs that create a whole path of directories report the last of them, but the first missing one is what was refused, if
/// it is.
fn first_missing(named: Judged, views: &mut Views) -> Judged {
    let mut judged = named.clone();
    let fails = |judged: &Judged, with: Errno| matches!(judged.verdict, Verdict::Fails { errno, .. } if errno == with);
    while judged.reading.attempt.operation == Operation::Mkdir && fails(&judged, Errno::NoEnt) {
        let Object::Path(path) = &judged.reading.attempt.object else {
            break;
        };
        let Some(parent) = byte_path::parent(path) else {
            break;
        };
        let parent = Object::Path(parent.to_vec());
        let above = judged.with(Operation::Mkdir, parent, views);
        if fails(&above, Errno::Exist) {
            break;
        }
        judged = above;
    }
    match judged.verdict {
        Verdict::Allowed => named,
        _ => judged,
    }
}

/// If the words allow for several operations: whether this reading is implausible, because it executes a file that is not a
/// program and was not named like one, or connects to something that is not a socket. Of a rename, whether the reading removes a name
/// that does not exist.
fn is_far_fetched(judged: &Judged, incident: &Incident) -> bool {
    let removes = matches!(
        judged.reading.attempt.operation,
        Operation::Delete | Operation::Rmdir
    );
    if incident.operations == [Operation::Rename] && removes {
        // It is the new name that was told.
        return judged.is_missing();
    }
    if incident.operations.len() < 2 {
        return false;
    }
    match judged.reading.attempt.operation {
        Operation::Connect => judged.kind() != Some(Kind::Socket),
        Operation::Exec => !is_like_a_program(judged, incident),
        _ => false,
    }
}

/// Whether a file is a program, or was named like one.
pub(super) fn is_like_a_program(judged: &Judged, incident: &Incident) -> bool {
    let named = incident
        .paths
        .iter()
        .any(|path| path.starts_with(b"./") || path.starts_with(b"../"));
    let program = judged.target().map(|node| &node.program);
    named || matches!(program, Some(Ok(Program::Script { .. } | Program::Elf(_))))
}

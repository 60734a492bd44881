//! What is known of the command that was run, for its fixes.

use super::Views;
use super::written::scripts;
use crate::attempt::{Attempt, Object, Operation, Subject};
use crate::byte_path;
use crate::cause;
use crate::facts::{Elevator, Facts, Kind, Named, NodeId};
use crate::gather;
use crate::programs::{self, CommandLine, Operand, Repeated, Whereabouts};
use crate::resolve::{self, Circumstances};

/// Adds to the facts what the fixes need to know of the command.
pub(super) fn describe(
    facts: &mut Facts,
    attempt: &Attempt,
    circumstances: &Circumstances,
    views: &mut Views,
) {
    let Circumstances { command, start, .. } = circumstances;
    let around = &mut facts.surroundings;
    around.command.clone_from(command);
    let asked = match &attempt.object {
        Object::Path(path) => Some(path.as_slice()),
        _ => None,
    };
    let repeated = programs::repeated(command, asked);
    around.planted = is_planted(repeated.as_ref(), circumstances);
    if matches!(&attempt.operation, Operation::Trust(policy) if policy.program == around.elevator.name())
    {
        // It cannot put its own refusal right.
        around.elevator = Elevator::None;
    }
    if let Some(walk) = programs::walk(command) {
        let path = |node: NodeId| facts.nodes[node.0].path.as_slice();
        let top = facts
            .walk
            .parent()
            .and_then(|directory| walk.deleted_at(path(directory)));
        around.account.deleted = top.map(<[u8]>::to_vec);
        let entered = facts.walk.target().map(path);
        around.account.lists = entered.is_some_and(|directory| walk.starts_at(directory));
        around.account.fills = entered.is_some_and(|directory| walk.copies_to(directory));
    }
    around.install_variable = install_variable(circumstances, views);
    if let Some(repeated) = repeated {
        let swappable = is_swappable(&repeated.line, circumstances, &attempt.subject, facts);
        let around = &mut facts.surroundings;
        around.swappable = swappable;
        around.named = named(&repeated.line, start);
    }
    let around = &mut facts.surroundings;
    if matches!(attempt.object, Object::Port { .. }) {
        around.program = match &around.account.program {
            Some(program) => gather::program_file(std::slice::from_ref(program), start),
            None => gather::program_file(command, start),
        };
        let program = around.program.as_ref();
        around.account.program = program.map(|program| program.path.clone());
    }
    if attempt.subject.no_new_privs && !around.elsewhere {
        let view = views.of(&attempt.subject);
        around.powerless = view.set_user_id_program(command);
    }
}

/// Whether somebody besides root could have placed a program that root would run in place of the run.
fn is_planted(repeated: Option<&Repeated>, circumstances: &Circumstances) -> bool {
    let Circumstances {
        command,
        start,
        search_path,
        ..
    } = circumstances;
    let is_anybodys = |words: &[Vec<u8>]| !gather::is_roots_program(words, start, search_path);
    let words = repeated.map_or(command, |repeated| &repeated.words);
    !command.is_empty() && (is_anybodys(words) || is_anybodys(programs::at_work(words)))
}

/// The absolute path of a word of the command.
fn absolute(line: &CommandLine, start: &[u8], word: &[u8]) -> Vec<u8> {
    match &line.place {
        Whereabouts::At(directory) => byte_path::join(&byte_path::join(start, directory), word),
        _ => byte_path::join(start, word),
    }
}

/// Whether others could replace, before root runs the command, a file that it reads or the recipe that it follows. What belongs
/// to somebody else, or can be written by others, is as good as replaced: a package, an archive, a module, a recipe.
fn is_swappable(
    line: &CommandLine,
    circumstances: &Circumstances,
    subject: &Subject,
    facts: &Facts,
) -> bool {
    let Some(known) = line.known else {
        return false;
    };
    let follows = known.reads_recipes();
    if !(follows || known.places || known.administers) {
        return false;
    }
    let is_own_group = |gid: u32| gid == subject.gid && cause::is_private_group(gid, facts);
    let holder = gather::Holder {
        uid: subject.uid,
        is_own_group: &is_own_group,
    };
    let is_held = |path: &[u8], is_read: bool| {
        holder.holds_the_way_to(path) && (!is_read || holder.holds_the_content_of(path))
    };
    let last = line.operands.len();
    let is_swappable = |(operand, at): (&Operand, usize)| {
        // What a symlink refers to is not read.
        let is_used = operand.operation != Some(Operation::Symlink);
        let is_read = !known.places || !line.alters(operand, at == last);
        let path = absolute(line, &circumstances.start, &operand.word);
        is_used && !is_held(&path, is_read)
    };
    let recipes = resolve::scripts(circumstances);
    let mut recipes = recipes.iter().filter(|_| follows);
    line.operands.iter().zip(1..).any(is_swappable) || recipes.any(|path| !is_held(path, true))
}

/// The files that the command names. In a directory that it writes to, those with the names of its other operands count as well.
fn named(line: &CommandLine, start: &[u8]) -> Vec<Named> {
    let is_repeated =
        |known: &programs::Program| known.reads_recipes() || known.places || known.administers;
    if !line.known.is_some_and(is_repeated) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for (at, operand) in line.operands.iter().enumerate() {
        let is_last = at + 1 == line.operands.len();
        let path = absolute(line, start, &operand.word);
        let is_altered = line.alters(operand, is_last);
        let found = gather::named(&path, is_altered);
        let is_dir = |named: &Named| named.found.is_some_and(|it| it.kind == Kind::Directory);
        if is_altered && (is_last || operand.makes_a_file()) && found.iter().any(is_dir) {
            let others = line.operands.iter().filter(|other| *other != operand);
            all.extend(others.flat_map(|other| {
                let name = byte_path::name(&other.word);
                gather::named(&byte_path::join(&path, name), true)
            }));
        }
        all.extend(found);
    }
    all
}

/// The variable that says where to, in the Makefile that the command reads.
fn install_variable(circumstances: &Circumstances, views: &mut Views) -> Option<Vec<u8>> {
    let program = circumstances.command.first()?;
    let reads_recipes = programs::program(program).is_some_and(programs::Program::reads_recipes);
    if !reads_recipes {
        return None;
    }
    let recipes = scripts(circumstances, views);
    let mut told = recipes
        .iter()
        .filter_map(|(code, _)| programs::install_variable(code));
    told.next().map(|told| told.to_vec())
}

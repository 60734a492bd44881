//! What is known of the command that was run, for its fixes.

use super::scripts;
use crate::attempt::{Attempt, Object};
use crate::facts::Facts;
use crate::gather::{self, View};
use crate::programs;
use crate::resolve::Circumstances;

/// Adds to the facts what the fixes need to know of the command.
pub(super) fn describe(
    facts: &mut Facts,
    attempt: &Attempt,
    circumstances: &Circumstances,
    view: &View,
) {
    let Circumstances { command, start, .. } = circumstances;
    let around = &mut facts.surroundings;
    around.command.clone_from(command);
    around.planted = is_planted(circumstances);
    around.install_variable = install_variable(circumstances);
    if matches!(attempt.object, Object::Port { .. }) {
        around.program = match &around.account.program {
            Some(program) => gather::program_file(std::slice::from_ref(program), start),
            None => gather::program_file(command, start),
        };
        let program = around.program.as_ref();
        around.account.program = program.map(|program| program.path.clone());
    }
    if attempt.subject.no_new_privs && !around.elsewhere {
        around.powerless = view.set_user_id_program(command);
    }
}

/// Whether somebody besides root could have placed the program of the run.
fn is_planted(circumstances: &Circumstances) -> bool {
    let Circumstances {
        command,
        start,
        search_path,
        ..
    } = circumstances;
    !command.is_empty() && !gather::is_roots_program(command, start, search_path)
}

/// The variable that says where to, in the Makefile that the command reads.
fn install_variable(circumstances: &Circumstances) -> Option<Vec<u8>> {
    let program = circumstances.command.first()?;
    let reads_recipes = programs::program(program).is_some_and(programs::Program::reads_recipes);
    let mut recipes = scripts(circumstances).filter(|_| reads_recipes);
    let told = recipes.find_map(|(code, _)| programs::install_variable(&code))?;
    Some(told.to_vec())
}

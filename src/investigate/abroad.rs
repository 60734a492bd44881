//! A finding of another place: where it was, and its fixes as they are to be made there.

use crate::attempt::Place;
use crate::change::{Change, Effect, Place as Where};
use crate::denial::{Code, Denial, Obstacle};
use crate::facts::{Abroad, Facts};
use crate::programs;
use crate::quote;
use crate::remedy::{Fix, IN_ITS_NAMESPACE};
use crate::report::{Conclusion, Finding};

/// How many fixes are shown.
const MOST: usize = 3;

/// Says where it was. No command is left that would be about an object of the same name here.
pub(super) fn settle(finding: &mut Finding, place: Place) {
    let around = &mut finding.facts.surroundings;
    around.abroad.get_or_insert_with(Abroad::default).place = Some(place.clone());
    if let Conclusion::Refused(denial, remedy) = &mut finding.conclusion {
        remedy.fixes.retain(is_for_abroad);
        for fix in &mut remedy.fixes {
            reword(fix, &place);
        }
        let told = advice(denial, &finding.facts, &place);
        remedy.fixes.splice(0..0, told);
        remedy.fixes.truncate(MOST);
    }
}

/// Whether a fix can be meant for another place: `permwrap fix`, a login and root's own hand reach only this one.
fn is_for_abroad(fix: &Fix) -> bool {
    let is_of_here = |change: &Change| {
        matches!(
            change,
            Change::Remount { .. }
                | Change::JoinGroup(_)
                | Change::Relogin(_)
                | Change::RunAsRoot
                | Change::ByRoot { .. }
        )
    };
    // What only `permwrap fix` would do safely: it has no hands there.
    let is_unsafe = fix.title.contains("`permwrap fix`");
    !fix.changes.iter().any(is_of_here) && !is_unsafe
}

/// What the program that made the place can be told, as `patterns/programs.toml` has it.
fn advice(denial: &Denial, facts: &Facts, place: &Place) -> Option<Fix> {
    let Place::Sandbox(program) = place else {
        return None;
    };
    let known = programs::program(program.as_bytes())?;
    let Obstacle::Mount(mount, _) = denial.at else {
        return None;
    };
    let words = (denial.code == Code::ReadOnlyMount)
        .then_some(known.writable.as_deref())
        .flatten()?;
    let there = &facts.mounts[mount.0].point;
    let abroad = facts.surroundings.abroad.as_ref()?;
    let paths = abroad.paths.iter();
    let here = paths.rev().find(|(known, _)| known == there);
    let here = here.map_or(there, |(_, here)| here);
    let words = words
        .replace("{there}", &quote::display(there))
        .replace("{here}", &quote::display(here));
    let fix = Fix::advice(format!("run {program} with {words}"));
    Some(Fix {
        place: Where::Deployment,
        ..fix
    })
}

/// Words for what is to be done there: a command would be about this machine's object of the same name.
fn reword(fix: &mut Fix, place: &Place) {
    if fix.effect == Effect::Advice {
        return;
    }
    let what = fix.title.strip_prefix(IN_ITS_NAMESPACE);
    let what = what.unwrap_or(&fix.title);
    fix.title = format!("{}: {what}", place.words());
    fix.argv.clear();
    fix.needs_root = false;
    fix.effect = Effect::Advice;
    fix.place = Where::Container;
    fix.verified = false;
}

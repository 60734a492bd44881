//! A text that a step of an image's build wrote: what the Dockerfile says of that step.

use super::Views;
use crate::byte_path;
use crate::programs::{self, Step};
use crate::quote;
use crate::resolve::{self, Circumstances};

/// What is known of the step, and where the image would be changed. `instruction` is the step as the builder printed it.
pub(super) fn not_ours(
    instruction: &str,
    circumstances: &Circumstances,
    views: &mut Views,
) -> String {
    let mut recipes = resolve::recipes_of_a_build(circumstances).into_iter();
    let found = recipes.find_map(|path| {
        let text = views.script(&path)?;
        let step = programs::step(std::str::from_utf8(&text).ok()?, instruction)?;
        Some((path, step))
    });
    let Some((path, step)) = found else {
        return format!(
            "a step of an image's build wrote this ({}), as the user of the last USER line above it, or else of the base image: \
             nothing here was looked at, and what the image has there decides",
            quote::display(instruction.as_bytes())
        );
    };
    let name = quote::display(byte_path::name(&path));
    format!(
        "a step of the image's build wrote this, line {} of {name}{}: nothing here was looked at, and what the image has there \
         decides{}",
        step.line,
        runs(&step),
        advice(&step)
    )
}

/// As whom and where it runs.
fn runs(step: &Step) -> String {
    let told = |what: &Option<(String, usize)>, before: &str| {
        what.as_ref().map_or_else(String::new, |(value, line)| {
            format!(
                " {before} {} (line {line})",
                quote::display(value.as_bytes())
            )
        })
    };
    let (user, directory) = (told(&step.user, "as"), told(&step.directory, "in"));
    match user.is_empty() && directory.is_empty() {
        true => String::new(),
        false => format!(", run{user}{directory}"),
    }
}

/// Where the Dockerfile would be changed.
fn advice(step: &Step) -> String {
    let Some((user, line)) = &step.user else {
        return "; it runs as the user of the base image".to_owned();
    };
    let own = match &step.directory {
        Some((directory, _)) if directory != "/" => {
            let directory = quote::display(directory.as_bytes());
            format!(
                "; what it writes in {directory} must belong to {user}: RUN chown {user} {directory} above line {line}, or COPY \
                 --chown={user}"
            )
        }
        _ => String::new(),
    };
    format!("; a step that needs root goes above line {line}{own}")
}

//! The mount forbids executing programs.

use super::case::Case;
use super::{Candidate, Fit, Obstacle, Purpose, Words, deployment};
use crate::attempt::Object;
use crate::change::{Change, Effect, MountOption, argv};
use crate::facts::Program;
use crate::{programs, quote};

pub(super) fn words(case: &Case) -> Words {
    let point = case.mount_point();
    case.words(
        format!("no program may be run from {point}"),
        "it is mounted with noexec, whatever the x bits say".to_owned(),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let mut all = Vec::new();
    all.extend(run_through_interpreter(case, Fit::Meant));
    if all.is_empty() {
        all.extend(run_from_elsewhere(case));
    }
    if all.is_empty() {
        // The option may have been given on purpose, so that other ways come first.
        all.extend(deployment::runnable_mount(case));
    }
    let deliberate = !matches!(case.purpose(), Some(Purpose::Service | Purpose::Own));
    if let Obstacle::Mount(mount, _) = case.denial.at
        && !deliberate
        && case.facts.surroundings.container.is_none()
    {
        let remount = Change::Remount {
            mount,
            option: MountOption::Exec,
            file_system: false,
        };
        let point = case.mount_point();
        all.push(
            Candidate::new(
                Fit::Broad,
                format!("let programs be run from {point}"),
                [remount],
            )
            .noting("until it is unmounted; lets everybody run programs from there"),
        );
    }
    all
}

/// Passes a script to its interpreter, which requires execute permission neither on the file nor from the mount.
pub(super) fn run_through_interpreter(case: &Case, fit: Fit) -> Option<Candidate> {
    let Ok(Program::Script {
        interpreter,
        argument,
    }) = &case.node()?.program
    else {
        return None;
    };
    let Object::Path(script) = &case.attempt.object else {
        return None;
    };
    let lines = programs::command_lines(&case.facts.surroundings.command);
    let mut started = lines.iter();
    if !lines.is_empty() && !started.any(|line| programs::is_the_end_of(&line.program, script)) {
        // Another program starts it.
        return None;
    }
    let change = Change::RunThrough {
        interpreter: interpreter.clone(),
        argument: argument.clone(),
        script: script.clone(),
    };
    let name = match argument.is_empty() {
        true => quote::display(interpreter),
        false => quote::display(&[interpreter.as_slice(), b" ", argument].concat()),
    };
    Some(
        Candidate::new(fit, format!("run it through {name}"), [change])
            .noting("its interpreter only reads it"),
    )
}

fn run_from_elsewhere(case: &Case) -> Option<Candidate> {
    // Of what has gone only the mount is known.
    case.inode()?;
    let path = &case.node()?.path;
    let name = path.rsplit(|&byte| byte == b'/').next()?;
    let home = case
        .facts
        .surroundings
        .home
        .as_deref()
        .filter(|home| home.len() > 1)?;
    let copy = [home, b"/.local/bin/", name].concat();
    Some(Candidate::new(
        Fit::Around,
        format!("run a copy of it: {}", quote::display(&copy)),
        [Change::Run {
            argv: argv(&[b"install", b"-D", b"-m", b"755", path, &copy]),
            root: false,
            effect: Effect::Avoids,
        }],
    ))
}

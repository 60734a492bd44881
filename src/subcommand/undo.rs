//! `permwrap undo`: restores exactly the state before a `fix`.

use super::fix::{confirm, is_interactive, tell};
use super::{Outcome, print_json};
use crate::cli::Undo;
use crate::mend::deed::Undone;
use crate::mend::invoker::invoker;
use crate::mend::record::{Record, Stage};
use crate::mend::root::{self, Answer, Request};
use crate::mend::store::Store;

pub fn run(arguments: &Undo) -> Outcome {
    if arguments.handed {
        return handed();
    }
    let store = Store::own("changes")?;
    let left: Vec<Record> = Record::all(&store)
        .into_iter()
        .filter(|record| record.stage != Stage::Undone)
        .collect();
    let number = usize::from(arguments.number.unwrap_or(1));
    let Some(mut record) = left.into_iter().nth(number - 1) else {
        return Err("there is no fix that could be taken back".to_owned());
    };
    let what = match record.title.as_str() {
        "" => &record.refusal,
        title => title,
    };
    tell(&format!("takes back: {what}"));
    if !arguments.yes {
        if !is_interactive() {
            return Err("there is no terminal to ask on (--yes takes it back)".to_owned());
        }
        if !confirm("Take it back?") {
            return Ok(1);
        }
    }
    if !record.by_root {
        let _held = store.hold()?;
        let complete = take_back(&mut record, &store, arguments.force);
        return Ok(u8::from(!complete));
    }
    let request = Request::Undo {
        id: record.id.clone(),
        force: arguments.force,
    };
    let answer =
        root::ask("undo", &request, is_interactive()).map_err(|silence| silence.to_string())?;
    if answer.complete {
        record.stage = Stage::Undone;
        record.keep(&store)?;
    }
    Ok(u8::from(!answer.complete))
}

/// The process that runs as root. It reverts only what its own record contains, and only for the user it was made for.
fn handed() -> Outcome {
    let Request::Undo { id, force } = root::handed()? else {
        return Err("not a request to undo".to_owned());
    };
    let store = Store::own("changes")?;
    let _held = store.hold()?;
    let record = Record::read(&store, &id);
    let asks = invoker();
    let record = record.filter(|record| asks.is_none() || asks == Some(record.asked_by));
    let complete = match record {
        Some(mut record) => take_back(&mut record, &store, force),
        None => {
            tell("root changed nothing for it");
            true
        }
    };
    let answer = Answer {
        complete,
        ..Answer::default()
    };
    print_json(&answer)?;
    Ok(0)
}

/// Reverts the changes and reports what was left; true if everything is restored.
fn take_back(record: &mut Record, store: &Store, force: bool) -> bool {
    let all = record.undo(store, force);
    for undone in &all {
        match undone {
            Ok(Undone::Back | Undone::Already) => {}
            Ok(Undone::Left(reason)) => tell(&format!("left: {reason}")),
            Err(trouble) => tell(trouble),
        }
    }
    let complete = record.stage == Stage::Undone;
    if complete {
        let changed = all.contains(&Ok(Undone::Back));
        tell(match changed {
            true => "it is as it was before",
            false => "it was as before already",
        });
    }
    complete
}

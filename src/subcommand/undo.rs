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
    let number = usize::from(arguments.number.unwrap_or(1));
    let Some(mut records) = Record::left(&store).into_iter().nth(number - 1) else {
        return Err("there is no fix that could be taken back".to_owned());
    };
    for record in &records {
        let what = match record.title.as_str() {
            "" => &record.refusal,
            title => title,
        };
        tell(&format!("takes back: {what}"));
    }
    if !arguments.yes {
        if !is_interactive() {
            return Err("there is no terminal to ask on (--yes takes it back)".to_owned());
        }
        if !confirm("Take it back?") {
            return Ok(1);
        }
    }
    let mut all = Answer {
        complete: true,
        ..Answer::default()
    };
    for records in records.chunk_by_mut(|one, next| one.by_root == next.by_root) {
        let answer = match records[0].by_root {
            true => through_root(records, &store, arguments.force)?,
            false => {
                let _held = store.hold()?;
                take_back(records, &store, arguments.force)
            }
        };
        all.complete &= answer.complete;
        all.reverted |= answer.reverted;
    }
    if all.complete {
        tell(match all.reverted {
            true => "it is as it was before",
            false => "it was as before already",
        });
    }
    Ok(u8::from(!all.complete))
}

/// Has root revert what root changed.
fn through_root(records: &mut [Record], store: &Store, force: bool) -> Result<Answer, String> {
    let request = Request::Undo {
        ids: records.iter().map(|record| record.id.clone()).collect(),
        force,
    };
    let answer =
        root::ask("undo", &request, is_interactive()).map_err(|silence| silence.to_string())?;
    if answer.complete {
        for record in records {
            record.stage = Stage::Undone;
            record.keep(store)?;
        }
    }
    Ok(answer)
}

/// The process that runs as root. It reverts only what its own records contain, and only for the user they were made for.
fn handed() -> Outcome {
    let Request::Undo { ids, force } = root::handed()? else {
        return Err("not a request to undo".to_owned());
    };
    let store = Store::own("changes")?;
    let _held = store.hold()?;
    let asks = invoker();
    let mut records: Vec<Record> = ids
        .iter()
        .filter_map(|id| Record::read(&store, id))
        .filter(|record| asks.is_none() || asks == Some(record.asked_by))
        .collect();
    if records.is_empty() {
        tell("root changed nothing for it");
    }
    print_json(&take_back(&mut records, &store, force))?;
    Ok(0)
}

/// Reverts the changes in this order, and reports what was left.
fn take_back(records: &mut [Record], store: &Store, force: bool) -> Answer {
    let mut answer = Answer {
        complete: true,
        ..Answer::default()
    };
    for record in records {
        for undone in record.undo(store, force) {
            match undone {
                Ok(Undone::Back) => answer.reverted = true,
                Ok(Undone::Already) => {}
                Ok(Undone::Left(reason)) => tell(&format!("left: {reason}")),
                Err(trouble) => tell(&trouble),
            }
        }
        answer.complete &= record.stage == Stage::Undone;
    }
    answer
}

//! `permwrap history`: which refusals occurred, how often, what fixed them, and which came back.

use serde::Serialize;

use super::{Outcome, print, print_json};
use crate::attempt::{Attempt, Object, Operation};
use crate::cli::History;
use crate::investigate::examine;
use crate::mend::history::{self, Met, day};
use crate::mend::record::{Record, Stage};
use crate::mend::store::Store;
use crate::quote;
use crate::report::{SCHEMA, lossy};
use crate::subcommand::who;

pub fn run(arguments: &History) -> Outcome {
    let met = history::all(&Store::own("history")?);
    let records = Record::all(&Store::own("changes")?);
    if arguments.json {
        print_json(&HistoryReport {
            schema: SCHEMA,
            refusals: met.iter().map(|met| report(met, &records)).collect(),
        })?;
    } else {
        let text: String = met.iter().map(|met| lines(met, &records)).collect();
        print(match text.as_str() {
            "" => "nothing was met yet\n",
            text => text,
        })?;
    }
    Ok(0)
}

/// The document for `--json`.
#[derive(Serialize)]
struct HistoryReport {
    schema: u32,
    refusals: Vec<RefusalReport>,
}

#[derive(Serialize)]
struct RefusalReport {
    operation: String,
    path: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    path_lossy: bool,
    uid: u32,
    code: String,
    count: u64,
    first: u64,
    last: u64,
    /// The verdict on the same access now, if the object is a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<&'static str>,
    fixes: Vec<FixedReport>,
    /// Why it came back after the last fix, if known.
    came_back: Option<String>,
}

#[derive(Serialize)]
struct FixedReport {
    when: u64,
    title: String,
    undone: bool,
}

fn report(met: &Met, records: &[Record]) -> RefusalReport {
    let (path, path_lossy) = lossy(&met.path);
    let fixed = |record: &Record| FixedReport {
        when: record.when,
        title: record.title.clone(),
        undone: record.stage == Stage::Undone,
    };
    RefusalReport {
        operation: met.operation.clone(),
        path,
        path_lossy,
        uid: met.uid,
        code: met.code.clone(),
        count: met.count,
        first: met.first,
        last: met.last,
        now: verdict_now(met),
        fixes: history::fixes(met, records).map(fixed).collect(),
        came_back: history::why_it_came_back(met, records),
    }
}

/// A refusal and its fixes, as text.
fn lines(met: &Met, records: &[Record]) -> String {
    let often = match met.count {
        1 => format!("once, on {}", day(met.last)),
        count if day(met.first) == day(met.last) => format!("{count} times on {}", day(met.last)),
        count => format!(
            "{count} times since {}, last {}",
            day(met.first),
            day(met.last)
        ),
    };
    let path = quote::display(&met.path);
    let deed = match Operation::from_name(&met.operation) {
        // Which process it was is not remembered.
        Some(operation @ (Operation::Signal | Operation::Ptrace)) if path.is_empty() => {
            operation.deed("a process")
        }
        Some(Operation::Trust(policy)) if policy.root_only => {
            format!("do what {} allows only to root", policy.program)
        }
        Some(Operation::Trust(_)) if path.is_empty() => "gain privileges".to_owned(),
        Some(operation) => operation.deed(&path),
        None => format!("{} {path}", met.operation),
    };
    let mut text = format!("could not {deed}: {often} ({})\n", met.code);
    for record in history::fixes(met, records) {
        let undone = match record.stage {
            Stage::Undone => ", taken back since",
            Stage::Made | Stage::Begun => "",
        };
        let title = quote::display(record.title.as_bytes());
        text.push_str(&format!(
            "  put right {}: {title}{undone}\n",
            day(record.when)
        ));
    }
    if let Some(why) = history::why_it_came_back(met, records) {
        text.push_str(&format!("  came back: {why}\n"));
    }
    if verdict_now(met) == Some("allowed") {
        text.push_str("  allowed now\n");
    }
    text
}

/// The verdict on the same access now: it may have been put right by hand.
fn verdict_now(met: &Met) -> Option<&'static str> {
    if met.path.is_empty() {
        return None;
    }
    let own = who::ourselves().ok().filter(|own| own.uid == met.uid);
    let finding = examine(Attempt {
        subject: own.or_else(|| who::subject(&met.uid.to_string()).ok())?,
        operation: Operation::from_name(&met.operation)?,
        object: Object::Path(met.path.clone()),
        to: None,
        directory: None,
        errno: None,
    });
    Some(finding.conclusion.verdict())
}

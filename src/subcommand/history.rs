//! `permwrap history`: which refusals occurred, how often, what fixed them, and which came back.

use serde::Serialize;

use super::{Outcome, print, print_json};
use crate::attempt::Operation;
use crate::cli::History;
use crate::mend::history::{self, Met, day};
use crate::mend::record::{Record, Stage};
use crate::mend::store::Store;
use crate::quote;
use crate::report::{SCHEMA, lossy};

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
    text
}

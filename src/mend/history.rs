//! Remembers which refusals occurred, how often, and what became of their fixes. This data never leaves the machine.

use serde::{Deserialize, Serialize};

use super::path;
use super::record::{Record, Stage};
use super::runs::{Failure, Run};
use super::since;
use super::store::Store;
use crate::attempt::Attempt;
use crate::quote;

/// The maximum number of different refusals remembered.
const MOST: usize = 500;

const FILE: &str = "met.json";

/// A refusal, with all its occurrences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// The name of the operation.
    pub operation: String,
    /// The object; empty if it is not a path.
    pub path: Vec<u8>,
    /// The uid of the subject.
    pub uid: u32,
    /// The code of the cause at the last occurrence.
    pub code: String,
    /// The number of runs in which it occurred.
    pub count: u64,
    /// The first occurrence, in seconds since 1970.
    pub first: u64,
    /// The last occurrence, in seconds since 1970.
    pub last: u64,
}

/// Counts the refusals of a run.
///
/// # Errors
/// A message of one line, if there is no place to store it.
pub fn count(run: &Run) -> Result<(), String> {
    let store = Store::own("history")?;
    let _held = store.hold()?;
    let mut all = all(&store);
    let met = |failure: &Failure| met(failure.attempt_here()?, failure, run.when);
    for met in run.failures.iter().filter_map(met) {
        let same = |known: &&mut Met| {
            (&known.operation, &known.path, known.uid) == (&met.operation, &met.path, met.uid)
        };
        match all.iter_mut().find(same) {
            Some(known) => {
                known.count += 1;
                known.last = met.last;
                known.code = met.code;
            }
            None => all.push(met),
        }
    }
    all.sort_by_key(|met| std::cmp::Reverse(met.last));
    all.truncate(MOST);
    store.write(FILE, &all, false)
}

/// All remembered refusals, the latest first.
#[must_use]
pub fn all(store: &Store) -> Vec<Met> {
    store.read(FILE).unwrap_or_default()
}

fn met(attempt: &Attempt, failure: &Failure, when: u64) -> Option<Met> {
    Some(Met {
        operation: attempt.operation.name().to_owned(),
        path: path(attempt),
        uid: attempt.subject.uid,
        code: failure.code.clone(),
        count: 1,
        first: when,
        last: when,
    })
}

/// The fixes of a refusal, the latest first.
pub fn fixes<'a>(met: &'a Met, records: &'a [Record]) -> impl Iterator<Item = &'a Record> {
    records
        .iter()
        .filter(|record| record.stage != Stage::Begun && record.path == met.path)
}

/// A line about an earlier fix of the same refusal, and why it did not last; `None` if there was none.
#[must_use]
pub fn put_right_before(attempt: &Attempt) -> Option<String> {
    let path = path(attempt);
    let same = |met: &&Met| {
        let tried = (met.operation.as_str(), met.path.as_slice(), met.uid);
        tried == (attempt.operation.name(), &path, attempt.subject.uid)
    };
    let all = all(&Store::own("history").ok()?);
    let known = all.iter().find(same)?;
    let records = Record::all(&Store::own("changes").ok()?);
    let last = fixes(known, &records).next()?;
    let now = Met {
        last: super::now(),
        ..known.clone()
    };
    let why = why_it_came_back(&now, &records).map_or_else(String::new, |why| format!("; {why}"));
    let title = quote::display(last.title.as_bytes());
    Some(format!("put right on {} ({title}){why}", day(last.when)))
}

/// Why the last fix of a refusal did not last, if the refusal has occurred again and the reason can be determined.
#[must_use]
pub fn why_it_came_back(met: &Met, records: &[Record]) -> Option<String> {
    let last = fixes(met, records).next()?;
    if met.last <= last.when {
        return None;
    }
    if last.stage == Stage::Undone {
        return Some("it was taken back".to_owned());
    }
    last.deeds.iter().find_map(since::became)
}

/// A time as a date in UTC: `2026-05-03`.
#[must_use]
pub fn day(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or_default();
    // Converts days in the proleptic Gregorian calendar, with years that begin in March and eras of 400 years.
    let days = seconds.div_euclid(86_400) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(951_782_400), "2000-02-29");
        assert_eq!(day(1_709_164_800), "2024-02-29");
        assert_eq!(day(1_735_689_599), "2024-12-31");
        assert_eq!(day(1_735_689_600), "2025-01-01");
    }
}

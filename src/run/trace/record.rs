//! What the tracer writes into its log about calls: each refused call and each remark once, with the number of occurrences.

use std::collections::{HashMap, HashSet};

use super::entry::{Entry, Refused, Remark};
use super::log::{Log, Place};

/// The maximum number of distinct calls that are remembered, so that repetitions are counted.
const MOST_KNOWN: usize = 20_000;

/// The log, and what it already contains.
pub struct Record {
    /// The log.
    pub log: Log,
    /// The refused calls, each with the credentials of its process.
    known: HashMap<(Refused, Vec<u8>), Place>,
    remarks: HashSet<Vec<u8>>,
}

impl Record {
    /// The record in this log, which is empty.
    #[must_use]
    pub fn of(log: Log) -> Record {
        Record {
            log,
            known: HashMap::new(),
            remarks: HashSet::new(),
        }
    }

    /// Records a refused call of a thread with these credentials, whose process has its entry at `process`. Returns the place of
    /// the call's entry; `None` if there is no room left.
    pub fn refused(
        &mut self,
        refused: &Refused,
        credentials: Vec<u8>,
        process: Place,
        pid: i32,
    ) -> Option<Place> {
        let call = (refused.clone(), credentials);
        if let Some(place) = self.known.get(&call) {
            self.log.meet(*place, pid);
            return Some(*place);
        }
        let entry = Entry::Refused(Refused {
            process: process.number(),
            ..refused.clone()
        });
        let place = self.log.append(&entry.to_bytes(), pid)?;
        if self.known.len() < MOST_KNOWN {
            self.known.insert(call, place);
        }
        Some(place)
    }

    /// Records a remark.
    pub fn remark(&mut self, remark: &Remark) {
        let entry = Entry::Remark(remark.clone()).to_bytes();
        if self.remarks.insert(entry.clone()) {
            self.log.append(&entry, 0);
        }
    }
}

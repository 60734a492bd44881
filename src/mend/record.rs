//! The record of a change. It is written to disk before the change is made, so that the change can be reverted in any case.

use serde::{Deserialize, Serialize};

use super::deed::{Deed, Undone};
use super::store::Store;

/// The maximum number of records kept.
const MOST: usize = 200;

/// The changes made for one refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its name, which is the same in the record of the user who asked and in that of root, who made the changes.
    pub id: String,
    /// The name of the fix that it is part of, which the records of all its changes have in common.
    #[serde(default)]
    pub fix: String,
    /// The time, in seconds since 1970.
    pub when: u64,
    /// What was refused: `cannot read /srv/app/db`.
    pub refusal: String,
    /// What the fix does: `let alice pass through /srv/app`.
    pub title: String,
    /// The code of the cause.
    pub code: String,
    /// The path of the attempt.
    pub path: Vec<u8>,
    /// The uid of the user who asked for it.
    pub asked_by: u32,
    /// Whether root made the changes, and so has the record of the previous state.
    pub by_root: bool,
    /// How far the fix has progressed.
    pub stage: Stage,
    /// The changes; if root made them, only the first ones, for display.
    pub deeds: Vec<Deed>,
}

/// How far a fix has progressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// It was begun, and may have been made in part.
    Begun,
    /// It was made completely.
    Made,
    /// It was reverted.
    Undone,
}

/// A name for a new record. Later names sort after earlier ones.
#[must_use]
pub fn new_id() -> String {
    format!("{:018}-{}", super::micros(), std::process::id())
}

/// Whether this is the name of a record, rather than a path that leads out of the store.
#[must_use]
pub fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() < 64 && id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

impl Record {
    /// Writes the record to the store.
    ///
    /// # Errors
    /// A message of one line, if there is no place to store it.
    pub fn keep(&self, store: &Store) -> Result<(), String> {
        store.write(&self.file(), self, true)?;
        store.keep(MOST);
        Ok(())
    }

    /// Reads the record with this name.
    #[must_use]
    pub fn read(store: &Store, id: &str) -> Option<Record> {
        is_id(id).then(|| store.read(&format!("{id}.json")))?
    }

    /// All records, the latest first.
    #[must_use]
    pub fn all(store: &Store) -> Vec<Record> {
        let names = store.names().into_iter().rev();
        names.filter_map(|name| store.read(&name)).collect()
    }

    /// What has not been reverted yet: the records of each fix, the latest first.
    #[must_use]
    pub fn left(store: &Store) -> Vec<Vec<Record>> {
        let mut fixes: Vec<Vec<Record>> = Vec::new();
        let left = Record::all(store).into_iter();
        for record in left.filter(|record| record.stage != Stage::Undone) {
            let same = |fix: &&mut Vec<Record>| {
                !record.fix.is_empty()
                    && (&fix[0].fix, fix[0].asked_by) == (&record.fix, record.asked_by)
            };
            match fixes.iter_mut().find(same) {
                Some(fix) => fix.push(record),
                None => fixes.push(vec![record]),
            }
        }
        fixes
    }

    /// Makes the changes; the record is written to disk before them. If one fails, the preceding ones are reverted.
    ///
    /// # Errors
    /// A message of one line about what prevented it, and whether something could not be reverted.
    pub fn perform(&mut self, store: &Store) -> Result<(), String> {
        self.stage = Stage::Begun;
        self.keep(store)?;
        for at in 0..self.deeds.len() {
            if let Err(reason) = self.deeds[at].perform() {
                return Err(self.give_up(store, at, &reason));
            }
            // The record must include the objects that were created.
            if matches!(self.deeds[at], Deed::Make { .. } | Deed::Remount { .. })
                && let Err(reason) = self.keep(store)
            {
                return Err(self.give_up(store, at + 1, &reason));
            }
        }
        self.stage = Stage::Made;
        match self.keep(store) {
            Ok(()) => Ok(()),
            Err(reason) => {
                self.stage = Stage::Begun;
                Err(self.give_up(store, self.deeds.len(), &reason))
            }
        }
    }

    /// Removes the record, because nothing was changed.
    pub fn forget(&self, store: &Store) {
        store.remove(&self.file());
    }

    /// Reverts the first `made` changes.
    fn give_up(&mut self, store: &Store, made: usize, reason: &str) -> String {
        let all = std::mem::take(&mut self.deeds);
        self.deeds = all[..made].to_vec();
        self.undo(store, false);
        self.deeds = all;
        match self.stage {
            Stage::Undone => {
                self.forget(store);
                format!("{reason}: nothing was changed")
            }
            Stage::Begun | Stage::Made => {
                format!("{reason}: some of it was changed, and `permwrap undo` takes that back")
            }
        }
    }

    fn file(&self) -> String {
        format!("{}.json", self.id)
    }

    /// Reverts the changes, the last one first, and returns the result of each.
    pub fn undo(&mut self, store: &Store, force: bool) -> Vec<Result<Undone, String>> {
        let finished = self.stage == Stage::Made;
        if finished {
            // If this process is killed, the state may be one between the two.
            self.stage = Stage::Begun;
            let _ = self.keep(store);
        }
        let all: Vec<Result<Undone, String>> = self
            .deeds
            .iter()
            .rev()
            .map(|deed| deed.undo(finished, force))
            .collect();
        let back =
            |undone: &Result<Undone, String>| matches!(undone, Ok(Undone::Back | Undone::Already));
        let done = all.iter().all(back);
        if done || finished {
            self.stage = if done { Stage::Undone } else { Stage::Made };
            let _ = self.keep(store);
        }
        all
    }
}

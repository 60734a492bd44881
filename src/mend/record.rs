//! The record of a change: on the disk before the change is made, so that whatever happens it can be taken back.

use serde::{Deserialize, Serialize};

use super::deed::{Deed, Undone};
use super::store::Store;

/// How many records are kept.
const MOST: usize = 200;

/// What one `fix` changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its name: the same for who asked and for root, who did it.
    pub id: String,
    /// When, in seconds since 1970.
    pub when: u64,
    /// What could not be done: `cannot read /srv/app/db`.
    pub refusal: String,
    /// What was done about it: `let alice pass through /srv/app`.
    pub title: String,
    /// The cause's code.
    pub code: String,
    /// The path that was asked for.
    pub path: Vec<u8>,
    /// Who asked for it.
    pub asked_by: u32,
    /// Whether root did it, and has the record of what was before.
    pub by_root: bool,
    /// How far it came.
    pub stage: Stage,
    /// The changes; of what root did, the first of them, to be told of.
    pub deeds: Vec<Deed>,
}

/// How far a fix came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// It was begun: some of it may have been made.
    Begun,
    /// All of it was made.
    Made,
    /// It was taken back.
    Undone,
}

/// The name of a new record: later ones sort after earlier ones.
#[must_use]
pub fn new_id() -> String {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    format!("{:018}-{}", since.as_micros(), std::process::id())
}

/// Whether it is a record's name, and nothing that leads out of the store.
#[must_use]
pub fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() < 64 && id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

impl Record {
    /// Writes it down.
    ///
    /// # Errors
    /// In one line: there is nowhere to keep it.
    pub fn keep(&self, store: &Store) -> Result<(), String> {
        store.write(&self.file(), self, true)?;
        store.keep(MOST);
        Ok(())
    }

    /// The record with this name.
    #[must_use]
    pub fn read(store: &Store, id: &str) -> Option<Record> {
        is_id(id).then(|| store.read(&format!("{id}.json")))?
    }

    /// Those that can still be taken back, the newest first.
    #[must_use]
    pub fn all(store: &Store) -> Vec<Record> {
        let names = store.names().into_iter().rev();
        names.filter_map(|name| store.read(&name)).collect()
    }

    /// Makes its changes: the record is on the disk before them. Where one fails, those before it are taken back.
    ///
    /// # Errors
    /// In one line: what stopped it, and whether something is left of it.
    pub fn perform(&mut self, store: &Store) -> Result<(), String> {
        self.stage = Stage::Begun;
        self.keep(store)?;
        for at in 0..self.deeds.len() {
            if let Err(reason) = self.deeds[at].perform() {
                return Err(self.give_up(store, at, &reason));
            }
            if matches!(self.deeds[at], Deed::Make { .. } | Deed::Remount { .. }) {
                // What was made is known from now on.
                self.keep(store)?;
            }
        }
        self.stage = Stage::Made;
        self.keep(store)
    }

    /// Takes it away: nothing was changed.
    pub fn forget(&self, store: &Store) {
        store.remove(&self.file());
    }

    /// Takes back the first `made` of its changes.
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

    /// Takes its changes back, the last first, and says what became of each.
    pub fn undo(&mut self, store: &Store, force: bool) -> Vec<Result<Undone, String>> {
        let finished = self.stage == Stage::Made;
        let all: Vec<Result<Undone, String>> = self
            .deeds
            .iter()
            .rev()
            .map(|deed| deed.undo(finished, force))
            .collect();
        let back =
            |undone: &Result<Undone, String>| matches!(undone, Ok(Undone::Back | Undone::Already));
        if all.iter().all(back) {
            self.stage = Stage::Undone;
            let _ = self.keep(store);
        }
        all
    }
}

//! What every channel does with the bytes it relays: look at them in passing, and hold the hints until they may be written.

use std::os::fd::RawFd;
use std::path::PathBuf;

use nix::libc;

use super::column::Column;
use super::diagnosis::{Diagnosis, MakeObserver, SILENCE};
use super::exit::Exit;
use super::scene::Watcher;
use super::signals::{Inbox, Notice, is_deadly};
use super::sys;
use crate::detect::Prefilter;
use crate::gather;

/// The bytes of a run, as they pass.
pub struct Watch {
    make: Option<MakeObserver>,
    /// Whether the observer is asked for last words though nothing was seen: a report is written in any case.
    report: bool,
    prefilter: Option<Prefilter>,
    scenes: Watcher,
    diagnosis: Option<Diagnosis>,
    words: Vec<u8>,
    column: Column,
}

impl Watch {
    /// Watches the command with this process id, whose stderr shows as `channel` in /proc/PID/fd/2.
    #[must_use]
    pub fn new(make: MakeObserver, report: bool, command: i32, channel: Option<PathBuf>) -> Watch {
        Watch {
            make: Some(make),
            report,
            prefilter: None,
            scenes: Watcher::new(command, channel),
            diagnosis: None,
            words: Vec::new(),
            column: Column::default(),
        }
    }

    /// The next bytes, before they are relayed: whoever wrote them may be about to end.
    pub fn see(&mut self, bytes: &[u8]) {
        self.column.after(bytes);
        if let Some(diagnosis) = &self.diagnosis {
            diagnosis.spoke();
        }
        let prefilter = self.prefilter.get_or_insert_with(prefilter);
        let Some(text) = prefilter.push(bytes) else {
            return;
        };
        let scene = self.scenes.look();
        self.start();
        if let Some(diagnosis) = &mut self.diagnosis {
            diagnosis.text(text, scene);
        }
    }

    fn start(&mut self) {
        if let Some(make) = self.make.take() {
            self.diagnosis = Diagnosis::start(make);
        }
    }

    /// For poll(2): readable when there may be something to say; negative while there is no diagnosis.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.diagnosis.as_ref().map_or(-1, Diagnosis::descriptor)
    }

    /// For poll(2): when to look again whether words may be written or texts handed on, in milliseconds; -1 for never.
    pub fn timeout(&mut self) -> i32 {
        let Some(diagnosis) = &mut self.diagnosis else {
            return -1;
        };
        if !diagnosis.hand_on() {
            return 20;
        }
        match SILENCE.checked_sub(diagnosis.silence()) {
            Some(left) if !self.words.is_empty() => left.as_millis() as i32 + 1,
            _ => -1,
        }
    }

    /// The hints that may be written now, if stderr has been silent: they start at the start of a line.
    pub fn due(&mut self) -> Option<Vec<u8>> {
        let diagnosis = self.diagnosis.as_ref()?;
        self.words.extend(diagnosis.take_words());
        if self.words.is_empty() || diagnosis.silence() < SILENCE {
            return None;
        }
        Some(self.at_line_start())
    }

    /// The words held, on a line of their own.
    fn at_line_start(&mut self) -> Vec<u8> {
        let mut words = std::mem::take(&mut self.words);
        if !words.is_empty() && !self.column.is_start() {
            words.insert(0, b'\n');
        }
        self.column.after(&words);
        words
    }

    /// The command has ended and everything it wrote was relayed: what is left to be said. Waits for the diagnosis, but
    /// not for long, and not when somebody wants the wrapper to end.
    pub fn last_words(&mut self, exit: Exit, inbox: Option<&Inbox>) -> Vec<u8> {
        if self.report {
            self.start();
        }
        let Some(mut diagnosis) = self.diagnosis.take() else {
            return Vec::new();
        };
        let mut patience = diagnosis.patience();
        let mut asked = false;
        while !diagnosis.is_over()
            && patience.lasts(&diagnosis)
            && !inbox.is_some_and(wants_the_end)
        {
            asked = asked || diagnosis.end(exit);
            let signals = inbox.map_or(-1, Inbox::descriptor);
            let mut watched = [
                sys::watch(diagnosis.descriptor(), libc::POLLIN),
                sys::watch(signals, libc::POLLIN),
            ];
            sys::poll(&mut watched, if asked { 100 } else { 1 });
            self.words.extend(diagnosis.take_words());
        }
        self.words.extend(diagnosis.take_words());
        self.at_line_start()
    }
}

/// Whether a signal came that would have ended the command, which has already ended.
#[must_use]
pub fn wants_the_end(inbox: &Inbox) -> bool {
    std::iter::from_fn(|| inbox.next())
        .any(|notice| matches!(notice, Notice::Sent(signal, _) if is_deadly(signal)))
}

/// The prefilter for the messages of this environment's language.
fn prefilter() -> Prefilter {
    let words: Vec<Vec<u8>> = gather::refusals_in_locale()
        .into_iter()
        .map(|(_, words)| words)
        .collect();
    Prefilter::new(&words)
}

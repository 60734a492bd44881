//! What every channel does with the bytes it relays: look at them in passing, and hold the hints until they may be written.

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::time::Instant;

use nix::libc;

use super::Options;
use super::column::Column;
use super::diagnosis::{Diagnosis, MakeObserver, SILENCE};
use super::exit::Exit;
use super::scene::Watcher;
use super::signals::{Inbox, Notice, is_deadly};
use super::sys;
use crate::detect::Prefilter;
use crate::gather;

/// How Python begins to tell of an exception that ends the program.
const TRACEBACK: &[u8] = b"Traceback (most recent call last)";

/// The bytes of a run, as they pass.
pub struct Watch {
    make: Option<MakeObserver>,
    options: Options,
    /// The wrapper's own descriptors, which no other process is to have.
    own: Vec<RawFd>,
    prefilter: Option<Prefilter>,
    scenes: Watcher,
    diagnosis: Option<Diagnosis>,
    hints: Vec<u8>,
    column: Column,
    /// When stderr last spoke.
    spoke: Instant,
}

impl Watch {
    /// Watches the command with this process id, whose stderr shows as `channel` in /proc/PID/fd/2. `own` are the
    /// descriptors that the wrapper made for itself.
    #[must_use]
    pub fn new(
        make: MakeObserver,
        options: Options,
        command: i32,
        channel: Option<PathBuf>,
        own: Vec<RawFd>,
    ) -> Watch {
        Watch {
            make: Some(make),
            options,
            own,
            prefilter: None,
            scenes: Watcher::new(command, channel),
            diagnosis: None,
            hints: Vec::new(),
            column: Column::default(),
            spoke: Instant::now(),
        }
    }

    /// The next bytes, before they are relayed: whoever wrote them may be about to end.
    pub fn see(&mut self, bytes: &[u8]) {
        self.column.after(bytes);
        self.spoke = Instant::now();
        let literals = self.options.literals;
        let prefilter = self.prefilter.get_or_insert_with(|| prefilter(literals));
        let Some(text) = prefilter.push(bytes) else {
            // Its writer ends soon after the last of its lines, and only that tells of a refusal.
            if memchr::memmem::find(bytes, TRACEBACK).is_some() {
                self.scenes.look();
            }
            return;
        };
        let scene = self.scenes.look();
        self.start();
        if let Some(diagnosis) = &mut self.diagnosis {
            diagnosis.text(text, scene);
            diagnosis.exchange();
        }
    }

    /// Starts the diagnosis, if it is not under way.
    pub fn start(&mut self) {
        if let Some(make) = self.make.take() {
            self.diagnosis = Diagnosis::start(make, self.options.report, &self.own);
        }
    }

    /// For poll(2): what the diagnosis waits for.
    #[must_use]
    pub fn watched(&self) -> libc::pollfd {
        let none = sys::watch(-1, 0);
        self.diagnosis.as_ref().map_or(none, Diagnosis::watched)
    }

    /// For poll(2): when hints may be written that are held back, in milliseconds; -1 for not before something happens.
    #[must_use]
    pub fn timeout(&self) -> i32 {
        match SILENCE.checked_sub(self.spoke.elapsed()) {
            Some(left) if !self.hints.is_empty() => left.as_millis() as i32 + 1,
            _ => -1,
        }
    }

    /// Talks to the diagnosis, as far as that goes without waiting. To be called whenever poll(2) has returned.
    pub fn exchange(&mut self) {
        if let Some(diagnosis) = &mut self.diagnosis {
            diagnosis.exchange();
            self.hints.extend(diagnosis.take_hints());
        }
    }

    /// The hints that may be written now, if stderr has been silent: they start at the start of a line.
    pub fn due(&mut self) -> Option<Vec<u8>> {
        if self.hints.is_empty() || self.spoke.elapsed() < SILENCE {
            return None;
        }
        Some(self.at_line_start())
    }

    /// The same at a shell's prompt, which is written once more behind them.
    pub fn due_at_prompt(&mut self) -> Option<Vec<u8>> {
        let prompt = self.column.line()?.to_vec();
        let mut words = self.due()?;
        words.extend_from_slice(&prompt);
        self.column.after(&prompt);
        Some(words)
    }

    /// The hints held, on a line of their own.
    fn at_line_start(&mut self) -> Vec<u8> {
        let mut hints = std::mem::take(&mut self.hints);
        if !hints.is_empty() && !self.column.is_start() {
            hints.insert(0, b'\n');
        }
        self.column.after(&hints);
        hints
    }

    /// The command has ended and everything it wrote was relayed: what is left to be said. Waits for the diagnosis, but
    /// not for long, and not when somebody wants the wrapper to end.
    pub fn last_words(&mut self, exit: Exit, inbox: &Inbox) -> Vec<u8> {
        // A report is written in any case, and what a trace has found is told though the command said nothing of it.
        let found = self
            .options
            .trace
            .is_some_and(|log| !log.settles() || !log.is_empty());
        if self.options.report || found {
            self.start();
        }
        let Some(mut diagnosis) = self.diagnosis.take() else {
            return Vec::new();
        };
        let asked = Instant::now();
        diagnosis.end(exit);
        loop {
            diagnosis.exchange();
            self.hints.extend(diagnosis.take_hints());
            let some = !self.hints.is_empty() && !self.options.report;
            if diagnosis.is_over()
                || !diagnosis.deserves_patience(asked, some)
                || wants_the_end(inbox)
            {
                break;
            }
            let signals = sys::watch(inbox.descriptor(), libc::POLLIN);
            sys::poll(&mut [diagnosis.watched(), signals], 100);
        }
        diagnosis.dismiss();
        self.at_line_start()
    }
}

/// Whether a signal came that would have ended the command, which has already ended.
#[must_use]
pub fn wants_the_end(inbox: &Inbox) -> bool {
    std::iter::from_fn(|| inbox.next())
        .any(|notice| matches!(notice, Notice::Sent(signal, _) if is_deadly(signal)))
}

/// The prefilter for the messages of this environment's language, and for what the user's own patterns look for.
fn prefilter(literals: Option<fn() -> Vec<Vec<u8>>>) -> Prefilter {
    let mut words: Vec<Vec<u8>> = gather::refusals_in_locale()
        .into_iter()
        .map(|(_, words)| words)
        .collect();
    words.extend(literals.map(|of| of()).unwrap_or_default());
    Prefilter::new(&words)
}

//! What every channel does with the bytes it relays: look at them in passing, and hold the hints until they may be written.

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use nix::libc;

use super::Options;
use super::column::Column;
use super::diagnosis::{Diagnosis, MakeObserver, SILENCE};
use super::exit::Exit;
use super::scene::{Scene, Watcher};
use super::signals::{Inbox, Notice, is_deadly};
use super::sys;
use super::wording::Wording;
use crate::detect::Prefilter;

/// How Python begins to tell of an exception that ends the program.
const TRACEBACK: &[u8] = b"Traceback (most recent call last)";

/// How long it may take at the end to find out what is to be looked for, in milliseconds.
const MOST_FOR_WORDING: u128 = 1000;

/// How much is kept until it is known what is to be looked for, in bytes.
const MOST_UNREAD: usize = 256 * 1024;

/// The bytes of a run, as they pass.
pub struct Watch {
    make: Option<MakeObserver>,
    options: Options,
    /// The wrapper's own descriptors, which no other process is to have.
    own: Vec<RawFd>,
    filter: Filter,
    scenes: Watcher,
    diagnosis: Option<Diagnosis>,
    hints: Vec<u8>,
    column: Column,
    /// When stderr last spoke.
    spoke: Instant,
}

/// What is looked for in the bytes.
enum Filter {
    /// Nothing was written yet.
    Idle,
    /// It is being found out.
    Asked(Box<Asked>),
    /// It is known.
    Ready(Box<Prefilter>),
}

/// What passes while it is being found out what is to be looked for.
struct Asked {
    wording: Wording,
    /// What was written meanwhile.
    unread: Vec<u8>,
    /// What is looked for in any case: whether one who writes now has to be looked at before he is gone.
    usual: Prefilter,
    scene: Option<Arc<Scene>>,
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
            filter: Filter::Idle,
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
        if matches!(self.filter, Filter::Idle) {
            self.filter = match Wording::ask(self.options.literals) {
                Some(wording) => Filter::Asked(Box::new(Asked {
                    wording,
                    unread: Vec::new(),
                    usual: Prefilter::default(),
                    scene: None,
                })),
                None => Filter::Ready(Box::default()),
            };
        }
        match &mut self.filter {
            Filter::Asked(asked) => {
                asked.unread.extend_from_slice(bytes);
                if asked.usual.push(bytes).is_some() {
                    asked.scene = Some(self.scenes.look());
                } else if tells_of_an_end(bytes) {
                    self.scenes.look();
                }
                if asked.unread.len() > MOST_UNREAD || asked.wording.is_answered() {
                    self.know_wording();
                }
            }
            Filter::Ready(prefilter) => match prefilter.push(bytes) {
                Some(text) => {
                    let scene = self.scenes.look();
                    self.tell(text, scene);
                }
                None if tells_of_an_end(bytes) => {
                    self.scenes.look();
                }
                None => {}
            },
            Filter::Idle => {}
        }
    }

    /// It is known now what is to be looked for, also in what was written before.
    fn know_wording(&mut self) {
        let Filter::Asked(asked) = std::mem::replace(&mut self.filter, Filter::Idle) else {
            return;
        };
        let mut prefilter = Prefilter::new(&asked.wording.words());
        if let Some(text) = prefilter.push(&asked.unread) {
            let scene = asked.scene.unwrap_or_else(|| self.scenes.look());
            self.tell(text, scene);
        }
        self.filter = Filter::Ready(Box::new(prefilter));
    }

    /// Tells the diagnosis of a text, and of who was there.
    fn tell(&mut self, text: Vec<u8>, scene: Arc<Scene>) {
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

    /// For poll(2): who has something to tell.
    #[must_use]
    pub fn watched(&self) -> libc::pollfd {
        match (&self.filter, &self.diagnosis) {
            (Filter::Asked(asked), _) => asked.wording.watched(),
            (_, Some(diagnosis)) => diagnosis.watched(),
            _ => sys::watch(None, 0),
        }
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
        if let Filter::Asked(asked) = &mut self.filter
            && asked.wording.is_answered()
        {
            self.know_wording();
        }
        if let Some(diagnosis) = &mut self.diagnosis {
            diagnosis.exchange();
            self.hints.extend(diagnosis.take_hints());
            if diagnosis.is_done_for_now() {
                self.scenes.let_go();
            }
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
        self.await_wording(inbox);
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
                || !diagnosis.deserves_patience(asked, some, self.options.report)
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

impl Watch {
    /// What is to be looked for is about to be known, unless it waits for a dead file system.
    fn await_wording(&mut self, inbox: &Inbox) {
        let since = Instant::now();
        while let Filter::Asked(asked) = &mut self.filter {
            let enough = since.elapsed().as_millis() >= MOST_FOR_WORDING;
            if asked.wording.is_answered() || enough || wants_the_end(inbox) {
                return self.know_wording();
            }
            let signals = sys::watch(inbox.descriptor(), libc::POLLIN);
            sys::poll(&mut [asked.wording.watched(), signals], 100);
        }
    }
}

/// Whether a signal came that would have ended the command, which has already ended.
#[must_use]
pub fn wants_the_end(inbox: &Inbox) -> bool {
    std::iter::from_fn(|| inbox.next())
        .any(|notice| matches!(notice, Notice::Sent(signal, _) if is_deadly(signal)))
}

/// Whether a writer ends soon after the last of its lines, and only that tells of a refusal.
fn tells_of_an_end(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, TRACEBACK).is_some()
}

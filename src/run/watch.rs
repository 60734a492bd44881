//! The part common to all channels: inspecting the bytes in passing, and holding hints back until they may be written.

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::libc;

use super::Options;
use super::column::Column;
use super::diagnosis::{Diagnosis, MakeObserver, SILENCE};
use super::exit::Exit;
use super::prompt;
use super::scene::{Scene, Watcher};
use super::signals::{Inbox, Notice, is_deadly};
use super::stream::Stream;
use super::sys;
use super::wording::Wording;
use crate::detect::Prefilter;

/// The first line of a Python traceback, which precedes the end of the program.
const TRACEBACK: &[u8] = b"Traceback (most recent call last)";

/// How long an unfinished line must have been silent before hints are written all the same. Whoever writes "Checking... " usually
/// goes on in that line, and whoever asks a question waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait at the end of a run for the wording, in milliseconds.
const MOST_FOR_WORDING: u128 = 1000;

/// How much output is kept until the wording is known, in bytes.
const MOST_UNREAD: usize = 256 * 1024;

/// The bytes of a run, as they pass.
pub struct Watch {
    make: Option<MakeObserver>,
    options: Options,
    /// The wrapper's own descriptors, which no other process may inherit.
    own: Vec<RawFd>,
    filter: Filter,
    scenes: Watcher,
    diagnosis: Option<Diagnosis>,
    hints: Vec<u8>,
    column: Column,
    /// When stderr was last written to.
    spoke: Instant,
}

/// The filters that pick out relevant text, one for each stream.
enum Filter {
    /// Nothing has been written yet.
    Idle,
    /// The wording has been asked for.
    Asked(Box<Asked>),
    /// The wording is known.
    Ready(Box<[Prefilter; 2]>),
}

/// Output that passes before the wording is known.
struct Asked {
    wording: Wording,
    /// The output so far, of each stream.
    unread: [Vec<u8>; 2],
    /// The filters with the built-in wording. If one finds something, the processes are inspected at once, before they end.
    usual: [Prefilter; 2],
    scene: Option<Arc<Scene>>,
}

impl Watch {
    /// Watches the command with this process id. Its watched streams appear as `channels` in /proc/PID/fd. `own` are the
    /// wrapper's own descriptors.
    #[must_use]
    pub fn new(
        make: MakeObserver,
        options: Options,
        command: i32,
        channels: [Option<PathBuf>; 2],
        own: Vec<RawFd>,
    ) -> Watch {
        Watch {
            make: Some(make),
            options,
            own,
            filter: Filter::Idle,
            scenes: Watcher::new(command, channels),
            diagnosis: None,
            hints: Vec::new(),
            column: Column::default(),
            spoke: Instant::now(),
        }
    }

    /// Processes bytes of a stream before they are relayed, because the process that wrote them may be about to end.
    pub fn see(&mut self, stream: Stream, bytes: &[u8]) {
        // Hints are written to stderr: only its column and its pauses matter.
        if stream == Stream::Stderr {
            self.column.after(bytes);
            self.spoke = Instant::now();
        }
        if matches!(self.filter, Filter::Idle) {
            self.filter = match Wording::ask(self.options.literals) {
                Some(wording) => Filter::Asked(Box::new(Asked {
                    wording,
                    unread: Default::default(),
                    usual: Default::default(),
                    scene: None,
                })),
                None => Filter::Ready(Box::default()),
            };
        }
        match &mut self.filter {
            Filter::Asked(asked) => {
                asked.unread[stream.index()].extend_from_slice(bytes);
                let matters = asked.usual[stream.index()].push(bytes).is_some();
                let scene = self.look(matters, bytes);
                let Filter::Asked(asked) = &mut self.filter else {
                    return;
                };
                asked.scene = scene.or(asked.scene.take());
                if asked.unread[stream.index()].len() > MOST_UNREAD || asked.wording.is_answered() {
                    self.know_wording();
                }
            }
            Filter::Ready(prefilters) => {
                let text = prefilters[stream.index()].push(bytes);
                let scene = self.look(text.is_some(), bytes);
                if let (Some(text), Some(scene)) = (text, scene) {
                    self.tell(stream, text, scene);
                }
            }
            Filter::Idle => {}
        }
    }

    /// The processes, if these bytes may report a refusal. The diagnosis is started while they are being read, because it may
    /// have to ask a container engine, which soon forgets a container that has failed.
    ///
    /// If the bytes merely precede the end of their writer, the processes are read as well, and remembered.
    fn look(&mut self, matters: bool, bytes: &[u8]) -> Option<Arc<Scene>> {
        if !matters && !tells_of_an_end(bytes) {
            return None;
        }
        let close = self.scenes.look_close();
        if matters {
            self.start();
        }
        let scene = self.scenes.look(close);
        matters.then_some(scene)
    }

    /// The wording is known now: applies the filter to what was written before.
    fn know_wording(&mut self) {
        let Filter::Asked(asked) = std::mem::replace(&mut self.filter, Filter::Idle) else {
            return;
        };
        let words = asked.wording.words();
        let mut prefilters = [&words; 2].map(|words| Prefilter::new(words));
        for stream in Stream::BOTH {
            let unread = &asked.unread[stream.index()];
            if let Some(text) = prefilters[stream.index()].push(unread) {
                let scene = asked.scene.clone();
                let scene = scene.unwrap_or_else(|| {
                    let close = self.scenes.look_close();
                    self.scenes.look(close)
                });
                self.tell(stream, text, scene);
            }
        }
        self.filter = Filter::Ready(Box::new(prefilters));
    }

    /// Passes a text and its scene to the diagnosis.
    fn tell(&mut self, stream: Stream, text: Vec<u8>, scene: Arc<Scene>) {
        self.start();
        if let Some(diagnosis) = &mut self.diagnosis {
            diagnosis.text(stream, text, scene);
            diagnosis.exchange();
        }
    }

    /// Starts the diagnosis, unless it is already running.
    pub fn start(&mut self) {
        if let Some(make) = self.make.take() {
            self.diagnosis = Diagnosis::start(make, self.options.report, &self.own);
        }
    }

    /// The poll(2) entry for messages from other processes.
    #[must_use]
    pub fn watched(&self) -> libc::pollfd {
        match (&self.filter, &self.diagnosis) {
            (Filter::Asked(asked), _) => asked.wording.watched(),
            (_, Some(diagnosis)) => diagnosis.watched(),
            _ => sys::watch(None, 0),
        }
    }

    /// The timeout for poll(2): the time until pending hints may be written, in milliseconds; -1 if there are none.
    #[must_use]
    pub fn timeout(&self) -> i32 {
        let elapsed = self.spoke.elapsed();
        let mut thresholds = [SILENCE, PATIENCE].into_iter();
        let next = thresholds.find_map(|threshold| threshold.checked_sub(elapsed));
        match next {
            Some(left) if !self.hints.is_empty() => left.as_millis() as i32 + 1,
            _ => -1,
        }
    }

    /// Communicates with the diagnosis without blocking. To be called whenever poll(2) has returned.
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

    /// The hints that may be written now, because stderr has been silent; they begin on a new line.
    pub fn due(&mut self) -> Option<Vec<u8>> {
        let is_start = self.column.is_start();
        self.due_after(if is_start { SILENCE } else { PATIENCE })
    }

    /// The same on a terminal, where an unfinished line is repeated after the hints, because it may be a question.
    pub fn due_on_terminal(&mut self) -> Option<Vec<u8>> {
        let line = self.column.line().and_then(prompt::again);
        let line = line.filter(|_| !self.column.is_start());
        let words = self.due()?;
        Some(self.followed_by(words, &line.unwrap_or_default()))
    }

    /// The same at a shell's prompt, which is repeated after the hints.
    pub fn due_at_prompt(&mut self) -> Option<Vec<u8>> {
        let prompt = prompt::again(self.column.line()?)?;
        let words = self.due_after(SILENCE)?;
        Some(self.followed_by(words, &prompt))
    }

    fn due_after(&mut self, silence: Duration) -> Option<Vec<u8>> {
        let is_due = !self.hints.is_empty() && self.spoke.elapsed() >= silence;
        is_due.then(|| self.at_line_start())
    }

    /// The words, and this line again.
    fn followed_by(&mut self, mut words: Vec<u8>, line: &[u8]) -> Vec<u8> {
        words.extend_from_slice(line);
        self.column.after(line);
        words
    }

    /// The pending hints, on lines of their own.
    fn at_line_start(&mut self) -> Vec<u8> {
        let mut hints = std::mem::take(&mut self.hints);
        if !hints.is_empty() && !self.column.is_start() {
            hints.insert(0, b'\n');
        }
        self.column.after(&hints);
        hints
    }

    /// The command has ended and all its output has been relayed: returns what is left to write. Waits for the diagnosis, but
    /// only for a limited time, and not if a signal asks the wrapper to end.
    pub fn last_words(&mut self, exit: Exit, inbox: &Inbox) -> Vec<u8> {
        self.await_wording(inbox);
        // A report is always written, and findings of a trace are shown even if the command wrote nothing about them.
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
    /// Waits for the wording, which arrives soon unless its reader is blocked by a dead file system.
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

/// Whether a signal arrived that would have killed the command, which has already ended.
#[must_use]
pub fn wants_the_end(inbox: &Inbox) -> bool {
    std::iter::from_fn(|| inbox.next())
        .any(|notice| matches!(notice, Notice::Sent(signal, _) if is_deadly(signal)))
}

/// Whether the text precedes the end of its writer, although only its last line will report the refusal.
fn tells_of_an_end(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, TRACEBACK).is_some()
}

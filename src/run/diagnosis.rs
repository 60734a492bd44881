//! The process that interprets what was read. It is forked when the first text arrives that may matter, receives texts over a
//! socket, and is never waited for except at the end, for a limited time.
//!
//! This is the relay's side of it.

mod child;
pub(in crate::run) mod wire;

use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::libc;

use super::exit::Exit;
use super::helper::Helper;
use super::scene::Scene;
use super::stream::Stream;
use super::sys;
use wire::Answer;

/// How long stderr must be silent before hints may be written.
pub const SILENCE: Duration = Duration::from_millis(150);

/// How long a diagnosis that neither answers nor uses the processor may delay the end of a run. A dead network file system
/// could block it for ever.
const STANDSTILL: Duration = Duration::from_secs(2);

/// How long the diagnosis may delay the end of a run in any case, without and with a report.
const DEADLINE: Duration = Duration::from_secs(10);
const DEADLINE_OF_REPORT: Duration = Duration::from_secs(30);

/// After how much silence a diagnosis is checked for activity.
const A_LOOK: Duration = Duration::from_millis(500);

/// How much processor time the diagnosis may use for further hints after the end, if there already are some.
const ENOUGH: Duration = Duration::from_secs(1);

/// The maximum length of text queued while the diagnosis lags behind, in bytes; further text is dropped.
const MOST_WAITING: usize = 1024 * 1024;

/// The maximum length of unprocessed answers, in bytes. A diagnosis that exceeds it is abandoned.
const MOST_SAID: usize = 4 * 1024 * 1024;

/// Interprets what a command writes. It runs in a separate process, so that a failure there ends the diagnosis and nothing
/// else.
pub trait Observer {
    /// Before anything else: by what the observer can show that it is at work while it waits for something.
    fn may_wait(&mut self, _sign: SignOfLife) {}

    /// Text of a stream that may report a failure, with its context, and the processes that existed when it was read.
    fn text(&mut self, stream: Stream, text: &[u8], scene: &Scene);

    /// Further text is waiting: returns what should be written before that is processed, if anything.
    fn early(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// The command could not be executed: execve(2) failed with this error number. Only the end follows.
    fn not_started(&mut self, errno: i32);

    /// Stderr has been silent for a moment: returns what is to be written now, if anything.
    fn quiet(&mut self) -> Vec<u8>;

    /// The command has ended and all text has been delivered: returns the last words, if any. Reports are written here.
    fn end(&mut self, exit: Exit) -> Vec<u8>;
}

/// The connection to the relay, for a diagnosis that waits for something which is known to be under way: its wait does not count as
/// standing still.
#[derive(Debug)]
pub struct SignOfLife(OwnedFd);

impl SignOfLife {
    /// Shows that the diagnosis is at work. Only for the thread that answers the relay.
    pub fn show(&self) {
        let _ = rustix::io::write(&self.0, &Answer::Progress.to_bytes());
    }
}

/// Creates the observer, in its own process, when it is first needed. At that point stderr is still that of the command.
pub type MakeObserver = Box<dyn FnOnce() -> Box<dyn Observer>>;

/// The relay's side of the diagnosis.
#[derive(Debug)]
pub struct Diagnosis {
    helper: Helper,
    socket: OwnedFd,
    /// Messages to be sent; the first one may have been sent in part.
    out: Vec<u8>,
    /// Texts that wait until everything else has been sent, at most one of each stream, with their scenes.
    waiting: Vec<(Stream, Vec<u8>, Arc<Scene>)>,
    /// The scene that was sent last.
    told: Option<Arc<Scene>>,
    /// Bytes received; the last message may be incomplete.
    received: Vec<u8>,
    hints: Vec<u8>,
    /// The time of the last progress.
    moved: Instant,
    over: bool,
    /// Whether everything delivered has been processed, except what waits until the end.
    rests: bool,
    /// The processor time that it had used when the command ended.
    used_before_end: Duration,
}

impl Diagnosis {
    /// Starts the diagnosis. `None` if no process can be created, in which case the command runs on unobserved.
    ///
    /// The new process closes the wrapper's descriptors. If a report is wanted, it closes only those listed in `own`, because
    /// the report may be written to one of those that the command was started with.
    pub fn start(make: MakeObserver, report: bool, own: &[RawFd]) -> Option<Diagnosis> {
        let (socket, theirs) = sys::stream().ok()?;
        // SAFETY: the wrapper has a single thread.
        let helper = unsafe { Helper::start(|| child::serve(make, &theirs, report, own)) }?;
        Some(Diagnosis {
            helper,
            socket,
            out: Vec::new(),
            waiting: Vec::new(),
            told: None,
            received: Vec::new(),
            hints: Vec::new(),
            moved: Instant::now(),
            over: false,
            rests: false,
            used_before_end: Duration::ZERO,
        })
    }

    /// Passes on a text. If the diagnosis lags behind, texts of a stream are joined; if it lags too far behind, they are
    /// dropped.
    pub fn text(&mut self, stream: Stream, text: Vec<u8>, scene: Arc<Scene>) {
        self.rests = false;
        match self.waiting.iter_mut().find(|waiting| waiting.0 == stream) {
            Some((_, waiting, latest)) if waiting.len() < MOST_WAITING => {
                waiting.extend_from_slice(&text);
                *latest = scene;
            }
            Some(_) => {}
            None => self.waiting.push((stream, text, scene)),
        }
    }

    /// The command has ended: requests the last words.
    pub fn end(&mut self, exit: Exit) {
        self.used_before_end = self.helper.processor_time();
        self.put_waiting();
        wire::put_end(&mut self.out, exit);
        self.moved = Instant::now();
    }

    /// The poll(2) entry to wait for.
    #[must_use]
    pub fn watched(&self) -> libc::pollfd {
        let behind = !self.out.is_empty() || !self.waiting.is_empty();
        let events = libc::POLLIN | if behind { libc::POLLOUT } else { 0 };
        let socket = (!self.over).then(|| self.socket.as_fd());
        sys::watch(socket, events)
    }

    /// Sends and receives whatever is possible without blocking.
    pub fn exchange(&mut self) {
        while !self.over && self.send() {}
        while !self.over && self.receive() {}
    }

    /// Sends something; false if that would block.
    fn send(&mut self) -> bool {
        if self.out.is_empty() {
            self.put_waiting();
        }
        if self.out.is_empty() {
            return false;
        }
        match sys::send_now(&self.socket, &self.out) {
            Ok(count) => {
                self.out.drain(..count);
                true
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => false,
            Err(e) => e.kind() == ErrorKind::Interrupted || self.is_lost(),
        }
    }

    /// Receives something; false if that would block.
    fn receive(&mut self) -> bool {
        match sys::append(&self.socket, &mut self.received, 4096) {
            Ok(count) if count > 0 && self.received.len() < MOST_SAID => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return false,
            Err(e) if e.kind() == ErrorKind::Interrupted => return true,
            _ => return self.is_lost(),
        }
        let mut from = 0;
        while let Some((tag, body, length)) = wire::first(&self.received[from..]) {
            from += length;
            self.moved = Instant::now();
            match Answer::read(tag, body) {
                Some(Answer::Hints(hints)) => self.hints.extend(hints),
                Some(Answer::Progress) => {}
                Some(Answer::Rest) => self.rests = true,
                Some(Answer::Over) | None => self.over = true,
            }
        }
        self.received.drain(..from);
        true
    }

    /// The connection is broken, so nothing more will arrive.
    fn is_lost(&mut self) -> bool {
        self.over = true;
        false
    }

    fn put_waiting(&mut self) {
        for (stream, text, scene) in std::mem::take(&mut self.waiting) {
            let is_told = |told: &Arc<Scene>| Arc::ptr_eq(told, &scene);
            if !self.told.as_ref().is_some_and(is_told) {
                wire::put_scene(&mut self.out, &scene);
                self.told = Some(scene);
            }
            wire::put_text(&mut self.out, stream, &text);
        }
    }

    /// Takes the hints that are waiting to be written.
    #[must_use]
    pub fn take_hints(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.hints)
    }

    /// Whether everything delivered has been processed, so that the scene need no longer be held. Returns true only once each
    /// time.
    #[must_use]
    pub fn is_done_for_now(&mut self) -> bool {
        let behind = !self.out.is_empty() || !self.waiting.is_empty();
        let done = std::mem::take(&mut self.rests) && !behind;
        if done {
            self.told = None;
        }
        done
    }

    /// Whether the last words have arrived, or never will.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether to keep waiting for the last words, which were requested at `since`; `some` says whether there are hints
    /// already. A diagnosis that makes progress is waited for even on a slow machine.
    #[must_use]
    pub fn deserves_patience(&mut self, since: Instant, some: bool, report: bool) -> bool {
        let most = match report {
            true => DEADLINE_OF_REPORT,
            false => DEADLINE,
        };
        // What counts is the diagnosis's own time: on a busy machine it gets little of it.
        if some && since.elapsed() >= ENOUGH {
            let used = self.helper.processor_time();
            if used.saturating_sub(self.used_before_end) >= ENOUGH {
                return false;
            }
        }
        if self.moved.elapsed() >= A_LOOK && self.helper.works() {
            self.moved = Instant::now();
        }
        since.elapsed() < most && self.moved.elapsed() < STANDSTILL
    }

    /// Ends the diagnosis.
    pub fn dismiss(self) {
        self.helper.dismiss();
    }
}

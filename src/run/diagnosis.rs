//! The process in which what was read is made sense of: forked at the first text that could matter, told over a socket,
//! never waited for but at the end, and then not for long.
//!
//! Here is the relay's side of it.

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
use super::sys;
use wire::Answer;

/// How long stderr has to be silent before a hint may follow.
pub const SILENCE: Duration = Duration::from_millis(150);

/// How long the end of a run may be held up by a diagnosis that neither answers nor works: a dead network file system may keep
/// it for ever.
const STANDSTILL: Duration = Duration::from_secs(2);

/// How long the end of a run may be held up at all, and where a report was asked for.
const DEADLINE: Duration = Duration::from_secs(10);
const DEADLINE_OF_REPORT: Duration = Duration::from_secs(30);

/// How long a diagnosis may be silent before it is looked at.
const A_LOOK: Duration = Duration::from_millis(500);

/// How long it may be held up for more, where there are hints already.
const ENOUGH: Duration = Duration::from_secs(1);

/// How long a text may become while the diagnosis is behind, in bytes; what comes then is dropped.
const MOST_WAITING: usize = 1024 * 1024;

/// The most that the diagnosis may say before the relay has written it, in bytes.
const MOST_SAID: usize = 4 * 1024 * 1024;

/// Makes sense of what a command writes. It runs in a process of its own; whatever happens there ends the diagnosis and
/// nothing else.
pub trait Observer {
    /// Text that could tell of a failure, with its surroundings, and who was there when it was read.
    fn text(&mut self, text: &[u8], scene: &Scene);

    /// More text waits: what may be said before that is looked at, if anything.
    fn early(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// The command could not be started: execve(2) answered this errno. Nothing else will come but the end.
    fn not_started(&mut self, errno: i32);

    /// Stderr has been silent for a moment: what is to be said now, if anything.
    fn quiet(&mut self) -> Vec<u8>;

    /// The command has ended, and the last text has been given: the last words, if any. Reports are written here.
    fn end(&mut self, exit: Exit) -> Vec<u8>;
}

/// Makes the observer, in its own process, when it is first needed. Stderr is still the command's there.
pub type MakeObserver = Box<dyn FnOnce() -> Box<dyn Observer>>;

/// The relay's side of the diagnosis.
#[derive(Debug)]
pub struct Diagnosis {
    helper: Helper,
    socket: OwnedFd,
    /// What was not sent yet: whole messages, the first perhaps in part.
    out: Vec<u8>,
    /// Text that waits until there is nothing else to be sent, and who was there.
    waiting: Option<(Vec<u8>, Arc<Scene>)>,
    /// Who was there by what was sent last.
    told: Option<Arc<Scene>>,
    /// What was received, the last message perhaps in part.
    received: Vec<u8>,
    hints: Vec<u8>,
    /// When there was progress last.
    moved: Instant,
    over: bool,
    /// Whether all that it was told of is worked out, as far as it will be before the end.
    rests: bool,
}

impl Diagnosis {
    /// Starts it. `None` when there is no process to be had: the command runs on all the same.
    ///
    /// Of the wrapper's descriptors it keeps none, but for those that the command was started with where a report is
    /// wanted, which may go to one of them; `own` are the ones that it then closes.
    pub fn start(make: MakeObserver, report: bool, own: &[RawFd]) -> Option<Diagnosis> {
        let (socket, theirs) = sys::stream().ok()?;
        // SAFETY: the wrapper has one thread.
        let helper = unsafe { Helper::start(|| child::serve(make, &theirs, report, own)) }?;
        Some(Diagnosis {
            helper,
            socket,
            out: Vec::new(),
            waiting: None,
            told: None,
            received: Vec::new(),
            hints: Vec::new(),
            moved: Instant::now(),
            over: false,
            rests: false,
        })
    }

    /// Hands a text on. When the diagnosis is behind, texts are joined; when it is too far behind, they are dropped.
    pub fn text(&mut self, text: Vec<u8>, scene: Arc<Scene>) {
        self.rests = false;
        match &mut self.waiting {
            Some((waiting, latest)) if waiting.len() < MOST_WAITING => {
                waiting.extend_from_slice(&text);
                *latest = scene;
            }
            Some(_) => {}
            None => self.waiting = Some((text, scene)),
        }
    }

    /// The command has ended: asks for the last words.
    pub fn end(&mut self, exit: Exit) {
        self.put_waiting();
        wire::put_end(&mut self.out, exit);
        self.moved = Instant::now();
    }

    /// For poll(2): what is to be waited for.
    #[must_use]
    pub fn watched(&self) -> libc::pollfd {
        let behind = !self.out.is_empty() || self.waiting.is_some();
        let events = libc::POLLIN | if behind { libc::POLLOUT } else { 0 };
        let socket = (!self.over).then(|| self.socket.as_fd());
        sys::watch(socket, events)
    }

    /// Sends and receives what goes without waiting.
    pub fn exchange(&mut self) {
        while !self.over && self.send() {}
        while !self.over && self.receive() {}
    }

    /// Sends something; false where that has to wait.
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

    /// Receives something; false where that has to wait.
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

    /// Nothing more will come.
    fn is_lost(&mut self) -> bool {
        self.over = true;
        false
    }

    fn put_waiting(&mut self) {
        let Some((text, scene)) = self.waiting.take() else {
            return;
        };
        if !self
            .told
            .as_ref()
            .is_some_and(|told| Arc::ptr_eq(told, &scene))
        {
            wire::put_scene(&mut self.out, &scene);
            self.told = Some(scene);
        }
        wire::put_text(&mut self.out, &text);
    }

    /// Takes the hints that wait.
    #[must_use]
    pub fn take_hints(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.hints)
    }

    /// Whether all that it was told of is worked out, so that nothing of it need be held any longer: asked once for each time.
    #[must_use]
    pub fn is_done_for_now(&mut self) -> bool {
        let behind = !self.out.is_empty() || self.waiting.is_some();
        let done = std::mem::take(&mut self.rests) && !behind;
        if done {
            self.told = None;
        }
        done
    }

    /// Whether the last words have been said, or never will be.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether it is worth waiting on for the last words, `since` they were asked for, with some hints there or none yet.
    /// However slow the machine is, one that works is waited for.
    #[must_use]
    pub fn deserves_patience(&mut self, since: Instant, some: bool, report: bool) -> bool {
        let most = match (some, report) {
            (true, _) => ENOUGH,
            (false, true) => DEADLINE_OF_REPORT,
            (false, false) => DEADLINE,
        };
        if self.moved.elapsed() >= A_LOOK && self.helper.works() {
            self.moved = Instant::now();
        }
        since.elapsed() < most && self.moved.elapsed() < STANDSTILL
    }

    /// Ends it.
    pub fn dismiss(self) {
        self.helper.dismiss();
    }
}

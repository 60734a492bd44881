//! The thread in which what was read is made sense of: started at the first text that could matter, fed through a bounded
//! queue, never waited for but at the end, and then not for long.
//!
//! Its timers and its queue are tokio's. The runtime is built in this thread, after the command was started; the relay
//! itself is a plain poll(2), since a runtime shows in the time it takes to start.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::exit::Exit;
use super::scene::Scene;
use super::sys;

/// How long stderr has to be silent before a hint may follow.
pub const SILENCE: Duration = Duration::from_millis(150);

/// How long the end of a run may be held up for the last words, in milliseconds: a dead network file system may keep the diagnosis for ever.
pub const DEADLINE: i32 = 2000;

/// How many texts may wait to be looked at; those that come then are joined to one.
const WAITING: usize = 64;

/// How long a joined text may become, in bytes; what comes then is dropped.
const JOINED: usize = 4 * 1024 * 1024;

/// Makes sense of what a command writes. It runs in a thread of its own; a panic in it ends the diagnosis and nothing else.
pub trait Observer: Send {
    /// Text that could tell of a failure, with its surroundings, and who was there when it was read.
    fn text(&mut self, text: &[u8], scene: &Scene);

    /// Stderr has been silent for a moment: what is to be said now, if anything.
    fn quiet(&mut self) -> Vec<u8>;

    /// The command has ended, and the last text has been given: the last words, if any. Reports are written here.
    fn end(&mut self, exit: Exit) -> Vec<u8>;
}

/// Makes the observer, in its own thread, when it is first needed.
pub type MakeObserver = Box<dyn FnOnce() -> Box<dyn Observer> + Send>;

enum Word {
    Text(Vec<u8>, Arc<Scene>),
    End(Exit),
}

/// What the thread and the relay share.
struct Shared {
    /// Hints to be written at the next safe moment.
    words: Mutex<Vec<u8>>,
    /// Whether the observer has said its last words, or failed.
    over: AtomicBool,
    /// When stderr last spoke, in milliseconds since `epoch`.
    spoke: AtomicU64,
    epoch: Instant,
    /// Readable when there are words, or when it is over.
    wake: OwnedFd,
}

/// The relay's side of the diagnosis.
pub struct Diagnosis {
    queue: mpsc::Sender<Word>,
    shared: Arc<Shared>,
    /// What the queue had no room for.
    joined: Option<(Vec<u8>, Arc<Scene>)>,
}

impl Diagnosis {
    /// Starts the thread. `None` when there is no thread to be had: the command runs on all the same.
    pub fn start(make: MakeObserver) -> Option<Diagnosis> {
        let (queue, words) = mpsc::channel(WAITING);
        let shared = Arc::new(Shared {
            words: Mutex::new(Vec::new()),
            over: AtomicBool::new(false),
            spoke: AtomicU64::new(0),
            epoch: Instant::now(),
            wake: sys::event_descriptor().ok()?,
        });
        let theirs = Arc::clone(&shared);
        let body = move || {
            // The panic's own message would be one more line on the command's stderr.
            panic::set_hook(Box::new(|_| {}));
            let _ = panic::catch_unwind(AssertUnwindSafe(|| observe(make, words, &theirs)));
            theirs.over.store(true, SeqCst);
            sys::raise_event(&theirs.wake);
        };
        std::thread::Builder::new()
            .name("diagnosis".into())
            .spawn(body)
            .ok()?;
        Some(Diagnosis {
            queue,
            shared,
            joined: None,
        })
    }

    /// Hands a text on. When the thread is far behind, texts are joined; when it is too far behind, they are dropped.
    pub fn text(&mut self, text: Vec<u8>, scene: Arc<Scene>) {
        self.spoke();
        match &mut self.joined {
            Some((joined, latest)) if joined.len() < JOINED => {
                joined.extend_from_slice(&text);
                *latest = scene;
            }
            Some(_) => {}
            None => self.joined = Some((text, scene)),
        }
        self.hand_on();
    }

    /// Hands on what the queue had no room for; whether it has now.
    pub fn hand_on(&mut self) -> bool {
        if let Some((text, scene)) = self.joined.take()
            && let Err(mpsc::error::TrySendError::Full(Word::Text(text, scene))) =
                self.queue.try_send(Word::Text(text, scene))
        {
            self.joined = Some((text, scene));
        }
        self.joined.is_none()
    }

    /// Stderr spoke just now.
    pub fn spoke(&self) {
        self.shared
            .spoke
            .store(self.shared.epoch.elapsed().as_millis() as u64, SeqCst);
    }

    /// How long stderr has been silent.
    #[must_use]
    pub fn silence(&self) -> Duration {
        silence(&self.shared)
    }

    /// Readable when there are words to be taken.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.shared.wake.as_raw_fd()
    }

    /// Takes the words that wait.
    #[must_use]
    pub fn take_words(&self) -> Vec<u8> {
        sys::clear_event(&self.shared.wake);
        std::mem::take(
            &mut *self
                .shared
                .words
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// The command has ended: asks for the last words. Where the queue is full there is a reader who makes room, but it is
    /// not waited for beyond the deadline.
    pub fn end(&mut self, exit: Exit) {
        let limit = Instant::now() + Duration::from_millis(DEADLINE as u64);
        while !self.hand_on()
            || matches!(
                self.queue.try_send(Word::End(exit)),
                Err(mpsc::error::TrySendError::Full(_))
            )
        {
            if Instant::now() > limit || self.is_over() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether the last words have been said.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.shared.over.load(SeqCst)
    }
}

fn silence(shared: &Shared) -> Duration {
    let spoke = Duration::from_millis(shared.spoke.load(SeqCst));
    shared.epoch.elapsed().saturating_sub(spoke)
}

fn observe(make: MakeObserver, mut queue: mpsc::Receiver<Word>, shared: &Shared) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
    else {
        return;
    };
    let mut observer = make();
    let say = |bytes: Vec<u8>| {
        if !bytes.is_empty() {
            shared
                .words
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(&bytes);
            sys::raise_event(&shared.wake);
        }
    };
    runtime.block_on(async {
        let mut unsaid = false;
        loop {
            let word = if unsaid {
                let left = SILENCE.saturating_sub(silence(shared));
                match tokio::time::timeout(left, queue.recv()).await {
                    Ok(word) => word,
                    Err(_) if silence(shared) < SILENCE => continue,
                    Err(_) => {
                        say(observer.quiet());
                        unsaid = false;
                        continue;
                    }
                }
            } else {
                queue.recv().await
            };
            match word {
                Some(Word::Text(text, scene)) => {
                    observer.text(&text, &scene);
                    unsaid = true;
                }
                Some(Word::End(exit)) => return say(observer.end(exit)),
                None => return,
            }
        }
    });
}

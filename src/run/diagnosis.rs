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

/// How long the end of a run may be held up without any progress of the diagnosis: a dead network file system may keep it
/// for ever.
const STANDSTILL: Duration = Duration::from_secs(2);

/// How long the end of a run may be held up at all.
const DEADLINE: Duration = Duration::from_secs(10);

/// How much text the observer is given at once, in bytes, so that progress shows.
const PIECE: usize = 16 * 1024;

/// How many texts may wait to be looked at; those that come then are joined to one. Each may be a joined one, so that
/// their number bounds the memory.
const WAITING: usize = 1;

/// How long a joined text may become, in bytes; what comes then is dropped.
const JOINED: usize = 1024 * 1024;

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
    /// How many pieces of text the observer is done with.
    progress: AtomicU64,
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
            progress: AtomicU64::new(0),
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

    /// The command has ended: asks for the last words. False while the queue has no room for that yet.
    pub fn end(&mut self, exit: Exit) -> bool {
        self.hand_on()
            && !matches!(
                self.queue.try_send(Word::End(exit)),
                Err(mpsc::error::TrySendError::Full(_))
            )
    }

    /// How long the last words are waited for, from now on.
    #[must_use]
    pub fn patience(&self) -> Patience {
        let now = Instant::now();
        Patience {
            since: now,
            moved: now,
            progress: self.shared.progress.load(SeqCst),
        }
    }

    /// Whether the last words have been said.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.shared.over.load(SeqCst)
    }
}

/// How long something is waited for that may never come.
pub struct Patience {
    since: Instant,
    moved: Instant,
    progress: u64,
}

impl Patience {
    /// Whether it is worth waiting on.
    pub fn lasts(&mut self, diagnosis: &Diagnosis) -> bool {
        let progress = diagnosis.shared.progress.load(SeqCst);
        if progress != self.progress {
            self.progress = progress;
            self.moved = Instant::now();
        }
        self.moved.elapsed() < STANDSTILL && self.since.elapsed() < DEADLINE
    }
}

/// A text in pieces, cut at line ends where there are any.
fn pieces(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let most = &rest[..rest.len().min(PIECE)];
        let cut = match memchr::memrchr(b'\n', most) {
            Some(at) if most.len() < rest.len() => at + 1,
            _ => most.len(),
        };
        let (piece, after) = rest.split_at(cut);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
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
                    for piece in pieces(&text) {
                        observer.text(piece, &scene);
                        shared.progress.fetch_add(1, SeqCst);
                    }
                    unsaid = true;
                }
                Some(Word::End(exit)) => return say(observer.end(exit)),
                None => return,
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::{PIECE, pieces};

    #[test]
    fn a_long_text_is_cut_at_line_ends() {
        let text = b"0123456789abcd\n".repeat(3000);
        let cut: Vec<&[u8]> = pieces(&text).collect();
        assert!(
            cut.iter()
                .all(|piece| piece.len() <= PIECE && piece.ends_with(b"\n"))
        );
        assert_eq!(cut.concat(), text);
    }

    #[test]
    fn a_line_longer_than_a_piece_is_cut_anywhere() {
        let text = b"x".repeat(3 * PIECE + 1);
        assert_eq!(
            pieces(&text).map(<[u8]>::len).collect::<Vec<_>>(),
            [PIECE, PIECE, PIECE, 1]
        );
    }
}

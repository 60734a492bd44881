//! The diagnosis's own side: a loop that passes texts to the observer and sends back its answers.
//!
//! It uses tokio for its timer and queue. The relay itself is a plain poll(2) loop, because starting a runtime takes noticeable
//! time.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::wire::{self, Answer, Word};
use super::{MakeObserver, Observer, SILENCE, SignOfLife};
use crate::run::scene::Scene;
use crate::run::sys;

/// How much text is passed to the observer at a time, in bytes. A piece holds a few failures, so that progress is visible.
const PIECE: usize = 512;

/// Serves the relay, its parent process, until the command has ended or the relay is gone. If a report is wanted, only the
/// wrapper's `own` descriptors are closed, because the report may be written to one of the others.
pub fn serve(make: MakeObserver, socket: &OwnedFd, report: bool, own: &[RawFd]) {
    let Ok(socket) = sys::beyond_standard_streams(socket) else {
        return;
    };
    // SAFETY: this process uses no other descriptor, and ends after this function.
    unsafe {
        if report {
            sys::close_all(own);
        } else {
            sys::keep_only(&[2, socket.as_raw_fd()]);
        }
    }
    // Whoever reads the command's stderr to its end must not have to wait for this process. A terminal is asked for its colors
    // first.
    if !report && !sys::is_terminal(sys::stderr()) {
        sys::silence_standard_streams();
    }
    let mut observer = make();
    if let Ok(socket) = socket.try_clone() {
        observer.may_wait(SignOfLife(socket));
    }
    if !report {
        sys::silence_standard_streams();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    if let Ok(runtime) = runtime {
        // An error means that the relay is gone.
        let _ = runtime.block_on(observe(observer, socket));
    }
}

async fn observe(mut observer: Box<dyn Observer>, socket: OwnedFd) -> io::Result<()> {
    let (incoming, outgoing) = UnixStream::from_std(socket.into())?.into_split();
    let mut relay = Relay(outgoing);
    let (queue, mut words) = mpsc::channel(1);
    tokio::spawn(listen(incoming, queue));
    let mut scene = Scene::default();
    let mut unsaid = false;
    loop {
        let word = if unsaid {
            match timeout(SILENCE, words.recv()).await {
                Ok(word) => word,
                Err(_) => {
                    relay.say(observer.quiet()).await?;
                    // The scene holds file systems open, which would keep them from being unmounted.
                    scene = Scene::default();
                    relay.answer(&Answer::Rest).await?;
                    unsaid = false;
                    continue;
                }
            }
        } else {
            words.recv().await
        };
        match word {
            Some(Word::Scene(now)) => scene = now,
            Some(Word::Text(stream, text)) => {
                for piece in pieces(&text) {
                    observer.text(stream, piece, &scene);
                    relay.answer(&Answer::Progress).await?;
                    relay.say(observer.early()).await?;
                }
                unsaid = true;
            }
            Some(Word::End(exit)) => {
                relay.say(observer.end(exit)).await?;
                return relay.answer(&Answer::Over).await;
            }
            None => return Ok(()),
        }
    }
}

/// Reads messages from the relay until there are no more.
async fn listen(mut relay: OwnedReadHalf, queue: mpsc::Sender<Word>) -> io::Result<()> {
    loop {
        let mut header = [0; wire::HEADER];
        relay.read_exact(&mut header).await?;
        let (tag, length) = wire::header(header);
        let mut body = vec![0; length];
        relay.read_exact(&mut body).await?;
        let Some(word) = Word::read(tag, body) else {
            return Ok(());
        };
        if queue.send(word).await.is_err() {
            return Ok(());
        }
    }
}

/// The connection on which answers are sent.
struct Relay(OwnedWriteHalf);

impl Relay {
    async fn say(&mut self, hints: Vec<u8>) -> io::Result<()> {
        if hints.is_empty() {
            return Ok(());
        }
        self.answer(&Answer::Hints(hints)).await
    }

    async fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        self.0.write_all(&answer.to_bytes()).await
    }
}

/// Splits a text into pieces, at line ends where possible.
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

#[cfg(test)]
mod tests {
    use super::{PIECE, pieces};

    #[test]
    fn a_text_is_cut_at_line_ends() {
        let text = b"a line of text\n".repeat(100);
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
        let lengths: Vec<usize> = pieces(&text).map(<[u8]>::len).collect();
        assert_eq!(lengths, [PIECE, PIECE, PIECE, 1]);
    }
}

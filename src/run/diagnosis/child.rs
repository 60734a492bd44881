//! The diagnosis's own side: a loop that gives texts to the observer and answers with what that has to say.
//!
//! Its timers and its queue are tokio's. The relay itself is a plain poll(2), since a runtime shows in the time it takes to
//! start.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::wire::{self, Answer, Word};
use super::{MakeObserver, Observer, SILENCE};
use crate::run::scene::Scene;
use crate::run::sys;

/// How much text the observer is given at once, in bytes, so that progress shows: a few failures.
const PIECE: usize = 512;

/// Serves the relay, which is the parent, until the command has ended or the relay is gone. Where a report is wanted only
/// the wrapper's `own` descriptors are closed: it may go to one of the others.
pub fn serve(make: MakeObserver, socket: &OwnedFd, report: bool, own: &[RawFd]) {
    let Ok(socket) = sys::beyond_standard_streams(socket) else {
        return;
    };
    // SAFETY: nothing in this process uses any other descriptor: it does what follows and then ends.
    unsafe {
        if report {
            sys::close_all(own);
        } else {
            sys::keep_only(&[2, socket.as_raw_fd()]);
        }
    }
    // Whoever reads what the command wrote to stderr is not to wait for this process. A terminal is asked for its colors first.
    if !report && !sys::is_terminal(sys::stderr()) {
        sys::silence_standard_streams();
    }
    let observer = make();
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
                    // Nobody is to be kept from unmounting what the processes of then saw.
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
            Some(Word::Text(text)) => {
                for piece in pieces(&text) {
                    observer.text(piece, &scene);
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

/// Reads what the relay tells until it tells nothing more.
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

/// Where the answers go.
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

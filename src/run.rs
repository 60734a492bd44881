//! The wrapper itself: the command runs as it would without permwrap, and what it writes to stderr is inspected in passing.
//!
//! The command is started first, with everything it would have inherited. Then a plain poll(2) loop relays its stderr, forwards
//! signals and waits for its end. Only text that may report a failure starts a [`diagnosis`], in a separate process. Nothing
//! ever waits for the diagnosis, except briefly at the end.
//!
//! All resources that may be refused are acquired before the command is started; if one cannot be had, the wrapper becomes the
//! command. After that nothing here needs further resources, so that the command never suffers from a failure on permwrap's
//! side.
//!
//! How stderr is intercepted, and stdout if it is watched as well, depends on the wrapper's own stream:
//!
//! - closed, not writable, or `/dev/null` while no report is wanted: not at all. If that is stderr, the wrapper becomes the
//!   command.
//! - a regular file: not at all. The command inherits it, and the wrapper reads back what was written.
//! - a pipe, FIFO or socket: a packet-mode pipe.
//! - a terminal: a pseudo-terminal for the command.
//!
//! If stdout and stderr are the same file, pipe or terminal, they share one channel, so that their order is kept. Hints always
//! go to stderr.

pub mod diagnosis;
pub mod exit;
pub mod scene;
pub mod trace;

mod channels;
mod column;
mod file;
mod helper;
mod memory;
mod pipe;
mod prompt;
mod round;
mod sentinel;
mod signals;
mod spawn;
mod stream;
mod sys;
mod terminal;
mod watch;
mod wording;

use std::os::fd::{AsRawFd, RawFd};

pub use diagnosis::{MakeObserver, Observer, SignOfLife};
pub use exit::Exit;
pub use memory::{Allocator, on_enough_stack};
pub use round::round;
pub use scene::Scene;
pub use spawn::{Command, Words};
pub use stream::Stream;

use channels::Channels;
use exit::{become_the_command, code_of, message};
use signals::Inbox;
use spawn::{Inherited, NotStarted, spawn};
use stream::{Goal, are_one};
use terminal::{Started, Terminal};
use watch::Watch;

use crate::complaint::complain;

/// Those options of a run that affect the wrapper.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// A report is wanted: the command is watched even if nobody reads its stderr, and the observer is always asked for its
    /// last words.
    pub report: bool,
    /// No hints are wanted.
    pub quiet: bool,
    /// Leave the terminal to the command, without a pseudo-terminal in between.
    pub no_pty: bool,
    /// Watch stdout as well as stderr.
    pub stdout: bool,
    /// Trace system calls, and write the refused ones into this log.
    pub trace: Option<trace::Log>,
    /// Returns the literals that the user's own patterns require. It is called when the command first writes something, in a
    /// separate process.
    pub literals: Option<fn() -> Vec<Vec<u8>>>,
}

/// Runs the command and terminates as it terminated. `make` creates the observer, once one is needed.
///
/// Must be called while the process has a single thread.
pub fn run(command: &Command, options: Options, make: MakeObserver) -> ! {
    // Before anything that takes much of it.
    match memory::is_stack_enough() && memory::put_aside() {
        true => run_watched(command, options, make),
        false => become_the_command(command),
    }
}

fn run_watched(command: &Command, options: Options, make: MakeObserver) -> ! {
    let stderr = Stream::Stderr.goal(options);
    if stderr == Goal::Nowhere || (options.quiet && !options.report) {
        become_the_command(command);
    }
    let stdout = match options.stdout && !are_one() {
        true => Stream::Stdout.goal(options),
        false => Goal::Nowhere,
    };
    let stdout = match stdout {
        Goal::Terminal if options.no_pty || !terminal::is_replaceable(Stream::Stdout) => {
            Goal::Nowhere
        }
        stdout => stdout,
    };
    if options.no_pty && stderr == Goal::Terminal {
        complain("--no-pty: the terminal is left alone, nothing is watched");
        become_the_command(command);
    }
    let Ok(channels) = Channels::new(stdout, stderr) else {
        become_the_command(command);
    };
    match (stdout, stderr) {
        (_, Goal::Terminal) => run_on_terminal(command, options, make, (Stream::Stderr, channels)),
        (Goal::Terminal, _) => run_on_terminal(command, options, make, (Stream::Stdout, channels)),
        _ => run_through(command, options, make, channels),
    }
}

/// The resources that the wrapper needs while the command runs. They are acquired before the command is started; if a limit or
/// a sandbox refuses one of them, the wrapper becomes the command instead.
struct Ready {
    inherited: Inherited,
    inbox: Inbox,
}

impl Ready {
    fn or_become(command: &Command, options: Options) -> Ready {
        if !sys::can_mind_children() {
            become_the_command(command);
        }
        // It gets ready while the rest is prepared.
        if let Some(tracing) = options.trace.and_then(trace::start) {
            command.trace(tracing);
        }
        let Ok(inherited) = Inherited::set_aside() else {
            command.end_tracer();
            become_the_command(command);
        };
        let Ok(inbox) = Inbox::open() else {
            command.end_tracer();
            inherited.put_back();
            become_the_command(command);
        };
        Ready { inherited, inbox }
    }

    fn become_the_command(self, command: &Command) -> ! {
        command.end_tracer();
        self.inbox.close();
        self.inherited.put_back();
        become_the_command(command)
    }

    /// Closes the descriptors that only the command needs, so that its stdin and stdout are really closed once it closes them.
    /// If a report is wanted, they stay open, because it may be written to one of them. The wrapper goes on writing to `streams`
    /// and to stderr. Returns the wrapper's own descriptors: `own` and that of `self`.
    fn let_go(&self, options: Options, streams: &[Stream], own: &[RawFd]) -> Vec<RawFd> {
        let own = [own, &[self.inbox.descriptor().as_raw_fd()]].concat();
        if !options.report {
            let streams: Vec<RawFd> = streams.iter().map(|stream| stream.number()).collect();
            // SAFETY: only those of the wrapper's own objects that are passed in are used afterwards, and their descriptors are
            // kept.
            unsafe { sys::keep_only(&[&[2], &streams[..], &own[..]].concat()) };
        }
        own
    }

    /// The command could not be executed: reports why, along with the observer's explanation.
    fn fail(self, command: &Command, errno: i32, options: Options, make: MakeObserver) -> ! {
        let line = message(command.name().to_bytes(), errno);
        let _ = sys::write(sys::stderr(), &line);
        let exit = Exit::with_code(code_of(errno));
        let own = self.let_go(options, &[], &[]);
        let make: MakeObserver = Box::new(move || {
            let mut observer = make();
            observer.not_started(errno);
            observer
        });
        let mut watch = Watch::new(make, options, std::process::id() as i32, [None, None], own);
        // No output has started the diagnosis, so it is started explicitly.
        watch.start();
        let _ = sys::write(sys::stderr(), &watch.last_words(exit, &self.inbox));
        self.inbox.close();
        command.reap_tracer();
        exit.repeat()
    }
}

fn run_on_terminal(
    command: &Command,
    options: Options,
    make: MakeObserver,
    (stream, channels): (Stream, Channels),
) -> ! {
    // The terminal is not the controlling one: there is nothing to intercept.
    if !terminal::is_replaceable(stream) {
        become_the_command(command);
    }
    let ready = Ready::or_become(command, options);
    let streams: Vec<Stream> = channels.outlets().collect();
    let Started {
        terminal,
        command: pid,
        channels,
    } = match Terminal::start(command, ready.inherited, stream, channels) {
        Ok(started) => started,
        Err(NotStarted::NoProcess) => ready.become_the_command(command),
        Err(NotStarted::NotExecuted(errno)) => ready.fail(command, errno, options, make),
    };
    let own = ready.let_go(options, &streams, &terminal.descriptors());
    let mut watch = Watch::new(make, options, pid, channels, own);
    let exit = terminal.relay(ready.inbox, &mut watch);
    command.reap_tracer();
    exit.repeat()
}

fn run_through(command: &Command, options: Options, make: MakeObserver, channels: Channels) -> ! {
    let ready = Ready::or_become(command, options);
    let pid = match spawn(command, ready.inherited, &mut || channels.connect()) {
        Ok(pid) => pid,
        Err(NotStarted::NoProcess) => ready.become_the_command(command),
        Err(NotStarted::NotExecuted(errno)) => ready.fail(command, errno, options, make),
    };
    let streams: Vec<Stream> = channels.outlets().collect();
    let own: Vec<RawFd> = channels.descriptors().collect();
    let own = ready.let_go(options, &streams, &own);
    let mut watch = Watch::new(make, options, pid, channels.links(), own);
    let exit = channels.relay(pid, ready.inbox, &mut watch);
    command.reap_tracer();
    exit.repeat()
}

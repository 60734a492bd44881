//! The wrapper itself: the command runs as it would run alone, and what it writes to stderr is looked at in passing.
//!
//! The command is started first, with everything it would have inherited; then a plain poll(2) relays its stderr, passes
//! signals on and waits for its end. Only a text that could tell of a failure starts a [`diagnosis`], in a thread of its
//! own, and nothing ever waits for that but the end, for a moment.
//!
//! Which channel stands between, by what the wrapper's own stderr is:
//!
//! - closed, not to be written to, or `/dev/null` while no report is wanted: none. The wrapper becomes the command.
//! - a regular file: none. The command keeps it, and the wrapper reads back what was written.
//! - a pipe, FIFO or socket: a packet-mode pipe.
//! - a terminal: a terminal of the command's own.

pub mod diagnosis;
pub mod exit;
pub mod scene;

mod column;
mod file;
mod pipe;
mod sentinel;
mod signals;
mod spawn;
mod sys;
mod terminal;
mod watch;

use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;

use nix::libc;

pub use diagnosis::{MakeObserver, Observer};
pub use exit::Exit;
pub use scene::Scene;
pub use spawn::Command;

use exit::{become_the_command, code_of, message};
use file::File;
use pipe::{Outlet, Pipe};
use sentinel::Sentinel;
use signals::Inbox;
use spawn::{Inherited, NotStarted, spawn};
use terminal::{Started, Terminal};
use watch::Watch;

/// What of a run concerns the wrapper.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// A report is wanted: the command is watched even where nobody reads its stderr, and the observer is always asked
    /// for its last words.
    pub report: bool,
    /// No hints are wanted.
    pub quiet: bool,
    /// Leave a terminal alone.
    pub no_pty: bool,
}

/// Runs the command and ends as it ended. `make` makes the observer, when one is needed.
///
/// Must be called while the process has one thread.
pub fn run(command: &Command, options: Options, make: MakeObserver) -> ! {
    let Some(stderr) = sys::stat(2) else {
        become_the_command(command, None);
    };
    if !sys::is_writable(2) || (options.quiet && !options.report) {
        become_the_command(command, None);
    }
    let kind = stderr.st_mode & libc::S_IFMT;
    match kind {
        libc::S_IFREG => match File::behind_stderr() {
            Ok(file) => run_beside_file(command, options, make, file),
            Err(_) => run_through_pipe(command, options, make, &stderr),
        },
        libc::S_IFIFO | libc::S_IFSOCK if !sys::reader_is_gone(2) => {
            run_through_pipe(command, options, make, &stderr)
        }
        libc::S_IFCHR if sys::is_terminal(2) => run_on_terminal(command, options, make),
        libc::S_IFCHR if options.report => run_through_pipe(command, options, make, &stderr),
        _ => become_the_command(command, None),
    }
}

fn run_on_terminal(command: &Command, options: Options, make: MakeObserver) -> ! {
    if options.no_pty {
        let _ = sys::write(
            2,
            b"permwrap: --no-pty: the terminal is left alone, nothing is watched\n",
        );
        become_the_command(command, None);
    }
    // Somebody else's terminal, or none to be had: nothing can be watched there.
    if !terminal::is_replaceable() {
        become_the_command(command, None);
    }
    let Ok((started, sentinel)) = Terminal::start(command) else {
        become_the_command(command, None);
    };
    let Started {
        terminal,
        command,
        channel,
    } = match started {
        Ok(started) => started,
        Err(failure) => fail(command, failure, options, make),
    };
    let_go(options, &terminal.descriptors());
    let Ok(inbox) = Inbox::open(sentinel) else {
        sys::exit(125);
    };
    let mut watch = Watch::new(make, options.report, command, channel);
    terminal.relay(&inbox, &mut watch).repeat()
}

/// Closes what only the command needs, so that its stdin and stdout are closed when it closes them. Not where a report is
/// wanted: it may go to one of them.
fn let_go(options: Options, kept: &[RawFd]) {
    if !options.report {
        sys::keep_only(&[&[2], kept].concat());
    }
}

fn run_beside_file(command: &Command, options: Options, make: MakeObserver, file: File) -> ! {
    let inherited = Inherited::set_aside();
    let sentinel = Sentinel::start();
    let pid = match spawn(command, inherited, &mut || {}) {
        Ok(pid) => pid,
        Err(failure) => fail(command, failure, options, make),
    };
    let_go(options, &file.descriptors());
    let Ok(inbox) = Inbox::open(sentinel) else {
        wait_only(pid);
    };
    let mut watch = Watch::new(make, options.report, pid, sys::link_of(2));
    file.follow(pid, &inbox, &mut watch).repeat()
}

fn run_through_pipe(
    command: &Command,
    options: Options,
    make: MakeObserver,
    stderr: &libc::stat,
) -> ! {
    let stdout_too =
        sys::stat(1).is_some_and(|out| (out.st_dev, out.st_ino) == (stderr.st_dev, stderr.st_ino));
    let Ok((source, sink)) = sys::packet_pipe() else {
        become_the_command(command, None);
    };
    let inherited = Inherited::set_aside();
    let sentinel = Sentinel::start();
    let started = spawn(command, inherited, &mut || {
        sys::duplicate(&sink, 2);
        if stdout_too {
            sys::duplicate(&sink, 1);
        }
    });
    let pid = match started {
        Ok(pid) => pid,
        Err(failure) => fail(command, failure, options, make),
    };
    let_go(options, &[source.as_raw_fd(), sink.as_raw_fd()]);
    let Ok(inbox) = Inbox::open(sentinel) else {
        wait_only(pid);
    };
    let mut watch = Watch::new(make, options.report, pid, sys::link_of(source.as_raw_fd()));
    Pipe::new((source, sink), Outlet::stderr(stderr.st_mode))
        .relay(pid, &inbox, &mut watch)
        .repeat()
}

/// The command is not running: says why, and what the observer makes of it.
fn fail(command: &Command, failure: NotStarted, options: Options, make: MakeObserver) -> ! {
    let line = message(command.name().to_bytes(), failure);
    let _ = sys::write(2, &line);
    let exit = Exit::with_code(code_of(failure));
    let mut watch = Watch::new(
        make,
        options.report,
        std::process::id() as i32,
        None::<PathBuf>,
    );
    watch.see(&line);
    let _ = sys::write(2, &watch.last_words(exit, None));
    exit.repeat()
}

/// The kernel has no descriptor left for the wrapper: the command runs all the same, unwatched.
fn wait_only(command: i32) -> ! {
    loop {
        match sys::wait_for(command) {
            sys::Change::Exited(code) => Exit::with_code(code).repeat(),
            sys::Change::Killed(signal) => Exit::by_signal(signal).repeat(),
            _ => {}
        }
    }
}

//! Runs a command without and with permwrap, with the same fault injected before execution.

use std::fmt;
use std::io::{Read, Seek};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};

use crate::support;
use crate::support::share;

/// How long a run may take before it counts as hanging: far more than it needs even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A command that fails: it writes to stdout, then a refusal and another line to stderr, and exits with a fixed status.
pub const COMMAND: &str =
    "echo out; echo 'cat: /nowhere/at/all: Permission denied' >&2; echo last >&2; exit 7";

/// Where permwrap remembers these runs.
const STATE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/state");

/// The type of stderr, which determines how the command is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    Pipe,
    File,
    Terminal,
}

impl Channel {
    pub const ALL: [Channel; 3] = [Channel::Pipe, Channel::File, Channel::Terminal];
}

/// What is done to a process before execution. It may only make system calls, because it runs in a forked child.
pub type Fault = Arc<dyn Fn() -> std::io::Result<()> + Send + Sync>;

/// No fault.
pub fn none() -> Fault {
    Arc::new(|| Ok(()))
}

/// The observable result of a run.
pub struct Seen {
    pub status: ExitStatus,
    /// All output; on a terminal, that of stdout and stderr together.
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy;
        let (out, err) = (text(&self.stdout), text(&self.stderr));
        write!(
            f,
            "{}\n-- stdout --\n{out}\n-- stderr --\n{err}",
            self.status
        )
    }
}

impl Seen {
    /// Whether both runs ended in the same way, and the command wrote the same.
    pub fn is_like(&self, bare: &Seen) -> bool {
        let end = |seen: &Seen| (seen.status.code(), seen.status.signal());
        end(self) == end(bare)
            && of_the_command(&self.stdout) == bare.stdout
            && of_the_command(&self.stderr) == bare.stderr
    }
}

/// The output without permwrap's own lines: hints, which are lines of JSON here and may come in any pause, and remarks.
fn of_the_command(output: &[u8]) -> Vec<u8> {
    let lines = output.split_inclusive(|byte| *byte == b'\n');
    let is_own = |line: &[u8]| line.starts_with(b"{") || line.starts_with(b"permwrap: ");
    lines
        .filter(|line| !is_own(line))
        .flatten()
        .copied()
        .collect()
}

/// A run in progress.
pub struct Running {
    /// The program that was started or, on a terminal, its parent (see [`lead_session`]), which ends as it does.
    child: Child,
    /// The user's end of its terminal, if it has one.
    pub user: std::fs::File,
    stdout: JoinHandle<Vec<u8>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    file: Option<std::fs::File>,
    channel: Channel,
    what: String,
}

/// Starts the script with permwrap, whose hints are lines of JSON.
pub fn start_wrapped(script: &str, channel: Channel, fault: &Fault) -> Running {
    let permwrap = support::permwrap().display().to_string();
    let words = [&permwrap, "--hints", "json", "--", "/bin/sh", "-c", script];
    start(&words, channel, fault)
}

/// Starts the command in a process group of its own or, on a terminal, in a session of its own.
pub fn start(words: &[&str], channel: Channel, fault: &Fault) -> Running {
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .env("XDG_STATE_HOME", STATE)
        .stdin(Stdio::null());
    let what = format!("{channel:?}: {}", words.join(" "));
    let fault = Arc::clone(fault);
    let mut file = None;
    let (user, keyboard) = terminal();
    let user = std::fs::File::from(user);
    match channel {
        Channel::Pipe => {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        Channel::File => {
            let kept = tempfile::tempfile().expect("a file can be made");
            command.stdout(Stdio::piped());
            command.stderr(kept.try_clone().expect("a descriptor can be duplicated"));
            file = Some(kept);
        }
        Channel::Terminal => {
            let dup = || {
                keyboard
                    .try_clone()
                    .expect("a descriptor can be duplicated")
            };
            command.stdin(dup()).stdout(dup()).stderr(dup());
        }
    }
    let reader = user.as_raw_fd();
    // SAFETY: these are system calls on the child's own session, process group and limits.
    unsafe {
        command.pre_exec(move || {
            if channel == Channel::Terminal {
                lead_session(reader)?;
            } else {
                rustix::process::setpgid(None, None)?;
            }
            fault()
        });
    }
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    drop((command, keyboard));
    let stdout = match child.stdout.take() {
        Some(stdout) => collect(stdout),
        None => collect(user.try_clone().expect("a descriptor can be duplicated")),
    };
    let stderr = child.stderr.take().map(collect);
    Running {
        child,
        channel,
        user,
        stdout,
        stderr,
        file,
        what,
    }
}

impl Running {
    /// The process id of the program that was started, which must not have ended yet.
    pub fn pid(&self) -> i32 {
        let child = self.child.id() as i32;
        match self.channel {
            Channel::Terminal => *children(child).first().expect("the program runs"),
            Channel::Pipe | Channel::File => child,
        }
    }

    /// Waits for the end of the run.
    pub fn ends(mut self) -> Result<Seen, String> {
        let deadline = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            if Instant::now() > deadline {
                kill_tree(self.child.id() as i32);
                return Err(format!("{} hangs", self.what));
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let read = |reader: JoinHandle<Vec<u8>>| reader.join().expect("the reader ends");
        let mut stderr = self.stderr.map(read).unwrap_or_default();
        if let Some(mut file) = self.file {
            file.rewind().expect("a file has a beginning");
            file.read_to_end(&mut stderr).expect("a file can be read");
        }
        Ok(Seen {
            status,
            stdout: read(self.stdout),
            stderr,
        })
    }
}

/// Runs the script without and with permwrap, compares, and returns the result of the latter. `None` if permwrap cannot even be
/// loaded in this environment. An error describes the difference.
pub fn compare(script: &str, channel: Channel, fault: &Fault) -> Result<Option<Seen>, String> {
    let permwrap = support::permwrap().display().to_string();
    let bare = start(&["/bin/sh", "-c", script], channel, fault).ends()?;
    let loads = start(&[&permwrap, "-q", "--", "/bin/true"], Channel::Pipe, fault).ends()?;
    if !loads.status.success() {
        return Ok(None);
    }
    let wrapped = start_wrapped(script, channel, fault).ends()?;
    if wrapped.is_like(&bare) {
        Ok(Some(wrapped))
    } else {
        Err(format!(
            "{channel:?}\n==== bare ====\n{bare}\n==== wrapped ====\n{wrapped}"
        ))
    }
}

/// Compares under each of these faults, with each type of stderr, and fails with all differences. Returns the number of
/// comparisons.
#[track_caller]
pub fn same_under(faults: impl Iterator<Item = (String, Fault)>) -> usize {
    let mut compared = 0;
    let mut differences = Vec::new();
    for (what, fault) in share(faults, 6) {
        for channel in Channel::ALL {
            match compare(COMMAND, channel, &fault) {
                Ok(seen) => compared += usize::from(seen.is_some()),
                Err(difference) => differences.push(format!("{what}: {difference}")),
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    compared
}

/// A new terminal: the user's end and the command's.
fn terminal() -> (OwnedFd, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let user = openpt(flags).expect("a pseudo-terminal can be made");
    unlockpt(&user).expect("it is ours");
    let keyboard = ioctl_tiocgptpeer(&user, flags).expect("it has another end");
    (user, keyboard)
}

/// Makes a session with standard input as its terminal, and returns in a child of its leader. The leader ends as the child does.
/// The kernel drops what is on its way to a terminal's reader when the leader ends (tty_ldisc_hangup), which a command that
/// leads the session itself meets now and then, bare as well: this leader lets it arrive before that.
fn lead_session(reader: RawFd) -> std::io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::ioctl_tiocsctty(std::io::stdin())?;
    // SAFETY: this process, forked to execute a program, has one thread; both sides go on with system calls only.
    let child = match unsafe { libc::fork() } {
        -1 => return Err(std::io::Error::last_os_error()),
        0 => return Ok(()),
        child => child,
    };
    // SAFETY: the calls get numbers and a status of this function's. Nothing but them uses the descriptors that are closed:
    // the program's, and std's for an error in executing it.
    unsafe {
        libc::dup2(reader, 0);
        libc::close_range(1, libc::c_uint::MAX, 0);
        let mut status = 0;
        libc::waitpid(child, &mut status, 0);
        // To see whether there is something to be read the kernel lets arrive what was written (n_tty_poll).
        let mut readable = libc::pollfd {
            fd: 0,
            events: libc::POLLIN,
            revents: 0,
        };
        libc::poll(&mut readable, 1, 0);
        if libc::WIFSIGNALED(status) {
            libc::signal(libc::WTERMSIG(status), libc::SIG_DFL);
            libc::raise(libc::WTERMSIG(status));
        }
        libc::_exit(libc::WEXITSTATUS(status))
    }
}

/// The children of a process.
pub fn children(of: i32) -> Vec<i32> {
    let children =
        std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    children
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// Kills a process and its descendants, whatever sessions they are in.
fn kill_tree(pid: i32) {
    let children = children(pid);
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    children.into_iter().for_each(kill_tree);
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let mut piece = [0; 4096];
        // Reading from a terminal that is closed on the other side fails.
        while let Ok(count @ 1..) = from.read(&mut piece) {
            all.extend_from_slice(&piece[..count]);
        }
        all
    })
}

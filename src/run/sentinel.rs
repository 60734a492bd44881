//! Determines whether a signal was sent to the whole process group or to the wrapper alone.
//!
//! The command is in the wrapper's process group. It has already received what `kill %1`, `kill 0` or the terminal sends to the
//! group, and forwarding the signal would deliver it twice. `siginfo` does not distinguish the two cases. A third process in
//! the group does: it blocks all signals, so that those sent to the group are pending there, and those sent to the wrapper
//! alone are not.
//!
//! While the wrapper is stopped along with the command, the sentinel also watches the command, which may be continued or killed
//! alone.

use std::ffi::{CStr, c_int, c_void};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};

use nix::libc;
use rustix::fs::{Mode, OFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, getpid, kill_process, set_parent_process_death_signal, test_kill_process,
};
use rustix::thread::futex;

use super::sys;

/// How long to wait for an answer, in milliseconds: before the sentinel is sent SIGCONT, in case it was stopped, and after
/// that.
const PATIENCE: [i64; 2] = [50, 200];

/// How often to look at a stopped command, in milliseconds.
const LOOK: i64 = 200;

/// The first signal that the kernel queues instead of merging pending instances: the kernel's SIGRTMIN.
const FIRST_COUNTED: u32 = 32;

/// The state shared by the two processes. There is only one of each, so it is static and needs no allocation.
#[derive(Debug)]
struct Shared {
    /// The number of the latest question.
    question: AtomicU32,
    /// The number of the latest question that was answered.
    answer: AtomicU32,
    /// For each signal, how often it was sent to the group without having been asked about. The first element is unused.
    sent: [AtomicU32; 65],
    parent: AtomicI32,
    /// The stopped command along with which the wrapper stops; 0 while the wrapper runs.
    stopped: AtomicI32,
    /// Whether the sentinel has continued the wrapper, because the command is not stopped any more.
    continued: AtomicBool,
    /// The signal descriptor. It yields the signals that are pending for the process that reads from it.
    queue: AtomicI32,
}

static SHARED: Shared = Shared {
    question: AtomicU32::new(0),
    answer: AtomicU32::new(0),
    sent: [const { AtomicU32::new(0) }; 65],
    parent: AtomicI32::new(0),
    stopped: AtomicI32::new(0),
    continued: AtomicBool::new(false),
    queue: AtomicI32::new(-1),
};

/// The third process of the group. It shares the wrapper's memory, descriptors and working directory, and ends together with
/// the wrapper in any case.
#[derive(Debug)]
pub struct Sentinel {
    pid: i32,
}

impl Sentinel {
    /// Starts the sentinel, given the wrapper's signal descriptor. Without one, if no process can be created, every signal is
    /// taken to be sent to the wrapper alone.
    #[must_use]
    pub fn start(queue: &OwnedFd) -> Option<Sentinel> {
        let stack = sys::Stack::new(16 * 1024).ok()?;
        SHARED.parent.store(getpid().as_raw_nonzero().get(), SeqCst);
        SHARED.queue.store(queue.as_raw_fd(), SeqCst);
        // SAFETY: the stack is never unmapped or reused. The child stores into atomics and makes system calls that bypass the C
        // library, because both processes would share errno.
        let started = unsafe {
            stack.start(
                keep_watch,
                ptr::null_mut(),
                libc::CLONE_FS | libc::CLONE_FILES,
            )
        };
        started.ok().map(|pid| Sentinel { pid })
    }

    /// Whether the signal has been sent to the group since it was last asked about.
    #[must_use]
    pub fn was_pending(&self, signal: c_int) -> bool {
        let question = ask();
        for milliseconds in PATIENCE {
            if wait_for_answer(question, milliseconds) {
                let sent = SHARED.sent.get(signal as usize);
                return sent.is_some_and(|sent| {
                    let one_less = |count: u32| count.checked_sub(1);
                    sent.fetch_update(SeqCst, SeqCst, one_less).is_ok()
                });
            }
            sys::kill(self.pid, libc::SIGCONT);
        }
        // The sentinel was killed.
        false
    }

    /// The sentinel's process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Calls `stop`, which stops this process because the command with this process id was stopped. If the command alone is
    /// continued or killed, the sentinel continues this process. Returns whether it did.
    #[must_use]
    pub fn stop_with(&self, command: i32, stop: impl FnOnce()) -> bool {
        SHARED.continued.store(false, SeqCst);
        SHARED.stopped.store(command, SeqCst);
        ask();
        stop();
        SHARED.stopped.store(0, SeqCst);
        SHARED.continued.load(SeqCst)
    }

    /// Kills the sentinel, which must still be dismissed.
    pub fn end(&self) {
        sys::kill(self.pid, libc::SIGKILL);
    }

    /// Kills and reaps the sentinel, so that no zombie is left to whoever adopts this process's orphans.
    pub fn dismiss(self) {
        sys::end(self.pid);
    }
}

/// Asks for the pending signals, and returns the number of the question.
fn ask() -> u32 {
    let question = SHARED.question.load(SeqCst).wrapping_add(1);
    SHARED.question.store(question, SeqCst);
    wake(&SHARED.question);
    question
}

fn wait_for_answer(question: u32, milliseconds: i64) -> bool {
    let deadline =
        std::time::Instant::now() + std::time::Duration::from_millis(milliseconds as u64);
    loop {
        let answered = SHARED.answer.load(SeqCst);
        if answered == question {
            return true;
        }
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            return false;
        }
        let limit = Timespec {
            tv_sec: 0,
            tv_nsec: left.subsec_nanos().into(),
        };
        match futex::wait(
            &SHARED.answer,
            futex::Flags::PRIVATE,
            answered,
            Some(&limit),
        ) {
            Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => {}
            // The futex call is refused, so waiting is impossible.
            Err(_) => return false,
        }
    }
}

/// The main function of the sentinel.
extern "C" fn keep_watch(_: *mut c_void) -> c_int {
    // Without this the sentinel would outlive a wrapper that is killed.
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        sys::exit(0);
    }
    let parent = SHARED.parent.load(SeqCst);
    let mut answered = 0;
    // SAFETY: no memory is involved. The call cannot fail, so it does not touch errno.
    while unsafe { libc::getppid() } == parent {
        let command = SHARED.stopped.load(SeqCst);
        let look = Timespec {
            tv_sec: 0,
            tv_nsec: LOOK * 1_000_000,
        };
        let limit = (command != 0).then_some(&look);
        match futex::wait(&SHARED.question, futex::Flags::PRIVATE, answered, limit) {
            Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => {}
            Err(_) => break,
        }
        // The signal is repeated until it has an effect: the wrapper may not have stopped yet.
        if command != 0 && !is_stopped(command) && SHARED.stopped.load(SeqCst) == command {
            SHARED.continued.store(true, SeqCst);
            let parent = Pid::from_raw(parent);
            let _ = parent.map(|parent| kill_process(parent, Signal::CONT));
        }
        let question = SHARED.question.load(SeqCst);
        if question != answered {
            take_signals();
            answered = question;
            SHARED.answer.store(question, SeqCst);
            wake(&SHARED.answer);
        }
    }
    sys::exit(0)
}

/// Whether a process is stopped (proc_pid_stat(5)). If /proc does not tell, it is taken to be stopped as long as it exists.
fn is_stopped(pid: i32) -> bool {
    let exists = || Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid).is_ok());
    let mut number = [0; 10];
    let mut path = [0; 24];
    let parts: [&[u8]; 3] = [
        b"/proc/",
        decimal(pid.unsigned_abs(), &mut number),
        b"/stat",
    ];
    let mut length = 0;
    for part in parts {
        path[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    let Ok(path) = CStr::from_bytes_until_nul(&path) else {
        return exists();
    };
    // The state follows the program's name, which takes at most 15 bytes and may contain anything.
    let mut stat = [0; 64];
    let read = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .and_then(|file| rustix::io::read(&file, &mut stat));
    let stat = &stat[..read.unwrap_or(0)];
    match memchr::memrchr(b')', stat).and_then(|end| stat.get(end + 2)) {
        Some(state) => matches!(state, b'T' | b't'),
        None => exists(),
    }
}

/// The decimal digits of a number, without allocation.
fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut begin = digits.len();
    loop {
        begin -= 1;
        digits[begin] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[begin..];
        }
    }
}

/// Reads all signals that are pending for this process.
fn take_signals() {
    // SAFETY: the wrapper keeps its signal descriptor open as long as it has a sentinel.
    let queue = unsafe { BorrowedFd::borrow_raw(SHARED.queue.load(SeqCst)) };
    // A struct signalfd_siginfo, which begins with the signal number.
    let mut info = [0; 128];
    while rustix::io::read(queue, &mut info).is_ok_and(|count| count == info.len()) {
        let signal = u32::from_ne_bytes([info[0], info[1], info[2], info[3]]);
        if let Some(sent) = SHARED.sent.get(signal as usize) {
            if signal < FIRST_COUNTED {
                sent.store(1, SeqCst);
            } else {
                sent.fetch_add(1, SeqCst);
            }
        }
    }
}

fn wake(word: &AtomicU32) {
    let _ = futex::wake(word, futex::Flags::PRIVATE, 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 7, 10, 4_194_304, u32::MAX] {
            assert_eq!(decimal(number, &mut [0; 10]), number.to_string().as_bytes());
        }
    }

    #[test]
    fn a_process_that_runs_or_is_gone_is_not_stopped() {
        assert!(!is_stopped(std::process::id() as i32));
        assert!(!is_stopped(i32::MAX));
    }
}

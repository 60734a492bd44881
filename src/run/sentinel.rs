//! Was a signal sent to the whole process group, or to the wrapper alone?
//!
//! The command is in the wrapper's group: what `kill %1`, `kill 0` or the terminal sends to the group it has already got,
//! and passing it on would deliver it twice. `siginfo` does not tell the two apart. A third process in the group does: it
//! has all signals blocked, and has pending whatever was sent to the group, and nothing that was sent to the wrapper alone.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use nix::libc;

use super::sys;

const NOT_PENDING: u32 = 1;
const PENDING: u32 = 2;

/// What the two processes share.
#[derive(Debug)]
struct Shared {
    /// The signal asked about; 0 for no question.
    question: AtomicU32,
    /// `NOT_PENDING` or `PENDING`; 0 while there is no answer.
    answer: AtomicU32,
    parent: i32,
}

/// The third process of the group. It ends a moment after the wrapper, however that ends, and shares the wrapper's
/// descriptors and working directory: once the wrapper has let go of them ([`sys::let_go`]), nobody holds them.
#[derive(Debug)]
pub struct Sentinel {
    shared: &'static Shared,
}

impl Sentinel {
    /// Starts it. Without one (no process to be had) every signal counts as sent to the wrapper alone.
    #[must_use]
    pub fn start() -> Option<Sentinel> {
        let stack = sys::Stack::new(16 * 1024).ok()?;
        let parent = std::process::id() as i32;
        let shared: &'static Shared = Box::leak(Box::new(Shared {
            question: AtomicU32::new(0),
            answer: AtomicU32::new(0),
            parent,
        }));
        let argument = ptr::from_ref(shared).cast_mut().cast();
        // SAFETY: the argument lives for ever and the stack is never unmapped or used again. The child makes system calls
        // and stores into the atomics, nothing else. Its calls that can fail (and so set the errno it shares with this
        // process) run only while `was_pending` waits for its answer.
        let started =
            unsafe { stack.start(keep_watch, argument, libc::CLONE_FS | libc::CLONE_FILES) };
        started.ok().map(|_| Sentinel { shared })
    }

    /// Whether the signal had been sent to the group since it was last asked about.
    #[must_use]
    pub fn was_pending(&self, signal: c_int) -> bool {
        self.shared.answer.store(0, SeqCst);
        self.shared.question.store(signal as u32, SeqCst);
        futex_wake(&self.shared.question);
        for _ in 0..100 {
            futex_wait(&self.shared.answer, 0, 10);
            match self.shared.answer.load(SeqCst) {
                PENDING => return true,
                NOT_PENDING => return false,
                _ => {}
            }
        }
        // Somebody stopped or killed it.
        false
    }
}

extern "C" fn keep_watch(shared: *mut c_void) -> c_int {
    // SAFETY: start passes a Shared that lives for ever.
    let shared = unsafe { &*shared.cast::<Shared>() };
    // SAFETY: no memory is involved.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // SAFETY: no memory is involved.
    while unsafe { libc::getppid() } == shared.parent {
        futex_wait(&shared.question, 0, -1);
        let signal = shared.question.swap(0, SeqCst);
        if signal == 0 {
            continue;
        }
        let pending = sys::take_signal(signal as c_int);
        shared
            .answer
            .store(if pending { PENDING } else { NOT_PENDING }, SeqCst);
        futex_wake(&shared.answer);
    }
    sys::exit(0)
}

fn futex_wait(word: &AtomicU32, expected: u32, milliseconds: i64) {
    let limit = libc::timespec {
        tv_sec: 0,
        tv_nsec: milliseconds.max(0) * 1_000_000,
    };
    let limit = if milliseconds < 0 {
        ptr::null()
    } else {
        &raw const limit
    };
    // SAFETY: the word and the time limit outlive the call.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            expected,
            limit,
        )
    };
}

fn futex_wake(word: &AtomicU32) {
    // SAFETY: the word outlives the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}

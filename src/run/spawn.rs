//! Starts the command with the signal dispositions, signal mask, descriptors, process group and session that it would have
//! without permwrap.

use std::cell::OnceCell;
use std::ffi::{CStr, CString, OsString, c_char, c_int, c_void};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::ptr;

use nix::libc;
use rustix::process::{Signal, parent_process_death_signal, set_parent_process_death_signal};

use super::sys::{self, Signals};
use super::trace::Tracing;

/// The argument vector of a C program.
#[derive(Debug, Clone, Copy)]
pub struct Words(*const *const c_char);

impl Words {
    /// Wraps an argument vector.
    ///
    /// # Safety
    /// `words` must be an array of C strings that is terminated by a null pointer and remains unchanged for the life of the
    /// process.
    #[must_use]
    pub unsafe fn new(words: *const *const c_char) -> Words {
        Words(words)
    }

    /// The words from index `first` on; `None` if there are not that many.
    #[must_use]
    pub fn from(self, first: usize) -> Option<Words> {
        let there = self.iter().take(first + 1).count() > first;
        // SAFETY: the array extends at least that far.
        there.then(|| Words(unsafe { self.0.add(first) }))
    }

    /// Iterates over the words.
    pub fn iter(self) -> impl Iterator<Item = &'static CStr> {
        (0..).map_while(move |n| {
            // SAFETY: all preceding words exist, so this is either a string or the terminating null pointer.
            unsafe {
                let word = *self.0.add(n);
                (!word.is_null()).then(|| CStr::from_ptr(word))
            }
        })
    }
}

/// The command and its arguments, byte for byte.
#[derive(Debug)]
pub struct Command {
    words: Words,
    program: sys::Program,
    /// Owns what `words` points to, if this process built it.
    _owned: Vec<CString>,
    _pointers: Vec<*const c_char>,
    tracing: OnceCell<Tracing>,
}

impl Command {
    /// The command given by these words; `None` if there are none.
    #[must_use]
    pub fn from_argv(words: Words) -> Option<Command> {
        words.iter().next()?;
        Some(Command {
            words,
            // SAFETY: Words satisfies the requirements, and there is at least one word.
            program: unsafe { sys::Program::new(words.0) },
            _owned: Vec::new(),
            _pointers: Vec::new(),
            tracing: OnceCell::new(),
        })
    }

    /// The command given by these words; `None` if there are none. A word that comes from an argument cannot contain a NUL.
    #[must_use]
    pub fn from_words(words: Vec<OsString>) -> Option<Command> {
        let owned: Vec<CString> = words
            .into_iter()
            .map(|word| CString::new(word.into_vec()))
            .collect::<Result<_, _>>()
            .ok()?;
        if owned.is_empty() {
            return None;
        }
        let pointers: Vec<*const c_char> = owned
            .iter()
            .map(|word| word.as_ptr())
            .chain([ptr::null()])
            .collect();
        Some(Command {
            words: Words(pointers.as_ptr()),
            // SAFETY: the pointers refer to C strings and are terminated by a null pointer; both live as long as the command.
            program: unsafe { sys::Program::new(pointers.as_ptr()) },
            _owned: owned,
            _pointers: pointers,
            tracing: OnceCell::new(),
        })
    }

    /// Has the command traced when it is spawned.
    pub fn trace(&self, tracing: Tracing) {
        let _ = self.tracing.set(tracing);
    }

    /// Reaps the tracer if it has nothing left to trace, so that no zombie is left to whoever adopts this process's orphans.
    pub fn reap_tracer(&self) {
        self.tracing.get().into_iter().for_each(Tracing::reap);
    }

    /// Ends the tracer of a command that was not spawned.
    pub fn end_tracer(&self) {
        self.tracing.get().into_iter().for_each(Tracing::end);
    }

    /// The command's name, as it was given.
    #[must_use]
    pub fn name(&self) -> &CStr {
        self.words.iter().next().unwrap_or_default()
    }

    /// Becomes the command. Returns the error number if that fails.
    #[must_use]
    pub fn execute(&self) -> i32 {
        self.program.execute()
    }
}

/// Process attributes that the wrapper has to change for itself and the command gets back.
#[derive(Debug, Clone, Copy)]
pub struct Inherited {
    mask: Signals,
    /// The signals that were blocked and pending, and stay so across execve(2).
    pending: Signals,
    /// The signal for the end of the parent.
    for_parents_end: Option<Signal>,
    /// Whether children are reaped automatically, in which case the kernel would not report how the command ended.
    children_ignored: bool,
}

impl Inherited {
    /// Blocks every signal, so that none is lost or kills the wrapper before it can be forwarded, and makes children waitable.
    pub fn set_aside() -> io::Result<Inherited> {
        let (handler, flags) = sys::disposition(libc::SIGCHLD)?;
        let kept = sys::signals_of(sys::pending()).filter(|signal| sys::take_signal(*signal));
        let pending = kept.fold(0, |set, signal| set | sys::only(signal));
        let mask = sys::block_all()?;
        let children_ignored = handler == libc::SIG_IGN || flags & libc::SA_NOCLDWAIT != 0;
        if children_ignored {
            sys::set_disposition(libc::SIGCHLD, libc::SIG_DFL);
        }
        Ok(Inherited {
            mask,
            pending,
            for_parents_end: parent_process_death_signal().ok().flatten(),
            children_ignored,
        })
    }

    /// Restores the original attributes.
    pub fn put_back(&self) {
        if self.children_ignored {
            sys::set_disposition(libc::SIGCHLD, libc::SIG_IGN);
        }
        if self.for_parents_end.is_some() {
            let _ = set_parent_process_death_signal(self.for_parents_end);
        }
        for signal in sys::signals_of(self.pending) {
            sys::kill(std::process::id() as i32, signal);
        }
        sys::set_mask(self.mask);
    }
}

impl Inherited {
    /// The signal that the command gets when the wrapper ends before it.
    #[must_use]
    pub fn for_parents_end(&self) -> Option<c_int> {
        self.for_parents_end.map(Signal::as_raw)
    }
}

/// Why a command was not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotStarted {
    /// No process could be created for it, or the process could not be set up: the wrapper becomes the command.
    NoProcess,
    /// execve(2) failed with this error number.
    NotExecuted(i32),
}

/// The size of the child's stack until it becomes the command, in bytes; paths are assembled on it.
const STACK: usize = 64 * 1024;

struct Start<'a> {
    command: &'a Command,
    inherited: Inherited,
    prepare: &'a mut dyn FnMut() -> bool,
    error: Option<NotStarted>,
}

/// Starts the command in a child process. `prepare` runs in the child before it becomes the command, and may only make system
/// calls that affect the child's own descriptors, process group and session, because it shares the memory of this process. If
/// it returns false, the child exits.
///
/// Until it becomes the command, the child shares this process's memory (as with vfork(2)), so that no page table is copied and
/// a failure to execute is known immediately.
pub fn spawn(
    command: &Command,
    inherited: Inherited,
    prepare: &mut dyn FnMut() -> bool,
) -> Result<i32, NotStarted> {
    let stack = sys::Stack::new(STACK).map_err(|_| NotStarted::NoProcess)?;
    let mut start = Start {
        command,
        inherited,
        prepare,
        error: None,
    };
    // SAFETY: CLONE_VFORK suspends this thread until the child has executed or exited, so argument and stack outlive it.
    // become_command only makes system calls, and prepare is subject to the same restriction.
    let pid = unsafe {
        stack.start(
            become_command,
            (&raw mut start).cast(),
            libc::CLONE_VFORK | libc::SIGCHLD,
        )
    };
    let pid = pid.map_err(|_| NotStarted::NoProcess)?;
    match start.error {
        Some(failure) => {
            sys::reap(pid);
            Err(failure)
        }
        None => Ok(pid),
    }
}

extern "C" fn become_command(start: *mut c_void) -> c_int {
    // SAFETY: spawn passes a Start that outlives this call, and accesses it only after the child has executed or exited.
    let start = unsafe { &mut *start.cast::<Start<'_>>() };
    if !(start.prepare)() {
        start.error = Some(NotStarted::NoProcess);
        sys::exit(125);
    }
    if let Some(tracing) = start.command.tracing.get() {
        start.command.program.look_ahead();
        tracing.join();
    }
    start.inherited.put_back();
    start.error = Some(NotStarted::NotExecuted(start.command.execute()));
    sys::exit(127)
}

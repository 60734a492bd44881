//! Starting the command: with the dispositions, the mask, the descriptors, the group and the session it would have alone.

use std::cell::OnceCell;
use std::ffi::{CStr, CString, OsString, c_char, c_int, c_void};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::ptr;

use nix::libc;

use super::sys::{self, Signals};
use super::trace::Tracing;

/// A program's words as a C program is given them.
#[derive(Debug, Clone, Copy)]
pub struct Words(*const *const c_char);

impl Words {
    /// All of them.
    ///
    /// # Safety
    /// `words` must be an array of C strings that ends with a null pointer and stays as it is for ever.
    #[must_use]
    pub unsafe fn new(words: *const *const c_char) -> Words {
        Words(words)
    }

    /// The words, from this one on; `None` where there are not so many.
    #[must_use]
    pub fn from(self, first: usize) -> Option<Words> {
        let there = self.iter().take(first + 1).count() > first;
        // SAFETY: the array goes on at least that far.
        there.then(|| Words(unsafe { self.0.add(first) }))
    }

    /// Each word.
    pub fn iter(self) -> impl Iterator<Item = &'static CStr> {
        (0..).map_while(move |n| {
            // SAFETY: all words before this one are there, so that it is a string or the null pointer at the end.
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
    /// Keeps what `words` points to, where this process built it.
    _owned: Vec<CString>,
    _pointers: Vec<*const c_char>,
    tracing: OnceCell<Tracing>,
}

impl Command {
    /// The command in these words, of which there is at least one; `None` where there is none.
    #[must_use]
    pub fn from_argv(words: Words) -> Option<Command> {
        words.iter().next()?;
        Some(Command {
            words,
            // SAFETY: Words are what is asked for, and there is one.
            program: unsafe { sys::Program::new(words.0) },
            _owned: Vec::new(),
            _pointers: Vec::new(),
            tracing: OnceCell::new(),
        })
    }

    /// The command given as words; `None` where there is none. A word cannot have a NUL in it, coming from an argument.
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
            // SAFETY: the pointers are to C strings and end with a null pointer; both live as long as the command.
            program: unsafe { sys::Program::new(pointers.as_ptr()) },
            _owned: owned,
            _pointers: pointers,
            tracing: OnceCell::new(),
        })
    }

    /// Has it traced when it is spawned.
    pub fn trace(&self, tracing: Tracing) {
        let _ = self.tracing.set(tracing);
    }

    /// The command's name, as it was given.
    #[must_use]
    pub fn name(&self) -> &CStr {
        self.words.iter().next().unwrap_or_default()
    }

    /// Becomes the command. Comes back with the errno when that fails.
    #[must_use]
    pub fn execute(&self) -> i32 {
        self.program.execute()
    }
}

/// What the wrapper was started with and has to change for itself: the command gets it back.
#[derive(Debug, Clone, Copy)]
pub struct Inherited {
    mask: Signals,
    /// Whether ended children are not to be waited for: then the kernel would not tell how the command ended.
    children_ignored: bool,
}

impl Inherited {
    /// Blocks every signal, so that none is lost or kills the wrapper before the command has it, and makes children waitable.
    pub fn set_aside() -> io::Result<Inherited> {
        let (handler, flags) = sys::disposition(libc::SIGCHLD)?;
        let mask = sys::block_all()?;
        let children_ignored = handler == libc::SIG_IGN || flags & libc::SA_NOCLDWAIT != 0;
        if children_ignored {
            sys::set_disposition(libc::SIGCHLD, libc::SIG_DFL);
        }
        Ok(Inherited {
            mask,
            children_ignored,
        })
    }

    /// Puts everything back as it was.
    pub fn put_back(&self) {
        if self.children_ignored {
            sys::set_disposition(libc::SIGCHLD, libc::SIG_IGN);
        }
        sys::set_mask(self.mask);
    }
}

/// Why a command is not running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotStarted {
    /// No process could be made for it, or the process could not be given what it needs: the wrapper becomes the command.
    NoProcess,
    /// It could not be executed: the errno.
    NotExecuted(i32),
}

/// The room that the child has until it is the command, in bytes; paths are joined there.
const STACK: usize = 64 * 1024;

struct Start<'a> {
    command: &'a Command,
    inherited: Inherited,
    prepare: &'a mut dyn FnMut() -> bool,
    error: Option<NotStarted>,
}

/// Starts the command in a child. `prepare` runs in the child before it becomes the command and may do nothing but system
/// calls on the child's own descriptors, group and session: the memory is still this process's own. Where it says false,
/// the child ends.
///
/// The child shares this process's memory until it is the command (as with vfork), so that no page table is copied and
/// a failure to execute is known at once.
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
    // SAFETY: CLONE_VFORK holds this thread until the child has executed or ended, so argument and stack outlive it;
    // become does nothing but system calls, and prepare is bound to the same.
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
    // SAFETY: spawn passes a Start that outlives this call, and looks at it only after the child is gone.
    let start = unsafe { &mut *start.cast::<Start<'_>>() };
    if !(start.prepare)() {
        start.error = Some(NotStarted::NoProcess);
        sys::exit(125);
    }
    if let Some(tracing) = start.command.tracing.get() {
        tracing.join();
    }
    start.inherited.put_back();
    start.error = Some(NotStarted::NotExecuted(start.command.execute()));
    sys::exit(127)
}

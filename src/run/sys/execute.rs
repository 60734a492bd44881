//! Executes a program, located as execvp(3) of the GNU C library does. musl's execvp stops after other errors, uses another
//! default for PATH, and does not run scripts without `#!`. The behavior must not depend on the library that permwrap is
//! linked with.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char};
use std::io;
use std::ptr;

use nix::libc;
use rustix::io::Errno;

/// The search path if PATH is not set (confstr(3), `_CS_PATH`).
const USUAL_PATH: &CStr = c"/bin:/usr/bin";

/// The interpreter of a script that names none.
const SHELL: &CStr = c"/bin/sh";

/// The maximum length of a file name, and of a directory that is tried, in bytes.
const LONGEST_NAME: usize = 255;
const LONGEST_DIRECTORY: usize = 4095;

/// The maximum length of the resulting path, including the slash and the terminating NUL.
const LONGEST_PATH: usize = LONGEST_DIRECTORY + LONGEST_NAME + 2;

/// A program and its arguments, prepared so that executing it makes only system calls and does not allocate.
#[derive(Debug)]
pub struct Program {
    words: *const *const c_char,
    /// How many directories of the search path are skipped, because the program is not there.
    passed: Cell<usize>,
    /// The argument vector for the shell, in case the program is a script: the shell, the script's path, and the remaining
    /// arguments.
    script: Vec<Cell<*const c_char>>,
    /// Where paths to be tried are put together: the stack may be as small as the kernel permits.
    path: RefCell<Vec<u8>>,
}

impl Program {
    /// Prepares a program.
    ///
    /// # Safety
    /// `words` must be a non-empty array of C strings that is terminated by a null pointer and remains unchanged for the
    /// lifetime of this value.
    pub unsafe fn new(words: *const *const c_char) -> Program {
        let mut script = vec![Cell::new(SHELL.as_ptr()), Cell::new(ptr::null())];
        let mut at = words;
        // SAFETY: the array extends to the null pointer, which is copied last.
        unsafe {
            while !(*at).is_null() {
                at = at.add(1);
                script.push(Cell::new(*at));
            }
        }
        Program {
            words,
            passed: Cell::new(0),
            script,
            path: RefCell::new(vec![0; LONGEST_PATH]),
        }
    }

    /// Finds out which directories at the start of the search path do not have the program, so that [`Program::execute`] can
    /// skip them. This pays off if each attempt is expensive. Makes only system calls.
    pub fn look_ahead(&self) {
        // SAFETY: there is at least one word, and each is a C string.
        let name = unsafe { CStr::from_ptr(*self.words) }.to_bytes();
        if name.is_empty() || name.contains(&b'/') || name.len() > LONGEST_NAME {
            return;
        }
        let is_absent = |directory: &[u8]| {
            join(&mut self.path.borrow_mut(), directory, name).is_none_or(|path| {
                let found = rustix::fs::access(path, rustix::fs::Access::EXISTS);
                matches!(found, Err(Errno::NOENT | Errno::NOTDIR))
            })
        };
        let directories = || search_path().to_bytes().split(|byte| *byte == b':');
        let passed = directories().take_while(|directory| is_absent(directory));
        // The last one is tried in any case, because its errno is reported.
        self.passed
            .set(passed.count().min(directories().count() - 1));
    }

    /// Replaces this process with the program. Returns only on failure, with the error number.
    pub fn execute(&self) -> i32 {
        // SAFETY: there is at least one word, and each is a C string.
        let file = unsafe { CStr::from_ptr(*self.words) };
        let name = file.to_bytes();
        if name.is_empty() {
            return libc::ENOENT;
        }
        if name.contains(&b'/') {
            return self.become_file(file);
        }
        if name.len() > LONGEST_NAME {
            return libc::ENAMETOOLONG;
        }
        self.become_first(name)
    }

    /// Tries the directories of the search path in order.
    fn become_first(&self, name: &[u8]) -> i32 {
        let (mut refused, mut last) = (false, libc::ENOENT);
        let directories = search_path().to_bytes().split(|byte| *byte == b':');
        for directory in directories.skip(self.passed.get()) {
            let mut buffer = self.path.borrow_mut();
            let Some(path) = join(&mut buffer, directory, name) else {
                continue;
            };
            last = self.become_file(path);
            match last {
                libc::EACCES => refused = true,
                libc::ENOENT | libc::ESTALE | libc::ENOTDIR | libc::ENODEV | libc::ETIMEDOUT => {}
                _ => return last,
            }
        }
        // A file that exists but may not be executed is more informative than its absence elsewhere.
        if refused { libc::EACCES } else { last }
    }

    fn become_file(&self, path: &CStr) -> i32 {
        let errno = execute_file(path, self.words);
        if errno != libc::ENOEXEC {
            return errno;
        }
        self.script[1].set(path.as_ptr());
        execute_file(SHELL, self.script.as_ptr().cast())
    }
}

/// Executes a file. Both the path and the words are C strings, as [`Program`] guarantees.
fn execute_file(path: &CStr, words: *const *const c_char) -> i32 {
    // SAFETY: a Program's words are terminated by a null pointer, and execv(3) only reads them.
    unsafe { libc::execv(path.as_ptr(), words) };
    io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::ENOENT)
}

fn search_path() -> &'static CStr {
    // SAFETY: the environment does not change while this process has a single thread.
    unsafe {
        let path = libc::getenv(c"PATH".as_ptr());
        if path.is_null() {
            USUAL_PATH
        } else {
            CStr::from_ptr(path)
        }
    }
}

/// The path of a name in a directory of the search path. An empty directory is the working directory.
fn join<'a>(buffer: &'a mut [u8], directory: &[u8], name: &[u8]) -> Option<&'a CStr> {
    if directory.len() > LONGEST_DIRECTORY {
        return None;
    }
    let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
    let mut end = 0;
    for part in [directory, slash, name] {
        buffer[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
    // A longer path may have been there before.
    buffer[end] = 0;
    CStr::from_bytes_until_nul(buffer).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(directory: &[u8], name: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = [0; LONGEST_PATH];
        join(&mut buffer, directory, name).map(|path| path.to_bytes().to_vec())
    }

    #[test]
    fn an_empty_directory_is_the_working_directory() {
        assert_eq!(joined(b"", b"ls").as_deref(), Some(&b"ls"[..]));
        assert_eq!(joined(b"/bin", b"ls").as_deref(), Some(&b"/bin/ls"[..]));
    }

    #[test]
    fn a_shorter_path_may_follow_a_longer_one() {
        let mut buffer = [0; LONGEST_PATH];
        assert!(join(&mut buffer, b"/usr/local/sbin", b"ls").is_some());
        let path = join(&mut buffer, b"/bin", b"ls").map(CStr::to_bytes);
        assert_eq!(path, Some(&b"/bin/ls"[..]));
    }

    #[test]
    fn the_longest_path_fits_and_a_longer_directory_is_passed_over() {
        let (directory, name) = (vec![b'd'; LONGEST_DIRECTORY], vec![b'n'; LONGEST_NAME]);
        assert_eq!(joined(&directory, &name).map(|path| path.len()), Some(4351));
        assert_eq!(joined(&[&directory[..], b"d"].concat(), &name), None);
    }
}

//! Becoming a program, found as execvp(3) of the GNU C library finds it: musl's gives up after other errors, has another path
//! where PATH is not set, and runs no script without `#!`. Bare and wrapped, whichever library permwrap has, it is the same.

use std::cell::Cell;
use std::ffi::{CStr, c_char};
use std::io;
use std::ptr;

use nix::libc;

/// Where programs are looked for when PATH is not set (confstr(3), `_CS_PATH`).
const USUAL_PATH: &CStr = c"/bin:/usr/bin";

/// What runs a script that does not name its interpreter.
const SHELL: &CStr = c"/bin/sh";

/// The longest name of a file, and the longest directory that is tried, in bytes.
const LONGEST_NAME: usize = 255;
const LONGEST_DIRECTORY: usize = 4095;

/// A path of those, with the slash between and the NUL behind.
const LONGEST_PATH: usize = LONGEST_DIRECTORY + LONGEST_NAME + 2;

type Path = [u8; LONGEST_PATH];

/// A program's words. Making them ready needs memory, executing them makes system calls and nothing else.
#[derive(Debug)]
pub struct Program {
    words: *const *const c_char,
    /// The same for the shell, where the program is a script: the shell, the script's path, its words but the first.
    script: Vec<Cell<*const c_char>>,
}

impl Program {
    /// The program with these words.
    ///
    /// # Safety
    /// `words` must be an array of C strings, at least one, that ends with a null pointer and stays as it is for as long as
    /// this lives.
    pub unsafe fn new(words: *const *const c_char) -> Program {
        let mut script = vec![Cell::new(SHELL.as_ptr()), Cell::new(ptr::null())];
        let mut at = words;
        // SAFETY: the array goes on until the null pointer, which is copied last.
        unsafe {
            while !(*at).is_null() {
                at = at.add(1);
                script.push(Cell::new(*at));
            }
        }
        Program { words, script }
    }

    /// Replaces this process by the program. Only a failure returns, with its errno.
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

    /// Tries the directories of the search path one after another.
    fn become_first(&self, name: &[u8]) -> i32 {
        let (mut refused, mut last) = (false, libc::ENOENT);
        for directory in search_path().to_bytes().split(|byte| *byte == b':') {
            let mut buffer = [0; LONGEST_PATH];
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
        // That one of them was there and may not be run tells more than that others have none.
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

/// Both the words and the path are C strings, as [`Program`] has them.
fn execute_file(path: &CStr, words: *const *const c_char) -> i32 {
    // SAFETY: a Program's words end with a null pointer, and execv(3) only reads them.
    unsafe { libc::execv(path.as_ptr(), words) };
    io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::ENOENT)
}

fn search_path() -> &'static CStr {
    // SAFETY: nobody changes the environment while this process has one thread.
    unsafe {
        let path = libc::getenv(c"PATH".as_ptr());
        if path.is_null() {
            USUAL_PATH
        } else {
            CStr::from_ptr(path)
        }
    }
}

/// The path of a name in a directory of the search path, of which an empty one is the working directory.
fn join<'a>(buffer: &'a mut Path, directory: &[u8], name: &[u8]) -> Option<&'a CStr> {
    if directory.len() > LONGEST_DIRECTORY {
        return None;
    }
    let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
    let mut end = 0;
    for part in [directory, slash, name] {
        buffer[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
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
    fn the_longest_path_fits_and_a_longer_directory_is_passed_over() {
        let (directory, name) = (vec![b'd'; LONGEST_DIRECTORY], vec![b'n'; LONGEST_NAME]);
        assert_eq!(joined(&directory, &name).map(|path| path.len()), Some(4351));
        assert_eq!(joined(&[&directory[..], b"d"].concat(), &name), None);
    }
}

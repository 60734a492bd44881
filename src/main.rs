//! Arguments, then the library, then the end of the command.
//!
//! There is no Rust `main`: before it, the standard library would open closed descriptors 0 to 2 and ignore SIGPIPE, and
//! the command would inherit both.
#![no_main]

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use permwrap::cli::{self, Invocation};
use permwrap::run::{self, Command, Exit, MakeObserver, Observer, Options, Scene};

/// Where the C library starts the program.
///
/// # Safety
/// `words` must be an array of C strings that ends with a null pointer and stays as it is: what the kernel hands over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(_count: c_int, words: *const *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    if let Some(command) = unsafe { plain_command(words) } {
        run::run(&command, Options::default(), observer());
    }
    // SAFETY: the caller's promise.
    let arguments = unsafe { arguments(words) };
    match cli::parse(arguments) {
        Ok(Invocation::Run { options, command }) => {
            let wanted = Options {
                report: options.report.is_some(),
                quiet: options.quiet,
                no_pty: options.no_pty,
            };
            Command::from_words(command)
                .map_or(125, |command| run::run(&command, wanted, observer()))
        }
        Ok(Invocation::Own(_)) => 2,
        Err(stop) => {
            if stop.status == 0 {
                print!("{}", stop.text);
            } else {
                eprint!("{}", stop.text);
            }
            stop.status.into()
        }
    }
}

/// The command, where permwrap is given no options: then nothing need be understood before it is started.
///
/// # Safety
/// `words` must be an array of C strings that ends with a null pointer and stays as it is.
unsafe fn plain_command(words: *const *const c_char) -> Option<Command> {
    // SAFETY: the caller's promise. No word is looked at before it is known that those before it are there.
    unsafe {
        let word = |n: usize| {
            (!(*words.add(n)).is_null()).then(|| CStr::from_ptr(*words.add(n)).to_bytes())
        };
        word(0)?;
        match word(1)? {
            b"--" => word(2).map(|_| Command::from_argv(words.add(2))),
            [b'-', ..] => None,
            first if cli::is_subcommand(OsStr::from_bytes(first)) => None,
            _ => Some(Command::from_argv(words.add(1))),
        }
    }
}

/// The arguments, the program's own name not among them.
///
/// # Safety
/// As for [`plain_command`].
unsafe fn arguments(words: *const *const c_char) -> Vec<OsString> {
    // SAFETY: the caller's promise.
    let all = (0..)
        .map(|n| unsafe { *words.add(n) })
        .take_while(|word| !word.is_null());
    // SAFETY: the caller's promise.
    all.skip(1)
        .map(|word| OsString::from_vec(unsafe { CStr::from_ptr(word) }.to_bytes().to_vec()))
        .collect()
}

/// The diagnosis is not connected yet: an observer that says nothing.
fn observer() -> MakeObserver {
    struct Silent;
    impl Observer for Silent {
        fn text(&mut self, _: &[u8], _: &Scene) {}
        fn quiet(&mut self) -> Vec<u8> {
            Vec::new()
        }
        fn end(&mut self, _: Exit) -> Vec<u8> {
            Vec::new()
        }
    }
    Box::new(|| Box::new(Silent))
}

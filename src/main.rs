//! Arguments, then the library, then the end of the command.
//!
//! There is no Rust `main`: before it, the standard library would open closed descriptors 0 to 2 and ignore SIGPIPE, and
//! the command would inherit both.
#![no_main]

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

use permwrap::cli::{self, Invocation, RunOptions};
use permwrap::pattern_files;
use permwrap::run::trace::Log;
use permwrap::run::{self, Command, MakeObserver, Options};
use permwrap::subcommand;
use permwrap::wrap::Explainer;

#[global_allocator]
static ALLOCATOR: run::Allocator = run::Allocator;

/// Where the C library starts the program.
///
/// # Safety
/// `words` must be an array of C strings that ends with a null pointer and stays as it is: what the kernel hands over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(_count: c_int, words: *const *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    if let Some(command) = unsafe { plain_command(words) } {
        let options = Options {
            literals: Some(literals),
            ..Options::default()
        };
        run::run(&command, options, observer(None));
    }
    match cli::parse(std::env::args_os().skip(1).collect()) {
        Ok(Invocation::Run { options, command }) => run_with(&options, command),
        Ok(Invocation::Own(own)) => subcommand::run(&own).into(),
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

/// Runs the command with options that were given. The result is the status where it cannot even be tried.
fn run_with(options: &RunOptions, command: Vec<OsString>) -> c_int {
    if let Err(mistake) = pattern_files::check(&options.patterns) {
        eprintln!("permwrap: {mistake}");
        return 125;
    }
    if options.check
        && let Err(reason) = subcommand::check::before_a_run(options.color.unwrap_or_default())
    {
        eprint!("{reason}");
        return 125;
    }
    let wanted = Options {
        report: options.report.is_some(),
        quiet: options.quiet,
        no_pty: options.no_pty,
        trace: options.trace.then(Log::new).and_then(Result::ok),
        literals: Some(literals),
    };
    match Command::from_words(command) {
        Some(command) => run::run(&command, wanted, observer(wanted.trace)),
        None => 125,
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

/// What the user's own patterns look for.
fn literals() -> Vec<Vec<u8>> {
    match cli::parse(std::env::args_os().skip(1).collect()) {
        Ok(Invocation::Run { options, .. }) => pattern_files::literals(&options.patterns),
        _ => Vec::new(),
    }
}

/// What makes sense of the command's stderr, made once there is something to make sense of.
fn observer(trace: Option<Log>) -> MakeObserver {
    Box::new(move || {
        let (options, command) = match cli::parse(std::env::args_os().skip(1).collect()) {
            Ok(Invocation::Run { options, command }) => (options, command),
            _ => (RunOptions::default(), Vec::new()),
        };
        Box::new(Explainer::new(&options, command, trace))
    })
}

//! Parses the arguments, calls the library, and ends as the command ended.
//!
//! There is no Rust `main`: the standard library would first open descriptors 0 to 2 if they are closed and ignore SIGPIPE, and
//! the command would inherit both.
#![no_main]

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};

use permwrap::cli::{self, Invocation, RunOptions, Stop};
use permwrap::complaint::{complain, complain_in_lines};
use permwrap::pattern_files;
use permwrap::run::trace::Log;
use permwrap::run::{self, Command, MakeObserver, Options, Words};
use permwrap::subcommand;
use permwrap::wrap::Explainer;

#[global_allocator]
static ALLOCATOR: run::Allocator = run::Allocator;

/// The arguments of [`main`].
static WORDS: AtomicPtr<*const c_char> = AtomicPtr::new(std::ptr::null_mut());

/// The entry point called by the C library. The argument vector is stored here, because without a Rust `main` not every C
/// library passes it to the standard library.
///
/// # Safety
/// `words` must be an array of C strings that is terminated by a null pointer and never changes, as passed by the kernel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(_count: c_int, words: *const *const c_char) -> c_int {
    WORDS.store(words.cast_mut(), SeqCst);
    // SAFETY: guaranteed by the caller.
    let words = unsafe { Words::new(words) };
    if let Some((options, command)) = understood_at_once(words) {
        return run_with(&options, Some(command), words);
    }
    match run::on_enough_stack(|| parse(given_words())) {
        Ok(Invocation::Run {
            options, command, ..
        }) => run_with(&options, Command::from_words(command), words),
        Ok(Invocation::Own(own)) => subcommand::run(&own).into(),
        Err(stop) => {
            if stop.status == 0 {
                print!("{}", stop.text);
            } else {
                complain_in_lines(&stop.text);
            }
            stop.status.into()
        }
    }
}

/// Whether permwrap is disabled by `PERMWRAP=off`.
fn is_off() -> bool {
    std::env::var_os("PERMWRAP").is_some_and(|word| word == "off")
}

/// Runs the command with options. Returns the exit status if the command cannot even be tried.
fn run_with(options: &RunOptions, command: Option<Command>, words: Words) -> c_int {
    let Some(command) = command else {
        return 125;
    };
    if is_off() {
        let quiet = Options {
            quiet: true,
            ..Options::default()
        };
        run::run(&command, quiet, observer(words, None));
    }
    if !options.patterns.is_empty()
        && let Err(mistake) = pattern_files::check(&options.patterns)
    {
        complain(&mistake);
        return 125;
    }
    if options.check
        && let Err(reason) = subcommand::check::before_a_run(options.color.unwrap_or_default())
    {
        eprint!("{reason}");
        return 125;
    }
    if options.fix {
        let words: Vec<OsString> = std::env::args_os().skip(1).collect();
        subcommand::run_until_it_works(&words).repeat();
    }
    let wanted = Options {
        report: options.report.is_some() || options.verbose,
        quiet: options.quiet,
        no_pty: options.no_pty,
        stdout: options.stdout,
        trace: options.trace.then(Log::or_without).flatten(),
        literals: Some(literals),
    };
    run::run(&command, wanted, observer(words, wanted.trace))
}

/// Parses permwrap's arguments.
fn parse(words: Words) -> Result<Invocation, Stop> {
    let given = words.iter().skip(1);
    cli::parse(
        given
            .map(|word| OsStr::from_bytes(word.to_bytes()).to_owned())
            .collect(),
    )
}

/// The options and the command, if all options are flags. In that case clap is not needed, which takes as long as a short
/// command.
fn understood_at_once(words: Words) -> Option<(RunOptions, Command)> {
    let mut options = RunOptions::default();
    let mut begin = 1;
    for word in words.iter().skip(1).map(CStr::to_bytes) {
        match word {
            b"--" => {
                begin += 1;
                break;
            }
            [b'-', ..] if options.set_flag(word) => begin += 1,
            [b'-', ..] => return None,
            _ if cli::is_subcommand(OsStr::from_bytes(word)) => return None,
            _ => break,
        }
    }
    Some((options, Command::from_argv(words.from(begin)?)?))
}

/// The argument vector of this process.
fn given_words() -> Words {
    // SAFETY: main has stored it there before anything calls this.
    unsafe { Words::new(WORDS.load(SeqCst)) }
}

/// The literals of the user's own patterns.
fn literals() -> Vec<Vec<u8>> {
    match parse(given_words()) {
        Ok(Invocation::Run { options, .. }) => pattern_files::literals(&options.patterns),
        _ => Vec::new(),
    }
}

/// Creates the observer for the command's stderr, once there is something to observe.
fn observer(words: Words, trace: Option<Log>) -> MakeObserver {
    Box::new(move || {
        let (options, command, resembles) = match parse(words) {
            Ok(Invocation::Run {
                options,
                command,
                resembles,
            }) => (options, command, resembles),
            _ => (RunOptions::default(), Vec::new(), None),
        };
        Box::new(Explainer::new(&options, command, resembles, trace))
    })
}

//! permwrap's helper processes are killed or stopped at any time, as by the system when memory is short or by a user who does
//! not know them.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::run::{self, Channel, children, none, start, start_wrapped};
use crate::support::{self, forked, share};

/// Writes lines of both kinds for a while, and then exits.
const COMMAND: &str = "i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo line $i; \
    [ $((i % 10)) = 0 ] && echo \"cat: /nowhere/$i: Permission denied\" >&2; sleep 0.005; done; exit 7";

/// The helper processes of a run, without the wrapper: those that run the same program, or a copy of it.
fn helpers(wrapper: i32) -> BTreeSet<i32> {
    let program = std::fs::read_link(format!("/proc/{wrapper}/exe")).ok();
    let mut found = BTreeSet::new();
    let mut open = vec![wrapper];
    while let Some(parent) = open.pop() {
        for child in children(parent) {
            let same = std::fs::read_link(format!("/proc/{child}/exe")).ok() == program;
            if same && program.is_some() && found.insert(child) {
                open.push(child);
            }
        }
    }
    found
}

/// Waits until the command itself runs, and returns its process id. Before that its process is a copy of permwrap, and stopping
/// that would stop the command.
fn await_command(wrapper: i32) -> Option<i32> {
    let program = |pid: i32| std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let own = program(wrapper);
    let runs = |pid: i32| program(pid).is_some_and(|program| Some(program) != own);
    let begun = Instant::now();
    let mut open = vec![wrapper];
    while begun.elapsed() < run::DEADLINE {
        match open.pop() {
            Some(pid) if runs(pid) => return Some(pid),
            Some(pid) => open.extend(children(pid)),
            None => {
                std::thread::sleep(Duration::from_micros(200));
                open.push(wrapper);
            }
        }
    }
    None
}

/// Waits until the process ignores the hangup.
fn await_patience(pid: i32) {
    let ignores = |pid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let signals = status
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:\t"))?;
        Some(u64::from_str_radix(signals, 16).ok()? & 1 != 0)
    };
    let begun = Instant::now();
    while ignores(pid) == Some(false) && begun.elapsed() < run::DEADLINE {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs the command and, some time after its start, sends the signal to the helper at this position in the order of process
/// ids. False if there is none.
fn hit(channel: Channel, signal: Signal, place: usize, after: Duration) -> Result<bool, String> {
    let bare = start(&["/bin/sh", "-c", COMMAND], channel, &none()).ends()?;
    let running = start_wrapped(COMMAND, channel, &none());
    let wrapper = running.pid();
    await_command(wrapper);
    let begun = Instant::now();
    while begun.elapsed() < after {
        std::thread::sleep(Duration::from_millis(1));
    }
    let victim = helpers(wrapper).into_iter().nth(place);
    if let Some(victim) = victim {
        let _ = kill(Pid::from_raw(victim), signal);
    }
    let wrapped = running.ends()?;
    if victim.is_some() && !wrapped.is_like(&bare) {
        return Err(format!(
            "{signal} to helper {place} after {after:?}, {channel:?}\n== bare ==\n{bare}\n== wrapped ==\n{wrapped}"
        ));
    }
    Ok(victim.is_some())
}

#[test]
fn whichever_helper_is_killed_or_stopped_the_command_goes_on() {
    let mut differences = Vec::new();
    for channel in [Channel::Pipe, Channel::File] {
        for signal in [Signal::SIGKILL, Signal::SIGSTOP] {
            for (place, after) in share([(0, 0), (1, 120), (0, 40), (1, 250), (0, 200)], 2) {
                let done = hit(channel, signal, place, Duration::from_millis(after));
                differences.extend(done.err());
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn a_helper_that_is_stopped_on_a_terminal_is_continued() {
    let mut differences = Vec::new();
    for place in 0..4 {
        for after in share([20, 150, 300], 2) {
            let done = hit(
                Channel::Terminal,
                Signal::SIGSTOP,
                place,
                Duration::from_millis(after),
            );
            differences.extend(done.err());
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn helpers_that_are_stopped_again_and_again_end_with_the_command() {
    for channel in Channel::ALL {
        let bare = start(&["/bin/sh", "-c", COMMAND], channel, &none()).ends();
        let running = start_wrapped(COMMAND, channel, &none());
        let wrapper = running.pid();
        let over = Arc::new(AtomicBool::new(false));
        let stopper = std::thread::spawn({
            let over = Arc::clone(&over);
            move || {
                await_command(wrapper);
                while !over.load(SeqCst) {
                    for helper in helpers(wrapper) {
                        let _ = kill(Pid::from_raw(helper), Signal::SIGSTOP);
                    }
                    std::thread::sleep(Duration::from_millis(3));
                }
            }
        });
        let wrapped = running.ends();
        over.store(true, SeqCst);
        stopper.join().expect("the stopper ends");
        let (bare, wrapped) = (bare.expect("it ends"), wrapped.expect("it ends"));
        assert!(
            wrapped.is_like(&bare),
            "{channel:?}\n== bare ==\n{bare}\n== wrapped ==\n{wrapped}"
        );
    }
}

#[test]
fn a_killed_monitor_hangs_up_the_commands_terminal_and_no_more() {
    let patient = format!("trap '' HUP; {COMMAND}");
    let endless = format!("({COMMAND}); sleep 1000");
    for after in share([5, 60, 200], 1) {
        // What ignores the hangup goes on as if nothing had happened.
        let whole = start(&["/bin/sh", "-c", &patient], Channel::Terminal, &none()).ends();
        let wrapped = without_monitor(&patient, Killed::Monitor(Duration::from_millis(after)));
        let (bare, wrapped) = (whole.expect("it ends"), wrapped.expect("it ends"));
        assert!(
            wrapped.is_like(&bare),
            "after {after} ms\n== bare ==\n{bare}\n== wrapped ==\n{wrapped}"
        );
        // What does not is ended by it, however late that is.
        let wrapped = without_monitor(&endless, Killed::Monitor(Duration::from_millis(after)));
        let wrapped = wrapped.expect("it ends");
        assert_eq!(
            wrapped.status.signal(),
            Some(nix::libc::SIGHUP),
            "{wrapped}"
        );
    }
}

/// The connection to the monitor is closed at once if no other process holds it open. That is not the command's end, however
/// long that takes.
#[test]
fn the_monitors_end_is_not_taken_for_the_commands() {
    let lasting = "trap '' HUP; echo first; sleep 2; echo last; exit 7";
    let bare = start(&["/bin/sh", "-c", lasting], Channel::Terminal, &none()).ends();
    let wrapped = without_monitor(lasting, Killed::WithListener);
    let (bare, wrapped) = (bare.expect("it ends"), wrapped.expect("it ends"));
    assert!(
        wrapped.is_like(&bare),
        "== bare ==\n{bare}\n== wrapped ==\n{wrapped}"
    );
}

/// What is killed once the command runs and, if it is going to, ignores the hangup.
enum Killed {
    /// The monitor, some time afterwards.
    Monitor(Duration),
    /// The monitor's own child, and then the monitor.
    WithListener,
}

/// Runs the script on a terminal, and kills the monitor.
fn without_monitor(script: &str, killed: Killed) -> Result<run::Seen, String> {
    let running = start_wrapped(script, Channel::Terminal, &none());
    let wrapper = running.pid();
    let command = await_command(wrapper).ok_or("the command does not start")?;
    if script.starts_with("trap '' HUP") {
        await_patience(command);
    }
    // The helper that leads a session of its own.
    let leads =
        |pid: &i32| nix::unistd::getsid(Some(Pid::from_raw(*pid))) == Ok(Pid::from_raw(*pid));
    let monitor = helpers(wrapper).into_iter().find(leads);
    let monitor = monitor.ok_or_else(|| "there is no monitor".to_owned())?;
    let first = match killed {
        Killed::Monitor(after) => {
            std::thread::sleep(after);
            None
        }
        Killed::WithListener => Some(children(monitor).into_iter().find(|pid| *pid != command))
            .map(|listener| listener.ok_or("there is no listener"))
            .transpose()?,
    };
    for victim in first.into_iter().chain([monitor]) {
        let _ = kill(Pid::from_raw(victim), Signal::SIGKILL);
    }
    running.ends()
}

#[test]
fn nothing_is_left_to_whoever_gets_the_orphans() {
    for options in [&[][..], &["--trace"]] {
        nothing_is_left_with(options);
    }
}

fn nothing_is_left_with(options: &[&str]) {
    forked(|| {
        // SAFETY: no memory is involved.
        unsafe { nix::libc::prctl(nix::libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
        for script in ["exit 3", crate::run::COMMAND] {
            for channel in Channel::ALL {
                let permwrap = support::permwrap().display().to_string();
                let command = ["--", "/bin/sh", "-c", script];
                let words = [&[permwrap.as_str()], options, &command].concat();
                let ended = start(&words, channel, &none()).ends();
                assert!(ended.is_ok(), "{:?}", ended.err());
                let left =
                    nix::sys::wait::waitpid(None, Some(nix::sys::wait::WaitPidFlag::WNOHANG));
                assert_eq!(
                    left,
                    Err(nix::errno::Errno::ECHILD),
                    "{channel:?} {options:?}: {script}"
                );
            }
        }
    });
}

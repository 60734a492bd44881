//! `--trace`: system calls as a second source of information, besides the command's output.
//!
//! The tracer is a separate process, so that it does not interfere with the relay: as long as another process is the tracer,
//! the kernel reports a process's stops and its end to the parent as usual (wait_consider_task). It is started before the
//! command, attaches when the command asks it to ([`Tracing::join`]), and writes what it observes into a [log](Log) shared with
//! the wrapper. It runs until no tracee is left, even if the wrapper has ended or was killed: a process with the filter needs
//! its tracer, or the kernel answers the filtered calls with ENOSYS. That cannot be avoided if the tracer is killed: a filter
//! is never removed, none of its answers means "stop, or else go on" (user notification answers ENOSYS without a listener, too),
//! and another tracer could attach only after the kernel has let the processes go on.

pub mod entry;
pub mod table;

mod call;
mod filter;
mod foresight;
mod log;
mod look;
mod object;
mod record;
mod refusals;
mod sys;
mod tracee;
mod tracer;
mod wait;

pub use call::{Call, Calls};
pub use log::{Log, Met, Place};

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc;

use super::sys::{self as calls, conversation};
use crate::complaint::complain;
pub use entry::{FilePrivileges, Remark};

use entry::Entry;
use tracer::Tracer;

/// The tracer, as seen by the command that is about to start.
#[derive(Debug)]
pub struct Tracing {
    pid: i32,
    tracer: OwnedFd,
    log: Log,
    filter: Vec<libc::sock_filter>,
}

/// The length of a message between the command's process and the tracer, in bytes.
const LENGTH: usize = 4;

impl Tracing {
    /// Starts the tracer, which writes into this log.
    ///
    /// # Errors
    /// Fails if no process can be created.
    fn start(log: Log, is_filtered: bool) -> io::Result<Tracing> {
        let (ours, theirs) = conversation()?;
        // The tracer must outlive the signals that end the wrapper.
        let mask = calls::block_all()?;
        let wrapper = std::process::id() as i32;
        // SAFETY: this process has a single thread.
        let started = unsafe { calls::fork() };
        if matches!(started, Ok(None)) {
            drop(ours);
            serve(theirs, log, is_filtered, wrapper);
        }
        calls::set_mask(mask);
        Ok(Tracing {
            pid: started?.unwrap_or(0),
            tracer: ours,
            log,
            filter: filter::filter(),
        })
    }

    /// Ends the tracer if it traces nothing any more. Otherwise it goes on for the sake of processes that the command left
    /// behind.
    pub fn reap(&self) {
        match self.log.is_over() {
            true => calls::end(self.pid),
            // In case it was killed.
            false => drop(calls::is_reaped(self.pid)),
        }
    }

    /// Ends the tracer, which has not attached to anything.
    pub fn end(&self) {
        calls::end(self.pid);
    }

    /// Attaches the tracer to this process, just before it becomes the command. Makes only system calls.
    pub fn join(&self) {
        sys::allow_tracer(self.pid);
        say(&self.tracer, std::process::id() as i32);
        if hear(&self.tracer) == Some(0) {
            self.log.tell_installed(sys::install_filter(&self.filter));
        }
    }
}

/// The attributes of this process that determine whether, and how, a child of it can be traced.
struct Standing {
    tracer: String,
    may_trace_all: bool,
    /// Whether a seccomp filter is already in force, which the command inherits.
    is_filtered: bool,
}

impl Standing {
    fn read() -> Standing {
        let status = look::text_of("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name));
            value.map(str::trim).unwrap_or_default().to_owned()
        };
        let effective = u64::from_str_radix(&field("CapEff:"), 16).unwrap_or(0);
        Standing {
            tracer: field("TracerPid:"),
            // CAP_SYS_PTRACE is capability 19.
            may_trace_all: effective >> 19 & 1 == 1,
            is_filtered: field("Seccomp:") == "2",
        }
    }

    /// Why tracing is not possible here, if that is known beforehand.
    fn obstacle(&self) -> Option<String> {
        let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
        let scope = scope.ok().and_then(|scope| scope.trim().parse().ok());
        if table::Abi::HERE.is_empty() {
            Some("this machine's system calls are not known to it".to_owned())
        } else if !matches!(self.tracer.as_str(), "" | "0") {
            Some("this process is traced already, and a process has one tracer".to_owned())
        } else if let Some(scope) = forbidding(scope, self.may_trace_all) {
            Some(format!(
                "kernel.yama.ptrace_scope is {scope}, which forbids it"
            ))
        } else if sys::errno_of_tracing_nobody() != libc::ESRCH {
            Some("a filter of system calls (seccomp) forbids ptrace(2)".to_owned())
        } else {
            None
        }
    }
}

/// The Yama setting, if it forbids tracing one's own child (yama_ptrace_access_check): 2 requires CAP_SYS_PTRACE, 3 forbids it
/// to everybody.
fn forbidding(scope: Option<u32>, may_trace_all: bool) -> Option<u32> {
    scope.filter(|scope| *scope == 3 || *scope == 2 && !may_trace_all)
}

/// Starts the tracer if possible; otherwise prints the reason on stderr.
#[must_use]
pub fn start(log: Log) -> Option<Tracing> {
    let standing = Standing::read();
    let started = match standing.obstacle() {
        None => Tracing::start(log, standing.is_filtered).map_err(|error| error.to_string()),
        Some(obstacle) => Err(obstacle),
    };
    if let Err(why) = &started {
        log.leave_unused();
        tell_why_not(why);
    }
    started.ok()
}

/// Says on stderr why there is no trace.
fn tell_why_not(why: &str) {
    complain(&format!(
        "--trace is not possible: {why}; the command runs without it"
    ));
}

/// The content of /proc/PID/status as it would be without the tracer's filter: if that is the only filter, none is shown.
#[must_use]
pub fn without_tracers_filter(status: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(status);
    if !text.lines().any(|line| line == "Seccomp_filters:\t1") {
        return status.to_vec();
    }
    text.replace("Seccomp:\t2", "Seccomp:\t0").into_bytes()
}

fn say(to: &OwnedFd, word: i32) {
    let _ = calls::send_now(to, &word.to_ne_bytes());
}

fn hear(from: &OwnedFd) -> Option<i32> {
    let mut word = [0; LENGTH];
    loop {
        match calls::read(from, &mut word) {
            Ok(LENGTH) => return Some(i32::from_ne_bytes(word)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
}

/// The main function of the tracer.
fn serve(command: OwnedFd, log: Log, is_filtered: bool, wrapper: i32) -> ! {
    calls::set_disposition(libc::SIGCHLD, libc::SIG_DFL);
    // SAFETY: this process uses no other descriptor, and exits after this function.
    unsafe { calls::keep_only(&[command.as_raw_fd()]) };
    calls::leave_directory();
    // It leaves the job's process group, so that the job's stops do not apply to it. It does not create a session: the
    // scheduler would treat that as a group of its own (sched(7), autogroup), and the tracer would wait for its turn at each
    // stop.
    let _ = rustix::process::setpgid(None, None);
    sys::set_name(c"permwrap-trace");
    // What takes time is done while the wrapper prepares the command.
    let mut tracer = Tracer::new(log);
    let Some(pid) = hear(&command) else {
        calls::exit(0)
    };
    if let Err(error) = sys::seize(pid) {
        let errno = error.raw_os_error().unwrap_or(libc::EPERM);
        log.append(&Entry::Remark(Remark::NotTraced(errno)).to_bytes(), pid);
        log.settle(true);
        say(&command, errno);
        calls::exit(0);
    }
    say(&command, 0);
    drop(command);
    tracer.run(pid, is_filtered);
    if tracer.holds_worlds() {
        // The diagnosis takes them over when it needs them, which may be after the command has ended.
        calls::end_with_parent(wrapper);
        while calls::wait_for_signal().is_some() {}
    }
    calls::exit(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yama_forbids_by_two_and_three() {
        let forbidden = |may_trace_all| {
            [None, Some(0), Some(1), Some(2), Some(3)].map(|scope| forbidding(scope, may_trace_all))
        };
        assert_eq!(forbidden(false), [None, None, None, Some(2), Some(3)]);
        assert_eq!(forbidden(true), [None, None, None, None, Some(3)]);
    }

    #[test]
    fn the_tracers_own_filter_is_not_the_processs() {
        let alone = b"NoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n";
        let with_others = b"Seccomp:\t2\nSeccomp_filters:\t2\n";
        assert_eq!(
            without_tracers_filter(alone),
            b"NoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t1\n"
        );
        assert_eq!(without_tracers_filter(with_others), with_others);
    }
}

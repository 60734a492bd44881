//! The state of a process, from `/proc/PID/stat` (proc_pid_stat(5)).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::read;

/// More than the file can hold: some fifty numbers and a name, in bytes.
const LONGEST: usize = 2048;

/// What is used of it.
#[derive(Debug)]
pub struct ProcessStat {
    /// The name (`comm`).
    pub name: Vec<u8>,
    /// The parent's process id.
    pub parent: i32,
    /// The start time, in clock ticks since boot.
    pub started: u64,
}

impl ProcessStat {
    /// The present state; `None` if there is no such process.
    #[must_use]
    pub fn read(pid: i32) -> Option<ProcessStat> {
        let mut stat = [0; LONGEST];
        let how = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = open(format!("/proc/{pid}/stat"), how, Mode::empty()).ok()?;
        // The kernel returns all of it at once.
        let length = read(file, &mut stat).ok()?;
        parse(&stat[..length])
    }
}

/// The name is in parentheses and may contain anything; words follow.
fn parse(stat: &[u8]) -> Option<ProcessStat> {
    const PARENT: usize = 1;
    const STARTED: usize = 19;
    let name = stat.iter().position(|b| *b == b'(')? + 1;
    let end = stat.iter().rposition(|b| *b == b')')?;
    let rest = std::str::from_utf8(&stat[end + 1..]).ok()?;
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(ProcessStat {
        name: stat.get(name..end)?.to_vec(),
        parent: words.get(PARENT)?.parse().ok()?,
        started: words.get(STARTED)?.parse().ok()?,
    })
}

/// When permwrap's parent process started, since the epoch.
pub(super) fn parents_start() -> Option<Duration> {
    start_of(rustix::process::getppid()?.as_raw_nonzero().get())
}

/// When a process started, since the epoch, to a tick.
fn start_of(pid: i32) -> Option<Duration> {
    /// Ticks per second (USER_HZ).
    const TICKS: u64 = 100;
    let ticks = ProcessStat::read(pid)?.started;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
    let uptime = Duration::try_from_secs_f64(uptime).ok()?;
    let age = uptime.checked_sub(Duration::from_millis(ticks * 1000 / TICKS))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    now.checked_sub(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_parentheses_and_blanks() {
        let line = "42 (a) b (c) S 7 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        let stat = parse(line.as_bytes()).expect("it is complete");
        assert_eq!(stat.name, b"a) b (c");
        assert_eq!((stat.parent, stat.started), (7, 4711));
    }
}

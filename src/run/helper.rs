//! A forked copy of this process, for work that the relay must not wait for. If it runs out of memory, panics, or blocks for
//! ever on a dead file system, only its answer is lost.

use std::os::fd::AsFd;
use std::panic;
use std::time::Duration;

use nix::libc;

use super::{memory, sys};

/// How long to wait for a killed helper to terminate, in milliseconds. After that it is left behind, unless it is still waiting
/// for a busy processor.
const GOING: u32 = 20;
const PATIENCE: u32 = 2000;

/// The unit of processor times in /proc (USER_HZ), which is the same on every architecture that permwrap is built for.
const MILLISECONDS_OF_A_TICK: u64 = 10;

/// A running helper.
#[derive(Debug)]
pub struct Helper {
    pid: i32,
    /// The processor time used when it was last checked, in clock ticks.
    used: u64,
}

impl Helper {
    /// Starts a helper, which calls `life` and exits. `None` if no process can be created.
    ///
    /// # Safety
    /// This process must have a single thread.
    pub unsafe fn start(life: impl FnOnce()) -> Option<Helper> {
        let parent = std::process::id() as i32;
        // SAFETY: guaranteed by the caller.
        match unsafe { sys::fork() }.ok()? {
            None => {
                sys::end_with_parent(parent);
                memory::give_up();
                yield_to_others();
                // A panic message would appear on the command's stderr, and an abort would leave a core dump.
                panic::set_hook(Box::new(|_| sys::exit(0)));
                life();
                sys::exit(0)
            }
            Some(pid) => Some(Helper { pid, used: 0 }),
        }
    }

    /// Whether it has used the processor since the last call, or is waiting for a busy one. A helper that waits for a file
    /// system has done neither.
    pub fn works(&mut self) -> bool {
        let stat = std::fs::read(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let Some((state, used)) = state_and_time(&stat) else {
            return false;
        };
        let worked = used > self.used;
        self.used = used;
        worked || state == b'R'
    }

    /// The processor time that it has used.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let (_, ticks) = state_and_time(&stat).unwrap_or_default();
        Duration::from_millis(ticks * MILLISECONDS_OF_A_TICK)
    }

    /// Kills and reaps it. If it cannot be killed because it waits for a dead file system, it is left behind.
    pub fn dismiss(mut self) {
        // Without it, which only saves waiting too long, nothing is waited for but time.
        let end = sys::end_of(self.pid);
        sys::kill(self.pid, libc::SIGKILL);
        for waited in 0..PATIENCE {
            if sys::is_reaped(self.pid) || waited >= GOING && !self.works() {
                return;
            }
            let end = end.as_ref().map(AsFd::as_fd);
            sys::poll(&mut [sys::watch(end, libc::POLLIN)], 1);
        }
    }
}

/// Lets the kernel kill this process first when memory is short, and suppresses core files.
fn yield_to_others() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    sys::forbid_core_files();
}

/// The state and the processor time from /proc/PID/stat (proc_pid_stat(5)). The process name before them may contain anything.
fn state_and_time(stat: &[u8]) -> Option<(u8, u64)> {
    const USER: usize = 11;
    const SYSTEM: usize = 12;
    let end = memchr::memrchr(b')', stat)?;
    let words: Vec<&str> = std::str::from_utf8(&stat[end + 1..])
        .ok()?
        .split_ascii_whitespace()
        .collect();
    let ticks = |at: usize| words.get(at)?.parse::<u64>().ok();
    let state = *words.first()?.as_bytes().first()?;
    Some((state, ticks(USER)? + ticks(SYSTEM)?))
}

#[cfg(test)]
mod tests {
    use super::state_and_time;

    #[test]
    fn a_name_may_look_like_anything() {
        let stat = b"42 (a) R 9 9 (b) D 1 42 1 0 -1 4194304 99 0 0 0 7 5 0 0 20 0 1 0 100\n";
        assert_eq!(state_and_time(stat), Some((b'D', 12)));
        assert_eq!(state_and_time(b"42 (a"), None);
    }
}

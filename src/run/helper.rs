//! A copy of this process that does what the relay must not wait for. Whatever happens to it costs its answer and nothing
//! else: it may run out of memory, panic, or hang for ever on a file system that does not answer.

use std::panic;

use nix::libc;

use super::{memory, sys};

/// How long one that was killed may take to be gone, before it is left behind; in milliseconds.
const GOING: u32 = 20;

/// A copy at work.
#[derive(Debug)]
pub struct Helper {
    pid: i32,
    /// The processor time it had used when it was asked about last, in ticks of the clock.
    used: u64,
}

impl Helper {
    /// Starts one that lives this life and then ends. `None` when there is no process to be had.
    ///
    /// # Safety
    /// This process must have one thread.
    pub unsafe fn start(life: impl FnOnce()) -> Option<Helper> {
        let parent = std::process::id() as i32;
        // SAFETY: the caller's promise.
        match unsafe { sys::fork() }.ok()? {
            None => {
                sys::end_with_parent(parent);
                memory::give_up();
                yield_to_others();
                // A panic's own message would be one more line on the command's stderr.
                panic::set_hook(Box::new(|_| {}));
                let _ = panic::catch_unwind(panic::AssertUnwindSafe(life));
                sys::exit(0)
            }
            Some(pid) => Some(Helper { pid, used: 0 }),
        }
    }

    /// Whether it has been working since this was asked last, or would be if the machine were not busy with others. One that
    /// waits for a file system does not.
    pub fn works(&mut self) -> bool {
        let stat = std::fs::read(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let Some((state, used)) = state_and_time(&stat) else {
            return false;
        };
        let worked = used > self.used;
        self.used = used;
        worked || state == b'R'
    }

    /// Ends it, and reaps it where it can be ended: one that waits for a dead file system is left behind.
    pub fn dismiss(self) {
        sys::kill(self.pid, libc::SIGKILL);
        for _ in 0..GOING {
            if sys::is_reaped(self.pid) {
                return;
            }
            sys::poll(&mut [], 1);
        }
    }
}

/// Where memory is short, this process is the first to go; and a crash leaves no file behind.
fn yield_to_others() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    sys::forbid_core_files();
}

/// The state and the processor time in /proc/PID/stat (proc_pid_stat(5)). The name before them may hold anything.
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

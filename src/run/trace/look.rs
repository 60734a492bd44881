//! What /proc shows of a stopped process.

use std::collections::{HashMap, VecDeque};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use nix::libc;

use super::entry::Entry;
use super::log::{Log, Place};
use super::sys::Installed;
use super::without_tracers_filter;
use crate::gather::World;
use crate::run::scene::{Process, Watcher};

/// The maximum number of worlds that are held open.
const MOST_WORLDS: usize = 8;

/// The processes as last read, until their credentials or directories change.
#[derive(Default)]
pub struct Looks {
    known: HashMap<i32, (Place, Process)>,
    /// The worlds of the most recent callers that did not see what permwrap sees, held open because they may be gone when they
    /// are needed.
    worlds: VecDeque<Arc<World>>,
}

impl Looks {
    /// The process as it is now, without what the tracer's filter has changed, and the place of its entry in the log. A
    /// `confined` process has set no_new_privs itself.
    pub fn look_at(
        &mut self,
        pid: i32,
        log: Log,
        filter: Installed,
        confined: bool,
    ) -> Option<(Place, Process)> {
        if let Some(look) = self.known.get(&pid) {
            return Some(look.clone());
        }
        let mut process = Watcher::new(0, [None, None]).look_at(pid)?;
        if filter != Installed::Not {
            process.status = without_tracers_filter(&process.status);
        }
        if filter == Installed::WithoutPrivileges && !confined {
            process.status = with_new_privileges(&process.status);
        }
        if let Some(world) = &mut process.world {
            match self.worlds.iter().find(|known| *known == world) {
                Some(known) => *world = Arc::clone(known),
                None => {
                    self.worlds.truncate(MOST_WORLDS - 1);
                    self.worlds.push_front(Arc::clone(world));
                }
            }
        }
        let entry = Entry::Process(Box::new(process.clone()));
        let place = log.append(&entry.to_bytes(), pid)?;
        self.known.insert(pid, (place, process.clone()));
        Some((place, process))
    }

    /// Whether worlds are held open.
    #[must_use]
    pub fn hold_worlds(&self) -> bool {
        !self.worlds.is_empty()
    }

    /// A process has changed, and perhaps others with it.
    pub fn forget_all(&mut self) {
        self.known.clear();
    }

    /// A process has ended.
    pub fn forget(&mut self, pid: i32) {
        self.known.remove(&pid);
    }
}

/// The name of the program that a process runs.
#[must_use]
pub fn program(process: &Process) -> Vec<u8> {
    let first = process
        .cmdline
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default();
    let name = last_component(first);
    if name.is_empty() {
        field(&process.status, b"Name:").to_vec()
    } else {
        name
    }
}

/// The last component of a path.
#[must_use]
pub fn last_component(path: &[u8]) -> Vec<u8> {
    path.rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default()
        .to_vec()
}

/// A field of /proc/PID/status.
fn field<'a>(status: &'a [u8], name: &[u8]) -> &'a [u8] {
    let mut lines = status.split(|byte| *byte == b'\n');
    lines
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default()
        .trim_ascii()
}

/// The id of the process that a thread belongs to.
#[must_use]
pub fn thread_group(process: &Process) -> i32 {
    let number = str::from_utf8(field(&process.status, b"Tgid:")).ok();
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or(process.pid)
}

/// The attributes of a process that access depends on, so that equal calls of similar processes count as equal.
#[must_use]
pub fn credentials(process: &Process) -> Vec<u8> {
    let fields: [&[u8]; 6] = [
        b"Uid:",
        b"Gid:",
        b"Groups:",
        b"CapEff:",
        b"NoNewPrivs:",
        b"Seccomp:",
    ];
    let mut all: Vec<u8> = fields.map(|name| field(&process.status, name)).join(&b'\n');
    all.extend(process.user_ns.unwrap_or(0).to_ne_bytes());
    all
}

/// Whether the program that a process runs has privileges from its file, which it would have received without the tracer.
#[must_use]
pub fn has_privileges(pid: i32) -> bool {
    let program = format!("/proc/{pid}/exe");
    let Ok(file) = std::fs::metadata(&program) else {
        return false;
    };
    let set_id = libc::S_ISUID | libc::S_ISGID;
    let others = file.uid() != nix::unistd::geteuid().as_raw() || file.mode() & libc::S_ISGID != 0;
    (file.mode() & set_id != 0 && others)
        || rustix::fs::getxattr(&program, c"security.capability", &mut [0_u8; 64]).is_ok()
}

/// The security label of a process, given by its name in /proc; `None` if no module assigns labels.
#[must_use]
pub fn label(process: &str) -> Option<Vec<u8>> {
    std::fs::read(format!("/proc/{process}/attr/current")).ok()
}

/// The content of /proc/PID/status as it would be if no_new_privs had not been set for the tracer's filter.
#[must_use]
fn with_new_privileges(status: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(status);
    text.replace("NoNewPrivs:\t1", "NoNewPrivs:\t0")
        .into_bytes()
}

//! What /proc shows of a stopped process.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::iter;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use nix::libc;
use rustix::fs::{AtFlags, CWD, Statx, StatxFlags};

use super::entry::{Entry, FilePrivileges};
use super::log::{Log, Place};
use super::sys::Installed;
use super::without_tracers_filter;
use crate::gather::World;
use crate::run::scene::{Process, Watcher};

/// The maximum number of worlds that are held open.
const MOST_WORLDS: usize = 8;

/// How many processes above this one are examined.
const MOST_ABOVE: usize = 32;

/// The length of most files of /proc, in bytes.
const AT_ONCE: usize = 8192;

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

/// What identifies a program that can be executed, as long as nobody changes its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Program {
    /// The mount that it was found in.
    pub mount: u64,
    /// The device, by its numbers.
    pub device: (u32, u32),
    /// The inode.
    pub inode: u64,
    /// When its file last changed, in any respect.
    pub changed: (i64, u32),
}

/// The program that a process runs, as a file.
#[derive(Debug, Clone, Copy)]
pub struct Running {
    /// What identifies it. For a script, this is its interpreter.
    pub program: Program,
    /// The privileges from its file, which it would have received without the tracer.
    pub privileges: FilePrivileges,
}

/// The program that a process runs; `None` if /proc does not show it.
#[must_use]
pub fn running(pid: i32) -> Option<Running> {
    let name = format!("/proc/{pid}/exe");
    let what = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
    let file = rustix::fs::statx(CWD, &name, AtFlags::STATX_DONT_SYNC, what).ok()?;
    let mode = libc::mode_t::from(file.stx_mode);
    let is_others = file.stx_uid != nix::unistd::geteuid().as_raw();
    let has_capabilities = rustix::fs::getxattr(&name, c"security.capability", &mut [0_u8; 64]);
    Some(Running {
        program: Program::of(&file),
        privileges: FilePrivileges {
            user: (mode & libc::S_ISUID != 0 && is_others).then_some(file.stx_uid),
            group: (mode & libc::S_ISGID != 0).then_some(file.stx_gid),
            capabilities: has_capabilities.is_ok(),
        },
    })
}

impl Program {
    /// The program in a file with these attributes.
    #[must_use]
    pub fn of(file: &Statx) -> Program {
        Program {
            mount: file.stx_mnt_id,
            device: (file.stx_dev_major, file.stx_dev_minor),
            inode: file.stx_ino,
            changed: (file.stx_ctime.tv_sec, file.stx_ctime.tv_nsec),
        }
    }
}

/// The text of a file of /proc, read at once as far as possible, because the kernel makes it anew for each part.
pub fn text_of(file: &str) -> io::Result<String> {
    let mut text = String::with_capacity(AT_ONCE);
    File::open(file)?.take(u64::MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// The security label of a process, given by its name in /proc; `None` if no module assigns labels.
#[must_use]
pub fn label(process: &str) -> Option<Vec<u8>> {
    std::fs::read(format!("/proc/{process}/attr/current")).ok()
}

/// Whether this process, which has this label, may be confined by a profile (AppArmor), or by a sandbox that it was started in:
/// then it may not examine a process above it, although that belongs to the same user (Landlock).
#[must_use]
pub fn is_confined(label: Option<&[u8]>) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    let is_hidden = |pid: &i32| {
        let directory = std::fs::metadata(format!("/proc/{pid}"));
        let program = std::fs::read_link(format!("/proc/{pid}/exe"));
        let is_denied = program.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
        // Where proc is mounted with hidepid=, even the directory may be hidden.
        directory.map_or(true, |directory| directory.uid() == own && is_denied)
    };
    let parent = nix::unistd::getppid().as_raw();
    let mut above = iter::successors(Some(parent), |pid| parent_of(*pid)).take(MOST_ABOVE);
    label.is_some_and(|label| label.trim_ascii().ends_with(b"(enforce)"))
        || above.any(|pid| is_hidden(&pid))
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = text_of(&format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.rsplit_once(") ")?.1;
    let parent = after_name.split(' ').nth(1)?.parse().ok()?;
    (parent > 0).then_some(parent)
}

/// The content of /proc/PID/status as it would be if no_new_privs had not been set for the tracer's filter.
#[must_use]
fn with_new_privileges(status: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(status);
    text.replace("NoNewPrivs:\t1", "NoNewPrivs:\t0")
        .into_bytes()
}

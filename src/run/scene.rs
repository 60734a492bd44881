//! The processes that existed when a message was read: the command and its descendants, inspected before they end.

mod everyone;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::everyone::{Everyone, descendants_of};
use crate::gather::{self, Monitor, World};
use crate::run::stream::Stream;

/// The maximum number of processes inspected; those closest to the command come first.
const MOST: usize = 64;

/// The maximum length of arguments read, of one process and of all, in bytes. Arguments may be megabytes long.
const MOST_WORDS: usize = 64 * 1024;
const MOST_WORDS_OF_ALL: usize = 512 * 1024;

/// The minimum time between two inspections during a stream of messages.
const PAUSE: Duration = Duration::from_millis(10);

/// The processes that may have written a message, in their state when it arrived.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scene {
    /// The directory that the command was started in.
    pub start: Option<PathBuf>,
    /// The command's own process id.
    pub command: i32,
    /// The command first, then its descendants, parents before children; each was alive or a zombie when inspected.
    pub processes: Vec<Process>,
    /// Descendants seen earlier in this run that no longer existed, those seen most recently first.
    pub gone: Vec<Process>,
}

/// A process as /proc shows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Process {
    /// Its process id, as seen by the wrapper.
    pub pid: i32,
    /// Its parent's process id.
    pub parent: i32,
    /// Its working directory; for a zombie, the one last seen. `None` if it was never seen, or cannot be read.
    pub cwd: Option<PathBuf>,
    /// Its root directory; for a zombie, the one last seen. `None` if it was never seen, or cannot be read.
    pub root: Option<PathBuf>,
    /// The content of /proc/PID/status: uids, gids, groups, capabilities, seccomp, no_new_privs. Available for a zombie as
    /// well.
    pub status: Vec<u8>,
    /// The inode number of its user namespace. Available for a zombie as well.
    pub user_ns: Option<u64>,
    /// The content of /proc/PID/uid_map.
    pub uid_map: Vec<u8>,
    /// The content of /proc/PID/gid_map.
    pub gid_map: Vec<u8>,
    /// The content of /proc/PID/attr/current: its security label. Available for a zombie as well. `None` if it cannot be read.
    pub label: Option<Vec<u8>>,
    /// Its arguments, each terminated by a NUL; empty for a zombie that was never seen alive.
    pub cmdline: Vec<u8>,
    /// Whether its stderr or stdout is a channel that the wrapper reads, so that it may have written the message. `None` if that
    /// cannot be read.
    pub on_channel: Option<bool>,
    /// Its world, held open, if it does not see what the wrapper sees. For a process that has ended, the one last seen.
    pub world: Option<Arc<World>>,
    /// Whether it did not see what the wrapper sees, even if its world could not be held open.
    pub elsewhere: bool,
    /// The name or id of its container, if it is not a descendant of the command but was started by a container engine.
    pub container: Option<String>,
    /// Whether it is a zombie.
    pub zombie: bool,
}

impl Process {
    /// Its name (`comm`), from its status.
    #[must_use]
    pub fn name(&self) -> Option<&[u8]> {
        let mut lines = self.status.split(|byte| *byte == b'\n');
        let name = lines.find_map(|line| line.strip_prefix(b"Name:"))?;
        Some(name.trim_ascii())
    }

    /// Its effective uid, from its status.
    #[must_use]
    pub fn uid(&self) -> Option<u32> {
        let mut lines = self.status.split(|byte| *byte == b'\n');
        let uids = lines.find_map(|line| line.strip_prefix(b"Uid:"))?;
        let uids = std::str::from_utf8(uids).ok()?;
        uids.split_ascii_whitespace().nth(1)?.parse().ok()
    }

    /// Whether its world includes its mounts. A process that is ending shows its root directory a moment longer.
    fn is_seen_whole(&self) -> bool {
        let world = self.world.as_ref();
        world.is_some_and(|world| !world.told.mountinfo.is_empty())
    }
}

/// The processes closest to the command: itself and its descendants, parents before children.
#[derive(Debug)]
pub struct Close {
    processes: Vec<Process>,
    /// How many bytes of arguments may still be read.
    room: usize,
}

impl Default for Close {
    fn default() -> Close {
        Close {
            processes: Vec::new(),
            room: MOST_WORDS_OF_ALL,
        }
    }
}

/// Takes scenes, and remembers the last one.
#[derive(Debug)]
pub struct Watcher {
    command: i32,
    /// The targets of /proc/PID/fd/1 and /proc/PID/fd/2 for a process that writes to the channels, as far as they are watched.
    channels: [Option<PathBuf>; 2],
    last: Option<(Instant, Arc<Scene>)>,
    everyone: Option<Everyone>,
}

impl Watcher {
    /// A watcher for the command with this process id. Its watched streams appear as `channels` in /proc/PID/fd.
    #[must_use]
    pub fn new(command: i32, channels: [Option<PathBuf>; 2]) -> Watcher {
        Watcher {
            command,
            channels,
            last: None,
            everyone: None,
        }
    }

    /// The processes closest to the command, as they are now; `None` if a scene was taken a moment ago. They end first, and are
    /// read before anything else is done.
    #[must_use]
    pub fn look_close(&self) -> Option<Close> {
        let is_recent = |(when, _): &(Instant, _)| when.elapsed() < PAUSE;
        if self.last.as_ref().is_some_and(is_recent) {
            return None;
        }
        let mut room = MOST_WORDS_OF_ALL;
        // The command comes first: it most likely wrote the message, and may be about to end.
        let first = self.process(self.command, &mut room);
        let rest = descendants_of(self.command, MOST);
        let rest = rest
            .into_iter()
            .filter_map(|pid| self.process(pid, &mut room));
        Some(Close {
            processes: first.into_iter().chain(rest.collect::<Vec<_>>()).collect(),
            room,
        })
    }

    /// The present scene, with what was read of the closest processes; the previous one if that was taken a moment ago.
    pub fn look(&mut self, close: Option<Close>) -> Arc<Scene> {
        let scene = match (close, &self.last) {
            (None, Some((_, scene))) => return Arc::clone(scene),
            (close, _) => Arc::new(self.take(close.unwrap_or_default())),
        };
        self.last = Some((Instant::now(), Arc::clone(&scene)));
        scene
    }

    /// Forgets the processes that live in worlds of their own, which hold file systems open and so keep them from being
    /// unmounted.
    pub fn let_go(&mut self) {
        if let Some((_, scene)) = &mut self.last {
            let scene = Arc::make_mut(scene);
            scene.processes.retain(|process| process.world.is_none());
            scene.gone.retain(|process| process.world.is_none());
        }
    }

    fn take(&mut self, close: Close) -> Scene {
        let all = Everyone::look(self.command, self.everyone.take());
        let scene = self.compose(close, &all);
        self.everyone = Some(all);
        scene
    }

    fn compose(&self, close: Close, all: &Everyone) -> Scene {
        let Close {
            mut processes,
            mut room,
        } = close;
        let seen = processes.iter().map(|process| process.pid);
        let mut found: HashSet<i32> = seen.chain([self.command]).collect();
        let mut seen = processes
            .iter()
            .chain(self.last.iter().flat_map(|(_, last)| &last.processes));
        let is_command =
            |process: &&Process| process.pid == self.command && !process.cmdline.is_empty();
        let words = seen.find(is_command).map(|process| process.cmdline.clone());
        let words = words.unwrap_or_default();
        let descendants = processes.split_off(processes.len().min(1));
        // Processes started by a container engine come next: they are short-lived as well, and their messages took longer to
        // arrive.
        let first = processes.len();
        let [new, named] = all.contained(self.command, &words);
        let of_old = named.into_iter().map(|contained| (contained, true));
        for ((monitor, inside), is_old) in new.into_iter().map(|one| (one, false)).chain(of_old) {
            let container = monitor.container();
            let before = processes.len();
            // The command may show what an old container wrote, or have run something there which has gone.
            let mut seen = processes[first..].iter();
            if is_old && (seen.any(|process| process.world.is_some()) || tells_a_user(&words)) {
                break;
            }
            let mut half_seen = None;
            for pid in inside {
                if processes.len() < MOST && found.insert(pid) {
                    let process = self.process(pid, &mut room);
                    match process.filter(|process| process.world.is_some()) {
                        Some(process) if process.is_seen_whole() => processes.push(process),
                        process => half_seen = half_seen.or(process),
                    }
                }
            }
            if processes.len() == before && processes.len() < MOST {
                processes.extend(self.ran(&monitor).or(half_seen));
                found.insert(-monitor.pid);
            }
            for process in &mut processes[before..] {
                process.container = Some(container.clone());
            }
        }
        processes.extend(descendants);
        for pid in all.descendants(self.command) {
            if processes.len() < MOST && found.insert(pid) {
                processes.extend(self.process(pid, &mut room));
            }
        }
        let mut gone = Vec::new();
        let start = match &self.last {
            Some((_, before)) => {
                recall(&mut processes, before);
                let before_that = before.processes.iter().chain(&before.gone);
                gone.extend(
                    before_that
                        .filter(|p| !found.contains(&p.pid))
                        .take(MOST)
                        .cloned(),
                );
                before.start.clone()
            }
            None => fs::read_link("/proc/self/cwd").ok(),
        };
        inherit(&mut processes);
        Scene {
            start,
            command: self.command,
            processes,
            gone,
        }
    }

    /// A process in its present state; `None` if it no longer exists.
    #[must_use]
    pub fn look_at(&self, pid: i32) -> Option<Process> {
        self.process(pid, &mut { MOST_WORDS })
    }

    /// A process that ran in a container and has ended, as described by the container's monitor. Its process id is unknown and
    /// replaced by the negated one of the monitor.
    fn ran(&self, monitor: &Monitor) -> Option<Process> {
        let pid = -monitor.pid;
        let last = self.last.iter().flat_map(|(_, scene)| &scene.processes);
        if let Some(known) = last.into_iter().find(|process| process.pid == pid) {
            return Some(known.clone());
        }
        let ran = gather::ran(monitor)?;
        Some(Process {
            pid,
            parent: monitor.pid,
            cwd: Some(ran.cwd),
            root: Some("/".into()),
            cmdline: ran.cmdline,
            status: ran.status,
            user_ns: ran.user_ns,
            uid_map: ran.uid_map,
            gid_map: ran.gid_map,
            label: ran.label,
            world: Some(Arc::new(ran.world)),
            elsewhere: true,
            zombie: true,
            ..Process::default()
        })
    }

    /// Whether one of its streams is a watched channel; `None` if that cannot be read.
    fn is_writer(&self, pid: i32) -> Option<bool> {
        let watched = Stream::BOTH.into_iter().zip(&self.channels);
        let mut answers = watched.filter_map(|(stream, channel)| {
            let channel = channel.as_ref()?;
            let its = fs::read_link(format!("/proc/{pid}/fd/{}", stream.number()));
            Some(*channel == its.ok()?)
        });
        let first = answers.next()?;
        Some(first || answers.any(|is_its| is_its))
    }

    /// Reads first what disappears first: a process that ends releases its memory, then its descriptors, then its directories
    /// (do_exit), and its status last.
    fn process(&self, pid: i32, room: &mut usize) -> Option<Process> {
        let at = |name: &str| format!("/proc/{pid}/{name}");
        let cmdline = read(&at("cmdline"), MOST_WORDS.min(*room)).unwrap_or_default();
        *room -= cmdline.len();
        let on_channel = self.is_writer(pid);
        let cwd = fs::read_link(at("cwd")).ok();
        let root = fs::read_link(at("root")).ok();
        let world = World::of(pid).map(Arc::new);
        // The label is read before the status. If it is missing while the status can still be read, there is none.
        let label = label(&at("attr/current"));
        let status = read(&at("status"), MOST_WORDS).ok()?;
        let user_ns = fs::metadata(at("ns/user"))
            .ok()
            .map(|namespace| namespace.ino());
        let field = |name: &[u8]| {
            let line = status
                .split(|b| *b == b'\n')
                .find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_ascii_start())
        };
        let parent = field(b"PPid:")
            .and_then(|v| std::str::from_utf8(v).ok()?.trim().parse().ok())
            .unwrap_or(0);
        let zombie = field(b"State:").is_some_and(|state| state.starts_with(b"Z"));
        Some(Process {
            pid,
            parent,
            cwd,
            root,
            cmdline,
            on_channel,
            elsewhere: world.is_some(),
            world,
            container: None,
            zombie,
            status,
            user_ns,
            uid_map: read(&at("uid_map"), MOST_WORDS).unwrap_or_default(),
            gid_map: read(&at("gid_map"), MOST_WORDS).unwrap_or_default(),
            label,
        })
    }
}

/// Whether an option of these arguments, each terminated by a NUL, names a user: what is run in a container is then not run as
/// the container's own user.
fn tells_a_user(words: &[u8]) -> bool {
    let mut words = words.split(|&byte| byte == 0);
    words.any(|word| word.starts_with(b"-u") || word.starts_with(b"--user"))
}

/// Without a labelling security module the file does not exist, or reading it fails with EINVAL.
fn label(path: &str) -> Option<Vec<u8>> {
    match fs::read(path) {
        Ok(label) => Some(label),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
            Some(Vec::new())
        }
        Err(_) => None,
    }
}

/// Reads a file of /proc, up to `most` bytes.
fn read(path: &str, most: usize) -> io::Result<Vec<u8>> {
    // Large enough for most files, so that a single read suffices.
    let mut text = Vec::with_capacity(4096);
    File::open(path)?.take(most as u64).read_to_end(&mut text)?;
    Ok(text)
}

/// Restores what was last seen of processes that have ended in the meantime.
fn recall(processes: &mut [Process], before: &Scene) {
    for process in processes.iter_mut().filter(|p| p.zombie) {
        if let Some(known) = before.processes.iter().find(|p| p.pid == process.pid) {
            process.cwd = process.cwd.take().or_else(|| known.cwd.clone());
            process.root = process.root.take().or_else(|| known.root.clone());
            process.world = process.world.take().or_else(|| known.world.clone());
            process.on_channel = process.on_channel.or(known.on_channel);
            if process.cmdline.is_empty() {
                process.cmdline.clone_from(&known.cmdline);
            }
        }
    }
}

/// A process that ended before it was inspected is assumed to have lived in the same world as its parent.
fn inherit(processes: &mut [Process]) {
    for at in 1..processes.len() {
        let (before, rest) = processes.split_at_mut(at);
        let process = &mut rest[0];
        if process.zombie && process.root.is_none() && process.world.is_none() {
            let parent = before.iter().find(|other| other.pid == process.parent);
            process.world = parent.and_then(|parent| parent.world.clone());
        }
    }
}

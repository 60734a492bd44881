//! The processes that existed when a message was read: the command and its descendants, inspected before they end.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::gather::{self, Monitor, ProcessStat, World};
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
}

/// Takes scenes, and remembers the last one.
#[derive(Debug)]
pub struct Watcher {
    command: i32,
    /// The targets of /proc/PID/fd/1 and /proc/PID/fd/2 for a process that writes to the channels, as far as they are watched.
    channels: [Option<PathBuf>; 2],
    last: Option<(Instant, Arc<Scene>)>,
}

impl Watcher {
    /// A watcher for the command with this process id. Its watched streams appear as `channels` in /proc/PID/fd.
    #[must_use]
    pub fn new(command: i32, channels: [Option<PathBuf>; 2]) -> Watcher {
        Watcher {
            command,
            channels,
            last: None,
        }
    }

    /// The present scene; the previous one if that was taken a moment ago.
    pub fn look(&mut self) -> Arc<Scene> {
        if let Some((when, scene)) = &self.last
            && when.elapsed() < PAUSE
        {
            return Arc::clone(scene);
        }
        let scene = Arc::new(self.take());
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

    fn take(&self) -> Scene {
        // The command comes first: it most likely wrote the message, and may be about to end.
        let mut room = MOST_WORDS_OF_ALL;
        let first = self.process(self.command, &mut room);
        let mut processes: Vec<Process> = first.into_iter().collect();
        let mut found: HashSet<i32> = HashSet::from([self.command]);
        let all = Everyone::look();
        // Processes started by a container engine come next: they are short-lived as well, and their messages took longer to
        // arrive.
        for (monitor, inside) in all.contained(self.command) {
            let container = monitor.container();
            let before = processes.len();
            for pid in inside {
                if processes.len() < MOST && found.insert(pid) {
                    let process = self.process(pid, &mut room);
                    processes.extend(process.filter(|process| process.world.is_some()));
                }
            }
            if processes.len() == before && processes.len() < MOST {
                processes.extend(self.ran(&monitor));
                found.insert(-monitor.pid);
            }
            for process in &mut processes[before..] {
                process.container = Some(container.clone());
            }
        }
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

/// All processes, as far as their ancestry is concerned.
struct Everyone(HashMap<i32, ProcessStat>);

impl Everyone {
    fn look() -> Everyone {
        let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = numbers.filter_map(|entry| {
            let name = entry.file_name();
            std::str::from_utf8(name.as_bytes()).ok()?.parse().ok()
        });
        Everyone(
            numbers
                .filter_map(|pid| Some((pid, ProcessStat::read(pid)?)))
                .collect(),
        )
    }

    /// The descendants of a process, parents before children.
    fn descendants(&self, ancestor: i32) -> Vec<i32> {
        let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
        for (pid, stat) in &self.0 {
            children.entry(stat.parent).or_default().push(*pid);
        }
        let mut found = Vec::new();
        let mut open = std::collections::VecDeque::from([ancestor]);
        while let Some(parent) = open.pop_front() {
            for &pid in children.get(&parent).into_iter().flatten() {
                found.push(pid);
                open.push_back(pid);
            }
        }
        found
    }

    /// The monitors of containers that have started a process since process `since` was started, each with those processes.
    fn contained(&self, since: i32) -> Vec<(Monitor, Vec<i32>)> {
        let Some(start) = self.0.get(&since).map(|stat| stat.started) else {
            return Vec::new();
        };
        let is_new = |stat: &ProcessStat| stat.started >= start;
        let mut found = Vec::new();
        for (&pid, stat) in &self.0 {
            if !gather::is_container_monitor(&stat.name) {
                continue;
            }
            // For a container that already existed: what an engine has executed in it since, as a child of the monitor.
            let children = self.0.iter().filter(|(_, child)| child.parent == pid);
            let of_old: Vec<i32> = match is_new(stat) {
                true => Vec::new(),
                false => children
                    .filter(|(_, child)| is_new(child))
                    .map(|(pid, _)| *pid)
                    .collect(),
            };
            if !is_new(stat) && of_old.is_empty() {
                continue;
            }
            let Some(monitor) = Monitor::of(pid) else {
                continue;
            };
            // A process that shares the monitor's mount namespace belongs to the engine itself, such as one that cleans up
            // after a container.
            let mounts = |pid: i32| fs::metadata(format!("/proc/{pid}/ns/mnt")).ok();
            let of_monitor = mounts(pid).map(|namespace| namespace.ino());
            let is_inside = |pid: &i32| {
                mounts(*pid).is_some_and(|namespace| Some(namespace.ino()) != of_monitor)
            };
            let inside = match is_new(stat) {
                true => self.descendants(pid),
                false => of_old,
            };
            found.push((monitor, inside.into_iter().filter(is_inside).collect()));
        }
        found
    }
}

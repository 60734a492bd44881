//! Who was there when a message was read: the command and its descendants, looked at before they are gone.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::gather::{self, Monitor, World};

/// How many processes are looked at; of more, those nearest to the command.
const MOST: usize = 64;

/// How much is read of one process's arguments, and of those of all, in bytes: they may be megabytes each.
const MOST_WORDS: usize = 64 * 1024;
const MOST_WORDS_OF_ALL: usize = 512 * 1024;

/// The least time between two looks, while messages pour in.
const PAUSE: Duration = Duration::from_millis(10);

/// The processes that may have written a message, as they were when it arrived.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scene {
    /// The directory in which the command was started.
    pub start: Option<PathBuf>,
    /// The command's own process id.
    pub command: i32,
    /// The command first, then its descendants, parents before their children; each alive or a zombie when looked at.
    pub processes: Vec<Process>,
    /// Descendants seen on an earlier look of this run that were gone by this one, newest look first.
    pub gone: Vec<Process>,
}

/// One process, as /proc shows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Process {
    /// Its process id, as the wrapper sees it.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// Its working directory; of a zombie the one it was last seen with. `None`: never seen, or not to be read.
    pub cwd: Option<PathBuf>,
    /// Its root directory, likewise.
    pub root: Option<PathBuf>,
    /// /proc/PID/status, whole: uids, gids, groups, capabilities, seccomp, no_new_privs. Also of a zombie.
    pub status: Vec<u8>,
    /// The number of its user namespace, and that namespace's uid_map and gid_map. Also of a zombie.
    pub user_ns: Option<u64>,
    /// /proc/PID/uid_map, whole.
    pub uid_map: Vec<u8>,
    /// /proc/PID/gid_map, whole.
    pub gid_map: Vec<u8>,
    /// /proc/PID/attr/current: its security label. Also of a zombie. `None`: not to be read.
    pub label: Option<Vec<u8>>,
    /// Its arguments, each ended by a NUL; empty for a zombie never seen alive.
    pub cmdline: Vec<u8>,
    /// Whether its stderr is what the wrapper reads, so that the message can be its own. `None`: not to be read.
    pub on_channel: Option<bool>,
    /// What it sees, held open, where that is not what the wrapper sees; of a process that has ended as it was last seen.
    pub world: Option<Arc<World>>,
    /// The container that it runs in, by its name or id, where it is no descendant of the command: an engine started it.
    pub container: Option<String>,
    /// Whether it had ended and waited for its parent to ask.
    pub zombie: bool,
}

impl Process {
    /// Its name (`comm`), as its status has it.
    #[must_use]
    pub fn name(&self) -> Option<&[u8]> {
        let mut lines = self.status.split(|byte| *byte == b'\n');
        let name = lines.find_map(|line| line.strip_prefix(b"Name:"))?;
        Some(name.trim_ascii())
    }
}

/// Looks, and remembers.
#[derive(Debug)]
pub struct Watcher {
    command: i32,
    /// What /proc/PID/fd/2 of a writer shows.
    channel: Option<PathBuf>,
    last: Option<(Instant, Arc<Scene>)>,
}

impl Watcher {
    /// For the command with this process id, whose stderr shows as `channel` in /proc/PID/fd/2.
    #[must_use]
    pub fn new(command: i32, channel: Option<PathBuf>) -> Watcher {
        Watcher {
            command,
            channel,
            last: None,
        }
    }

    /// The scene now; the last one again when that was a moment ago.
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

    /// Forgets the processes that see something else than the wrapper does, and with them what holds their file systems: nobody
    /// is to be kept from unmounting those.
    pub fn let_go(&mut self) {
        if let Some((_, scene)) = &mut self.last {
            let scene = Arc::make_mut(scene);
            scene.processes.retain(|process| process.world.is_none());
            scene.gone.retain(|process| process.world.is_none());
        }
    }

    fn take(&self) -> Scene {
        // The command first: it is the likeliest to have spoken, and may be about to end.
        let mut room = MOST_WORDS_OF_ALL;
        let first = self.process(self.command, &mut room);
        let mut processes: Vec<Process> = first.into_iter().collect();
        let mut found: HashSet<i32> = HashSet::from([self.command]);
        let all = Everyone::look();
        // What an engine has started is as short-lived as any, and the news of it took longer to come here.
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

    /// One process, as it is now; `None` when it is gone.
    #[must_use]
    pub fn look_at(&self, pid: i32) -> Option<Process> {
        self.process(pid, &mut { MOST_WORDS })
    }

    /// What has run in a container and gone already, as the container's monitor was told. It goes by that one's number,
    /// negative: its own is not known.
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
            zombie: true,
            ..Process::default()
        })
    }

    /// What fades first is read first: a process that ends gives up its memory, then its descriptors, then its directories
    /// (do_exit), and its status last.
    fn process(&self, pid: i32, room: &mut usize) -> Option<Process> {
        let at = |name: &str| format!("/proc/{pid}/{name}");
        let cmdline = read(&at("cmdline"), MOST_WORDS.min(*room)).unwrap_or_default();
        *room -= cmdline.len();
        let stderr = fs::read_link(at("fd/2")).ok();
        let cwd = fs::read_link(at("cwd")).ok();
        let root = fs::read_link(at("root")).ok();
        let world = World::of(pid).map(Arc::new);
        // Before the status, so that a label that is not there means that there are none, not that the process had gone.
        let label = label(&at("attr/current"));
        let status = read(&at("status"), MOST_WORDS).ok()?;
        let user_ns = fs::metadata(at("ns/user"))
            .ok()
            .map(|namespace| namespace.ino());
        let on_channel = match (&self.channel, stderr) {
            (Some(ours), Some(its)) => Some(*ours == its),
            _ => None,
        };
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

/// Without a module that labels, the file is missing or reading it answers EINVAL.
fn label(path: &str) -> Option<Vec<u8>> {
    match fs::read(path) {
        Ok(label) => Some(label),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
            Some(Vec::new())
        }
        Err(_) => None,
    }
}

/// The beginning of a file of /proc.
fn read(path: &str, most: usize) -> io::Result<Vec<u8>> {
    // As much as most of them hold, so that one read is enough.
    let mut text = Vec::with_capacity(4096);
    File::open(path)?.take(most as u64).read_to_end(&mut text)?;
    Ok(text)
}

/// Gives what has ended since back what it was seen with.
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

/// A process that ended before it was looked at saw what its parent sees, where that is not what the wrapper sees.
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

/// Every process there is, as far as its line of descent goes.
struct Everyone(HashMap<i32, Stat>);

/// What /proc/PID/stat tells (proc_pid_stat(5)).
struct Stat {
    name: Vec<u8>,
    parent: i32,
    /// When it was started, in ticks since the machine was.
    started: u64,
}

impl Everyone {
    fn look() -> Everyone {
        let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = numbers.filter_map(|entry| {
            let name = entry.file_name();
            std::str::from_utf8(name.as_bytes()).ok()?.parse().ok()
        });
        Everyone(numbers.filter_map(|pid| Some((pid, stat(pid)?))).collect())
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

    /// The monitors of containers that have started something since this process was, each with what still runs of it.
    fn contained(&self, since: i32) -> Vec<(Monitor, Vec<i32>)> {
        let Some(start) = self.0.get(&since).map(|stat| stat.started) else {
            return Vec::new();
        };
        let is_new = |stat: &Stat| stat.started >= start;
        let mut found = Vec::new();
        for (&pid, stat) in &self.0 {
            if !gather::is_container_monitor(&stat.name) {
                continue;
            }
            // Of a container that was there before, what an engine had it run now: a child of the monitor's own.
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
            // What sees the mounts that the monitor sees is the engine's own, such as what tidies up after a container.
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

/// The name stands in parentheses, and may hold anything; what follows are words.
fn stat(pid: i32) -> Option<Stat> {
    const PARENT: usize = 1;
    const STARTED: usize = 19;
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let name = stat.iter().position(|b| *b == b'(')? + 1;
    let end = stat.iter().rposition(|b| *b == b')')?;
    let rest = std::str::from_utf8(&stat[end + 1..]).ok()?;
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        name: stat.get(name..end)?.to_vec(),
        parent: words.get(PARENT)?.parse().ok()?,
        started: words.get(STARTED)?.parse().ok()?,
    })
}

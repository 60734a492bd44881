//! Who descends from whom.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use crate::gather::{self, Monitor, ProcessStat};

/// The maximum number of threads whose children are read.
const MOST_THREADS: usize = 256;

/// The descendants of a process, parents before children, at most so many. Unlike all of /proc, this is read within a fraction
/// of a millisecond. Empty if the kernel does not list children (CONFIG_PROC_CHILDREN).
pub(super) fn descendants_of(ancestor: i32, most: usize) -> Vec<i32> {
    let mut found = Vec::new();
    let mut open = VecDeque::from([ancestor]);
    while let Some(parent) = open.pop_front() {
        let threads = fs::read_dir(format!("/proc/{parent}/task"));
        let threads = threads.into_iter().flatten().flatten().take(MOST_THREADS);
        for thread in threads {
            let children = fs::read_to_string(thread.path().join("children"));
            for child in children.unwrap_or_default().split_ascii_whitespace() {
                let Some(child) = child.parse().ok().filter(|_| found.len() < most) else {
                    return found;
                };
                found.push(child);
                open.push_back(child);
            }
        }
    }
    found
}

/// All processes, as far as their ancestry is concerned.
#[derive(Debug)]
pub(super) struct Everyone {
    all: HashMap<i32, ProcessStat>,
    /// When all of them were read.
    read: Instant,
}

/// How long it is remembered what was read about the processes that are older than the command. A machine may have thousands of
/// them, and they are read again and again during a stream of messages.
const REMEMBERED: Duration = Duration::from_secs(1);

impl Everyone {
    /// Those that exist now. What was read `before` about those that are older than the command is not read again.
    pub(super) fn look(command: i32, before: Option<Everyone>) -> Everyone {
        let before = before.filter(|before| before.read.elapsed() < REMEMBERED);
        let since = before.as_ref().map(|before| before.read);
        let mut known = before.map(|before| before.all).unwrap_or_default();
        let start = known.get(&command).map(|stat| stat.started);
        known.retain(|_, stat| start.is_some_and(|start| stat.started < start));
        let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = numbers.filter_map(|entry| {
            let name = entry.file_name();
            std::str::from_utf8(name.as_bytes()).ok()?.parse().ok()
        });
        let mut stat = |pid| known.remove(&pid).or_else(|| ProcessStat::read(pid));
        Everyone {
            all: numbers.filter_map(|pid| Some((pid, stat(pid)?))).collect(),
            read: since.unwrap_or_else(Instant::now),
        }
    }

    /// The descendants of a process, parents before children.
    pub(super) fn descendants(&self, ancestor: i32) -> Vec<i32> {
        let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
        for (pid, stat) in &self.all {
            children.entry(stat.parent).or_default().push(*pid);
        }
        let mut found = Vec::new();
        let mut open = VecDeque::from([ancestor]);
        while let Some(parent) = open.pop_front() {
            for &pid in children.get(&parent).into_iter().flatten() {
                found.push(pid);
                open.push_back(pid);
            }
        }
        found
    }

    /// The monitors of containers that have started a process since process `since` was started, each with those processes. Then
    /// those whose container is named in `words`, the arguments of that process.
    pub(super) fn contained(&self, since: i32, words: &[u8]) -> [Vec<(Monitor, Vec<i32>)>; 2] {
        let Some(start) = self.all.get(&since).map(|stat| stat.started) else {
            return Default::default();
        };
        let is_new = |stat: &ProcessStat| stat.started >= start;
        let (mut found, mut named) = (Vec::new(), Vec::new());
        for (&pid, stat) in &self.all {
            if !gather::is_container_monitor(&stat.name) {
                continue;
            }
            // For a container that already existed: what an engine has executed in it since, as a child of the monitor.
            let children = self.all.iter().filter(|(_, child)| child.parent == pid);
            let of_old: Vec<i32> = match is_new(stat) {
                true => Vec::new(),
                false => children
                    .filter(|(_, child)| is_new(child))
                    .map(|(pid, _)| *pid)
                    .collect(),
            };
            let Some(monitor) = Monitor::of(pid) else {
                continue;
            };
            let is_old = !is_new(stat) && of_old.is_empty();
            if is_old && !monitor.is_named_in(words) {
                continue;
            }
            // A process that shares the monitor's mount namespace belongs to the engine itself, such as one that cleans up
            // after a container.
            let mounts = |pid: i32| fs::metadata(format!("/proc/{pid}/ns/mnt")).ok();
            let of_monitor = mounts(pid).map(|namespace| namespace.ino());
            let is_inside = |pid: &i32| {
                mounts(*pid).is_some_and(|namespace| Some(namespace.ino()) != of_monitor)
            };
            let inside = match is_new(stat) || is_old {
                true => self.descendants(pid),
                false => of_old,
            };
            let inside = inside.into_iter().filter(is_inside).collect();
            match is_old {
                true => named.push((monitor, inside)),
                false => found.push((monitor, inside)),
            }
        }
        [found, named]
    }
}

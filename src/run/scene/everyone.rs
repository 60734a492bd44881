//! Who descends from whom.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

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
pub(super) struct Everyone(HashMap<i32, ProcessStat>);

impl Everyone {
    pub(super) fn look() -> Everyone {
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
    pub(super) fn descendants(&self, ancestor: i32) -> Vec<i32> {
        let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
        for (pid, stat) in &self.0 {
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

    /// The monitors of containers that have started a process since process `since` was started, each with those processes. If
    /// there are none: those whose container is named in `words`, the arguments of that process.
    pub(super) fn contained(&self, since: i32, words: &[u8]) -> Vec<(Monitor, Vec<i32>)> {
        let Some(start) = self.0.get(&since).map(|stat| stat.started) else {
            return Vec::new();
        };
        let is_new = |stat: &ProcessStat| stat.started >= start;
        let (mut found, mut named) = (Vec::new(), Vec::new());
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
        // The command may show what an old container wrote.
        if found.is_empty() { named } else { found }
    }
}

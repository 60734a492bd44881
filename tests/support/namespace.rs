//! Ends daemons (bindfs, gpg-agent) that would outlive a test and keep its mount namespace alive.

use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Ends every process in the mount namespace of this process (`self` or a process id), except the test itself.
pub fn end_processes_of_namespace_of(process: &str) {
    let namespace_of = |process: &Path| std::fs::read_link(process.join("ns/mnt")).ok();
    let process = PathBuf::from(format!("/proc/{process}"));
    // As long as it is held, no new namespace gets its number, by which the processes are found.
    let held = std::fs::File::open(process.join("ns/mnt"));
    let (Some(namespace), Ok(_held)) = (namespace_of(&process), held) else {
        return;
    };
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
            .map(Pid::from_raw);
        if let Some(pid) = pid.filter(|pid| *pid != Pid::this())
            && namespace_of(&entry.path()).as_ref() == Some(&namespace)
        {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

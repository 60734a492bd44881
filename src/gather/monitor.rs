//! The monitor processes of container engines. They are the parents of what runs in a container, and outlive the engine's
//! client.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::bundle;
use crate::byte_path;

/// The number of characters of a container id in its short form.
const SHORT: usize = 12;

/// A process that monitors a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitor {
    /// Its process id.
    pub pid: i32,
    words: Vec<Vec<u8>>,
}

/// Whether a process with this name (`comm`) is a monitor: conmon of podman and CRI-O, or containerd's shim (of Docker, nerdctl
/// and Kubernetes).
#[must_use]
pub fn is_container_monitor(name: &[u8]) -> bool {
    // The kernel truncates names to 15 bytes.
    name == b"conmon" || name.starts_with(b"containerd-shim")
}

/// The monitor of the container that a process lives in, found among its ancestors.
pub(super) fn over(pid: i32) -> Option<Monitor> {
    /// The maximum number of ancestors examined.
    const DEEPEST: usize = 16;
    let mut pid = pid;
    for _ in 0..DEEPEST {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::trim)
        };
        if is_container_monitor(field("Name:")?.as_bytes()) {
            return Monitor::of(pid);
        }
        pid = field("PPid:")?.parse().ok().filter(|&parent| parent > 1)?;
    }
    None
}

impl Monitor {
    /// The monitor with this process id, whose name must satisfy `is_container_monitor`.
    #[must_use]
    pub fn of(pid: i32) -> Option<Monitor> {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        Some(Monitor::parse(pid, &line))
    }

    fn parse(pid: i32, cmdline: &[u8]) -> Monitor {
        let words = cmdline.split(|&byte| byte == 0).map(<[u8]>::to_vec);
        Monitor {
            pid,
            words: words.collect(),
        }
    }

    /// Whether its command line can be trusted: the process belongs to root or to the reader.
    pub(super) fn is_trusted(&self) -> bool {
        let owner = fs::metadata(format!("/proc/{}", self.pid)).map(|process| process.uid());
        owner.is_ok_and(|owner| owner == 0 || owner == nix::unistd::geteuid().as_raw())
    }

    /// The name of the container, or its short id; empty if neither is known.
    #[must_use]
    pub fn container(&self) -> String {
        let short = |id: &[u8]| {
            let id = String::from_utf8_lossy(id);
            id.chars().take(SHORT).collect()
        };
        match (self.after("-n"), self.after("-id")) {
            (Some(name), _) => String::from_utf8_lossy(name).into_owned(),
            (None, Some(id)) if self.after("-namespace") == Some(b"moby") => {
                bundle::docker_name(self).unwrap_or_else(|| short(id))
            }
            (None, id) => id
                .or_else(|| self.after("-c"))
                .map(short)
                .unwrap_or_default(),
        }
    }

    /// Whether one of these arguments, each terminated by a NUL, is the name of the container or the beginning of its id.
    #[must_use]
    pub fn is_named_in(&self, cmdline: &[u8]) -> bool {
        let name = self.container();
        let is_it = |word: &[u8]| {
            let is_id = word.len() >= SHORT && self.id().is_some_and(|id| id.starts_with(word));
            !word.is_empty() && word == name.as_bytes() || is_id
        };
        cmdline.split(|&byte| byte == 0).any(is_it)
    }

    /// The command prefix that runs a command as root in the container; empty unless the container belongs to the user, whose
    /// engine alone knows it.
    pub(super) fn enter(&self) -> Vec<Vec<u8>> {
        let own = fs::metadata(format!("/proc/{}", self.pid)).map(|process| process.uid());
        if own.ok() != Some(nix::unistd::geteuid().as_raw()) {
            return Vec::new();
        }
        let engine = match self.after("--exit-command") {
            Some(command) => byte_path::name(command),
            None if self.after("-namespace") == Some(b"moby") => b"docker",
            None => return Vec::new(),
        };
        let name = self.container();
        let words = [engine, b"exec", b"-u", b"0", name.as_bytes()];
        words.map(<[u8]>::to_vec).to_vec()
    }

    /// The id of the container.
    #[must_use]
    pub fn id(&self) -> Option<&[u8]> {
        self.after("-c").or_else(|| self.after("-id"))
    }

    /// The directories in which `config.json` may lie. conmon is given the bundle directory, or for `exec` a subdirectory of
    /// it; a shim has it as its working directory.
    pub(super) fn bundles(&self) -> Vec<PathBuf> {
        match self.after("-b") {
            Some(told) => {
                let told = self.seen(super::path(told));
                let above = told.parent().map(Path::to_owned);
                [told].into_iter().chain(above).collect()
            }
            None => vec![PathBuf::from(format!("/proc/{}/cwd", self.pid))],
        }
    }

    /// The file that describes the process, unless that is the container's first process.
    pub(super) fn process_spec(&self) -> Option<PathBuf> {
        let told = self.after("--exec-process-spec")?;
        Some(self.seen(super::path(told)))
    }

    /// The path here of what the monitor sees at `path`.
    pub(super) fn seen(&self, path: &Path) -> PathBuf {
        let path = path.as_os_str().as_bytes();
        let path = path.strip_prefix(b"/").unwrap_or(path);
        PathBuf::from(format!("/proc/{}/root", self.pid)).join(super::path(path))
    }

    fn after(&self, option: &str) -> Option<&[u8]> {
        let at = self
            .words
            .iter()
            .position(|word| word == option.as_bytes())?;
        self.words.get(at + 1).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monitors_tell_the_container() {
        let conmon =
            b"/usr/bin/conmon\0-c\08d9271871292d27917b\0-n\0shop-web\0-b\0/run/x/userdata\0";
        let conmon = Monitor::parse(1, conmon);
        assert_eq!(conmon.container(), "shop-web");
        assert_eq!(conmon.id(), Some(&b"8d9271871292d27917b"[..]));
        assert_eq!(
            conmon.bundles()[0],
            Path::new("/proc/1/root/run/x/userdata")
        );
        assert!(conmon.is_named_in(b"podman\0logs\0shop-web\0"));
        assert!(conmon.is_named_in(b"podman\0logs\08d9271871292\0"));
        assert!(!conmon.is_named_in(b"podman\0logs\0shop\08d\0\0"));
        let shim = b"containerd-shim-runc-v2\0-namespace\0k8s.io\0-id\08d9271871292d27917b\0";
        assert_eq!(Monitor::parse(1, shim).container(), "8d9271871292");
        assert!(is_container_monitor(b"containerd-shim") && !is_container_monitor(b"containerd"));
    }
}

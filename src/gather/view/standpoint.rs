//! Where the process stands: its root and working directory, its mounts and the place that it lives in, through what was held open
//! while it existed, or else through `/proc`.

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::View;
use crate::attempt::{Numbers, Place};
use crate::byte_path;
use crate::gather::namespaces;
use crate::gather::world::{Laid, World};

impl View {
    /// A path of the process, made absolute by its working directory.
    pub(super) fn absolute(&self, path: Vec<u8>) -> Vec<u8> {
        if path.starts_with(b"/") {
            return path;
        }
        let process = self.pid.map_or("self".to_owned(), |pid| pid.to_string());
        let directory = std::fs::read_link(format!("/proc/{process}/cwd")).unwrap_or_default();
        let directory = self.as_subject_sees(&directory.into_os_string().into_vec());
        [directory.as_slice(), b"/", &path].concat()
    }

    /// Converts a path as the kernel shows it to permwrap into the path that the process would use.
    pub(in crate::gather) fn as_subject_sees(&self, path: &[u8]) -> Vec<u8> {
        if self.root_path == b"/" {
            return path.to_vec();
        }
        match path.strip_prefix(self.root_path.as_slice()) {
            Some(b"") => b"/".to_vec(),
            Some(inside) if inside.starts_with(b"/") => inside.to_vec(),
            _ => path.to_vec(),
        }
    }

    /// Whether the world of the process was reconstructed from a container's configuration.
    pub(in crate::gather) fn is_laid_out(&self) -> bool {
        self.laid(0).is_some()
    }

    /// The mount with this index in a reconstructed world.
    pub(in crate::gather) fn laid(&self, laid: usize) -> Option<&Laid> {
        self.world.as_ref()?.told.laid.get(laid)
    }

    /// Whether the path is the mount point of this mount in a reconstructed world; never true for its root directory.
    pub(in crate::gather) fn is_point(&self, laid: usize, path: &[u8]) -> bool {
        laid > 0 && self.laid(laid).is_some_and(|laid| laid.point == path)
    }

    /// Whether this is the root directory of a tree that was made up of mounts: of what leads to them, only that it exists is
    /// known.
    pub(in crate::gather) fn is_made_up(&self, laid: usize) -> bool {
        laid == 0 && self.laid(0).is_some_and(|root| root.unseen)
    }

    /// Whether nothing of this mount of a reconstructed world can be looked at: it was a file system of its own, or its source has gone.
    pub(in crate::gather) fn is_gone(&self, laid: usize) -> bool {
        let world = self.world.as_ref();
        laid > 0 && world.is_some_and(|world| !world.has_source(laid))
    }

    /// Whether something is mounted below this path of a reconstructed world.
    pub(in crate::gather) fn leads_to_a_mount(&self, path: &[u8]) -> bool {
        let laid = self.world.iter().flat_map(|world| &world.told.laid);
        laid.skip(1)
            .any(|laid| byte_path::below(&laid.point, path).is_some())
    }

    /// The mount point over this path in a tree that was made up of mounts.
    pub(super) fn made_up_over(&self, path: &[u8]) -> Option<&[u8]> {
        let laid = self.world.iter().flat_map(|world| &world.told.laid);
        let points = laid.skip(1).map(|laid| laid.point.as_slice());
        let over = points.filter(|point| byte_path::is_within(path, point));
        over.max_by_key(|point| point.len())
            .filter(|_| self.is_made_up(0))
    }

    /// The mount at this path of a reconstructed world: its index, and its source if that can be opened.
    pub(in crate::gather) fn laid_at(&self, path: &[u8]) -> Option<(usize, Option<OwnedFd>)> {
        let world = self.world.as_ref()?;
        let laid = world.laid_at(path)?;
        Some((laid, world.source(laid)))
    }

    /// The uid and gid mappings of the process's user namespace, unless that is permwrap's own.
    pub(in crate::gather) fn numbers(&self) -> Option<[Numbers; 2]> {
        match &self.world {
            Some(world) => world.numbers(),
            None => World::of(self.pid?)?.numbers(),
        }
    }

    /// The command prefix that runs a command as root where the process lives; empty once the process has ended.
    pub(in crate::gather) fn enter(&self) -> Vec<Vec<u8>> {
        match (&self.world, self.pid) {
            (Some(world), Some(_)) => world.told.enter.clone(),
            (None, Some(pid)) => World::of(pid)
                .map(|world| world.told.enter)
                .unwrap_or_default(),
            (_, None) => Vec::new(),
        }
    }

    /// Opens the root directory of the process.
    pub(in crate::gather) fn open_root(&self) -> Option<OwnedFd> {
        let open =
            |path: &str| openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok();
        if let Some(world) = &self.world {
            return world.root();
        }
        // If the root of a process may not be inspected (one started by sudo), it is assumed to be permwrap's own.
        self.pid
            .and_then(|pid| open(&format!("/proc/{pid}/root")))
            .or_else(|| open("/"))
    }

    /// Opens the working directory of the process, if it is `path`.
    pub(in crate::gather) fn open_working_directory(&self, path: &[u8]) -> Option<OwnedFd> {
        if let Some(world) = &self.world {
            return world.cwd();
        }
        let processes = self.pid.map(|pid| pid.to_string()).into_iter();
        // The command was started in permwrap's own working directory.
        let links = processes.chain(["self".to_owned()]);
        let mut links = links.map(|process| format!("/proc/{process}/cwd"));
        let link = links.find(|link| {
            let target = std::fs::read_link(link).unwrap_or_default();
            self.as_subject_sees(&target.into_os_string().into_vec()) == path
        })?;
        openat(CWD, link, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()
    }

    /// The path here of the root directory of the process. It serves only the explanation.
    pub(in crate::gather) fn root_directory(&self) -> PathBuf {
        match (&self.world, self.pid) {
            (Some(world), _) => world.root_directory(),
            (None, Some(pid)) if !self.root_path.is_empty() => {
                PathBuf::from(format!("/proc/{pid}/root"))
            }
            _ => PathBuf::from("/"),
        }
    }

    /// The path here of the root directory of a process that sees the same mounts as permwrap, but has another root directory.
    pub(in crate::gather) fn root_here(&self) -> Option<&[u8]> {
        match (&self.world, self.pid) {
            (Some(world), _) if world.told.same_mounts => match self.root_path.as_slice() {
                b"/" => Some(b""),
                root => Some(root),
            },
            (None, Some(pid)) if namespaces::shares(pid, "mnt").unwrap_or(false) => {
                Some(&self.root_path)
            }
            _ => None,
        }
    }

    /// The content of `/proc/PID/mountinfo` or `/proc/PID/cgroup`.
    pub(in crate::gather) fn proc_text(&self, name: &str) -> Vec<u8> {
        if let Some(world) = &self.world {
            return match name {
                "cgroup" => world.told.cgroup.clone(),
                _ => world.told.mountinfo.clone(),
            };
        }
        let process = self.pid.map_or("self".to_owned(), |pid| pid.to_string());
        std::fs::read(format!("/proc/{process}/{name}")).unwrap_or_default()
    }

    /// What kind of place the process lives in, if that is not permwrap's own.
    pub(in crate::gather) fn place(&self) -> Option<Place> {
        match (&self.world, self.pid) {
            (Some(world), _) => Some(world.place()),
            (None, pid) => World::of(pid?).map(|world| world.place()),
        }
    }

    /// Whether the process lives only in the initial namespaces.
    pub(in crate::gather) fn is_on_the_machine(&self) -> bool {
        match &self.world {
            Some(world) => world.told.on_machine,
            None => namespaces::is_on_the_machine_itself(self.pid),
        }
    }

    /// Whether the process lives in another mount namespace, root directory or user namespace than permwrap.
    pub(in crate::gather) fn is_elsewhere(&self) -> bool {
        let another_user_ns = |pid| !namespaces::shares(pid, "user").unwrap_or(true);
        self.world.is_some() || !self.root_path.is_empty() || self.pid.is_some_and(another_user_ns)
    }
}

//! The world of a process: its root directory, mounts and working directory, held open beyond the end of the process.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, fstat, openat};

use super::monitor::{self, Monitor};
use super::namespaces;
use crate::attempt::{Numbers, Place};

/// The world of a process that does not see what permwrap sees, because it has another root directory or another mount
/// namespace.
#[derive(Debug)]
pub struct World {
    /// The root directory, opened with O_PATH.
    root: OwnedFd,
    /// The working directory, opened with O_PATH.
    cwd: Option<OwnedFd>,
    /// The mount namespace. While it is open, its mounts persist.
    mounts: Option<OwnedFd>,
    /// The sources of the mounts of a reconstructed world, opened with O_PATH; `None` for the root directory.
    sources: Vec<Option<OwnedFd>>,
    /// What was read about it.
    pub told: Told,
}

/// What `/proc` shows about a world.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// The path of the root directory as permwrap sees it; `/` in another mount namespace.
    pub root_path: Vec<u8>,
    /// `/proc/PID/mountinfo`.
    pub mountinfo: Vec<u8>,
    /// `/proc/PID/cgroup`.
    pub cgroup: Vec<u8>,
    /// Whether it lives in the initial namespaces, except for its mount namespace.
    pub on_machine: bool,
    /// Whether its mount namespace is permwrap's own.
    pub same_mounts: bool,
    /// `/proc/PID/uid_map` and `gid_map`; empty if its user namespace is permwrap's own.
    pub numbers: [Vec<u8>; 2],
    /// The name of the container, according to its monitor; empty if no monitor was found.
    pub container: String,
    /// The container engine's command prefix that runs a command as root in it; empty unless the container is known to be the
    /// user's own.
    pub enter: Vec<Vec<u8>>,
    /// The mounts of a reconstructed world, the root directory first. Later mounts hide earlier ones on the same point.
    pub laid: Vec<Laid>,
}

/// One mount of a world that is reconstructed from a container's configuration because no process lives in it any more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)]
pub struct Laid {
    /// The mount point.
    pub point: Vec<u8>,
    /// The source: what is mounted, by its path outside.
    pub source: Vec<u8>,
    /// The file system type; empty if it is that of the source.
    pub fs_type: String,
    /// Whether it is mounted read-only.
    pub read_only: bool,
    /// Whether it is mounted with `noexec`.
    pub noexec: bool,
    /// Whether it is mounted with `nodev`.
    pub nodev: bool,
    /// Whether it is mounted with `nosuid`.
    pub nosuid: bool,
    /// Whether it was a file system of its own (tmpfs, proc) that no longer exists.
    pub unseen: bool,
    /// Whether its options also apply to what is mounted below the source.
    pub recursive: bool,
}

/// A descriptor of another process that is part of a world, and the identity that it must still have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The number of the descriptor.
    pub fd: RawFd,
    /// Device and inode number of the file that it refers to.
    pub identity: (u64, u64),
}

impl World {
    /// The world of a live process. `None` if it is permwrap's own, or cannot be inspected.
    #[must_use]
    pub fn of(pid: i32) -> Option<World> {
        let at = |name: &str| format!("/proc/{pid}/{name}");
        let root_path = fs::read_link(at("root")).ok()?.into_os_string().into_vec();
        let same_mounts = namespaces::shares(pid, "mnt").unwrap_or(true);
        let same_ids = namespaces::shares(pid, "user").unwrap_or(true);
        if same_mounts && same_ids && root_path == own_root() {
            return None;
        }
        let monitor = monitor::over(pid);
        let open = |name: &str, how: OFlags| {
            openat(CWD, at(name), how | OFlags::CLOEXEC, Mode::empty()).ok()
        };
        Some(World {
            root: open("root", OFlags::PATH)?,
            cwd: open("cwd", OFlags::PATH),
            mounts: open("ns/mnt", OFlags::RDONLY),
            sources: Vec::new(),
            told: Told {
                numbers: match same_ids {
                    true => Default::default(),
                    false => {
                        ["uid_map", "gid_map"].map(|name| fs::read(at(name)).unwrap_or_default())
                    }
                },
                container: monitor.as_ref().map(Monitor::container).unwrap_or_default(),
                enter: monitor.as_ref().map(Monitor::enter).unwrap_or_default(),
                laid: Vec::new(),
                root_path,
                mountinfo: fs::read(at("mountinfo")).unwrap_or_default(),
                cgroup: fs::read(at("cgroup")).unwrap_or_default(),
                on_machine: namespaces::is_on_the_machine_itself(Some(pid)),
                same_mounts,
            },
        })
    }

    /// The world of a process in a chroot(2) with this root directory, given by its path here.
    #[must_use]
    pub fn below(directory: &Path) -> Option<World> {
        let how = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root_path = fs::canonicalize(directory).ok()?;
        Some(World {
            root: openat(CWD, directory, how, Mode::empty()).ok()?,
            cwd: None,
            mounts: None,
            sources: Vec::new(),
            told: Told {
                root_path: root_path.into_os_string().into_vec(),
                mountinfo: fs::read("/proc/self/mountinfo").unwrap_or_default(),
                cgroup: fs::read("/proc/self/cgroup").unwrap_or_default(),
                on_machine: namespaces::is_on_the_machine_itself(None),
                same_mounts: true,
                ..Told::default()
            },
        })
    }

    /// Reconstructs the world of processes that ran in a container and have ended. `laid` are its mounts, the root directory
    /// first, with sources by their paths as the container's monitor sees them. `numbers` are the contents of uid_map and
    /// gid_map.
    #[must_use]
    pub fn laid_out(
        monitor: i32,
        laid: &[Laid],
        cgroup: Vec<u8>,
        numbers: [Vec<u8>; 2],
    ) -> Option<World> {
        let mountinfo = fs::read(format!("/proc/{monitor}/mountinfo")).ok()?;
        let source = |laid: &Laid| {
            let source = laid.source.strip_prefix(b"/")?;
            let below = PathBuf::from(format!("/proc/{monitor}/root"));
            Some(below.join(super::path(source)))
        };
        let open = |laid: &Laid| {
            let how = OFlags::PATH | OFlags::CLOEXEC;
            openat(CWD, source(laid)?, how, Mode::empty()).ok()
        };
        let (root, mounts) = laid.split_first()?;
        // Its file system has been unmounted: what is left is the directory of the engine's on which it was mounted.
        let mut entries = fs::read_dir(source(root)?).into_iter();
        if entries.any(|mut entries| entries.next().is_none()) {
            return None;
        }
        let rest = mounts
            .iter()
            .map(|laid| (!laid.unseen).then(|| open(laid)).flatten());
        Some(World {
            root: open(root)?,
            cwd: None,
            mounts: None,
            sources: [None].into_iter().chain(rest).collect(),
            told: Told {
                root_path: b"/".to_vec(),
                mountinfo,
                cgroup,
                on_machine: false,
                same_mounts: false,
                numbers,
                laid: laid.to_vec(),
                ..Told::default()
            },
        })
    }

    /// The world that permwrap sees, as these mounts arrange it. The first one is the root directory. `numbers` are the contents
    /// of uid_map and gid_map, empty without a user namespace of its own.
    #[must_use]
    pub fn arranged(laid: &[Laid], numbers: [Vec<u8>; 2]) -> Option<World> {
        let cgroup = fs::read("/proc/self/cgroup").unwrap_or_default();
        let own = std::process::id() as i32;
        let mut world = World::laid_out(own, laid, cgroup, numbers)?;
        world.told.on_machine = namespaces::is_on_the_machine_itself(None);
        Some(world)
    }

    /// The descriptors to be passed to another process: root directory, working directory, mount namespace, and the sources of
    /// the mounts.
    #[must_use]
    pub fn held(&self) -> Vec<Option<Held>> {
        let first = [Some(&self.root), self.cwd.as_ref(), self.mounts.as_ref()];
        let all = first
            .into_iter()
            .chain(self.sources.iter().map(Option::as_ref));
        let held = |fd: Option<&OwnedFd>| {
            let fd = fd?;
            Some(Held {
                fd: fd.as_raw_fd(),
                identity: identity(fd)?,
            })
        };
        all.map(held).collect()
    }

    /// The same world, opened in this process while the other one still has it open. `None` if it no longer has.
    #[must_use]
    pub fn taken_from(pid: i32, held: &[Option<Held>], told: Told) -> Option<World> {
        let take = |held: Option<Held>, how: OFlags| {
            let held = held?;
            let path = format!("/proc/{pid}/fd/{}", held.fd);
            let fd = openat(CWD, path, how | OFlags::CLOEXEC, Mode::empty()).ok()?;
            (identity(&fd)? == held.identity).then_some(fd)
        };
        let (&[root, cwd, mounts], sources) = held.split_first_chunk()?;
        Some(World {
            root: take(root, OFlags::PATH)?,
            cwd: take(cwd, OFlags::PATH),
            mounts: take(mounts, OFlags::RDONLY),
            sources: sources
                .iter()
                .map(|held| take(*held, OFlags::PATH))
                .collect(),
            told,
        })
    }

    /// What kind of place it is.
    #[must_use]
    pub fn place(&self) -> Place {
        let is_root = self.told.same_mounts && self.told.root_path != b"/";
        let name = match self.told.container.as_str() {
            "" => container_of(&self.told.cgroup),
            name => Some(name.to_owned()),
        };
        match name {
            Some(id) => Place::Container(id),
            None if is_root => Place::Root(self.told.root_path.clone()),
            None if !self.told.same_mounts && self.has_own_root() => Place::Tree,
            None => Place::Namespace,
        }
    }

    /// The index of the mount at this path, in a reconstructed world.
    pub(super) fn laid_at(&self, path: &[u8]) -> Option<usize> {
        let at = self.told.laid.iter().rposition(|laid| laid.point == path);
        at.filter(|at| *at > 0)
    }

    /// A new descriptor of the source of a mount; `None` if the source no longer exists or could not be opened.
    pub(super) fn source(&self, laid: usize) -> Option<OwnedFd> {
        let source = self.sources.get(laid)?.as_ref()?;
        rustix::io::fcntl_dupfd_cloexec(source, 3).ok()
    }

    /// Whether the source of a mount of a reconstructed world is held open.
    pub(super) fn has_source(&self, laid: usize) -> bool {
        self.sources.get(laid).is_some_and(Option::is_some)
    }

    /// The uid and gid mappings of its user namespace, unless that is permwrap's own.
    pub(super) fn numbers(&self) -> Option<[Numbers; 2]> {
        let is_own = self.told.numbers.iter().all(Vec::is_empty);
        (!is_own).then(|| {
            self.told
                .numbers
                .each_ref()
                .map(|text| Numbers::parse(text))
        })
    }

    /// Whether its root directory is another one than permwrap's.
    fn has_own_root(&self) -> bool {
        let ours = openat(CWD, "/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let ours = ours.ok().and_then(|root| identity(&root));
        ours.is_some() && identity(&self.root) != ours
    }

    /// A new descriptor of the root directory.
    pub(super) fn root(&self) -> Option<OwnedFd> {
        rustix::io::fcntl_dupfd_cloexec(&self.root, 3).ok()
    }

    /// A new descriptor of the working directory.
    pub(super) fn cwd(&self) -> Option<OwnedFd> {
        rustix::io::fcntl_dupfd_cloexec(self.cwd.as_ref()?, 3).ok()
    }

    /// A path here that leads to the root directory.
    pub(super) fn root_directory(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.root.as_raw_fd()))
    }
}

/// Worlds are equal if the same was read about them.
impl PartialEq for World {
    fn eq(&self, other: &World) -> bool {
        self.told == other.told
    }
}

/// The short id of the container that control groups belong to: `libpod-ID`, `docker/ID`, `docker-ID.scope`,
/// `cri-containerd-ID`.
fn container_of(cgroup: &[u8]) -> Option<String> {
    const LONG: usize = 64;
    const SHORT: usize = 12;
    let is_hex = |byte: &u8| byte.is_ascii_hexdigit();
    let text = String::from_utf8_lossy(cgroup);
    let mut words = text.split(['/', '-', '.', ':', '\n']);
    let id = words.find(|word| word.len() == LONG && word.as_bytes().iter().all(is_hex))?;
    Some(id[..SHORT].to_owned())
}

/// permwrap's own root directory, as `/proc` shows it.
fn own_root() -> Vec<u8> {
    let root = fs::read_link("/proc/self/root").unwrap_or_default();
    root.into_os_string().into_vec()
}

fn identity(fd: &OwnedFd) -> Option<(u64, u64)> {
    let stat = fstat(fd).ok()?;
    Some((stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_taken_from_whoever_holds_it() {
        let world = World::below(Path::new("/usr")).unwrap();
        let own = std::process::id() as i32;
        let taken = World::taken_from(own, &world.held(), world.told.clone()).unwrap();
        assert_eq!(identity(&taken.root), identity(&world.root));
        assert_ne!(taken.root.as_raw_fd(), world.root.as_raw_fd());
    }

    #[test]
    fn a_descriptor_that_is_something_else_by_now_is_no_world() {
        let world = World::below(Path::new("/usr")).unwrap();
        let other = Held {
            identity: (0, 1),
            ..world.held()[0].unwrap()
        };
        let own = std::process::id() as i32;
        let told = world.told.clone();
        assert!(World::taken_from(own, &[Some(other), None, None], told).is_none());
    }

    #[test]
    fn a_container_is_known_by_its_control_group() {
        let id = "0123456789abcdef".repeat(4);
        for path in [
            format!("0::/machine.slice/libpod-{id}.scope/container"),
            format!("12:memory:/docker/{id}\n0::/"),
            format!("0::/kubepods.slice/cri-containerd-{id}.scope"),
        ] {
            let found = container_of(path.as_bytes());
            assert_eq!(found.as_deref(), Some("0123456789ab"), "{path}");
        }
        assert_eq!(container_of(b"0::/user.slice/user-1000.slice"), None);
    }

    #[test]
    fn the_directory_on_which_a_root_was_mounted_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let root = Laid {
            point: b"/".to_vec(),
            source: folder.path().as_os_str().as_encoded_bytes().to_vec(),
            ..Laid::default()
        };
        let arranged = || World::arranged(std::slice::from_ref(&root), Default::default());
        assert!(arranged().is_none());
        fs::write(folder.path().join("f"), "").unwrap();
        assert!(arranged().is_some());
    }

    #[test]
    fn whoever_sees_what_we_see_has_no_other_world() {
        assert!(World::of(std::process::id() as i32).is_none());
    }
}

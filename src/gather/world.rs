//! What a process sees of the system, held open beyond its end: its root directory, its mounts, its working directory.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, fstat, openat};

use super::namespaces;
use crate::attempt::Place;

/// The world of a process that does not see what permwrap sees: another root directory, or another mount namespace.
#[derive(Debug)]
pub struct World {
    /// The root directory, opened with O_PATH.
    root: OwnedFd,
    /// The working directory, likewise.
    cwd: Option<OwnedFd>,
    /// The mount namespace: while it is open, what is mounted in it stays so.
    mounts: Option<OwnedFd>,
    /// What was read of it.
    pub told: Told,
}

/// What `/proc` tells of a world.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// Where the root directory is, seen from permwrap's; `/` in another mount namespace.
    pub root_path: Vec<u8>,
    /// `/proc/PID/mountinfo`.
    pub mountinfo: Vec<u8>,
    /// `/proc/PID/cgroup`.
    pub cgroup: Vec<u8>,
    /// Whether it lives in the machine's own namespaces but for that of mounts.
    pub on_machine: bool,
    /// Whether its mount namespace is permwrap's own.
    pub same_mounts: bool,
}

/// Which descriptors of another process hold a world, and what they must be to be those still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The descriptor.
    pub fd: RawFd,
    /// Device and inode of what it is open on.
    pub identity: (u64, u64),
}

impl World {
    /// The world of a live process. `None` where it is permwrap's own, or cannot be looked at.
    #[must_use]
    pub fn of(pid: i32) -> Option<World> {
        let at = |name: &str| format!("/proc/{pid}/{name}");
        let root_path = fs::read_link(at("root")).ok()?.into_os_string().into_vec();
        let same_mounts = namespaces::shares(pid, "mnt").unwrap_or(true);
        let same_ids = namespaces::shares(pid, "user").unwrap_or(true);
        if same_mounts && same_ids && root_path == own_root() {
            return None;
        }
        let open = |name: &str, how: OFlags| {
            openat(CWD, at(name), how | OFlags::CLOEXEC, Mode::empty()).ok()
        };
        Some(World {
            root: open("root", OFlags::PATH)?,
            cwd: open("cwd", OFlags::PATH),
            mounts: open("ns/mnt", OFlags::RDONLY),
            told: Told {
                root_path,
                mountinfo: fs::read(at("mountinfo")).unwrap_or_default(),
                cgroup: fs::read(at("cgroup")).unwrap_or_default(),
                on_machine: namespaces::is_on_the_machine_itself(Some(pid)),
                same_mounts,
            },
        })
    }

    /// The world of a process that chroot(2) moved below this directory here.
    #[must_use]
    pub fn below(directory: &Path) -> Option<World> {
        let how = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root_path = fs::canonicalize(directory).ok()?;
        Some(World {
            root: openat(CWD, directory, how, Mode::empty()).ok()?,
            cwd: None,
            mounts: None,
            told: Told {
                root_path: root_path.into_os_string().into_vec(),
                mountinfo: fs::read("/proc/self/mountinfo").unwrap_or_default(),
                cgroup: fs::read("/proc/self/cgroup").unwrap_or_default(),
                on_machine: namespaces::is_on_the_machine_itself(None),
                same_mounts: true,
            },
        })
    }

    /// The descriptors, to be told to another process: root, working directory, mount namespace.
    #[must_use]
    pub fn held(&self) -> [Option<Held>; 3] {
        [Some(&self.root), self.cwd.as_ref(), self.mounts.as_ref()].map(|fd| {
            let fd = fd?;
            Some(Held {
                fd: fd.as_raw_fd(),
                identity: identity(fd)?,
            })
        })
    }

    /// The same world, held by this process too, while the other one has it open. `None` where it no longer has.
    #[must_use]
    pub fn taken_from(pid: i32, held: [Option<Held>; 3], told: Told) -> Option<World> {
        let take = |held: Option<Held>, how: OFlags| {
            let held = held?;
            let path = format!("/proc/{pid}/fd/{}", held.fd);
            let fd = openat(CWD, path, how | OFlags::CLOEXEC, Mode::empty()).ok()?;
            (identity(&fd)? == held.identity).then_some(fd)
        };
        let [root, cwd, mounts] = held;
        Some(World {
            root: take(root, OFlags::PATH)?,
            cwd: take(cwd, OFlags::PATH),
            mounts: take(mounts, OFlags::RDONLY),
            told,
        })
    }

    /// What kind of place it is.
    #[must_use]
    pub fn place(&self) -> Place {
        let is_root = self.told.same_mounts && self.told.root_path != b"/";
        match container_of(&self.told.cgroup) {
            Some(id) => Place::Container(id),
            None if is_root => Place::Root(self.told.root_path.clone()),
            None => Place::Namespace,
        }
    }

    /// The root directory, open.
    pub(super) fn root(&self) -> Option<OwnedFd> {
        rustix::io::fcntl_dupfd_cloexec(&self.root, 3).ok()
    }

    /// The working directory, open.
    pub(super) fn cwd(&self) -> Option<OwnedFd> {
        rustix::io::fcntl_dupfd_cloexec(self.cwd.as_ref()?, 3).ok()
    }

    /// A path here that leads into the root directory.
    pub(super) fn root_directory(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.root.as_raw_fd()))
    }
}

/// Two worlds are the same where the same was read of them.
impl PartialEq for World {
    fn eq(&self, other: &World) -> bool {
        self.told == other.told
    }
}

/// The short id of the container that a process's control groups are of: `libpod-ID`, `docker/ID`, `docker-ID.scope`,
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
        let taken = World::taken_from(own, world.held(), world.told.clone()).unwrap();
        assert_eq!(identity(&taken.root), identity(&world.root));
        assert_ne!(taken.root.as_raw_fd(), world.root.as_raw_fd());
    }

    #[test]
    fn a_descriptor_that_is_something_else_by_now_is_no_world() {
        let world = World::below(Path::new("/usr")).unwrap();
        let [root, ..] = world.held();
        let other = Held {
            identity: (0, 1),
            ..root.unwrap()
        };
        let own = std::process::id() as i32;
        let told = world.told.clone();
        assert!(World::taken_from(own, [Some(other), None, None], told).is_none());
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
    fn whoever_sees_what_we_see_has_no_other_world() {
        assert!(World::of(std::process::id() as i32).is_none());
    }
}

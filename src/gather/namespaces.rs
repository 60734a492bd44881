//! The namespaces that a process lives in, from the links in `/proc/PID/ns` (namespaces(7), ioctl_nsfs(2)).

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use nix::sched::{CloneFlags, setns};

use super::unknown_io;
use crate::facts::{Fact, UnknownFact};

/// Whether the process lives in permwrap's own namespace of this type (`net`, `mnt`, `user`, `pid`).
pub(super) fn shares(pid: i32, kind: &str) -> Fact<bool> {
    Ok(number(&link(Some(pid), kind))? == number(&link(None, kind))?)
}

/// The initial namespaces, which have fixed inode numbers (linux/proc_ns.h).
const INITIAL: [(&str, u64); 4] = [
    ("ipc", 0xEFFF_FFFF),
    ("uts", 0xEFFF_FFFE),
    ("pid", 0xEFFF_FFFC),
    ("cgroup", 0xEFFF_FFFB),
];

/// Whether all visible namespaces of the process are the initial ones. Then it does not run in a container, although its root
/// directory may come from an image. One that has ended has left its namespaces: it is taken to have lived where permwrap lives.
pub(super) fn is_on_the_machine_itself(pid: Option<i32>) -> bool {
    let lives = |pid, kind| number(&link(pid, kind));
    INITIAL
        .iter()
        .all(|(kind, initial)| lives(pid, kind).or_else(|_| lives(None, kind)) == Ok(*initial))
}

/// Whether permwrap's control group namespace is the initial one, so that paths of control groups are those of the machine.
pub(super) fn sees_all_control_groups() -> bool {
    let [.., (kind, initial)] = INITIAL;
    number(&link(None, kind)) == Ok(initial)
}

/// Calls a function in the network namespace of the process, in a separate thread if that is not permwrap's own.
pub(super) fn in_network_of<T: Send>(
    pid: Option<i32>,
    read: impl FnOnce() -> Fact<T> + Send,
) -> Fact<T> {
    let Some(pid) = pid.filter(|&pid| !shares(pid, "net").unwrap_or(true)) else {
        return read();
    };
    let path = link(Some(pid), "net");
    let what = "network namespace of the process";
    let namespace = File::open(&path).map_err(|error| unknown_io(what, path.as_bytes(), &error))?;
    let enter = || {
        setns(&namespace, CloneFlags::CLONE_NEWNET).map_err(|errno| UnknownFact {
            what: what.to_owned(),
            path: path.into_bytes(),
            errno: crate::attempt::Errno::from_number(errno as i32),
        })?;
        read()
    };
    std::thread::scope(|scope| scope.spawn(enter).join())
        .unwrap_or_else(|_| Err(UnknownFact::not_gathered(what)))
}

/// Whether the network namespace of the process is owned by its own user namespace, so that its capabilities apply to ports.
pub(super) fn owns_its_network(pid: Option<i32>) -> Fact<bool> {
    let network = link(pid, "net");
    let what = "owner of the network namespace";
    let file =
        File::open(&network).map_err(|error| unknown_io(what, network.as_bytes(), &error))?;
    match user_namespace_of(&file) {
        Ok(owner) => Ok(owner == number(&link(pid, "user"))?),
        // The owner is not visible: it is an ancestor of permwrap's user namespace, or unrelated to it.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => match pid {
            Some(pid) if !shares(pid, "user")? => Err(unknown_io(what, network.as_bytes(), &error)),
            _ => Ok(false),
        },
        Err(error) => Err(unknown_io(what, network.as_bytes(), &error)),
    }
}

fn link(pid: Option<i32>, kind: &str) -> String {
    match pid {
        Some(pid) => format!("/proc/{pid}/ns/{kind}"),
        None => format!("/proc/self/ns/{kind}"),
    }
}

/// The inode number of a namespace.
fn number(link: &str) -> Fact<u64> {
    let namespace = std::fs::metadata(link)
        .map_err(|error| unknown_io("namespace of the process", link.as_bytes(), &error))?;
    Ok(namespace.ino())
}

/// The inode number of the user namespace that owns another namespace (NS_GET_USERNS).
fn user_namespace_of(namespace: &File) -> std::io::Result<u64> {
    nix::ioctl_none_bad!(ns_get_userns, nix::request_code_none!(0xb7, 0x1));
    // SAFETY: the request takes no argument and returns a new descriptor that nothing else owns.
    let owner = unsafe {
        let fd = ns_get_userns(namespace.as_raw_fd())?;
        File::from(OwnedFd::from_raw_fd(fd))
    };
    Ok(owner.metadata()?.ino())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    use nix::unistd::Pid;

    #[test]
    fn one_that_is_ending_is_not_taken_for_one_in_a_container() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id() as i32;
        let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(Pid::from_raw(pid)), ended).unwrap();
        assert!(number(&link(Some(pid), "uts")).is_err());
        assert_eq!(
            is_on_the_machine_itself(Some(pid)),
            is_on_the_machine_itself(None)
        );
        child.wait().unwrap();
    }
}

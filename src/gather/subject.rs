//! The credentials of a process, from `/proc/PID/status`, `uid_map`, `gid_map`, `attr/current` and `ns/user`.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

use nix::unistd::{Gid, Uid, getgroups, getresgid, getresuid};
use rustix::thread::{capabilities, no_new_privs};

use super::{names, unknown_io};
use crate::attempt::{CapabilitySet, IdMap, Subject};
use crate::facts::{Fact, UnknownFact};

/// The inode number of the initial user namespace (PROC_USER_INIT_INO).
const INITIAL_USER_NS: u64 = 0xEFFF_FFFD;

/// The credentials of a process that is alive or a zombie.
pub(super) fn of_process(pid: i32) -> Fact<Subject> {
    of_directory(&format!("/proc/{pid}"))
}

/// permwrap's own credentials; without `/proc` (in a bare chroot), as far as system calls report them.
pub(super) fn own() -> Fact<Subject> {
    of_directory("/proc/self").or_else(|unknown| by_system_calls().ok_or(unknown))
}

fn by_system_calls() -> Option<Subject> {
    let (uids, gids) = (getresuid().ok()?, getresgid().ok()?);
    let groups = getgroups().ok()?;
    let status = Status {
        name: String::new(),
        pid: 0,
        pids: Vec::new(),
        uids: [uids.real, uids.effective, uids.saved, uids.effective].map(Uid::as_raw),
        gids: [gids.real, gids.effective, gids.saved, gids.effective].map(Gid::as_raw),
        groups: groups.into_iter().map(Gid::as_raw).collect(),
        permitted: CapabilitySet(capabilities(None).ok()?.permitted.bits()),
        effective: CapabilitySet(capabilities(None).ok()?.effective.bits()),
        bounding: CapabilitySet::FULL,
        no_new_privs: no_new_privs().unwrap_or(false),
        seccomp: false,
    };
    Some(status.subject())
}

/// The credentials of a process that may have ended, from a snapshot. If its user namespace could not be read, it is assumed to
/// be permwrap's own.
pub(super) fn of_snapshot(snapshot: &Snapshot) -> Fact<Subject> {
    let status = Status::parse(snapshot.status)?;
    let ours = match (snapshot.user_ns, user_ns("/proc/self")) {
        (Some(theirs), Some(ours)) => theirs == ours,
        _ => true,
    };
    let map = |text: &[u8], file: &str| match text {
        [] => id_map("/proc/self", file),
        text => parse_id_map(&String::from_utf8_lossy(text), ours),
    };
    Ok(Subject {
        uid_map: map(snapshot.uid_map, "uid_map"),
        gid_map: map(snapshot.gid_map, "gid_map"),
        initial_user_ns: snapshot.user_ns.map_or_else(
            || is_initial_user_ns("/proc/self"),
            |number| number == INITIAL_USER_NS,
        ),
        label: match snapshot.label {
            Some(label) => Ok(parse_label(label)),
            None => Err(UnknownFact::not_gathered("security label")),
        },
        ..status.subject()
    })
}

fn of_directory(process: &str) -> Fact<Subject> {
    let path = format!("{process}/status");
    let text = std::fs::read(&path)
        .map_err(|error| unknown_io("credentials of the process", path.as_bytes(), &error))?;
    let status = Status::parse(&text)?;
    Ok(Subject {
        uid_map: id_map(process, "uid_map"),
        gid_map: id_map(process, "gid_map"),
        initial_user_ns: is_initial_user_ns(process),
        label: label(process),
        ..status.subject()
    })
}

/// The content of `/proc/PID/status` (proc_pid_status(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    /// `Name`
    pub name: String,
    /// `Pid`
    pub pid: i32,
    /// `NSpid`: the process id in each nested pid namespace, starting with the reader's.
    pub pids: Vec<i32>,
    /// `Uid`: real, effective, saved and file-system uid.
    pub uids: [u32; 4],
    /// `Gid`: real, effective, saved and file-system gid.
    pub gids: [u32; 4],
    /// `Groups`
    pub groups: Vec<u32>,
    /// `CapPrm`
    pub permitted: CapabilitySet,
    /// `CapEff`
    pub effective: CapabilitySet,
    /// `CapBnd`
    pub bounding: CapabilitySet,
    /// `NoNewPrivs`
    pub no_new_privs: bool,
    /// Whether `Seccomp` is 2 (filter mode).
    pub seccomp: bool,
}

impl Status {
    /// Parses the text.
    ///
    /// # Errors
    /// Fails if it lacks the ids.
    pub(super) fn parse(text: &[u8]) -> Fact<Status> {
        let text = String::from_utf8_lossy(text);
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(str::trim)
        };
        let ids = |name: &str| -> Vec<u32> {
            let words = field(name).unwrap_or_default().split_whitespace();
            words.filter_map(|word| word.parse().ok()).collect()
        };
        let set = |name: &str| {
            let bits = field(name).and_then(|word| u64::from_str_radix(word, 16).ok());
            CapabilitySet(bits.unwrap_or(0))
        };
        let lacking =
            |_| UnknownFact::not_gathered("credentials of the process (in a form not known here)");
        let pids = field("NSpid").unwrap_or_default().split_whitespace();
        Ok(Status {
            name: field("Name").unwrap_or_default().to_owned(),
            pid: field("Pid").and_then(|word| word.parse().ok()).unwrap_or(0),
            pids: pids.filter_map(|word| word.parse().ok()).collect(),
            uids: ids("Uid").try_into().map_err(lacking)?,
            gids: ids("Gid").try_into().map_err(lacking)?,
            groups: ids("Groups"),
            permitted: set("CapPrm"),
            effective: set("CapEff"),
            bounding: set("CapBnd"),
            no_new_privs: field("NoNewPrivs") == Some("1"),
            seccomp: field("Seccomp") == Some("2"),
        })
    }

    /// The status of a live process.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub(super) fn of(pid: i32) -> Fact<Status> {
        let path = format!("/proc/{pid}/status");
        let text = std::fs::read(&path)
            .map_err(|error| unknown_io("credentials of the process", path.as_bytes(), &error))?;
        Status::parse(&text)
    }

    /// The subject, assuming the id maps of the initial user namespace.
    fn subject(self) -> Subject {
        let [real_uid, _, _, uid] = self.uids;
        let [_, _, _, gid] = self.gids;
        Subject {
            pid: (self.pid > 0).then_some(self.pid),
            uid,
            gid,
            real_uid,
            database_groups: names::groups_of(uid),
            groups: self.groups,
            capabilities: self.effective,
            bounding: self.bounding,
            uid_map: IdMap::full(),
            gid_map: IdMap::full(),
            initial_user_ns: true,
            no_new_privs: self.no_new_privs,
            seccomp: self.seccomp,
            label: Err(UnknownFact::not_gathered("security label")),
        }
    }
}

/// What was read of a process while it existed.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// /proc/PID/status.
    pub status: &'a [u8],
    /// The inode number of its user namespace, if it could be read.
    pub user_ns: Option<u64>,
    /// /proc/PID/uid_map; empty if it could not be read.
    pub uid_map: &'a [u8],
    /// /proc/PID/gid_map; empty if it could not be read.
    pub gid_map: &'a [u8],
    /// /proc/PID/attr/current; empty if no security module assigns labels, `None` if it could not be read.
    pub label: Option<&'a [u8]>,
}

/// The ids mapped in the process's user namespace, in the numbers of permwrap's namespace.
fn id_map(process: &str, file: &str) -> IdMap {
    let Ok(text) = std::fs::read_to_string(format!("{process}/{file}")) else {
        return IdMap::full();
    };
    parse_id_map(&text, shares_our_user_ns(process))
}

/// Parses uid_map or gid_map (user_namespaces(7)). The first column holds ids inside the namespace; the second holds those of
/// the reader's namespace or, if the reader is in the same namespace, of the parent namespace.
fn parse_id_map(text: &str, ours: bool) -> IdMap {
    let ranges = text.lines().filter_map(|line| {
        let mut columns = line.split_whitespace().map(str::parse);
        let (inside, outside, count) = (
            columns.next()?.ok()?,
            columns.next()?.ok()?,
            columns.next()?.ok()?,
        );
        let first: u32 = if ours { inside } else { outside };
        // An id without a mapping in the reader's namespace is shown as the highest number.
        (first != u32::MAX).then_some((first, count))
    });
    IdMap(ranges.collect())
}

/// Whether the process lives in permwrap's own user namespace; assumed if that is not visible.
fn shares_our_user_ns(process: &str) -> bool {
    match (user_ns(process), user_ns("/proc/self")) {
        (Some(theirs), Some(ours)) => theirs == ours,
        _ => true,
    }
}

fn user_ns(process: &str) -> Option<u64> {
    let namespace = std::fs::metadata(format!("{process}/ns/user")).ok()?;
    Some(namespace.ino())
}

/// Whether the process lives in the initial user namespace. If its namespace is not visible, the map decides: normally only the
/// initial namespace maps every id to itself.
/// Whether permwrap's own user namespace is the initial one, whose ids are all there are.
pub(super) fn own_ids_are_the_machines() -> bool {
    is_initial_user_ns("/proc/self")
}

fn is_initial_user_ns(process: &str) -> bool {
    user_ns(process).map_or_else(
        || id_map(process, "uid_map") == IdMap::full(),
        |number| number == INITIAL_USER_NS,
    )
}

/// The security label of the process (`attr/current`); `None` if no module assigns labels.
fn label(process: &str) -> Fact<Option<String>> {
    let path = format!("{process}/attr/current");
    match std::fs::read(&path) {
        Ok(label) => Ok(parse_label(&label)),
        // Without a labelling security module the file does not exist, or reading it fails with EINVAL.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
            Ok(None)
        }
        Err(error) => Err(unknown_io("security label", path.as_bytes(), &error)),
    }
}

fn parse_label(label: &[u8]) -> Option<String> {
    let label = String::from_utf8_lossy(label);
    let label = label.trim_end_matches(['\0', '\n']);
    (!label.is_empty()).then(|| label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Capability;

    const STATUS: &str = "Name:\tmy worker\nUmask:\t0022\nState:\tZ (zombie)\nTgid:\t4242\nPid:\t4242\nPPid:\t1\n\
        Uid:\t1000\t33\t33\t34\nGid:\t1000\t33\t33\t35\nGroups:\t4 27 1000 \nNSpid:\t4242\t7\n\
        CapInh:\t0000000000000000\nCapPrm:\t0000000000000406\nCapEff:\t0000000000000402\nCapBnd:\t000001ffffffffff\n\
        NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";

    #[test]
    fn file_access_is_judged_by_the_file_system_ids() {
        let status = Status::parse(STATUS.as_bytes()).unwrap();
        let subject = status.clone().subject();
        assert_eq!((subject.uid, subject.gid, subject.real_uid), (34, 35, 1000));
        assert_eq!(subject.groups, [4, 27, 1000]);
        assert!(subject.has(Capability::DacOverride) && subject.has(Capability::NetBindService));
        assert!(!subject.has(Capability::DacReadSearch));
        assert!(status.permitted.contains(Capability::DacReadSearch));
        assert!(subject.no_new_privs && subject.seccomp);
        assert_eq!((subject.pid, status.pids), (Some(4242), vec![4242, 7]));
        assert_eq!(status.name, "my worker");
    }

    #[test]
    fn no_groups_are_no_groups() {
        let text = STATUS.replace("4 27 1000 ", "");
        assert!(Status::parse(text.as_bytes()).unwrap().groups.is_empty());
    }

    #[test]
    fn a_text_without_ids_is_refused() {
        assert!(Status::parse(b"Name:\tx\nUid:\t1 2 3\n").is_err());
    }

    #[test]
    fn another_namespace_is_counted_outside_and_our_own_inside() {
        let text = "         0       1000          1\n         1     100000      65536\n";
        assert_eq!(parse_id_map(text, false).0, [(1000, 1), (100_000, 65536)]);
        assert_eq!(parse_id_map(text, true).0, [(0, 1), (1, 65536)]);
    }

    #[test]
    fn an_id_without_a_number_here_is_left_out() {
        assert!(parse_id_map("0 4294967295 1\n", false).0.is_empty());
        assert_eq!(parse_id_map("0 0 4294967295\n", true), IdMap::full());
    }
}

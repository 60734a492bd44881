//! Predicts which calls cannot be refused, so that the process need not be stopped at their ends as well.
//!
//! Most watched calls find their object, or find that it does not exist. If a process has the tracer's own credentials, root
//! directory and mounts, and no sandbox of its own, the tracer can determine that itself: it resolves the same path from the
//! kernel's caches (openat2(2), RESOLVE_CACHED). It never waits for a file system, whose server may itself be a stopped tracee.
//! If this gives no answer, the process is stopped at the end of the call.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::libc;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatxFlags, openat2, statx};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::look::{self, Program, text_of};
use super::object;
use super::sys::{self, CallInfo};
use super::table::{Abi, CALLS, Does, Object, Row};

/// File systems that answer permission checks from memory.
const FROM_MEMORY: [&str; 11] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "tmpfs", "ramfs", "overlay", "squashfs",
    "erofs",
];

/// The flags of open(2) with which it requires nothing but finding the file and read permission.
const PLAIN: i32 = libc::O_CLOEXEC
    | libc::O_NONBLOCK
    | libc::O_DIRECTORY
    | libc::O_NOFOLLOW
    | libc::O_NOCTTY
    | libc::O_LARGEFILE;

/// A call whose answer may be predictable.
#[derive(Debug, Clone, Copy)]
struct Foreseeable {
    object: Object,
    needs: Needs,
}

/// What the call requires besides finding its object.
#[derive(Debug, Clone, Copy)]
enum Needs {
    Nothing,
    /// The permissions in this mode argument, for the real ids.
    Access(u8),
    /// Read permission, if this flags argument requests nothing else.
    Open(u8),
    /// That it is a program which was executed before.
    Program,
}

impl Foreseeable {
    fn of(row: &Row) -> Option<Foreseeable> {
        let needs = match (row.does, row.name) {
            (Does::Open(flags), _) => Needs::Open(flags),
            (Does::Access(mode), "access" | "faccessat") => Needs::Access(mode),
            (Does::Look, "stat" | "lstat" | "newfstatat" | "statx" | "readlink" | "readlinkat") => {
                Needs::Nothing
            }
            (Does::Exec, "execve") => Needs::Program,
            _ => return None,
        };
        Some(Foreseeable {
            object: row.object,
            needs,
        })
    }
}

/// State for the prediction of calls.
#[derive(Debug)]
pub struct Foresight {
    /// The predictable calls, by their number in the native ABI.
    calls: Vec<Option<Foreseeable>>,
    /// The working directories of threads; cleared when any thread changes its own.
    directories: HashMap<i32, OwnedFd>,
    /// Descriptors of processes, through which their open files are duplicated.
    processes: HashMap<i32, OwnedFd>,
    /// The ids of the mounts that answer from memory.
    mounts: Vec<u64>,
    /// Whether a sandbox or a profile may refuse to open what the permissions allow.
    is_confined: bool,
    /// The programs that threads have executed.
    programs: HashSet<Program>,
    /// The program that the last prediction was about, if it was not executed before.
    new_program: Option<Program>,
    /// The file that the last prediction was about. It is closed once the thread has been resumed.
    spent: Option<OwnedFd>,
}

impl Foresight {
    /// Starts without any cached state.
    #[must_use]
    pub fn new() -> Foresight {
        let mut calls = Vec::new();
        for row in CALLS {
            if let (Some(usual), Some(call)) = (Abi::HERE.first(), Foreseeable::of(row))
                && let Some(number) = row.number(*usual)
            {
                let number = number as usize;
                calls.resize(calls.len().max(number + 1), None);
                calls[number] = Some(call);
            }
        }
        Foresight {
            calls,
            directories: HashMap::new(),
            processes: HashMap::new(),
            mounts: mounts_in_memory(),
            is_confined: true,
            programs: HashSet::new(),
            new_program: None,
            spent: None,
        }
    }

    /// Finds out whether the tracer, which has this security label, may open what the permissions allow.
    pub fn examine(&mut self, label: Option<&[u8]>) {
        self.is_confined = look::is_confined(label);
    }

    /// A thread has been resumed: does what it need not wait for.
    pub fn tidy_up(&mut self) {
        self.spent = None;
    }

    /// A thread has changed its working directory, and perhaps that of others.
    pub fn forget_directories(&mut self) {
        self.directories.clear();
    }

    /// A thread has ended.
    pub fn forget(&mut self, pid: i32) {
        self.directories.remove(&pid);
        self.processes.remove(&pid);
    }

    /// Whether the call at whose start a thread is stopped cannot be refused. The thread must not differ from the tracer in
    /// credentials, root directory, mounts or sandbox.
    #[must_use]
    pub fn is_sure(&mut self, pid: i32, call: &CallInfo) -> bool {
        self.granted(pid, call).unwrap_or(false)
    }

    fn granted(&mut self, pid: i32, call: &CallInfo) -> Option<bool> {
        let usual = Abi::HERE.first()?;
        if call.arch != usual.audit_number() {
            return None;
        }
        let found = (*self.calls.get(usize::try_from(call.number()).ok()?)?)?;
        let arguments = call.arguments();
        if let Needs::Open(flags) = found.needs
            && arguments[usize::from(flags)] as i32 & !PLAIN != libc::O_RDONLY
        {
            return None;
        }
        let (directory, path) = match found.object {
            Object::Path(path) => (libc::AT_FDCWD, path),
            Object::At(directory, path) => (arguments[usize::from(directory)] as i32, path),
            _ => return None,
        };
        let path = object::text_at(pid, arguments[usize::from(path)]);
        // /proc, and /dev through links to it, differ between processes.
        if path.is_empty() || path.starts_with(b"/proc") || path.starts_with(b"/dev/") {
            return None;
        }
        let path = CString::new(path).ok()?;
        let opened;
        let base = if path.to_bytes().starts_with(b"/") {
            CWD
        } else if directory == libc::AT_FDCWD {
            self.directory(pid)?
        } else {
            opened = self.opened(pid, directory)?;
            opened.as_fd()
        };
        let resolve = ResolveFlags::CACHED | ResolveFlags::NO_MAGICLINKS;
        match openat2(
            base,
            &path,
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
            resolve,
        ) {
            Err(error) => Some(matches!(error, Errno::NOENT | Errno::NOTDIR)),
            Ok(file) => {
                let answer = match found.needs {
                    Needs::Nothing => Some(true),
                    Needs::Program => self.was_executed(&file),
                    Needs::Access(mode) => match arguments[usize::from(mode)] as i32 {
                        libc::F_OK => Some(true),
                        mode => self.allows(&file, mode, 0),
                    },
                    Needs::Open(_) if self.is_confined => None,
                    Needs::Open(_) => self.allows(&file, libc::R_OK, libc::AT_EACCESS),
                };
                self.spent = Some(file);
                answer
            }
        }
    }

    /// Whether a file is a program that was executed before, and has not changed since; `None` if that is not known.
    fn was_executed(&mut self, file: &OwnedFd) -> Option<bool> {
        let how = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let what = StatxFlags::INO | StatxFlags::CTIME | StatxFlags::MNT_ID;
        let stat = statx(file, c"", how, what).ok()?;
        let program = Program::of(&stat);
        if !self.mounts.contains(&stat.stx_mnt_id) {
            return None;
        }
        let is_known = self.programs.contains(&program);
        self.new_program = (!is_known).then_some(program);
        is_known.then(|| sys::may_use(file, libc::X_OK, libc::AT_EACCESS))
    }

    /// The program that the last prediction was about, if it was not executed before.
    pub fn take_new_program(&mut self) -> Option<Program> {
        self.new_program.take()
    }

    /// A thread has executed this program, and has no other rights than before.
    pub fn learn(&mut self, program: Program) {
        self.programs.insert(program);
    }

    /// Whether a regular file or directory may be accessed in this way; `None` if that cannot be determined without waiting.
    fn allows(&self, file: &OwnedFd, mode: i32, flags: i32) -> Option<bool> {
        let how = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let what = StatxFlags::TYPE | StatxFlags::MNT_ID;
        let stat = statx(file, c"", how, what).ok()?;
        let kind = FileType::from_raw_mode(stat.stx_mode.into());
        let is_plain = matches!(kind, FileType::RegularFile | FileType::Directory);
        (is_plain && self.mounts.contains(&stat.stx_mnt_id))
            .then(|| sys::may_use(file, mode, flags))
    }

    /// A duplicate of a thread's open file. Duplicating it is cheaper than going through /proc, but works only for a process's
    /// first thread.
    fn opened(&mut self, pid: i32, descriptor: i32) -> Option<OwnedFd> {
        if let Entry::Vacant(new) = self.processes.entry(pid)
            && let Ok(process) = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty())
        {
            new.insert(process);
        }
        let process = self.processes.get(&pid);
        let copy = process
            .and_then(|process| pidfd_getfd(process, descriptor, PidfdGetfdFlags::empty()).ok());
        copy.or_else(|| sys::open_directory(&format!("/proc/{pid}/fd/{descriptor}")))
    }

    fn directory(&mut self, pid: i32) -> Option<BorrowedFd<'_>> {
        let known: &OwnedFd = match self.directories.entry(pid) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(sys::open_directory(&format!("/proc/{pid}/cwd"))?),
        };
        Some(known.as_fd())
    }
}

/// The ids of the mounts whose file systems answer from memory (proc_pid_mountinfo(5)).
fn mounts_in_memory() -> Vec<u64> {
    let mounts = text_of("/proc/self/mountinfo").unwrap_or_default();
    mounts.lines().filter_map(mount_in_memory).collect()
}

fn mount_in_memory(line: &str) -> Option<u64> {
    let (before, after) = line.split_once(" - ")?;
    let kind = after.split(' ').next()?;
    let number = before.split(' ').next()?.parse().ok()?;
    FROM_MEMORY.contains(&kind).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_told_apart_by_their_file_systems() {
        let local = "29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw";
        let remote = "31 29 0:42 / /home rw - fuse.sshfs host: rw";
        assert_eq!(mount_in_memory(local), Some(29));
        assert_eq!(mount_in_memory(remote), None);
        assert_eq!(mount_in_memory("nonsense"), None);
    }

    #[test]
    fn only_calls_that_look_and_read_or_find_nothing_are_foreseen() {
        let foreseen = CALLS.iter().filter(|row| Foreseeable::of(row).is_some());
        let names: std::collections::BTreeSet<&str> = foreseen.map(|row| row.name).collect();
        let expected = [
            "access",
            "execve",
            "faccessat",
            "lstat",
            "newfstatat",
            "open",
            "openat",
            "readlink",
            "readlinkat",
            "stat",
            "statx",
        ];
        assert_eq!(names, expected.into_iter().collect());
    }
}

//! A process with the credentials of a plan, which makes attempts on request.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Gid, Pid, Uid, fork, setgroups, setresgid, setresuid};

use crate::perform::perform;
use crate::plan::{Try, Who};

/// The process, as seen by the one that controls it.
pub struct Worker {
    pub pid: i32,
    channel: UnixStream,
}

/// An id that has no mapping in any of the namespaces.
const NOBODY_THERE: u32 = 99_999;

impl Worker {
    /// Starts a worker for these attempts, whose paths are final.
    pub fn start(who: &Who, tries: &[Try]) -> Worker {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        // SAFETY: the child runs only code of this crate, which takes no lock that another thread may hold.
        match unsafe { fork() }.expect("a process more") {
            ForkResult::Child => {
                drop(ours);
                work(who, tries, theirs);
                // SAFETY: _exit(2) ends the process and does not return.
                unsafe { libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                drop(theirs);
                let mut worker = Worker {
                    pid: child.as_raw(),
                    channel: ours,
                };
                if let Some((uids, gids)) = &who.namespace {
                    worker.expect_byte();
                    write_map(worker.pid, "uid_map", uids);
                    write_map(worker.pid, "gid_map", gids);
                    worker.channel.write_all(b"m").expect("the worker lives");
                }
                worker.expect_byte();
                worker
            }
        }
    }

    fn expect_byte(&mut self) {
        self.channel
            .read_exact(&mut [0])
            .expect("the worker gets its credentials");
    }

    /// Has the worker make the attempt with this number, and returns the error number; 0 for success.
    pub fn tell(&mut self, number: usize) -> i32 {
        let number = u32::try_from(number).expect("few");
        self.channel
            .write_all(&number.to_ne_bytes())
            .expect("the worker lives");
        let mut errno = [0; 4];
        self.channel
            .read_exact(&mut errno)
            .expect("the worker lives");
        i32::from_ne_bytes(errno)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The worker ends when its channel is closed.
        let _ = self.channel.shutdown(std::net::Shutdown::Both);
        let _ = waitpid(Pid::from_raw(self.pid), None);
    }
}

fn work(who: &Who, tries: &[Try], mut channel: UnixStream) {
    if who.namespace.is_some() {
        unshare(CloneFlags::CLONE_NEWUSER).expect("a user namespace");
        channel.write_all(b"u").expect("the test lives");
        channel.read_exact(&mut [0]).expect("the test lives");
    }
    become_(who);
    std::env::set_current_dir("/").expect("the root directory");
    channel.write_all(b"r").expect("the test lives");
    let mut number = [0; 4];
    while channel.read_exact(&mut number).is_ok() {
        let tried = &tries[u32::from_ne_bytes(number) as usize];
        let errno = perform(&tried.operation, &tried.path, tried.to.as_deref(), who);
        if channel.write_all(&errno.to_ne_bytes()).is_err() {
            return;
        }
    }
}

/// Assumes the credentials.
fn become_(who: &Who) {
    // An ordinary user cannot change them.
    if !Uid::effective().is_root() && who.namespace.is_none() {
        return;
    }
    let uid = Uid::from_raw(who.inner_uid(who.uid));
    let gid = Gid::from_raw(who.inner_gid(who.gid));
    let groups = who
        .groups
        .iter()
        .map(|gid| who.inner_gid(*gid))
        .filter(|gid| *gid != NOBODY_THERE);
    let groups: Vec<Gid> = groups.map(Gid::from_raw).collect();
    setgroups(&groups).expect("groups");
    setresgid(gid, gid, gid).expect("gid");
    let held = permitted();
    nix::sys::prctl::set_keepcaps(true).expect("keepcaps");
    setresuid(uid, uid, uid).expect("uid");
    set_capabilities(who.capabilities, held);
}

/// capset(2): sets the effective and permitted capabilities.
fn set_capabilities(set: u64, held: u64) {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    // _LINUX_CAPABILITY_VERSION_3
    let header = Header {
        version: 0x2008_0522,
        pid: 0,
    };
    let permitted = set & held;
    let word = |shift: u32| (permitted >> shift) as u32;
    let data = [word(0), word(0), 0, word(32), word(32), 0];
    // SAFETY: the header and the six words have the layout that capset(2) documents for version 3.
    let answer = unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) };
    assert_eq!(answer, 0, "capset: {}", std::io::Error::last_os_error());
}

/// The permitted capabilities (`CapPrm` in `/proc/self/status`).
fn permitted() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("CapPrm:"));
    u64::from_str_radix(line.expect("the line").trim(), 16).expect("a mask")
}

fn write_map(pid: i32, name: &str, ids: &[u32]) {
    let lines: String = ids
        .iter()
        .enumerate()
        .map(|(inner, outer)| format!("{inner} {outer} 1\n"))
        .collect();
    fs::write(format!("/proc/{pid}/{name}"), lines).expect("the map is written");
}

impl Who {
    /// The id of a user in the worker's user namespace.
    pub fn inner_uid(&self, uid: u32) -> u32 {
        self.namespace
            .as_ref()
            .map_or(uid, |(uids, _)| inner(uids, uid))
    }

    /// The id of a group in the worker's user namespace.
    pub fn inner_gid(&self, gid: u32) -> u32 {
        self.namespace
            .as_ref()
            .map_or(gid, |(_, gids)| inner(gids, gid))
    }
}

fn inner(ids: &[u32], id: u32) -> u32 {
    let at = ids.iter().position(|known| *known == id);
    at.map_or(NOBODY_THERE, |at| at as u32)
}

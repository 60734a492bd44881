//! Refused system calls as the diagnosis sees them: reads the log and converts numbers into operations.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV6};
use std::sync::Arc;

use nix::libc;

use super::entry::{Entry, Failed, Refused, Remark};
use super::log::{Log, Place};
use super::table::{Does, NAMESPACES};
use crate::attempt::{Errno, NodeType, OpenHow, Operation, Privilege};
use crate::report::{CallReport, lossy};
use crate::run::scene::Process;

/// A system call that the kernel refused.
#[derive(Debug, Clone)]
pub struct Call {
    /// The call's name: `openat`.
    pub name: &'static str,
    /// The error number it returned.
    pub errno: Errno,
    /// The operation it attempted; `None` if no operation corresponds to it.
    pub operation: Option<Operation>,
    /// The absolute path of the object; `None` if it has none.
    pub path: Option<Vec<u8>>,
    /// The directory that the path was relative to, where its resolution started.
    pub directory: Option<Vec<u8>>,
    /// The new name of a rename or link, as an absolute path.
    pub to: Option<Vec<u8>>,
    /// The socket address, if it is not a path: `127.0.0.1:80`, `[::1]:80`, or `@name` for an abstract Unix socket.
    pub address: Option<String>,
    /// The other process that it concerns, by its id as the caller sees it.
    pub target: Option<i32>,
    /// Whether it creates an unnamed file in the directory that is its path (O_TMPFILE).
    pub makes_unnamed: bool,
    /// Whether tracing itself is the likely reason: a ptrace(2) of a process that permwrap traces, or any call of a set-user-ID
    /// program that runs without its privileges.
    pub by_tracer: bool,
    /// Whether a seccomp filter certainly answered it.
    pub by_filter: bool,
    /// The program's name.
    pub program: Vec<u8>,
    /// The process, in its state at the time.
    pub process: Arc<Process>,
    place: Place,
}

/// The content of the log, as far as it was read.
pub struct Calls {
    log: Log,
    from: Place,
    processes: HashMap<u64, Arc<Process>>,
    /// Every distinct refused call, in the order of first occurrence.
    pub calls: Vec<Call>,
    /// The processes that ended in failure, in order.
    pub failed: Vec<Failed>,
    /// Remarks about the tracing itself.
    pub remarks: Vec<Remark>,
}

impl Calls {
    /// A reader of this log that has read nothing yet.
    #[must_use]
    pub fn new(log: Log) -> Calls {
        Calls {
            log,
            from: Place::from_number(0),
            processes: HashMap::new(),
            calls: Vec::new(),
            failed: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Reads new entries.
    pub fn update(&mut self) {
        for (place, bytes) in self.log.read(&mut self.from) {
            match Entry::from_bytes(bytes) {
                Some(Entry::Process(process)) => {
                    self.processes.insert(place.number(), Arc::new(*process));
                }
                Some(Entry::Refused(refused)) => {
                    let process = self.processes.get(&refused.process).cloned();
                    self.calls
                        .extend(Call::new(refused, place, process.unwrap_or_default()));
                }
                Some(Entry::Failed(failed)) => self.failed.push(failed),
                Some(Entry::Remark(remark)) => self.remarks.push(remark),
                None => {}
            }
        }
    }

    /// How often a call has occurred so far.
    #[must_use]
    pub fn count(&self, call: &Call) -> u64 {
        self.log.met(call.place).count.into()
    }

    /// When a call last occurred, as a number that increases with every call, and in which process.
    #[must_use]
    pub fn last(&self, call: &Call) -> (u64, i32) {
        let met = self.log.met(call.place);
        (met.when, met.pid)
    }

    /// The index of the call at this place in the log.
    #[must_use]
    pub fn at(&self, place: u64) -> Option<usize> {
        self.calls
            .binary_search_by_key(&place, |call| call.place.number())
            .ok()
    }

    /// Reads everything about a command whose end the wrapper knows. The tracer has just written it, or is about to.
    pub fn settle(&mut self) {
        let _ = self.log.settles();
        self.update();
    }

    /// Whether the tracer has recorded the command's end.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.log.is_settled()
    }

    /// Whether the refused operation has since succeeded in another way.
    #[must_use]
    pub fn has_passed(&self, call: &Call) -> bool {
        self.log.met(call.place).passed
    }

    /// The call for the report. `told` says whether a message was attributed to it.
    #[must_use]
    pub fn report_of(&self, call: &Call, told: bool) -> CallReport {
        let path = call.path.as_ref().map(|path| lossy(path));
        CallReport {
            call: call.name,
            errno: call.errno.symbol(),
            operation: call.operation.as_ref().map(Operation::name),
            path_lossy: path.as_ref().is_some_and(|(_, lossy)| *lossy),
            path: path.map(|(path, _)| path),
            to: call.to.as_ref().map(|to| lossy(to).0),
            address: call.address.clone(),
            pid: call.process.pid,
            program: lossy(&call.program).0,
            count: self.count(call),
            told,
        }
    }

    /// How many distinct calls did not fit into the log.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.log.dropped()
    }
}

impl Call {
    fn new(refused: Refused, place: Place, process: Arc<Process>) -> Option<Call> {
        Some(Call {
            name: refused.row().name,
            errno: Errno::from_number(refused.errno)?,
            operation: operation(&refused),
            address: address(&refused.address),
            makes_unnamed: makes_unnamed(&refused),
            path: refused.path,
            directory: refused.directory,
            to: refused.to,
            target: refused.target,
            by_filter: refused.by_filter,
            by_tracer: refused.by_tracer,
            program: refused.program,
            process,
            place,
        })
    }
}

/// Whether it makes, or asks whether it may make, a file in the directory that is its path.
fn makes_unnamed(refused: &Refused) -> bool {
    let makes = |flags| flags as i32 & libc::O_TMPFILE == libc::O_TMPFILE;
    let asks = match refused.row().does {
        Does::Access(mode) => refused.how[usize::from(mode)] as i32 & libc::W_OK != 0,
        _ => false,
    };
    flags(refused).is_some_and(makes) || asks && is_directory(refused.path.as_deref())
}

fn is_directory(path: Option<&[u8]>) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::OsStr::from_bytes(path.unwrap_or_default());
    std::path::Path::new(path).is_dir()
}

/// The flags of open(2), if the call has them.
fn flags(refused: &Refused) -> Option<u64> {
    match refused.row().does {
        Does::Open(flags) => Some(refused.how[usize::from(flags)]),
        Does::OpenHow(_) => Some(u64::from_ne_bytes(*refused.extra.first_chunk()?)),
        _ => None,
    }
}

/// The operation that the call attempted.
fn operation(refused: &Refused) -> Option<Operation> {
    let how = |argument: u8| refused.how[usize::from(argument)];
    Some(match refused.row().does {
        Does::Open(_) | Does::OpenHow(_) => open(flags(refused)?),
        Does::Create => Operation::Open(OpenHow {
            truncate: true,
            ..OpenHow::CREATE
        }),
        Does::Read => Operation::READ,
        Does::Write => Operation::WRITE,
        Does::Access(mode) => access(how(mode), refused.path.as_deref()),
        Does::Look => Operation::Stat {
            follow: !matches!(
                refused.row().name,
                "lstat" | "lstat64" | "readlink" | "readlinkat" | "lgetxattr" | "llistxattr"
            ),
        },
        Does::Traverse => Operation::Traverse,
        Does::Exec => Operation::Exec,
        Does::MakeDirectory => Operation::Mkdir,
        Does::MakeNode(mode) => match how(mode) as u32 & libc::S_IFMT {
            libc::S_IFCHR => Operation::Mknod(NodeType::Char),
            libc::S_IFBLK => Operation::Mknod(NodeType::Block),
            libc::S_IFREG | 0 => Operation::Open(OpenHow {
                exclusive: true,
                ..OpenHow::CREATE
            }),
            _ => Operation::Mknod(NodeType::Fifo),
        },
        Does::MakeSymlink => Operation::Symlink,
        Does::Remove => Operation::Delete,
        Does::RemoveDirectory => Operation::Rmdir,
        Does::RemoveAt(flags) if how(flags) as i32 & libc::AT_REMOVEDIR != 0 => Operation::Rmdir,
        Does::RemoveAt(_) => Operation::Delete,
        Does::Rename => Operation::Rename,
        Does::Link => Operation::Link,
        Does::Chmod(mode) => Operation::Chmod(Some(how(mode) as u32 & 0o7777)),
        Does::Chown(user, group) => {
            // An id of -1 leaves the owner or group unchanged.
            let id = |argument| Some(how(argument) as u32).filter(|id| *id != u32::MAX);
            Operation::Chown {
                uid: id(user),
                gid: id(group),
            }
        }
        Does::Utime(argument) | Does::UtimeSpec(argument) => Operation::Utime {
            now: how(argument) != 0,
        },
        Does::SetAttribute(_) => {
            Operation::Setxattr(String::from_utf8_lossy(&refused.extra).into_owned())
        }
        Does::Bind => Operation::Bind,
        Does::Connect => Operation::Connect,
        Does::MakeSocket(family, kind) => {
            let is_raw = how(kind) & 0xF == libc::SOCK_RAW as u64;
            let is_packet = how(family) == libc::AF_PACKET as u64;
            (is_raw || is_packet).then_some(Operation::Privileged(Privilege::RawSocket))?
        }
        Does::Mount => Operation::Mount,
        Does::Signal => Operation::Signal,
        Does::Ptrace => Operation::Ptrace,
        Does::MakeNamespace(flags) => namespace(how(flags))?,
        Does::Clone3 => namespace(u64::from_ne_bytes(*refused.extra.first_chunk()?))?,
        // A key has permissions of its own, which are not judged.
        Does::Needs(Privilege::Keyring) if !refused.by_filter => return None,
        Does::Needs(privilege) => Operation::Privileged(privilege),
        Does::Filter | Does::Confine | Does::Ring | Does::Other => return None,
    })
}

/// open(2) with these flags, as an operation.
fn open(flags: u64) -> Operation {
    let flags = flags as i32;
    let has = |flag: i32| flags & flag == flag;
    let write = flags & libc::O_ACCMODE != libc::O_RDONLY;
    if has(libc::O_PATH) {
        return Operation::Stat {
            follow: !has(libc::O_NOFOLLOW),
        };
    }
    if has(libc::O_DIRECTORY) && !write {
        return Operation::List;
    }
    Operation::Open(OpenHow {
        read: flags & libc::O_ACCMODE != libc::O_WRONLY,
        write,
        append: has(libc::O_APPEND),
        truncate: has(libc::O_TRUNC),
        create: has(libc::O_CREAT) || has(libc::O_TMPFILE),
        exclusive: has(libc::O_CREAT | libc::O_EXCL),
        noatime: has(libc::O_NOATIME),
    })
}

/// access(2) with this mode, as an operation.
fn access(mode: u64, path: Option<&[u8]>) -> Operation {
    let has = |flag: i32| mode as i32 & flag != 0;
    match (has(libc::R_OK), has(libc::W_OK), has(libc::X_OK)) {
        (false, false, false) => Operation::Stat { follow: true },
        (_, false, true) if is_directory(path) => Operation::Traverse,
        // Of a directory, it asks whether files may be made in it.
        (_, true, _) if is_directory(path) => Operation::CREATE,
        (false, false, true) => Operation::Exec,
        (read, write, _) => Operation::Open(OpenHow {
            read,
            write,
            ..OpenHow::default()
        }),
    }
}

/// Creating namespaces with these flags of clone(2). A user namespace is created first and grants the privilege for the others.
fn namespace(flags: u64) -> Option<Operation> {
    let flags = flags as u32 & NAMESPACES;
    let user = flags & libc::CLONE_NEWUSER as u32 != 0;
    let privilege = if user {
        Privilege::UserNamespace
    } else {
        Privilege::Namespace
    };
    (flags != 0).then_some(Operation::Privileged(privilege))
}

/// A socket address that is not a path.
fn address(bytes: &[u8]) -> Option<String> {
    let (family, rest) = bytes.split_first_chunk()?;
    let port = || Some(u16::from_be_bytes(*rest.first_chunk()?));
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => {
            let host: [u8; 4] = rest.get(2..6)?.try_into().ok()?;
            Some(format!("{}:{}", Ipv4Addr::from(host), port()?))
        }
        libc::AF_INET6 => {
            let host: [u8; 16] = rest.get(6..22)?.try_into().ok()?;
            Some(SocketAddrV6::new(Ipv6Addr::from(host), port()?, 0, 0).to_string())
        }
        libc::AF_UNIX => Some(format!(
            "@{}",
            String::from_utf8_lossy(rest.strip_prefix(b"\0")?)
        )),
        _ => None,
    }
}

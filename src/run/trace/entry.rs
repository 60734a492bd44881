//! The entries that the tracer writes into its log, and their encoding.

use super::table::{Abi, CALLS, Row};
use crate::run::diagnosis::wire::{
    bytes, number, process, put_bytes, put_number, put_process, put_some, some,
};
use crate::run::scene::Process;

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A process in its state when one of its calls was refused; later entries refer to it.
    Process(Box<Process>),
    /// A refused call.
    Refused(Refused),
    /// The end, in failure, of a process that had refused calls.
    Failed(Failed),
    /// A remark about the tracing itself.
    Remark(Remark),
}

/// A refused call, as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refused {
    /// Its index in the [table](CALLS).
    pub row: usize,
    /// The ABI it was made with, which determines the layout of some arguments.
    pub abi: Abi,
    /// The error number it returned.
    pub errno: i32,
    /// The arguments that are not addresses (flags, modes, ids); 0 elsewhere.
    pub how: [u64; 6],
    /// The memory that a relevant argument points to: `struct open_how`, an attribute name, times.
    pub extra: Vec<u8>,
    /// The object's path, absolute and as seen by the wrapper; `None` if it has none.
    pub path: Option<Vec<u8>>,
    /// The directory that the path was relative to.
    pub directory: Option<Vec<u8>>,
    /// The second path, also absolute.
    pub to: Option<Vec<u8>>,
    /// The socket address as passed to the call (`struct sockaddr`).
    pub address: Vec<u8>,
    /// The id of the other process that the call concerns, as the caller sees it.
    pub target: Option<i32>,
    /// Whether a seccomp filter answered it before the kernel executed the call.
    pub by_filter: bool,
    /// Whether tracing itself is the likely reason: a ptrace(2) of a process that permwrap traces, or any call of a set-user-ID
    /// program that runs without its privileges.
    pub by_tracer: bool,
    /// The program's name.
    pub program: Vec<u8>,
    /// The place of the process's entry in the log.
    pub process: u64,
}

impl Refused {
    /// Its row in the table.
    #[must_use]
    pub fn row(&self) -> &'static Row {
        &CALLS[self.row]
    }
}

/// The end of a process that had refused calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its process id.
    pub pid: i32,
    /// Its parent's process id.
    pub parent: i32,
    /// Its exit code, or 128 plus the number of the signal that killed it.
    pub code: i32,
    /// Its last refused calls, the latest one last.
    pub refused: Vec<Refusal>,
}

/// A refused call of a process that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The place of the call's entry in the log.
    pub place: u64,
    /// Whether the operation later succeeded in another way: with the same name in another directory, or with fewer permissions
    /// requested.
    pub passed: bool,
    /// How many watched calls the process made after it.
    pub followed_by: u32,
}

/// A remark about the tracing itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// The command could not be traced, for this error number.
    NotTraced(i32),
    /// This program has privileges from its file, which have no effect while it is traced.
    Privileges(Vec<u8>, FilePrivileges),
    /// This program uses io_uring.
    Ring(Vec<u8>),
    /// This program tried to trace a process that is already being traced.
    Tracer(Vec<u8>),
}

/// The privileges that a program's file gives to whoever executes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilePrivileges {
    /// Its owner, if the set-user-ID bit is set.
    pub user: Option<u32>,
    /// Its group, if the set-group-ID bit is set.
    pub group: Option<u32>,
    /// Whether it has capabilities.
    pub capabilities: bool,
}

impl FilePrivileges {
    /// Whether it gives any.
    #[must_use]
    pub fn are_any(self) -> bool {
        self != FilePrivileges::default()
    }
}

mod tag {
    pub const PROCESS: u8 = 1;
    pub const REFUSED: u8 = 2;
    pub const FAILED: u8 = 3;
    pub const NOT_TRACED: u8 = 4;
    pub const PRIVILEGES: u8 = 5;
    pub const RING: u8 = 6;
    pub const TRACER: u8 = 7;
}

impl Entry {
    /// Encodes an entry.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let out = &mut bytes;
        let mut remark = |tag, program: &[u8]| {
            out.push(tag);
            put_bytes(out, program);
        };
        match self {
            Entry::Remark(Remark::Privileges(program, given)) => {
                remark(tag::PRIVILEGES, program);
                for id in [given.user, given.group] {
                    put_some(out, id, |out, id| put_number(out, id.into()));
                }
                put_number(out, given.capabilities.into());
            }
            Entry::Remark(Remark::Ring(program)) => remark(tag::RING, program),
            Entry::Remark(Remark::Tracer(program)) => remark(tag::TRACER, program),
            Entry::Remark(Remark::NotTraced(errno)) => {
                out.push(tag::NOT_TRACED);
                put_number(out, (*errno).into());
            }
            Entry::Process(process) => {
                out.push(tag::PROCESS);
                put_process(out, process);
            }
            Entry::Refused(refused) => {
                out.push(tag::REFUSED);
                refused.put(out);
            }
            Entry::Failed(failed) => {
                out.push(tag::FAILED);
                failed.put(out);
            }
        }
        bytes
    }

    /// Decodes an entry; `None` if it is malformed.
    #[must_use]
    pub fn from_bytes(entry: &[u8]) -> Option<Entry> {
        let (tag, rest) = entry.split_first()?;
        let rest = &mut { rest };
        Some(match *tag {
            tag::PROCESS => Entry::Process(Box::new(process(rest)?)),
            tag::REFUSED => Entry::Refused(Refused::read(rest)?),
            tag::FAILED => Entry::Failed(Failed::read(rest)?),
            tag::NOT_TRACED => Entry::Remark(Remark::NotTraced(number(rest)?)),
            tag::PRIVILEGES => {
                let program = bytes(rest)?;
                let given = FilePrivileges {
                    user: some(rest, number)?,
                    group: some(rest, number)?,
                    capabilities: number::<i32>(rest)? != 0,
                };
                Entry::Remark(Remark::Privileges(program, given))
            }
            tag::RING => Entry::Remark(Remark::Ring(bytes(rest)?)),
            tag::TRACER => Entry::Remark(Remark::Tracer(bytes(rest)?)),
            _ => return None,
        })
    }
}

impl Refused {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(out, self.row as i64);
        put_number(out, self.abi as i64);
        put_number(out, self.errno.into());
        for argument in self.how {
            put_number(out, argument.cast_signed());
        }
        put_bytes(out, &self.extra);
        for path in [&self.path, &self.directory, &self.to] {
            put_some(out, path.as_ref(), |out, path| put_bytes(out, path));
        }
        put_bytes(out, &self.address);
        put_some(out, self.target, |out, target| {
            put_number(out, target.into())
        });
        put_number(out, self.by_filter.into());
        put_number(out, self.by_tracer.into());
        put_bytes(out, &self.program);
        put_number(out, self.process.cast_signed());
    }

    fn read(rest: &mut &[u8]) -> Option<Refused> {
        Some(Refused {
            row: number(rest).filter(|row| *row < CALLS.len())?,
            abi: match number(rest)? {
                0_i32 => Abi::X86_64,
                1 => Abi::I386,
                _ => Abi::Generic,
            },
            errno: number(rest)?,
            how: {
                let mut how = [0; 6];
                for argument in &mut how {
                    *argument = number::<i64>(rest)?.cast_unsigned();
                }
                how
            },
            extra: bytes(rest)?,
            path: some(rest, bytes)?,
            directory: some(rest, bytes)?,
            to: some(rest, bytes)?,
            address: bytes(rest)?,
            target: some(rest, number)?,
            by_filter: number::<i32>(rest)? != 0,
            by_tracer: number::<i32>(rest)? != 0,
            program: bytes(rest)?,
            process: number(rest)?,
        })
    }
}

impl Failed {
    fn put(&self, out: &mut Vec<u8>) {
        for number in [self.pid, self.parent, self.code] {
            put_number(out, number.into());
        }
        put_number(out, self.refused.len() as i64);
        for refusal in &self.refused {
            put_number(out, refusal.place.cast_signed());
            put_number(out, refusal.passed.into());
            put_number(out, refusal.followed_by.into());
        }
    }

    fn read(rest: &mut &[u8]) -> Option<Failed> {
        Some(Failed {
            pid: number(rest)?,
            parent: number(rest)?,
            code: number(rest)?,
            refused: {
                let count: u32 = number(rest)?;
                let each = |_| {
                    Some(Refusal {
                        place: number(rest)?,
                        passed: number::<i32>(rest)? != 0,
                        followed_by: number(rest)?,
                    })
                };
                (0..count).map(each).collect::<Option<_>>()?
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrives(entry: &Entry) {
        let bytes = entry.to_bytes();
        assert_eq!(Entry::from_bytes(&bytes).as_ref(), Some(entry));
        for length in 0..bytes.len() {
            assert_ne!(Entry::from_bytes(&bytes[..length]).as_ref(), Some(entry));
        }
    }

    #[test]
    fn entries_arrive_as_they_were_written() {
        arrives(&Entry::Process(Box::new(Process {
            pid: 7,
            cwd: Some("/srv".into()),
            ..Process::default()
        })));
        arrives(&Entry::Refused(Refused {
            row: CALLS.len() - 1,
            abi: Abi::I386,
            errno: 13,
            how: [u64::MAX, 0, 1, 2, 3, 4],
            extra: vec![0, 255],
            path: Some(b"/srv/x".to_vec()),
            directory: None,
            to: Some(Vec::new()),
            address: b"\x02\0\0P".to_vec(),
            target: Some(-1),
            by_filter: true,
            by_tracer: false,
            program: b"cat".to_vec(),
            process: 4096,
        }));
        arrives(&Entry::Failed(Failed {
            pid: 7,
            parent: 1,
            code: 137,
            refused: vec![
                Refusal {
                    place: 512,
                    passed: true,
                    followed_by: 7,
                };
                2
            ],
        }));
        arrives(&Entry::Remark(Remark::NotTraced(1)));
        arrives(&Entry::Remark(Remark::Ring(b"node".to_vec())));
        let given = FilePrivileges {
            user: Some(0),
            group: None,
            capabilities: true,
        };
        arrives(&Entry::Remark(Remark::Privileges(b"su".to_vec(), given)));
    }

    #[test]
    fn nonsense_is_no_entry() {
        assert_eq!(Entry::from_bytes(&[]), None);
        assert_eq!(Entry::from_bytes(&[99, 1]), None);
        let far = Refused {
            row: CALLS.len(),
            abi: Abi::X86_64,
            errno: 1,
            how: [0; 6],
            extra: Vec::new(),
            path: None,
            directory: None,
            to: None,
            address: Vec::new(),
            target: None,
            by_filter: false,
            by_tracer: false,
            program: Vec::new(),
            process: 0,
        };
        assert_eq!(Entry::from_bytes(&Entry::Refused(far).to_bytes()), None);
    }
}

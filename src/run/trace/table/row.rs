//! What a row of the table of calls consists of.

use Does::{Confine, Filter, Ring};
use Object::Nobody;
use When::{Always, AnyBit, Equals, In, NoBit, Nonzero};

use crate::attempt::Privilege;

/// A system call, or some uses of one.
#[derive(Debug)]
pub struct Row {
    /// Its name, as strace(1) writes it.
    pub name: &'static str,
    numbers: [i16; 3],
    /// Which uses of it are watched.
    pub when: When,
    /// What it operates on.
    pub object: Object,
    /// Its second path, for a rename or link: the new name.
    pub to: Object,
    /// What it does.
    pub does: Does,
    /// Whether success changes the credentials, namespaces, root directory or working directory of the process.
    pub changes: bool,
}

/// Which uses of a call are watched, depending on an argument. The filter decides this without stopping the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Every use.
    Always,
    /// The argument is not 0.
    Nonzero(u8),
    /// The argument is this number.
    Equals(u8, u32),
    /// The argument is one of the numbers from the first to the last.
    In(u8, u32, u32),
    /// The argument has one of these bits.
    AnyBit(u8, u32),
    /// The argument has none of these bits.
    NoBit(u8, u32),
}

impl When {
    /// Whether a call with these arguments is watched.
    #[must_use]
    pub fn holds(self, arguments: [u64; 6]) -> bool {
        let low = |argument: u8| arguments[usize::from(argument)] as u32;
        match self {
            Always => true,
            Nonzero(argument) => arguments[usize::from(argument)] != 0,
            Equals(argument, value) => low(argument) == value,
            In(argument, first, last) => (first..=last).contains(&low(argument)),
            AnyBit(argument, bits) => low(argument) & bits != 0,
            NoBit(argument, bits) => low(argument) & bits == 0,
        }
    }
}

/// The location of a call's object, by argument numbers (from 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// There is none: the call concerns the process itself.
    Nobody,
    /// A path.
    Path(u8),
    /// A directory descriptor and a path; an empty path denotes the descriptor itself.
    At(u8, u8),
    /// A descriptor.
    Descriptor(u8),
    /// A socket address and its length.
    Address(u8, u8),
    /// A `struct msghdr` that holds an address.
    Message(u8),
    /// A process, by its id; 0 is the caller.
    Process(u8),
}

/// What a call does, with the numbers of the arguments that hold its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Opens, with these flags.
    Open(u8),
    /// Opens, with a `struct open_how`.
    OpenHow(u8),
    /// Opens like creat(2).
    Create,
    /// Opens for reading, or requires the same permission, like inotify_add_watch(2).
    Read,
    /// Opens for writing, or requires the same permission.
    Write,
    /// Queries permissions, given as a mode.
    Access(u8),
    /// Inspects an object. Only the directories on the path can refuse it.
    Look,
    /// Makes it the working directory.
    Traverse,
    /// Executes a program.
    Exec,
    /// Makes a directory.
    MakeDirectory,
    /// Makes a node; this mode holds its type.
    MakeNode(u8),
    /// Makes a symlink.
    MakeSymlink,
    /// Removes a name.
    Remove,
    /// Removes a directory.
    RemoveDirectory,
    /// Removes a name or, if these flags include AT_REMOVEDIR, a directory.
    RemoveAt(u8),
    /// Renames.
    Rename,
    /// Makes a hard link.
    Link,
    /// Sets these permission bits.
    Chmod(u8),
    /// Sets this owner and this group.
    Chown(u8, u8),
    /// Sets times; the current time if this argument is null.
    Utime(u8),
    /// Sets times, given as a pair of `struct timespec`.
    UtimeSpec(u8),
    /// Sets or removes the extended attribute with this name.
    SetAttribute(u8),
    /// Binds a socket to this address.
    Bind,
    /// Connects a socket to this address, or sends to it.
    Connect,
    /// Makes a socket with this family and this type.
    MakeSocket(u8, u8),
    /// Mounts, or changes a mount.
    Mount,
    /// Sends a signal.
    Signal,
    /// Traces a process, or requires the same right.
    Ptrace,
    /// Creates namespaces, according to these flags.
    MakeNamespace(u8),
    /// Creates a process, with a `struct clone_args`.
    Clone3,
    /// Requires a privilege.
    Needs(Privilege),
    /// Installs a seccomp filter on itself.
    Filter,
    /// Sets no_new_privs, or enters a sandbox.
    Confine,
    /// Sets up io_uring, whose operations are not system calls.
    Ring,
    /// Something that no operation corresponds to.
    Other,
}

/// An ABI, with its own table of system calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Abi {
    /// x86-64.
    X86_64,
    /// 32-bit programs on x86.
    I386,
    /// 64-bit ARM, and every newer architecture.
    Generic,
}

impl Abi {
    /// The known ABIs that this machine's kernel supports, the native one first.
    pub const HERE: &'static [Abi] = if cfg!(target_arch = "x86_64") {
        &[Abi::X86_64, Abi::I386]
    } else if cfg!(target_arch = "aarch64") {
        &[Abi::Generic]
    } else {
        &[]
    };

    /// Its identifier in seccomp(2) and ptrace(2) (`AUDIT_ARCH_*`).
    #[must_use]
    pub const fn audit_number(self) -> u32 {
        match self {
            Abi::X86_64 => 0xC000_003E,
            Abi::I386 => 0x4000_0003,
            Abi::Generic => 0xC000_00B7,
        }
    }

    /// The ABI with this identifier.
    #[must_use]
    pub fn with_audit_number(number: u32) -> Option<Abi> {
        let mut here = Abi::HERE.iter().copied();
        here.find(|abi| abi.audit_number() == number)
    }
}

impl Row {
    /// The call's number in an ABI; `None` if it has none there.
    #[must_use]
    pub fn number(&self, abi: Abi) -> Option<u32> {
        u32::try_from(self.numbers[abi as usize]).ok()
    }

    /// Whether a success of the call matters.
    #[must_use]
    pub fn matters(&self) -> bool {
        self.changes || matches!(self.does, Filter | Confine | Ring)
    }

    pub(super) const fn when(self, when: When) -> Row {
        Row { when, ..self }
    }

    pub(super) const fn to(self, to: Object) -> Row {
        Row { to, ..self }
    }

    pub(super) const fn changes(self) -> Row {
        Row {
            changes: true,
            ..self
        }
    }
}

/// A row: name, numbers (x86-64, i386, generic), object, and what the call does.
pub(super) const fn row(name: &'static str, numbers: [i16; 3], object: Object, does: Does) -> Row {
    Row {
        name,
        numbers,
        when: Always,
        object,
        to: Nobody,
        does,
        changes: false,
    }
}

//! The object of a refused call, read from the memory of the stopped process and from /proc.

use std::io::{IoSlice, IoSliceMut};
use std::os::unix::ffi::OsStrExt;

use nix::libc;
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

use super::entry::Refused;
use super::table::{Abi, Does, Object, Row};
use crate::run::scene::Process;

/// The maximum length of a path in bytes, including the NUL (PATH_MAX).
const LONGEST_PATH: usize = 4096;

/// The maximum length of a socket address, in bytes.
const LONGEST_ADDRESS: usize = 128;

/// A process stopped at the end of a call.
pub struct Caller<'a> {
    /// The id of the thread.
    pub pid: i32,
    /// The process's state.
    pub process: &'a Process,
    /// The ABI of the call.
    pub abi: Abi,
    /// The call's arguments.
    pub arguments: [u64; 6],
}

impl Caller<'_> {
    /// Fills in the objects and parameters of the call.
    pub fn describe(&self, row: &Row, refused: &mut Refused) {
        self.find_object(row.object, refused);
        refused.to = self.path_of(row.to).map(|(path, _)| path);
        let arguments = self.arguments;
        let mut keep = |argument: u8| {
            refused.how[usize::from(argument)] = arguments[usize::from(argument)] & 0xFFFF_FFFF;
        };
        match row.does {
            Does::Open(n)
            | Does::Access(n)
            | Does::MakeNode(n)
            | Does::RemoveAt(n)
            | Does::Chmod(n)
            | Does::MakeNamespace(n) => keep(n),
            Does::Chown(user, group) => [user, group].map(keep).into_iter().collect(),
            Does::MakeSocket(family, kind) => [family, kind].map(keep).into_iter().collect(),
            Does::Utime(n) => {
                refused.how[usize::from(n)] = u64::from(arguments[usize::from(n)] == 0)
            }
            Does::UtimeSpec(n) => {
                refused.how[usize::from(n)] = u64::from(self.sets_present_time(row, n));
            }
            Does::OpenHow(n) => refused.extra = self.read(arguments[usize::from(n)], 24),
            Does::Clone3 => refused.extra = self.read(arguments[0], 8),
            Does::SetAttribute(n) => refused.extra = self.text(arguments[usize::from(n)]),
            Does::Ptrace if row.name == "ptrace" => refused.how[0] = arguments[0],
            _ => {}
        }
    }

    fn find_object(&self, object: Object, refused: &mut Refused) {
        let arguments = self.arguments;
        let (address, length) = match object {
            Object::Address(address, length) => (
                arguments[usize::from(address)],
                arguments[usize::from(length)] as usize,
            ),
            Object::Message(message) => self.name_of_message(arguments[usize::from(message)]),
            Object::Process(number) => {
                let number = arguments[usize::from(number)] as i32;
                refused.target = Some(number).filter(|number| *number > 0);
                return;
            }
            object => {
                if let Some((path, directory)) = self.path_of(object) {
                    refused.path = Some(path);
                    refused.directory = directory;
                }
                return;
            }
        };
        let address = self.read(address, length.min(LONGEST_ADDRESS));
        match unix_path(&address) {
            Some(path) => {
                let (path, directory) = self.absolute(None, path);
                (refused.path, refused.directory) = (path, directory);
            }
            None => refused.address = address,
        }
    }

    /// The path, and the directory that it was relative to.
    fn path_of(&self, object: Object) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let arguments = self.arguments;
        let argument = |n: u8| arguments[usize::from(n)];
        let (base, path) = match object {
            Object::Path(path) => (None, self.path_at(argument(path))?),
            Object::At(directory, path) => {
                let path = self.path_at(argument(path)).unwrap_or_default();
                let here = argument(directory) as i32 == libc::AT_FDCWD || path.starts_with(b"/");
                let base = (!here).then(|| self.opened(argument(directory)));
                (base.map_or(Some(None), |base| base.map(Some))?, path)
            }
            Object::Descriptor(descriptor) => {
                return Some((self.opened(argument(descriptor))?, None));
            }
            Object::Nobody | Object::Address(..) | Object::Message(_) | Object::Process(_) => {
                return None;
            }
        };
        let (path, directory) = self.absolute(base, &path);
        Some((path?, directory))
    }

    /// A path as seen from permwrap's own root directory, and the directory that it was relative to.
    fn absolute(&self, base: Option<Vec<u8>>, path: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        if path.starts_with(b"/") {
            let root = self
                .process
                .root
                .as_ref()
                .map(|root| root.as_os_str().as_bytes());
            return match root {
                Some(b"/") | None => (Some(path.to_vec()), None),
                Some(root) => (Some([root, path].concat()), None),
            };
        }
        let directory = || Some(self.process.cwd.as_ref()?.as_os_str().as_bytes().to_vec());
        let Some(base) = base.or_else(directory) else {
            return (None, None);
        };
        if path.is_empty() {
            return (Some(base), None);
        }
        let path = without_first_dots(path);
        let between: &[u8] = if base.ends_with(b"/") { b"" } else { b"/" };
        (Some([&base, between, path].concat()), Some(base))
    }

    /// The path of the file behind a descriptor, if it has one.
    fn opened(&self, descriptor: u64) -> Option<Vec<u8>> {
        let descriptor = descriptor as i32;
        let link = std::fs::read_link(format!("/proc/{}/fd/{descriptor}", self.pid)).ok()?;
        let link = link.as_os_str().as_bytes();
        link.starts_with(b"/").then(|| link.to_vec())
    }

    fn path_at(&self, address: u64) -> Option<Vec<u8>> {
        (address != 0).then(|| self.text(address))
    }

    /// The address in a `struct msghdr`: its location and its length.
    fn name_of_message(&self, message: u64) -> (u64, usize) {
        let word = |bytes: &[u8]| {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            u64::from_ne_bytes(word)
        };
        let size = if self.abi == Abi::I386 { 4 } else { 8 };
        let bytes = self.read(message, size + 4);
        match bytes.split_at_checked(size) {
            Some((name, length)) if length.len() == 4 => (word(name), word(length) as usize),
            _ => (0, 0),
        }
    }

    /// Whether both times of a pair are UTIME_NOW, or the pointer is null, which means the same.
    fn sets_present_time(&self, row: &Row, argument: u8) -> bool {
        /// UTIME_NOW.
        const NOW: u32 = 0x3FFF_FFFF;
        let address = self.arguments[usize::from(argument)];
        if address == 0 {
            return true;
        }
        let size = if self.abi == Abi::I386 && row.name == "utimensat" {
            4
        } else {
            8
        };
        let pair = self.read(address, 4 * size);
        let nanoseconds = |at: usize| {
            pair.get(at..at + 4)?
                .try_into()
                .ok()
                .map(u32::from_ne_bytes)
        };
        nanoseconds(size) == Some(NOW) && nanoseconds(3 * size) == Some(NOW)
    }

    fn text(&self, address: u64) -> Vec<u8> {
        text_at(self.pid, address)
    }

    fn read(&self, address: u64, length: usize) -> Vec<u8> {
        read(self.pid, address, length)
    }
}

/// A NUL-terminated string in the memory of a process, as far as it can be read.
#[must_use]
pub fn text_at(pid: i32, address: u64) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < LONGEST_PATH {
        let at = address + text.len() as u64;
        // Most strings are short. A read must not cross a page boundary, since the next page may be unmapped.
        let usual = if text.is_empty() { 256 } else { LONGEST_PATH };
        let most = (4096 - at % 4096) as usize;
        let piece = read(pid, at, most.min(usual).min(LONGEST_PATH - text.len()));
        if let Some(end) = memchr::memchr(0, &piece) {
            text.extend_from_slice(&piece[..end]);
            break;
        }
        if piece.is_empty() {
            break;
        }
        text.extend(piece);
    }
    text
}

/// Memory of a process; empty if it cannot be read.
fn read(pid: i32, address: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    if address == 0 || length == 0 {
        return Vec::new();
    }
    let from = RemoteIoVec {
        base: address as usize,
        len: length,
    };
    let to = &mut [IoSliceMut::new(&mut bytes)];
    let got = process_vm_readv(Pid::from_raw(pid), to, &[from]).unwrap_or(0);
    bytes.truncate(got);
    bytes
}

/// Eight bytes from the memory of a process.
#[must_use]
pub fn word_at(pid: i32, address: u64) -> Option<u64> {
    Some(u64::from_ne_bytes(read(pid, address, 8).try_into().ok()?))
}

/// Overwrites eight bytes in the memory of a process.
pub fn set_word(pid: i32, address: u64, word: u64) {
    let to = RemoteIoVec {
        base: address as usize,
        len: 8,
    };
    let _ = process_vm_writev(
        Pid::from_raw(pid),
        &[IoSlice::new(&word.to_ne_bytes())],
        &[to],
    );
}

/// A relative path without the `./` that it begins with.
fn without_first_dots(path: &[u8]) -> &[u8] {
    let mut plain = path;
    while let Some(rest) = plain.strip_prefix(b"./") {
        let slashes = rest.iter().take_while(|byte| **byte == b'/').count();
        plain = &rest[slashes..];
    }
    if plain.is_empty() { path } else { plain }
}

/// The path in the address of a Unix socket, if it has one (unix(7)).
fn unix_path(address: &[u8]) -> Option<&[u8]> {
    let (family, path) = address.split_first_chunk()?;
    let is_unix = i32::from(u16::from_ne_bytes(*family)) == libc::AF_UNIX;
    let end = memchr::memchr(0, path).unwrap_or(path.len());
    (is_unix && end > 0).then(|| &path[..end])
}

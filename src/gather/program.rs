//! How execve(2) would run a file, judged by its first bytes.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::io::Errno;

use super::unknown_io;
use crate::facts::{Fact, FileCapabilities, Program, ProgramFile};

/// How many bytes of a file the kernel examines for `#!` (BINPRM_BUF_SIZE).
const HEAD: usize = 256;

/// Reads the first bytes of a regular file. The kernel needs no read permission for that; permwrap does.
pub(super) fn program(handle: &Path, path: &[u8]) -> Fact<Program> {
    let read = || -> std::io::Result<Program> {
        let file = File::options()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(handle)?;
        let mut head = [0u8; HEAD];
        let length = read_at(&file, &mut head, 0)?;
        parse(&head, length, |buffer, offset| {
            read_at(&file, buffer, offset)
        })
    };
    read().map_err(|error| unknown_io("the first bytes", path, &error))
}

/// An executable and its capabilities (getcap(8)); `None` for a script, or if they cannot be read.
pub(super) fn file(place: &Path) -> Option<ProgramFile> {
    let place = place.canonicalize().ok()?;
    let path = place.as_os_str().as_bytes();
    let own = rustix::fs::stat(&place).ok()?;
    let mut value = [0u8; 64];
    let capabilities = match rustix::fs::getxattr(&place, c"security.capability", &mut value) {
        Ok(length) => Some(FileCapabilities::from_xattr(&value[..length])?),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => None,
        Err(_) => return None,
    };
    matches!(program(&place, path), Ok(Program::Elf(_))).then(|| ProgramFile {
        path: path.to_vec(),
        owner: own.st_uid,
        firm: place.ancestors().skip(1).all(is_roots_alone),
        capabilities,
    })
}

/// Whether a file has capabilities (getcap(8)). The attribute can be read without any permission on the file.
pub(super) fn has_capabilities(place: &Path) -> bool {
    rustix::fs::getxattr(place, c"security.capability", &mut [0_u8; 64]).is_ok()
}

/// Whether this is a file that somebody may execute.
pub(super) fn is_executable(place: &Path) -> bool {
    let found = rustix::fs::stat(place);
    found.is_ok_and(|found| {
        let kind = rustix::fs::FileType::from_raw_mode(found.st_mode);
        kind == rustix::fs::FileType::RegularFile && found.st_mode & 0o111 != 0
    })
}

/// Whether nobody but root can replace or write this file, by its path or by that of its target.
pub(super) fn is_roots(place: &Path) -> bool {
    let Ok(target) = place.canonicalize() else {
        return false;
    };
    let above = place.ancestors().skip(1).chain(target.ancestors());
    above
        .filter(|directory| !directory.as_os_str().is_empty())
        .all(is_roots_alone)
}

/// Whether a file or directory belongs to root and is writable by nobody else. Write permission by an ACL shows in the group bits,
/// which are the mask.
fn is_roots_alone(directory: &Path) -> bool {
    rustix::fs::stat(directory).is_ok_and(|found| found.st_uid == 0 && found.st_mode & 0o022 == 0)
}

/// Reads until the buffer is full or the file ends.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read_at(&mut buffer[length..], offset + length as u64)? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

/// Recognizes the file type as load_script and load_elf_binary do. The head is padded with zeros if the file is shorter.
fn parse(
    head: &[u8; HEAD],
    length: usize,
    mut read_at: impl FnMut(&mut [u8], u64) -> std::io::Result<usize>,
) -> std::io::Result<Program> {
    if head.starts_with(b"#!") {
        return Ok(script(head).unwrap_or(Program::Other));
    }
    match Elf::header(&head[..length]) {
        Some(elf) => Ok(Program::Elf(elf.loader(&mut read_at)?)),
        None => Ok(Program::Other),
    }
}

/// The interpreter and its argument in a `#!` line (load_script of fs/binfmt_script.c). `None` if the kernel finds none: the line is
/// blank, or so long that the path may be truncated.
fn script(head: &[u8; HEAD]) -> Option<Program> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let terminator = |byte: &u8| blank(byte) || *byte == 0;
    let line = &head[2..];
    let (line, whole) = match line.iter().position(|&byte| byte == b'\n' || byte == 0) {
        Some(end) if line[end] == b'\n' => (&line[..end], true),
        _ => (line, false),
    };
    let start = line.iter().position(|byte| !blank(byte))?;
    let name = &line[start..];
    let end = name.iter().position(terminator);
    if end.is_none() && !whole {
        return None;
    }
    let (name, argument) = name.split_at(end.unwrap_or(name.len()));
    (!name.is_empty()).then(|| Program::Script {
        interpreter: name.to_vec(),
        argument: argument.trim_ascii().to_vec(),
    })
}

/// The fields of an ELF header that locate the program headers (elf(5)).
struct Elf {
    wide: bool,
    big_endian: bool,
    table: u64,
    entry_size: u64,
    entries: u64,
}

impl Elf {
    /// The type of the program header that names the loader.
    const PT_INTERP: u64 = 3;

    fn header(head: &[u8]) -> Option<Elf> {
        if !head.starts_with(b"\x7fELF") || head.len() < 52 {
            return None;
        }
        let mut elf = Elf {
            wide: head[4] == 2,
            big_endian: head[5] == 2,
            table: 0,
            entry_size: 0,
            entries: 0,
        };
        let (table, size) = if elf.wide { (32, 54) } else { (28, 42) };
        elf.table = elf.number(head.get(table..table + elf.word())?);
        elf.entry_size = elf.number(head.get(size..size + 2)?);
        elf.entries = elf.number(head.get(size + 2..size + 4)?);
        let smallest = if elf.wide { 56 } else { 32 };
        (elf.entry_size >= smallest).then_some(elf)
    }

    /// The size of an address in bytes.
    fn word(&self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    fn number(&self, bytes: &[u8]) -> u64 {
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        if self.big_endian {
            bytes.iter().fold(0, join)
        } else {
            bytes.iter().rev().fold(0, join)
        }
    }

    /// The path of the loader, for a dynamically linked program.
    fn loader(
        &self,
        mut read_at: impl FnMut(&mut [u8], u64) -> std::io::Result<usize>,
    ) -> std::io::Result<Option<Vec<u8>>> {
        let size = usize::try_from(self.entry_size).unwrap_or(0);
        // The kernel refuses a table of more than 64 KiB.
        let mut table = vec![0u8; (size * usize::try_from(self.entries).unwrap_or(0)).min(65536)];
        let length = read_at(&mut table, self.table)?;
        let (offset, filesz) = if self.wide { (8, 32) } else { (4, 16) };
        let word = self.word();
        let found = table[..length]
            .chunks_exact(size)
            .find(|entry| self.number(&entry[..4]) == Elf::PT_INTERP);
        let Some(entry) = found else { return Ok(None) };
        let offset = self.number(&entry[offset..offset + word]);
        let filesz = self.number(&entry[filesz..filesz + word]).min(4096);
        let mut path = vec![0u8; usize::try_from(filesz).unwrap_or(0)];
        let length = read_at(&mut path, offset)?;
        path.truncate(length);
        if let Some(end) = path.iter().position(|&byte| byte == 0) {
            path.truncate(end);
        }
        Ok((!path.is_empty()).then_some(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(content: &[u8]) -> Program {
        let mut head = [0u8; HEAD];
        let length = content.len().min(HEAD);
        head[..length].copy_from_slice(&content[..length]);
        parse(&head, length, |buffer, offset| {
            let from = usize::try_from(offset).unwrap().min(content.len());
            let length = buffer.len().min(content.len() - from);
            buffer[..length].copy_from_slice(&content[from..from + length]);
            Ok(length)
        })
        .unwrap()
    }

    fn interpreter(content: &[u8]) -> Option<Vec<u8>> {
        match parsed(content) {
            Program::Script { interpreter, .. } => Some(interpreter),
            _ => None,
        }
    }

    #[test]
    fn blanks_around_the_interpreter_are_skipped() {
        assert_eq!(interpreter(b"#!/bin/sh\n"), Some(b"/bin/sh".to_vec()));
        assert_eq!(
            interpreter(b"#! \t/bin/sh -e \nx"),
            Some(b"/bin/sh".to_vec())
        );
        assert_eq!(interpreter(b"#!/bin/sh"), Some(b"/bin/sh".to_vec()));
        assert_eq!(interpreter(b"#!/bin/sh\r\n"), Some(b"/bin/sh\r".to_vec()));
    }

    #[test]
    fn what_follows_the_interpreter_is_one_argument() {
        let argument = |content: &[u8]| match parsed(content) {
            Program::Script { argument, .. } => argument,
            program => panic!("{program:?}"),
        };
        assert_eq!(argument(b"#!/usr/bin/env python3\n"), b"python3");
        assert_eq!(
            argument(b"#!/usr/bin/env\t-S node  --x \nx"),
            b"-S node  --x"
        );
        assert_eq!(argument(b"#!/bin/sh\n"), b"");
    }

    #[test]
    fn a_line_without_a_name_is_no_script() {
        assert_eq!(interpreter(b"#!\n/bin/sh\n"), None);
        assert_eq!(interpreter(b"#!  \t \n"), None);
        assert_eq!(interpreter(b"#!"), None);
    }

    #[test]
    fn a_name_that_may_be_cut_off_is_not_used() {
        let mut long = b"#!/".to_vec();
        long.resize(400, b'x');
        assert_eq!(interpreter(&long), None);
        let mut argument = b"#!/bin/sh ".to_vec();
        argument.resize(400, b'x');
        assert_eq!(interpreter(&argument), Some(b"/bin/sh".to_vec()));
    }

    #[test]
    fn the_loader_of_a_32_bit_big_endian_program_is_found() {
        let mut elf = vec![0u8; 0x80];
        elf[..6].copy_from_slice(b"\x7fELF\x01\x02");
        elf[28..32].copy_from_slice(&52u32.to_be_bytes());
        elf[42..44].copy_from_slice(&32u16.to_be_bytes());
        elf[44..46].copy_from_slice(&1u16.to_be_bytes());
        elf[52..56].copy_from_slice(&3u32.to_be_bytes());
        elf[56..60].copy_from_slice(&0x60u32.to_be_bytes());
        elf[68..72].copy_from_slice(&11u32.to_be_bytes());
        elf[0x60..0x6b].copy_from_slice(b"/lib/ld.so\0");
        assert_eq!(parsed(&elf), Program::Elf(Some(b"/lib/ld.so".to_vec())));
        elf[52..56].copy_from_slice(&1u32.to_be_bytes());
        assert_eq!(parsed(&elf), Program::Elf(None));
    }

    #[test]
    fn a_table_with_absurd_sizes_is_survived() {
        let mut elf = vec![0xffu8; 64];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert_eq!(parsed(&elf), Program::Elf(None));
        assert_eq!(parsed(b"\x7fELF"), Program::Other);
        assert_eq!(parsed(b""), Program::Other);
    }
}

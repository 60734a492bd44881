//! Identifies a program that was started under another name: a directory of PATH contains the same file under a known name.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::programs;

/// The maximum size of a program that is compared, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The known name of the program at this path: the name of a file in one of the directories that is identical, byte for byte.
pub(super) fn known_name(program: &Path, directories: &[Vec<u8>]) -> Option<Vec<u8>> {
    let own = fs::metadata(program).ok()?;
    if !own.is_file() || own.len() > LARGEST || !is_elf(program) {
        return None;
    }
    let entries = directories
        .iter()
        .filter_map(|directory| fs::read_dir(super::path(directory)).ok())
        .flat_map(|entries| entries.flatten());
    entries
        .filter(|entry| !entry.file_type().is_ok_and(|kind| kind.is_symlink()))
        .filter(|entry| entry.metadata().is_ok_and(|other| other.len() == own.len()))
        .find_map(|entry| {
            let path = entry.path();
            let name = entry.file_name().into_vec();
            let is_same = || {
                let other = fs::metadata(&path)?;
                let is_one = (other.dev(), other.ino()) == (own.dev(), own.ino());
                Ok::<_, io::Error>(is_one || have_the_same_content(program, &path)?)
            };
            (programs::program(&name).is_some() && is_same().is_ok_and(|same| same)).then_some(name)
        })
}

fn is_elf(program: &Path) -> bool {
    let mut magic = [0u8; 4];
    let read = File::open(program).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

fn have_the_same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut a, mut b) = (vec![0u8; 64 * 1024], vec![0u8; 64 * 1024]);
    loop {
        let (a, b) = (fill(&mut one, &mut a)?, fill(&mut other, &mut b)?);
        if a != b || a.is_empty() {
            return Ok(a == b);
        }
    }
}

/// Reads until the buffer is full or the file ends.
fn fill<'b>(file: &mut File, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(&buffer[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("aacat");
        let bin = [b"/usr/bin".to_vec()];
        fs::copy("/usr/bin/cat", &copy).unwrap();
        assert_eq!(known_name(&copy, &bin).as_deref(), Some(&b"cat"[..]));
        let mut changed = fs::read(&copy).unwrap();
        *changed.last_mut().unwrap() ^= 1;
        fs::write(&copy, changed).unwrap();
        assert_eq!(known_name(&copy, &bin), None);
    }

    #[test]
    fn a_script_is_not_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("tool");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        assert_eq!(known_name(&script, &[b"/usr/bin".to_vec()]), None);
    }
}

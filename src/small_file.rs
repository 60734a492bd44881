//! Reads files written by people: settings, patterns, manifests. A file that is not regular, or too large to have been written
//! by a person, is rejected: reading a device may never end, and opening a FIFO may block.
#![forbid(unsafe_code)]

use std::fs::{File, Metadata, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::libc;

/// The maximum size of such a file, in bytes.
pub const MOST: u64 = 1024 * 1024;

/// Opens a regular file for reading.
///
/// # Errors
/// Those of open(2). Also fails if it is not a regular file.
pub fn open(path: &Path) -> Result<(File, Metadata)> {
    // Do not wait for the other end of a FIFO, or for a device.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(Error::from(ErrorKind::IsADirectory));
    }
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok((file, metadata))
}

/// At most the first `most` bytes of a regular file whose content is not trusted, such as one of a container.
///
/// # Errors
/// Those of open(2) and read(2). Also fails if it is not a regular file.
pub fn beginning(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.0.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a small file.
///
/// # Errors
/// Those of open(2) and read(2). Also fails if it is not a regular file, too large, or not UTF-8.
pub fn read(path: &Path) -> Result<String> {
    let (file, metadata) = open(path)?;
    text_of(file, &metadata)
}

/// The text of a small file, and the uid of its owner.
///
/// # Errors
/// Those of [`read`].
pub fn read_with_owner(path: &Path) -> Result<(String, u32)> {
    let (file, metadata) = open(path)?;
    Ok((text_of(file, &metadata)?, metadata.uid()))
}

/// Like [`read`], but `None` if permwrap runs as root and the file belongs to another user, who must not control what root is
/// told.
///
/// # Errors
/// Those of [`read`].
pub fn read_own(path: &Path) -> Result<Option<String>> {
    let (file, metadata) = open(path)?;
    if !is_own(&metadata) {
        return Ok(None);
    }
    text_of(file, &metadata).map(Some)
}

/// Whether root may trust the file: it belongs to root. Ordinary users may trust any file.
#[must_use]
pub fn is_own(metadata: &Metadata) -> bool {
    !nix::unistd::geteuid().is_root() || metadata.uid() == 0
}

fn text_of(file: File, metadata: &Metadata) -> Result<String> {
    let too_large = || Error::new(ErrorKind::FileTooLarge, "larger than 1 MiB");
    if metadata.len() > MOST {
        return Err(too_large());
    }
    let mut text = String::new();
    file.take(MOST + 1).read_to_string(&mut text)?;
    // Some file systems report a size of 0 for every file, so the length is checked again.
    if text.len() as u64 > MOST {
        Err(too_large())
    } else {
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        for path in [&fifo, Path::new("/dev/zero"), folder.path()] {
            assert!(read(path).is_err(), "{}", path.display());
        }
    }

    #[test]
    fn a_file_that_no_person_wrote_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let large = folder.path().join("large");
        let file = File::create(&large).expect("a file");
        file.set_len(MOST).expect("a hole");
        assert_eq!(read(&large).expect("not too large").len() as u64, MOST);
        file.set_len(MOST + 1).expect("a hole");
        assert_eq!(
            read(&large).expect_err("too large").kind(),
            ErrorKind::FileTooLarge
        );
    }
}

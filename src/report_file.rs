//! Writes a report to a file.
//!
//! The file is replaced atomically: readers never see a partial report, and a full disk leaves the previous one intact. A
//! symlink that another user planted at the path is not followed.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::libc;
use rustix::fs::{Access, AtFlags, CWD, OFlags, accessat, fcntl_setfl};

/// Writes a file, replacing an existing one.
///
/// # Errors
/// Those of open(2), write(2) and rename(2). Also fails if the path is a symlink that belongs to another user than the caller
/// or root.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => {
            let own = nix::unistd::geteuid().as_raw();
            if there.uid() != own && there.uid() != 0 {
                return Err(Error::other(
                    "it is another user's link, which is not followed",
                ));
            }
            // This includes /dev/stdout and similar links, which refer to an open file.
            fs::write(path, bytes)
        }
        Ok(there) if there.is_file() => {
            // Replacing it takes permission for the directory alone; but who made it read-only meant it to stay.
            accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS)?;
            replace(path, bytes, Some(there.permissions().mode()))
        }
        // A FIFO or a device. A FIFO that nobody reads is not waited for.
        Ok(_) => {
            let mut there = OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
                .open(path)?;
            fcntl_setfl(&there, OFlags::empty())?;
            there.write_all(bytes)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => replace(path, bytes, None),
        Err(error) => Err(error),
    }
}

/// Writes a temporary file in the same directory and renames it. If that is refused, by the directory or by a security module
/// that permits this one file only, the file is written in place.
fn replace(path: &Path, bytes: &[u8], mode: Option<u32>) -> Result<()> {
    match exchange(path, bytes, mode) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            write_in_place(path, bytes, mode.is_some())
        }
        done => done,
    }
}

fn exchange(path: &Path, bytes: &[u8], mode: Option<u32>) -> Result<()> {
    let (beside, mut file) = temporary(path)?;
    let done = file
        .write_all(bytes)
        .and_then(|()| {
            mode.map_or(Ok(()), |mode| {
                file.set_permissions(PermissionsExt::from_mode(mode & 0o777))
            })
        })
        .and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done
}

/// Writes to the file itself, which must exist exactly if `there` is set. It does not follow a symlink, and refuses a file with
/// several hard links: either may be a trap set by another user.
fn write_in_place(path: &Path, bytes: &[u8], there: bool) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(!there)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NOCTTY)
        .open(path)?;
    if file.metadata()?.nlink() > 1 {
        return Err(Error::other("it has another name, and is not written to"));
    }
    file.set_len(0)?;
    file.write_all(bytes)
}

fn temporary(path: &Path) -> Result<(PathBuf, File)> {
    let Some(name) = path.file_name() else {
        return Err(Error::from(ErrorKind::IsADirectory));
    };
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(hidden);
    // An existing file or symlink must not be reused.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&beside)?;
    Ok((beside, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.json");
        for text in ["first", "second"] {
            write(&path, text.as_bytes()).expect("it can be written");
            assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn what_cannot_be_replaced_is_written_to_but_not_through_another_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, other) = (folder.path().join("file"), folder.path().join("other"));
        write_in_place(&file, b"a long text", false).expect("it is new");
        write_in_place(&file, b"text", true).expect("it is there");
        assert_eq!(fs::read(&file).expect("it is there"), b"text");
        assert!(write_in_place(&file, b"again", false).is_err());
        fs::hard_link(&file, &other).expect("another name");
        assert!(write_in_place(&file, b"again", true).is_err());
        fs::remove_file(&other).expect("it is ours");
        std::os::unix::fs::symlink(&file, &other).expect("a link");
        assert!(write_in_place(&other, b"again", true).is_err());
        assert_eq!(fs::read(&file).expect("it is there"), b"text");
    }

    #[test]
    fn a_fifo_that_nobody_reads_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        assert!(write(&fifo, b"text").is_err());
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || fs::read_to_string(fifo)
        });
        while write(&fifo, b"text").is_err() {
            std::thread::yield_now();
        }
        assert_eq!(reader.join().expect("it reads").expect("text"), "text");
    }

    #[test]
    fn a_link_of_ones_own_is_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        std::os::unix::fs::symlink(&target, &link).expect("a link");
        write(&link, b"text").expect("it can be written");
        assert_eq!(fs::read(&target).expect("it is there"), b"text");
    }

    #[test]
    fn a_link_of_anothers_is_not() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        std::os::unix::fs::symlink(&target, &link).expect("a link");
        std::os::unix::fs::lchown(&link, Some(65534), None).expect("root may");
        assert!(write(&link, b"text").is_err());
        assert!(!target.exists());
    }
}

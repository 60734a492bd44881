//! The files that a command line names.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::facts::{Found, Kind, Named};

/// The file of this absolute path, by that path and, if it leads through symlinks, by the real one.
#[must_use]
pub fn named(path: &[u8], is_altered: bool) -> Vec<Named> {
    let given = Path::new(OsStr::from_bytes(path));
    let found = given.metadata().ok().map(|found| Found {
        kind: match (found.is_dir(), found.is_file()) {
            (true, _) => Kind::Directory,
            (_, true) => Kind::Regular,
            // Only these two make a difference.
            _ => Kind::Char,
        },
        mode: found.mode() & 0o7777,
        owner: found.uid(),
    });
    let shadows = is_altered && shadows(given);
    let mut paths = vec![path.to_vec()];
    paths.extend(real(given).map(|real| real.into_os_string().as_bytes().to_vec()));
    paths.dedup();
    let named = |path| Named {
        path,
        is_altered,
        shadows,
        found,
    };
    paths.into_iter().map(named).collect()
}

/// Whether a file of this name would be a program, and another directory of programs has one of the same name already.
fn shadows(path: &Path) -> bool {
    const PROGRAMS: [&str; 7] = [
        "/bin",
        "/sbin",
        "/usr/bin",
        "/usr/games",
        "/usr/local/bin",
        "/usr/local/sbin",
        "/usr/sbin",
    ];
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return false;
    };
    let Ok(real) = directory.canonicalize() else {
        return false;
    };
    let all = || {
        PROGRAMS
            .iter()
            .filter_map(|one| Path::new(one).canonicalize().ok())
    };
    let is_one = all().any(|one| one == real);
    is_one && all().any(|one| one != real && one.join(name).exists())
}

/// The path without symlinks; its last name need not exist.
fn real(path: &Path) -> Option<PathBuf> {
    let whole = path.canonicalize();
    let new = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    whole.ok().or_else(new)
}

//! The fs.protected_* settings. They apply to the whole machine, so each combination is kept only for a short time and then
//! restored.

use std::fs::{self, File};

use nix::fcntl::{Flock, FlockArg};

use crate::plan::Means;

/// Values for the four settings; `None` for those in force.
pub struct Variant(Option<[u8; 4]>);

/// The previous settings, which are restored when dropped, and the lock that excludes other tests meanwhile.
pub struct Held {
    before: Vec<(String, String)>,
    _lock: Option<Flock<File>>,
}

const NAMES: [&str; 4] = [
    "protected_symlinks",
    "protected_hardlinks",
    "protected_regular",
    "protected_fifos",
];

/// The combinations that are tried; only root can change any settings.
pub fn variants(means: &Means) -> Vec<Variant> {
    match means.root {
        false => vec![Variant(None)],
        true => [
            [1, 1, 1, 1],
            [1, 1, 2, 2],
            [0, 0, 0, 0],
            [1, 1, 1, 0],
            [1, 0, 2, 1],
            [0, 1, 0, 2],
        ]
        .map(|values| Variant(Some(values)))
        .into(),
    }
}

/// The lock file that excludes other tests, if the directory for temporary files is that of the machine.
pub fn lock() -> Option<File> {
    File::create(std::env::temp_dir().join("permwrap-sysctl.lock")).ok()
}

fn path(name: &str) -> String {
    format!("/proc/sys/fs/{name}")
}

/// The four values in force.
pub fn in_force() -> [Option<String>; 4] {
    NAMES.map(|name| fs::read_to_string(path(name)).ok())
}

impl Variant {
    /// Sets the values until the result is dropped.
    pub fn set(&self, lock: Option<&File>) -> Held {
        let Some(values) = self.0 else {
            return Held {
                before: Vec::new(),
                _lock: None,
            };
        };
        let lock = lock
            .and_then(|lock| lock.try_clone().ok())
            .expect("root has it open");
        let lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| errno);
        let lock = lock.expect("the lock");
        let read = |name: &&str| {
            (
                path(name),
                fs::read_to_string(path(name)).expect("/proc/sys"),
            )
        };
        let before = NAMES.iter().map(read).collect();
        for (name, value) in NAMES.iter().zip(values) {
            fs::write(path(name), value.to_string()).expect("root may");
        }
        Held {
            before,
            _lock: Some(lock),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for (path, value) in &self.before {
            let _ = fs::write(path, value);
        }
    }
}

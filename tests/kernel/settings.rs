//! The fs.protected_* settings: they hold for the whole machine, so each is held for a short while and put back.

use std::fs::{self, File};

use nix::fcntl::{Flock, FlockArg};

use crate::plan::Means;

/// The four settings, or those in force.
pub struct Variant(Option<[u8; 4]>);

/// Settings as they were, to be put back, and the lock that keeps other tests away meanwhile.
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

/// What is tried: only root may change anything.
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

/// The file whose lock keeps other tests away, as long as the directory for temporary files is the machine's.
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
    /// Sets them, until the answer is dropped.
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

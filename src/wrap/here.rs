//! The circumstances in which permwrap itself runs, which are those of a command that it starts.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::attempt::Subject;
use crate::gather;
use crate::resolve::{CandidateProcess, Circumstances, Presence};

/// The circumstances here, without a command: permwrap's own credentials and working directory.
#[must_use]
pub fn here() -> Circumstances {
    let start = std::env::current_dir()
        .map(|directory| directory.into_os_string().into_vec())
        .unwrap_or_default();
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let reader = CandidateProcess {
        // The command's process id is unknown, and permwrap's own would denote another process.
        subject: Subject {
            pid: None,
            ..own_subject()
        },
        directory: Some(start.clone()),
        arguments: Vec::new(),
        name: None,
        presence: Presence::Reader,
        place: None,
    };
    Circumstances {
        processes: vec![reader],
        start,
        command: Vec::new(),
        search_path: std::env::split_paths(&search_path)
            .map(|path| path.into_os_string().into_vec())
            .collect(),
        home: std::env::var_os("HOME").map(OsString::into_vec),
        host: gather::host_name(),
        terminal: false,
        scripts: Vec::new(),
    }
}

/// permwrap's own credentials, which are also those of a command that it starts.
fn own_subject() -> Subject {
    gather::own_subject().unwrap_or_else(|_| {
        let (uid, gid) = (
            nix::unistd::geteuid().as_raw(),
            nix::unistd::getegid().as_raw(),
        );
        Subject::login(uid, gid, vec![gid])
    })
}

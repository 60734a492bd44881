//! What makes two incidents equal before they are investigated.

use crate::attempt::{Errno, Incident, Operation};
use crate::resolve::{self, CandidateProcess, Circumstances, Presence};

/// What is known of an incident without looking at anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Text {
    errno: Option<Errno>,
    paths: Vec<Vec<u8>>,
    address: Option<Vec<u8>>,
    process: Option<i32>,
    operations: Vec<Operation>,
    /// The program name that begins the message, if its words do not identify the operation.
    program: Option<Vec<u8>>,
    /// The processes that held the stderr on which it was reported, by user and, for a relative name, by directory: the same
    /// words from elsewhere are another failure.
    writers: Vec<(u32, Option<Vec<u8>>)>,
}

impl Text {
    pub(super) fn of(incident: &Incident, circumstances: &Circumstances) -> Text {
        let program = resolve::leading_name(&incident.message);
        Text {
            errno: incident.errno,
            paths: incident.paths.clone(),
            address: incident.address.clone(),
            process: incident.process,
            operations: incident.operations.clone(),
            program: program
                .filter(|_| incident.operations.is_empty())
                .map(<[u8]>::to_vec),
            writers: writers(incident, circumstances),
        }
    }
}

fn writers(incident: &Incident, circumstances: &Circumstances) -> Vec<(u32, Option<Vec<u8>>)> {
    let processes = circumstances.processes.iter();
    let speaking = processes.filter(|process| process.presence == Presence::Speaking);
    let is_relative = |path: &Vec<u8>| resolve::is_relative(path);
    let is_relative = incident.paths.first().is_some_and(is_relative);
    let place = |process: &CandidateProcess| {
        let directory = process.directory.clone().filter(|_| is_relative);
        (process.subject.uid, directory)
    };
    let mut writers: Vec<_> = speaking.map(place).collect();
    writers.sort_unstable();
    writers.dedup();
    writers
}

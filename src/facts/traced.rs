//! Processes as objects: whose state a file under `/proc/PID` shows (proc(5), ptrace(2)).

use super::Fact;
use crate::attempt::CapabilitySet;

/// The process whose state a file of `/proc/PID` shows, where opening the file, or following it as a link, asks for the
/// right to trace that process (ptrace(2), "Ptrace access mode checking"). Ids are in the observer's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// Its process id.
    pub pid: i32,
    /// Its name.
    pub command: String,
    /// The right that is asked for.
    pub mode: TraceMode,
    /// Its real, effective and saved uid.
    pub uids: [u32; 3],
    /// Its real, effective and saved gid.
    pub gids: [u32; 3],
    /// Its permitted capabilities.
    pub permitted: CapabilitySet,
    /// Whether its memory may be looked at by its own user (PR_GET_DUMPABLE is 1): not after running a set-user-ID
    /// program or one that it may not read.
    pub dumpable: Fact<bool>,
    /// Whether it lives in the subject's user namespace.
    pub same_user_ns: Fact<bool>,
}

/// The right over another process that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TraceMode {
    /// PTRACE_MODE_READ_FSCREDS: looking.
    Read,
    /// PTRACE_MODE_ATTACH_FSCREDS: altering, or looking deep; the Yama module restricts it further.
    Attach,
    /// Seeing the process at all: its directory, where proc is mounted with `hidepid`.
    Enter,
}

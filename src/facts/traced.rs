//! Processes as objects: the process whose state a file below `/proc/PID` shows (proc(5), ptrace(2)).

use super::Fact;
use crate::attempt::CapabilitySet;

/// The process whose state a file below `/proc/PID` shows, if opening the file or following it as a link requires the right to
/// trace that process (ptrace(2), "Ptrace access mode checking"). Ids are those of the observer's user namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// Its process id.
    pub pid: i32,
    /// Its name.
    pub command: String,
    /// The access mode that is requested.
    pub mode: TraceMode,
    /// Its real, effective and saved uid.
    pub uids: [u32; 3],
    /// Its real, effective and saved gid.
    pub gids: [u32; 3],
    /// Its permitted capabilities.
    pub permitted: CapabilitySet,
    /// Whether it is dumpable (PR_GET_DUMPABLE answers 1), so that its own user may inspect its memory. It is not after it has
    /// executed a set-user-ID program or one that its user may not read.
    pub dumpable: Fact<bool>,
    /// Whether it lives in the subject's user namespace.
    pub same_user_ns: Fact<bool>,
}

/// The access mode that is requested for another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TraceMode {
    /// PTRACE_MODE_READ_FSCREDS: reading its state.
    Read,
    /// PTRACE_MODE_ATTACH_FSCREDS: modifying it or reading its memory; the Yama module restricts it further.
    Attach,
    /// Seeing the process at all, that is, entering its directory where proc is mounted with `hidepid`.
    Enter,
}

//! The system calls of the wrapper that no crate offers as the wrapper needs them: with all 64 signals (libc's own
//! functions hide 32 and 33), without changing what the command will inherit, without allocating.

mod descriptors;
mod execute;
mod pipes;
mod processes;
mod signals;

pub use descriptors::*;
pub use execute::Program;
pub use pipes::*;
pub use processes::*;
pub use signals::*;

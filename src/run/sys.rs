//! System calls that no crate offers in the form the wrapper needs: with all 64 signals (libc's functions hide 32 and 33),
//! without affecting what the command inherits, and without allocation.

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

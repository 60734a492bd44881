//! Arguments, then the library, then the end of the command.

fn main() {}

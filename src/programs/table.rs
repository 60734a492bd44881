//! The table of the built-in programs, each of which is parsed when it is needed.

use std::sync::OnceLock;

use super::Program;

// `NAMES` and `CONTENTS`, written by src/build/outlines.rs.
include!(concat!(env!("OUT_DIR"), "/programs.rs"));

/// The program with this name.
pub fn named(name: &[u8]) -> Option<&'static Program> {
    let at = NAMES.binary_search_by_key(&name, |(name, _)| name.as_bytes());
    parsed(NAMES.get(at.ok()?)?.1)
}

/// Every program.
pub fn all() -> impl Iterator<Item = &'static Program> {
    (0..CONTENTS.len()).filter_map(parsed)
}

/// The program at this index; `None` if it is malformed, which tests exclude.
fn parsed(index: usize) -> Option<&'static Program> {
    static PARSED: OnceLock<Vec<OnceLock<Option<Program>>>> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| CONTENTS.iter().map(|_| OnceLock::new()).collect());
    let parse = || serde_json::from_str(CONTENTS[index]).ok();
    parsed.get(index)?.get_or_init(parse).as_ref()
}

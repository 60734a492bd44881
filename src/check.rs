//! `permwrap check`.

pub mod draft;
pub mod manifest;

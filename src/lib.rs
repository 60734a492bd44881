//! permwrap runs a command and, when the kernel refuses something, says which object refused, by which rule, and what
//! smallest change puts it right.
//!
//! ```text
//! run ──bytes──▶ detect ──Evidence::Message──▶ resolve ──Readings──▶ gather ──Facts──▶ judge ──Verdict──▶ remedy ──▶ render
//! why / check ───────────Evidence::Question──────▲        (investigate: one piece of evidence; findings: what a run met)
//! ```
//!
//! The parts that know and decide do no I/O, hold no `unsafe` and return values rather than errors; [`gather`] alone reads
//! the system, `run` alone owns processes. A stage uses those before it and no other; `tests/tidy.rs` has the order, and
//! keeps it.

pub mod appearance;
pub mod attempt;
mod built_in;
pub mod byte_path;
pub mod cause;
pub mod change;
pub mod check;
pub mod cli;
pub mod complaint;
pub mod config;
pub mod denial;
pub mod detect;
pub mod facts;
pub mod findings;
pub mod gather;
pub mod init;
pub mod investigate;
pub mod judge;
pub mod layout;
pub mod mend;
pub mod pattern_files;
pub mod programs;
pub mod quote;
pub mod remedy;
pub mod render;
pub mod report;
pub mod report_file;
pub mod resolve;
pub mod run;
pub mod small_file;
pub mod subcommand;
pub mod terminal_width;

pub mod wrap;

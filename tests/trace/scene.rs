//! Shared by the tests of `--trace`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use serde_json::Value;

use crate::support::World;

/// A C program, compiled for this test run.
pub fn compile(name: &str, source: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, SeqCst);
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let unique = directory.join(format!("{name}-{}-{number}", std::process::id()));
    let text = unique.with_extension("c");
    std::fs::write(&text, source).expect("the target directory can be written");
    let status = Command::new("gcc")
        .args(["-O1", "-Wall", "-pthread", "-o"])
        .args([&unique, &text])
        .status()
        .expect("gcc runs");
    assert!(status.success(), "{name}.c compiles");
    unique
}

/// The calls in a report.
pub fn report_of(world: &World, file: &str) -> Vec<Value> {
    let ran = world.root(&format!("cat {file}"));
    let report: Value = serde_json::from_str(&ran.stdout()).expect("a report");
    report["calls"].as_array().expect("calls").clone()
}

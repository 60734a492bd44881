//! The first hint: a command that is refused once, and ends.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::refusals::NOBODY;
use crate::start::interleave;
use crate::{Bench, line};

/// The target: how much later the command line ends than without permwrap, in milliseconds.
const AIM: f64 = 8.0;

/// Prints how much longer `cat` of a closed file takes than without permwrap, hint included.
pub fn measure(bench: &Bench) {
    if !nix::unistd::geteuid().is_root() {
        println!("the first hint: not measured, needs root");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("closed");
    std::fs::write(&file, "").expect("a file");
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(folder.path(), mode(0o755)).expect("it is ours");
    std::fs::set_permissions(&file, mode(0o600)).expect("it is ours");
    let file = file.display().to_string();
    let ways: Vec<_> = bench
        .ways()
        .into_iter()
        .filter(|way| way.0 == "bare" || way.0.starts_with("permwrap"))
        .collect();
    let mut hints = true;
    let times = interleave(&ways, bench.rounds / 8, |way| {
        let mut command = bench.command(way, &["cat", &file]);
        let begun = Instant::now();
        let stderr = run(&mut command);
        let taken = begun.elapsed().as_secs_f64() * 1e3;
        hints &= way.0 == "bare" || memchr::memmem::find(&stderr, b"permwrap: cannot").is_some();
        taken
    });
    println!(
        "the first hint: `cat` of a closed file (bare: {:.2} ms)",
        times[0]
    );
    for (way, time) in ways.iter().zip(&times).skip(1) {
        line(
            &format!("{}, over bare", way.0),
            time - times[0],
            "ms",
            Some((AIM, true)),
        );
    }
    println!("  hints: {}", if hints { "shown" } else { "NONE" });
}

/// The command's stderr, run by a user who owns nothing.
pub fn run(command: &mut Command) -> Vec<u8> {
    let ran = command
        .uid(NOBODY)
        .gid(NOBODY)
        .stdin(Stdio::null())
        .output();
    ran.expect("the command starts").stderr
}

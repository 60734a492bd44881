//! A command that is refused in thousands of places.

use crate::hint::run;
use crate::start::interleave;
use crate::{Bench, line};

/// The number of files that cannot be removed.
const FILES: usize = 9_000;

/// A user who owns nothing.
pub const NOBODY: u32 = 65_534;

/// Prints how much longer `rm -rf` on root's files takes than without permwrap, in seconds, and whether hints appeared.
pub fn measure(bench: &Bench) {
    if !nix::unistd::geteuid().is_root() {
        println!("{FILES} refusals: not measured, needs root");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for n in 0..FILES {
        std::fs::write(folder.path().join(n.to_string()), "").expect("a file");
    }
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), permissions).expect("it is ours");
    let folder = folder.path().display().to_string();
    let ways: Vec<_> = bench
        .ways()
        .into_iter()
        .filter(|way| way.0 == "bare" || way.0.starts_with("permwrap"))
        .collect();
    let mut hints = true;
    let times = interleave(&ways, 5, |way| {
        let mut command = bench.command(way, &["rm", "-rf", &folder]);
        let begun = std::time::Instant::now();
        let ran = run(&mut command);
        let taken = begun.elapsed().as_secs_f64();
        hints &= way.0 == "bare" || memchr::memmem::find(&ran, b"permwrap: cannot").is_some();
        taken
    });
    println!("`rm -rf` of {FILES} files of root's");
    for (way, time) in ways.iter().zip(&times).skip(1) {
        let over = time - times[0];
        line(
            &format!("{}, over bare", way.0),
            over,
            "s",
            Some((0.2, true)),
        );
    }
    println!("  hints: {}", if hints { "shown" } else { "NONE" });
}

//! Tests that cannot run here report that in one line; with `PERMWRAP_TEST_STRICT=1` they fail instead.

use std::io::Write;

/// Reports that this test was skipped, with the reason. It is for requirements that may be missing anywhere; those that CI must
/// provide go through [`needs_root`] and [`needs_programs`].
pub fn skip(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // The test harness would capture eprintln!.
    let _ = writeln!(std::io::stderr(), "skipped: {why} ({test})");
}

/// Whether the long comparisons are to be complete (`PERMWRAP_TEST_LONG=1`, as in CI) rather than a sample.
pub fn is_long() -> bool {
    std::env::var_os("PERMWRAP_TEST_LONG").is_some_and(|long| long == "1")
}

/// The first value for complete comparisons, otherwise the second.
pub fn long_or<T>(long: T, short: T) -> T {
    if is_long() { long } else { short }
}

/// All of these for complete comparisons; otherwise the first and every `nth` one after it.
pub fn share<T>(all: impl IntoIterator<Item = T>, nth: usize) -> impl Iterator<Item = T> {
    all.into_iter().step_by(if is_long() { 1 } else { nth })
}

/// Whether the test runs as root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Returns `true` for root; otherwise the test is skipped (or fails, if skipping is forbidden).
pub fn needs_root() -> bool {
    is_root() || missing("needs root")
}

/// Returns `true` if all these programs are installed; otherwise the test is skipped (or fails, if skipping is forbidden). Each
/// test file lists the Debian packages it needs in its first lines (`//! Debian packages: acl, git.`), where `.ci/run` finds
/// them.
pub fn needs_programs(programs: &[&str]) -> bool {
    let absent: Vec<&str> = programs
        .iter()
        .copied()
        .filter(|program| !is_installed(program))
        .collect();
    absent.is_empty() || missing(&format!("needs {}", absent.join(", ")))
}

/// Returns `true` if the system's Python has all these modules; otherwise the test is skipped (or fails, if skipping is
/// forbidden). The names are those for `import`.
pub fn needs_python_modules(modules: &[&str]) -> bool {
    if !needs_programs(&["python3"]) {
        return false;
    }
    let has = |module: &&str| {
        std::process::Command::new("/usr/bin/python3")
            .args(["-c", &format!("import {module}")])
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let absent: Vec<&str> = modules
        .iter()
        .copied()
        .filter(|module| !has(module))
        .collect();
    absent.is_empty() || missing(&format!("needs Python's {}", absent.join(", ")))
}

fn missing(why: &str) -> bool {
    assert!(
        std::env::var_os("PERMWRAP_TEST_STRICT").is_none_or(|strict| strict != "1"),
        "{why}, and PERMWRAP_TEST_STRICT=1 forbids to skip"
    );
    skip(why);
    false
}

/// The search path of a [`World`](super::World). Programs in a home directory do not count as installed.
pub const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn is_installed(program: &str) -> bool {
    SEARCH_PATH
        .split(':')
        .any(|dir| std::path::Path::new(dir).join(program).exists())
}

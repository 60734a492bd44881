//! SELinux's own tools, which tell of the policy what the kernel does not: they are asked where they are installed.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::attempt::Attempt;

/// Where they are looked for. The fixed list keeps a search path from deciding what is executed.
const PLACES: [&str; 2] = ["/usr/bin", "/bin"];

/// How long an answer is waited for while somebody waits for the hint of a run, which does without it then, and otherwise. They are
/// written in Python, and read the whole policy.
const IN_A_RUN: Duration = Duration::from_millis(1500);
const OTHERWISE: Duration = Duration::from_secs(15);

/// The most that is read of an answer, in bytes.
const MOST: u64 = 64 * 1024;

/// What a tool prints about an attempt, given a text on its standard input; `None` if it is not installed, fails or takes too long.
pub(super) fn ask(
    attempt: &Attempt,
    name: &str,
    arguments: &[&str],
    input: &str,
) -> Option<String> {
    let mut places = PLACES.iter().map(|place| format!("{place}/{name}"));
    let program = places.find(|program| std::path::Path::new(program).exists())?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let written = child
        .stdin
        .take()
        .map(|mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.stdout.take()?;
    let (answer, answered) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = output.take(MOST).read_to_string(&mut text);
        // Nobody may be waiting any longer.
        let _ = answer.send(read.map(|_| text));
    });
    let most = if attempt.errno.is_some() {
        IN_A_RUN
    } else {
        OTHERWISE
    };
    let text = answered.recv_timeout(most);
    if text.is_err() {
        let _ = child.kill();
    }
    let ended = child.wait().is_ok_and(|status| status.success());
    (ended && matches!(written, Some(Ok(())) | None)).then(|| text.ok()?.ok())?
}

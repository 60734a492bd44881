//! Memory usage while a command floods stderr or never ends a line, and activity while it does nothing.

use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::start::drain;
use crate::{Bench, line, terminal};

/// Prints resident memory, and how often permwrap wakes up.
pub fn measure(bench: &Bench) {
    let floor = bench.floor.display().to_string();
    println!("resident memory at its peak");
    for (what, words) in [
        (
            "1 GiB in lines",
            vec![floor.as_str(), "write", "65536", "16384"],
        ),
        (
            "one line of 1 GiB",
            vec![floor.as_str(), "endless", "1073741824"],
        ),
    ] {
        for way in bench
            .ways()
            .iter()
            .filter(|way| matches!(way.0, "floor: pump" | "permwrap"))
        {
            let (mut child, reader) = start(bench, way, &words, false);
            let peak = peak(&mut child, reader);
            let aim = (way.0 == "permwrap").then_some((5.0, true));
            line(&format!("{what}: {}", way.0), peak / 1024.0, "MB", aim);
        }
    }
    for way in bench.ways().iter().filter(|way| way.0 == "permwrap") {
        let words = [&floor, "write", "65536", "1024"];
        let (mut child, reader) = start(bench, way, &words, true);
        let peak = peak(&mut child, reader);
        line(
            "64 MiB on a terminal: permwrap",
            peak / 1024.0,
            "MB",
            Some((5.0, true)),
        );
    }
    println!("wake-ups in two seconds of a command that sleeps");
    for on_terminal in [false, true] {
        let ways = bench.ways();
        let way = ways
            .iter()
            .find(|way| way.0 == "permwrap")
            .expect("it is among them");
        let (mut child, _reader) = start(bench, way, &["sleep", "3"], on_terminal);
        std::thread::sleep(Duration::from_millis(500));
        let before = field(&child, "voluntary_ctxt_switches:").unwrap_or(f64::NAN);
        std::thread::sleep(Duration::from_secs(2));
        let after = field(&child, "voluntary_ctxt_switches:").unwrap_or(f64::NAN);
        let what = if on_terminal {
            "permwrap on a terminal"
        } else {
            way.0
        };
        line(what, after - before, "", Some((0.0, true)));
        child.wait().expect("the command ends");
    }
}

fn start(bench: &Bench, way: &crate::Way, words: &[&str], on_terminal: bool) -> (Child, OwnedFd) {
    let mut command = bench.command(way, words);
    let reader = if on_terminal {
        terminal::attach(&mut command)
    } else {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(writer);
        reader.into()
    };
    (command.spawn().expect("the command starts"), reader)
}

/// The peak memory usage in kB, while the output is being read.
fn peak(child: &mut Child, reader: OwnedFd) -> f64 {
    let reader = std::thread::spawn(move || drain(reader));
    let mut peak = 0.0;
    while child.try_wait().expect("the command ends").is_none() {
        peak = field(child, "VmHWM:").unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = reader.join();
    peak
}

/// A number from /proc/PID/status.
fn field(child: &Child, name: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

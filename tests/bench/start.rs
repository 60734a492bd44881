//! The start and end of a command that does nothing, with and without a terminal.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Bench, STATIC, Way, line, median, terminal};

/// Prints the times as ratios to those without a wrapper.
pub fn measure(bench: &Bench) {
    let piped = |words: &[&str], rounds: usize, aims: [f64; 2]| {
        println!(
            "start and end of `{}`, stderr a pipe (times bare)",
            words.join(" ")
        );
        let ways = bench.ways();
        let times = interleave(&ways, rounds, |way| {
            let (_reader, writer) = std::io::pipe().expect("a pipe");
            time(
                bench
                    .command(way, words)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(writer),
            )
        });
        report(&ways, &times, aims);
    };
    piped(&["true"], bench.rounds, [2.55, 1.6]);
    piped(&[&python(), "-c", "pass"], bench.rounds / 2, [1.08, 1.08]);

    println!("start and end of `true` on a terminal (times bare)");
    let ways = bench.ways_on_terminal();
    let times = interleave(&ways, bench.rounds / 8, |way| {
        on_terminal(bench.command(way, &["true"]))
    });
    report(&ways, &times, [times[2] / times[0] / 10.0; 2]);
}

/// The interpreter itself, in case the search path contains a script that selects one of several.
pub fn python() -> String {
    let asked = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output();
    let answer = asked.map(|asked| String::from_utf8_lossy(&asked.stdout).trim().to_owned());
    answer.unwrap_or_else(|_| "python3".to_owned())
}

/// Prints times, with a target for permwrap as linked by default and one for the statically linked one.
fn report(ways: &[Way], times: &[f64], [dynamic, fixed]: [f64; 2]) {
    for (way, time) in ways.iter().zip(times) {
        let aim = match way.0 {
            "permwrap" => Some((dynamic, true)),
            STATIC => Some((fixed, true)),
            _ => None,
        };
        line(way.0, time / times[0], "", aim);
    }
    println!("  (bare: {:.0} us)", times[0]);
}

/// The median time of each way, in microseconds; the ways take turns.
pub fn interleave(ways: &[Way], rounds: usize, mut once: impl FnMut(&Way) -> f64) -> Vec<f64> {
    let mut all = vec![Vec::new(); ways.len()];
    for round in 0..rounds.max(5) {
        for n in 0..ways.len() {
            let n = (n + round) % ways.len();
            all[n].push(once(&ways[n]));
        }
    }
    all.into_iter().map(median).collect()
}

/// The run time of a command, in microseconds.
pub fn time(command: &mut Command) -> f64 {
    let start = Instant::now();
    let status = command.status().expect("the command starts");
    assert!(status.success(), "{command:?}: {status}");
    start.elapsed().as_secs_f64() * 1e6
}

fn on_terminal(mut command: Command) -> f64 {
    let master = terminal::attach(&mut command);
    let reader = std::thread::spawn(move || drain(master));
    let taken = time(&mut command);
    drop(command);
    let _ = reader.join();
    taken
}

/// Reads until the other side is closed, and returns the number of bytes.
pub fn drain(from: OwnedFd) -> usize {
    let mut from = std::fs::File::from(from);
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 {
            break;
        }
        total += count;
    }
    total
}

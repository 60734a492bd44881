//! The throughput of stderr, and the latency of single lines.

use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::time::{ClockId, clock_gettime};

use crate::start::{drain, interleave};
use crate::{Bench, Way, line, median, terminal};

/// The type of stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Null,
    Pipe,
    Terminal,
}

/// Prints the throughput as ratios to that without a wrapper, and the additional latency of a line.
pub fn measure(bench: &Bench) {
    for (size, count, aim) in [("65536", "8192", Some(0.85)), ("100", "400000", None)] {
        println!("stderr into /dev/null, writes of {size} bytes (bytes per second, times bare)");
        speed(bench, &bench.ways(), To::Null, [size, "1000000"], None);
        println!(
            "stderr into a pipe's reader, writes of {size} bytes (bytes per second, times bare)"
        );
        speed(bench, &bench.ways(), To::Pipe, [size, count], aim);
    }
    for (size, count) in [("65536", "256"), ("100", "40000")] {
        println!("stderr on a terminal, writes of {size} bytes (bytes per second, times bare)");
        let ways = bench.ways_on_terminal();
        speed(bench, &ways, To::Terminal, [size, count], None);
    }
    println!("a line of stderr into a pipe, from its writing to its reading");
    delay(bench, &bench.ways(), To::Pipe, Some((65.0, true)));
    println!("a line of stderr on a terminal, from its writing to its reading");
    delay(bench, &bench.ways_on_terminal(), To::Terminal, None);
}

fn speed(bench: &Bench, ways: &[Way], to: To, [size, count]: [&str; 2], aim: Option<f64>) {
    let floor = bench.floor.display().to_string();
    let seconds = interleave(ways, 7, |way| {
        let mut command = bench.command(way, &[&floor, "write", size, count]);
        let reader = connect(&mut command, to);
        let start = Instant::now();
        let mut child = command.spawn().expect("the command starts");
        drop(command);
        let total = reader.map(drain);
        child.wait().expect("the command ends");
        let number = |text: &str| text.parse::<usize>().unwrap_or(0);
        let whole = number(size) * number(count);
        // A terminal adds carriage returns.
        assert!(total.is_none_or(|total| total >= whole));
        start.elapsed().as_secs_f64()
    });
    for (way, time) in ways.iter().zip(&seconds) {
        line(
            way.0,
            seconds[0] / time,
            "",
            aim.filter(|_| way.0 == "permwrap").map(|aim| (aim, false)),
        );
    }
    println!("  (bare: {:.2} s)", seconds[0]);
}

fn delay(bench: &Bench, ways: &[Way], to: To, aim: Option<(f64, bool)>) {
    let floor = bench.floor.display().to_string();
    let delays = interleave(ways, 7, |way| {
        let mut command = bench.command(way, &[&floor, "stamp", "100"]);
        let reader = connect(&mut command, to).expect("somebody reads");
        let mut child = command.spawn().expect("the command starts");
        drop(command);
        let lines = BufReader::new(std::fs::File::from(reader))
            .lines()
            .map_while(Result::ok);
        let delays = lines
            .filter_map(|line| Some((now() - line.trim_end().parse::<f64>().ok()?) / 1e3))
            .collect();
        child.wait().expect("the command ends");
        median(delays)
    });
    for (way, delay) in ways.iter().zip(&delays) {
        line(
            way.0,
            delay - delays[0],
            "us later",
            aim.filter(|_| way.0 == "permwrap"),
        );
    }
}

/// Connects the command's stderr, and its other streams if they are irrelevant. Returns the descriptor to read from.
fn connect(command: &mut Command, to: To) -> Option<OwnedFd> {
    if to == To::Terminal {
        return Some(terminal::attach(command));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    if to == To::Null {
        command.stderr(Stdio::null());
        return None;
    }
    let (reader, writer) = std::io::pipe().expect("a pipe");
    command.stderr(writer);
    Some(reader.into())
}

fn now() -> f64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the clock");
    now.tv_sec() as f64 * 1e9 + now.tv_nsec() as f64
}

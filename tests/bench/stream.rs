//! stderr at full speed, and one line at a time.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use nix::time::{ClockId, clock_gettime};

use crate::start::{drain, interleave};
use crate::{Bench, line, median};

/// Prints the speeds as ratios to bare, and how much later a line comes.
pub fn measure(bench: &Bench) {
    for (size, count, aim) in [("65536", "8192", Some(0.85)), ("100", "400000", None)] {
        println!(
            "stderr into a pipe's reader, writes of {size} bytes (bytes per second, times bare)"
        );
        let ways = bench.ways();
        let floor = bench.floor.display().to_string();
        let seconds = interleave(&ways, 7, |way| {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            let mut command = bench.command(way, &[&floor, "write", size, count]);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(writer);
            let start = Instant::now();
            let mut child = command.spawn().expect("the command starts");
            drop(command);
            let total = drain(reader.into());
            child.wait().expect("the command ends");
            assert_eq!(
                total,
                size.parse::<usize>().unwrap_or(0) * count.parse::<usize>().unwrap_or(0)
            );
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
    println!("a line of stderr, from its writing to its reading");
    let ways = bench.ways();
    let floor = bench.floor.display().to_string();
    let delays = interleave(&ways, 7, |way| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let mut command = bench.command(way, &[&floor, "stamp", "100"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(writer);
        let mut child = command.spawn().expect("the command starts");
        drop(command);
        let lines = BufReader::new(reader).lines().map_while(Result::ok);
        let delays = lines
            .filter_map(|line| Some((now() - line.parse::<f64>().ok()?) / 1e3))
            .collect();
        child.wait().expect("the command ends");
        median(delays)
    });
    for (way, delay) in ways.iter().zip(&delays) {
        line(
            way.0,
            delay - delays[0],
            "us later",
            (way.0 == "permwrap").then_some((65.0, true)),
        );
    }
}

fn now() -> f64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the clock");
    now.tv_sec() as f64 * 1e9 + now.tv_nsec() as f64
}

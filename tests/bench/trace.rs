//! `--trace` compared with strace(1), which stops at the same calls: the time that each adds to that of the command.

use std::process::Stdio;

use crate::start::{interleave, python, time};
use crate::{Bench, Way, line};

/// The arguments of strace: calls on files and sockets, selected by a filter.
const STRACE: &[&str] = &[
    "strace",
    "-f",
    "-o",
    "/dev/null",
    "--seccomp-bpf",
    "-e",
    "trace=%file,%network",
];

/// The target: the maximum cost of tracing, as a fraction of that of strace.
const AIM: f64 = 0.4;

/// Prints the times as ratios to those without a wrapper, and the added time as a fraction of what strace adds.
pub fn measure(bench: &Bench) {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let ways: [Way; 3] = [
        ("bare", vec![]),
        (
            "permwrap --trace",
            words(&[env!("CARGO_BIN_EXE_permwrap"), "--trace", "--"]),
        ),
        ("strace -f --seccomp-bpf", words(STRACE)),
    ];
    let python = python();
    let commands: [(&str, &[&str], usize); 5] = [
        ("true", &["true"], bench.rounds),
        (
            "python3 -c pass",
            &[&python, "-c", "pass"],
            bench.rounds / 4,
        ),
        (
            "a walk: find /usr/share",
            &["find", "/usr/share", "-newer", "/etc/passwd"],
            bench.rounds / 40,
        ),
        (
            "tar of /usr/include",
            &["tar", "-cf", "/dev/null", "-C", "/usr", "include"],
            bench.rounds / 40,
        ),
        (
            "200 short processes",
            &["sh", "-c", "for i in $(seq 200); do /bin/true; done"],
            bench.rounds / 40,
        ),
    ];
    for (what, command, rounds) in commands {
        println!("traced: {what} (times bare)");
        let times = interleave(&ways, rounds, |way| {
            // stderr is a pipe: with /dev/null nobody would read a hint, so nothing is traced.
            let (_reader, writer) = std::io::pipe().expect("a pipe");
            time(
                bench
                    .command(way, command)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(writer),
            )
        });
        for (way, time) in ways.iter().zip(&times) {
            let limit = (way.0.starts_with("permwrap") && what.starts_with("python"))
                .then_some((1.5, true));
            line(way.0, time / times[0], "", limit);
        }
        let fraction = (times[1] - times[0]) / (times[2] - times[0]);
        line(
            "added, as a fraction of strace's",
            fraction,
            "",
            Some((AIM, true)),
        );
    }
}

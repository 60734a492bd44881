//! The cost of detection: microseconds per MiB of text, in a single thread. `cargo bench --bench detection`

use std::sync::Arc;
use std::time::Instant;

use permwrap::detect::{Detector, Patterns, Prefilter};

const MIB: usize = 1 << 20;

fn main() {
    let chatter = b"2026-11-21 21:23:28 INFO  [worker-7] org.example.Server - GET /api/v1/items/17 took 12 ms, status=200\n";
    let denial = b"find: '/srv/app/data/2024/05/17': Permission denied\n";
    let quiet = repeated(chatter, 64 * MIB);
    let mut rare = repeated(chatter, 16 * MIB);
    rare.extend_from_slice(denial);
    rare.extend(repeated(chatter, 16 * MIB));
    let busy = various(8 * MIB);
    let loud = repeated(denial, MIB);
    println!("microseconds for a MiB of text");
    report("prefilter alone, no match", &quiet, |text| {
        let mut prefilter = Prefilter::default();
        text.chunks(64 * 1024)
            .filter_map(|chunk| prefilter.push(chunk))
            .map(|out| out.len())
            .sum()
    });
    report(
        "prefilter alone, no match, 100-byte writes",
        &quiet[..8 * MIB],
        |text| {
            let mut prefilter = Prefilter::default();
            text.chunks(100)
                .filter_map(|chunk| prefilter.push(chunk))
                .map(|out| out.len())
                .sum()
        },
    );
    report("no match", &quiet, whole);
    report("one match in 32 MiB", &rare, whole);
    report("the words in every 100th line", &busy, whole);
    report("every line matches", &loud, whole);
    println!("microseconds for the first match of a process");
    first("find's", denial);
    first("cat's", b"cat: /etc/shadow: Permission denied\n");
    first(
        "Python's",
        b"PermissionError: [Errno 13] Permission denied: '/srv/x'\n",
    );
}

/// The cost of the first message of a run, for which the patterns are parsed and the relevant ones compiled.
fn first(whose: &str, message: &[u8]) {
    let mut best = u128::MAX;
    let mut found = 0;
    for _ in 0..5 {
        let start = Instant::now();
        let mut detector = Detector::new(Arc::new(Patterns::builtin()));
        found = detector.feed(message).len() + detector.flush().len();
        best = best.min(start.elapsed().as_micros());
    }
    println!("{best:>10}  {whose} ({found})");
}

/// The prefilter and the detector, as in a run.
fn whole(text: &[u8]) -> usize {
    let mut prefilter = Prefilter::default();
    let mut detector = Detector::new(Arc::new(Patterns::builtin()));
    let chunks = text
        .chunks(64 * 1024)
        .filter_map(|chunk| prefilter.push(chunk));
    let found: usize = chunks.map(|text| detector.feed(&text).len()).sum();
    found + detector.flush().len()
}

fn report(what: &str, text: &[u8], work: impl Fn(&[u8]) -> usize) {
    let mut best = u128::MAX;
    let mut found = 0;
    for _ in 0..3 {
        let start = Instant::now();
        found = work(text);
        best = best.min(start.elapsed().as_micros());
    }
    println!(
        "{:>10}  {what} ({found})",
        best * MIB as u128 / text.len() as u128
    );
}

fn repeated(line: &[u8], size: usize) -> Vec<u8> {
    line.iter().copied().cycle().take(size).collect()
}

/// Ordinary lines, every 100th of which contains words of failures without reporting one.
fn various(size: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(size + 200);
    let mut number = 0;
    while text.len() < size {
        number += 1;
        let line = if number % 100 == 0 {
            format!("line {number}: no permission denied was seen, all is well\n")
        } else {
            format!(
                "line {number}: compiled module {} of project in {} ms\n",
                number * 7919 % 1013,
                number % 97
            )
        };
        text.extend_from_slice(line.as_bytes());
    }
    text
}

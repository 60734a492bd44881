//! Passes hostile text through all of detection: prefilter, lines, prefixes, JSON, patterns, folding.
//!
//! It runs for a few seconds; PERMWRAP_FUZZ_SECONDS extends that, and PERMWRAP_FUZZ_SEED starts with the seed of an observed
//! failure: `PERMWRAP_FUZZ_SECONDS=600 cargo test --release --test fuzz`

mod memory;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use permwrap::attempt::Incident;
use permwrap::detect::{Detector, Patterns, Prefilter, folded};

/// Material to corrupt text with: line ends, escapes, quotes, prefixes, beginnings of JSON and tracebacks.
const SPOILERS: &[&[u8]] = &[
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\x1b[31m",
    b"\x1b[0m",
    b"\x1b]0;x\x07",
    b"\x1b",
    b"\xff",
    b"\xc3",
    b"'",
    b"\"",
    b"`",
    "‘".as_bytes(),
    "»".as_bytes(),
    "：".as_bytes(),
    b": ",
    b" -> ",
    b"(",
    b")",
    b"\\",
    b"\\x",
    b"\\u",
    b"%",
    b"{\"a\": \"",
    b"\"}",
    b"web_1  | ",
    b"2024-06-03T08:16:02.339Z ",
    b"[pod/a/b] ",
    b"  | ",
    b"npm ERR! ",
    b"Permission denied",
    b"permission",
    b" denied",
    b"EACCES",
    b"errno=13",
    b"(13)",
    b"Caused by:\n",
    b"Traceback (most recent call last):\n",
    b"open(",
    b"/srv/x",
    b"\t",
];

#[test]
fn any_text_in_any_pieces_gives_the_same_incidents() {
    let patterns = Arc::new(Patterns::builtin());
    let seeds: Vec<Vec<u8>> = support::patterns_with_samples()
        .iter()
        .flat_map(|pattern| &pattern.samples)
        .map(|sample| sample.text.clone().into_bytes())
        .collect();
    let start = Instant::now();
    let mut seed = number("PERMWRAP_FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..));
    let mut runs = 0;
    while start.elapsed() < Duration::from_secs(number("PERMWRAP_FUZZ_SECONDS").unwrap_or(3)) {
        let mut random = Rng::with_seed(seed);
        let text = text(&seeds, &mut random);
        let whole = incidents(&text, &patterns, &mut |_| usize::MAX);
        let pieces = incidents(&text, &patterns, &mut |random| random.usize(1..200));
        assert_eq!(
            whole,
            pieces,
            "PERMWRAP_FUZZ_SEED={seed}\n{}",
            text.escape_ascii()
        );
        for incident in &whole {
            let clean = |text: &[u8]| !text.iter().any(|&b| b == 0x1b || b == b'\n' || b == 0);
            assert!(clean(&incident.message), "PERMWRAP_FUZZ_SEED={seed}");
            assert!(
                incident
                    .paths
                    .iter()
                    .all(|path| (1..=4096).contains(&path.len())),
                "PERMWRAP_FUZZ_SEED={seed}"
            );
        }
        runs += 1;
        seed = seed.wrapping_add(1);
    }
    eprintln!("{runs} texts");
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let patterns = Arc::new(Patterns::builtin());
    let mut detector = Detector::new(patterns.clone());
    let mut prefilter = Prefilter::default();
    // What is loaded only once does not count.
    detector.feed(b"x: Permission denied\n");
    detector.flush();
    let floods: [(&str, Vec<u8>); 5] = [
        ("an endless line", b"Permission denied ".repeat(3600)),
        (
            "ever new writers",
            (0..2000)
                .flat_map(|i| format!("w{i}  | cat: x{i}: Permission denied\n").into_bytes())
                .collect(),
        ),
        ("line feeds", vec![b'\n'; 65536]),
        ("open JSON", b"{\"log\": \"Permission denied: ".repeat(2400)),
        ("NULs", vec![0; 65536]),
    ];
    for (what, flood) in floods {
        let before = memory::live();
        memory::reset_peak();
        for _ in 0..6 {
            if let Some(text) = prefilter.push(&flood) {
                drop(detector.feed(&text));
            }
        }
        let used = memory::peak().saturating_sub(before);
        assert!(used < 24 << 20, "{what}: {} KiB", used >> 10);
        detector.flush();
    }
}

/// The incidents of a text that is passed in pieces, in a canonical order.
fn incidents(
    text: &[u8],
    patterns: &Arc<Patterns>,
    size: &mut dyn FnMut(&mut Rng) -> usize,
) -> Vec<Incident> {
    let mut random = Rng::with_seed(text.len() as u64);
    let mut prefilter = Prefilter::default();
    let mut detector = Detector::new(patterns.clone());
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(size(&mut random).min(rest.len()));
        rest = after;
        if let Some(text) = prefilter.push(piece) {
            found.extend(detector.feed(&text));
        }
    }
    found.extend(detector.flush());
    let mut found = folded(found);
    found.sort_by_key(|incident| format!("{incident:?}"));
    found
}

/// Samples that are cut, corrupted, repeated and mixed.
fn text(seeds: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..random.usize(1..5) {
        let mut part = seeds[random.usize(..seeds.len())].clone();
        for _ in 0..random.usize(..6) {
            let at = random.usize(..=part.len());
            match random.u8(..5) {
                0 => part.truncate(at),
                1 => drop(part.drain(..at)),
                2 if at < part.len() => part[at] = random.u8(..),
                3 => part = part.repeat(random.usize(1..4)),
                _ => {
                    let spoiler = SPOILERS[random.usize(..SPOILERS.len())];
                    part.splice(at..at, spoiler.iter().copied());
                }
            }
        }
        if random.u8(..20) == 0 {
            part = part.repeat(random.usize(1..400));
            part.truncate(200_000);
        }
        text.extend(part);
        if random.bool() {
            text.push(b'\n');
        }
    }
    text
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

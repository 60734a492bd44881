//! The cost of permwrap compared with that of the simplest possible wrapper: `cargo bench --bench cost [-- ROUNDS]`.
//!
//! Every figure is a median of interleaved rounds, as a ratio to the same command without a wrapper. Only ratios from the same
//! run can be compared. The lower bound is a C program (floor.c) that forks, executes and waits, with and without relaying
//! stderr.

mod hint;
mod refusals;
mod start;
mod steady;
mod stream;
mod terminal;
mod trace;

use std::path::PathBuf;
use std::process::Command;

/// The parameters of the measurements.
pub struct Bench {
    /// The C program.
    pub floor: PathBuf,
    /// The number of rounds of the measurement that takes the most.
    pub rounds: usize,
}

/// A way to run a command: its name, and the words before the command.
pub type Way = (&'static str, Vec<String>);

impl Bench {
    /// Without a wrapper, the two lower bounds, permwrap and common wrappers.
    fn ways(&self) -> Vec<Way> {
        let floor = self.floor.display().to_string();
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_string()).collect();
        vec![
            ("bare", vec![]),
            ("floor: wait", words(&[&floor, "wait"])),
            ("floor: pump", words(&[&floor, "pump"])),
            ("permwrap", words(&[env!("CARGO_BIN_EXE_permwrap"), "--"])),
            ("timeout", words(&["timeout", "1000"])),
        ]
        .into_iter()
        .chain(self.linked_statically())
        .collect()
    }

    /// The statically linked permwrap, if it was built.
    fn linked_statically(&self) -> Option<Way> {
        let built = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/target/x86_64-unknown-linux-musl/release/permwrap"
        );
        let there = std::path::Path::new(built).exists();
        there.then(|| (STATIC, vec![built.to_owned(), "--".to_owned()]))
    }

    /// Without a wrapper, permwrap, and script(1), which takes the command as a single word.
    fn ways_on_terminal(&self) -> Vec<Way> {
        let script = ["script", "-qec"].map(String::from).to_vec();
        self.ways()
            .into_iter()
            .filter(|way| matches!(way.0, "bare" | "permwrap"))
            .chain([(SCRIPT, script)])
            .collect()
    }

    /// The command line for running a command in this way.
    fn command(&self, way: &Way, words: &[&str]) -> Command {
        if way.0 == SCRIPT {
            let mut command = Command::new(&way.1[0]);
            command
                .args(&way.1[1..])
                .args([&words.join(" "), "/dev/null"]);
            return command;
        }
        let mut all = way
            .1
            .iter()
            .map(String::as_str)
            .chain(words.iter().copied());
        let mut command = Command::new(all.next().unwrap_or("true"));
        command.args(all);
        command
    }
}

const SCRIPT: &str = "script";

/// The name of the statically linked permwrap.
pub const STATIC: &str = "permwrap, static";

/// The median of some figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A row of the table: the figure, the target, and whether it is met.
pub fn line(what: &str, figure: f64, unit: &str, aim: Option<(f64, bool)>) {
    let verdict = aim.map_or(String::new(), |(limit, at_most)| {
        let (sign, met) = if at_most {
            ("<=", figure <= limit)
        } else {
            (">=", figure >= limit)
        };
        format!(
            "   aim {sign} {limit:.2}: {}",
            if met { "met" } else { "MISSED" }
        )
    });
    println!("  {what:<44}{figure:>10.2} {unit}{verdict}");
}

fn main() {
    let rounds = std::env::args()
        .filter_map(|word| word.parse().ok())
        .next()
        .unwrap_or(400);
    let folder = tempfile::tempdir().expect("a folder for the C program");
    let floor = folder.path().join("floor");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/floor.c");
    let built = Command::new("cc")
        .args(["-O2", "-o"])
        .arg(&floor)
        .arg(source)
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "cc could not build {source}"
    );
    let bench = Bench { floor, rounds };
    start::measure(&bench);
    stream::measure(&bench);
    steady::measure(&bench);
    hint::measure(&bench);
    refusals::measure(&bench);
    trace::measure(&bench);
}

//! Compares the judge with the kernel: random trees, subjects and attempts, each of which is really made.
//!
//! A run with `PERMWRAP_TEST_LONG=1` makes 200,000 cases, any other 5,000. `PERMWRAP_KERNEL_CASES=5000000` requests a longer
//! run, and `PERMWRAP_KERNEL_SEED=7` repeats a particular one. A mismatch is reduced and printed in the notation of facts, with
//! the seed of its tree.

mod compare;
mod elf;
mod fixes;
mod ground;
mod named;
mod perform;
mod plan;
mod settings;
mod shrink;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod worker;

use compare::Tally;
use ground::Ground;
use plan::Means;

/// The default number of cases.
const CASES: u64 = 200_000;

/// How many trees are built with one combination of the fs.protected_* settings.
const TREES_OF_A_VARIANT: u64 = 25;

/// After how many trees a run reports its progress.
const TREES_OF_A_LINE: u64 = 1_000;

#[test]
fn the_judge_says_what_the_kernel_does() {
    let Some(stage) = stage::enter("the_judge_says_what_the_kernel_does") else {
        return;
    };
    let seed = from_environment("PERMWRAP_KERNEL_SEED");
    // Without mounts, the trees are on a disk and have to be removed file by file.
    let usual = if stage.mounts && support::is_long() {
        CASES
    } else {
        CASES / 40
    };
    let cases = from_environment("PERMWRAP_KERNEL_CASES").unwrap_or(usual);
    let first = seed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    let ground = Ground::new(&stage.directory, &stage.floor, means(&stage));
    let mut tally = Tally::default();
    let variants = settings::variants(&ground.means);
    let mut seed = first;
    while tally.cases < cases {
        // The settings apply to the whole machine, so each combination is kept only for a short time.
        let _held = variants[(seed / TREES_OF_A_VARIANT) as usize % variants.len()]
            .set(stage.lock.as_ref());
        let last = seed + TREES_OF_A_VARIANT - seed % TREES_OF_A_VARIANT;
        while seed < last && tally.cases < cases {
            if let Err(mismatch) = compare::tree(&ground, seed, &mut tally) {
                panic!(
                    "{mismatch}\nPERMWRAP_KERNEL_SEED={seed}, after {} cases",
                    tally.cases
                );
            }
            seed += 1;
            if tally.trees.is_multiple_of(TREES_OF_A_LINE) {
                println!("{} cases so far", tally.cases);
            }
        }
    }
    println!("{tally}");
}

fn from_environment(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value} is no number")),
    )
}

fn means(stage: &stage::Stage) -> Means {
    let own_uid = nix::unistd::geteuid().as_raw();
    let own_gid = nix::unistd::getegid().as_raw();
    Means {
        uids: if stage.root {
            vec![0, 3101, 3102, 3103]
        } else {
            vec![own_uid]
        },
        gids: if stage.root {
            vec![0, 3201, 3202, 3203]
        } else {
            vec![own_gid]
        },
        ext4: stage.root,
        mounts: stage.mounts,
        root: stage.root,
    }
}

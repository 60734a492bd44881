//! The judge against the kernel: random trees, subjects and attempts, each really made.
//!
//! `PERMWRAP_KERNEL_CASES=5000000` asks for a longer run, `PERMWRAP_KERNEL_SEED=7` for one that is to be repeated. A
//! mismatch is shrunk and printed in the text notation of facts, with the seed of its tree.

mod compare;
mod elf;
mod ground;
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

/// How many cases a run makes where nobody says.
const CASES: u64 = 200_000;

#[test]
fn the_judge_says_what_the_kernel_does() {
    let Some(stage) = stage::enter("the_judge_says_what_the_kernel_does") else {
        return;
    };
    let seed = from_environment("PERMWRAP_KERNEL_SEED");
    let cases = from_environment("PERMWRAP_KERNEL_CASES").unwrap_or(CASES);
    let first = seed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    let ground = Ground::new(&stage.directory, means(&stage));
    let mut tally = Tally::default();
    let variants = settings::variants(&ground.means);
    for (at, variant) in variants.iter().enumerate() {
        let _held = variant.set();
        let share = cases * (at as u64 + 1) / variants.len() as u64;
        while tally.cases < share {
            let seed = first + tally.trees;
            if let Err(mismatch) = compare::tree(&ground, seed, &mut tally) {
                panic!(
                    "{mismatch}\nseed {first} (tree {seed}), after {} cases",
                    tally.cases
                );
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

//! Random walks, each of which must end where the kernel's path resolution ends.

use crate::support::{become_user, forked, needs_root, own_mounts};
use crate::{attempt, own, steps};
use permwrap::attempt::{Errno, Operation};
use permwrap::facts::{Facts, Kind};
use permwrap::gather;

#[test]
fn the_walk_ends_where_the_kernels_own_does() {
    if !needs_root() {
        return;
    }
    let seed = fastrand::u64(..);
    forked(|| {
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..20 {
            let seed = random.u64(..);
            forked(|| compare_walks(seed));
        }
    });
}

/// Compares the ends of many walks in a random tree with statx(2) of the same paths.
fn compare_walks(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    own_mounts();
    random_tree(&mut random);
    if random.bool() {
        become_user(4001, 4001, &[]);
    }
    let view = gather::View::of(&own());
    for _ in 0..200 {
        let parts = ["a", "b", "c", "d", "..", ".", "", "mnt"];
        let length = random.usize(0..7);
        let path: Vec<&str> = (0..length).map(|_| parts[random.usize(0..8)]).collect();
        let path = format!("/mnt/{}", path.join("/"));
        let facts = view.facts(&attempt(own(), Operation::READ, path.as_bytes()));
        let ours = end_of(&facts);
        let kernels = nix::sys::stat::stat(path.as_str());
        let kernels = kernels
            .map(|found| found.st_ino)
            .map_err(|errno| errno as i32);
        assert_eq!(
            ours,
            kernels,
            "seed {seed} {path}\n{:#?}",
            steps(&facts, &facts.walk)
        );
    }
}

/// A small random tree: directories (some of them closed), files, all kinds of symlinks, bind mounts.
fn random_tree(random: &mut fastrand::Rng) {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let some = |random: &mut fastrand::Rng| {
        let depth = random.usize(1..4);
        let names: Vec<&str> = (0..depth).map(|_| NAMES[random.usize(0..4)]).collect();
        names.join("/")
    };
    for _ in 0..30 {
        let path = format!("/mnt/{}", some(random));
        match random.u8(0..10) {
            0..4 => drop(std::fs::create_dir(&path)),
            4 => drop(std::fs::File::create_new(&path)),
            5 => drop(std::fs::set_permissions(
                &path,
                std::os::unix::fs::PermissionsExt::from_mode(
                    [0o700, 0o711, 0o755][random.usize(0..3)],
                ),
            )),
            6 => drop(nix::mount::mount(
                Some(format!("/mnt/{}", some(random)).as_str()),
                path.as_str(),
                None::<&str>,
                nix::mount::MsFlags::MS_BIND,
                None::<&str>,
            )),
            _ => {
                let up = ["", "../", "../../", "./", "/mnt/", "//", "../.."][random.usize(0..7)];
                let slash = ["", "", "/"][random.usize(0..3)];
                drop(std::os::unix::fs::symlink(
                    format!("{up}{}{slash}", some(random)),
                    &path,
                ));
            }
        }
    }
}

/// The inode number at the end of the walk, or the error number of accessing it.
fn end_of(facts: &Facts) -> Result<u64, i32> {
    // The walk passes `.` without a check: search permission on the directory is a matter of the judge.
    let closed = |step: &permwrap::facts::Step| {
        let mode = facts.node(step.dir).inode.as_ref().unwrap().mode;
        step.name == b"."
            && step.found.is_ok()
            && mode & 1 == 0
            && !nix::unistd::geteuid().is_root()
    };
    if facts.walk.steps.iter().any(closed) {
        return Err(Errno::Acces.number());
    }
    let Some(step) = facts.walk.steps.last() else {
        let start = facts.node(facts.walk.start.unwrap());
        return Ok(start.inode.as_ref().unwrap().number);
    };
    match &step.found {
        Err(unknown) => Err(unknown.errno.unwrap().number()),
        Ok(None) => Err(Errno::NoEnt.number()),
        Ok(Some(node)) => {
            let node = facts.node(*node);
            let inode = node.inode.as_ref().unwrap();
            match (
                inode.kind,
                facts.walk.trailing_slash || ends_in_slash(facts),
            ) {
                (Kind::Symlink, _) => Err(Errno::Loop.number()),
                (Kind::Directory, _) | (_, false) => Ok(inode.number),
                _ => Err(Errno::NotDir.number()),
            }
        }
    }
}

/// Whether a symlink in the resolution of the last component ends in a slash.
fn ends_in_slash(facts: &Facts) -> bool {
    let after = facts
        .walk
        .steps
        .get(facts.walk.written - 1..)
        .unwrap_or_default();
    let lasts = after.iter().filter(|step| step.last);
    lasts
        .filter_map(|step| step.found.as_ref().ok().copied().flatten())
        .filter_map(|node| facts.node(node).link.as_ref())
        .any(|link| link.ends_with(b"/"))
}

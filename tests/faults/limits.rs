//! Resource limits (setrlimit(2)) that are too low for permwrap, for the diagnosis or for both.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::run::{COMMAND, Channel, Fault, compare, same_under};
use crate::support::{become_user, needs_root, permwrap, skip};

fn limited(resource: Resource, most: u64) -> Fault {
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Arc::new(move || Ok(setrlimit(resource, limit)?))
}

/// Compares under each of these limits in turn.
#[track_caller]
fn same_with(resource: Resource, name: &str, values: impl Iterator<Item = u64>) {
    let faults = values.map(|most| (format!("{name} {most}"), limited(resource, most)));
    assert!(
        same_under(faults) > 0,
        "permwrap could be loaded under none of these limits"
    );
}

#[test]
fn however_little_memory_there_is_the_command_does_not_suffer() {
    const KIB: u64 = 1024;
    same_with(
        Resource::As,
        "address space",
        (8_000..=120_000).step_by(4_000).map(|kib| kib * KIB),
    );
    same_with(
        Resource::Data,
        "data",
        (200..=20_000).step_by(900).map(|kib| kib * KIB),
    );
}

#[test]
fn however_small_the_stack_may_be() {
    // The kernel leaves a random gap of up to 8 KiB at its top: with 16 KiB the loader of any program may not fit.
    same_with(
        Resource::Stack,
        "stack",
        [32, 64, 128, 256, 512, 1024]
            .into_iter()
            .map(|kib| kib * 1024),
    );
}

#[test]
fn however_few_descriptors_there_are() {
    same_with(Resource::Nofile, "descriptors", 4..=24);
}

#[test]
fn however_small_a_file_may_be() {
    for channel in [Channel::Pipe, Channel::Terminal] {
        let difference = compare(COMMAND, channel, &limited(Resource::Fsize, 0)).err();
        assert_eq!(difference, None);
    }
}

#[test]
fn whether_signals_may_be_queued_or_not() {
    same_with(Resource::Sigpending, "queued signals", 0..=1);
}

#[test]
fn however_few_processes_may_be_made() {
    if !needs_root() {
        return;
    }
    if !others_may_execute(&permwrap()) {
        skip("others may not execute the permwrap that was built");
        return;
    }
    // Unused uids, so that other processes do not count against the limit.
    let faults = (1..=6).zip(3_141_500..).map(|(most, uid)| {
        let fault: Fault = Arc::new(move || {
            become_user(uid, uid, &[]);
            limited(Resource::Nproc, most)()
        });
        (format!("{most} processes"), fault)
    });
    assert_ne!(same_under(faults), 0);
}

/// Whether everybody may pass through all directories above the program, and run it.
fn others_may_execute(program: &Path) -> bool {
    let may = |path: &Path| fs::metadata(path).is_ok_and(|found| found.mode() & 0o001 != 0);
    program.ancestors().all(may)
}

/// A memory cgroup (cgroups(7)), removed when it is dropped.
struct Group(PathBuf);

impl Group {
    /// A group that may use this much memory; `None` if none can be made here.
    fn of(bytes: u64) -> Option<Group> {
        let name = format!("permwrap-test-{}-{bytes}", std::process::id());
        let first = Path::new("/sys/fs/cgroup/memory");
        let (top, limit) = match first.is_dir() {
            true => (first, "memory.limit_in_bytes"),
            false => (Path::new("/sys/fs/cgroup"), "memory.max"),
        };
        let group = Group(top.join(name));
        fs::create_dir(&group.0).ok()?;
        fs::write(group.0.join(limit), bytes.to_string()).ok()?;
        Some(group)
    }

    /// Becoming a member.
    fn joined(&self) -> Fault {
        let members = self.0.join("cgroup.procs");
        let members = fs::OpenOptions::new().write(true).open(members);
        let members = members.expect("the group is ours");
        Arc::new(move || (&members).write_all(b"0"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its last members may still be ending.
        let since = Instant::now();
        while fs::remove_dir(&self.0).is_err() && since.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn however_little_memory_its_cgroup_may_use_the_diagnosis_alone_is_killed() {
    if !needs_root() {
        return;
    }
    // Pages of a file count against the group that reads it first. This test is about memory, not about reading a large file
    // again and again.
    fs::read(permwrap()).expect("the program can be read");
    // Docker allows no container less than 6 MiB.
    let sizes = (6..=12).map(|mib| mib * 1024 * 1024);
    let groups: Option<Vec<Group>> = sizes.map(Group::of).collect();
    let Some(groups) = groups else {
        skip("no memory cgroup can be made here");
        return;
    };
    let faults = groups.iter().map(|group| {
        let name = group.0.display().to_string();
        (name, group.joined())
    });
    assert!(same_under(faults) > 0, "permwrap could be loaded in none");
}

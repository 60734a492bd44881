//! Resource limits (setrlimit(2)) that are too low for permwrap, for the diagnosis or for both.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::run::{COMMAND, Channel, Fault, compare, same_under};
use crate::support::{become_user, needs_root, skip};

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
    // Unused uids, so that other processes do not count against the limit.
    let faults = (1..=6).zip(3_141_500..).map(|(most, uid)| {
        let fault: Fault = Arc::new(move || {
            become_user(uid, uid, &[]);
            limited(Resource::Nproc, most)()
        });
        (format!("{most} processes"), fault)
    });
    if same_under(faults) == 0 {
        skip("others may not execute the permwrap that was built");
    }
}

//! A world in which alice can become root, and the state that is compared.

use super::support::{Ran, World, needs_programs};
pub use super::support::{answered, typed};

/// Who makes the fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// alice, who has sudo.
    Alice,
    /// Root, after a run of alice.
    Root,
}

/// A world with sudo for alice, and with a directory for root's records that is part of the world.
pub fn world() -> Option<World> {
    if !needs_programs(&["setfacl", "sudo", "chattr", "setcap"]) {
        return None;
    }
    let world = World::new()?;
    world.root(
        "mount -t tmpfs -o mode=755 lib /var/lib
         printf 'alice ALL=(ALL) NOPASSWD: ALL\\nDefaults lecture=never, !fqdn\\n' >/etc/sudoers.d/test
         chmod 440 /etc/sudoers.d/test",
    );
    Some(world)
}

/// All attributes of objects that a fix may change, as text.
pub fn state(world: &World, paths: &str) -> String {
    world
        .root(&format!(
            "for path in {paths}; do stat -c '%n %a %u:%g' \"$path\"; getfacl -pcn \"$path\"; \
             lsattr -d \"$path\" 2>/dev/null; getcap \"$path\"; done 2>/dev/null; true"
        ))
        .stdout()
}

/// A run of alice that fails and gets a hint. On a busy machine a run may end before its hint is ready, so it is repeated.
pub fn fails(world: &World, command: &str) -> Ran {
    fails_with(world, "", command)
}

/// The same with other variables, which `env` sets or unsets.
pub fn fails_with(world: &World, env: &str, command: &str) -> Ran {
    let run = || world.run("alice", &format!("{env} permwrap -- {command}"));
    let mut ran = run();
    for _ in 0..5 {
        if ran.stderr().contains("permwrap: ") {
            break;
        }
        ran = run();
    }
    assert_ne!(ran.code(), 0, "{ran}");
    assert!(ran.stderr().contains("permwrap: "), "{ran}");
    ran
}

/// Fixes the last failure of alice's run.
pub fn fix(world: &World, by: By) -> Ran {
    match by {
        By::Alice => world.run("alice", "permwrap fix --yes"),
        By::Root => world.run("root", "cd /home/alice && permwrap fix --yes --as alice"),
    }
}

/// The same on a terminal, where each question is answered by yes.
pub fn fix_asked(world: &World, by: By) -> (String, i32) {
    let (user, command) = match by {
        By::Alice => ("alice", "permwrap fix"),
        By::Root => ("root", "cd /home/alice && permwrap fix --as alice"),
    };
    answered(world, user, command, || {})
}

/// Reverts the fix.
pub fn undo(world: &World, by: By) -> Ran {
    match by {
        By::Alice => world.run("alice", "permwrap undo --yes"),
        By::Root => world.run("root", "permwrap undo --yes"),
    }
}

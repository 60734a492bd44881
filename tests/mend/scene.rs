//! A world in which alice can become root, and the state that is compared.

use std::io::{Read, Write};
use std::process::Stdio;

use super::support::{Ran, World, needs_programs};

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
    let mut ran = world.run("alice", &format!("permwrap -- {command}"));
    for _ in 0..5 {
        if ran.stderr().contains("permwrap: ") {
            break;
        }
        ran = world.run("alice", &format!("permwrap -- {command}"));
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

/// Reverts the fix.
pub fn undo(world: &World, by: By) -> Ran {
    match by {
        By::Alice => world.run("alice", "permwrap undo --yes"),
        By::Root => world.run("root", "permwrap undo --yes"),
    }
}

/// Runs a command of the user on a terminal. `at_question` is called at each question, before it is answered with yes. Returns
/// what the terminal showed, and the exit status.
pub fn answered(
    world: &World,
    user: &str,
    command: &str,
    at_question: impl FnMut(),
) -> (String, i32) {
    in_terminal(world, user, command, "", at_question)
}

/// The same for a user who is also asked for a password.
pub fn typed(world: &World, user: &str, command: &str, password: &str) -> (String, i32) {
    in_terminal(world, user, command, password, || {})
}

fn in_terminal(
    world: &World,
    user: &str,
    command: &str,
    password: &str,
    mut at_question: impl FnMut(),
) -> (String, i32) {
    let mut child = world
        .command(user, "script")
        .args(["-qefc", command, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script(1) of util-linux runs");
    let mut keyboard = child.stdin.take().expect("it is piped");
    let mut screen = child.stdout.take().expect("it is piped");
    let (mut shown, mut asked, mut prompted) = (Vec::new(), 0, 0);
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = screen.read(&mut piece) {
        shown.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&shown);
        let questions = text.matches("[y/N] ").count();
        while asked < questions {
            asked += 1;
            at_question();
            keyboard.write_all(b"y\n").expect("it can be typed");
        }
        while prompted < text.matches("assword").count() {
            prompted += 1;
            let line = format!("{password}\n");
            keyboard
                .write_all(line.as_bytes())
                .expect("it can be typed");
        }
    }
    let ended = child.wait().expect("script ends");
    let text = String::from_utf8_lossy(&shown).into_owned();
    (text, ended.code().unwrap_or(-1))
}

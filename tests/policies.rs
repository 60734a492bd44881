//! Refusals by programs that have rules of their own, and by other systems.
//!
//! Debian packages: git, openssh-client.

mod support;

use serde_json::Value;
use support::{World, needs_programs};

/// The result of `permwrap explain --json` for a text, as alice.
fn explained(world: &World, text: &str) -> Value {
    let ran = world.run_with_input("alice", "permwrap explain --json", text.as_bytes());
    serde_json::from_str(&ran.stdout()).unwrap_or_else(|error| panic!("{error}\n{ran}"))
}

#[test]
fn a_repository_of_somebody_else_is_trusted_and_git_works() {
    let Some(world) = World::new() else { return };
    if !needs_programs(&["git"]) {
        return;
    }
    world.root("git init -q /srv/repo && chmod -R a+rX /srv/repo && chown -R deploy /srv/repo");
    let ran = world.run(
        "alice",
        "GIT_CONFIG_NOSYSTEM=1 permwrap --report r.json -- git -C /srv/repo status",
    );
    assert!(
        ran.stderr()
            .contains("git does not accept /srv/repo as a repository"),
        "{ran}"
    );
    let fix = "git config --global --add safe.directory /srv/repo";
    assert!(ran.stderr().contains(fix), "{ran}");
    let again = world.run(
        "alice",
        &format!("{fix} && GIT_CONFIG_NOSYSTEM=1 git -C /srv/repo status"),
    );
    assert_eq!(again.code(), 0, "{again}");
}

#[test]
fn a_key_that_others_may_read_is_closed_and_then_accepted() {
    let Some(world) = World::new() else { return };
    world.root("install -d -o alice /srv/keys && install -o alice -m 644 /dev/null /srv/keys/id");
    let told = explained(
        &world,
        "Permissions 0644 for '/srv/keys/id' are too open.\n",
    );
    let incident = &told["incidents"][0];
    assert_eq!(incident["causes"][0]["code"], "program-policy", "{told:#}");
    assert_eq!(incident["operation"], Value::Null, "{told:#}");
    assert_eq!(incident["fixes"][0]["effect"], "repairs", "{told:#}");
    let fix = incident["fixes"][0]["commands"][0]
        .as_str()
        .expect("a command");
    assert_eq!(world.run("alice", fix).code(), 0, "{fix}");
    let told = explained(
        &world,
        "Permissions 0644 for '/srv/keys/id' are too open.\n",
    );
    assert_eq!(told["incidents"][0]["verdict"], "allowed", "{told:#}");
}

#[test]
fn what_others_refuse_is_told_in_a_sentence_and_is_no_incident() {
    let Some(world) = World::new() else { return };
    for (text, kind) in [
        (
            "git@example.com: Permission denied (publickey).",
            "ssh-login",
        ),
        (
            "ERROR:  permission denied for table users",
            "postgres-grant",
        ),
        ("PERMISSION_DENIED: no role", "google-cloud"),
    ] {
        let told = explained(&world, text);
        assert_eq!(told["incidents"], serde_json::json!([]), "{told:#}");
        assert_eq!(told["elsewhere"][0]["kind"], kind, "{told:#}");
    }
}

#[test]
fn what_macos_keeps_private_is_told_so_and_not_looked_up_here() {
    let Some(world) = World::new() else { return };
    for text in [
        "ls: /Users/me/Desktop: Operation not permitted",
        "zsh: operation not permitted: /Users/me/Documents/x.sh",
    ] {
        let ran = world.run("alice", &format!("permwrap explain '{text}'"));
        assert!(ran.stdout().contains("privacy protection (TCC)"), "{ran}");
        assert!(!ran.stdout().contains("--trace"), "{ran}");
    }
    // The same words about a place that is no Mac's are about this machine.
    let text = "ls: /srv/Users/Desktop: Operation not permitted";
    let ran = world.run("alice", &format!("permwrap explain '{text}'"));
    assert!(!ran.stdout().contains("TCC"), "{ran}");
}

#[test]
fn a_program_that_only_warns_is_not_said_to_refuse() {
    let Some(world) = World::new() else { return };
    world.root("install -d -o alice /srv/net && install -o alice -m 666 /dev/null /srv/net/a.yaml");
    let text = "** (generate:12): WARNING **: Permissions for /srv/net/a.yaml are too open. Netplan configuration should NOT be accessible by others.\n";
    let ran = world.run_with_input("alice", "permwrap explain", text.as_bytes());
    let told = ran.stdout();
    assert!(told.contains("a warning about /srv/net/a.yaml"), "{ran}");
    // Who may not read it may not write it either.
    assert!(told.contains("chmod 600 /srv/net/a.yaml"), "{ran}");
}

#[test]
fn a_rule_about_a_file_that_is_not_named_is_told_in_words() {
    let Some(world) = World::new() else { return };
    let text = "500 OOPS: vsftpd: refusing to run with writable root inside chroot()\n";
    let ran = world.run_with_input("alice", "permwrap explain", text.as_bytes());
    let told = ran.stdout();
    assert!(
        told.contains("vsftpd does not accept the root of a login"),
        "{ran}"
    );
    assert!(!told.contains("--trace"), "{ran}");
}

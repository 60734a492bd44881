//! A program that confines itself: the kernel's own checks allow what its sandbox refuses.

use std::fs;

use crate::support::{World, needs_programs, repository, skip};

/// Whether the kernel supports Landlock, according to the ABI version that it reports.
fn has_landlock() -> bool {
    let program = repository().join("tests/vm/guest/ll.py");
    let asked = std::process::Command::new("python3")
        .arg(program)
        .arg("--abi")
        .output();
    asked.is_ok_and(|asked| asked.stdout.first().is_some_and(u8::is_ascii_digit))
}

#[test]
fn a_landlock_sandbox_is_named_where_all_that_can_be_seen_allows_it() {
    if !needs_programs(&["python3"]) {
        return;
    }
    if !has_landlock() {
        return skip("this kernel has no Landlock");
    }
    let Some(world) = World::new() else { return };
    let program =
        fs::read_to_string(repository().join("tests/vm/guest/ll.py")).expect("it is there");
    world.root(&format!("cat >/srv/ll.py <<'END'\n{program}\nEND"));
    world.root("echo open >/srv/f; chmod 644 /srv/f; install -m 600 /dev/null /srv/closed");
    let inside = "python3 /srv/ll.py --rx /usr --rx /bin --rx /lib --rx /lib64 --rx /etc --rw /dev --rw /proc --";
    let ran = world.run("alice", &format!("permwrap -- {inside} cat /srv/f"));
    assert!(
        ran.stderr().contains("permwrap causes landlock-denies"),
        "{ran}"
    );
    let ran = world.run("alice", &format!("permwrap -- {inside} cat /srv/closed"));
    assert!(
        ran.stderr().contains("permwrap causes mode-denies"),
        "{ran}"
    );
}

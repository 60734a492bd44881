//! Programs, devices, inode flags, and files in use.

use permwrap::attempt::{Errno, NodeType, OpenHow, Operation};

use super::{A_MOMENT, ALICE, Background, Scene, WWW, agreed, root, user};
use crate::compare;
use crate::plan::{Try, Who};

#[test]
fn a_running_program_is_not_written() {
    let script = "cp /bin/sleep sleep; cp /bin/true true; chmod 777 sleep true";
    let Some(scene) = Scene::new("files::a_running_program_is_not_written", script) else {
        return;
    };
    let running = Background::start("/x/sleep", &["100"]);
    std::thread::sleep(A_MOMENT);
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, "/x/sleep"),
        "ETXTBSY locked-elsewhere"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, "/x/sleep"),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Exec, "/x/sleep"),
        "allowed"
    );
    drop(running);
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, "/x/sleep"),
        "allowed"
    );
    let written = Background::start("bash", &["-c", "exec sleep 100 >> /x/true"]);
    std::thread::sleep(A_MOMENT);
    let exec = Try {
        operation: Operation::Exec,
        path: "/x/true".to_owned(),
        to: None,
    };
    let outcome = compare::attempt(&user(ALICE), &exec, Some(Errno::TxtBsy));
    assert_eq!(agreed(outcome), "ETXTBSY locked-elsewhere");
    drop(written);
}

#[test]
fn a_swap_file_is_nobodys() {
    let script = "truncate -s 64M image; mkfs.ext4 -q -F image; mkdir d; mount -o loop image d; chmod 777 d
        dd if=/dev/zero of=d/swap bs=1M count=4 status=none; chmod 600 d/swap; mkswap -q d/swap 2>/dev/null >&2
        swapon d/swap";
    let Some(scene) = Scene::new("files::a_swap_file_is_nobodys", script) else {
        return;
    };
    let truncate = OpenHow {
        truncate: true,
        ..OpenHow::WRITE
    };
    let verdicts = [
        scene.tries(&root(), Operation::WRITE, "/x/d/swap"),
        scene.tries(&root(), Operation::Delete, "/x/d/swap"),
        scene.tries(&root(), Operation::Open(truncate), "/x/d/swap"),
        scene.tries_to(&root(), Operation::Rename, "/x/d/swap", Some("/x/d/other")),
    ];
    scene.root("swapoff d/swap; umount d");
    assert_eq!(
        verdicts,
        [
            "allowed",
            "EPERM never-permitted",
            "ETXTBSY never-permitted",
            "EPERM never-permitted"
        ]
    );
}

#[test]
fn flags_refuse_even_root() {
    let script = "mkdir d p q; touch d/i d/a p/f q/f; chmod 777 d p q
        chattr +i d/i q; chattr +a d/a p";
    let Some(scene) = Scene::new("files::flags_refuse_even_root", script) else {
        return;
    };
    let tries = |operation, path: &str| scene.tries(&root(), operation, path);
    assert_eq!(tries(Operation::WRITE, "/x/d/i"), "EPERM immutable-file");
    assert_eq!(
        tries(Operation::Chmod(Some(0o600)), "/x/d/i"),
        "EPERM immutable-file"
    );
    assert_eq!(tries(Operation::Delete, "/x/d/i"), "EPERM immutable-file");
    assert_eq!(tries(Operation::READ, "/x/d/i"), "allowed");
    assert_eq!(tries(Operation::WRITE, "/x/d/a"), "EPERM append-only-file");
    assert_eq!(tries(Operation::APPEND, "/x/d/a"), "allowed");
    assert_eq!(tries(Operation::Delete, "/x/d/a"), "EPERM append-only-file");
    assert_eq!(tries(Operation::Utime { now: true }, "/x/d/a"), "allowed");
    assert_eq!(
        tries(Operation::Utime { now: false }, "/x/d/a"),
        "EPERM append-only-file"
    );
    assert_eq!(tries(Operation::Delete, "/x/p/f"), "EPERM append-only-file");
    assert_eq!(tries(Operation::Mkdir, "/x/p/new"), "allowed");
    assert_eq!(tries(Operation::Mkdir, "/x/q/new"), "EPERM immutable-file");
    assert_eq!(tries(Operation::Delete, "/x/q/f"), "EPERM immutable-file");
    scene.root("chattr -i d/i q; chattr -a d/a p");
}

#[test]
fn interpreters_are_run_by_the_same_rules() {
    let script = "mkdir bin closed noexec; cp /bin/true bin/true; cp /bin/true bin/plain; chmod 644 bin/plain
        cp /bin/true closed/true; mount -t tmpfs t noexec; cp /bin/true noexec/true; mount -o remount,noexec noexec
        script() { printf '#!%s\\n' \"$2\" > \"$1\"; chmod 755 \"$1\"; }
        script good /x/bin/true; script plain /x/bin/plain; script closed.sh /x/closed/true
        script on-noexec /x/noexec/true; script missing /x/none; script directory /x/bin
        script chain /x/plain; cp good noexec/ 2>/dev/null; cp good 0; for i in 1 2 3 4 5 6; do script $i /x/$((i - 1)); done
        chmod 711 closed; chmod 700 closed
        printf 'words\\n' > words; chmod 755 words; cp good secret; chmod 711 secret";
    let Some(scene) = Scene::new("files::interpreters_are_run_by_the_same_rules", script) else {
        return;
    };
    let exec = |path: &str| scene.tries(&user(ALICE), Operation::Exec, path);
    assert_eq!(exec("/x/good"), "allowed");
    assert_eq!(exec("/x/secret"), "allowed");
    assert_eq!(exec("/x/plain"), "EACCES interpreter-denied");
    assert_eq!(exec("/x/chain"), "EACCES interpreter-denied");
    assert_eq!(exec("/x/closed.sh"), "EACCES interpreter-denied");
    assert_eq!(exec("/x/on-noexec"), "EACCES interpreter-denied");
    assert_eq!(exec("/x/directory"), "EACCES interpreter-denied");
    assert_eq!(exec("/x/noexec/true"), "EACCES noexec-mount");
    assert_eq!(exec("/x/missing"), "ENOENT");
    assert_eq!(exec("/x/words"), "ENOEXEC");
    assert_eq!(exec("/x/bin"), "EACCES never-permitted");
    assert_eq!(exec("/x/bin/plain"), "EACCES not-executable");
    assert_eq!(exec("/x/4"), "allowed");
    assert_eq!(exec("/x/5"), "ELOOP");
    assert_eq!(exec("/x/6"), "ELOOP");
}

#[test]
fn devices_are_made_and_opened_by_their_own_rules() {
    let script = "mkdir nodev d; mount -t tmpfs -o nodev,mode=777 t nodev
        mknod nodev/null c 1 3; mknod d/null c 1 3; chmod 666 nodev/null d/null; chmod 777 d
        mknod d/video c 1 3; chown 0:3201 d/video; chmod 660 d/video";
    let Some(scene) = Scene::new(
        "files::devices_are_made_and_opened_by_their_own_rules",
        script,
    ) else {
        return;
    };
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, "/x/nodev/null"),
        "EACCES nodev-mount"
    );
    assert_eq!(
        scene.tries(&root(), Operation::WRITE, "/x/nodev/null"),
        "EACCES nodev-mount"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, "/x/d/null"),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, "/x/d/video"),
        "EACCES mode-denies"
    );
    let member = Who {
        groups: vec![WWW],
        ..user(ALICE)
    };
    assert_eq!(
        scene.tries(&member, Operation::READ, "/x/d/video"),
        "allowed"
    );
    let mknod = |who: &Who, kind, path: &str| scene.tries(who, Operation::Mknod(kind), path);
    assert_eq!(
        mknod(&user(ALICE), NodeType::Char, "/x/d/a"),
        "EPERM missing-capability"
    );
    assert_eq!(mknod(&user(ALICE), NodeType::Fifo, "/x/d/b"), "allowed");
    assert_eq!(mknod(&root(), NodeType::Block, "/x/nodev/c"), "allowed");
    let namespace = Who {
        namespace: Some((vec![0], vec![0])),
        ..root()
    };
    assert_eq!(
        mknod(&namespace, NodeType::Char, "/x/d/d"),
        "EPERM missing-capability"
    );
}

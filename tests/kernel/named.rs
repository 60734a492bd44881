//! What random trees do not reach. Each case is set up by a script, really tried, and judged on the facts gathered.
//!
//! Needs the Debian packages acl, bindfs, e2fsprogs, util-linux.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::libc;

use permwrap::attempt::{Errno, NodeType, OpenHow, Operation};
use permwrap::judge::Verdict;

use crate::compare::{self, Mismatch, Outcome};
use crate::ground::c_path;
use crate::plan::{Try, Who};
use crate::stage::{self, Stage};
use crate::support;
use crate::worker::Worker;

/// In which a process has started.
const A_MOMENT: Duration = Duration::from_millis(300);

const ALICE: u32 = 3101;
const BOB: u32 = 3102;
const WWW: u32 = 3201;

/// The namespace of one test.
struct Scene {
    _stage: Stage,
}

impl Scene {
    /// Runs the script in a namespace of the test's own, in the empty directory `/x`. `None` where the test is over: outside, or for want of rights.
    fn new(test: &str, script: &str) -> Option<Scene> {
        if !support::needs_root() {
            return None;
        }
        let scene = Scene {
            _stage: stage::enter(&format!("named::{test}"))?,
        };
        scene.root(script);
        Some(scene)
    }

    fn root(&self, script: &str) {
        let status = Command::new("bash")
            .args(["-euc", script])
            .current_dir("/x")
            .status();
        assert!(status.expect("bash runs").success(), "{script}");
    }

    /// What the judge says of the attempt, as `EACCES mode-denies`; it has to be what the kernel answers.
    fn tries(&self, who: &Who, operation: Operation, path: &str) -> String {
        self.tries_to(who, operation, path, None)
    }

    fn tries_to(&self, who: &Who, operation: Operation, path: &str, to: Option<&str>) -> String {
        let tried = Try {
            operation,
            path: path.to_owned(),
            to: to.map(str::to_owned),
        };
        agreed(compare::attempt(who, &tried, None))
    }
}

/// What the judge says, once it is what the kernel answers.
fn agreed(outcome: Outcome) -> String {
    assert!(outcome.agrees(true), "{}", Mismatch(Box::new(outcome)));
    match &outcome.verdict {
        Verdict::Allowed => "allowed".to_owned(),
        Verdict::Denied(denial) => format!("{} {}", denial.errno, denial.code.name()),
        Verdict::Fails { errno, .. } => errno.to_string(),
        Verdict::Unclear(unread) => format!("unclear: {}", unread.what),
    }
}

fn user(uid: u32) -> Who {
    Who {
        uid,
        gid: uid,
        groups: Vec::new(),
        capabilities: 0,
        namespace: None,
    }
}

fn root() -> Who {
    Who {
        capabilities: (1 << 41) - 1,
        ..user(0)
    }
}

/// A process or mount that lasts as long as the value.
struct Background(std::process::Child);

impl Background {
    fn start(program: &str, arguments: &[&str]) -> Background {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .current_dir("/x");
        Background(command.spawn().expect("it runs"))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_fuse_mount_lets_in_only_who_mounted_it() {
    if !support::needs_programs(&["bindfs"]) {
        return;
    }
    let script = "mkdir real seen; echo hello > real/f; chmod 644 real/f
        chown 3101:3101 seen real/f
        setpriv --reuid 3101 --regid 3101 --clear-groups true
        bindfs --no-allow-other real seen";
    let Some(scene) = Scene::new("a_fuse_mount_lets_in_only_who_mounted_it", script) else {
        return;
    };
    assert_eq!(
        scene.tries(&root(), Operation::READ, "/x/seen/f"),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, "/x/seen/f"),
        "EACCES fuse-other-user"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::List, "/x/seen"),
        "EACCES fuse-other-user"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Delete, "/x/seen/f"),
        "EACCES fuse-other-user"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Chmod(Some(0o600)), "/x/seen"),
        "EACCES fuse-other-user"
    );
}

#[test]
fn a_fuse_mount_with_allow_other_goes_by_the_bits() {
    if !support::needs_programs(&["bindfs"]) {
        return;
    }
    let script = "mkdir real seen; echo hello > real/f; chmod 640 real/f; chown 3101:3201 real/f
        bindfs -o allow_other,default_permissions real seen";
    let Some(scene) = Scene::new("a_fuse_mount_with_allow_other_goes_by_the_bits", script) else {
        return;
    };
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, "/x/seen/f"),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::READ, "/x/seen/f"),
        "EACCES mode-denies"
    );
    let member = Who {
        groups: vec![WWW],
        ..user(BOB)
    };
    assert_eq!(
        scene.tries(&member, Operation::READ, "/x/seen/f"),
        "allowed"
    );
}

#[test]
fn overlayfs_goes_by_what_it_shows() {
    let script =
        "mkdir lower upper work seen; echo hello > lower/f; mkdir lower/d; echo hello > lower/d/g
        chmod 640 lower/f; chown 3101:3201 lower/f; chmod 1777 lower/d; chown 3101 lower/d/g
        setfacl -m u:3102:r lower/d/g
        mount -t overlay o -o lowerdir=lower,upperdir=upper,workdir=work seen";
    let Some(scene) = Scene::new("overlayfs_goes_by_what_it_shows", script) else {
        return;
    };
    assert_eq!(
        scene.tries(&user(BOB), Operation::READ, "/x/seen/f"),
        "EACCES mode-denies"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::APPEND, "/x/seen/f"),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::READ, "/x/seen/d/g"),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::WRITE, "/x/seen/d/g"),
        "EACCES acl-denies"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::Delete, "/x/seen/d/g"),
        "EPERM sticky-directory"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::Delete, "/x/seen/f"),
        "EACCES parent-not-writable"
    );
    assert_eq!(
        scene.tries(&root(), Operation::Delete, "/x/seen/d/g"),
        "allowed"
    );
}

#[test]
fn an_overlay_without_an_upper_layer_is_read_only() {
    let script = "mkdir one two seen; echo hello > one/f; chmod 666 one/f
        mount -t overlay o -o lowerdir=one:two seen";
    let Some(scene) = Scene::new("an_overlay_without_an_upper_layer_is_read_only", script) else {
        return;
    };
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, "/x/seen/f"),
        "EROFS read-only-mount"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::CREATE, "/x/seen/f"),
        "EROFS read-only-mount"
    );
}

#[test]
fn a_socket_is_connected_to_by_who_may_write_it() {
    let script = "mkdir d; chmod 755 d
        python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.bind(\"d/s\")'
        chown 0:3201 d/s; chmod 660 d/s; touch d/file; chmod 666 d/file";
    let Some(scene) = Scene::new("a_socket_is_connected_to_by_who_may_write_it", script) else {
        return;
    };
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Connect, "/x/d/s"),
        "EACCES mode-denies"
    );
    let member = Who {
        groups: vec![WWW],
        ..user(ALICE)
    };
    assert_eq!(
        scene.tries(&member, Operation::Connect, "/x/d/s"),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Connect, "/x/d/file"),
        "ECONNREFUSED"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Bind, "/x/d/new"),
        "EACCES parent-not-writable"
    );
    assert_eq!(
        scene.tries(&root(), Operation::Bind, "/x/d/s"),
        "EADDRINUSE"
    );
    assert_eq!(scene.tries(&root(), Operation::READ, "/x/d/s"), "ENXIO");
}

#[test]
fn low_ports_need_the_capability_where_the_network_belongs() {
    let Some(scene) = Scene::new(
        "low_ports_need_the_capability_where_the_network_belongs",
        "",
    ) else {
        return;
    };
    let port = |who: &Who, port: u16| agreed(compare::bind_port(who, port));
    assert_eq!(port(&user(ALICE), 80), "EACCES privileged-port");
    assert_eq!(port(&user(ALICE), 1024), "allowed");
    let bind_service = Who {
        capabilities: 1 << 10,
        ..user(ALICE)
    };
    assert_eq!(port(&bind_service, 80), "allowed");
    assert_eq!(
        port(
            &Who {
                capabilities: 0,
                ..root()
            },
            80
        ),
        "EACCES privileged-port"
    );
    // A root of its own user namespace, in a network that is not.
    let namespace = Who {
        namespace: Some((vec![ALICE], vec![ALICE])),
        ..bind_service
    };
    assert_eq!(port(&namespace, 80), "EACCES privileged-port");
    drop(scene);
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
    let Some(scene) = Scene::new("interpreters_are_run_by_the_same_rules", script) else {
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
    let Some(scene) = Scene::new("devices_are_made_and_opened_by_their_own_rules", script) else {
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

#[test]
fn a_running_program_is_not_written() {
    let script = "cp /bin/sleep sleep; cp /bin/true true; chmod 777 sleep true";
    let Some(scene) = Scene::new("a_running_program_is_not_written", script) else {
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
    let Some(scene) = Scene::new("a_swap_file_is_nobodys", script) else {
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
    let script = "mkdir d; touch d/i d/a i; chattr +i d/i; chattr +a d/a; mkdir p; touch p/f; chattr +a p; mkdir q; touch q/f; chattr +i q
        chmod 777 d p q; true";
    let script = script
        .replace("chattr +a p;", "chmod 777 p; chattr +a p;")
        .replace("chattr +i q", "chmod 777 q; chattr +i q")
        .replace("chmod 777 d p q;", "chmod 777 d;");
    let Some(scene) = Scene::new("flags_refuse_even_root", &script) else {
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
fn a_read_only_bind_mount_is_not_its_disk() {
    let script = "mkdir -p disk/sub seen; touch disk/sub/f; chmod 666 disk/sub/f; mkfifo disk/sub/p; chmod 666 disk/sub/p
        mount --bind disk/sub seen; mount -o remount,bind,ro seen";
    let Some(scene) = Scene::new("a_read_only_bind_mount_is_not_its_disk", script) else {
        return;
    };
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, "/x/seen/f"),
        "EROFS read-only-mount"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, "/x/disk/sub/f"),
        "allowed"
    );
    let both = OpenHow {
        read: true,
        ..OpenHow::WRITE
    };
    assert_eq!(
        scene.tries(&user(ALICE), Operation::Open(both), "/x/seen/p"),
        "allowed"
    );
}

#[test]
fn an_id_mapped_mount_knows_only_its_ids() {
    let script = "mkdir real seen; touch real/known real/strange; chmod 666 real/*; chmod 777 real; chown 3101:3101 real/strange";
    let Some(scene) = Scene::new("an_id_mapped_mount_knows_only_its_ids", script) else {
        return;
    };
    if let Err(error) = id_mapped("/x/real", "/x/seen") {
        return support::skip(&format!("no id-mapped mounts of tmpfs here ({error})"));
    }
    let tries = |who: &Who, operation, path: &str| scene.tries(who, operation, path);
    assert_eq!(
        tries(&user(BOB), Operation::Chmod(Some(0o622)), "/x/seen/known"),
        "allowed"
    );
    assert_eq!(
        tries(&user(BOB), Operation::READ, "/x/seen/strange"),
        "allowed"
    );
    assert_eq!(
        tries(&user(BOB), Operation::WRITE, "/x/seen/strange"),
        "EACCES unmapped-owner"
    );
    assert_eq!(
        tries(&root(), Operation::WRITE, "/x/seen/strange"),
        "EACCES unmapped-owner"
    );
    assert_eq!(
        tries(
            &root(),
            Operation::Setxattr("user.x".to_owned()),
            "/x/seen/strange"
        ),
        "EPERM unmapped-owner"
    );
    assert_eq!(
        tries(&root(), Operation::Delete, "/x/seen/strange"),
        "EOVERFLOW"
    );
    assert_eq!(
        tries(&root(), Operation::Chmod(Some(0o600)), "/x/seen/strange"),
        "EOVERFLOW"
    );
    assert_eq!(
        tries(&root(), Operation::Utime { now: false }, "/x/seen/strange"),
        "EOVERFLOW"
    );
    let link = scene.tries_to(
        &root(),
        Operation::Link,
        "/x/seen/strange",
        Some("/x/seen/link"),
    );
    assert_eq!(link, "EOVERFLOW");
    assert_eq!(
        tries(&user(BOB), Operation::Mkdir, "/x/seen/new"),
        "allowed"
    );
}

/// Mounts a directory where its user and group 0 show as bob, and nobody else's ids are known (mount_setattr(2)).
fn id_mapped(from: &str, to: &str) -> std::io::Result<()> {
    let namespace = Who {
        namespace: Some((vec![BOB], vec![BOB])),
        capabilities: 0,
        ..user(BOB)
    };
    let worker = Worker::start(&namespace, &[]);
    let namespace = std::fs::File::open(format!("/proc/{}/ns/user", worker.pid))?;
    let (from, to) = (c_path(from), c_path(to));
    let answer = |answer: libc::c_long| match answer {
        0.. => Ok(answer as i32),
        _ => Err(std::io::Error::last_os_error()),
    };
    // OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC
    let flags = 1 | libc::O_CLOEXEC;
    // SAFETY: the path is a string that lives through the call.
    let tree = answer(unsafe {
        libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, from.as_ptr(), flags)
    })?;
    // SAFETY: the descriptor is new, and nobody else's.
    let tree = unsafe { OwnedFd::from_raw_fd(tree) };
    // struct mount_attr: attr_set with MOUNT_ATTR_IDMAP, attr_clr, propagation, userns_fd.
    let attributes = [0x0010_0000_u64, 0, 0, namespace.as_raw_fd() as u64];
    // SAFETY: the attributes have the layout of struct mount_attr and the size given.
    answer(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    })?;
    // MOVE_MOUNT_F_EMPTY_PATH
    let flags = 4;
    // SAFETY: both paths are strings that live through the call.
    answer(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            flags,
        )
    })
    .map(drop)
}

#[test]
fn proc_shows_a_process_to_who_may_trace_it() {
    let Some(scene) = Scene::new(
        "proc_shows_a_process_to_who_may_trace_it",
        "cp /bin/sleep sleep",
    ) else {
        return;
    };
    let stranger = Background::start(
        "setpriv",
        &[
            "--reuid=3102",
            "--regid=3102",
            "--clear-groups",
            "/x/sleep",
            "100",
        ],
    );
    std::thread::sleep(A_MOMENT);
    let file = |name: &str| format!("/proc/{}/{name}", stranger.0.id());
    assert_eq!(
        scene.tries(&user(BOB), Operation::READ, &file("environ")),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::READ, &file("maps")),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, &file("status")),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, &file("environ")),
        "EACCES mode-denies"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, &file("maps")),
        "EACCES not-owner"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::List, &file("cwd")),
        "EACCES not-owner"
    );
    assert_eq!(
        scene.tries(&user(BOB), Operation::List, &file("cwd")),
        "allowed"
    );
    assert_eq!(
        scene.tries(&root(), Operation::List, &file("cwd")),
        "allowed"
    );
}

#[test]
fn proc_sys_knows_root_and_nobody_else() {
    let Some(scene) = Scene::new("proc_sys_knows_root_and_nobody_else", "") else {
        return;
    };
    let setting = "/proc/sys/kernel/domainname";
    assert_eq!(
        scene.tries(&user(ALICE), Operation::READ, setting),
        "allowed"
    );
    assert_eq!(
        scene.tries(&user(ALICE), Operation::WRITE, setting),
        "EACCES mode-denies"
    );
    assert_eq!(scene.tries(&root(), Operation::WRITE, setting), "allowed");
    let bare = Who {
        capabilities: 0,
        ..root()
    };
    assert_eq!(scene.tries(&bare, Operation::WRITE, setting), "allowed");
    let capable = Who {
        capabilities: (1 << 41) - 1,
        ..user(ALICE)
    };
    assert_eq!(
        scene.tries(&capable, Operation::WRITE, setting),
        "EACCES mode-denies"
    );
}

//! Every row of the table of calls is really called by number, refused, and found in the report with its object.

use std::collections::HashMap;

use permwrap::attempt::Privilege;
use permwrap::run::trace::table::{Abi, CALLS, Does, Object, Row, When};
use serde_json::Value;

use crate::scene::{compile, report_of};
use crate::support::{World, needs_programs};

/// Calls that cannot be refused to anybody, or not on every kernel. They are watched because their success matters.
const NOT_REFUSED: &[&str] = &[
    "setfsuid",
    "setfsgid",
    "seccomp",
    "prctl",
    "io_uring_setup",
    "landlock_restrict_self",
    "uselib",
    "mq_unlink",
    // Of what fsopen(2) has given.
    "fsconfig",
    // The packed form of calls that are listed themselves.
    "socketcall",
];

/// Requests of ioctl(2) to devices that a test does not have, or that depend on a setting: TIOCSTI, block devices, SCSI, the
/// console, the network tunnel, the hardware clock, FITRIM.
const OF_DEVICES: &[u32] = &[
    0x5412,
    0x125D,
    0x2285,
    0x4B00,
    0x5600,
    0x4004_54CA,
    0x4024_700A,
    0xC018_5879,
];

fn is_of_a_device(row: &Row) -> bool {
    let (When::Equals(_, request) | When::In(_, request, _)) = row.when else {
        return false;
    };
    row.name == "ioctl" && OF_DEVICES.contains(&request)
}

/// Whether it is TIOCSCTTY or TIOCCONS.
fn is_of_a_terminal(row: &Row) -> bool {
    row.name == "ioctl" && matches!(row.when, When::Equals(1, 0x540E | 0x541D))
}

/// F_SETPIPE_SZ of fcntl(2).
const SET_PIPE_SIZE: u32 = 1031;

/// The scene of the calls: a directory that the caller may not enter, with a file in it.
const SCENE: &str = "mkdir -p /srv/scene/closed /srv/scene/listable && cd /srv/scene && touch closed/f theirs && \
                     chmod 700 closed && chmod 744 listable && chmod 777 .";

#[test]
fn every_call_of_the_table_is_seen_with_its_object() {
    every_call(Abi::X86_64);
}

#[test]
fn every_call_of_a_32_bit_program_is_seen_with_its_object() {
    every_call(Abi::I386);
}

fn every_call(abi: Abi) {
    if !Abi::HERE.contains(&abi) || !needs_programs(&["gcc"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    let rows: Vec<&Row> = CALLS
        .iter()
        .filter(|row| row.number(abi).is_some() && !NOT_REFUSED.contains(&row.name))
        .filter(|row| !is_of_a_device(row))
        .collect();
    let plan: String = rows
        .iter()
        .map(|row| format!("{}\n", line(row, abi)))
        .collect();
    world.root(SCENE);
    let program = compile("call", include_str!("call.c"));
    world.root(&format!("install -m 755 {} /srv/call", program.display()));
    let ran = world.run_with_input(
        "alice",
        "cd /srv/scene && permwrap --trace --quiet --report /tmp/report.json -- /srv/call",
        plan.as_bytes(),
    );
    let answers: Vec<i32> = ran
        .stdout()
        .lines()
        .map(|line| line.parse().expect("an errno"))
        .collect();
    assert_eq!(answers.len(), rows.len(), "{ran}");
    let mut calls = report_of(&world, "/tmp/report.json");
    let mut wrong = Vec::new();
    for (row, errno) in rows.iter().zip(answers) {
        // ENOSYS: the kernel was built without it.
        if errno == 38 {
            continue;
        }
        // Each row has a call of its own.
        if let Some(at) = calls.iter().position(|call| fits(call, row, errno)) {
            calls.remove(at);
        } else {
            let like: Vec<&Value> = calls
                .iter()
                .filter(|call| call["call"] == row.name)
                .collect();
            wrong.push(format!("{} answered {errno}: {like:?}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a call in the report is the one of this row.
fn fits(call: &Value, row: &Row, errno: i32) -> bool {
    let symbols = HashMap::from([(1, "EPERM"), (13, "EACCES"), (30, "EROFS")]);
    let path = match row.object {
        Object::Nobody | Object::Process(_) => None,
        _ if is_of_a_terminal(row) => {
            return call["call"] == "ioctl"
                && call["errno"] == "EPERM"
                && call["path"]
                    .as_str()
                    .is_some_and(|path| path.starts_with("/dev/pts/"));
        }
        // A pipe.
        Object::Descriptor(_) if row.when == When::Equals(1, SET_PIPE_SIZE) => None,
        Object::Descriptor(_) => Some(match row.does {
            Does::Traverse => "/srv/scene/listable",
            Does::Write => "/memfd:sealed (deleted)",
            _ => "/srv/scene/theirs",
        }),
        _ => Some("/srv/scene/closed/f"),
    };
    call["call"] == row.name
        && symbols
            .get(&errno)
            .is_some_and(|symbol| call["errno"] == **symbol)
        && call["path"].as_str() == path
        && call["program"] == "call"
        && (row.to == Object::Nobody || call["to"] == "/srv/scene/closed/g")
        && call["operation"].as_str() == operation(row)
}

/// The operation that corresponds to the line of this row.
fn operation(row: &Row) -> Option<&'static str> {
    Some(match row.does {
        Does::Open(_) | Does::OpenHow(_) => "append",
        Does::Create => "create",
        Does::Read => "read",
        Does::Write | Does::Access(_) => "write",
        Does::Look => "stat",
        Does::Traverse => "traverse",
        Does::Exec => "exec",
        Does::MakeDirectory => "mkdir",
        Does::MakeNode(_) => "mknod",
        Does::MakeSymlink => "symlink",
        Does::Remove | Does::RemoveAt(_) => "delete",
        Does::RemoveDirectory => "rmdir",
        Does::Rename => "rename",
        Does::Link => "link",
        Does::Chmod(_) => "chmod",
        Does::Chown(..) => "chown",
        Does::Utime(_) | Does::UtimeSpec(_) => "utime",
        Does::SetAttribute(_) => "setxattr",
        Does::Bind => "bind",
        Does::Connect => "connect",
        Does::MakeSocket(..) => "rawsocket",
        Does::Mount => "mount",
        Does::Signal => "signal",
        Does::Ptrace => "ptrace",
        Does::MakeNamespace(_) | Does::Clone3 => "unshare",
        Does::Needs(Privilege::Keyring) => return None,
        Does::Needs(privilege) => privilege.name(),
        Does::Filter | Does::Confine | Does::Ring | Does::Other => return None,
    })
}

/// The line of input for call.c that makes the call of a row fail.
fn line(row: &Row, abi: Abi) -> String {
    let mut arguments: Vec<String> = special(row.name, abi);
    arguments.resize(6, "0".to_owned());
    let mut put = |at: u8, word: &str| word.clone_into(&mut arguments[usize::from(at)]);
    // sun_family 1, then the path.
    let address = format!("#0100{}00", hexadecimal(b"closed/f"));
    for (object, path) in [(row.object, "=closed/f"), (row.to, "=closed/g")] {
        match object {
            Object::Nobody | Object::Process(_) => {}
            Object::Path(at) => put(at, path),
            Object::At(directory, at) => {
                put(directory, "3");
                put(at, path);
            }
            Object::Descriptor(at) => put(
                at,
                match row.does {
                    Does::Traverse => "5",
                    Does::Write => "6",
                    _ => "4",
                },
            ),
            Object::Address(at, length) => {
                put(at, &address);
                put(length, "11");
            }
            Object::Message(at) => put(at, "@closed/f"),
        }
    }
    match row.does {
        // O_WRONLY | O_APPEND
        Does::Open(at) => put(at, "0x401"),
        Does::Access(at) => put(at, "2"),
        // S_IFIFO
        Does::MakeNode(at) => put(at, "0x1180"),
        Does::SetAttribute(at) => put(at, "=user.comment"),
        Does::MakeNamespace(at) => put(at, "0x20000"),
        _ => {}
    }
    match row.when {
        When::Equals(at, value) => put(at, &value.to_string()),
        // SIOCSIFFLAGS on a socket.
        When::In(at, ..) => {
            put(at, "0x8914");
            put(0, "7");
        }
        _ if row.name == "setpriority" => put(0, "1"),
        _ if row.name == "ioprio_set" => put(0, "2"),
        _ => {}
    }
    if is_of_a_terminal(row) {
        put(0, "13");
    }
    if row.when == When::Equals(1, SET_PIPE_SIZE) {
        put(0, "12");
        put(2, "0x200000");
    }
    let bits = if abi == Abi::I386 { 32 } else { 64 };
    let number = row.number(abi).expect("it has a number");
    format!("{bits} {number} {}", arguments.join(" "))
}

/// Arguments specific to a call.
fn special(name: &str, abi: Abi) -> Vec<String> {
    let zeroes = |bytes: usize| format!("#{}", "00".repeat(bytes));
    let word = |number: u64| {
        let bytes = number.to_le_bytes();
        hexadecimal(if abi == Abi::I386 {
            &bytes[..4]
        } else {
            &bytes
        })
    };
    let words =
        |numbers: &[u64]| format!("#{}", numbers.iter().map(|n| word(*n)).collect::<String>());
    let all = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    // The first field of a struct timex says which fields to set.
    let timex = format!("#01{}", "00".repeat(255));
    match name {
        "openat2" => all(&["0", "0", &format!("#0104{}", "00".repeat(22)), "24"]),
        "open_by_handle_at" => all(&["3", "#0800000001000000000000000000000000000000"]),
        "readlink" => all(&["0", &zeroes(16), "16"]),
        "readlinkat" => all(&["0", "0", &zeroes(16), "16"]),
        "getxattr" | "lgetxattr" => all(&["0", "=user.comment"]),
        "symlink" | "symlinkat" => all(&["=target"]),
        "name_to_handle_at" => all(&["0", "0", &zeroes(16), &zeroes(8)]),
        "statfs64" => all(&["0", "84", &zeroes(84)]),
        "inotify_add_watch" => all(&["9", "0", "2"]),
        "fallocate" => all(&["0", "3", "0", if abi == Abi::I386 { "0" } else { "4" }, "4"]),
        "getxattrat" | "setxattrat" => all(&["0", "0", "0", "=user.comment", &zeroes(16), "16"]),
        "file_getattr" | "file_setattr" => all(&["0", "0", &zeroes(24), "24"]),
        "sendmmsg" => all(&["8", "0", "1"]),
        // SO_MARK
        "setsockopt" => all(&["7", "1", "36", &zeroes(4), "4"]),
        "rt_sigqueueinfo" => all(&["1", "10", &zeroes(128)]),
        "process_madvise" => all(&["10", &words(&[0x1000, 1]), "1", "20"]),
        "kcmp" => all(&["1", "1"]),
        "migrate_pages" => all(&["1", "1", &zeroes(8), &zeroes(8)]),
        "move_pages" => all(&["1"]),
        "nice" => all(&["-10"]),
        "sched_setparam" => all(&["1", "#00000000"]),
        "iopl" => all(&["3"]),
        "ioperm" => all(&["128", "1", "1"]),
        // Types and names that begin with a dot are the kernel's own.
        "add_key" => all(&["=.x", "=y", "=z", "1", "-3"]),
        "request_key" => all(&["=.x", "=y"]),
        "keyctl" => all(&["1", "=.x"]),
        "stime" => all(&[&zeroes(8)]),
        "shmget" => all(&["%3", "1", "0x180"]),
        "semget" => all(&["%3", "1", "0x180"]),
        "msgget" => all(&["%3", "0x180"]),
        "shmat" => all(&["%0"]),
        "shmctl" => all(&["%0", "2", &zeroes(128)]),
        "semctl" => all(&["%1", "0", "2", &zeroes(128)]),
        "msgctl" => all(&["%2", "2", &zeroes(128)]),
        "mq_open" => all(&["=%3"]),
        "quotactl" => all(&["0x80000500"]),
        "ioctl" => all(&["0", "0", &zeroes(32)]),
        "bind" | "connect" => all(&["7"]),
        "sendto" => all(&["8", &zeroes(4), "1"]),
        "sendmsg" => all(&["8"]),
        "socket" => all(&["2", "3", "1"]),
        "mount" => all(&["=none", "0", "=tmpfs"]),
        "move_mount" => all(&["3", "=."]),
        "fsopen" => all(&["=tmpfs"]),
        "fsmount" => all(&["3"]),
        "mount_setattr" => all(&["0", "0", "0", &format!("#01{}", "00".repeat(31)), "32"]),
        "kill" => all(&["1"]),
        "pidfd_send_signal" | "pidfd_getfd" => all(&["10"]),
        // PTRACE_ATTACH
        "ptrace" => all(&["16", "1"]),
        "process_vm_readv" | "process_vm_writev" => {
            all(&["1", &words(&[0x1000, 1]), "1", &words(&[0x1000, 1]), "1"])
        }
        // _LINUX_CAPABILITY_VERSION_3, with all permitted capabilities.
        "capset" => all(&["#2205082000000000", &format!("#{}", "ff".repeat(24))]),
        "setns" => all(&["11"]),
        "clone3" => all(&[&format!("#0000020000000000{}", "00".repeat(56)), "64"]),
        "sethostname" | "setdomainname" => all(&["=x", "1"]),
        // SYSLOG_ACTION_CONSOLE_OFF
        "syslog" => all(&["6"]),
        "init_module" => all(&[&zeroes(8), "8", "="]),
        "finit_module" => all(&["0", "="]),
        "delete_module" => all(&["=x"]),
        "settimeofday" => all(&[&zeroes(16)]),
        "clock_settime" | "clock_settime64" => all(&["0", &zeroes(16)]),
        "adjtimex" => all(&[&timex]),
        "clock_adjtime" => all(&["0", &timex]),
        // A tracepoint that includes the kernel.
        "perf_event_open" => all(&[
            &format!("#0200000080000000{}", "00".repeat(120)),
            "0",
            "-1",
            "-1",
        ]),
        // BPF_PROG_GET_FD_BY_ID
        "bpf" => all(&["13", &zeroes(16), "12"]),
        "setpriority" => all(&["0", "0", "-10"]),
        "sched_setscheduler" => all(&["0", "1", "#01000000"]),
        // The size is 48, and the nice value -10.
        "sched_setattr" => all(&[
            "0",
            &format!("#30{}f6ffffff{}", "00".repeat(15), "00".repeat(28)),
        ]),
        "sched_setaffinity" => all(&["1", "8", "#0100000000000000"]),
        "ioprio_set" => all(&["1", "0", "0x2000"]),
        "mlock" | "mlock2" => all(&[&zeroes(8), "8"]),
        "mlockall" => all(&["1"]),
        "setrlimit" => all(&["8", &words(&[4096, 4096])]),
        "prlimit64" => all(&[
            "0",
            "8",
            &format!(
                "#{}",
                hexadecimal(&[0, 16, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0])
            ),
        ]),
        _ => Vec::new(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

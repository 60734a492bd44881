//! The watched system calls: their names and numbers, the arguments that identify their objects, and what they do.
//!
//! A call is listed if the kernel may refuse it to one process and not to another. The numbers are those of the kernel's tables
//! (arch/x86/entry/syscalls/syscall_64.tbl, syscall_32.tbl, include/uapi/asm-generic/unistd.h).

mod row;

pub use row::{Abi, Does, Object, Row, When};

use Does::*;
use Object::*;
use When::*;
use row::row;

use crate::attempt::Privilege;

const NONE: i16 = -1;

/// The flags of clone(2) that create namespaces (CLONE_NEW*).
pub const NAMESPACES: u32 = 0x7E02_0080;
/// CLONE_UNTRACED, which would hide a process that has the filter from the tracer that it needs.
pub const UNTRACED: u32 = 0x0080_0000;
/// AT_EMPTY_PATH: equivalent to fstat(2), which is never refused.
const EMPTY_PATH: u32 = 0x1000;
/// PR_SET_SECCOMP.
const SET_SECCOMP: u32 = 22;
/// PR_SET_NO_NEW_PRIVS.
const SET_NO_NEW_PRIVS: u32 = 38;
/// PR_SET_MM and PR_CAP_AMBIENT.
const SET_MEMORY_MAP: u32 = 35;
const AMBIENT: u32 = 47;
/// PR_CAPBSET_DROP and PR_SET_SECUREBITS: they change what the next execve(2) leaves of the capabilities.
const DROP_BOUND: u32 = 24;
const SET_SECURE_BITS: u32 = 28;
/// FS_IOC_SETFLAGS and FS_IOC_FSSETXATTR: chattr(1).
const SET_FLAGS: u32 = 0x4008_6602;
const SET_FLAGS_32: u32 = 0x4004_6602;
const SET_PROJECT: u32 = 0x401C_5820;
/// SIOC*: the settings of network devices, routes and wireless devices; TUNSETIFF.
const NETWORK_FIRST: u32 = 0x8901;
const NETWORK_LAST: u32 = 0x8BFF;
const SET_TUNNEL: u32 = 0x4004_54CA;
/// RTC_SET_TIME.
const SET_HARDWARE_CLOCK: u32 = 0x4024_700A;
/// TIOCSCTTY, TIOCSTI, TIOCCONS; KD* and VT* of a console.
const TAKE_TERMINAL: u32 = 0x540E;
const TYPE_IN: u32 = 0x5412;
const TAKE_MESSAGES: u32 = 0x541D;
const KEYBOARD_FIRST: u32 = 0x4B00;
const KEYBOARD_LAST: u32 = 0x4BFF;
const CONSOLE_FIRST: u32 = 0x5600;
const CONSOLE_LAST: u32 = 0x56FF;
/// BLKROSET to the last of BLK*; SG_IO.
const BLOCK_FIRST: u32 = 0x125D;
const BLOCK_LAST: u32 = 0x127F;
const SCSI: u32 = 0x2285;
/// FIFREEZE, FITHAW, FITRIM.
const FREEZE: u32 = 0xC004_5877;
const THAW: u32 = 0xC004_5878;
const TRIM: u32 = 0xC018_5879;
/// F_SETLEASE and F_SETPIPE_SZ of fcntl(2).
const SET_LEASE: u32 = 1024;
const SET_PIPE_SIZE: u32 = 1031;
/// PRIO_PROCESS of setpriority(2), IOPRIO_WHO_PROCESS of ioprio_set(2).
const ONE_PROCESS: u32 = 0;
const ONE_PROCESS_IO: u32 = 1;

/// The number of socketcall(2) of 32-bit programs.
pub const SOCKETCALL: u32 = 102;

/// The call that socketcall(2) makes for this number (SYS_* of net.h), if it is one of the table.
#[must_use]
pub fn packed_socket_call(number: u64) -> Option<&'static str> {
    Some(match number {
        1 => "socket",
        2 => "bind",
        3 => "connect",
        11 => "sendto",
        14 => "setsockopt",
        16 => "sendmsg",
        _ => return None,
    })
}

/// The table. A name may have several rows, with different numbers or for different uses.
#[rustfmt::skip]
pub const CALLS: &[Row] = &[
    row("open", [2, 5, NONE], Path(0), Open(1)),
    row("openat", [257, 295, 56], At(0, 1), Open(2)),
    row("openat2", [437, 437, 437], At(0, 1), OpenHow(2)),
    row("creat", [85, 8, NONE], Path(0), Create),
    row("open_by_handle_at", [304, 342, 265], Nobody, Other),

    row("stat", [4, 106, NONE], Path(0), Look),
    row("lstat", [6, 107, NONE], Path(0), Look),
    row("stat64", [NONE, 195, NONE], Path(0), Look),
    row("lstat64", [NONE, 196, NONE], Path(0), Look),
    row("newfstatat", [262, NONE, 79], At(0, 1), Look).when(NoBit(3, EMPTY_PATH)),
    row("fstatat64", [NONE, 300, NONE], At(0, 1), Look).when(NoBit(3, EMPTY_PATH)),
    row("statx", [332, 383, 291], At(0, 1), Look).when(NoBit(2, EMPTY_PATH)),
    row("statfs", [137, 99, 43], Path(0), Look),
    row("statfs64", [NONE, 268, NONE], Path(0), Look),
    row("readlink", [89, 85, NONE], Path(0), Look),
    row("readlinkat", [267, 305, 78], At(0, 1), Look),
    row("name_to_handle_at", [303, 341, 264], At(0, 1), Look),
    row("getxattr", [191, 229, 8], Path(0), Look),
    row("lgetxattr", [192, 230, 9], Path(0), Look),
    row("listxattr", [194, 232, 11], Path(0), Look),
    row("llistxattr", [195, 233, 12], Path(0), Look),
    row("getxattrat", [464, 464, 464], At(0, 1), Look),
    row("listxattrat", [465, 465, 465], At(0, 1), Look),
    row("file_getattr", [468, 468, 468], At(0, 1), Look),
    row("access", [21, 33, NONE], Path(0), Access(1)),
    row("faccessat", [269, 307, 48], At(0, 1), Access(2)),
    row("faccessat2", [439, 439, 439], At(0, 1), Access(2)),
    row("inotify_add_watch", [254, 292, 27], Path(1), Read),

    row("execve", [59, 11, 221], Path(0), Exec),
    row("execveat", [322, 358, 281], At(0, 1), Exec),
    row("uselib", [134, 86, NONE], Path(0), Exec),

    row("chdir", [80, 12, 49], Path(0), Traverse).changes(),
    row("fchdir", [81, 133, 50], Descriptor(0), Traverse).changes(),
    row("chroot", [161, 61, 51], Path(0), Needs(Privilege::RootDirectory)).changes(),
    row("pivot_root", [155, 217, 41], Path(0), Mount).changes(),

    row("mkdir", [83, 39, NONE], Path(0), MakeDirectory),
    row("mkdirat", [258, 296, 34], At(0, 1), MakeDirectory),
    row("mknod", [133, 14, NONE], Path(0), MakeNode(1)),
    row("mknodat", [259, 297, 33], At(0, 1), MakeNode(2)),
    row("symlink", [88, 83, NONE], Path(1), MakeSymlink),
    row("symlinkat", [266, 304, 36], At(1, 2), MakeSymlink),
    row("unlink", [87, 10, NONE], Path(0), Remove),
    row("unlinkat", [263, 301, 35], At(0, 1), RemoveAt(2)),
    row("rmdir", [84, 40, NONE], Path(0), RemoveDirectory),
    row("rename", [82, 38, NONE], Path(0), Rename).to(Path(1)),
    row("renameat", [264, 302, 38], At(0, 1), Rename).to(At(2, 3)),
    row("renameat2", [316, 353, 276], At(0, 1), Rename).to(At(2, 3)),
    row("link", [86, 9, NONE], Path(0), Link).to(Path(1)),
    row("linkat", [265, 303, 37], At(0, 1), Link).to(At(2, 3)),

    row("chmod", [90, 15, NONE], Path(0), Chmod(1)),
    row("fchmod", [91, 94, 52], Descriptor(0), Chmod(1)),
    row("fchmodat", [268, 306, 53], At(0, 1), Chmod(2)),
    row("fchmodat2", [452, 452, 452], At(0, 1), Chmod(2)),
    row("chown", [92, 182, NONE], Path(0), Chown(1, 2)),
    row("chown32", [NONE, 212, NONE], Path(0), Chown(1, 2)),
    row("lchown", [94, 16, NONE], Path(0), Chown(1, 2)),
    row("lchown32", [NONE, 198, NONE], Path(0), Chown(1, 2)),
    row("fchown", [93, 95, 55], Descriptor(0), Chown(1, 2)),
    row("fchown32", [NONE, 207, NONE], Descriptor(0), Chown(1, 2)),
    row("fchownat", [260, 298, 54], At(0, 1), Chown(2, 3)),
    row("utime", [132, 30, NONE], Path(0), Utime(1)),
    row("utimes", [235, 271, NONE], Path(0), Utime(1)),
    row("futimesat", [261, 299, NONE], At(0, 1), Utime(2)),
    row("utimensat", [280, 320, 88], At(0, 1), UtimeSpec(2)),
    row("utimensat_time64", [NONE, 412, NONE], At(0, 1), UtimeSpec(2)),
    row("truncate", [76, 92, 45], Path(0), Write),
    row("truncate64", [NONE, 193, NONE], Path(0), Write),
    row("ftruncate", [77, 93, 46], Descriptor(0), Write),
    row("ftruncate64", [NONE, 194, NONE], Descriptor(0), Write),
    row("fallocate", [285, 324, 47], Descriptor(0), Write),
    row("setxattr", [188, 226, 5], Path(0), SetAttribute(1)),
    row("lsetxattr", [189, 227, 6], Path(0), SetAttribute(1)),
    row("fsetxattr", [190, 228, 7], Descriptor(0), SetAttribute(1)),
    row("removexattr", [197, 235, 14], Path(0), SetAttribute(1)),
    row("lremovexattr", [198, 236, 15], Path(0), SetAttribute(1)),
    row("fremovexattr", [199, 237, 16], Descriptor(0), SetAttribute(1)),
    row("setxattrat", [463, 463, 463], At(0, 1), SetAttribute(3)),
    row("removexattrat", [466, 466, 466], At(0, 1), SetAttribute(3)),
    row("file_setattr", [469, 469, 469], At(0, 1), Other),
    row("ioctl", [16, NONE, 29], Descriptor(0), Other).when(Equals(1, SET_FLAGS)),
    row("ioctl", [NONE, 54, NONE], Descriptor(0), Other).when(Equals(1, SET_FLAGS_32)),
    row("ioctl", [16, 54, 29], Descriptor(0), Other).when(Equals(1, SET_PROJECT)),
    row("ioctl", [16, 54, 29], Descriptor(0), Other).when(Equals(1, FREEZE)),
    row("ioctl", [16, 54, 29], Descriptor(0), Other).when(Equals(1, THAW)),
    row("ioctl", [16, 54, 29], Descriptor(0), Other).when(Equals(1, TRIM)),
    row("ioctl", [16, 54, 29], Descriptor(0), Other).when(In(1, BLOCK_FIRST, BLOCK_LAST)),
    row("ioctl", [16, 54, 29], Descriptor(0), Other).when(Equals(1, SCSI)),
    row("ioctl", [16, 54, 29], Descriptor(0), Other).when(In(1, KEYBOARD_FIRST, KEYBOARD_LAST)),
    row("ioctl", [16, 54, 29], Descriptor(0), Other).when(In(1, CONSOLE_FIRST, CONSOLE_LAST)),
    row("ioctl", [16, 54, 29], Descriptor(0), Other).when(Equals(1, TAKE_TERMINAL)),
    row("ioctl", [16, 54, 29], Descriptor(0), Other).when(Equals(1, TYPE_IN)),
    row("ioctl", [16, 54, 29], Descriptor(0), Other).when(Equals(1, TAKE_MESSAGES)),
    row("ioctl", [16, 54, 29], Nobody, Needs(Privilege::Clock)).when(Equals(1, SET_HARDWARE_CLOCK)),
    row("fcntl", [72, 55, 25], Descriptor(0), Other).when(Equals(1, SET_LEASE)),
    row("fcntl", [72, 55, 25], Descriptor(0), Other).when(Equals(1, SET_PIPE_SIZE)),
    row("fcntl64", [NONE, 221, NONE], Descriptor(0), Other).when(Equals(1, SET_LEASE)),
    row("fcntl64", [NONE, 221, NONE], Descriptor(0), Other).when(Equals(1, SET_PIPE_SIZE)),
    row("quotactl", [179, 131, 60], Path(1), Other),
    row("quotactl_fd", [443, 443, 443], Descriptor(0), Other),
    row("acct", [163, 51, 89], Path(0), Other),
    row("swapon", [167, 87, 224], Path(0), Needs(Privilege::Swap)),
    row("swapoff", [168, 115, 225], Path(0), Needs(Privilege::Swap)),

    row("bind", [49, 361, 200], Address(1, 2), Bind),
    row("connect", [42, 362, 203], Address(1, 2), Connect),
    row("sendto", [44, 369, 206], Address(4, 5), Connect).when(Nonzero(4)),
    row("sendmsg", [46, 370, 211], Message(1), Connect),
    row("sendmmsg", [307, 345, 269], Message(1), Connect),
    row("setsockopt", [54, 366, 208], Nobody, Needs(Privilege::NetworkSettings)),
    row("ioctl", [16, 54, 29], Nobody, Needs(Privilege::NetworkSettings)).when(In(1, NETWORK_FIRST, NETWORK_LAST)),
    row("ioctl", [16, 54, 29], Nobody, Needs(Privilege::NetworkSettings)).when(Equals(1, SET_TUNNEL)),
    row("socketcall", [NONE, SOCKETCALL as i16, NONE], Nobody, Other).when(In(0, 1, 3)),
    row("socketcall", [NONE, SOCKETCALL as i16, NONE], Nobody, Other).when(Equals(0, 11)),
    row("socketcall", [NONE, SOCKETCALL as i16, NONE], Nobody, Other).when(Equals(0, 14)),
    row("socketcall", [NONE, SOCKETCALL as i16, NONE], Nobody, Other).when(Equals(0, 16)),
    row("socket", [41, 359, 198], Nobody, MakeSocket(0, 1)),

    row("mount", [165, 21, 40], Path(1), Mount),
    row("umount2", [166, 52, 39], Path(0), Mount),
    row("open_tree", [428, 428, 428], At(0, 1), Mount),
    row("open_tree_attr", [467, 467, 467], At(0, 1), Mount),
    row("move_mount", [429, 429, 429], At(2, 3), Mount),
    row("fsopen", [430, 430, 430], Nobody, Mount),
    row("fsconfig", [431, 431, 431], Nobody, Mount),
    row("fsmount", [432, 432, 432], Nobody, Mount),
    row("fspick", [433, 433, 433], At(0, 1), Mount),
    row("mount_setattr", [442, 442, 442], At(0, 1), Mount),

    row("kill", [62, 37, 129], Process(0), Signal),
    row("rt_sigqueueinfo", [129, 178, 138], Process(0), Signal),
    row("pidfd_send_signal", [424, 424, 424], Nobody, Signal),
    row("ptrace", [101, 26, 117], Process(1), Ptrace),
    row("process_vm_readv", [310, 347, 270], Process(0), Ptrace),
    row("process_vm_writev", [311, 348, 271], Process(0), Ptrace),
    row("process_madvise", [440, 440, 440], Nobody, Ptrace),
    row("pidfd_getfd", [438, 438, 438], Nobody, Ptrace),
    row("kcmp", [312, 349, 272], Process(0), Ptrace),
    row("migrate_pages", [256, 294, 238], Process(0), Ptrace),
    row("move_pages", [279, 317, 239], Process(0), Ptrace),

    row("setuid", [105, 213, 146], Nobody, Needs(Privilege::UserIds)).changes(),
    row("setreuid", [113, 203, 145], Nobody, Needs(Privilege::UserIds)).changes(),
    row("setresuid", [117, 208, 147], Nobody, Needs(Privilege::UserIds)).changes(),
    row("setfsuid", [122, 215, 151], Nobody, Needs(Privilege::UserIds)).changes(),
    row("setgid", [106, 214, 144], Nobody, Needs(Privilege::GroupIds)).changes(),
    row("setregid", [114, 204, 143], Nobody, Needs(Privilege::GroupIds)).changes(),
    row("setresgid", [119, 210, 149], Nobody, Needs(Privilege::GroupIds)).changes(),
    row("setfsgid", [123, 216, 152], Nobody, Needs(Privilege::GroupIds)).changes(),
    row("setgroups", [116, 206, 159], Nobody, Needs(Privilege::GroupIds)).changes(),
    row("capset", [126, 185, 91], Nobody, Other).changes(),
    row("unshare", [272, 310, 97], Nobody, MakeNamespace(0)).changes(),
    row("setns", [308, 346, 268], Nobody, Needs(Privilege::Namespace)).changes(),
    row("clone", [56, 120, 220], Nobody, MakeNamespace(0)).when(AnyBit(0, NAMESPACES | UNTRACED)),
    row("clone3", [435, 435, 435], Nobody, Clone3),

    row("sethostname", [170, 74, 161], Nobody, Needs(Privilege::HostName)),
    row("setdomainname", [171, 121, 162], Nobody, Needs(Privilege::HostName)),
    row("syslog", [103, 103, 116], Nobody, Needs(Privilege::KernelLog)),
    row("reboot", [169, 88, 142], Nobody, Needs(Privilege::Reboot)),
    row("kexec_load", [246, 283, 104], Nobody, Needs(Privilege::Reboot)),
    row("kexec_file_load", [320, NONE, 294], Descriptor(0), Needs(Privilege::Reboot)),
    row("init_module", [175, 128, 105], Nobody, Needs(Privilege::KernelModule)),
    row("finit_module", [313, 350, 273], Descriptor(0), Needs(Privilege::KernelModule)),
    row("delete_module", [176, 129, 106], Nobody, Needs(Privilege::KernelModule)),
    row("stime", [NONE, 25, NONE], Nobody, Needs(Privilege::Clock)),
    row("settimeofday", [164, 79, 170], Nobody, Needs(Privilege::Clock)),
    row("clock_settime", [227, 264, 112], Nobody, Needs(Privilege::Clock)),
    row("clock_settime64", [NONE, 404, NONE], Nobody, Needs(Privilege::Clock)),
    row("adjtimex", [159, 124, 171], Nobody, Needs(Privilege::Clock)),
    row("clock_adjtime", [305, 343, 266], Nobody, Needs(Privilege::Clock)),
    row("perf_event_open", [298, 336, 241], Nobody, Needs(Privilege::Performance)),
    row("bpf", [321, 357, 280], Nobody, Needs(Privilege::Bpf)),
    row("userfaultfd", [323, 374, 282], Nobody, Needs(Privilege::Userfaultfd)),
    row("nice", [NONE, 34, NONE], Nobody, Needs(Privilege::Priority)),
    row("setpriority", [141, 97, 140], Process(1), Needs(Privilege::Priority)).when(Equals(0, ONE_PROCESS)),
    row("setpriority", [141, 97, 140], Nobody, Needs(Privilege::Priority)).when(Nonzero(0)),
    row("sched_setscheduler", [144, 156, 119], Process(0), Needs(Privilege::Priority)),
    row("sched_setparam", [142, 154, 118], Process(0), Needs(Privilege::Priority)),
    row("sched_setattr", [314, 351, 274], Process(0), Needs(Privilege::Priority)),
    row("sched_setaffinity", [203, 241, 122], Process(0), Other),
    row("ioprio_set", [251, 289, 30], Process(1), Needs(Privilege::Priority)).when(Equals(0, ONE_PROCESS_IO)),
    row("ioprio_set", [251, 289, 30], Nobody, Needs(Privilege::Priority)).when(NoBit(0, ONE_PROCESS_IO)),
    row("mlock", [149, 150, 228], Nobody, Needs(Privilege::LockedMemory)),
    row("mlock2", [325, 376, 284], Nobody, Needs(Privilege::LockedMemory)),
    row("mlockall", [151, 152, 230], Nobody, Needs(Privilege::LockedMemory)),
    row("iopl", [172, 110, NONE], Nobody, Other),
    row("ioperm", [173, 101, NONE], Nobody, Other),
    row("vhangup", [153, 111, 58], Nobody, Other),
    row("fanotify_init", [300, 338, 262], Nobody, Other),
    row("add_key", [248, 286, 217], Nobody, Needs(Privilege::Keyring)),
    row("request_key", [249, 287, 218], Nobody, Needs(Privilege::Keyring)),
    row("keyctl", [250, 288, 219], Nobody, Needs(Privilege::Keyring)),
    row("shmget", [29, 395, 194], Nobody, Other),
    row("shmat", [30, 397, 196], Nobody, Other),
    row("shmctl", [31, 396, 195], Nobody, Other),
    row("semget", [64, 393, 190], Nobody, Other),
    row("semctl", [66, 394, 191], Nobody, Other),
    row("msgget", [68, 399, 186], Nobody, Other),
    row("msgctl", [71, 402, 187], Nobody, Other),
    row("mq_open", [240, 277, 180], Nobody, Other),
    row("mq_unlink", [241, 278, 181], Nobody, Other),
    row("setrlimit", [160, 75, 164], Nobody, Needs(Privilege::Limits)),
    row("prlimit64", [302, 340, 261], Process(0), Needs(Privilege::Limits)).when(Nonzero(2)),

    row("seccomp", [317, 354, 277], Nobody, Filter),
    row("prctl", [157, 172, 167], Nobody, Filter).when(Equals(0, SET_SECCOMP)),
    row("prctl", [157, 172, 167], Nobody, Confine).when(Equals(0, SET_NO_NEW_PRIVS)),
    row("prctl", [157, 172, 167], Nobody, Other).when(Equals(0, DROP_BOUND)).changes(),
    row("prctl", [157, 172, 167], Nobody, Other).when(Equals(0, SET_SECURE_BITS)).changes(),
    row("prctl", [157, 172, 167], Nobody, Other).when(Equals(0, SET_MEMORY_MAP)),
    row("prctl", [157, 172, 167], Nobody, Other).when(Equals(0, AMBIENT)),
    row("landlock_restrict_self", [446, 446, 446], Nobody, Confine),
    row("io_uring_setup", [425, 425, 425], Nobody, Ring),
];

/// The row for a number in an ABI; the first one if a call has several.
#[must_use]
pub fn find(abi: Abi, number: u64) -> Option<&'static Row> {
    let number = u32::try_from(number).ok()?;
    CALLS.iter().find(|row| row.number(abi) == Some(number))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// The system call numbers in the kernel headers of the C library, if installed.
    fn numbers(header: &str, prefix: &str) -> Option<HashMap<String, i64>> {
        let text = std::fs::read_to_string(header).ok()?;
        let numbers = text.lines().filter_map(|line| {
            let mut words = line.strip_prefix("#define ")?.split_whitespace();
            let name = words.next()?.strip_prefix(prefix)?;
            Some((name.to_owned(), words.next()?.parse().ok()?))
        });
        Some(numbers.collect())
    }

    #[test]
    fn the_numbers_are_those_of_the_kernels_headers() {
        let headers = [
            (Abi::X86_64, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
            (Abi::I386, "/usr/include/x86_64-linux-gnu/asm/unistd_32.h"),
            (Abi::Generic, "/usr/include/asm-generic/unistd.h"),
        ];
        for (abi, header) in headers {
            let Some(known) = numbers(header, "__NR_") else {
                continue;
            };
            // Some have another name in the generic table, for both sizes of the machine word.
            let both = numbers(header, "__NR3264_").unwrap_or_default();
            for row in CALLS {
                let Some(number) = row.number(abi) else {
                    continue;
                };
                let name = match (abi, row.name) {
                    (
                        Abi::I386,
                        name @ ("setuid" | "setreuid" | "setresuid" | "setfsuid" | "setgid"
                        | "setregid" | "setresgid" | "setfsgid" | "setgroups"),
                    ) => {
                        format!("{name}32")
                    }
                    (Abi::Generic, "newfstatat") => "fstatat".to_owned(),
                    (_, name) => name.to_owned(),
                };
                let expected = known.get(&name).or_else(|| both.get(&name));
                if let Some(&expected) = expected {
                    assert_eq!(i64::from(number), expected, "{name} in {header}");
                } else {
                    assert!(number > 440, "{name} is not in {header}");
                }
            }
        }
    }

    #[test]
    fn rows_of_one_call_differ_in_which_uses_they_watch() {
        for (at, row) in CALLS.iter().enumerate() {
            for other in &CALLS[at + 1..] {
                for abi in [Abi::X86_64, Abi::I386, Abi::Generic] {
                    let same = row.number(abi).is_some() && row.number(abi) == other.number(abi);
                    assert!(
                        !same || row.when != other.when,
                        "{} and {}",
                        row.name,
                        other.name
                    );
                }
            }
        }
    }
}

//! System calls that a sandbox refuses: a seccomp filter is installed before permwrap or the command is executed.

use std::sync::Arc;

use nix::libc;

use crate::run::{Fault, same_under};

/// Calls that permwrap makes at startup or later, and the command does not. futex is not included: a C library with threads
/// aborts with a message if it is refused.
const CALLS: &[(&str, libc::c_long)] = &[
    ("chdir", libc::SYS_chdir),
    ("clone", libc::SYS_clone),
    ("clone3", libc::SYS_clone3),
    ("close_range", libc::SYS_close_range),
    ("dup3", libc::SYS_dup3),
    ("epoll_create1", libc::SYS_epoll_create1),
    ("epoll_ctl", libc::SYS_epoll_ctl),
    ("fcntl", libc::SYS_fcntl),
    ("getdents64", libc::SYS_getdents64),
    ("getppid", libc::SYS_getppid),
    ("getrandom", libc::SYS_getrandom),
    ("getsid", libc::SYS_getsid),
    ("inotify_add_watch", libc::SYS_inotify_add_watch),
    ("inotify_init1", libc::SYS_inotify_init1),
    ("ioctl", libc::SYS_ioctl),
    ("kill", libc::SYS_kill),
    ("lseek", libc::SYS_lseek),
    ("pipe2", libc::SYS_pipe2),
    ("prctl", libc::SYS_prctl),
    ("ppoll", libc::SYS_ppoll),
    ("prlimit64", libc::SYS_prlimit64),
    ("pwritev2", libc::SYS_pwritev2),
    ("readlinkat", libc::SYS_readlinkat),
    ("rt_sigaction", libc::SYS_rt_sigaction),
    ("rt_sigprocmask", libc::SYS_rt_sigprocmask),
    ("rt_sigtimedwait", libc::SYS_rt_sigtimedwait),
    ("sendto", libc::SYS_sendto),
    ("setpgid", libc::SYS_setpgid),
    ("setsid", libc::SYS_setsid),
    ("signalfd4", libc::SYS_signalfd4),
    ("socketpair", libc::SYS_socketpair),
    ("statx", libc::SYS_statx),
    ("wait4", libc::SYS_wait4),
    ("waitid", libc::SYS_waitid),
    #[cfg(target_arch = "x86_64")]
    ("poll", libc::SYS_poll),
    #[cfg(target_arch = "x86_64")]
    ("readlink", libc::SYS_readlink),
];

/// Calls that open a descriptor, and that the command does not make.
const OPENING: &[libc::c_long] = &[
    libc::SYS_epoll_create1,
    libc::SYS_eventfd2,
    libc::SYS_inotify_init1,
    libc::SYS_memfd_create,
    libc::SYS_pidfd_open,
    libc::SYS_pipe2,
    libc::SYS_signalfd4,
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_timerfd_create,
];

/// Makes every later one of these calls fail with this error number (seccomp(2), `SECCOMP_MODE_FILTER`).
fn refusing(calls: &[libc::c_long], errno: i32) -> Fault {
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let jump = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    // The first field of struct seccomp_data is the system call number.
    let mut filter = vec![step(load, 0, 0, 0)];
    for call in calls {
        filter.push(step(jump, 0, 1, *call as u32));
        filter.push(step(answer, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32));
    }
    filter.push(step(answer, 0, 0, libc::SECCOMP_RET_ALLOW));
    Arc::new(move || {
        let mut filter = filter.clone();
        let program = libc::sock_fprog {
            len: filter.len() as u16,
            filter: filter.as_mut_ptr(),
        };
        // SAFETY: the program and its filter outlive the calls, which copy them.
        let done = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                && libc::prctl(
                    libc::PR_SET_SECCOMP,
                    libc::SECCOMP_MODE_FILTER,
                    &raw const program,
                ) == 0
        };
        if done {
            Ok(())
        } else {
            Err(std::io::Error::last_os_error())
        }
    })
}

#[test]
fn whichever_call_is_refused_the_command_runs_as_it_does_bare() {
    let faults = CALLS.iter().flat_map(|&(name, call)| {
        [libc::EPERM, libc::ENOSYS].map(|errno| {
            (
                format!("{name} refused with {errno}"),
                refusing(&[call], errno),
            )
        })
    });
    same_under(faults);
}

#[test]
fn where_the_system_has_no_more_files_the_command_runs_as_it_does_bare() {
    let each = OPENING.iter().map(std::slice::from_ref);
    let faults = each.chain([OPENING]).map(|calls| {
        let what = format!("no file for {calls:?}");
        (what, refusing(calls, libc::ENFILE))
    });
    same_under(faults);
}

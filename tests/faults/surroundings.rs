//! Resources that permwrap inspects do not respond, do not exist, or are full.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::termios::{LocalModes, tcgetattr};

use crate::run::{COMMAND, Channel, children, compare, none, start};
use crate::support::{forked, needs_root, own_mounts, permwrap, shell, skip};

/// Compares with these mounts, in a mount namespace of the test's own, with each type of stderr.
fn same_with(script: &str, prepare: impl Fn()) {
    forked(|| {
        own_mounts();
        prepare();
        for channel in Channel::ALL {
            if let Err(difference) = compare(script, channel, &none()) {
                panic!("{difference}");
            }
        }
    });
}

#[test]
fn without_proc_the_command_runs_all_the_same() {
    if needs_root() {
        same_with(COMMAND, || shell("mount -t tmpfs none /proc"));
    }
}

#[test]
fn without_dev_too() {
    if needs_root() {
        same_with(COMMAND, || {
            shell("mount -t tmpfs none /proc; mount -t tmpfs none /sys; rm -f /mnt/null")
        });
    }
}

#[test]
fn a_full_disk_takes_what_it_takes_from_the_command_bare() {
    if !needs_root() {
        return;
    }
    let script = "exec 2>/mnt/small/log; echo begun >&2; head -c 300000 /dev/zero >&2; echo $?; \
        echo 'cat: /nowhere: Permission denied' >&2; tail -c 20 /mnt/small/log | tr '\\0' 0; exit 3";
    same_with(script, || {
        shell("mkdir /mnt/small; mount -t tmpfs -o size=64k none /mnt/small")
    });
}

#[test]
fn a_file_server_that_never_answers_costs_a_hint_and_nothing_else() {
    if !needs_root() {
        return;
    }
    if !Path::new("/dev/fuse").exists() {
        skip("no FUSE in this kernel");
        return;
    }
    let script = "echo out; echo 'cat: /mnt/dead/file: Permission denied' >&2; exit 7";
    forked(|| {
        own_mounts();
        std::fs::create_dir("/mnt/dead").expect("a directory");
        serve_nothing_on("/mnt/dead");
        for channel in Channel::ALL {
            if let Err(difference) = compare(script, channel, &none()) {
                panic!("{difference}");
            }
        }
    });
}

#[test]
fn a_file_server_beside_the_object_is_not_asked() {
    if !needs_root() {
        return;
    }
    if !Path::new("/dev/fuse").exists() {
        skip("no FUSE in this kernel");
        return;
    }
    forked(|| {
        own_mounts();
        shell(
            "mkdir -p /mnt/tree/dead /mnt/roots/dead; install -m 640 /dev/null /mnt/tree/f; install -m 640 /dev/null /mnt/roots/f
             chown 65534 /mnt/tree",
        );
        for top in ["/mnt/tree", "/mnt/roots"] {
            serve_nothing_on(&format!("{top}/dead"));
            let asked = std::process::Command::new("timeout")
                .args([
                    "-s",
                    "KILL",
                    "60",
                    env!("CARGO_BIN_EXE_permwrap"),
                    "why",
                    "write",
                ])
                .args([&format!("{top}/f"), "--as", "nobody"])
                .output()
                .expect("timeout");
            assert_eq!(asked.status.code(), Some(1), "{top}: {asked:?}");
        }
    });
}

/// A FUSE server that accepts every request and answers only the first, with which the kernel initialises it. When this process
/// ends, the kernel aborts the pending requests.
fn serve_nothing_on(place: &str) {
    let mut requests = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .expect("root may open it");
    let options = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0,allow_other",
        requests.as_raw_fd()
    );
    mount(
        Some("dead"),
        place,
        Some("fuse.dead"),
        MsFlags::empty(),
        Some(options.as_str()),
    )
    .expect("root may mount");
    std::thread::spawn(move || {
        let mut request = vec![0; 1 << 20];
        let Ok(count) = requests.read(&mut request) else {
            return;
        };
        assert!(count >= 40, "struct fuse_in_header");
        // struct fuse_out_header (length, error, request number), struct fuse_init_out (version 7.31, no options).
        let mut answer = Vec::new();
        answer.extend(80_u32.to_ne_bytes());
        answer.extend(0_i32.to_ne_bytes());
        answer.extend_from_slice(&request[8..16]);
        answer.extend(7_u32.to_ne_bytes());
        answer.extend(31_u32.to_ne_bytes());
        answer.extend(65536_u32.to_ne_bytes());
        answer.extend(0_u32.to_ne_bytes());
        answer.extend(10_u16.to_ne_bytes());
        answer.extend(10_u16.to_ne_bytes());
        answer.extend(65536_u32.to_ne_bytes());
        answer.resize(80, 0);
        requests
            .write_all(&answer)
            .expect("the kernel takes the greeting");
        while requests.read(&mut request).is_ok() {}
    });
}

#[test]
fn killing_the_wrapper_and_the_monitor_together_does_not_leave_the_terminal_raw() {
    // The outer shell is needed because the kernel hangs up a terminal whose session leader ends.
    let script = format!("{} -- /bin/sleep 30; exec sleep 30", permwrap().display());
    let running = start(&["/bin/sh", "-c", &script], Channel::Terminal, &none());
    let terminal = running
        .user
        .try_clone()
        .expect("a descriptor can be duplicated");
    let is_raw =
        || tcgetattr(&terminal).is_ok_and(|modes| !modes.local_modes.contains(LocalModes::ICANON));
    until("the terminal is raw", is_raw);
    let wrapper = children(running.pid())[0];
    // These are the sentinel and the monitor; the monitor's children are the command and the listener.
    let helpers = children(wrapper);
    until("the command runs", || {
        helpers.iter().any(|&pid| children(pid).len() == 2)
    });
    for pid in helpers.into_iter().chain([wrapper]) {
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it is ours");
    }
    until("the terminal is as it was", || !is_raw());
    kill(Pid::from_raw(running.pid()), Signal::SIGKILL).expect("the shell is there");
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

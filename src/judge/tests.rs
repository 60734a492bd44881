//! Individual cases, in the notation of facts.

mod inferred;
mod policy;

use super::{Class, Code, Denial, Obstacle, Rule, Verdict, judge};
use crate::attempt::{Errno, Operation};
use crate::facts::notation::Scene;
use crate::facts::{Facts, Perms};

/// The verdict on a notation.
fn verdict(text: &str) -> (Verdict, Facts) {
    let Scene { attempt, facts } = text
        .parse()
        .unwrap_or_else(|trouble| panic!("{trouble}\n{text}"));
    let verdict = judge(
        &attempt.subject,
        &attempt.operation,
        &attempt.object,
        &facts,
    );
    (verdict, facts)
}

/// The refusal as text: `EACCES dir-not-searchable /srv`.
fn refusal(text: &str) -> String {
    match verdict(text) {
        (
            Verdict::Denied(Denial {
                errno, code, at, ..
            }),
            facts,
        ) => {
            let path = |node| String::from_utf8_lossy(&facts.node(node).path).into_owned();
            let at = match at {
                Obstacle::Node(node) => path(node),
                Obstacle::Mount(mount, _) => {
                    format!(
                        "mount {}",
                        String::from_utf8_lossy(&facts.mounts[mount.0].point)
                    )
                }
                Obstacle::Port(port) => format!("port {port}"),
                Obstacle::Setting(name) => name,
                Obstacle::Process => "process".to_owned(),
            };
            format!("{errno} {} {at}", code.name())
        }
        (Verdict::Fails { errno, .. }, _) => format!("{errno}"),
        (Verdict::Allowed, _) => "allowed".to_owned(),
        (Verdict::Unclear(unknown), _) => format!("unclear: {}", unknown.what),
    }
}

/// Adds the names that most cases use: alice (1000), her group, and www (33).
fn scene(subject: &str, attempt: &str, files: &str) -> String {
    refusal(&format!(
        "subject {subject}\nattempt {attempt}\n{files}\nuser 1000 alice\ngroup 1000 alice\ngroup 33 www"
    ))
}

#[test]
fn a_directory_on_the_way_is_named_not_the_file() {
    let files = "drwxr-x--- root www /srv\nunseen /srv/file ?EACCES";
    assert_eq!(
        scene("alice alice", "read /srv/file", files),
        "EACCES dir-not-searchable /srv"
    );
}

#[test]
fn the_owner_class_wins_over_the_others() {
    let (verdict, _) =
        verdict("subject 1000 1000 groups=33\nattempt read /f\n---xrw-rw- 1000 33 /f");
    let Verdict::Denied(denial) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(denial.code, Code::ModeDenies);
    assert_eq!(
        denial.rule,
        Rule::Class {
            class: Class::Owner,
            granted: Perms::X,
            wanted: Perms::R
        }
    );
}

#[test]
fn an_acl_entry_grants_what_the_bits_do_not() {
    let files = "-rw-r-----+ root root /f\nuser:alice:r--\ngroup::---";
    assert_eq!(scene("alice alice", "read /f", files), "allowed");
    assert_eq!(
        scene("alice alice", "write /f", files),
        "EACCES acl-denies /f"
    );
}

#[test]
fn a_mask_takes_away_what_the_entry_grants() {
    let files = "-rw-r-----+ root root /f\nuser:alice:rw-\ngroup::---";
    assert_eq!(
        scene("alice alice", "write /f", files),
        "EACCES acl-mask-denies /f"
    );
}

#[test]
fn an_empty_mask_passes_over_the_acl() {
    let files = "-rw----r--+ root root /f\nuser:alice:-w-\ngroup::rwx";
    assert_eq!(scene("alice alice", "read /f", files), "allowed");
    assert_eq!(
        scene("alice alice", "write /f", files),
        "EACCES acl-mask-denies /f"
    );
}

#[test]
fn a_group_of_the_database_that_the_process_lacks_is_told() {
    let files = "-rw-rw---- root www /f";
    assert_eq!(
        scene("alice alice database=www", "write /f", files),
        "EACCES group-not-active /f"
    );
    let files = "-rw-r----- root www /f";
    assert_eq!(
        scene("alice alice database=www", "write /f", files),
        "EACCES mode-denies /f"
    );
    assert_eq!(
        scene("alice alice database=www", "read /f", files),
        "EACCES group-not-active /f"
    );
}

#[test]
fn root_needs_its_capabilities() {
    let files = "-rw------- alice alice /f";
    assert_eq!(scene("root root", "read /f", files), "allowed");
    assert_eq!(
        scene("root root caps=chown", "read /f", files),
        "EACCES missing-capability /f"
    );
    assert_eq!(
        scene("root root caps=dac_read_search", "read /f", files),
        "allowed"
    );
    assert_eq!(
        scene("root root caps=dac_read_search", "write /f", files),
        "EACCES missing-capability /f"
    );
}

#[test]
fn root_of_a_user_namespace_has_no_power_over_strangers() {
    let subject = "alice alice caps=full userns uid_map=1000+1 gid_map=1000+1";
    assert_eq!(
        scene(subject, "read /f", "-rw------- root root /f"),
        "EACCES unmapped-owner /f"
    );
    assert_eq!(
        scene(subject, "chmod /f", "-rw------- root root /f"),
        "EPERM unmapped-owner /f"
    );
}

#[test]
fn nobody_runs_what_has_no_x_bit() {
    let files = "-rw-r--r-- root root /f";
    assert_eq!(
        scene("root root", "exec /f", files),
        "EACCES not-executable /f"
    );
}

#[test]
fn the_bind_mount_is_named_not_the_disk() {
    let files = "drwxr-xr-x root root /d\n-rw-rw-rw- root root /d/f\nmount / ext4 rw\nmount /d ext4 ro root=/x";
    assert_eq!(
        scene("alice alice", "write /d/f", files),
        "EROFS read-only-mount mount /d"
    );
    assert_eq!(scene("alice alice", "read /d/f", files), "allowed");
}

#[test]
fn permissions_come_before_a_read_only_mount_but_not_before_a_read_only_file_system() {
    let file = "drwxr-xr-x root root /d\n-rw-r--r-- root root /d/f\n";
    let bind = format!("{file}mount /d ext4 ro");
    assert_eq!(
        scene("alice alice", "write /d/f", &bind),
        "EACCES mode-denies /d/f"
    );
    let disk = format!("{file}mount /d ext4 ro super=ro");
    assert_eq!(
        scene("alice alice", "write /d/f", &disk),
        "EROFS read-only-mount mount /d"
    );
}

#[test]
fn unread_facts_that_cannot_matter_do_not() {
    let files = "-rw-r--r-- root root /f acl=?EACCES flags=?EACCES default=?EACCES";
    assert_eq!(scene("root root", "read /f", files), "allowed");
    assert_eq!(scene("alice alice", "read /f", files), "unclear: ACL");
    let files = "-rw----r-- root root /f acl=?EACCES";
    assert_eq!(scene("alice alice", "read /f", files), "allowed");
}

#[test]
fn an_interpreter_that_cannot_be_run_is_named() {
    let files = "-rwxr-xr-x root root /f program=script:/i\n-rw-r--r-- root root /i";
    assert_eq!(
        scene("alice alice", "exec /f", files),
        "EACCES interpreter-denied /i"
    );
    let files = "-rwxr-xr-x root root /f program=script:/i\nmissing /i";
    assert_eq!(
        scene("alice alice", "exec /f", files),
        Errno::NoEnt.symbol()
    );
}

#[test]
fn a_fuse_mount_of_another_user_keeps_even_root_out() {
    let files = "?????????? ? ? /m ?EACCES\nunseen /m/f ?EACCES\nmount /m fuse.sshfs rw super=user_id=1000,group_id=1000";
    assert_eq!(
        scene("root root", "read /m/f", files),
        "EACCES fuse-other-user mount /m"
    );
}

#[test]
fn vfat_keeps_no_special_bits_and_may_let_others_set_times() {
    let on_vfat = |subject: &str, operation: Operation, options: &str| {
        let files =
            "drwxr-xr-x 1000 1000 /m\n-rwxr-xr-x 1000 1000 /m/f\nmount /m vfat rw super=uid=1000";
        let text = format!("subject {subject}\nattempt read /m/f\n{files}{options}");
        let Scene { attempt, facts } = text
            .parse()
            .unwrap_or_else(|trouble| panic!("{trouble}\n{text}"));
        match judge(&attempt.subject, &operation, &attempt.object, &facts) {
            Verdict::Denied(denial) => denial.code.name(),
            Verdict::Allowed => "allowed",
            _ => "unclear",
        }
    };
    let chmod = |mode, options| on_vfat("1000 1000", Operation::Chmod(Some(mode)), options);
    assert_eq!(chmod(0o4755, ""), "fs-without-permissions");
    assert_eq!(chmod(0o4755, ",quiet"), "allowed");
    assert_eq!(chmod(0o755, ""), "allowed");
    let utime = |options| on_vfat("1001 1001", Operation::Utime { now: false }, options);
    assert_eq!(utime(""), "not-owner");
    assert_eq!(utime(",allow_utime=0020"), "not-owner");
    assert_eq!(utime(",allow_utime=0022"), "allowed");
}

#[test]
fn low_ports_need_a_capability() {
    let setting = "setting net.ipv4.ip_unprivileged_port_start 1024";
    assert_eq!(
        scene("alice alice", "bind 0.0.0.0:80", setting),
        "EACCES privileged-port port 80"
    );
    assert_eq!(
        scene("alice alice", "bind 0.0.0.0:8080", setting),
        "allowed"
    );
    assert_eq!(scene("root root", "bind 0.0.0.0:80", setting), "allowed");
}

#[test]
fn settings_keep_privileges_from_ordinary_users() {
    let setting = "setting kernel.dmesg_restrict 1\nsetting kernel.yama.ptrace_scope 1\nsetting kernel.modules_disabled 0";
    let tries = |subject, operation: &str| scene(subject, &format!("{operation} -"), setting);
    assert_eq!(
        tries("alice alice", "dmesg"),
        "EPERM sysctl-restricts kernel.dmesg_restrict"
    );
    assert_eq!(tries("alice alice caps=syslog", "dmesg"), "allowed");
    assert_eq!(
        tries("alice alice", "ptrace"),
        "EPERM sysctl-restricts kernel.yama.ptrace_scope"
    );
    assert_eq!(
        tries("alice alice", "module"),
        "EPERM missing-capability process"
    );
    assert_eq!(tries("root root", "module"), "allowed");
    assert_eq!(
        tries("alice alice", "settime"),
        "EPERM missing-capability process"
    );
    let off = "setting kernel.modules_disabled 1\nsetting user.max_user_namespaces 0\nsetting kernel.dmesg_restrict 0";
    assert_eq!(
        scene("root root", "module -", off),
        "EPERM sysctl-restricts kernel.modules_disabled"
    );
    assert_eq!(
        scene("root root", "userns -", off),
        "EPERM sysctl-restricts user.max_user_namespaces"
    );
    assert_eq!(scene("alice alice", "dmesg -", off), "allowed");
}

#[test]
fn the_device_of_the_kernels_log_is_as_restricted_as_the_log() {
    let tries = |subject, value| {
        let log = "drwxr-xr-x root root /dev\ncrw-r--r-- root root /dev/kmsg rdev=1:11";
        let setting = format!("setting kernel.dmesg_restrict {value}");
        scene(subject, "read /dev/kmsg", &format!("{log}\n{setting}"))
    };
    assert_eq!(
        tries("alice alice", 1),
        "EPERM sysctl-restricts kernel.dmesg_restrict"
    );
    assert_ne!(tries("alice alice", 0), tries("alice alice", 1));
    assert_ne!(tries("alice alice caps=syslog", 1), tries("alice alice", 1));
}

#[test]
fn sshd_asks_of_every_directory_up_to_the_home() {
    let keys = |home: &str, above: &str| {
        scene(
            "alice alice",
            "sshd-strict-modes /home/alice/.ssh/authorized_keys",
            &format!(
                "{above} root root /home\n{home} alice alice /home/alice\n\
                 drwx------ alice alice /home/alice/.ssh\n\
                 -rw------- alice alice /home/alice/.ssh/authorized_keys"
            ),
        )
    };
    assert_eq!(keys("drwxr-xr-x", "drwxrwxr-x"), "allowed");
    assert_eq!(
        keys("drwxrwxr-x", "drwxr-xr-x"),
        "EACCES program-policy /home/alice"
    );
}

#[test]
fn names_of_the_kernels_own_file_systems_are_for_nobody_to_change() {
    let files = "drwxr-xr-x root root /
        dr-xr-xr-x root root /sys
        -r--r--r-- root root /sys/notes
        --w------- root root /sys/trigger
        missing /sys/new
        mount / ext4 rw
        mount /sys sysfs rw";
    let sys = |attempt: &str| scene("root root", attempt, files);
    assert_eq!(sys("mkdir /sys/new"), "EPERM never-permitted /sys");
    assert_eq!(sys("delete /sys/notes"), "EPERM never-permitted /sys");
    assert_eq!(sys("create /sys/new"), "EACCES never-permitted /sys");
    assert_eq!(sys("write /sys/notes"), "EACCES never-permitted /sys/notes");
    assert_eq!(
        sys("read /sys/trigger"),
        "EACCES never-permitted /sys/trigger"
    );
    assert_eq!(sys("read /sys/notes"), "allowed");
}

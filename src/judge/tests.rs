//! Named cases, in the text notation of facts.

use super::{Class, Code, Denial, Obstacle, Rule, Verdict, judge};
use crate::attempt::Errno;
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

/// What refuses, as text: `EACCES dir-not-searchable /srv`.
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
        (Verdict::Unclear(unread), _) => format!("unclear: {}", unread.what),
    }
}

/// The files of most cases: alice (1000), her group and www (33).
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

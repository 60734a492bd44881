//! What is inferred from the error number that the kernel answered.

use crate::attempt::Errno;
use crate::facts::notation::Scene;
use crate::judge::infer;

/// The inferred refusal as text, given the reported error number.
fn inferred(subject: &str, reported: &str, files: &str) -> String {
    let text = format!(
        "subject {subject}\nattempt read /m/f\nanswer {reported}\n{files}\nuser 1000 alice"
    );
    let Scene { attempt, facts } = text
        .parse()
        .unwrap_or_else(|trouble| panic!("{trouble}\n{text}"));
    let errno = attempt.errno.expect("it is given");
    match infer(
        &attempt.subject,
        &attempt.operation,
        &attempt.object,
        &facts,
        errno,
    ) {
        Some(denial) => format!(
            "{} {} {:?}",
            denial.errno,
            denial.code.name(),
            denial.certainty
        ),
        None => "nothing".to_owned(),
    }
}

#[test]
fn a_mount_that_has_gone_refuses_by_its_options() {
    let gone = |answer: &str, option: &str| {
        let files = format!("mount /m tmpfs {option}\n?????????? 0 0 /m\nunseen /m/f ?ENOENT");
        inferred("alice 1000", answer, &files)
    };
    assert_eq!(gone("EROFS", "ro"), "EROFS read-only-mount Inferred");
    assert_eq!(gone("EROFS", "rw"), "nothing");
    assert_eq!(gone("EACCES", "ro"), "nothing");
    // It was to be read, not run.
    assert_eq!(gone("EACCES", "rw,noexec"), "nothing");
}

#[test]
fn what_the_facts_do_not_explain_is_put_to_what_is_in_force() {
    let files = "drwxr-xr-x 0 0 /m\n-rw-rw-rw- 0 0 /m/f\n";
    let with = |more: &str| format!("{files}{more}");
    assert_eq!(inferred("alice 1000", "EACCES", files), "nothing");
    let nfs = with("mount /m nfs4 rw");
    assert_eq!(
        inferred("root root", "EACCES", &nfs),
        "EACCES nfs-root-squash Inferred"
    );
    assert_eq!(
        inferred("alice 1000", "EACCES", &nfs),
        "EACCES server-denies Inferred"
    );
    assert_eq!(
        inferred("alice 1000", "EROFS", &nfs),
        "EROFS read-only-mount Inferred"
    );
    let vfat = with("mount /m vfat rw");
    assert_eq!(
        inferred("alice 1000", "EACCES", &vfat),
        "EACCES fs-without-permissions Inferred"
    );
    let selinux = with("setting lsm capability,selinux\nsetting selinux enforcing");
    assert_eq!(
        inferred("alice 1000", "EACCES", &selinux),
        "EACCES selinux-denies Inferred"
    );
    let permissive = with("setting lsm capability,selinux\nsetting selinux permissive");
    assert_eq!(inferred("alice 1000", "EACCES", &permissive), "nothing");
    let landlock = with("setting lsm capability,landlock");
    assert_eq!(
        inferred("alice 1000 no_new_privs", "EACCES", &landlock),
        "EACCES landlock-denies Inferred"
    );
    assert_eq!(inferred("alice 1000", "EACCES", &landlock), "nothing");
    assert_eq!(
        inferred("alice 1000 seccomp", "EPERM", files),
        "nothing",
        "a filter cannot look at a path"
    );
    let apparmor = with("setting lsm capability,apparmor");
    assert_eq!(
        inferred("alice 1000 label=unconfined", "EACCES", &apparmor),
        "nothing"
    );
    assert_eq!(
        inferred(
            "alice 1000 label=snap.app\\x20(enforce)",
            "EACCES",
            &apparmor
        ),
        "EACCES apparmor-denies Inferred"
    );
    for label in [
        "snap.app\\x20(complain)",
        "chrome\\x20(unconfined)",
        "docker-default\\x20(enforce)",
    ] {
        let subject = format!("alice 1000 label={label}");
        assert_eq!(
            inferred(&subject, "EACCES", &apparmor),
            "nothing",
            "{label}"
        );
    }
}

#[test]
fn a_signal_that_is_answered_with_eacces_was_refused_by_a_module() {
    let label = "label=app\\x20(enforce)";
    for (label, code) in [(label, "apparmor-denies"), ("", "nothing")] {
        let text =
            format!("subject alice 1000 {label}\nattempt signal -\nanswer EACCES\nuser 1000 alice");
        let Scene { attempt, facts } = text
            .parse()
            .unwrap_or_else(|trouble| panic!("{trouble}\n{text}"));
        let found = infer(
            &attempt.subject,
            &attempt.operation,
            &attempt.object,
            &facts,
            Errno::Acces,
        );
        assert_eq!(found.map_or("nothing", |denial| denial.code.name()), code);
    }
}

#[test]
fn a_line_of_the_log_proves_a_module_s_refusal() {
    let files = "drwxr-xr-x 0 0 /m\n-rw-rw-rw- 0 0 /m/f\n";
    for (line, code) in [
        (
            "type=AVC msg=audit(1.2:3): avc:  denied  { read } for  pid=1",
            "selinux-denies",
        ),
        (
            "audit: type=1400 apparmor=\"DENIED\" operation=\"open\"",
            "apparmor-denies",
        ),
        (
            "audit: type=1423 domain=195ba459b blockers=fs.read_file",
            "landlock-denies",
        ),
        (
            "audit: type=1326 auid=1000 syscall=257 code=0x50001",
            "seccomp-denies",
        ),
    ] {
        let said = inferred("alice 1000", "EACCES", &format!("{files}log {line}"));
        assert_eq!(said, format!("EACCES {code} Proven"));
    }
}

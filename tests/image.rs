//! Runs in an image that contains only permwrap and one static program: no /proc, no /etc, no libraries, no shell. It uses the
//! statically linked permwrap (`cargo build --release --target x86_64-unknown-linux-musl`), or the one given by
//! `PERMWRAP_STATIC`.
//!
//! Debian packages: gcc libc6-dev mount.

mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use support::{
    become_user, forked, needs_programs, needs_root, own_mounts, repository, shell, skip,
};

/// Tries to open the given file, prints the error with perror(3), and exits with 3 if it was refused.
const PROGRAM: &str = r#"
#include <fcntl.h>
#include <stdio.h>
int main(int argc, char **argv) {
    if (open(argv[1], O_RDONLY) >= 0) return 0;
    fprintf(stderr, "cat: %s: ", argv[1]);
    fflush(stderr);
    perror(0);
    return 3;
}
"#;

/// The permwrap of the image, which has no /dev/null.
fn permwrap() -> Command {
    let mut command = Command::new("/permwrap");
    command.stdin(Stdio::inherit());
    command
}

fn static_permwrap() -> Option<PathBuf> {
    let built = repository().join("target/x86_64-unknown-linux-musl/release/permwrap");
    let named = std::env::var_os("PERMWRAP_STATIC").map(PathBuf::from);
    let found = named.or_else(|| Some(built).filter(|built| built.exists()));
    if found.is_none() {
        skip("no statically linked permwrap was built");
    }
    found
}

/// Prepares the image at /mnt, and runs the script there as root, outside of the image.
fn in_image(script: &str, act: impl FnOnce()) {
    let Some(permwrap) = static_permwrap() else {
        return;
    };
    if !needs_root() || !needs_programs(&["gcc"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (source, program) = (
        folder.path().join("program.c"),
        folder.path().join("program"),
    );
    std::fs::write(&source, PROGRAM).expect("it can be written");
    let built = Command::new("gcc")
        .args(["-static", "-o"])
        .args([&program, &source])
        .status();
    assert!(built.is_ok_and(|status| status.success()), "gcc -static");
    forked(|| {
        own_mounts();
        shell(&format!(
            "cp {} /mnt/permwrap; cp {} /mnt/program",
            permwrap.display(),
            program.display()
        ));
        shell(script);
        nix::unistd::chroot("/mnt").expect("root may");
        std::env::set_current_dir("/").expect("it is there");
        act();
    });
}

#[test]
fn a_refusal_is_explained_where_nothing_else_is() {
    in_image("mkdir -m 700 /mnt/closed; touch /mnt/closed/file", || {
        become_user(1234, 1234, &[]);
        let ran = permwrap()
            .args(["--", "/program", "/closed/file"])
            .env_clear()
            .output();
        let ran = ran.expect("it can be executed");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(3), "{said}");
        assert!(
            said.starts_with("cat: /closed/file: Permission denied\n"),
            "{said}"
        );
        assert!(
            said.contains("permwrap: cannot read /closed/file\n"),
            "{said}"
        );
        assert!(
            said.contains("uid 1234 may not pass through /closed"),
            "{said}"
        );
    });
}

#[test]
fn options_and_subcommands_are_understood() {
    in_image("touch /mnt/file", || {
        let ran = permwrap()
            .args(["--report", "/r.json", "--", "/program", "/file"])
            .output();
        assert!(ran.expect("it can be executed").status.success());
        assert!(std::fs::read_to_string("/r.json").is_ok_and(|text| text.contains("\"/program\"")));
        let why = permwrap()
            .args(["why", "write", "/file", "--as", "7:7"])
            .output();
        let why = why.expect("it can be executed");
        assert_eq!(
            why.status.code(),
            Some(1),
            "{}",
            String::from_utf8_lossy(&why.stdout)
        );
    });
}

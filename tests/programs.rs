//! Real programs fail as an ordinary user, and the detector finds in their messages what was refused.
//!
//! Debian packages: bsdextrautils, busybox-static, bzip2, cmake, cpio, curl, dnsmasq-base, e2fsprogs, fish, gawk, gcc, git, gnupg,
//! jq, ksh93u+m, logrotate, lua5.4, make, netcat-openbsd, ninja-build, nodejs, openssh-client, openssl, patch, perl,
//! php-cli, procps, psmisc, python3, redis-tools, rsync, ruby, socat, sqlite3, strace, tcl, tcsh, tmux, unzip, util-linux,
//! vim-tiny, wget, xz-utils, zip, zsh.

mod support;

use std::sync::Arc;

use permwrap::attempt::{Errno, Incident};
use permwrap::detect::{Patterns, incidents_of};
use support::{World, needs_programs};

/// A program, what it is made to do, and what its message says.
struct Case {
    program: &'static str,
    script: &'static str,
    errno: Option<&'static str>,
    /// The path as printed; `None` if the program names none. A trailing `*` matches any ending.
    path: Option<&'static str>,
    operation: Option<&'static str>,
}

const fn case(
    program: &'static str,
    script: &'static str,
    errno: &'static str,
    path: &'static str,
    operation: &'static str,
) -> Case {
    Case {
        program,
        script,
        errno: said(errno),
        path: said(path),
        operation: said(operation),
    }
}

const fn said(text: &'static str) -> Option<&'static str> {
    if text.is_empty() { None } else { Some(text) }
}

/// The scene for every case: files and directories of root, some of which alice may access and some not.
const SCENE: &str = r#"
    mkdir -p /srv/app/config /srv/app/logs /srv/closed /srv/ro /home/alice/work/out
    echo secret > /srv/app/config/settings.yml; chmod 600 /srv/app/config/settings.yml
    printf '#!/bin/sh\n' > /srv/app/run.sh; chmod 644 /srv/app/run.sh
    echo line > /srv/app/logs/app.log
    chmod 700 /srv/closed
    cd /home/alice/work; echo in > input.txt; echo 'int main(void){return 0;}' > a.c
    printf '#!/bin/sh\n' > build.sh; chmod 644 build.sh
    chown -R alice: /home/alice; chown root: out
    mount -t tmpfs -o ro none /srv/ro
"#;

/// Runs the cases whose program is installed (in strict runs, all of them).
fn check(cases: &[Case]) {
    let Some(world) = World::new() else { return };
    world.root(SCENE);
    let patterns = Arc::new(Patterns::builtin());
    let mut mistakes = Vec::new();
    let mut programs: Vec<&str> = cases.iter().map(|case| case.program).collect();
    programs.dedup();
    programs.retain(|program| needs_programs(&[program]));
    for case in cases.iter().filter(|case| programs.contains(&case.program)) {
        let script = format!("cd work; exec 2>&1; {}", case.script);
        let ran = world.run("alice", &format!("timeout 20 bash -c {}", quoted(&script)));
        let found = incidents_of(ran.stdout().as_bytes(), &patterns);
        if !found.iter().any(|incident| fits(case, incident)) {
            mistakes.push(format!(
                "{}\n  wanted {:?} {:?} {:?}\n  found {found:#?}\n  in {ran}",
                case.script, case.errno, case.path, case.operation
            ));
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n\n"));
}

fn quoted(script: &str) -> String {
    format!("'{}'", script.replace('\'', r"'\''"))
}

fn fits(case: &Case, incident: &Incident) -> bool {
    let path = incident
        .paths
        .first()
        .map(|path| String::from_utf8_lossy(path));
    let path_fits = match (case.path, path.as_deref()) {
        (Some(wanted), Some(got)) => match wanted.strip_suffix('*') {
            Some(beginning) => got.starts_with(beginning),
            None => got == wanted,
        },
        (wanted, got) => wanted == got,
    };
    let operation = incident
        .operations
        .first()
        .map(|operation| operation.name());
    path_fits
        && incident.errno.map(Errno::symbol) == case.errno
        && (case.operation.is_none() || operation == case.operation)
}

#[test]
fn files_and_archives() {
    check(&[
        case(
            "cp",
            "cp input.txt /srv/app/",
            "EACCES",
            "/srv/app/input.txt",
            "create",
        ),
        case(
            "cp",
            "cp input.txt /srv/ro/",
            "EROFS",
            "/srv/ro/input.txt",
            "create",
        ),
        case(
            "chmod",
            "chmod 777 /srv/app/run.sh",
            "EPERM",
            "/srv/app/run.sh",
            "chmod",
        ),
        case("find", "find /srv/closed", "EACCES", "/srv/closed", ""),
        case(
            "tar",
            "tar cf /srv/app/x.tar input.txt",
            "EACCES",
            "/srv/app/x.tar",
            "",
        ),
        case(
            "rsync",
            "rsync input.txt /srv/app/",
            "EACCES",
            "/srv/app/.input.txt.*",
            "create",
        ),
        case(
            "rsync",
            "rsync -a /srv/closed/ copy",
            "EACCES",
            "/srv/closed",
            "traverse",
        ),
        case(
            "patch",
            "echo | patch -i /srv/app/config/settings.yml",
            "EACCES",
            "/srv/app/config/settings.yml",
            "",
        ),
        case(
            "bzip2",
            "bzip2 /srv/app/run.sh",
            "EACCES",
            "/srv/app/run.sh.bz2",
            "create",
        ),
        case(
            "xz",
            "xz /srv/app/run.sh",
            "EACCES",
            "/srv/app/run.sh.xz",
            "",
        ),
        case(
            "cpio",
            "echo input.txt | cpio -o -O /srv/app/x",
            "EACCES",
            "/srv/app/x",
            "",
        ),
        case(
            "zip",
            "zip /srv/app/x.zip input.txt",
            "EACCES",
            "/srv/app/x.zip",
            "create",
        ),
        case(
            "unzip",
            "zip -q a.zip input.txt; unzip a.zip -d /srv/app",
            "EACCES",
            "/srv/app/input.txt",
            "create",
        ),
        case(
            "sed",
            "sed -i s/a/b/ /srv/app/run.sh",
            "EACCES",
            "/srv/app/sed*",
            "",
        ),
        case(
            "gawk",
            "gawk 'BEGIN{print > \"/srv/app/x\"}'",
            "EACCES",
            "/srv/app/x",
            "",
        ),
        case("lsattr", "chattr +i input.txt", "EPERM", "input.txt", ""),
        case(
            "hexdump",
            "hexdump /srv/app/config/settings.yml",
            "EACCES",
            "/srv/app/config/settings.yml",
            "",
        ),
        case(
            "logrotate",
            "logrotate -s /srv/app/state /etc/logrotate.conf",
            "EACCES",
            "/srv/app/state",
            "create",
        ),
        case(
            "jq",
            "jq . /srv/app/config/settings.yml",
            "EACCES",
            "/srv/app/config/settings.yml",
            "",
        ),
        case(
            "busybox",
            "busybox mkdir /srv/ro/x",
            "EROFS",
            "/srv/ro/x",
            "mkdir",
        ),
        case(
            "busybox",
            "busybox cat /srv/app/config/settings.yml",
            "EACCES",
            "/srv/app/config/settings.yml",
            "",
        ),
    ]);
}

#[test]
fn shells() {
    check(&[
        case(
            "bash",
            "bash -c ': > /srv/app/x'",
            "EACCES",
            "/srv/app/x",
            "",
        ),
        case(
            "dash",
            "dash -c ': > /srv/app/x'",
            "EACCES",
            "/srv/app/x",
            "create",
        ),
        case("dash", "dash -c ./build.sh", "EACCES", "./build.sh", ""),
        case(
            "zsh",
            "zsh -fc ': > /srv/app/x'",
            "EACCES",
            "/srv/app/x",
            "",
        ),
        case(
            "fish",
            "fish -c 'echo x > /srv/app/x'",
            "EACCES",
            "/srv/app/x",
            "",
        ),
        case(
            "ksh",
            "ksh -c ': > /srv/app/x'",
            "EACCES",
            "/srv/app/x",
            "create",
        ),
        case(
            "tcsh",
            "tcsh -fc 'echo > /srv/app/x'",
            "EACCES",
            "/srv/app/x",
            "",
        ),
        case("bash", "bash -c 'kill -9 1'", "EPERM", "", "signal"),
    ]);
}

#[test]
fn languages() {
    check(&[
        case(
            "python3",
            "python3 -c 'open(\"/srv/app/x\", \"w\")'",
            "EACCES",
            "/srv/app/x",
            "",
        ),
        case(
            "python3",
            "python3 -c 'import os; os.makedirs(\"/srv/ro/a/b\")'",
            "EROFS",
            "/srv/ro/a",
            "mkdir",
        ),
        case(
            "node",
            "node -e 'fs.mkdirSync(\"/srv/app/x\")'",
            "EACCES",
            "/srv/app/x",
            "mkdir",
        ),
        case(
            "ruby",
            "ruby -e 'File.write(\"/srv/app/x\", \"\")'",
            "EACCES",
            "/srv/app/x",
            "",
        ),
        case(
            "perl",
            "perl -e 'mkdir \"/srv/app/x\" or die \"mkdir /srv/app/x: $!\"'",
            "EACCES",
            "/srv/app/x",
            "mkdir",
        ),
        case(
            "php",
            "php -r 'unlink(\"/srv/app/run.sh\");'",
            "EACCES",
            "/srv/app/run.sh",
            "delete",
        ),
        case(
            "lua5.4",
            "lua5.4 -e 'io.lines(\"/srv/app/config/settings.yml\")'",
            "EACCES",
            "/srv/app/config/settings.yml",
            "",
        ),
        case(
            "tclsh",
            "echo 'file mkdir /srv/app/x' | tclsh",
            "EACCES",
            "/srv/app/x",
            "mkdir",
        ),
        case(
            "tclsh",
            "echo 'exec ./build.sh' | tclsh",
            "EACCES",
            "./build.sh",
            "exec",
        ),
    ]);
}

#[test]
fn builds() {
    check(&[
        case(
            "make",
            "printf 'all:\\n\\t./build.sh\\n' > Makefile; make",
            "EACCES",
            "./build.sh",
            "exec",
        ),
        case(
            "make",
            "make -C /srv/closed",
            "EACCES",
            "/srv/closed",
            "traverse",
        ),
        case(
            "gcc",
            "gcc a.c -o /srv/app/a",
            "EACCES",
            "/srv/app/a",
            "write",
        ),
        case(
            "gcc",
            "gcc -c a.c -o out/a.o",
            "EACCES",
            "out/a.o",
            "create",
        ),
        case(
            "cmake",
            "cmake -E tar cf /srv/app/x input.txt",
            "EACCES",
            "/srv/app/x",
            "write",
        ),
        case(
            "cmake",
            "cmake -E create_symlink a /srv/app/l",
            "EACCES",
            "/srv/app/l",
            "symlink",
        ),
        case(
            "ninja",
            "ninja -C /srv/closed",
            "EACCES",
            "/srv/closed",
            "traverse",
        ),
        case(
            "git",
            "git init -q /srv/app/repo",
            "EACCES",
            "/srv/app/repo*",
            "",
        ),
        case(
            "vi",
            "TERM=dumb vi -es -V1 -u NONE -c 'w /srv/app/x' -c q! input.txt",
            "",
            "/srv/app/x",
            "write",
        ),
    ]);
}

#[test]
fn servers_and_networks() {
    check(&[
        case(
            "curl",
            "curl -o /srv/app/x file:///etc/passwd",
            "EACCES",
            "/srv/app/x",
            "",
        ),
        case(
            "wget",
            "wget -o /srv/app/log http://127.0.0.1:9/",
            "EACCES",
            "/srv/app/log",
            "",
        ),
        case(
            "socat",
            "socat - OPEN:/srv/app/config/settings.yml",
            "EACCES",
            "/srv/app/config/settings.yml",
            "",
        ),
        case(
            "socat",
            "socat UNIX-LISTEN:/srv/app/s -",
            "EACCES",
            "/srv/app/s",
            "bind",
        ),
        case("nc", "nc -lU /srv/app/s", "EACCES", "", ""),
        case(
            "gpg",
            "gpg --batch -o /srv/app/x -c --passphrase a input.txt",
            "EACCES",
            "/srv/app/x",
            "create",
        ),
        case(
            "openssl",
            "openssl rand -out /srv/app/x 4",
            "EACCES",
            "/srv/app/x",
            "write",
        ),
        case(
            "ssh-keygen",
            "ssh-keygen -q -N '' -f /srv/app/k",
            "EACCES",
            "/srv/app/k",
            "write",
        ),
        case(
            "ssh-keygen",
            "ssh-keygen -y -f /srv/app/config/settings.yml",
            "EACCES",
            "/srv/app/config/settings.yml",
            "",
        ),
        case(
            "sqlite3",
            "sqlite3 /srv/closed/x.db 'create table t(a)'",
            "",
            "/srv/closed/x.db",
            "",
        ),
        case(
            "redis-cli",
            "redis-cli -s /srv/closed/r.sock ping",
            "EACCES",
            "/srv/closed/r.sock",
            "connect",
        ),
        case(
            "tmux",
            "tmux -S /srv/app/t new -d",
            "EACCES",
            "/srv/app/t",
            "create",
        ),
        case(
            "dnsmasq",
            "dnsmasq -d -p 0 -C /srv/app/config/settings.yml",
            "EACCES",
            "/srv/app/config/settings.yml",
            "read",
        ),
    ]);
}

#[test]
fn processes_and_the_system() {
    check(&[
        case(
            "strace",
            "strace ./build.sh",
            "EACCES",
            "./build.sh",
            "exec",
        ),
        case("nohup", "nohup ./build.sh", "EACCES", "./build.sh", "exec"),
        case("killall", "killall -u root", "EPERM", "", "signal"),
        case("unshare", "unshare --mount true", "EPERM", "", ""),
        case("renice", "renice -n -5 -p 1", "EPERM", "", ""),
        case(
            "flock",
            "flock /srv/app/lock true",
            "EACCES",
            "/srv/app/lock",
            "",
        ),
        case("runuser", "runuser -u bob true", "", "", ""),
        case(
            "sysctl",
            "sysctl -w kernel.panic=1",
            "EACCES",
            "/proc/sys/kernel/panic",
            "write",
        ),
    ]);
}

//! Compares with strace(1): the same refused calls with the same objects and counts, the same output and the same end.

use std::collections::BTreeMap;

use crate::scene::report_of;
use crate::support::{World, needs_programs, share};

/// A tree with something inaccessible in many places.
const SCENE: &str = r#"
umask 022; cd /srv
mkdir -p tree/open/deep tree/closed/deep tree/listable tree/enterable bin
touch tree/open/mine tree/open/deep/a tree/closed/f tree/listable/f tree/enterable/f tree/open/secret
ln -s ../closed/f tree/open/link; ln -s nowhere tree/open/dangling
chmod 700 tree/closed; chmod 744 tree/listable; chmod 711 tree/enterable; chmod 600 tree/open/secret
printf 'print("hello")\n' >tree/open/hello.py; printf '#!/bin/sh\necho run\n' >bin/greet; chmod 644 bin/greet
chmod 777 tree
"#;

/// Commands to be run by a user to whom much of it is refused.
const COMMANDS: &[&str] = &[
    "ls -laR tree",
    "find tree -type f -newer /etc/passwd",
    "find tree -name f -exec cat {} +",
    "tar -cf /dev/null tree",
    "cp -a tree copy",
    "du -s tree",
    "grep -r hello tree",
    "chmod -R u+w tree",
    "chown -R root tree",
    "rm -rf tree",
    "mv tree/open/mine tree/open/yours",
    "ln tree/open/secret tree/hard",
    "touch tree/open/mine tree/closed/new /etc/new",
    "mkdir -p tree/closed/a/b",
    "rmdir tree/open",
    "install -m 644 tree/open/mine /usr/bin/mine",
    "dd if=tree/open/secret of=/dev/null status=none",
    "python3 tree/open/hello.py",
    "python3 -c 'import os; os.listdir(\"tree/closed\")'",
    "python3 -c 'import socket; socket.socket().bind((\"127.0.0.1\", 80))'",
    "perl -e 'open F, \"<\", \"tree/closed/f\" or exit 3'",
    "env PATH=/srv/bin:/srv/tree/closed:/usr/bin:/bin greet",
    "bash -c 'cd tree/closed || echo no; . tree/closed/f; exec tree/open/mine'",
    "sh -c 'for i in 1 2 3 4 5 6 7 8 9; do cat tree/closed/f; done; ls tree/listable'",
    "xargs -P 4 -n 1 cat tree/closed/f tree/open/secret",
    "truncate -s 0 /etc/passwd",
    "python3 -c 'import os; os.setxattr(\"tree/open/mine\", \"user.x\", b\"y\")'",
    "unshare --map-root-user cat tree/closed/f",
];

/// A real program that fails, or that probes: what it needs, its command line, and what the hint must say (nothing: no hint).
struct Real(&'static str, &'static str, &'static str);

/// `shut` is closed to the user, and `theirs` and everything in it may only be read. Programs that wait before they try again
/// come last.
#[rustfmt::skip]
const REAL: &[Real] = &[
    Real("command -v git && git init -q theirs", "git -c safe.directory=* -C theirs commit --allow-empty -m x", "cannot create /srv/theirs/.git/index.lock"),
    Real("command -v sqlite3", "sqlite3 theirs/file 'create table t(a)'", "may read /srv/theirs/file, but not write it"),
    Real("command -v lsof", "lsof -a -p 1,2,3,4,5,6 tree/open/mine", ""),
    Real("command -v bwrap", "bwrap --ro-bind / / --dev /dev cat shut/file", "may not pass through /srv/shut"),
    Real("command -v node", "node -e 'require(\"fs\").readFileSync(\"shut/file\")'", "cannot read /srv/shut/file"),
    Real("command -v openssl", "openssl req -new -newkey rsa:1024 -nodes -subj /CN=x -keyout shut/key.pem", "/srv/shut/key.pem"),
    Real("command -v make && printf 'all:\\n\\techo x >theirs/out\\n' >Makefile", "make", "cannot create /srv/theirs/out"),
    Real("command -v rsync", "rsync -a shut/ /tmp/copy/", "may not pass through /srv/shut"),
    Real("command -v curl", "curl -s -o theirs/page file:///etc/hostname", "cannot create /srv/theirs/page"),
    Real("command -v ssh-keygen", "ssh-keygen -q -t ed25519 -N '' -f shut/id", "may not pass through /srv/shut"),
    Real("command -v vim", "vim -es -u NONE -c 'w! theirs/new' -c q", "may not create anything in /srv/theirs"),
    Real("command -v gcc", "gcc -o theirs/o -x c -c /dev/null", "cannot create /srv/theirs/o"),
    Real("command -v psql", "psql -h /srv/shut -c 'select 1'", "cannot connect to /srv/shut/.s.PGSQL.5432"),
    Real("command -v perl", "perl -MFile::Copy -e 'copy(\"/etc/hostname\", \"theirs/h\") or exit 4'", "cannot create /srv/theirs/h"),
    Real("command -v ruby", "ruby -e 'File.write(\"theirs/y\", 1)'", "cannot create /srv/theirs/y"),
    Real("command -v php", "php -r 'file_put_contents(\"theirs/y\", 1) or exit(3);'", "cannot create /srv/theirs/y"),
    Real("command -v npm", "npm --version", ""),
    Real("gcc -m32 -o bin/narrow -x c - <<<'#include <fcntl.h>\nint main() { return open(\"shut/file\", O_RDONLY) < 0 ? 4 : 0; }'", "bin/narrow", "cannot read /srv/shut/file"),
    Real("gcc -m32 -o bin/port -x c - <<<'#include <netinet/in.h>\nint main() { struct sockaddr_in at = { AF_INET, 0x5000 }; return bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&at, sizeof at) ? 4 : 0; }'", "bin/port", "cannot listen on 0.0.0.0:80"),
    Real("command -v perl", "perl -MSocket -e 'socket(S, AF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, 36, 1) or exit 4'", "CAP_NET_ADMIN"),
    Real("gcc -static -o bin/static -x c - <<<'#include <fcntl.h>\nint main() { return open(\"shut/file\", O_RDONLY) < 0 ? 4 : 0; }'", "bin/static", "cannot read /srv/shut/file"),
    Real("command -v go && cd /tmp && echo 'package main; import \"os\"; func main() { if _, err := os.Open(\"shut/file\"); err != nil { os.Exit(4) } }' >go.go && HOME=/tmp CGO_ENABLED=0 go build -o /srv/bin/go go.go", "bin/go", "cannot read /srv/shut/file"),
    Real("command -v sed", "sed -i s/a/b/ theirs/file", "may not create anything in /srv/theirs"),
    Real("command -v tee", "tee theirs/file", "may read /srv/theirs/file, but not write it"),
    Real("command -v sort", "sort -o theirs/file theirs/file", "may read /srv/theirs/file, but not write it"),
    Real("command -v gzip", "gzip theirs/file", "cannot create /srv/theirs/file.gz"),
    Real("command -v xz", "xz theirs/file", "cannot create /srv/theirs/file.xz"),
    Real("command -v zstd", "zstd -q theirs/file", "cannot create /srv/theirs/file.zst"),
    Real("command -v unzip && python3 -m zipfile -c a.zip theirs/file", "unzip -q a.zip -d shut/there", "/srv/shut"),
    Real("command -v ar", "ar rc theirs/lib.a theirs/file", "cannot create /srv/theirs/lib.a"),
    Real("command -v mkfifo", "mkfifo theirs/pipe", "/srv/theirs/pipe"),
    Real("command -v ln", "ln -s x theirs/link", "/srv/theirs/link"),
    Real("command -v mktemp", "mktemp -p theirs", "may not create anything in /srv/theirs"),
    Real("command -v flock", "flock theirs/lock true", "cannot create /srv/theirs/lock"),
    Real("command -v setfacl", "setfacl -m u:alice:rw theirs/file", "/srv/theirs/file"),
    Real("command -v ssh", "ssh -F shut/config nowhere.invalid true", "/srv/shut"),
    Real("command -v diff", "diff -r shut tree/open", "cannot list /srv/shut"),
    Real("command -v file", "file shut/file", ""),
    Real("command -v renice", "renice -n -5 -p 1", "CAP_SYS_NICE"),
    Real("command -v taskset", "taskset -p 1 1", "process 1"),
    Real("command -v ionice", "ionice -c 1 true", "CAP_SYS_"),
    Real("command -v unshare", "unshare --mount true", "CAP_SYS_ADMIN"),
    Real("command -v chroot", "chroot / true", "CAP_SYS_CHROOT"),
    Real("command -v nsenter", "nsenter -t 1 -m true", "/proc/1"),
    Real("command -v patch && printf -- '--- a\\n+++ b\\n@@ -1 +1 @@\\n-a\\n+b\\n' >p && echo a >theirs/file", "patch -i p theirs/file", "/srv/theirs"),
    Real("command -v cpio", "sh -c 'echo shut/file | cpio -o --quiet >/dev/null'", "may not pass through /srv/shut"),
    Real("command -v gpg", "gpg --homedir shut/gpg --batch --list-keys", "/srv/shut"),
    Real("command -v uwsgi", "uwsgi --http-socket 127.0.0.1:80", "cannot listen on 127.0.0.1:80"),
    Real("django-admin startproject shop && chown -R alice shop", "sh -c 'python3 shop/manage.py runserver --noreload 127.0.0.1:80 >/dev/null'", "cannot listen on 127.0.0.1:80"),
    Real("command -v gunicorn", "gunicorn -b 127.0.0.1:80 hello", "cannot listen on 127.0.0.1:80"),
];

/// What the names begin with that programs make up.
const MADE_UP: &[&str] = &["sed", "tmp.", "file.o"];

/// The scene of the real programs.
const PLACES: &str = "mkdir -m 700 shut; echo a >shut/file; mkdir theirs; touch theirs/file";

#[test]
fn every_refused_call_that_strace_shows_is_there_and_no_other() {
    if !needs_programs(&["strace", "python3", "perl"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    let mut wrong = Vec::new();
    let mut count = 0;
    let commands: Vec<&str> = share(COMMANDS.iter().copied(), 3).collect();
    for command in &commands {
        let compared = compare(&world, SCENE, command);
        count += compared.count;
        wrong.extend(compared.differences);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        count >= commands.len() as u64,
        "strace showed {count} refused calls"
    );
}

#[test]
fn real_programs_are_seen_as_by_strace_and_get_the_right_hint() {
    if !needs_programs(&["strace"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    let mut wrong = Vec::new();
    let mut missing = Vec::new();
    for Real(needs, command, hint) in share(REAL, 4) {
        let scene = format!("{SCENE}{PLACES}\n{needs}");
        if !world
            .run("root", &format!("set -e; rm -rf /srv/*; {scene}"))
            .output
            .status
            .success()
        {
            missing.push(*command);
            continue;
        }
        let compared = compare(&world, &scene, command);
        wrong.extend(compared.differences);
        let stderr = world.root("cat /tmp/stderr").stdout();
        let is_right = match *hint {
            "" => !stderr.contains("permwrap: "),
            hint => stderr.contains(hint),
        };
        if !is_right {
            wrong.push(format!("{command}: not {hint:?}\n{stderr}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if !missing.is_empty() {
        crate::support::skip(&format!("cannot run: {}", missing.join("; ")));
    }
}

/// What a comparison has shown.
struct Compared {
    differences: Vec<String>,
    /// How many refused calls strace showed.
    count: u64,
}

/// Runs the command bare, under strace, and traced by permwrap, each time in a new scene.
fn compare(world: &World, scene: &str, command: &str) -> Compared {
    let run = |wrapped: &str| {
        world.root(&format!("rm -rf /srv/* /tmp/copy; {scene}"));
        world.run("alice", &format!("cd /srv; {wrapped} </dev/null"))
    };
    let bare = run(command);
    run(&format!(
        "strace -f -s 4096 -o /tmp/trace {command} 2>/dev/null"
    ));
    let traced = run(&format!(
        "permwrap --trace --report /tmp/report.json -- {command} 2>/tmp/stderr"
    ));
    let mut differences = Vec::new();
    if (traced.code(), traced.stdout()) != (bare.code(), bare.stdout()) {
        differences.push(format!("{command}: bare {bare}\ntraced {traced}"));
    }
    let expected = refused(&world.root("cat /tmp/trace").stdout());
    let mut seen: BTreeMap<Refused, u64> = BTreeMap::new();
    for call in report_of(world, "/tmp/report.json") {
        let text = |field: &str| call[field].as_str().unwrap_or_default().to_owned();
        *seen
            .entry((text("call"), text("errno"), last(&text("path"))))
            .or_default() += call["count"].as_u64().unwrap_or(0);
    }
    if seen != expected {
        differences.push(format!(
            "{command}\n  strace: {expected:?}\n  permwrap: {seen:?}"
        ));
    }
    Compared {
        differences,
        count: expected.values().sum(),
    }
}

/// The name of a call, its error number, and the last component of the path of its object.
type Refused = (String, String, String);

/// The refused calls in the output of strace.
fn refused(trace: &str) -> BTreeMap<Refused, u64> {
    let mut unfinished: BTreeMap<&str, String> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for line in trace.lines() {
        let (pid, rest) = line.split_once(' ').unwrap_or_default();
        let rest = rest.trim_start();
        let whole = if let Some(start) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(pid, start.to_owned());
            continue;
        } else if rest.starts_with("<... ") {
            let start = unfinished.remove(pid).unwrap_or_default();
            format!(
                "{start}{}",
                rest.split_once("resumed>").map_or("", |(_, end)| end)
            )
        } else {
            rest.to_owned()
        };
        let Some((call, end)) = whole.rsplit_once(" = -1 ") else {
            continue;
        };
        let errno = end.split(' ').next().unwrap_or_default();
        let name = call.split('(').next().unwrap_or_default();
        let watched = permwrap::run::trace::table::CALLS
            .iter()
            .any(|row| row.name == name);
        if ["EACCES", "EPERM", "EROFS"].contains(&errno) && watched {
            // The first path of mount(2) is the source, that of a symlink what it leads to. In an Internet address, the quoted
            // text is the host.
            let is_second = ["mount", "symlink", "symlinkat"].contains(&name);
            let which = if is_second { 3 } else { 1 };
            let quoted = call.split('"').nth(which);
            let quoted = quoted.filter(|_| !call.contains("AF_INET"));
            let path = quoted.unwrap_or_default();
            let key = (name.to_owned(), errno.to_owned(), last(path));
            *found.entry(key).or_default() += 1;
        }
    }
    found
}

/// The last component of a path, without what mkstemp(3) makes up.
fn last(path: &str) -> String {
    let name = path.trim_end_matches('/').rsplit('/').next();
    let name = name.unwrap_or_default();
    let made_up = MADE_UP.iter().find(|begin| name.starts_with(**begin));
    made_up.copied().unwrap_or(name).to_owned()
}

//! Compares with strace(1): the same refused calls with the same objects and counts, the same output and the same end.

use std::collections::BTreeMap;

use crate::scene::report_of;
use crate::support::{World, needs_programs, share};

/// A tree with something inaccessible in many places.
const SCENE: &str = r#"
cd /srv
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
        world.root(&format!("rm -rf /srv/*; {SCENE}"));
        let bare = world.run("alice", &format!("cd /srv; {command} </dev/null"));
        world.root(&format!("rm -rf /srv/*; {SCENE}"));
        world.run(
            "alice",
            &format!("cd /srv; strace -f -s 4096 -o /tmp/trace {command} </dev/null"),
        );
        world.root(&format!("rm -rf /srv/*; {SCENE}"));
        let traced = world.run(
            "alice",
            &format!("cd /srv; permwrap --trace --report /tmp/report.json -- {command} </dev/null 2>/tmp/stderr"),
        );
        if (traced.code(), traced.stdout()) != (bare.code(), bare.stdout()) {
            wrong.push(format!("{command}: bare {bare}\ntraced {traced}"));
        }
        let expected = refused(&world.root("cat /tmp/trace").stdout());
        let mut seen: BTreeMap<Refused, u64> = BTreeMap::new();
        for call in report_of(&world, "/tmp/report.json") {
            let text = |field: &str| call[field].as_str().unwrap_or_default().to_owned();
            *seen
                .entry((text("call"), text("errno"), last(&text("path"))))
                .or_default() += call["count"].as_u64().unwrap_or(0);
        }
        count += expected.values().sum::<u64>();
        if seen != expected {
            wrong.push(format!(
                "{command}\n  strace: {expected:?}\n  permwrap: {seen:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        count >= commands.len() as u64,
        "strace showed {count} refused calls"
    );
}

/// The name of a call, its error number, and the last component of its first path.
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
            // In an Internet address, the quoted text is the host.
            let quoted = call.split('"').nth(1).filter(|_| !call.contains("AF_INET"));
            let path = quoted.unwrap_or_default();
            let key = (name.to_owned(), errno.to_owned(), last(path));
            *found.entry(key).or_default() += 1;
        }
    }
    found
}

fn last(path: &str) -> String {
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned()
}

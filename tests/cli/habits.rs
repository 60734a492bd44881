//! Knowledge about what a program usually does determines the operation, as long as the error number agrees.

use crate::support::{World, needs_programs};

/// Runs this command as alice, and returns everything reported.
fn told(world: &World, command: &str) -> String {
    world
        .run("alice", &format!("permwrap -- {command}"))
        .stderr()
}

/// Checks that the hint contains all of the words `holds` and none of `not`.
fn check(world: &World, command: &str, holds: &[&str], not: &[&str]) {
    expects(command, &told(world, command), holds, not);
}

fn expects(command: &str, hint: &str, holds: &[&str], not: &[&str]) {
    for words in holds {
        assert!(
            hint.contains(words),
            "{words:?} is missing\n{command}\n{hint}"
        );
    }
    for words in not {
        assert!(
            !hint.contains(words),
            "{words:?} is there\n{command}\n{hint}"
        );
    }
}

fn world() -> Option<World> {
    let world = World::new()?;
    world.root(
        "install -d /srv/app && install -d -m 750 -o www -g www /srv/app/data &&
         echo h >/srv/app/pub && install -m 640 -o deploy -g www /dev/null /srv/app/log &&
         install -d -m 1777 /srv/st && install -m 666 -o bob /dev/null /srv/st/bobs",
    );
    world.run("alice", "echo 'int main(){}' > m.c");
    Some(world)
}

#[test]
fn an_option_tells_what_is_done_with_a_file() {
    let Some(world) = world() else { return };
    let read = "cannot read /srv/app/log";
    check(&world, "dd if=/srv/app/log of=copy", &[read], &[]);
    let write = "cannot write /srv/app/log";
    check(&world, "dd if=m.c of=/srv/app/log", &[write], &[]);
    check(
        &world,
        "touch -d 2020-01-01 /srv/app/pub",
        &["cannot set the times of /srv/app/pub"],
        &[],
    );
    check(
        &world,
        "sort -o /srv/app/pub m.c",
        &["cannot write /srv/app/pub"],
        &[],
    );
    if needs_programs(&["tar"]) {
        check(
            &world,
            "tar czf /srv/app/b.tgz m.c",
            &["cannot create /srv/app/b.tgz"],
            &[],
        );
        let list = "cannot list /srv/app/data";
        check(&world, "tar cf x.tar /srv/app", &[read], &[]);
        check(&world, "tar cf x.tar /srv/app/data", &[list], &[]);
    }
}

#[test]
fn what_the_kernel_would_have_answered_otherwise_was_not_done() {
    let Some(world) = world() else { return };
    // Reading a file that does not exist cannot be refused.
    check(
        &world,
        "gzip /srv/app/pub",
        &["cannot create /srv/app/pub.gz"],
        &["not clear"],
    );
}

#[test]
fn a_directory_that_a_program_was_to_start_in_is_passed_through() {
    let Some(world) = world() else { return };
    if !needs_programs(&["python3"]) {
        return;
    }
    check(
        &world,
        "python3 -c 'import subprocess; subprocess.run([\"ls\"], cwd=\"/srv/app/data\")'",
        &[
            "cannot pass through /srv/app/data",
            "u:alice:--x /srv/app/data",
        ],
        &["cannot run"],
    );
}

#[test]
fn where_shell_code_went_is_where_a_name_lies() {
    let Some(world) = world() else { return };
    if !needs_programs(&["git"]) {
        return;
    }
    check(
        &world,
        "bash -c 'git init -q q; cd q; touch s; chmod 0 s; git add s'",
        &["permission denied for /home/alice/q/s", "chmod u+r"],
        &["/home/alice/s"],
    );
}

#[test]
fn a_name_is_joined_to_no_directory_that_nothing_tells() {
    let Some(world) = world() else { return };
    world.root("install -d -m 755 /srv/c/f /srv/c/1 /srv/c/2 /srv/e");
    for (command, lies) in [
        ("cd /srv/c; cd ../e; echo > x", "/srv/e/x"),
        ("cd /srv/c/f; cd ..; echo > x", "/srv/c/x"),
        ("pushd /srv/c; pushd /srv/e; echo > x", "/srv/e/x"),
    ] {
        let command = format!("bash -c '{command}'");
        check(&world, &command, &[lies], &["relative to a directory"]);
    }
    world
        .root("printf '#!/bin/sh\\ncd /srv/c\\ntouch x\\necho > y\\n' >/srv/s && chmod 755 /srv/s");
    for command in ["/srv/s", "sh /srv/s"] {
        check(&world, command, &["/srv/c/x"], &["nothing says which"]);
    }
    for command in [
        "echo /srv/c | while read d; do cd $d; echo > x; done",
        "for i in 1 2; do (cd /srv/c/$i; echo > x); done",
    ] {
        let command = format!("bash -c '{command}'");
        let not = ["sudo", "/srv/c/x", "/home/alice/x"];
        check(&world, &command, &["relative to a directory"], &not);
    }
}

#[test]
fn a_file_of_the_same_name_where_the_command_was_started_is_not_blamed() {
    let Some(world) = world() else { return };
    if !needs_programs(&["make", "python3"]) {
        return;
    }
    world.root(
        "install -d -o alice /srv/p /srv/p/sub; cd /srv/p
        echo x >data.txt; echo y >sub/data.txt; chown www sub/data.txt; chmod 600 sub/data.txt; echo data.txt >names; echo sub >where
        printf 'all:\\n\\tcd sub && truncate -s 0 data.txt\\n' >Makefile
        printf '#!/bin/sh\\ncd sub; ./inner.sh\\n' >outer.sh; printf '#!/bin/sh\\necho hi > data.txt\\n' >sub/inner.sh
        printf '#!/bin/sh\\ncd \"$(dirname \"$0\")\"/sub; ./inner.sh\\n' >own.sh; chmod 755 *.sh sub/*.sh
        printf 'import os\\nfrom multiprocessing import Pool\\ndef f(x):\\n  os.chdir(\"sub\"); open(\"data.txt\",\"w\")\\nwith Pool(1) as p: p.map(f,[1])\\n' >pool.py",
    );
    let there = |command: &str| {
        let ran = world.run("alice", &format!("cd /srv/p && permwrap -- {command}"));
        ran.stderr()
    };
    for command in [
        "make",
        "sh -c make",
        "timeout 5 sh -c 'cd sub && echo a > data.txt'",
        "permwrap -- sh -c 'cd sub && echo a > data.txt'",
        "sh -c 'env -C sub tee data.txt </dev/null'",
        "xargs -a names env -C sub touch data.txt",
        "./outer.sh",
        "python3 pool.py",
        "env -C sub tee data.txt </dev/null",
        "python3 -c 'import subprocess; subprocess.run([\"touch\",\"data.txt\"],cwd=\"sub\")'",
    ] {
        let hint = there(command);
        expects(
            command,
            &hint,
            &["/srv/p/sub/data.txt"],
            &["/srv/p/data.txt"],
        );
    }
    // What the shell could not change to is not where it was.
    world.root("install -d -m 750 -o bob -g bob /srv/p/closed");
    let hint = there("sh -c 'cd closed; cat sub/data.txt'");
    expects("cd closed", &hint, &["/srv/p/closed"], &["closed/sub"]);
    // Only running this tells where it goes, unless the shell is seen there.
    let hint = there("./own.sh");
    expects(
        "./own.sh",
        &hint,
        &["data.txt"],
        &["/srv/p/data.txt", "sudo"],
    );
    let hint = there("find sub -name data.txt -execdir touch {} \\;");
    assert!(!hint.contains("/srv/p/data.txt"), "{hint}");
    let hint = there("xargs -I{} sh -c 'cd {} && cat data.txt' <where");
    assert!(!hint.contains("{}/"), "{hint}");
    world.root("printf 'all:\\n\\ttruncate -s 0 data.txt\\n' >/srv/p/Makefile");
    check(
        &world,
        "make -C /srv/p",
        &["cannot write /srv/p/data.txt"],
        &["sub/data.txt"],
    );
}

#[test]
fn what_a_shell_appends_to_is_not_emptied() {
    let Some(world) = world() else { return };
    world.root("echo keep >/etc/app.conf");
    for command in [
        "sh -c 'echo x >> /etc/app.conf'",
        "sh -c 'exec 3>>/etc/app.conf'",
        "bash -c 'echo x >> /etc/app.conf'",
    ] {
        check(
            &world,
            command,
            &["cannot append to /etc/app.conf", "tee -a"],
            &[],
        );
    }
    check(
        &world,
        "sh -c 'echo x > /etc/app.conf'",
        &["sudo tee"],
        &["tee -a"],
    );
}

#[test]
fn what_sed_renames_over_is_the_file_that_it_was_given() {
    let Some(world) = world() else { return };
    check(
        &world,
        "sed -i s/b/c/ /srv/st/bobs",
        &["/srv/st is sticky"],
        &["sudo rm", "changed meanwhile"],
    );
}

#[test]
fn two_programs_that_name_one_file_tried_two_things() {
    let Some(world) = world() else { return };
    check(
        &world,
        "bash -c 'cat /srv/app/log; echo x >> /srv/app/log'",
        &["cannot read /srv/app/log", "cannot append to /srv/app/log"],
        &[],
    );
}

#[test]
fn a_later_hint_keeps_what_an_earlier_one_grants() {
    let Some(world) = world() else { return };
    check(
        &world,
        "bash -c 'ls /srv/app/data; touch /srv/app/data/x'",
        &["u:alice:r-x /srv/app/data", "u:alice:rwx /srv/app/data"],
        &["u:alice:--x", "u:alice:-wx"],
    );
}

#[test]
fn root_writes_for_a_shell_only_what_it_redirects_to_and_what_is_no_secret() {
    let Some(world) = world() else { return };
    world.root("ln -s /etc/motd /srv/st/link && chown -h bob /srv/st/link; touch /etc/motd");
    check(&world, "bash -c 'echo x > /etc/motd'", &["| sudo tee"], &[]);
    for command in [
        "bash -c 'echo x >> /etc/shadow'",
        "bash -c 'echo \"touch: cannot touch /etc/motd: Permission denied\" >&2'",
        "bash -c 'echo x >> /srv/st/link'",
    ] {
        check(&world, command, &[], &["sudo tee"]);
    }
}

#[test]
fn a_program_that_bears_the_name_of_an_administrators_is_not_run_as_root() {
    let Some(world) = world() else { return };
    world.run(
        "alice",
        "printf '#!/bin/sh\\necho \"mount: /mnt: must be superuser to use mount.\" >&2; exit 1\\n' > mount; chmod +x mount",
    );
    check(
        &world,
        "./mount /dev/sda /mnt",
        &["cannot mount /mnt"],
        &["sudo"],
    );
    if needs_programs(&["kill"]) {
        check(&world, "kill -9 1", &["cannot signal process 1"], &["sudo"]);
    }
}

#[test]
fn what_a_server_was_refused_is_no_matter_of_its_clients() {
    let Some(world) = world() else { return };
    world.run(
        "alice",
        r#"printf '#!/bin/sh\ncat message >&2; exit 1\n' > psql; chmod +x psql
           echo 'ERROR:  could not open file "/srv/app/log" for reading: Permission denied' > message"#,
    );
    check(
        &world,
        "./psql -c \"copy t from '/srv/app/log'\"",
        &["/srv/app/log", "the server that psql talks to"],
        &["setfacl"],
    );
}

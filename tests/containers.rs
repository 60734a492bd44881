//! Failures in real containers, observed from outside the engine: the explanation is correct inside the container, and the
//! fixes work.
//!
//! Debian packages: acl, bsdutils, busybox-static, conmon, podman, runc.

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use support::{Ran, World, answered, needs_programs, skip};

/// The engine of these tests, `/mnt/bin/engine` in a world.
const ENGINE: &str = include_str!("support/engine.sh");

/// A tree with a static program, and a volume that only its owner may read.
const SCENE: &str = r#"
    mkdir -p /srv/tree/bin /srv/tree/etc /srv/tree/data /srv/tree/proc /srv/tree/sys /srv/tree/dev /srv/shop
    cp "$(command -v busybox)" /srv/tree/bin/busybox
    for name in cat sh sleep touch; do ln -s busybox /srv/tree/bin/$name; done
    echo 'app:x:12345:12345::/:/bin/sh' > /srv/tree/etc/passwd
    echo x > /srv/shop/f && chmod 640 /srv/shop/f && chown -R deploy:team /srv/shop
"#;

/// Options for every run: the tree is the root directory, and the following words are the command.
const RUN: &str = "--network=none --user 12345:12345 -v /srv/shop:/data --rootfs /srv/tree";

/// Held by the test that runs containers: those of others, started at the same time, might have written the text as well.
static ALONE: Mutex<()> = Mutex::new(());

/// A world with a working engine; `None` if there is none.
fn world() -> Option<(World, MutexGuard<'static, ()>)> {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !needs_programs(&["podman", "runc", "conmon", "busybox", "setfacl"]) {
        return None;
    }
    let world = World::new()?;
    world.root(ENGINE);
    world.root(SCENE);
    let works = world.run("root", &format!("engine run --rm {RUN} cat /etc/passwd"));
    if works.code() != 0 {
        skip(&format!("the engine cannot run a container here: {works}"));
        return None;
    }
    Some((world, alone))
}

fn assert_says(ran: &Ran, words: &[&str]) {
    for words in words {
        let said = ran.stdout() + &ran.stderr();
        assert!(said.contains(words), "{words:?} is missing\n{ran}");
    }
}

#[test]
fn what_ran_in_a_container_is_judged_there_though_it_has_gone() {
    let Some((world, _alone)) = world() else {
        return;
    };
    let refused = format!("permwrap -- engine run --rm --name shop {RUN} cat /data/f");
    // The engine is recognized behind a script that wraps it.
    let refused = refused.replace("engine run", "sh -c 'exec engine \"$@\"' podman run");
    let ran = seen(&world, &refused);
    let words = [
        "cannot read /data/f in the container shop",
        "app may not read /data/f",
        "/data/f there is /srv/shop/f here",
        "setfacl -m u:12345:r-- /srv/shop/f",
    ];
    assert_says(&ran, &words);
    world.root("setfacl -m u:12345:r-- /srv/shop/f");
    world.root(&format!("engine run --rm {RUN} cat /data/f"));
}

#[test]
fn a_container_that_lives_is_asked_from_outside() {
    let Some((world, _alone)) = world() else {
        return;
    };
    world.root(&format!("engine run -d --name shop {RUN} sleep 60"));
    let ran = world.run(
        "root",
        "permwrap why read /data/f --pid \"$(engine inspect -f '{{.State.Pid}}' shop)\"",
    );
    let words = [
        "in the container shop",
        "/data/f there is /srv/shop/f here",
        "setfacl -m u:12345:r-- /srv/shop/f",
    ];
    assert_says(&ran, &words);
    // Podman sometimes finds its own mounts busy; the container has ended then, too, and the world takes the rest with it.
    world.run("root", "engine rm -f -t 0 shop");
}

/// Runs something in a container that fails, with a hint, and stays for a moment.
fn fails(world: &World, options: &str, command: &str) -> Ran {
    let run = format!("engine run --rm --name shop {options} sh -c '{command}; sleep 1'");
    let ran = world.run("root", &format!("permwrap -- {run}"));
    assert_says(&ran, &["in the container shop"]);
    ran
}

/// A volume in a directory that only root may pass through, at a path that this machine has as well, and closed too.
fn on_a_closed_volume(world: &World) -> String {
    world.root(
        "install -d -m 700 /srv/closed && mv /srv/shop /srv/closed/shop
         mkdir -p /srv/same /srv/tree/srv/same && echo x > /srv/same/f && chmod 600 /srv/same/f",
    );
    RUN.replace("/srv/shop:/data", "/srv/closed/shop:/srv/same")
}

const LISTED: &str = "getfacl -pR /srv/same /srv/closed /srv/tree/srv";

#[test]
fn what_a_volume_refused_is_mended_here_for_the_ids_of_the_container() {
    let Some((world, _alone)) = world() else {
        return;
    };
    let options = on_a_closed_volume(&world);
    let before = world.root(LISTED).stdout();
    fails(&world, &options, "cat /srv/same/f");
    let fixed = world.run("root", "permwrap fix --yes");
    let words = [
        "cannot read /srv/same/f in the container shop",
        "uid 12345 cannot read /srv/closed/shop/f",
        "uid 12345 can read /srv/closed/shop/f now as it is seen there\n",
    ];
    assert_says(&fixed, &words);
    assert_eq!(fixed.code(), 0, "{fixed}");
    let changed = world.root(LISTED).stdout();
    let entries: Vec<&str> = changed
        .lines()
        .filter(|line| !before.contains(line))
        .collect();
    assert_eq!(entries, ["user:12345:r--", "mask::r--"], "{changed}");
    world.root(&format!("engine run --rm {options} cat /srv/same/f"));
    let undone = world.run("root", "permwrap undo --yes");
    assert_eq!(undone.code(), 0, "{undone}");
    assert_eq!(world.root(LISTED).stdout(), before, "{undone}");
}

#[test]
fn a_round_on_a_terminal_mends_a_volume_and_runs_the_container_again() {
    let Some((world, _alone)) = world() else {
        return;
    };
    let options = on_a_closed_volume(&world);
    let run = format!("engine run --rm --name shop {options} sh -c 'cat /srv/same/f || sleep 1'");
    // A shell that goes on after the failure must not hide it.
    let run = run.replace("|| sleep 1", "|| { sleep 1; exit 1; }");
    let mut questions = 0;
    let command = format!("permwrap --fix -- {run}");
    let (text, code) = answered(&world, "root", &command, || questions += 1);
    assert_eq!((questions, code), (1, 0), "{text}");
    assert!(
        text.contains("changed: let uid 12345 read /srv/closed/shop/f"),
        "{text}"
    );
}

#[test]
fn what_took_the_place_of_a_volumes_file_is_left_alone() {
    let Some((world, _alone)) = world() else {
        return;
    };
    let options = on_a_closed_volume(&world);
    fails(&world, &options, "cat /srv/same/f");
    for swap in [
        "ln -s /srv/same/f /srv/closed/shop/f",
        "ln /srv/same/f /srv/closed/shop/f",
        "mkdir /srv/closed/shop/f",
        "touch /srv/closed/shop/f; mount --bind /srv/same/f /srv/closed/shop/f",
    ] {
        world.root("mv /srv/closed/shop/f /srv/closed/shop/was");
        world.root(swap);
        let before = world.root(LISTED).stdout();
        let fixed = world.run("root", "permwrap fix --yes");
        assert_eq!(world.root(LISTED).stdout(), before, "{swap}: {fixed}");
        world.root(
            "umount /srv/closed/shop/f 2>/dev/null; rm -rf /srv/closed/shop/f
             mv /srv/closed/shop/was /srv/closed/shop/f",
        );
    }
}

#[test]
fn what_belongs_in_a_run_of_a_container_is_only_printed() {
    let Some((world, _alone)) = world() else {
        return;
    };
    world.root("mkdir -p /srv/tree/scratch /srv/scratch && chmod 700 /srv/scratch");
    let options = format!("--tmpfs /srv/scratch:mode=700 {RUN}");
    world.root("mkdir -p /srv/tree/srv/scratch");
    fails(&world, &options, "touch /srv/scratch/x");
    let before = world.root("getfacl -pR /srv").stdout();
    let fixed = world.run("root", "permwrap fix --yes");
    let words = [
        "in the container shop",
        "that was in another container or namespace",
    ];
    assert_says(&fixed, &words);
    assert_eq!(fixed.code(), 1, "{fixed}");
    assert_eq!(world.root("getfacl -pR /srv").stdout(), before, "{fixed}");
    // Nor is it judged by what lies here at that path.
    let explained = world.run("root", "permwrap explain --last");
    assert_says(&explained, &["in the container shop"]);
}

#[test]
fn the_log_of_a_container_that_lives_is_judged_there() {
    let Some((world, _alone)) = world() else {
        return;
    };
    world.root(&format!(
        "engine run -d --name shop {RUN} sh -c 'cat /data/f; sleep 60' && sleep 1"
    ));
    // By the name of an engine whose client is called in the same way.
    world.root("ln -s engine /mnt/bin/nerdctl");
    let ran = world.run("root", "permwrap -- timeout 3 nerdctl logs -f shop");
    let words = [
        "cannot read /data/f in the container shop",
        "/data/f there is /srv/shop/f here",
    ];
    assert_says(&ran, &words);
    world.run("root", "engine rm -f -t 0 shop");
}

#[test]
fn a_mount_that_ended_with_its_container_still_tells_why() {
    let Some((world, _alone)) = world() else {
        return;
    };
    world.root("install -d -m 1777 /srv/tree/scratch");
    let setting = "sh -c 'echo 1 > /proc/sys/net/core/somaxconn'";
    let program = "sh -c 'cp /bin/busybox /scratch/cat; busybox env /scratch/cat'";
    let of_setting = [
        "/proc/sys is mounted read-only",
        "--sysctl net.core.somaxconn=",
    ];
    let of_program = ["no program may be run from /scratch", "/scratch:exec"];
    for (code, words) in [(setting, of_setting), (program, of_program)] {
        let run = format!("engine run --rm --tmpfs /scratch:rw,noexec {RUN} {code}");
        assert_says(&seen(&world, &format!("permwrap -- {run}")), &words);
    }
}

/// Runs a command until its container is seen. On a busy machine, the container and its monitor may both have ended when the text is
/// read. The hint must then say that nothing was inspected, and never mention this machine's own files.
fn seen(world: &World, command: &str) -> Ran {
    let mut ran = world.run("root", command);
    for _ in 0..20 {
        if !ran.stderr().contains("this was written in a container") {
            break;
        }
        ran = world.run("root", command);
    }
    ran
}

//! Failures in real containers, observed from outside the engine: the explanation is correct inside the container, and the
//! fixes work.
//!
//! Debian packages: acl, busybox-static, conmon, podman, runc.

mod support;

use support::{Ran, World, needs_programs, skip};

/// The engine of these tests, `/mnt/bin/engine` in a world.
const ENGINE: &str = include_str!("support/engine.sh");

/// A tree with a static program, and a volume that only its owner may read.
const SCENE: &str = r#"
    mkdir -p /srv/tree/bin /srv/tree/etc /srv/tree/data /srv/tree/proc /srv/tree/sys /srv/tree/dev /srv/shop
    cp "$(command -v busybox)" /srv/tree/bin/busybox
    for name in cat sh sleep touch; do ln -s busybox /srv/tree/bin/$name; done
    echo 'app:x:12345:12345::/:/bin/sh' > /srv/tree/etc/passwd
    echo x > /srv/shop/f && chmod 640 /srv/shop/f && chown -R deploy: /srv/shop
"#;

/// Options for every run: the tree is the root directory, and the following words are the command.
const RUN: &str = "--network=none --user 12345:12345 -v /srv/shop:/data --rootfs /srv/tree";

/// A world with a working engine; `None` if there is none.
fn world() -> Option<World> {
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
    Some(world)
}

fn assert_says(ran: &Ran, words: &[&str]) {
    for words in words {
        let said = ran.stdout() + &ran.stderr();
        assert!(said.contains(words), "{words:?} is missing\n{ran}");
    }
}

#[test]
fn what_ran_in_a_container_is_judged_there_though_it_has_gone() {
    let Some(world) = world() else { return };
    let refused = format!("permwrap -- engine run --rm --name shop {RUN} cat /data/f");
    // The engine is recognized behind a script that wraps it.
    let refused = refused.replace("engine run", "sh -c 'exec engine \"$@\"' podman run");
    // On a busy machine, the container and its monitor may both have ended when the text is read. The hint must then say that
    // nothing was inspected, and never mention this machine's own files.
    let mut ran = world.run("root", &refused);
    for _ in 0..20 {
        if !ran.stderr().contains("this was written in a container") {
            break;
        }
        ran = world.run("root", &refused);
    }
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
    let Some(world) = world() else { return };
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

#[test]
fn what_failed_in_a_container_is_not_mended_outside() {
    let Some(world) = world() else { return };
    // This machine has a file of the same path, which is closed as well.
    world.root(
        "mkdir -p /srv/same /srv/tree/srv/same && echo x > /srv/same/f && chmod 600 /srv/same/f",
    );
    let run = RUN.replace(":/data", ":/srv/same");
    let refused =
        format!("permwrap -- engine run --rm --name shop {run} sh -c 'cat /srv/same/f; sleep 1'");
    let ran = world.run("root", &refused);
    assert_says(&ran, &["setfacl -m u:12345:r-- /srv/shop/f"]);
    let before = world.root("getfacl -pR /srv/same /srv/shop").stdout();
    let fixed = world.run("root", "permwrap fix --yes");
    let words = [
        "cannot read /srv/same/f in the container shop",
        "setfacl -m u:12345:r-- /srv/shop/f",
        "that was in another container or namespace",
    ];
    assert_says(&fixed, &words);
    assert_eq!(fixed.code(), 1, "{fixed}");
    let after = world.root("getfacl -pR /srv/same /srv/shop").stdout();
    assert_eq!(after, before, "{fixed}");
}

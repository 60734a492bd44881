//! The harm that a pasted fix could do: after a hint, somebody replaces the object that it is about, and then root runs the
//! commands as they are.
//!
//! Debian packages: acl, e2fsprogs, findutils, python3, util-linux.

mod support;

use support::World;

/// A secret of root, and a further file of root that alice can move.
const PREPARE: &str =
    "install -m 600 /dev/null /etc/secret; echo key > /etc/secret; chmod 600 /etc/secret";

/// A hint for a refusal, and what happens before it is used.
struct Scene {
    prepare: &'static str,
    /// Who runs permwrap, and the question.
    user: &'static str,
    ask: &'static str,
    /// Who makes the attack between the hint and the paste, and the attack.
    attacker: &'static str,
    attack: &'static str,
}

impl Scene {
    /// The commands that root pasted after the attack.
    fn play(&self) -> Option<(World, Vec<String>)> {
        let world = World::new()?;
        world.root(PREPARE);
        world.root(self.prepare);
        let commands = offered(&world, self.user, self.ask);
        let _ = world.run(self.attacker, self.attack).ok();
        for command in &commands {
            // It may also fail.
            let _ = world.run("root", command);
        }
        assert_eq!(
            world
                .root("stat -c '%U %a' /etc/secret; getfacl -cps /etc/secret")
                .stdout(),
            "root 600\n",
            "{commands:?}"
        );
        for user in ["alice", "bob", "www"] {
            assert_ne!(world.run(user, "cat /etc/secret").code(), 0, "{commands:?}");
        }
        Some((world, commands))
    }
}

/// The commands of every fix.
fn offered(world: &World, user: &str, ask: &str) -> Vec<String> {
    let ran = world.run(user, &format!("permwrap why {ask} --json"));
    assert_eq!(ran.code(), 1, "{ran}");
    let report: serde_json::Value = serde_json::from_str(&ran.stdout()).expect("it is JSON");
    let fixes = report["fixes"].as_array().expect("a list");
    fixes
        .iter()
        .flat_map(|fix| fix["commands"].as_array().expect("a list"))
        .map(|command| command.as_str().expect("a string").to_owned())
        .collect()
}

/// Has root make the fix of what alice was refused last.
fn mend(world: &World) {
    world.root(
        "mount -t tmpfs -o mode=755 lib /var/lib; cd /home/alice; permwrap fix --yes --as alice",
    );
}

#[test]
fn a_link_of_somebody_elses_to_a_program_of_the_system() {
    let scene = Scene {
        prepare: "install -m 4755 /bin/true /srv/passwd; install -d -o bob /tmp/m; runuser -u bob -- ln -s /srv/passwd /tmp/m/run.sh",
        user: "alice",
        ask: "chmod /tmp/m/run.sh --mode 755",
        attacker: "bob",
        attack: "true",
    };
    if let Some((world, commands)) = scene.play() {
        assert_eq!(commands, [""; 0]);
        assert_eq!(world.root("stat -c %a /srv/passwd").stdout(), "4755\n");
    }
}

#[test]
fn a_link_put_in_ones_own_directory_after_the_hint() {
    let scene = Scene {
        prepare: "install -d -o alice -g alice /srv/app; install -m 640 /dev/null /srv/app/db",
        user: "alice",
        ask: "read /srv/app/db --as www",
        attacker: "alice",
        attack: "cd /srv/app && mv db db.old && ln -s /etc/secret db",
    };
    let _ = scene.play();
}

#[test]
fn a_directory_on_the_way_turned_after_the_hint() {
    let scene = Scene {
        prepare: "install -d -o alice -g alice /home/alice/app; install -m 644 /dev/null /home/alice/app/secret",
        user: "alice",
        ask: "write /home/alice/app/secret",
        attacker: "alice",
        attack: "mv app app.old && ln -s /etc app",
    };
    if let Some((_, commands)) = scene.play() {
        assert_eq!(commands, [""; 0]);
    }
}

#[test]
fn another_file_of_roots_moved_into_the_place() {
    let scene = Scene {
        prepare: "install -d -o alice -g alice /home/alice/app; install -m 644 /dev/null /home/alice/app/log; \
                  install -m 600 /dev/null /home/alice/app/keep",
        user: "alice",
        ask: "write /home/alice/app/log",
        attacker: "alice",
        attack: "cd app && mv log log.old && mv keep log",
    };
    if let Some((world, _)) = scene.play() {
        let owner = world.root("stat -c %U /home/alice/app/log").stdout();
        assert_eq!(owner, "root\n");
    }
}

#[test]
fn an_owner_who_turns_the_way_harms_nobody_else() {
    let scene = Scene {
        prepare: "install -d -m 755 -o deploy /srv/app; install -m 640 -o deploy -g www /dev/null /srv/app/db",
        user: "alice",
        ask: "read /srv/app/db",
        attacker: "deploy",
        attack: "cd /srv/app && rm db && ln -s /etc/secret db",
    };
    let Some((_, commands)) = scene.play() else {
        return;
    };
    assert_eq!(
        commands[0],
        "runuser -u deploy -- setfacl -m u:alice:r-- /srv/app/db"
    );
}

#[test]
fn a_tree_of_leftovers_ends_at_mounts_links_and_private_files() {
    let scene = Scene {
        prepare: "install -d -o alice -g alice /home/alice/app /home/alice/app/{a,b,c,d,e,f,.git}; \
                  install -d /home/alice/app/out; touch /home/alice/app/out/{1,2}; \
                  install -m 600 /dev/null /home/alice/app/out/private; \
                  install -d /srv/other /home/alice/app/out/other; touch /srv/other/roots",
        user: "alice",
        ask: "write /home/alice/app/out/1",
        attacker: "root",
        attack: "ln -s /etc /home/alice/app/out/etc; ln -s /etc /home/alice/app/a/etc",
    };
    let Some((world, commands)) = scene.play() else {
        return;
    };
    assert_eq!(commands, [""; 0]);
    world.run("alice", &format!("permwrap why {}", scene.ask));
    mend(&world);
    let owner = |path: &str| world.root(&format!("stat -c %U {path}")).stdout();
    assert_eq!(owner("/home/alice/app/out/2"), "alice\n");
    for path in ["/home/alice/app/out/private", "/etc", "/etc/hostname"] {
        assert_eq!(owner(path), "root\n", "{path}");
    }
    // If it is mounted when the hint is given, the fix is for a single file.
    let again = World::new().expect("root makes a world");
    again.root(scene.prepare);
    again.root("mount --bind /srv/other /home/alice/app/out/other");
    again.run("alice", &format!("permwrap why {}", scene.ask));
    mend(&again);
    let owners =
        again.root("stat -c %U /home/alice/app/out/1 /home/alice/app/out/2 /srv/other/roots");
    assert_eq!(owners.stdout(), "alice\nroot\nroot\n");
}

#[test]
fn a_program_with_capabilities_keeps_them() {
    let scene = Scene {
        prepare: "install -d -o alice -g alice /home/alice/app /home/alice/app/{a,b,c,d,e,.git}; \
                  install -d /home/alice/app/out; touch /home/alice/app/out/{1,2}; \
                  cp /bin/true /home/alice/app/out/tool; setcap cap_net_raw=ep /home/alice/app/out/tool",
        user: "alice",
        ask: "utime /home/alice/app/out/tool",
        attacker: "root",
        attack: "true",
    };
    let Some((world, commands)) = scene.play() else {
        return;
    };
    assert_eq!(commands, [""; 0]);
    // Beside it, a single file is given back, not the tree.
    world.run("alice", "permwrap why write /home/alice/app/out/1");
    mend(&world);
    let owners = world.root("stat -c %U /home/alice/app/out/1 /home/alice/app/out/2");
    assert_eq!(owners.stdout(), "alice\nroot\n");
    let kept = world.root("getcap /home/alice/app/out/tool").stdout();
    assert!(kept.contains("cap_net_raw=ep"), "{kept}");
}

#[test]
fn a_name_that_is_a_command_is_none_when_it_is_pasted() {
    let scene = Scene {
        prepare: "install -d -m 750 -o deploy '/srv/$(touch /srv/harm)'; touch '/srv/$(touch /srv/harm)/f'",
        user: "alice",
        ask: "read '/srv/$(touch /srv/harm)/f'",
        attacker: "alice",
        attack: "true",
    };
    if let Some((world, commands)) = scene.play() {
        assert!(!commands.is_empty());
        world.root("test ! -e /srv/harm");
    }
}

#[test]
fn what_is_bind_mounted_is_as_closed_as_where_it_comes_from() {
    let scene = Scene {
        prepare: "install -d /srv/jail/etc && install -d -o alice /home/alice/ch/etc && install -m 640 /dev/null /etc/plain
            mount --bind /etc /srv/jail/etc; mount --bind /etc /home/alice/ch/etc",
        user: "alice",
        ask: "read /srv/jail/etc/plain",
        attacker: "alice",
        attack: "true",
    };
    let Some((world, commands)) = scene.play() else {
        return;
    };
    assert_eq!(commands, [""; 0]);
    for ask in [
        "read /srv/jail/etc/secret",
        "write /srv/jail/etc/passwd",
        "create /srv/jail/etc/cron.d/x",
        "write /home/alice/ch/etc/passwd",
        "create /home/alice/ch/etc/x",
        "chmod /home/alice/ch/etc/passwd",
    ] {
        assert_eq!(offered(&world, "alice", ask), [""; 0], "{ask}");
    }
}

/// The commands of every fix for a run of alice's.
fn offered_for(world: &World, command: &str) -> Vec<String> {
    let ran = world.run("alice", &format!("permwrap --report r.json -- {command}"));
    assert_ne!(ran.code(), 0, "{ran}");
    commands_in(&world.run("alice", "cat r.json").stdout())
}

/// The commands of every fix in the report of a run.
fn commands_in(report: &str) -> Vec<String> {
    let report: serde_json::Value = serde_json::from_str(report).expect("it is JSON");
    let incidents = report["incidents"].as_array().expect("a list");
    let fixes = incidents
        .iter()
        .flat_map(|incident| incident["fixes"].as_array().expect("a list"));
    fixes
        .flat_map(|fix| fix["commands"].as_array().expect("a list"))
        .map(|command| command.as_str().expect("a string").to_owned())
        .collect()
}

#[test]
fn a_program_that_bears_an_administrators_name_is_not_run_by_root() {
    let Some(world) = World::new() else { return };
    let script = "#!/bin/sh\ntouch /srv/harm 2>/dev/null\nexec /bin/cp \"$@\"\n";
    world.root(&format!(
        "install -d -o alice /home/alice/bin; install -d -o bob /srv/bob
         for place in /home/alice/bin /srv/bob; do printf '{script}' >$place/cp; chmod 755 $place/cp; done
         chown bob /srv/bob/cp; echo x >/home/alice/f"
    ));
    assert_eq!(offered_for(&world, "cp f /etc/f"), ["cp f /etc/f"]);
    for path in ["/home/alice/bin", "/srv/bob"] {
        let command =
            format!("env PATH={path}:/usr/bin:/bin permwrap --report r.json -- cp f /etc/f");
        let ran = world.run(
            "alice",
            &format!("{command}; grep -c '\"commands\": \\[\\]' r.json"),
        );
        assert!(!ran.stderr().contains("sudo"), "{ran}");
    }
    world.root("test ! -e /srv/harm && test ! -e /etc/f");
}

#[test]
fn words_alone_lower_no_setting_of_the_machine() {
    let Some(world) = World::new() else { return };
    for words in [
        "bind() to 0.0.0.0:81 failed (13: Permission denied)",
        "dmesg: read kernel buffer failed: Operation not permitted",
        "perf_event_open: Permission denied",
    ] {
        let commands = offered_for(&world, &format!("bash -c 'echo \"{words}\" >&2; exit 1'"));
        assert!(
            commands.iter().all(|it| !it.contains("sysctl")),
            "{commands:?}"
        );
    }
}

/// What others can replace between hint and paste is not for root to read: a file beside the subject's own in a directory of a
/// team, a link that ends with somebody else, a recipe that somebody else wrote.
#[test]
fn root_reads_nothing_that_others_could_put_there() {
    let Some(world) = World::new() else { return };
    let recipe = "install:\\n\\tcp a /etc/a\\n";
    world.root(&format!(
        "install -d -o bob -g bob /srv/bob; install -d -o alice -g team -m 2775 /srv/team /home/alice/team
         cd /srv/bob; echo x >a; printf '{recipe}' >Makefile; chown bob: a Makefile
         cd /srv/team; echo x >a; printf '{recipe}' >Makefile; chown alice: a Makefile
         cd /home/alice; echo x >a; printf '{recipe}' >Makefile; chown alice: a Makefile
         ln -s /srv/bob/a link; install -d -o alice -m 775 own; echo x >own/a; chown -R alice: own link
         chmod 711 /home/alice; echo x >/tmp/a; chown alice: /tmp/a
         install -d /srv/pkgs; echo x | tee /srv/pkgs/bobs /srv/pkgs/open /srv/pkgs/roots; chown bob /srv/pkgs/bobs; chmod 666 /srv/pkgs/open"
    ));
    for command in [
        "cp /srv/team/a /etc/a",
        "cp /srv/bob/a /etc/a",
        "cp link /etc/a",
        "make -C /srv/bob install",
        "make -C /srv/team install",
        // In a directory of root's, but written by bob, or by anybody.
        "cp /srv/pkgs/bobs /etc/a",
        "cp /srv/pkgs/open /etc/a",
        "dpkg -i /srv/pkgs/bobs",
    ] {
        let commands = offered_for(&world, command);
        assert_eq!(commands, [""; 0], "{command}");
    }
    for command in [
        "cp a /etc/a",
        "cp /tmp/a /etc/a",
        "cp own/a /etc/a",
        "make install",
        "cp /srv/pkgs/roots /etc/a",
    ] {
        assert_eq!(offered_for(&world, command), [command]);
    }
    // A symlink is not read, but what it leads to is used later.
    let link = "ln -s /srv/pkgs/roots /etc/a";
    assert_eq!(offered_for(&world, link), [link]);
    let to_others = "ln -s /srv/team/a /etc/a";
    assert_eq!(offered_for(&world, to_others), [""; 0]);
}

#[test]
fn a_tree_that_is_to_be_deleted_is_given_back_without_what_has_names_elsewhere() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -d -o alice -g alice /home/alice/p /home/keep
         install -d /home/alice/p/build/{a,b}; touch /home/alice/p/build/{a,b}/{1,2}
         echo kept >/home/keep/f; chown -R root: /home/keep; ln /home/keep/f /home/alice/p/build/a/f",
    );
    assert_eq!(offered_for(&world, "rm -rf p/build"), [""; 0]);
    mend(&world);
    let ran = world.run("alice", "rm -rf p/build");
    assert_eq!(ran.code(), 0, "{ran}");
    let kept = world.root("stat -c '%U %h' /home/keep/f").stdout();
    assert_eq!(kept, "root 1\n");
    // The tree of somebody else is left to its owner.
    world.root("install -d -o deploy -g deploy /srv/t /srv/t/a; touch /srv/t/a/1; chown deploy: /srv/t/a/1");
    assert_eq!(offered_for(&world, "rm -rf /srv/t"), [""; 0]);
    // One's own needs no root.
    world
        .run(
            "alice",
            "mkdir -p mod/x/y && touch mod/x/y/f && chmod -R a-w mod",
        )
        .ok();
    let commands = offered_for(&world, "rm -rf mod");
    world.run("alice", &commands[0]).ok();
    world.run("alice", "rm -rf mod").ok();
}

/// Who may write in a directory may delete there, so one of root's that several use is not opened: root makes a directory in it.
#[test]
fn a_directory_that_others_keep_something_in_is_not_opened() {
    let Some(world) = World::new() else { return };
    world.root(
        "install -d /srv/data /srv/plain /srv/kept; install -d -o bob /srv/data/bob
         install -m 600 /dev/null /srv/kept/dump; touch /srv/plain/f",
    );
    for path in ["/srv/data", "/srv/kept"] {
        assert_eq!(
            offered_for(&world, &format!("touch {path}/x")),
            [""; 0],
            "{path}"
        );
        let mine = format!("install -d -m 755 -o alice -g alice {path}/x");
        assert_eq!(
            offered_for(&world, &format!("mkdir {path}/x")),
            [mine.as_str()]
        );
    }
    world.root("install -d -m 755 -o alice -g alice /srv/data/x");
    world.run("alice", "touch /srv/data/x/f").ok();
    assert_ne!(world.run("alice", "mv /srv/data/bob /srv/data/b").code(), 0);
    // Where nobody keeps anything, root's directory may be shared.
    assert_eq!(
        offered_for(&world, "touch /srv/plain/x"),
        ["setfacl -m u:alice:rwx /srv/plain"]
    );
}

#[test]
fn root_repeats_no_command_that_does_more_than_what_was_refused() {
    let Some(world) = World::new() else {
        return;
    };
    world.root(
        "install -d -o alice /srv/p; cd /srv/p; \
         for name in f passwd x.conf; do install -o alice /dev/null $name; done; ln -s /etc/passwd /etc/link",
    );
    let is_repeated = |command: &str| {
        let ran = world.run("alice", &format!("cd /srv/p; permwrap -- {command}"));
        assert!(ran.stderr().contains("permwrap: "), "{command}: {ran}");
        ran.stderr().contains("runs this one command as root")
    };
    for command in [
        "sed -i d /etc/hosts",
        "cp f /etc",
        "install -m 755 f /usr/local/bin/f",
    ] {
        assert!(is_repeated(command), "{command}");
    }
    for command in [
        "sed -i d /etc/passwd",
        "sed -i d /etc/link",
        "cp f passwd /etc",
        "cp -t /etc f passwd",
        "cp -a . /etc",
        "cp f /usr/bin/ls",
        "install -m 4755 f /usr/local/bin/f",
        "tee /proc/sys/kernel/core_pattern",
        // Root would run it by itself, or instead of what it means.
        "cp f /etc/profile.d",
        "cp f /usr/local/bin/ls",
        "usermod -aG sudo alice",
    ] {
        assert!(!is_repeated(command), "{command}");
    }
}

/// What is closed on purpose stays so, whatever a program prints of it, and whatever alice puts in the way before root pastes.
#[test]
fn words_open_nothing_of_the_systems() {
    let Some(world) = World::new() else { return };
    let places = [
        "/etc/systemd/system/x.service",
        "/etc/udev/rules.d/x.rules",
        "/etc/tmpfiles.d/x.conf",
        "/etc/cron.d/x",
        "/etc/wireguard/wg0.conf",
        "/etc/kubernetes/admin.conf",
        "/etc/mysql/debian.cnf",
        "/home/bob/.bashrc",
        "/home/bob/.netrc",
        "/home/bob/.pgpass",
        "/opt/tool/bin/run",
        "/srv/sock/engine.sock",
        "/srv/app/shadow.bak",
    ];
    let paths = places.join(" ");
    world.root(&format!(
        "mount -t tmpfs -o mode=755 none /opt
         umask 077; for path in {paths}; do
             mkdir -p ${{path%/*}}; case $path in
                 *.sock) python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('$path')\";;
                 /home/bob/*) install -m 600 -o bob -g bob /dev/null $path;;
                 *) echo key >$path;; esac; done
         chmod 755 /srv/sock /srv/app /opt/tool /opt/tool/bin; chmod 750 /opt/tool/bin/run; mount -t tmpfs none /etc/wireguard"
    ));
    let state = || {
        world
            .root(&format!(
                "stat -c '%n %U %G %a' {paths} 2>&1; getfacl -cps {paths} 2>&1; true"
            ))
            .stdout()
    };
    let before = state();
    let mut pasted = Vec::new();
    for path in places {
        for words in [
            "Permission denied",
            "cannot open for writing: Permission denied",
        ] {
            let run = format!(
                "permwrap --report r.json -- bash -c 'echo \"tool: {path}: {words}\" >&2; exit 1'"
            );
            world.run("alice", &run);
            let report = world.run("alice", "cat r.json").stdout();
            pasted.extend(commands_in(&report));
        }
    }
    world.run(
        "alice",
        "mkdir -p .config; for name in app db bin; do ln -s /etc $name; done",
    );
    for command in &pasted {
        let _ = world.run("root", command);
    }
    assert_eq!(state(), before, "{pasted:?}");
}

/// A path in a mount namespace of alice's is another object here: what is refused there is not changed here.
#[test]
fn a_path_of_another_namespace_is_not_pasted_here() {
    let Some(world) = World::new() else { return };
    world.root(PREPARE);
    world.root(
        "install -d -o alice -g alice /home/alice/app; install -d /srv/data; install -m 640 /dev/null /srv/data/secret",
    );
    let run = "cd /home/alice; permwrap --report /home/alice/r.json -- unshare -m bash -c \
         'mount --bind /srv/data app; setpriv --reuid alice --regid alice --init-groups cat /home/alice/app/secret'";
    let ran = world.run("root", run);
    assert!(ran.stderr().contains("permwrap: "), "{ran}");
    let report = world.root("cat /home/alice/r.json").stdout();
    world.run("alice", "mv app app.old && ln -s /etc app").ok();
    let commands = commands_in(&report);
    for command in &commands {
        let _ = world.run("root", command);
    }
    let acl = world.root("stat -c '%U %a' /etc/secret; getfacl -cps /etc/secret");
    assert_eq!(acl.stdout(), "root 600\n", "{commands:?}");
    assert_ne!(
        world.run("alice", "cat /etc/secret").code(),
        0,
        "{commands:?}"
    );
}

//! What root would do by repeating a refused command: more than what was refused.

use super::{commands, first};

/// The commands for a refusal to create a file in this directory of root's, which other objects follow.
fn creating(path: &str, command: &str, more: &str) -> Vec<String> {
    commands(&scene(path, command, more))
}

fn scene(path: &str, command: &str, more: &str) -> String {
    let above: String = path
        .match_indices('/')
        .skip(1)
        .map(|(at, _)| format!("drwxr-xr-x root root {}\n", &path[..at]))
        .collect();
    format!(
        "subject alice alice\nattempt create {path}\n{above}missing {path}\ncommand {command}\n{more}"
    )
}

/// The commands for a refusal to write this existing file.
fn writing(path: &str, listing: &str, command: &str, more: &str) -> Vec<String> {
    commands(&writing_scene(path, listing, command, more))
}

fn writing_scene(path: &str, listing: &str, command: &str, more: &str) -> String {
    scene(path, command, more)
        .replace("attempt create", "attempt write")
        .replace(
            &format!("missing {path}"),
            &format!("{listing} root root {path}"),
        )
}

#[test]
fn a_file_that_a_temporary_one_replaces_counts_as_written() {
    let at = |named: &str| creating("/etc/sedAbCdEf", "sed -i d /etc/motd", named);
    assert_eq!(
        at("named /etc/motd alters -rw-r--r-- 0"),
        ["sed -i d /etc/motd"]
    );
    assert_eq!(at("named /etc/passwd alters -rw-r--r-- 0"), [""; 0]);
    // It belongs to bob.
    assert_eq!(at("named /etc/motd alters -rw-r--r-- 1001"), [""; 0]);
    let fix = first(&scene(
        "/etc/sedAbCdEf",
        "sed -i d /etc/motd",
        "named /etc/passwd alters -rw-r--r-- 0",
    ));
    assert!(fix.title.starts_with("/etc/passwd decides who"), "{fix:?}");
}

#[test]
fn what_is_only_read_may_belong_to_anybody() {
    let at = |named: &str| creating("/etc/f", "cp a /etc/f", named);
    assert_eq!(at("named /etc/passwd reads -rw-r--r-- 0"), ["cp a /etc/f"]);
    assert_eq!(at("named /srv/a reads -rw-r--r-- 1001"), ["cp a /etc/f"]);
}

#[test]
fn every_file_that_is_written_besides_counts() {
    let at = |named: &str| creating("/etc/a", "cp a passwd /etc", named);
    assert_eq!(at(""), ["cp a passwd /etc"]);
    assert_eq!(at("named /etc/passwd alters -rw-r--r-- 0"), [""; 0]);
}

#[test]
fn a_whole_tree_is_not_laid_over_the_systems() {
    let copy = |to: &str| {
        let command = format!("cp -a tree/. {to}");
        let named = format!("named {to} alters drwxr-xr-x 0");
        creating(&format!("{to}/f"), &command, &named)
    };
    for to in ["/etc", "/usr/bin", "/usr/lib/app", "/usr"] {
        assert_eq!(copy(to), [""; 0], "{to}");
    }
    for to in ["/etc/app", "/usr/share/app", "/usr/local"] {
        assert_eq!(copy(to), [format!("cp -a tree/. {to}")], "{to}");
    }
}

#[test]
fn programs_of_packages_are_not_overwritten_by_root() {
    for (path, listing) in [
        ("/usr/bin/ls", "-rwxr-xr-x"),
        ("/usr/lib/libc.so.6", "-rw-r--r--"),
        ("/usr/sbin/sshd", "-rwxr-xr-x"),
    ] {
        let command = format!("cp f {path}");
        assert_eq!(writing(path, listing, &command, ""), [""; 0], "{path}");
        let named = format!("named {path} alters {listing} 0");
        assert_eq!(creating("/etc/f", "cp f /etc/f", &named), [""; 0], "{path}");
    }
    // It does not exist yet.
    let new = "cp f /usr/local/bin/tool";
    assert_eq!(creating("/usr/local/bin/tool", new, ""), [new]);
    // The administrator has installed it.
    assert_eq!(writing("/usr/local/bin/tool", "-rwxr-xr-x", new, ""), [new]);
    // It is data.
    let data = "cp f /usr/share/app/data";
    assert_eq!(
        writing("/usr/share/app/data", "-rw-r--r--", data, ""),
        [data]
    );
}

#[test]
fn what_root_would_run_by_itself_is_put_there_by_nobody_unasked() {
    let reason = |path: &str, command: &str, named: &str| {
        let fix = first(&scene(path, command, named));
        assert!(fix.argv.is_empty(), "{command}: {fix:?}");
        assert_eq!(fix.effect, crate::change::Effect::Advice);
        fix.title
    };
    for (path, command, why) in [
        ("/etc/cron.d/f", "cp f /etc/cron.d", "cron runs as root"),
        ("/etc/cron.d/f", "tee -a /etc/cron.d/f", "cron runs as root"),
        (
            "/etc/profile.d/f.sh",
            "install f /etc/profile.d/f.sh",
            "root's own shells",
        ),
        (
            "/etc/systemd/system/f.service",
            "cp f /etc/systemd/system/f.service",
            "run as root",
        ),
        (
            "/usr/lib/f.so",
            "cp f /usr/lib/f.so",
            "programs of root load",
        ),
        (
            "/boot/vmlinuz",
            "dd if=f of=/boot/vmlinuz",
            "the machine starts from",
        ),
    ] {
        let title = reason(path, command, &format!("named {path} alters"));
        assert!(title.contains(why), "{title}");
    }
    let program = ["/usr/local/bin/sudo", "cp f /usr/local/bin/sudo"];
    let title = reason(program[0], program[1], "named /usr/local/bin/sudo shadows");
    assert!(title.contains("a program of this name"), "{title}");
    // No other program has this name.
    let only = creating(program[0], program[1], "named /usr/local/bin/sudo alters");
    assert_eq!(only, [program[1]]);
}

#[test]
fn what_is_deleted_comes_back_by_nothing() {
    let at = |attempt: &str, command: &str| {
        first(&format!(
            "subject alice alice
             attempt {attempt}
             drwxr-xr-x root root /etc
             -rw-r--r-- root root /etc/fstab
             missing /etc/fstab.bak
             command {command}"
        ))
    };
    let fix = at("delete /etc/fstab", "rm /etc/fstab");
    assert!(fix.argv.is_empty(), "{fix:?}");
    assert!(fix.title.contains("nothing brings back"), "{fix:?}");
    let renamed = at(
        "rename /etc/fstab to=/etc/fstab.bak",
        "mv /etc/fstab /etc/fstab.bak",
    );
    assert_eq!(renamed.commands(), ["mv /etc/fstab /etc/fstab.bak"]);
}

#[test]
fn the_system_follows_no_link_to_what_others_can_change() {
    let link = |owner: u32| {
        let named =
            format!("named /usr/local/bin/f alters\nnamed /srv/p/f reads -rwxr-xr-x {owner}");
        creating(
            "/usr/local/bin/f",
            "ln -s /srv/p/f /usr/local/bin/f",
            &named,
        )
    };
    assert_eq!(link(1000), [""; 0]);
    assert_eq!(link(0), ["ln -s /srv/p/f /usr/local/bin/f"]);
}

#[test]
fn what_destroys_or_gives_root_away_is_left_to_whoever_is_sure() {
    let at = |command: &str| first(&scene("/etc/.pwd.lock", command, ""));
    for (command, why) in [
        (
            "rsync -a --delete a/ /etc/a/",
            "deletes what the target has",
        ),
        ("userdel bob", "removes an account"),
        ("crontab -u root jobs", "cron runs as that user"),
        ("usermod -aG team,sudo alice", "as good as root"),
        ("useradd --groups=docker x", "as good as root"),
        ("useradd -o -u 0 x", "the same number"),
        ("iptables -t nat -F", "rules of the firewall"),
        ("apt-get -y purge jq", "deletes packages"),
        ("mount --bind /srv/a /etc", "the whole system needs"),
        ("mount -t tmpfs none /", "the whole system needs"),
        ("umount -l /usr", "the whole system needs"),
        (
            "sysctl -w fs.protected_symlinks=0",
            "protection of everybody",
        ),
        ("mkfs.ext4 /srv/image", "destroys"),
    ] {
        let fix = at(command);
        assert!(fix.argv.is_empty(), "{command}: {fix:?}");
        assert!(fix.title.contains(why), "{command}: {}", fix.title);
    }
    for command in [
        "rsync -a a/ /etc/a/",
        "usermod -aG team alice",
        "crontab -u root -l",
        "groupadd docker",
        "iptables -A INPUT -j DROP",
        "apt-get install jq",
        "mount /dev/sdb1 /srv",
        "mount -o remount,rw /usr",
        "sysctl -w vm.swappiness=10",
    ] {
        let words: Vec<String> = at(command).commands();
        assert_eq!(words, [command], "{command}");
    }
}

#[test]
fn what_is_usual_and_has_consequences_is_repeated_with_a_word_on_them() {
    let noted = |path: &str, command: &str| {
        let fix = first(&scene(path, command, ""));
        assert_eq!(fix.commands(), [command], "{fix:?}");
        fix.note
    };
    let lock = "/var/lib/dpkg/lock";
    let plain = "runs this one command as root";
    assert_eq!(noted(lock, "apt-get install jq"), plain);
    assert_eq!(noted("/etc/motd", "touch /etc/motd"), plain);
    for (path, command, why) in [
        (lock, "apt-get -y remove jq", "others may use"),
        (lock, "nice apt-get autoremove", "others may use"),
        (
            "/etc/docker/daemon.json",
            "cp f /etc/docker/daemon.json",
            "as good as root",
        ),
        (
            "/etc/sysctl.d/a.conf",
            "cp f /etc/sysctl.d",
            "programs of the system follow",
        ),
    ] {
        let note = noted(path, command);
        assert!(
            note.starts_with(plain) && note.contains(why),
            "{command}: {note}"
        );
    }
}

#[test]
fn a_command_is_repeated_behind_what_only_starts_it() {
    for command in [
        "timeout 5 touch /etc/x",
        "nice cp f /etc/x",
        "env -C /etc touch x",
    ] {
        assert_eq!(creating("/etc/x", command, ""), [command]);
    }
    let code = "bash -c cd\\x20/etc;\\x20cp\\x20/srv/f\\x20x;\\x20ls";
    assert_eq!(creating("/etc/x", code, ""), ["env -C /etc cp /srv/f x"]);
    for command in [
        // It may decide which program runs, or what that loads.
        "env PATH=/tmp touch /etc/x",
        "env LD_PRELOAD=/tmp/x.so touch /etc/x",
        "/tmp/timeout 5 touch /etc/x",
        "timeout 5 /tmp/touch /etc/x",
        "nice timeout 5 bash touch /etc/x",
        "xargs touch /etc/x",
        // For root it is about root.
        "passwd",
    ] {
        assert_eq!(creating("/etc/x", command, ""), [""; 0], "{command}");
    }
    assert_eq!(creating("/etc/.pwd.lock", "passwd bob", ""), ["passwd bob"]);
}

#[test]
fn what_root_runs_as_the_same_user_again_is_not_repeated() {
    let command = "start-stop-daemon -S -c alice --exec /bin/cat -- /etc/f";
    assert_eq!(creating("/etc/f", command, ""), [""; 0]);
    let command = "start-stop-daemon -S --exec /bin/cat -- /etc/f";
    assert_eq!(creating("/etc/f", command, ""), [command]);
}

#[test]
fn attributes_are_left_out_only_where_the_copy_itself_is_permitted() {
    let copy = |mode: &str| {
        commands(&format!(
            "subject alice alice\ngroup 3010 team\nattempt utime /srv/a\n\
             {mode} bob team /srv/a\ncommand rsync -a b/ /srv/a/"
        ))
    };
    let without = "rsync -a b/ /srv/a/ --no-owner --no-group --no-perms --omit-dir-times";
    assert!(!copy("drwxr-xr-x").contains(&without.to_owned()));
    assert!(copy("drwxrwxrwx").contains(&without.to_owned()));
}

#[test]
fn no_file_gets_the_rights_of_root() {
    let path = "/usr/local/bin/f";
    for options in [
        "-m 4755",
        "-m4755",
        "-Dm4755",
        "-Dm 2755",
        "--mode=4755",
        "--mode 6755",
        "--mo=4755",
        "-m u=rwxs,go=rx",
        "-m +s",
    ] {
        let command = format!("install {options} f {path}");
        assert_eq!(creating(path, &command, ""), [""; 0], "{options}");
    }
    for options in ["-m 755", "-Dm755", "--mode=1755", "-m u=rwx,go=rx", ""] {
        let command = format!("install {options} f {path}").replace("  ", " ");
        assert_eq!(
            creating(path, &command, ""),
            [command.as_str()],
            "{options}"
        );
    }
    // A copy of such a program.
    let command = "cp --preserve=mode f /usr/local/bin/f";
    let copied =
        |listing: &str| creating(path, command, &format!("named /srv/f reads {listing} 1000"));
    assert_eq!(copied("-rwxr-xr-x"), [command]);
    assert_eq!(copied("-rwsr-xr-x"), [""; 0]);
    assert_eq!(copied("-rwxr-sr-x"), [""; 0]);
}

#[test]
fn the_kernel_is_told_to_run_nothing_but_programs_of_the_system() {
    let set = |name: &str, command: &str, more: &str| {
        writing(
            &format!("/proc/sys/kernel/{name}"),
            "-rw-r--r--",
            command,
            more,
        )
    };
    for (name, command) in [
        ("core_pattern", "sysctl -w kernel.core_pattern=|/srv/p/tool"),
        (
            "core_pattern",
            "sysctl kernel/core_pattern=|/usr/../srv/p/tool",
        ),
        (
            "core_pattern",
            "sysctl -w kernel.core_pattern=|/usr/bin/env\\x20/srv/p/tool",
        ),
        ("core_pattern", "tee /proc/sys/kernel/core_pattern"),
        ("core_pattern", "sysctl --system"),
        ("modprobe", "sysctl -w kernel.modprobe=/srv/p/tool"),
        // The other one is set as well.
        (
            "panic",
            "sysctl -w kernel.panic=1 kernel.modprobe=/srv/p/tool",
        ),
        ("panic", "sysctl -p/srv/p/x.conf"),
    ] {
        assert_eq!(set(name, command, ""), [""; 0], "{command}");
    }
    for (name, command) in [
        ("core_pattern", "sysctl -w kernel.core_pattern=core.%p"),
        (
            "core_pattern",
            "sysctl -w kernel.core_pattern=|/usr/lib/systemd/systemd-coredump\\x20%P",
        ),
        ("modprobe", "sysctl -w kernel.modprobe=/sbin/modprobe"),
        ("panic", "sysctl -w kernel.panic=1"),
    ] {
        let found = set(name, command, "");
        assert_eq!(found.len(), 1, "{command}: {found:?}");
        assert!(found[0].starts_with("sysctl "), "{command}: {found:?}");
    }
    let load = "sysctl -p /srv/p/x.conf";
    let owned_by = |uid: u32| format!("named /srv/p/x.conf reads -rw-r--r-- {uid}");
    assert_eq!(set("panic", load, &owned_by(1000)), [""; 0]);
    assert_eq!(set("panic", load, &owned_by(0)), [load]);
    let fix = first(&writing_scene(
        "/proc/sys/kernel/core_pattern",
        "-rw-r--r--",
        "tee /proc/sys/kernel/core_pattern",
        "",
    ));
    assert!(fix.title.contains("names what the kernel runs"), "{fix:?}");
}

#[test]
fn another_persons_program_is_left_to_that_person() {
    let at = |line: &str| {
        first(&format!(
            "subject alice alice\nattempt write /srv/app/deploy\n\
             drwxr-xr-x root root /srv/app\n{line}"
        ))
    };
    let fix = at("-rwxr-xr-x bob bob /srv/app/deploy");
    assert!(fix.argv.is_empty(), "{fix:?}");
    assert!(fix.title.starts_with("ask bob"), "{fix:?}");
    // It is no program, or bob shares it.
    assert!(!at("-rw-r--r-- bob bob /srv/app/deploy").argv.is_empty());
    let shared = at("-rwxr-xr-x+ bob bob /srv/app/deploy\nuser:alice:r-x\ngroup::r-x\nmask::r-x");
    assert!(!shared.argv.is_empty(), "{shared:?}");
}

#[test]
fn a_table_of_jobs_is_run_by_others_wherever_it_is() {
    for path in [
        "/srv/app/crontab",
        "/srv/app/x.timer",
        "/srv/app/cron.daily/x",
    ] {
        let above: String = path
            .match_indices('/')
            .skip(2)
            .map(|(at, _)| format!("drwxr-xr-x root root {}\n", &path[..at]))
            .collect();
        let fix = first(&format!(
            "subject alice alice\nattempt write {path}\n{above}-rw-r--r-- root root {path}"
        ));
        assert!(fix.argv.is_empty(), "{path}: {fix:?}");
        assert!(
            fix.title.contains("decides what others run"),
            "{path}: {fix:?}"
        );
    }
}

#[test]
fn a_wider_mask_goes_first_if_it_lets_in_nobody_else() {
    let scene = |group: &str| {
        format!(
            "subject alice alice
             group 3010 team
             attempt read /srv/f
             -rw--w----+ deploy team /srv/f
             user:alice:r--
             group::{group}
             mask::-w-"
        )
    };
    assert_eq!(commands(&scene("-w-"))[0], "setfacl -m m::rw- /srv/f");
    // Nobody is known to be in the owning group, but somebody may be.
    assert_eq!(first(&scene("rw-")).title, "let alice read /srv/f");
}

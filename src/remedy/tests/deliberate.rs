//! What was set up on purpose is left unchanged.

use super::{commands, first};
use crate::change::Change;

#[test]
fn a_directory_for_everybody_is_given_to_nobody() {
    let scene = "
        subject alice alice
        attempt chmod /tmp
        drwxrwxrwt root root /tmp
    ";
    assert_eq!(commands(scene), [""; 0]);
}

#[test]
fn a_file_with_an_acl_is_no_leftover() {
    let scene = "
        subject alice alice
        project /srv/app
        attempt write /srv/app/f
        drwxr-xr-x alice alice /srv/app
        -rw-r--r--+ root root /srv/app/f
        user:alice:r--
        group::r--
    ";
    let fix = first(scene);
    // The directory belongs to alice, so no path in it is safe for root.
    assert!(
        fix.led_astray && fix.title == "let alice write /srv/app/f",
        "{fix:?}"
    );
}

#[test]
fn what_root_keeps_for_a_group_is_no_leftover() {
    let scene = "
        subject alice alice
        project /srv/app
        attempt write /srv/app/f
        drwxr-xr-x alice alice /srv/app
        -rw-rw-r-- root www /srv/app/f
    ";
    assert!(
        commands(scene)
            .iter()
            .all(|command| !command.starts_with("chown"))
    );
}

#[test]
fn modes_of_the_kernels_files_stay() {
    let scene = "
        subject alice alice
        attempt read /proc/kmsg
        dr-xr-xr-x root root /proc
        -r-------- root root /proc/kmsg
    ";
    assert_eq!(commands(scene), [""; 0]);
}

#[test]
fn what_its_owner_keeps_from_all_others_is_nobody_elses_business() {
    for object in [
        "-rw------- bob bob /srv/kept",
        "-rw------- deploy bob /srv/kept",
        "drwx------ bob bob /srv/bob",
    ] {
        let words: Vec<&str> = object.split(' ').collect();
        let (owner, path) = (words[1], words[3]);
        let fix = first(&format!(
            "subject alice alice
             attempt read {path}
             {object}"
        ));
        assert!(fix.argv.is_empty(), "{fix:?}");
        let ask = format!("ask {owner}, who owns {path}");
        assert!(fix.title.starts_with(&ask), "{fix:?}");
    }
}

#[test]
fn a_directory_of_a_project_may_be_passed_through_but_not_written() {
    let tried = |what: &str| {
        first(&format!(
            "subject alice alice
             attempt {what}
             drwx------ deploy bob /srv/app
             -rw-r--r-- deploy bob /srv/app/f
             missing /srv/app/new"
        ))
    };
    let command = tried("read /srv/app/f").commands();
    assert_eq!(command, ["setfacl -m u:alice:--x /srv/app"]);
    assert!(tried("create /srv/app/new").argv.is_empty());
}

#[test]
fn programs_of_another_user_are_not_opened_for_writing() {
    let writing = |listing: &str, path: &str| {
        first(&format!(
            "subject alice alice groups=www
             attempt write {path}
             drwxr-xr-x deploy bob /srv/app
             {listing}"
        ))
    };
    for listing in [
        "-rwxr-xr-x deploy bob /srv/app/tool",
        "-rw-r--r-- deploy bob /srv/app/run program=script:/bin/sh",
        "-rw-r--r-- bob bob /srv/app/run program=elf",
        "-rw-r--r-- bob bob /srv/app/task.py",
    ] {
        let path = listing.split(' ').nth(3).expect("a path");
        let fix = writing(listing, path);
        assert!(fix.argv.is_empty(), "{fix:?}");
        let is_a_persons = listing.contains(" bob bob ");
        let told = match is_a_persons {
            true => "ask bob, who owns",
            false => "decides what others run",
        };
        assert!(fix.title.contains(told), "{fix:?}");
    }
    // Its owner shares it with a group of alice's.
    let shared = writing("-rwxr-xr-x deploy www /srv/app/tool", "/srv/app/tool");
    assert!(!shared.argv.is_empty(), "{shared:?}");
}

#[test]
fn a_program_with_rights_of_its_own_is_not_given_away() {
    for powers in [
        "-rwsr-xr-x root root /home/alice/tool",
        "-rwxr-xr-x root root /home/alice/tool capabilities",
    ] {
        for what in ["write", "chmod", "utime"] {
            let all = commands(&format!(
                "subject alice alice
                 attempt {what} /home/alice/tool
                 {powers}"
            ));
            let gives = |command: &String| command.contains("chown");
            assert!(!all.iter().any(gives), "{powers}: {all:?}");
        }
    }
}

#[test]
fn what_root_gave_to_a_group_is_for_that_group() {
    let scene = "
        subject alice alice
        attempt read /srv/app.conf
        -rw-r----- root www /srv/app.conf
    ";
    assert_eq!(commands(scene), ["usermod -aG www alice"]);
}

#[test]
fn another_persons_file_is_not_taken_away_by_opening_the_directory() {
    let scene = "
        subject alice alice
        attempt delete /srv/both/bobs
        drwxr-xr-x deploy www /srv/both
        -rw-r--r-- bob bob /srv/both/bobs
    ";
    let fix = first(scene);
    assert!(fix.argv.is_empty(), "{fix:?}");
}

#[test]
fn a_program_for_a_group_is_not_opened_to_everybody() {
    let scene = "
        subject alice alice
        attempt exec /srv/tool
        -rwxr-xr-- root www /srv/tool
    ";
    let all = commands(scene);
    assert_eq!(all[0], "setfacl -m u:alice:r-x /srv/tool", "{all:?}");
    assert!(all.iter().all(|it| !it.starts_with("chmod")), "{all:?}");
}

#[test]
fn a_file_is_not_opened_to_everybody_for_want_of_acls() {
    let scene = "
        subject alice alice
        attempt read /srv/f
        mount /srv ramfs rw
        -rw-r----- bob bob /srv/f
    ";
    let fix = first(scene);
    assert!(fix.argv.is_empty(), "{fix:?}");
    assert!(
        fix.title.starts_with("ask bob to give /srv/f to a group"),
        "{fix:?}"
    );
}

#[test]
fn what_is_only_mounted_in_ones_own_home_is_not_given_away() {
    let scene = "
        subject alice alice
        attempt write /home/alice/hosts
        mount /home/alice/hosts ext4 rw root=/etc/hosts
        setting fs.protected_hardlinks 1
        -rw-r--r-- root root /home/alice/hosts inode=0:0/77
    ";
    let fix = first(scene);
    assert!(
        fix.argv.is_empty() && fix.title.contains("only mounted there"),
        "{fix:?}"
    );
}

#[test]
fn a_device_that_lost_its_mode_gets_it_back() {
    let scene = |line: &str| {
        format!(
            "subject alice alice
             attempt write /dev/null
             drwxr-xr-x root root /dev
             {line} root root /dev/null"
        )
    };
    assert_eq!(commands(&scene("crw-------")), [""; 0]);
    let lost = scene("crw-------") + " rdev=1:3";
    assert_eq!(commands(&lost), ["chmod 666 /dev/null"]);
    assert!(first(&lost).verified);
    assert_eq!(
        commands(&scene("-rw-r--r--")),
        ["rm /dev/null", "mknod -m 0666 /dev/null c 1 3"]
    );
}

#[test]
fn the_owner_is_asked_before_root_takes_a_file_away() {
    let scene = |owner: &str| {
        format!(
            "subject alice alice
             attempt delete /tmp/f
             command rm /tmp/f
             drwxrwxrwt root root /tmp
             -rw-r--r-- {owner} {owner} /tmp/f"
        )
    };
    let fix = first(&scene("bob"));
    assert!(fix.title.starts_with("ask bob to delete /tmp/f"), "{fix:?}");
    assert_eq!(commands(&scene("bob")), [""; 0]);
    assert_eq!(commands(&scene("root")), ["rm /tmp/f"]);
}

#[test]
fn what_decides_who_is_root_is_not_replaced_by_root_on_a_word() {
    for command in [
        "mv /etc/passwd /etc/passwd.old",
        "cp x /etc/passwd",
        "vim /etc/passwd",
    ] {
        let operation = match command.starts_with("mv") {
            true => "rename /etc/passwd to=/etc/passwd.old",
            false => "write /etc/passwd",
        };
        let fix = first(&format!(
            "subject alice alice
             attempt {operation}
             command {command}
             drwxr-xr-x root root /etc
             -rw-r--r-- root root /etc/passwd
             missing /etc/passwd.old"
        ));
        assert!(fix.argv.is_empty(), "{command}: {fix:?}");
        assert!(fix.title.contains("visudo, vipw"), "{command}: {fix:?}");
    }
}

#[test]
fn a_program_that_makes_its_own_socket_needs_to_write_there() {
    let scene = |command: &str| {
        commands(&format!(
            "subject alice alice
             attempt connect /srv/mux/socket
             command {command}
             drwxr-x--- deploy www /srv/mux
             unseen /srv/mux/socket"
        ))
    };
    assert_eq!(
        scene("tmux -S /srv/mux/socket")[0],
        "setfacl -m u:alice:-wx /srv/mux"
    );
    assert_eq!(
        scene("nc -U /srv/mux/socket")[0],
        "setfacl -m u:alice:--x /srv/mux"
    );
}

#[test]
fn ones_own_file_is_given_away_only_where_nobody_can_redirect_it() {
    let at = |above: &str| {
        commands(&format!(
            "subject alice alice
             attempt chown /srv/d/f owner=1001
             drwxr-xr-x {above} /srv/d
             -rw-r--r-- alice alice /srv/d/f"
        ))
    };
    assert_eq!(at("root root"), ["chown -h bob /srv/d/f"]);
    assert_eq!(at("alice alice"), [""; 0]);
}

#[test]
fn a_database_is_opened_together_with_its_journal() {
    let scene = "
        subject  alice alice
        attempt  write /srv/app/s.db
        drwxr-xr-x deploy www /srv/app
        -rw-r--r-- deploy www /srv/app/s.db
    ";
    let whole = first(&format!("{scene}\nbeside -journal"));
    assert_eq!(
        whole.commands(),
        [
            "runuser -u deploy -- setfacl -m u:alice:rw- /srv/app/s.db",
            "setfacl -m u:alice:rwx /srv/app"
        ]
    );
    assert!(whole.verified && whole.complete);
    assert_eq!(first(scene).argv.len(), 1);
}

#[test]
fn a_setting_of_the_machine_is_not_lowered_on_a_programs_word() {
    let scene = "
        subject  alice alice
        attempt  dmesg -
        setting  kernel.dmesg_restrict 1
    ";
    assert_eq!(commands(scene), ["sysctl -w kernel.dmesg_restrict=0"]);
    assert_eq!(commands(&format!("{scene}\nhearsay")), [""; 0]);
    let port = "
        subject  alice alice
        attempt  bind 0.0.0.0:80
        setting  net.ipv4.ip_unprivileged_port_start 1024
    ";
    assert_eq!(
        commands(port),
        ["sysctl -w net.ipv4.ip_unprivileged_port_start=80"]
    );
    assert_eq!(commands(&format!("{port}\nhearsay")), [""; 0]);
}

#[test]
fn root_does_not_run_what_others_could_have_placed() {
    let scene = "
        subject  alice alice
        attempt  create /etc/f
        drwxr-xr-x root root /etc
        missing  /etc/f
        command  cp f /etc/f
    ";
    assert_eq!(commands(scene), ["cp f /etc/f"]);
    assert_eq!(commands(&format!("{scene}\nplanted")), [""; 0]);
}

#[test]
fn a_makefile_that_knows_no_prefix_gets_none() {
    let scene = "
        subject  alice alice
        attempt  create /usr/local/bin/tool
        drwxr-xr-x root root /usr
        drwxr-xr-x root root /usr/local
        drwxr-xr-x root root /usr/local/bin
        missing  /usr/local/bin/tool
        command  make install
    ";
    assert_eq!(commands(scene), ["make install"]);
    assert_eq!(
        commands(&format!("{scene}\ninstalls prefix")),
        ["make install prefix=/home/alice/.local", "make install"]
    );
}

#[test]
fn a_group_that_means_something_stays_when_a_tree_is_given_back() {
    let scene = |leftovers: &str| {
        format!(
            "
        subject  alice alice
        attempt  write /home/alice/app/out/f
        drwxr-xr-x alice alice /home/alice/app
        drwxr-xr-x root root /home/alice/app/out
        -rw-r--r-- root root /home/alice/app/out/f
        leftovers /home/alice/app root 3 own=9{leftovers}
    "
        )
    };
    let group = |leftovers| match first(&scene(leftovers)).changes[..] {
        [Change::ChownTree { gid, .. }] => gid,
        ref changes => panic!("{changes:?}"),
    };
    assert_eq!(group(""), Some(1000));
    assert_eq!(group(" groups"), None);
}

#[test]
fn what_inherits_the_group_of_its_directory_is_a_leftover_all_the_same() {
    let scene = |directory: &str| {
        format!(
            "
        subject  alice alice
        attempt  write /home/alice/app/f
        {directory} alice www /home/alice/app
        -rw-r--r-- root www /home/alice/app/f inode=0:0/77
        setting  fs.protected_hardlinks 1
    "
        )
    };
    let inherited = first(&scene("drwxrwsr-x"));
    assert_eq!(inherited.title, "give alice back /home/alice/app/f");
    assert!(matches!(
        inherited.changes[..],
        [Change::Chown { gid: None, .. }]
    ));
    let chosen = first(&scene("drwxr-xr-x"));
    assert_ne!(chosen.title, inherited.title);
}

#[test]
fn a_mailbox_is_its_owners_wherever_it_is() {
    let scene = |name: &str| {
        format!(
            "
        subject alice alice
        attempt read /srv/mail/{name}
        drwxr-xr-x root root /srv/mail
        -rw-rw---- bob www /srv/mail/{name}
    "
        )
    };
    assert_eq!(commands(&scene("bob")), [""; 0]);
    assert!(!commands(&scene("report")).is_empty());
}

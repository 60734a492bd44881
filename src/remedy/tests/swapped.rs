//! Somebody replaces the object of a command between the time of the hint and the time it is pasted.

use super::super::safely;
use super::{commands, first, offered, parsed};
use crate::change::{Change, Effect, argv};

#[test]
fn a_link_of_somebody_elses_ends_it() {
    let scene = "
        subject alice alice
        attempt chmod /tmp/m/run.sh mode=755
        setting fs.protected_symlinks 1
        command chmod 755 /tmp/m/run.sh
        drwxrwxrwt root root /tmp
        drwxr-xr-x bob bob /tmp/m
        lrwxrwxrwx bob bob /tmp/m/run.sh -> /usr/bin/passwd
        drwxr-xr-x root root /usr
        drwxr-xr-x root root /usr/bin
        -rwsr-xr-x root root /usr/bin/passwd
    ";
    assert_eq!(commands(scene), [""; 0], "{:#?}", offered(scene));
}

#[test]
fn a_link_of_the_subjects_own_leads_to_what_it_names() {
    let scene = "
        subject alice alice
        attempt write /home/alice/db
        lrwxrwxrwx alice alice /home/alice/db -> /srv/db
        -rw-r--r-- root root /srv/db
    ";
    assert_eq!(first(scene).commands(), ["setfacl -m u:alice:rw- /srv/db"]);
}

#[test]
fn root_is_given_no_path_through_a_directory_of_the_subjects() {
    let scene = "
        subject 33 33
        attempt read /srv/app/db
        drwxr-xr-x alice alice /srv/app
        -rw-r----- root root /srv/app/db
    ";
    let fix = first(scene);
    assert!(fix.argv.is_empty(), "{fix:?}");
    assert!(fix.effect == Effect::Repairs && fix.verified, "{fix:?}");
    assert!(
        fix.sentence().contains("`permwrap fix` does it safely"),
        "{fix:?}"
    );
}

#[test]
fn set_group_id_stays_where_the_owner_is_in_the_group() {
    let scene = |owner: &str| {
        format!(
            "
        subject alice alice
        attempt list /srv/app/data
        drwxr-xr-x {owner} www /srv/app
        drwxr-s--- {owner} www /srv/app/data
    "
        )
    };
    assert_eq!(
        first(&scene("deploy")).commands(),
        ["runuser -u deploy -- setfacl -m u:alice:r-x /srv/app/data"]
    );
    let fix = first(&scene("bob"));
    assert!(
        !fix.commands().iter().any(|it| it.contains("runuser")),
        "{fix:?}"
    );
}

#[test]
fn the_owner_of_object_and_directories_does_it() {
    let scene = "
        subject alice alice
        attempt read /srv/app/db
        drwxr-x--x deploy www /srv/app
        -rw-r----- deploy www /srv/app/db
    ";
    assert_eq!(
        first(scene).commands(),
        ["runuser -u deploy -- setfacl -m u:alice:r-- /srv/app/db"]
    );
}

#[test]
fn where_a_group_may_write_nobody_elses_word_is_good() {
    let scene = "
        subject alice alice
        attempt read /srv/app/db
        drwxrwx--x deploy www /srv/app
        -rw-r----- deploy www /srv/app/db
    ";
    let safe = |fix: &super::Fix| fix.argv.is_empty() || fix.commands()[0].starts_with("usermod");
    let fixes = offered(scene).fixes;
    assert!(fixes.iter().all(safe), "{fixes:#?}");
}

#[test]
fn a_leftover_is_given_back_through_its_descriptor_alone() {
    let scene = "
        subject alice alice
        attempt write /home/alice/app/log
        setting fs.protected_hardlinks 1
        drwxr-xr-x alice alice /home/alice/app
        -rw-r--r-- root root /home/alice/app/log inode=0:0/77
    ";
    let fix = first(scene);
    // Between a look at its number and the change, another file could be put in its place.
    assert!(fix.argv.is_empty() && fix.led_astray, "{fix:?}");
    assert!(fix.verified && fix.needs_root, "{fix:?}");
}

#[test]
fn what_root_keeps_to_itself_is_no_leftover() {
    let scene = "
        subject alice alice
        attempt write /home/alice/.viminfo
        setting fs.protected_hardlinks 1
        -rw------- root root /home/alice/.viminfo inode=0:0/77
    ";
    assert_eq!(commands(scene), [""; 0], "{:#?}", offered(scene));
}

#[test]
fn a_tree_with_a_mount_in_it_is_not_changed_as_a_whole() {
    let tree = |left: &str| {
        format!(
            "subject alice alice
             attempt write /home/alice/app/x
             setting fs.protected_hardlinks 1
             project /home/alice/app
             leftovers /home/alice/app root 214 {left}
             drwxr-xr-x alice alice /home/alice/app
             -rw-r--r-- root root /home/alice/app/x inode=0:0/77"
        )
    };
    let title = |left: &str| first(&tree(left)).title;
    assert!(title("own=300").contains("the 214 files of root"));
    for left in ["own=300 mounts", "own=20"] {
        assert_eq!(title(left), "give alice back /home/alice/app/x", "{left}");
    }
}

#[test]
fn a_copy_by_root_is_not_led_through_a_directory_of_the_subjects() {
    let scene = "
        subject alice alice
        attempt create /home/alice/out/foo
        command cp foo /home/alice/out/foo
        lrwxrwxrwx alice alice /home/alice/out -> /etc
        drwxr-xr-x root root /etc
        missing /etc/foo
    ";
    assert_eq!(commands(scene), [""; 0], "{:#?}", offered(scene));
}

#[test]
fn a_program_keeps_the_capabilities_that_it_has() {
    let scene = |owner: &str, firm: &str| {
        commands(&format!(
            "subject alice alice
             attempt bind 0.0.0.0:80
             setting net.ipv4.ip_unprivileged_port_start 1024
             setting owns-network-namespace yes
             program /opt/app/server {owner} {firm} capabilities=2000:0 effective
             command /opt/app/server"
        ))
    };
    let command = "setcap cap_net_bind_service,cap_net_raw=ep /opt/app/server";
    assert_eq!(scene("root", "firm")[0], command);
    // Root must not resolve a path to an object that alice can replace.
    for (owner, firm) in [("alice", ""), ("bob", "firm")] {
        let commands = scene(owner, firm);
        assert!(
            commands.iter().all(|it| !it.contains("setcap")),
            "{commands:?}"
        );
    }
}

#[test]
fn on_nfs_the_owner_changes_what_root_may_not() {
    let scene = |fs_type: &str| {
        format!(
            "
        subject alice alice
        attempt read /srv/app/data/f
        mount /srv {fs_type} rw source=server:/export
        drwxr-xr-x root root /srv/app
        drwxr----- deploy www /srv/app/data
        unseen /srv/app/data/f ?EACCES
    "
        )
    };
    let on_disk = first(&scene("ext4"));
    let on_server = first(&scene("nfs4"));
    assert!(!on_disk.commands()[0].starts_with("runuser"), "{on_disk:?}");
    assert!(
        on_server.commands()[0].starts_with("runuser -u deploy -- "),
        "{on_server:?}"
    );
}

#[test]
fn root_runs_nothing_that_reads_what_others_can_replace() {
    let scene = |more: &str| {
        format!(
            "
        subject alice alice
        attempt create /etc/app.conf
        command cp app.conf /etc/app.conf
        {more}
        drwxr-xr-x root root /etc
        missing /etc/app.conf
    "
        )
    };
    assert_eq!(commands(&scene("")), ["cp app.conf /etc/app.conf"]);
    let fix = first(&scene("swappable"));
    assert!(
        fix.argv.is_empty() && fix.title.contains("copy it to a directory of your own"),
        "{fix:?}"
    );
}

#[test]
fn root_may_run_a_command_as_the_one_who_could_replace_what_it_reads() {
    let scene = parsed(
        "
        subject root root caps=full
        attempt read /mnt/a/f
        drwxr-xr-x root root /mnt
        drwxr-xr-x alice alice /mnt/a
        -rw------- alice alice /mnt/a/f
    ",
    );
    let pasted = |user: &[u8]| {
        let run = Change::Run {
            argv: argv(&[b"runuser", b"-u", user, b"--", b"cat", b"/mnt/a/f"]),
            root: true,
            effect: Effect::DoesIt,
        };
        safely::command(&run, &scene.attempt.subject, &scene.facts)
    };
    assert!(pasted(b"alice").is_some());
    assert_eq!(pasted(b"bob"), None);
    assert_eq!(pasted(b"root"), None);
}

#[test]
fn a_name_that_anybody_may_have_made_for_a_file_opens_nothing() {
    let scene = |place: &str, protected: u8, links: u8| {
        format!(
            "
        subject alice alice
        attempt read {place}/x
        setting fs.protected_hardlinks {protected}
        drwxr-xr-x alice alice /srv/al
        -rw-r----- root www {place}/x links={links}
    "
        )
    };
    for place in ["/home/alice", "/srv/al"] {
        assert_eq!(commands(&scene(place, 0, 2)), [""; 0], "{place}");
        assert!(!commands(&scene(place, 0, 1)).is_empty(), "{place}");
        assert!(!commands(&scene(place, 1, 2)).is_empty(), "{place}");
    }
}

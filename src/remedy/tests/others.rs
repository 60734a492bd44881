//! What other users rely on is neither opened nor closed because a program's output suggests it.

use super::{commands, first};

#[test]
fn what_root_runs_is_not_opened_for_writing() {
    for line in [
        "-rwxr-xr-x root root /srv/x",
        "drwxr-xr-x root root /srv/app/bin",
        "-rw-r--r-- root root /srv/app.service",
        "-rw-r--r-- root root /srv/libz.so.1",
        "drwxr-xr-x root root /srv/venv/lib/python3/site-packages",
    ] {
        let path = line.rsplit(' ').next().expect("it ends in a path");
        let above: String = path
            .match_indices('/')
            .skip(2)
            .map(|(at, _)| format!("drwxr-xr-x root root {}\n", &path[..at]))
            .collect();
        let is_dir = line.starts_with('d');
        let (operation, new) = match is_dir {
            true => ("create", "/new"),
            false => ("write", ""),
        };
        let missing = if is_dir {
            format!("missing {path}/new")
        } else {
            String::new()
        };
        let fix = first(&format!(
            "subject alice alice\nattempt {operation} {path}{new}\n{above}{line}\n{missing}"
        ));
        assert!(fix.argv.is_empty(), "{line}: {fix:?}");
        assert!(
            fix.title.contains("decides what others run"),
            "{line}: {fix:?}"
        );
    }
}

#[test]
fn who_was_shut_out_by_name_stays_out() {
    let fix = first(
        "subject alice alice
         attempt read /srv/f
         -rw-r--r--+ root root /srv/f
         user:alice:---
         group::r--
         mask::r--",
    );
    assert!(
        fix.argv.is_empty() && fix.title.contains("which must be intended"),
        "{fix:?}"
    );
}

#[test]
fn a_home_is_where_the_user_database_says() {
    let scene = "
        subject alice alice
        user 1001 bob /srv/bobhome
        attempt create /srv/bobhome/.ssh
        drwxr-xr-x bob bob /srv/bobhome
        missing /srv/bobhome/.ssh
    ";
    assert_eq!(commands(scene), [""; 0]);
}

#[test]
fn a_bind_mount_does_not_hide_what_lies_there() {
    let scene = |line: &str| {
        commands(&format!(
            "subject alice alice
             attempt read /srv/jail/etc/f
             mount /srv/jail/etc ext4 rw root=/etc origin=/etc
             drwxr-xr-x root root /srv/jail
             drwxr-xr-x root root /srv/jail/etc
             {line} /srv/jail/etc/f"
        ))
    };
    assert_eq!(scene("-rw-r----- deploy www"), [""; 0]);
    let create = "
        subject alice alice
        attempt create /srv/jail/etc/cron.d/x
        mount /srv/jail/etc ext4 rw root=/etc origin=/etc
        drwxr-xr-x root root /srv/jail
        drwxr-xr-x root root /srv/jail/etc
        drwxr-xr-x root root /srv/jail/etc/cron.d
        missing /srv/jail/etc/cron.d/x
    ";
    assert_eq!(commands(create), [""; 0]);
}

#[test]
fn the_mark_of_another_persons_file_stays() {
    let scene = "
        subject alice alice
        attempt write /srv/i
        -rw-r--r-- bob bob /srv/i flags=immutable
    ";
    assert_eq!(commands(scene), [""; 0]);
}

#[test]
fn a_group_that_may_be_a_persons_own_is_never_the_only_way() {
    let scene = "
        subject alice alice
        group 1003 carol carol
        attempt read /srv/f
        -rw-r----- root carol /srv/f
    ";
    assert!(commands(scene).iter().all(|it| !it.contains("usermod")));
}

#[test]
fn root_does_not_trust_a_repository_that_a_person_can_write() {
    let fix = first(
        "subject root root
         attempt git-safe-directory /srv/repo
         command git -C /srv/repo status
         drwxr-xr-x bob bob /srv/repo",
    );
    assert!(fix.argv.is_empty(), "{fix:?}");
    assert!(fix.title.contains("runuser -u bob -- git"), "{fix:?}");
}

#[test]
fn a_repository_is_trusted_with_a_word_on_who_can_write_it() {
    let trusted = |line: &str| {
        first(&format!(
            "subject alice alice
             attempt git-safe-directory /srv/repo
             {line} /srv/repo"
        ))
    };
    let roots = trusted("drwxr-xr-x root root");
    assert_eq!(roots.note, "only root can write it");
    assert_eq!(roots.argv.len(), 1);
    let services = trusted("drwxr-xr-x deploy www");
    assert!(services.note.ends_with("only if you trust deploy"));
    let teams = trusted("drwxrwsr-x deploy www");
    assert!(teams.note.ends_with("all who can write to it"), "{teams:?}");
    let everybodys = trusted("drwxrwxrwx deploy www");
    assert_eq!(everybodys.title, "ask deploy, who owns /srv/repo");
}

#[test]
fn a_part_of_ones_own_repository_that_root_left_there_is_given_back() {
    let scene = |owner: &str| {
        format!(
            "subject alice alice
             attempt git-safe-directory /home/alice/r/.git
             drwxr-xr-x alice alice /home/alice/r
             drwxr-xr-x {owner} {owner} /home/alice/r/.git"
        )
    };
    let given = first(&scene("root"));
    assert_eq!(given.title, "give alice back /home/alice/r/.git");
    assert!(given.verified && given.led_astray, "{given:?}");
    // git knows the whole by its name, not the part.
    let trusted = commands(&scene("bob"));
    assert_eq!(
        trusted,
        ["git config --global --add safe.directory /home/alice/r"]
    );
}

#[test]
fn permissions_are_not_taken_from_what_everybody_needs() {
    for line in [
        "-rw-r--r-- root root /etc/passwd",
        "-rwsr-xr-x root root /usr/bin/sudo",
        "drwxr-xr-x root root /usr/lib",
    ] {
        let path = line.rsplit(' ').next().expect("it ends in a path");
        let commands = commands(&format!(
            "subject alice alice
             attempt ssh-private-key {path}
             drwxr-xr-x root root /etc
             drwxr-xr-x root root /usr
             drwxr-xr-x root root /usr/bin
             {line}"
        ));
        assert_eq!(commands, [""; 0], "{line}");
    }
}

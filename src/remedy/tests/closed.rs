//! What a service, root or another person keeps closed, and whom to ask.

use super::{commands, first, offered};

/// A service's account, whose group nobody else is in.
const REDIS: &str = "
    user   110  redis
    group  110  redis redis
";

#[test]
fn what_a_service_keeps_for_itself_is_opened_to_nobody() {
    let told = |way: &str| {
        let fix = first(&format!(
            "subject alice alice
             attempt read /srv/redis/dump
             {REDIS}
             {way}"
        ));
        assert!(fix.argv.is_empty() && !fix.led_astray, "{way}: {fix:?}");
        fix.title
    };
    let asks = "ask redis, who owns /srv/redis";
    assert!(
        told("drwxr-x--- redis redis /srv/redis\n-rw-r--r-- redis redis /srv/redis/dump")
            .starts_with(asks)
    );
    let file = |listing: &str, owner: &str| {
        told(&format!(
            "drwxr-xr-x {owner} /srv/redis\n{listing} /srv/redis/dump"
        ))
    };
    assert!(file("-rw-r----- redis redis", "redis redis").starts_with(asks));
    // Root made it for that account: its group would open the rest as well.
    assert!(file("-rw-rw---- root redis", "root root").contains("closed on purpose"));
    assert!(file("-rw-r----- root redis", "alice alice").contains("closed on purpose"));
}

#[test]
fn a_services_group_is_joined_for_its_socket_alone() {
    let scene = |what: &str| {
        commands(&format!(
            "subject alice alice
             {REDIS}
             {what}"
        ))
    };
    let socket = "attempt connect /run/redis/s
        drwxr-xr-x root root /run
        drwxr-xr-x redis redis /run/redis
        srwxrwx--- redis redis /run/redis/s";
    assert_eq!(scene(socket), ["usermod -aG redis alice"]);
    let file = "attempt read /srv/f
        -rw-r----- root redis /srv/f";
    assert_eq!(scene(file), [""; 0]);
}

#[test]
fn what_root_has_marked_stays_marked() {
    let tried = |listing: &str, flags: &str| {
        first(&format!(
            "subject alice alice
             attempt write /home/alice/p/f
             drwxr-xr-x alice alice /home/alice/p
             {listing} /home/alice/p/f flags={flags}"
        ))
    };
    for flags in ["immutable", "append"] {
        let fix = tried("-rw-r--r-- root root", flags);
        assert!(fix.title.contains("locked"), "{fix:?}");
        assert!(fix.argv.is_empty() && !fix.led_astray, "{fix:?}");
    }
    // On her own file it is her business.
    let own = tried("-rw-r--r-- alice alice", "immutable");
    assert!(own.verified && own.led_astray, "{own:?}");
    // Root has set it, and may know why.
    let by_root = commands(
        "subject root root
         attempt write /home/alice/f
         -rw-r--r-- alice alice /home/alice/f flags=immutable",
    );
    assert_eq!(by_root, ["chattr -i /home/alice/f"]);
}

#[test]
fn what_another_keeps_closed_in_ones_own_tree_gets_one_answer() {
    for owner in ["root", "bob"] {
        let title = |what: &str| {
            let fix = first(&format!(
                "subject alice alice
                 attempt {what}
                 drwxr-xr-x alice alice /srv/p
                 drwx------ {owner} {owner} /srv/p/out
                 missing /srv/p/out/new"
            ));
            assert!(fix.argv.is_empty() && !fix.led_astray, "{what}: {fix:?}");
            fix.title
        };
        let (listing, creating) = (title("list /srv/p/out"), title("create /srv/p/out/new"));
        let asks = match owner {
            "root" => "/srv/p/out belongs to root, among this user's own files",
            _ => "ask bob, who owns /srv/p/out",
        };
        assert!(listing.starts_with(asks), "{listing}");
        assert!(creating.starts_with(asks), "{creating}");
    }
}

/// Only root can tell a leftover of sudo from what was hidden there, or moved there from elsewhere.
#[test]
fn what_is_anothers_alone_in_ones_own_home_is_given_back_after_a_look() {
    let roots = first(
        "subject alice alice
         attempt write /home/alice/.viminfo
         -rw------- root root /home/alice/.viminfo",
    );
    assert!(roots.argv.is_empty() && roots.led_astray, "{roots:?}");
    assert!(roots.note.contains("if sudo left it there"), "{roots:?}");
    let bobs = first(
        "subject alice alice
         attempt ssh-config /home/alice/.ssh/config
         drwx------ alice alice /home/alice/.ssh
         -rw-r--r-- bob bob /home/alice/.ssh/config",
    );
    assert!(bobs.title.contains("only if that is a mistake"), "{bobs:?}");
    assert!(bobs.argv.is_empty() && !bobs.verified, "{bobs:?}");
}

/// What a group's members may do tells nothing of what is meant for somebody who would only join it.
#[test]
fn what_stays_closed_with_the_way_open_stays_so_behind_a_closed_way() {
    for object in ["-rwxr-xr-x deploy www", "-rw-r----- deploy bob"] {
        for way in ["drwxr-xr-x root root", "drwxr-x--- deploy www"] {
            let fixes = offered(&format!(
                "subject alice alice
                 attempt append /srv/real/tool
                 {way} /srv/real
                 {object} /srv/real/tool"
            ))
            .fixes;
            let made = fixes.iter().any(|fix| fix.verified);
            assert!(!made, "{object} behind {way}: {fixes:#?}");
        }
    }
}

/// Each command of a fix for root is run by whoever can harm nobody else by it.
#[test]
fn of_a_fix_for_root_the_subjects_own_part_is_run_as_the_subject() {
    let lines = commands(
        "subject alice alice
         attempt create /srv/p/d/new
         drwxr-x--- deploy www /srv/p
         dr-x------ alice alice /srv/p/d
         missing /srv/p/d/new",
    );
    let own = "runuser -u alice -- chmod u+wx /srv/p/d";
    assert_eq!(lines[..2], ["setfacl -m u:alice:--x /srv/p", own]);
}

#[test]
fn a_person_who_is_asked_is_told_what_to_type() {
    let title = |groups: &str| {
        first(&format!(
            "subject alice alice {groups}
             attempt read /srv/f
             -rw------- bob www /srv/f"
        ))
        .sentence()
    };
    let asks = "ask bob, who owns /srv/f and may: ";
    assert_eq!(title(""), format!("{asks}setfacl -m u:alice:r-- /srv/f"));
    assert_eq!(title("groups=www"), format!("{asks}chmod g+r /srv/f"));
}

#[test]
fn a_tree_of_roots_is_deleted_by_root() {
    let fix = first(
        "subject alice alice
         attempt delete /srv/other/f
         drwxr-xr-x root root /srv/other
         -rw-r--r-- root root /srv/other/f
         command rm -rf /srv/other
         deleted /srv/other",
    );
    assert!(fix.title.starts_with("leave it to root"), "{fix:?}");
    assert!(fix.argv.is_empty(), "{fix:?}");
}

#[test]
fn root_without_its_privileges_is_let_in_by_the_owner() {
    let fix = first(
        "subject root root caps=none
         attempt read /srv/f
         -rw------- bob root /srv/f",
    );
    assert!(fix.title.starts_with("ask bob"), "{fix:?}");
}

#[test]
fn what_root_could_type_is_told_where_nobody_can_redirect_it() {
    let told = |above: &str| {
        first(&format!(
            "subject alice alice
             attempt read /srv/app/c.yml
             drwxr-xr-x {above} /srv/app
             -rw------- root root /srv/app/c.yml"
        ))
        .line
    };
    let line = "sudo chgrp alice /srv/app/c.yml && sudo chmod g+r /srv/app/c.yml";
    assert_eq!(told("root root").as_deref(), Some(line));
    assert_eq!(told("bob bob"), None);
    let directory = first(
        "subject alice alice
         attempt create /srv/app/new
         drwxr-xr-x root root /srv/app
         missing /srv/app/new
         peopled /srv/app",
    );
    let line = "sudo install -d -o alice -g alice /srv/app/alice";
    assert_eq!(directory.line.as_deref(), Some(line));
}

#[test]
fn what_a_group_may_read_is_not_given_to_another_group() {
    let line = |mode: &str, group: &str| {
        first(&format!(
            "subject alice alice
             attempt read /srv/app/c.yml
             drwxr-xr-x root root /srv/app
             {mode} root {group} /srv/app/c.yml"
        ))
        .line
    };
    let alone = "sudo setfacl -m u:alice:r-- /srv/app/c.yml";
    assert_eq!(line("-rw-r-----", "bob").as_deref(), Some(alone));
    let given = "sudo chgrp alice /srv/app/c.yml && sudo chmod g+r /srv/app/c.yml";
    assert_eq!(line("-rw-------", "bob").as_deref(), Some(given));
    assert_eq!(line("-rw-r-----", "root").as_deref(), Some(given));
}

#[test]
fn what_root_itself_is_refused_only_root_can_change() {
    let by = |subject: &str| {
        first(&format!(
            "subject {subject} {subject}
             attempt write /srv/f
             -rw-r--r-- {subject} {subject} /srv/f flags=immutable"
        ))
    };
    assert!(by("root").needs_root && by("alice").needs_root);
    let own = first(
        "subject alice alice
         attempt write /srv/f
         -r--r--r-- alice alice /srv/f",
    );
    assert!(!own.needs_root);
}

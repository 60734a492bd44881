//! Coreutils, findutils, tar and git.

use crate::case::Case;
use crate::support::World;

#[test]
fn cat_behind_a_closed_directory() {
    Case {
        needs: &[],
        scene: "install -d -m 750 -o deploy -g www /srv/app && echo hello > /srv/app/db && chmod 644 /srv/app/db",
        command: "cat /srv/app/db",
        errno: "EACCES",
        path: "/srv/app/db",
        cause: "dir-not-searchable",
        at: "/srv/app",
    }
    .check();
}

#[test]
fn cat_of_ones_own_closed_file() {
    Case {
        needs: &[],
        scene: "echo x > /home/alice/f && chown alice: /home/alice/f && chmod 0 /home/alice/f",
        command: "cat f",
        errno: "EACCES",
        path: "/home/alice/f",
        cause: "mode-denies",
        at: "/home/alice/f",
    }
    .check();
}

#[test]
fn touch_in_a_directory_of_somebody_else() {
    Case {
        needs: &[],
        scene: "install -d -m 755 -o deploy -g www /srv/up",
        command: "touch /srv/up/new",
        errno: "EACCES",
        path: "/srv/up/new",
        cause: "parent-not-writable",
        at: "/srv/up",
    }
    .check();
}

#[test]
fn mkdir_of_several_levels() {
    Case {
        needs: &[],
        scene: "install -d -m 755 -o deploy -g www /srv/up",
        command: "mkdir -p /srv/up/a/b",
        errno: "EACCES",
        path: "/srv/up/a",
        cause: "parent-not-writable",
        at: "/srv/up",
    }
    .check();
}

#[test]
fn rm_in_a_sticky_directory() {
    Case {
        needs: &[],
        scene: "install -d -m 1777 /srv/sticky && touch /srv/sticky/left && chown 990:990 /srv/sticky/left && chmod 666 /srv/sticky/left",
        command: "rm -f /srv/sticky/left",
        errno: "EPERM",
        path: "/srv/sticky/left",
        cause: "sticky-directory",
        at: "/srv/sticky",
    }
    .check();
}

#[test]
fn rm_of_an_immutable_file() {
    Case {
        needs: &["chattr"],
        scene: "chattr -i /home/alice/f 2>/dev/null; touch /home/alice/f && chown alice: /home/alice/f && chattr +i /home/alice/f",
        command: "rm -f f",
        errno: "EPERM",
        path: "/home/alice/f",
        cause: "immutable-file",
        at: "/home/alice/f",
    }
    .check();
}

#[test]
fn ls_of_a_directory_that_cannot_be_listed() {
    Case {
        needs: &[],
        scene: "install -d -m 711 -o deploy -g www /srv/up",
        command: "ls /srv/up",
        errno: "EACCES",
        path: "/srv/up",
        cause: "mode-denies",
        at: "/srv/up",
    }
    .check();
}

#[test]
fn an_acl_entry_without_the_bit() {
    Case {
        needs: &["setfacl"],
        scene: "echo x > /srv/f && chown deploy:www /srv/f && chmod 666 /srv/f && setfacl -m u:alice:w /srv/f",
        command: "cat /srv/f",
        errno: "EACCES",
        path: "/srv/f",
        cause: "acl-denies",
        at: "/srv/f",
    }
    .check();
}

#[test]
fn an_acl_mask_that_takes_the_bit_away() {
    Case {
        needs: &["setfacl"],
        scene: "echo x > /srv/f && chown deploy:www /srv/f && chmod 640 /srv/f && setfacl -m u:alice:rw,m::r /srv/f",
        command: "tee -a /srv/f < /dev/null",
        errno: "EACCES",
        path: "/srv/f",
        cause: "acl-mask-denies",
        at: "/srv/f",
    }
    .check();
}

#[test]
fn cp_onto_a_read_only_file() {
    Case {
        needs: &[],
        scene: "echo x > /home/alice/from && echo y > /srv/to && chown deploy: /srv/to && chmod 644 /srv/to",
        command: "cp /etc/hostname /srv/to",
        errno: "EACCES",
        path: "/srv/to",
        cause: "mode-denies",
        at: "/srv/to",
    }
    .check();
}

#[test]
fn chmod_of_somebody_elses_file() {
    let case = Case {
        needs: &[],
        scene: "touch /srv/f && chown 990:990 /srv/f",
        command: "chmod 744 /srv/f",
        errno: "EPERM",
        path: "/srv/f",
        cause: "not-owner",
        at: "/srv/f",
    };
    let Some((world, fix, wrapped)) = case.explained() else {
        return;
    };
    // The fix performs the operation for alice: she is not allowed to do it herself afterwards either.
    assert_eq!(fix["commands"][0], "chmod 744 /srv/f", "{wrapped}");
    assert_eq!(fix["needs_root"], true, "{wrapped}");
    world.root("chmod 744 /srv/f && test $(stat -c %a /srv/f) = 744");
}

#[test]
fn find_in_a_directory_that_cannot_be_listed() {
    Case {
        needs: &[],
        scene: "install -d -m 755 /srv/tree && install -d -m 711 -o deploy /srv/tree/closed",
        command: "find /srv/tree",
        errno: "EACCES",
        path: "/srv/tree/closed",
        cause: "mode-denies",
        at: "/srv/tree/closed",
    }
    .check();
}

#[test]
fn tar_into_a_closed_directory() {
    Case {
        needs: &["tar"],
        scene: "install -d -m 755 -o deploy /srv/out && cd /home/alice && echo x > member && tar -cf a.tar member && rm member && chown alice: a.tar",
        command: "tar -C /srv/out -xf a.tar",
        errno: "EACCES",
        path: "/srv/out/member",
        cause: "parent-not-writable",
        at: "/srv/out",
    }
    .check();
}

#[test]
fn git_in_a_repository_with_leftovers_of_root() {
    Case {
        needs: &["git"],
        scene: "rm -rf /home/alice/p && setpriv --reuid 3001 --regid 3001 --clear-groups git -c init.defaultBranch=main init -q /home/alice/p && touch /home/alice/p/f && chown alice: /home/alice/p/f && chown -R root: /home/alice/p/.git/objects",
        command: "git -C p add f",
        errno: "EACCES",
        path: "/home/alice/p/.git/objects",
        cause: "parent-not-writable",
        at: "/home/alice/p/.git/objects",
    }
    .check();
}

#[test]
fn tar_in_a_directory_that_it_was_told_of() {
    Case {
        needs: &["tar"],
        scene: "install -d -m 755 -o deploy /srv/out && touch /srv/x && tar -C /srv -cf /srv/t.tar x",
        command: "sh -c 'cd /; tar -xf /srv/t.tar -C /srv/out'",
        errno: "EACCES",
        path: "/srv/out/x",
        cause: "parent-not-writable",
        at: "/srv/out",
    }
    .check();
}

#[test]
fn to_read_a_directory_is_to_list_it() {
    let case = Case {
        needs: &["python3"],
        scene: "install -d -m 711 -o deploy /srv/d",
        command: "/usr/bin/python3 -c 'import os; os.listdir(\"/srv/d\")'",
        errno: "EACCES",
        path: "/srv/d",
        cause: "mode-denies",
        at: "/srv/d",
    };
    let Some((_, _, wrapped)) = case.explained() else {
        return;
    };
    assert!(
        wrapped.stderr().contains("permwrap: cannot list /srv/d"),
        "{wrapped}"
    );
}

#[test]
fn a_group_that_the_owner_is_not_in_is_no_matter_of_ownership() {
    let Some(world) = World::new() else { return };
    world.root("install -m 644 -o alice -g alice /dev/null /srv/f && install -m 644 -o bob -g bob /dev/null /srv/g");
    let ran = world.run("alice", "permwrap -- chgrp team /srv/f");
    for words in [
        "cannot change the group of /srv/f",
        "alice may not give /srv/f to group team",
        "alice is not in group team",
    ] {
        assert!(ran.stderr().contains(words), "{words}: {ran}");
    }
    assert!(!ran.stderr().contains("change the owner of"), "{ran}");
    let ran = world.run("alice", "permwrap -- chgrp alice /srv/g");
    assert!(
        ran.stderr().contains("only its owner may change its group"),
        "{ran}"
    );
}

#[test]
fn grep_of_a_name_with_an_apostrophe() {
    Case {
        needs: &[],
        scene: r#"echo x > "/srv/it's (1).txt" && chown deploy:www /srv/it* && chmod 640 /srv/it*"#,
        command: r#"grep x "/srv/it's (1).txt""#,
        errno: "EACCES",
        path: "/srv/it's (1).txt",
        cause: "mode-denies",
        at: "/srv/it's (1).txt",
    }
    .check();
}

#[test]
fn a_new_file_in_an_immutable_directory() {
    Case {
        needs: &["chattr", "perl"],
        scene: "chattr -i /home/alice/d 2>/dev/null; mkdir -p /home/alice/d && chown alice: /home/alice/d && chattr +i /home/alice/d",
        command: r#"perl -e 'open F, ">", $ARGV[0] or die "tool: $ARGV[0]: $!\n"' /home/alice/d/new"#,
        errno: "EPERM",
        path: "/home/alice/d/new",
        cause: "immutable-file",
        at: "/home/alice/d",
    }
    .check();
}

//! Fixes as somebody experienced would make them.

use super::{commands, first, offered, parsed};
use crate::denial::{Certainty, Code, Denial, Obstacle, Rule};
use crate::facts::{ProfileAnswer, ProfilePerms, ProfileRequest, profile_requests};
use crate::remedy::remedy;

fn titles(scene: &str) -> Vec<String> {
    let fixes = offered(scene).fixes.into_iter();
    fixes.map(|fix| fix.title).collect()
}

#[test]
fn another_port_comes_first_and_the_setting_for_everybody_last() {
    let port = "
        subject  alice alice
        attempt  bind 0.0.0.0:80
        setting  net.ipv4.ip_unprivileged_port_start 1024
        command  /srv/server
    ";
    let plain = titles(port);
    assert!(plain[0].starts_with("listen on another port"), "{plain:?}");
    assert_eq!(plain.last().unwrap(), "free the ports from 80 up");
    let own = format!("{port}\nprogram /srv/server alice firm");
    assert!(titles(&own)[1].contains("let /srv/server listen"), "{own}");
    let service = titles(&format!("{port}\nunit app.service"));
    assert!(
        service[0].contains("a socket unit") && service[0].contains("AmbientCapabilities"),
        "{service:?}"
    );
    let container = titles(&format!("{port}\ncontainer docker"));
    assert!(container[0].contains("--sysctl"), "{container:?}");
    assert!(
        container.iter().all(|title| !title.starts_with("free ")),
        "{container:?}"
    );
}

#[test]
fn a_service_gets_a_directory_of_its_own_where_a_writable_mount_alone_would_not_do() {
    let strict = |owner: &str| {
        titles(&format!(
            "subject alice alice
             attempt create /var/lib/shop/new
             unit    app.service
             mount   / ext4 ro
             drwxr-xr-x root root /var
             drwxr-xr-x root root /var/lib
             drwxr-xr-x {owner} {owner} /var/lib/shop
             missing /var/lib/shop/new"
        ))
    };
    assert!(strict("root")[0].contains("StateDirectory=shop"));
    assert!(strict("alice")[0].contains("ReadWritePaths=/var/lib/shop"));
    // It would hand over what belongs to somebody else.
    let bobs = strict("bob");
    assert!(
        !bobs
            .iter()
            .any(|title| title.contains("StateDirectory=shop")),
        "{bobs:?}"
    );
}

#[test]
fn what_its_unit_closes_to_a_service_is_opened_in_the_unit() {
    let closed = titles(
        "subject alice alice
         attempt read /srv/shop/f
         unit    app.service
         mount   /srv/shop tmpfs ro root=/systemd/inaccessible/dir
         d--------- root root /srv/shop
         unseen /srv/shop/f",
    );
    assert!(
        closed[0].contains("InaccessiblePaths=")
            && closed[0].ends_with("systemctl edit app.service"),
        "{closed:?}"
    );
}

#[test]
fn what_a_closed_directory_hides_is_asked_for_together_or_said() {
    let closed = |attempt: &str, inside: &str| {
        first(&format!(
            "subject alice alice
             attempt {attempt} /srv/uploads/new
             drwxr-x--- deploy www /srv/uploads
             {inside} /srv/uploads/new"
        ))
    };
    for attempt in ["create", "bind", "mkdir"] {
        let fix = closed(attempt, "unseen");
        assert_eq!(fix.commands(), ["setfacl -m u:alice:-wx /srv/uploads"]);
    }
    let unseen = closed("read", "unseen");
    assert!(!unseen.complete && !unseen.verified, "{unseen:?}");
    let seen = closed("create", "missing");
    assert!(seen.complete && seen.verified, "{seen:?}");
}

#[test]
fn root_runs_what_administers_and_neither_servers_nor_scripts() {
    let scene = |command: &str| {
        commands(&format!(
            "subject alice alice
             attempt create /etc/app.conf
             drwxr-xr-x root root /etc
             missing /etc/app.conf
             command {command}"
        ))
    };
    assert_eq!(scene("touch /etc/app.conf"), ["touch /etc/app.conf"]);
    for command in [
        "nginx -c /etc/app.conf",
        "python3 app.py",
        "npm install",
        "./deploy.sh",
        "bash -c true",
    ] {
        assert_eq!(scene(command), [""; 0], "{command}");
    }
}

#[test]
fn pip_is_not_sent_back_to_the_directory_that_was_refused() {
    let told = commands(
        "subject alice alice
         attempt create /usr/lib/python3/x
         drwxr-xr-x root root /usr
         drwxr-xr-x root root /usr/lib
         drwxr-xr-x root root /usr/lib/python3
         missing /usr/lib/python3/x
         command pip install --target /usr/lib/python3 requests",
    );
    assert_eq!(
        told,
        ["python3 -m venv .venv", ".venv/bin/pip install requests"]
    );
}

#[test]
fn what_a_server_of_roots_keeps_in_run_is_not_given_away() {
    let told = commands(
        "subject alice alice
         attempt write /run/nginx.pid
         drwxr-xr-x root root /run
         -rw-r--r-- root root /run/nginx.pid",
    );
    assert_eq!(told, [""; 0]);
}

#[test]
fn to_delete_what_is_the_systems_is_not_to_write_elsewhere() {
    let told = titles(
        "subject alice alice
         attempt delete /usr/lib/app
         drwxr-xr-x root root /usr
         drwxr-xr-x root root /usr/lib
         -rw-r--r-- root root /usr/lib/app
         command python3 app.py",
    );
    assert!(told[0].contains("leave its removal"), "{told:?}");
}

#[test]
fn a_volume_of_roots_does_not_have_the_container_run_as_root() {
    for kind in ["docker", "podman"] {
        let told = titles(&format!(
            "subject alice alice
             attempt write /data/f
             mount /data ext4 rw root=/volumes/x
             container {kind}
             drwxr-xr-x root root /data
             -rw-r--r-- root root /data/f"
        ));
        assert!(!told.is_empty());
        assert!(
            told.iter().all(|title| !title.contains("--user 0")),
            "{told:?}"
        );
    }
}

#[test]
fn a_change_of_profile_that_no_new_privs_forbids_needs_no_other_profile() {
    let advice = |more: &str, errno: &str| {
        let mut scene = parsed(&format!(
            "subject alice alice label=app\\x20(enforce){more}\nattempt exec /srv/tool\nanswer {errno}\n-rwxr-xr-x root root /srv/tool"
        ));
        let requests = profile_requests(&scene.attempt.operation, &scene.facts);
        let exec = |request: ProfileRequest| ProfileAnswer {
            label: "app".to_owned(),
            name: request.name,
            granted: ProfilePerms::EXEC,
            denied: ProfilePerms::NONE,
        };
        scene.facts.policy.profiles = requests.into_iter().map(exec).collect();
        scene.facts.answered = scene.attempt.errno;
        let (attempt, facts) = (&scene.attempt, &scene.facts);
        let denial = Denial {
            errno: attempt.errno.expect("told"),
            code: Code::ApparmorDenies,
            at: Obstacle::Node(facts.walk.target().expect("found")),
            rule: Rule::Module { evidence: None },
            certainty: Certainty::Inferred,
        };
        remedy(attempt, facts, &denial).fixes[0].title.clone()
    };
    assert!(advice(" no_new_privs", "EPERM").contains("without no_new_privs"));
    assert!(advice(" no_new_privs", "EACCES").contains("load the profile"));
    assert!(advice("", "EPERM").contains("load the profile"));
}

#[test]
fn a_setting_of_the_kernel_that_is_mounted_read_only_is_set_elsewhere() {
    let scene = "
        subject root root caps=full
        attempt write /proc/sys/kernel/dmesg_restrict
        mount   /proc proc rw
        mount   /proc/sys proc ro
        dr-xr-xr-x root root /proc
        dr-xr-xr-x root root /proc/sys
        dr-xr-xr-x root root /proc/sys/kernel
        -rw-r--r-- root root /proc/sys/kernel/dmesg_restrict
    ";
    let titles = titles(scene);
    assert!(
        titles[0].contains("sysctl -w kernel.dmesg_restrict="),
        "{titles:?}"
    );
}

#[test]
fn a_file_is_written_in_place_where_the_directory_is_anothers() {
    let at = |directory: &str| {
        first(&format!(
            "subject alice alice
             attempt create /srv/d/sedAbCdEf
             {directory} /srv/d
             missing /srv/d/sedAbCdEf
             command sed -i s/a/b/ /srv/d/f
             named /srv/d/f alters -rw-r--r-- 1000"
        ))
    };
    let fix = at("drwxr-xr-x root root");
    assert!(fix.argv.is_empty(), "{fix:?}");
    assert!(
        fix.title.starts_with("only replacing the file needs"),
        "{fix:?}"
    );
    assert_eq!(
        at("dr-xr-xr-x alice alice").commands(),
        ["chmod u+wx /srv/d"]
    );
}

#[test]
fn what_is_deleted_next_is_asked_for_together_and_called_incomplete() {
    for command in ["rm -rf /srv/d", "find /srv/d -name x -delete"] {
        let fix = first(&format!(
            "subject alice alice
             attempt list /srv/d
             d--------- alice alice /srv/d
             command {command}"
        ));
        assert_eq!(fix.commands(), ["chmod u+rwx /srv/d"], "{command}");
        assert!(!fix.complete, "{command}");
    }
    let fix = first(
        "subject alice alice
         attempt list /srv/d
         d--------- alice alice /srv/d
         command find /srv/d -name x",
    );
    assert_eq!(fix.commands(), ["chmod u+rx /srv/d"]);
    assert!(fix.complete);
}

#[test]
fn what_is_done_in_an_entered_directory_is_asked_for_together() {
    for (next, perms) in [("", "--x"), ("lists", "r-x"), ("fills", "-wx")] {
        let fix = first(&format!(
            "subject alice alice
             attempt traverse /srv/d
             drwxr-x--- deploy www /srv/d
             {next}"
        ));
        let asked = [format!("setfacl -m u:alice:{perms} /srv/d")];
        assert_eq!(fix.commands(), asked, "{next}");
    }
}

#[test]
fn a_pattern_that_the_shell_left_needs_a_directory_that_can_be_listed() {
    for (name, perms) in [("*.txt", "r-x"), ("a.txt", "--x")] {
        let fix = first(&format!(
            "subject alice alice
             attempt read /srv/d/{name}
             drwxr-x--- deploy www /srv/d
             unseen /srv/d/{name}"
        ));
        let asked = [format!("setfacl -m u:alice:{perms} /srv/d")];
        assert_eq!(fix.commands(), asked, "{name}");
    }
}

#[test]
fn what_is_read_to_be_replaced_is_not_called_complete_where_nothing_may_be_replaced() {
    let next = |command: &str, directory: &str| {
        let fix = first(&format!(
            "subject alice alice
             attempt read /srv/d/f
             {directory} /srv/d
             -rw-r----- root www /srv/d/f
             command {command}"
        ));
        assert_eq!(fix.complete, fix.next.is_none());
        fix.next
    };
    let refused = "sed replaces the file, and /srv/d refuses that: write it in place instead";
    for directory in ["drwxr-xr-x root root", "drwxrwxrwt root root"] {
        let said = next("sed -i s/a/b/ /srv/d/f", directory);
        assert_eq!(said.as_deref(), Some(refused), "{directory}");
        assert_eq!(next("sed s/a/b/ /srv/d/f", directory), None);
    }
    assert_eq!(
        next("sed -i s/a/b/ /srv/d/f", "drwxr-xr-x alice alice"),
        None
    );
}

#[test]
fn a_file_that_is_read_and_written_gets_both() {
    let fix = first(
        "subject alice alice
         attempt read /srv/f
         ---------- alice alice /srv/f
         command sort -o /srv/f /srv/f",
    );
    assert_eq!(fix.commands(), ["chmod u+rw /srv/f"]);
}

#[test]
fn a_script_gets_the_argument_of_its_line() {
    let scene = |command: &str| {
        commands(&format!(
            "subject alice alice
             attempt exec /srv/f
             -rw-r--r-- alice alice /srv/f program=script:/usr/bin/env:python3
             -rwxr-xr-x root root /usr/bin/env program=elf
             drwxr-xr-x root root /usr
             drwxr-xr-x root root /usr/bin
             {command}"
        ))
    };
    let through = "/usr/bin/env python3 /srv/f";
    assert_eq!(scene("command /srv/f"), ["chmod u+x /srv/f", through]);
    // Git starts it.
    assert_eq!(scene("command git commit"), ["chmod u+x /srv/f"]);
}

#[test]
fn a_hidden_name_in_the_root_directory_is_a_matter_of_home() {
    let told = |path: &str, command: &str| {
        first(&format!(
            "subject alice alice
             attempt mkdir {path}
             missing {path}
             command {command}"
        ))
    };
    for path in ["/.cache", "/nonexistent"] {
        let fix = told(path, "python3 app.py");
        assert!(fix.argv.is_empty(), "{fix:?}");
        assert!(
            fix.title.contains("run it with HOME=/home/alice"),
            "{fix:?}"
        );
        // It is what was asked for.
        assert!(!told(path, &format!("mkdir {path}")).argv.is_empty());
    }
}

#[test]
fn an_environment_whose_python_lies_in_a_closed_home_is_made_again() {
    let fix = first(
        "subject alice alice
         attempt exec /srv/v/bin/python3
         drwxr-xr-x alice alice /srv/v
         drwxr-xr-x alice alice /srv/v/bin
         lrwxrwxrwx alice alice /srv/v/bin/python3 -> /root/python3
         drwx------ root root /root
         -rwxr-xr-x root root /root/python3 program=elf",
    );
    assert!(
        fix.title.ends_with("python3 -m venv --clear /srv/v"),
        "{fix:?}"
    );
}

#[test]
fn a_database_that_is_only_read_needs_no_directory_to_write_in() {
    let at = |sql: &str| {
        commands(&format!(
            "subject alice alice
             attempt create /srv/db/a
             drwxr-x--- deploy www /srv/db
             unseen /srv/db/a ?EACCES
             command sqlite3 /srv/db/a {sql}"
        ))
    };
    assert_eq!(at("SELECT\\x20*")[0], "setfacl -m u:alice:--x /srv/db");
    assert_eq!(at("insert\\x20into")[0], "setfacl -m u:alice:-wx /srv/db");
}

#[test]
fn a_server_that_is_only_asked_or_signalled_is_run_by_root() {
    let at = |command: &str| {
        commands(&format!(
            "subject alice alice
             attempt create /run/nginx.pid
             drwxr-xr-x root root /run
             missing /run/nginx.pid
             command {command}"
        ))
    };
    assert_eq!(at("nginx -t"), ["nginx -t"]);
    assert_eq!(at("nginx"), [""; 0]);
}

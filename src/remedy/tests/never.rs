//! Scenes that try to have a dangerous command suggested.

use super::{commands, offered};

/// For scenes that try to have a dangerous command suggested.
fn nothing_is_offered(scene: &str) {
    assert_eq!(commands(scene), [""; 0], "{:#?}", offered(scene));
}

#[test]
fn secrets_stay_closed() {
    for (mode, group, path) in [
        ("-rw-r-----", "shadow", "/etc/shadow"),
        ("-r--r-----", "root", "/etc/sudoers"),
        ("-rw-------", "root", "/etc/ssh/ssh_host_ed25519_key"),
        ("-rw-r-----", "ssl-cert", "/etc/ssl/private/site.key"),
        ("brw-rw----", "disk", "/dev/sda"),
        ("crw-r-----", "kmem", "/dev/mem"),
        ("-rw-------", "root", "/srv/site/privkey.pem"),
    ] {
        let parents = parents_of(path);
        nothing_is_offered(&format!(
            "subject alice alice
             attempt read {path}
             command cat {path}
             group 42 shadow
             group 43 ssl-cert
             group 6 disk
             group 15 kmem
             {parents}
             {mode} root {group} {path}"
        ));
    }
}

fn parents_of(path: &str) -> String {
    let slashes = path.match_indices('/').skip(1);
    slashes
        .filter(|(at, _)| &path[..*at] != "/srv")
        .map(|(at, _)| format!("drwxr-xr-x root root {}\n", &path[..at]))
        .collect()
}

#[test]
fn other_peoples_keys_stay_closed_and_ones_own_do_not_open_to_others() {
    nothing_is_offered(
        "subject alice alice
         attempt read /home/bob/.ssh/id_ed25519
         drwxr-xr-x bob bob /home/bob
         drwxr-xr-x bob bob /home/bob/.ssh
         -rw------- bob bob /home/bob/.ssh/id_ed25519",
    );
    let own = "subject alice alice
         attempt read /home/alice/.ssh/id_ed25519
         drwx------ alice alice /home/alice/.ssh
         --w------- alice alice /home/alice/.ssh/id_ed25519";
    assert_eq!(commands(own), ["chmod u+r /home/alice/.ssh/id_ed25519"]);
}

#[test]
fn nothing_is_made_writable_for_all() {
    for scene in [
        "subject alice alice
         attempt write /srv/f
         tools sudo
         -rw-r--r-- root root /srv/f",
        "subject 4711 4711
         attempt create /srv/d/f
         tools sudo
         drwxr-xr-x root root /srv/d
         missing /srv/d/f",
    ] {
        let commands = commands(scene);
        assert!(
            commands
                .iter()
                .all(|it| !it.contains("o+w") && !it.contains("666") && !it.contains("777")),
            "{commands:?}"
        );
    }
}

#[test]
fn the_systems_directories_stay_closed() {
    for dir in [
        "/usr/lib",
        "/etc",
        "/opt",
        "/var/lib/dpkg",
        "/usr/local/bin",
    ] {
        let parents = parents_of(dir);
        nothing_is_offered(&format!(
            "subject alice alice
             attempt create {dir}/new
             group 50 staff
             {parents}
             drwxrwxr-x root staff {dir}
             missing {dir}/new"
        ));
    }
}

#[test]
fn set_user_id_programs_are_not_given_to_more_people() {
    nothing_is_offered(
        "subject alice alice
         attempt exec /srv/tool
         -rwsr-x--- root root /srv/tool program=elf",
    );
}

#[test]
fn a_file_with_another_name_elsewhere_does_not_change_hands() {
    let scene = "subject alice alice
         attempt delete /tmp/link
         drwxrwxrwt root root /tmp
         -rw-r--r-- root root /tmp/link links=2";
    assert_eq!(commands(scene), ["rm /tmp/link"]);
}

#[test]
fn root_does_nothing_of_the_systems_on_a_messages_word() {
    for (attempt, dir, file) in [
        ("delete /etc/hosts", "/etc", "/etc/hosts"),
        ("chmod /etc/hosts mode=600", "/etc", "/etc/hosts"),
        ("chown /usr/tool owner=alice", "/usr", "/usr/tool"),
        ("chmod /srv/f mode=4755", "/data", "/srv/f"),
        ("chmod /srv/f mode=666", "/data", "/srv/f"),
        ("delete /srv/f", "/data", "/srv/f"),
    ] {
        let scene = format!(
            "subject alice alice
             attempt {attempt}
             drwxr-xr-x root root {dir}
             -rw-r--r-- deploy www {file}"
        );
        let commands = commands(&scene);
        let harmless = |it: &String| it.starts_with("setfacl -m u:alice:rwx /srv");
        assert!(commands.iter().all(harmless), "{commands:?}");
    }
}

#[test]
fn nobody_joins_a_group_that_is_as_good_as_root() {
    for group in ["sudo", "wheel", "root", "lxd"] {
        let gid = if group == "root" { 0 } else { 27 };
        let commands = commands(&format!(
            "subject alice alice
             attempt read /srv/f
             group {gid} {group}
             -rw-r----- root {group} /srv/f"
        ));
        assert!(
            commands.iter().all(|it| !it.contains("usermod")),
            "{commands:?}"
        );
    }
}

#[test]
fn a_shell_or_an_interpreter_is_not_run_by_root() {
    for command in [
        "bash install.sh",
        "python3 setup.py install",
        "find / -delete",
        "env PATH=/tmp apt install",
    ] {
        nothing_is_offered(&format!(
            "subject alice alice
             attempt create /usr/local/bin/x
             command {command}
             drwxr-xr-x root root /usr
             drwxr-xr-x root root /usr/local
             drwxr-xr-x root root /usr/local/bin
             missing /usr/local/bin/x"
        ));
    }
}

#[test]
fn root_is_not_told_to_open_everything() {
    for command in [
        "chmod -R 777 /etc",
        "chown -R alice /etc",
        "chmod 666 /etc/hosts",
        "chmod a+w /etc/hosts",
    ] {
        nothing_is_offered(&format!(
            "subject alice alice
             attempt chmod /etc/hosts
             command {command}
             drwxr-xr-x root root /etc
             -rw-r--r-- root root /etc/hosts"
        ));
    }
}

#[test]
fn hardening_is_not_lowered() {
    nothing_is_offered(
        "subject alice alice
         attempt create /tmp/f
         setting fs.protected_regular 2
         drwxrwxrwt root root /tmp
         -rw-rw-rw- bob bob /tmp/f",
    );
}

#[test]
fn roots_home_stays_closed() {
    nothing_is_offered(
        "subject alice alice
         attempt read /root/app/config
         drwx------ root root /root
         drwxr-xr-x root root /root/app
         -rw-r--r-- root root /root/app/config",
    );
}

#[test]
fn nobody_writes_in_anothers_home_or_joins_anothers_own_group() {
    nothing_is_offered(
        "subject alice alice
         attempt create /home/bob/.profile
         drwxr-xr-x bob bob /home/bob
         missing /home/bob/.profile",
    );
    nothing_is_offered(
        "subject alice alice
         attempt read /home/bob/notes
         drwxr-xr-x bob bob /home/bob
         -rw-r----- bob bob /home/bob/notes",
    );
}

#[test]
fn an_interpreter_gets_no_capability() {
    let commands = commands(
        "subject alice alice
         attempt bind 0.0.0.0:80
         setting net.ipv4.ip_unprivileged_port_start 1024
         setting owns-network-namespace yes
         program /usr/bin/python3 root firm
         command /usr/bin/python3 -m http.server 80",
    );
    assert!(
        commands.iter().all(|it| !it.contains("setcap")),
        "{commands:?}"
    );
}

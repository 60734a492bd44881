//! Fixes for scenes in the notation of facts. Each scene of the first group is one that another tool answered incorrectly.

mod bits;
mod closed;
mod deliberate;
mod deployed;
mod expert;
mod never;
mod others;
mod repeated;
mod swapped;

use super::{Fix, Remedy, remedy};
use crate::change::Effect;
use crate::facts::notation::{self, Scene};
use crate::judge::{Verdict, judge};

const PEOPLE: &str = "
    user   1000 alice
    user   1001 bob
    user   200  deploy
    group  1000 alice
    group  1001 bob
    group  33   www   deploy
    mount  / ext4 rw
    tools  sudo,setfacl
    home   /home/alice
    drwxr-xr-x root root /
    drwxr-xr-x root root /srv
    drwxr-xr-x root root /home
    drwx------ alice alice /home/alice
";

/// The fixes offered in this scene, to which the usual users and groups are added.
fn offered(scene: &str) -> Remedy {
    let scene = parsed(scene);
    let attempt = &scene.attempt;
    match judge(
        &attempt.subject,
        &attempt.operation,
        &attempt.object,
        &scene.facts,
    ) {
        Verdict::Denied(denial) => remedy(attempt, &scene.facts, &denial),
        verdict => panic!("{verdict:?}"),
    }
}

/// The scene, to which the usual users and groups are added.
fn parsed(scene: &str) -> Scene {
    let text: String = [PEOPLE, scene]
        .iter()
        .flat_map(|text| text.lines())
        .map(|line| format!("{}\n", line.trim_start()))
        .collect();
    notation::parse(&text).unwrap_or_else(|malformed| panic!("{malformed:?}"))
}

fn first(scene: &str) -> Fix {
    let remedy = offered(scene);
    remedy
        .fixes
        .first()
        .cloned()
        .unwrap_or_else(|| panic!("no fix: {remedy:?}"))
}

/// All commands that are offered.
fn commands(scene: &str) -> Vec<String> {
    offered(scene)
        .fixes
        .into_iter()
        .flat_map(|fix| fix.commands())
        .collect()
}

#[test]
fn an_owner_gets_the_owners_bits_and_nothing_for_group_or_other() {
    let scene = "
        subject alice alice
        attempt write /srv/notes
        -r--rw-rw- alice www /srv/notes
    ";
    assert_eq!(commands(scene), ["chmod u+w /srv/notes"]);
    assert!(!first(scene).needs_root);
}

#[test]
fn an_entry_on_a_directory_keeps_what_others_have_there() {
    let scene = "
        subject alice alice
        attempt create /srv/uploads/new
        drwxrwxr-x deploy www /srv/uploads
        missing /srv/uploads/new
    ";
    let fix = first(scene);
    assert_eq!(fix.commands(), ["setfacl -m u:alice:rwx /srv/uploads"]);
    assert!(fix.verified && fix.needs_root && !fix.relogin);
}

#[test]
fn anothers_home_stays_closed() {
    let scene = "
        subject alice alice
        attempt read /home/bob/site/index.html
        drwx------ bob bob /home/bob
        drwxr-xr-x bob bob /home/bob/site
        -rw-r--r-- bob bob /home/bob/site/index.html
    ";
    let fix = first(scene);
    assert!(fix.argv.is_empty(), "{fix:?}");
    assert!(fix.title.contains("/home/bob stays closed"), "{fix:?}");
}

#[test]
fn a_read_only_bind_mount_is_not_explained_by_the_disk() {
    let scene = "
        subject alice alice
        attempt write /mnt/data/f
        mount /mnt/data ext4 ro root=/srv/data
        drwxr-xr-x root root /mnt
        drwxr-xr-x alice alice /mnt/data
        -rw-r--r-- alice alice /mnt/data/f
    ";
    assert_eq!(
        first(scene).commands(),
        ["mount -o remount,bind,rw /mnt/data"]
    );
}

#[test]
fn the_root_file_system_is_not_remounted() {
    let scene = "
        subject alice alice
        attempt write /srv/f
        mount / ext4 ro
        -rw-r--r-- alice alice /srv/f
    ";
    assert_eq!(commands(scene), [""; 0]);
}

#[test]
fn a_newline_in_a_name_starts_no_second_command() {
    let scene = r"
        subject alice alice
        attempt write /srv/a\x0arm\x20-rf\x20~
        -r--r--r-- alice alice /srv/a\x0arm\x20-rf\x20~
    ";
    assert_eq!(
        commands(scene),
        [r#"chmod u+w "$(printf '/srv/a\012rm -rf \176')""#]
    );
}

#[test]
fn leftovers_are_given_back_as_a_tree_with_their_number() {
    let scene = "
        subject alice alice
        attempt write /home/alice/app/node_modules/x
        project /home/alice/app
        leftovers /home/alice/app root 214 own=300
        drwxr-xr-x alice alice /home/alice/app
        drwxr-xr-x root root /home/alice/app/node_modules
        -rw-r--r-- root root /home/alice/app/node_modules/x
    ";
    let fix = first(scene);
    // While root changed it, the owner could put other files into it.
    assert!(fix.argv.is_empty() && fix.led_astray, "{fix:?}");
    assert!(fix.title.contains("214"), "{}", fix.title);
    assert!(fix.verified && fix.needs_root);
}

#[test]
fn a_tree_that_is_not_the_subjects_is_not_given_away() {
    let scene = "
        subject alice alice
        attempt write /srv/app/x
        project /srv/app
        leftovers /srv/app root 214
        drwxr-xr-x deploy www /srv/app
        -rw-r--r-- root root /srv/app/x
    ";
    let commands = commands(scene);
    assert!(
        commands.iter().all(|command| !command.starts_with("chown")),
        "{commands:?}"
    );
}

#[test]
fn a_device_has_its_group() {
    let scene = "
        subject alice alice
        attempt write /dev/ttyUSB0
        group 20 dialout
        drwxr-xr-x root root /dev
        crw-rw---- root dialout /dev/ttyUSB0 rdev=188:0
    ";
    let fix = first(scene);
    assert_eq!(fix.commands(), ["usermod -aG dialout alice"]);
    assert!(fix.relogin && fix.verified);
}

#[test]
fn the_docker_socket_has_its_group_and_a_warning() {
    let scene = "
        subject alice alice
        attempt connect /run/docker.sock
        group 998 docker
        drwxr-xr-x root root /run
        srw-rw---- root docker /run/docker.sock
    ";
    let fix = first(scene);
    assert_eq!(fix.commands(), ["usermod -aG docker alice"]);
    assert!(fix.note.contains("as good as root"), "{}", fix.note);
}

#[test]
fn a_stale_group_needs_a_login() {
    let scene = "
        subject alice alice database=alice,www
        attempt read /srv/f
        -rw-r----- deploy www /srv/f
    ";
    let fix = first(scene);
    assert_eq!(fix.commands(), ["newgrp www"]);
    assert!(fix.relogin && fix.verified && !fix.needs_root);
}

#[test]
fn groups_that_the_command_itself_leaves_out_need_no_login() {
    let fix = first(
        "subject alice alice database=alice,www
         attempt read /srv/f
         command setpriv --reuid alice --clear-groups cat /srv/f
         -rw-r----- deploy www /srv/f",
    );
    assert!(fix.argv.is_empty() && !fix.relogin, "{fix:?}");
    assert!(
        fix.title
            .contains("--init-groups instead of --clear-groups"),
        "{fix:?}"
    );
}

#[test]
fn what_is_closed_gets_the_mode_that_it_is_installed_with() {
    let closed = |policy: &str, path: &str| {
        commands(&format!(
            "subject root root\nattempt {policy} {path}\ndrwxr-xr-x root root /etc\n-rw-rw-rw- root root {path}"
        ))
    };
    let sudoers = closed("sudo-configuration", "/etc/sudoers");
    assert_eq!(sudoers, ["chmod 440 /etc/sudoers"]);
    let doas = closed("doas-configuration", "/etc/doas.conf");
    assert_eq!(doas, ["chmod 644 /etc/doas.conf"]);
}

#[test]
fn a_script_on_a_noexec_mount_goes_through_its_interpreter() {
    let scene = "
        subject alice alice
        attempt exec /mnt/usb/run.sh
        mount /mnt/usb ext4 rw,noexec
        drwxr-xr-x root root /mnt
        drwxr-xr-x root root /mnt/usb
        drwxr-xr-x root root /bin
        -rwxr-xr-x root root /bin/sh program=elf
        -rwxr-xr-x alice alice /mnt/usb/run.sh program=script:/bin/sh
    ";
    let fix = first(scene);
    assert_eq!(fix.commands(), ["/bin/sh /mnt/usb/run.sh"]);
    assert!(fix.effect == Effect::Avoids && !fix.needs_root);
}

#[test]
fn without_setfacl_the_group_is_joined() {
    let scene = "
        subject alice alice
        attempt read /srv/f
        tools sudo
        -rw-r----- deploy www /srv/f
    ";
    assert_eq!(first(scene).commands(), ["usermod -aG www alice"]);
}

#[test]
fn what_root_left_where_all_may_leave_files_is_not_given_away() {
    let scene = "
        subject alice alice
        attempt create /srv/drop/left
        setting fs.protected_regular 2
        drwxrwxrwt deploy www /srv/drop
        -rw-rw-rw- root root /srv/drop/left
    ";
    let fix = first(scene);
    assert!(fix.argv.is_empty(), "{fix:?}");
    assert!(fix.title.contains("of your own"), "{fix:?}");
}

#[test]
fn a_container_is_told_the_line_that_lasts() {
    let scene = "
        subject alice alice
        attempt create /data/new
        container docker
        drwxr-xr-x root root /data
        missing /data/new
    ";
    let fixes = offered(scene).fixes;
    assert_eq!(fixes[0].commands(), ["setfacl -m u:alice:rwx /data"]);
    assert!(
        fixes[1]
            .title
            .contains("RUN install -d -o 1000 -g 1000 /data"),
        "{fixes:#?}"
    );
}

#[test]
fn a_service_is_told_its_state_directory() {
    let scene = "
        subject deploy 33
        attempt create /var/lib/app/new
        unit app.service
        drwxr-xr-x root root /var
        drwxr-xr-x root root /var/lib
        drwxr-xr-x root root /var/lib/app
        missing /var/lib/app/new
    ";
    let fixes = offered(scene).fixes;
    assert_eq!(
        fixes[0].commands(),
        ["setfacl -m u:deploy:rwx /var/lib/app"]
    );
    assert!(fixes[1].title.contains("StateDirectory=app"), "{fixes:#?}");
}

#[test]
fn pip_gets_a_virtual_environment() {
    let scene = "
        subject alice alice
        attempt mkdir /usr/lib/python3/dist-packages/flask
        command pip install flask
        drwxr-xr-x root root /usr
        drwxr-xr-x root root /usr/lib
        drwxr-xr-x root root /usr/lib/python3
        drwxr-xr-x root root /usr/lib/python3/dist-packages
        missing /usr/lib/python3/dist-packages/flask
    ";
    assert_eq!(
        commands(scene),
        ["python3 -m venv .venv", ".venv/bin/pip install flask"]
    );
}

#[test]
fn apt_is_run_by_root() {
    let scene = "
        subject alice alice
        attempt write /var/lib/dpkg/lock-frontend
        command apt-get install tree
        drwxr-xr-x root root /var
        drwxr-xr-x root root /var/lib
        drwxr-xr-x root root /var/lib/dpkg
        -rw-r----- root root /var/lib/dpkg/lock-frontend
    ";
    let fix = first(scene);
    assert_eq!(fix.commands(), ["apt-get install tree"]);
    assert!(fix.needs_root && fix.effect == Effect::DoesIt && !fix.verified);
}

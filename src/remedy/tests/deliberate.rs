//! What was set up on purpose is left unchanged.

use super::{commands, first};

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

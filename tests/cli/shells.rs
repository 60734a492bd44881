//! Shells: redirections, scripts without execute permission, interpreters that cannot be executed.

use crate::case::Case;

#[test]
fn bash_runs_a_script_without_x() {
    Case {
        needs: &[],
        scene: "printf '#!/bin/sh\\necho ran\\n' > /home/alice/s.sh && chown alice: /home/alice/s.sh && chmod 644 /home/alice/s.sh",
        command: "bash -c ./s.sh",
        errno: "EACCES",
        path: "/home/alice/s.sh",
        cause: "not-executable",
        at: "/home/alice/s.sh",
    }
    .check();
}

#[test]
fn a_shell_redirects_into_a_file_of_somebody_else() {
    for command in ["bash -c 'echo x > /srv/f'", "dash -c 'echo x > /srv/f'"] {
        Case {
            needs: &["dash"],
            scene: "touch /srv/f && chown deploy:www /srv/f && chmod 644 /srv/f",
            command,
            errno: "EACCES",
            path: "/srv/f",
            cause: "mode-denies",
            at: "/srv/f",
        }
        .check();
    }
}

#[test]
fn a_script_whose_interpreter_cannot_be_run() {
    Case {
        needs: &[],
        scene: "cp /bin/sh /srv/interp && chmod 644 /srv/interp && printf '#!/srv/interp\\necho ran\\n' > /srv/s && chmod 755 /srv/s",
        command: "bash -c /srv/s",
        errno: "EACCES",
        path: "/srv/interp",
        cause: "interpreter-denied",
        at: "/srv/interp",
    }
    .check();
}

#[test]
fn a_program_on_a_noexec_mount() {
    Case {
        needs: &[],
        scene: "mkdir -p /srv/n && mountpoint -q /srv/n || mount -t tmpfs -o noexec none /srv/n && cp /bin/true /srv/n/tool",
        command: "bash -c /srv/n/tool",
        errno: "EACCES",
        path: "/srv/n/tool",
        cause: "noexec-mount",
        at: "/srv/n",
    }
    .explained();
}

#[test]
fn dash_opens_a_name_of_one_word() {
    Case {
        needs: &["dash"],
        scene: "install -m 640 -o deploy /dev/null /srv/f",
        command: "dash -c 'cd /srv; cat < f'",
        errno: "EACCES",
        path: "/srv/f",
        cause: "mode-denies",
        at: "/srv/f",
    }
    .check();
}

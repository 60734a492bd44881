//! Rounds of `--fix` on a terminal with programs in many languages, and different ways to become root.

use super::scene::{answered, fails, state, typed, world};
use super::support::needs_programs;

/// Alice can neither read the data nor write her log.
const SCENE: &str = "install -d -m 750 -o deploy -g www /srv/app
    install -m 640 -o deploy -g www /dev/null /srv/app/db
    install -m 444 -o alice -g alice /dev/null /home/alice/log";

/// A command, in some language, that fails twice for alice.
struct Round {
    needs: &'static str,
    prepare: &'static str,
    command: &'static str,
    questions: usize,
}

#[test]
fn rounds_of_programs_in_many_languages_end_when_they_work() {
    for round in [
        Round {
            needs: "node",
            prepare: "cat >app.js <<'END'\nconst fs = require('fs');\nfs.readFileSync('/srv/app/db');\nfs.appendFileSync('/home/alice/log', 'x');\nconsole.log('it works');\nEND",
            command: "node app.js",
            questions: 2,
        },
        Round {
            needs: "bash",
            prepare: "printf '#!/bin/bash\\nset -e\\ncat /srv/app/db\\necho x >>/home/alice/log\\necho it works\\n' >run.sh",
            command: "bash run.sh",
            questions: 2,
        },
        Round {
            needs: "django-admin",
            prepare: "cat >site_settings.py <<'END'\nSECRET_KEY = 'x'\nLOGGING = {'version': 1, 'handlers': {'f': {'class': 'logging.FileHandler', 'filename': '/srv/app/django.log'}}, 'root': {'handlers': ['f']}}\nEND",
            command: "/usr/bin/python3 -m django check --settings=site_settings --pythonpath=. && echo it works",
            questions: 1,
        },
        Round {
            needs: "python3",
            prepare: "(cd /srv/app && exec setsid /usr/bin/python3 -c \"import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('s'); s.listen(9); time.sleep(600)\" >/dev/null 2>&1 &)
                for i in $(seq 100); do [ -S /srv/app/s ] && break; sleep 0.1; done; chmod 777 /srv/app/s
                cat >connect.py <<'END'\nimport socket\nsocket.socket(socket.AF_UNIX).connect('/srv/app/s')\nprint('it works')\nEND",
            command: "/usr/bin/python3 connect.py",
            questions: 1,
        },
    ] {
        if !needs_programs(&[round.needs]) {
            continue;
        }
        let Some(world) = world() else { return };
        world.root(SCENE);
        world.root(&format!("cd /home/alice; {}", round.prepare));
        let before = state(&world, "/srv/app /srv/app/db");
        let mut questions = 0;
        let command = match round.command.split_once(" && ") {
            Some(_) => format!("permwrap --fix -- bash -c '{}'", round.command),
            None => format!("permwrap --fix -- {}", round.command),
        };
        let (text, code) = answered(&world, "alice", &command, || questions += 1);
        assert_eq!((code, questions), (0, round.questions), "{text}");
        assert!(text.contains("it works"), "{text}");
        let undone = world.run("alice", "permwrap undo --yes");
        assert_eq!(undone.code(), 0, "{undone}");
        assert_eq!(state(&world, "/srv/app /srv/app/db"), before, "{text}");
    }
}

#[test]
fn sudo_asks_for_its_password_and_a_wrong_one_changes_nothing() {
    let Some(world) = world() else { return };
    world.root(SCENE);
    world.root(
        "echo 'alice:apples' | chpasswd
         printf 'alice ALL=(ALL) ALL\\nDefaults lecture=never, !fqdn, timestamp_timeout=0, passwd_tries=1\\n' >/etc/sudoers.d/test",
    );
    let before = state(&world, "/srv/app /srv/app/db");
    fails(&world, "cat /srv/app/db");
    let (text, code) = typed(&world, "alice", "permwrap fix", "pears");
    assert_ne!(code, 0, "{text}");
    assert_eq!(state(&world, "/srv/app /srv/app/db"), before, "{text}");
    let (text, code) = typed(&world, "alice", "permwrap fix", "apples");
    assert_eq!(code, 0, "{text}");
    let works = world.run("alice", "cat /srv/app/db");
    assert_eq!(works.code(), 0, "{text}\n{works}");
    // Without a terminal, no password can be entered.
    let undo = world.run("alice", "permwrap undo --yes");
    assert_ne!(undo.code(), 0, "{undo}");
    let (text, code) = typed(&world, "alice", "permwrap undo", "apples");
    assert_eq!(code, 0, "{text}");
    assert_eq!(state(&world, "/srv/app /srv/app/db"), before, "{text}");
}

#[test]
fn doas_is_called_where_there_is_no_sudo() {
    if !needs_programs(&["doas"]) {
        return;
    }
    let Some(world) = world() else { return };
    world.root(SCENE);
    // sudo is removed from this world only.
    world.root(
        "mkdir /mnt/up /mnt/work && mount -t overlay -o lowerdir=/usr/bin,upperdir=/mnt/up,workdir=/mnt/work bin /usr/bin
         rm /usr/bin/sudo; echo 'permit nopass alice' >/etc/doas.conf",
    );
    let before = state(&world, "/srv/app /srv/app/db");
    fails(&world, "cat /srv/app/db");
    let fixed = world.run("alice", "permwrap fix --yes && cat /srv/app/db");
    assert_eq!(fixed.code(), 0, "{fixed}");
    let undone = world.run("alice", "permwrap undo --yes");
    assert_eq!(undone.code(), 0, "{undone}");
    assert_eq!(state(&world, "/srv/app /srv/app/db"), before, "{undone}");
}

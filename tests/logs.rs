//! docs/logs.md as it is written: its settings in real collectors, its counts over what they gathered.
//!
//! Debian allows one of rsyslog and syslog-ng to be installed. The other's packages may lie unpacked in a folder, which
//! `PERMWRAP_SYSLOG_NG` names.
//!
//! Debian packages: acl, bsdutils, jq, rsyslog, systemd.

mod support;

use std::fs;

use support::{World, needs_programs, repository, skip};

/// The block of the page between `<!-- NAME -->` and the next `<!-- end -->`.
fn block(name: &str) -> String {
    let page = fs::read_to_string(repository().join("docs/logs.md")).expect("the page is there");
    let (_, rest) = page
        .split_once(&format!("<!-- {name} -->\n"))
        .unwrap_or_else(|| panic!("the page has no block {name}"));
    let (block, _) = rest.split_once("<!-- end -->").expect("the end is marked");
    let lines = block.trim().lines().filter(|line| !line.starts_with("```"));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// A service of alice that may not read its data. Its command line is so long that the hint exceeds the default length at which
/// collectors cut messages. The machine's own logs are not visible.
const SCENE: &str = r#"
    mount -t tmpfs none /run && mount -t tmpfs none /var/log
    mkdir -p /run/log/journal /srv/app && install -d -m 750 -o deploy -g www /srv/app/data && touch /srv/app/data/f
    printf '#!/bin/sh\ncat /srv/app/data/f\n' >/srv/app/serve && chmod 755 /srv/app/serve
    cat >/mnt/bin/as-alice <<'X'
#!/bin/sh
exec setpriv --reuid alice --regid alice --init-groups -- "$@"
X
    chmod 755 /mnt/bin/as-alice
"#;

const WORDS: &str = "$(seq 1500)";

fn world() -> Option<World> {
    let world = World::new()?;
    world.root(SCENE);
    Some(world)
}

/// The output of a script that counts, word by word. The fingerprint is checked and left out.
fn counted(world: &World, script: &str) -> Vec<String> {
    let ran = world.root(script);
    let mut lines = Vec::new();
    for line in ran.stdout().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_fingerprint =
            |word: &str| word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(words.len() > 2 && is_fingerprint(words[1]), "{ran}");
        lines.push([&words[..1], &words[2..]].concat().join(" "));
    }
    lines
}

fn host() -> String {
    let name = nix::unistd::gethostname().expect("this machine has a name");
    let name = name.into_string().expect("of letters");
    name.split('.').next().unwrap_or(&name).to_owned()
}

#[test]
fn the_journal_tells_which_service_met_which_refusal() {
    if !needs_programs(&["jq", "journalctl", "systemd-cat"]) {
        return;
    }
    let Some(world) = world() else { return };
    let start = "mkdir -p /run/systemd/journald.conf.d
         printf '[Journal]\\nStorage=volatile\\nReadKMsg=no\\nAudit=no\\n' >/run/systemd/journald.conf.d/test.conf
         [ -s /etc/machine-id ] || echo 3d1219c7c4c5404aaa1f6d2a48adfda4 >/etc/machine-id
         setsid /lib/systemd/systemd-journald >/run/said 2>&1 </dev/null &
         for _ in $(seq 600); do [ -S /run/systemd/journal/stdout ] && break; sleep 0.1; done
         [ -S /run/systemd/journal/stdout ] || { cat /run/said; exit 1; }";
    world.root(start);
    for service in ["shop", "shop", "blog"] {
        world.run(
            "root",
            &format!("systemd-cat --identifier={service} as-alice permwrap --hints json -- /srv/app/serve {WORDS}"),
        );
    }
    world.root("journalctl --sync");
    let host = nix::unistd::gethostname().expect("this machine has a name");
    let host = host.to_string_lossy();
    assert_eq!(
        counted(&world, &block("journald")),
        [
            format!("2 {host} shop dir-not-searchable /srv/app/data"),
            format!("1 {host} blog dir-not-searchable /srv/app/data"),
        ]
    );
}

/// Has two services write to /dev/log as on the page, and waits until the collector has written their messages.
fn serve_and_wait(world: &World) {
    let line = block("logger").replace("permwrap", "as-alice permwrap");
    let line = line.replace("/srv/app/serve", &format!("/srv/app/serve {WORDS}"));
    for service in ["shop", "shop", "blog"] {
        world.run("root", &line.replace("shop", service));
    }
    world.root(
        "for _ in $(seq 600); do [ \"$(cat /var/log/permwrap.tsv 2>&1 | wc -l)\" -ge 3 ] && break; sleep 0.1; done
         cat /var/log/permwrap.tsv",
    );
}

const UNTIL_IT_LISTENS: &str = "for _ in $(seq 600); do [ -S /dev/log ] && break; sleep 0.1; done
    [ -S /dev/log ] || { cat /run/said; exit 1; }";

fn is_counted(world: &World) {
    let host = host();
    assert_eq!(
        counted(world, &block("count")),
        [
            format!("2 {host} shop dir-not-searchable /srv/app/data"),
            format!("1 {host} blog dir-not-searchable /srv/app/data"),
        ]
    );
}

#[test]
fn rsyslog_tells_which_service_met_which_refusal() {
    if !needs_programs(&["logger", "rsyslogd"]) {
        return;
    }
    let Some(world) = world() else { return };
    world.root(&format!(
        "cat >/etc/rsyslog.d/permwrap.conf <<'END'\n{}END",
        block("rsyslog")
    ));
    // The line of the page about long messages comes first. Kernel messages are not read, because other readers need them.
    world.root(&format!(
        "sed -i -e '/imklog/d' -e '1i global(maxMessageSize=\"64k\")' /etc/rsyslog.conf
         rsyslogd -N1 >/run/said 2>&1 || {{ cat /run/said; exit 1; }}
         mkdir -p /run/spool && sed -i 's!/var/spool/rsyslog!/run/spool!' /etc/rsyslog.conf
         setsid rsyslogd -n -i /run/rsyslogd.pid >/run/said 2>&1 </dev/null &
         {UNTIL_IT_LISTENS}"
    ));
    serve_and_wait(&world);
    is_counted(&world);
}

#[test]
fn syslog_ng_tells_which_service_met_which_refusal() {
    let Some(world) = world() else { return };
    if let Ok(folder) = std::env::var("PERMWRAP_SYSLOG_NG") {
        // The content of the directory is mounted to where it would be installed.
        world.root(&format!(
            "mount -t overlay -o lowerdir={folder}/usr:/usr overlay /usr && cp -a {folder}/etc/syslog-ng /etc"
        ));
    } else if world.run("root", "command -v syslog-ng").code() != 0 {
        return skip("needs syslog-ng, installed or unpacked (PERMWRAP_SYSLOG_NG)");
    }
    world.root(&format!(
        "mkdir -p /etc/syslog-ng/conf.d && cat >/etc/syslog-ng/conf.d/permwrap.conf <<'END'\n{}END",
        block("syslog-ng")
    ));
    world.root(&format!(
        "sed -i 's!system();!unix-dgram(\"/dev/log\");!' /etc/syslog-ng/syslog-ng.conf
         syslog-ng --syntax-only >/run/said 2>&1 || {{ cat /run/said; exit 1; }}
         setsid syslog-ng -F --no-caps --persist-file=/run/persist --pidfile=/run/pid --control=/run/control >/run/said 2>&1 </dev/null &
         {UNTIL_IT_LISTENS}"
    ));
    serve_and_wait(&world);
    is_counted(&world);
}

#[test]
fn a_containers_lines_are_counted_by_hand() {
    if !needs_programs(&["jq"]) {
        return;
    }
    let Some(world) = world() else { return };
    // The engine passes on what the container wrote.
    world.root("printf '#!/bin/sh\\nas-alice permwrap --hints json -- /srv/app/serve\\n' >/mnt/bin/docker && chmod 755 /mnt/bin/docker");
    assert_eq!(
        counted(&world, &block("lines")),
        ["1 dir-not-searchable /srv/app/data"]
    );
}

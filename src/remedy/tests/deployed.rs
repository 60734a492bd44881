//! Settings for an image, a container's options, a pod or a unit, and cases without one.

use super::{commands, first, offered, parsed};
use crate::attempt::Numbers;
use crate::change::Place;
use crate::judge::{Verdict, judge};
use crate::remedy::remedy;

/// The title and commands of every fix.
fn words(scene: &str) -> String {
    let fixes = offered(scene).fixes;
    let lines: Vec<String> = fixes
        .iter()
        .map(|fix| format!("{} {}", fix.title, fix.commands().join(" && ")))
        .collect();
    lines.join("\n")
}

#[test]
fn an_image_does_not_give_away_what_is_the_systems() {
    for (attempt, lines) in [
        (
            "read /etc/shadow",
            "drwxr-xr-x root root /etc\n-rw-r----- root 42 /etc/shadow",
        ),
        (
            "create /usr/new",
            "drwxr-xr-x root root /usr\nmissing /usr/new",
        ),
        (
            "read /root/secret",
            "drwx------ root root /root\n-rw-r--r-- root root /root/secret",
        ),
        (
            "create /home/bob/x",
            "drwxr-xr-x bob bob /home/bob\nmissing /home/bob/x",
        ),
        ("create /x", "missing /x"),
    ] {
        let words = words(&format!(
            "subject alice alice\nattempt {attempt}\ncontainer docker\n{lines}"
        ));
        assert!(!words.contains("Dockerfile"), "{attempt}: {words}");
    }
}

#[test]
fn an_image_gets_the_directory_that_is_missing_and_nothing_else() {
    let make = |path: &str| {
        words(&format!(
            "subject alice alice\nattempt mkdir {path}\ncontainer docker\ndrwxr-xr-x root root /opt\nmissing {path}"
        ))
    };
    let made = make("/opt/shop");
    assert!(
        made.contains("RUN install -d -o 1000 -g 1000 /opt/shop"),
        "{made}"
    );
    // Its name is another one in the next run.
    assert!(!make("/opt/tmp.r4TBQzWq2K").contains("RUN install -d"));
    let of_another = "subject alice alice\nattempt mkdir /home/bob/x\ncontainer docker\n\
        drwxr-xr-x bob bob /home/bob\nmissing /home/bob/x";
    assert!(!words(of_another).contains("Dockerfile"));
}

#[test]
fn a_program_of_an_image_is_copied_as_one() {
    let run = |mount: &str| {
        words(&format!(
            "subject alice alice\nattempt exec /app/run\ncontainer docker\n{mount}drwxr-xr-x root root /app\n\
             -rw-r--r-- root root /app/run"
        ))
    };
    assert!(
        run("").contains("COPY --chmod=755 ... /app/run"),
        "{}",
        run("")
    );
    let of_a_volume = run("mount /app ext4 rw root=/srv/app\n");
    assert!(!of_a_volume.contains("COPY"), "{of_a_volume}");
}

#[test]
fn what_an_engine_mounted_in_memory_is_mounted_for_programs() {
    let scene = "subject alice alice\nhome /\nattempt exec /tmp/run\ncontainer podman\nmount /tmp tmpfs rw,noexec\n\
        drwxrwxrwt root root /tmp\n-rwxr-xr-x alice alice /tmp/run";
    assert!(
        words(scene).contains("--tmpfs /tmp:exec"),
        "{}",
        words(scene)
    );
}

#[test]
fn a_line_of_an_image_is_quoted() {
    let scene = r"
        subject alice alice
        attempt create /app/$(touch\x20x)/new
        container docker
        drwxr-xr-x root root /app
        drwxr-xr-x root root /app/$(touch\x20x)
        missing /app/$(touch\x20x)/new
    ";
    let words = words(scene);
    assert!(
        words.contains("RUN install -d -o 1000 -g 1000 '/app/$(touch x)'"),
        "{words}"
    );
}

#[test]
fn a_unit_with_an_odd_name_is_quoted() {
    let scene = "
        subject deploy 33
        attempt create /var/lib/app/new
        unit a$(reboot).service
        drwxr-xr-x root root /var
        drwxr-xr-x root root /var/lib
        drwxr-xr-x root root /var/lib/app
        missing /var/lib/app/new
    ";
    assert!(
        words(scene).contains("systemctl edit 'a$(reboot).service'"),
        "{}",
        words(scene)
    );
}

const VOLUME: &str = "
        subject 1000 1000
        attempt create /data/new
        mount /data ext4 rw root=/srv/v
        drwxr-xr-x root root /data
        missing /data/new
";

#[test]
fn podman_of_a_user_maps_the_user_and_that_of_root_does_not() {
    let rootless = words(&format!("container podman remapped\n{VOLUME}"));
    assert!(
        rootless.contains("--userns=keep-id:uid=1000,gid=1000"),
        "{rootless}"
    );
    let rootful = words(&format!("container podman\n{VOLUME}"));
    assert!(
        !rootful.contains("keep-id") && rootful.contains(":U"),
        "{rootful}"
    );
    for kind in ["docker", "podman", "podman remapped", "kubernetes"] {
        let words = words(&format!("container {kind}\n{VOLUME}"));
        assert!(!words.contains("--user 0:0"), "{words}");
    }
    assert!(words(&format!("container kubernetes\n{VOLUME}")).contains("fsGroup: 1000"));
}

#[test]
fn a_command_for_another_place_is_not_shown_for_this_shell() {
    let scene = "
        subject alice alice
        elsewhere
        attempt read /srv/app/db
        drwxr-x--- deploy www /srv/app
        -rw-r--r-- root root /srv/app/db
    ";
    let fix = first(scene);
    assert!(
        fix.argv.is_empty() && fix.place == Place::Container,
        "{fix:?}"
    );
}

#[test]
fn a_root_without_capabilities_is_given_nothing_to_do() {
    let scene = |subject| {
        format!(
            "subject {subject}
            container docker
            attempt read /data/f
            mount /data ext4 rw
            drwxr-x--- deploy www /data
            -rw-r--r-- deploy www /data/f"
        )
    };
    let powerless = scene("root root caps=none bounding=none");
    assert_eq!(commands(&powerless), [""; 0]);
    assert!(
        words(&powerless).contains("--cap-add=DAC_OVERRIDE"),
        "{}",
        words(&powerless)
    );
    assert_ne!(commands(&scene("1000 1000")), [""; 0]);
}

#[test]
fn what_is_the_worlds_outside_is_not_given_to_a_namespace() {
    let scene = "
        subject 1000 1000 caps=full uid_map=1000+1 gid_map=1000+1 userns
        attempt create /etc/new
        drwxr-xr-x root root /etc
        missing /etc/new
    ";
    assert!(!words(scene).contains("mapped into it"), "{}", words(scene));
}

#[test]
fn a_tmpfs_is_given_to_the_one_who_writes_there() {
    let volume = "
        subject 1000 1000
        attempt create /scratch/new
        mount /scratch tmpfs rw
        drwxr-xr-x root root /scratch
        missing /scratch/new
    ";
    let docker = words(&format!("container docker\n{volume}"));
    assert!(
        docker.contains("--tmpfs /scratch:uid=1000,gid=1000"),
        "{docker}"
    );
    let podman = words(&format!("container podman\n{volume}"));
    assert!(podman.contains("--tmpfs /scratch:U"), "{podman}");
    assert!(!podman.contains("SOURCE"), "{podman}");
    // It takes over the mode of the directory beneath it, and belongs to root.
    let home = "
        subject 1000 1000 bounding=kill
        attempt create /srv/app/x
        container docker read-only-root
        mount / overlay ro super=rw,upperdir=/u
        drwx------ 1000 1000 /srv/app
        missing /srv/app/x
    ";
    let words = words(home);
    assert!(
        words.contains("--tmpfs /srv/app:uid=1000,gid=1000"),
        "{words}"
    );
}

#[test]
fn what_an_owner_of_the_host_has_is_changed_by_the_host() {
    let scene = "
        subject 1000 1000 uid_map=0+65536 gid_map=0+65536 userns
        attempt create /data/new
        container podman remapped
        mount /data ext4 rw root=/srv/v
        drwxr-xr-x 4294967295 4294967295 /data
        missing /data/new
    ";
    let words = words(scene);
    assert!(words.contains("on the host, as root"), "{words}");
    assert!(!words.contains("--user"), "{words}");
    let fixes = offered(scene).fixes;
    assert!(fixes.iter().all(|fix| fix.argv.is_empty()), "{words}");
}

#[test]
fn what_is_the_hosts_own_is_not_given_to_a_container_that_it_is_mounted_in() {
    let of = |root: &str, mode: &str| {
        let mut scene = parsed(&format!(
            "subject alice alice\nattempt list /certs\ncontainer podman\nmount /certs ext4 rw root={root}\n{mode} root root /certs"
        ));
        scene.facts.surroundings.elsewhere = true;
        let (attempt, facts) = (&scene.attempt, &scene.facts);
        let verdict = judge(&attempt.subject, &attempt.operation, &attempt.object, facts);
        let Verdict::Denied(denial) = verdict else {
            panic!("{verdict:?}");
        };
        let fixes = remedy(attempt, facts, &denial).fixes.into_iter();
        let lines = fixes.map(|fix| format!("{} {}\n", fix.title, fix.commands().join(" && ")));
        lines.collect::<String>()
    };
    for root in ["/etc/ssl/private", "/root", "/run", "/var", "/etc/app.d"] {
        let words = of(root, "drwx------");
        let opens = ["mount it with", "chmod", "setfacl", "chown"];
        assert!(
            !opens.iter().any(|word| words.contains(word)),
            "{root}: {words}"
        );
    }
    let words = of("/srv/shop", "drwx------");
    assert!(words.contains("mount it with :U"), "{words}");
}

#[test]
fn a_service_is_not_sent_where_the_permissions_refuse_it() {
    let at = |owner: &str| {
        words(&format!(
            "subject alice alice\nattempt create /var/lib/shop/new\nunit shop.service\nmount / ext4 ro\n\
             drwxr-xr-x root root /var\ndrwxr-xr-x root root /var/lib\ndrwxr-xr-x {owner} {owner} /var/lib/shop\n\
             missing /var/lib/shop/new"
        ))
    };
    assert!(
        at("alice").contains("ReadWritePaths=/var/lib/shop"),
        "{}",
        at("alice")
    );
    assert!(at("root").contains("StateDirectory=shop"), "{}", at("root"));
    let of_another = at("bob");
    assert!(
        !of_another.contains("ReadWritePaths=") && of_another.contains("StateDirectory=NAME"),
        "{of_another}"
    );
}

#[test]
fn what_ones_own_container_left_is_reached_through_its_engine() {
    let offered = |engine: bool| {
        let mut scene = parsed(
            "subject alice alice\nattempt delete /srv/own/db/f\ncommand rm -rf db\n\
             drwxr-xr-x alice alice /srv/own\ndrwxr-xr-x 100998 100998 /srv/own/db\n\
             -rw-r--r-- 100998 100998 /srv/own/db/f",
        );
        let numbers = Numbers(vec![(0, 1000, 1), (1, 100_000, 65536)]);
        scene.facts.surroundings.own_containers = engine.then(|| [numbers.clone(), numbers]);
        let attempt = &scene.attempt;
        let verdict = judge(
            &attempt.subject,
            &attempt.operation,
            &attempt.object,
            &scene.facts,
        );
        let Verdict::Denied(denial) = verdict else {
            panic!("{verdict:?}");
        };
        let fixes = remedy(attempt, &scene.facts, &denial).fixes;
        fixes[0].commands().join(" && ")
    };
    assert_eq!(offered(true), "podman unshare rm -rf db");
    assert!(!offered(false).contains("podman"));
}

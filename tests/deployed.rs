//! What is advised for the place where a process is configured is put there, and helps: options of a real container engine, lines
//! of an image, a pod's manifest, settings of a unit.
//!
//! Debian packages: catatonit, conmon, podman, procps, python3, runc, sudo, systemd.

mod support;

use permwrap::facts::AccessVector;
use permwrap::facts::notation::{self, Scene};
use permwrap::judge::{Verdict, judge};
use permwrap::remedy::remedy;
use support::{Ran, World, needs_programs, skip};

/// The engine of these tests, `/mnt/bin/engine` in a world.
const ENGINE: &str = include_str!("support/engine.sh");

/// A tree that gets its programs from this machine, and volumes of another user.
const SCENE: &str = r#"
    mkdir -p /srv/tree/{usr,etc,proc,sys,dev,tmp,run,mnt,data,home} /srv/tree/{var/lib/app,srv/app}
    chmod 1777 /srv/tree/tmp
    for name in bin sbin lib lib64; do ln -s usr/$name /srv/tree/$name; done
    printf 'root:x:0:0::/root:/bin/sh\napp:x:12345:12345::/:/bin/sh\n' >/srv/tree/etc/passwd
    printf 'root:x:0:\napp:x:12345:\n' >/srv/tree/etc/group
    install -d -m 700 -o 2000 -g 2000 /srv/shop && install -o 2000 -g 2000 /dev/null /srv/shop/f
    echo 'import socket, time; s = socket.socket(socket.AF_UNIX); s.bind("/srv/s/sock"); s.listen(9); time.sleep(600)' >/srv/listen.py
    echo 'import socket; socket.socket(socket.AF_UNIX).connect("/data/sock")' >/srv/tree/srv/connect.py
    echo 'import socket; socket.socket().bind(("127.0.0.1", 80))' >/srv/tree/srv/bind.py
"#;

/// What every run has in common.
const RUN: &str = "--rm --network=none -v /usr:/usr:ro -v /mnt/bin/permwrap:/mnt/permwrap:ro";

fn world() -> Option<World> {
    if !needs_programs(&["podman", "runc", "conmon", "python3", "sudo", "sysctl"]) {
        return None;
    }
    let world = World::new()?;
    world.root(ENGINE);
    world.root(SCENE);
    let works = run(&world, "--user 12345:12345", "true");
    if works.code() != 0 {
        skip(&format!("the engine cannot run a container here: {works}"));
        return None;
    }
    Some(world)
}

fn run(world: &World, options: &str, command: &str) -> Ran {
    let words = format!("engine run {RUN} {options} --rootfs /srv/tree {command}");
    world.run("root", &words)
}

/// The hint's words, without its line breaks.
fn hint(ran: &Ran) -> String {
    let said = ran.stdout() + &ran.stderr();
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// With these options the command is refused, and the hint contains these words; with the others it works.
fn is_put_right(world: &World, options: &str, command: &str, words: &str, better: &str) {
    let ran = run(world, options, &format!("/mnt/permwrap -- {command}"));
    assert_ne!(ran.code(), 0, "{ran}");
    assert!(hint(&ran).contains(words), "{words}\n{ran}");
    let works = run(world, better, command);
    assert_eq!(works.code(), 0, "{words}\n{works}");
}

#[test]
fn options_of_a_container_help() {
    let Some(world) = world() else { return };
    for (options, command, words, better) in [
        (
            "--user 12345:12345 -v /srv/shop:/data",
            "cat /data/f",
            "run it as the volume's owner (--user 2000:2000)",
            "--user 2000:2000 -v /srv/shop:/data",
        ),
        (
            "--user 2000:2000 -v /srv/shop:/data:ro",
            "touch /data/new",
            "mount /data without :ro (-v SOURCE:/data)",
            "--user 2000:2000 -v /srv/shop:/data",
        ),
        (
            "--user 0:0 --cap-drop=all",
            "chown 5:5 /srv/app",
            "start the container with --cap-add=CHOWN",
            "--user 0:0 --cap-drop=all --cap-add=CHOWN",
        ),
        (
            "--user 0:0 --read-only",
            "touch /var/lib/app/x",
            "--tmpfs /var/lib/app",
            "--user 0:0 --read-only --tmpfs /var/lib/app",
        ),
        (
            "--user 0:0 --read-only",
            "touch /var/lib/app/x",
            "-v NAME:/var/lib/app",
            "--user 0:0 --read-only -v kept:/var/lib/app",
        ),
        (
            "--user 12345:12345 --sysctl net.ipv4.ip_unprivileged_port_start=1024",
            "python3 /srv/bind.py",
            "--sysctl net.ipv4.ip_unprivileged_port_start=80",
            "--user 12345:12345 --sysctl net.ipv4.ip_unprivileged_port_start=80",
        ),
        (
            "--user 5555:5555",
            "sh -c 'mkdir -p \"$HOME/.cache\"'",
            "run it with -e HOME=/tmp",
            "--user 5555:5555 -e HOME=/tmp",
        ),
        (
            "--user 12345:12345 -v /srv/shop:/data",
            "cat /data/f",
            "mount it with :U (-v SOURCE:/data:U)",
            "--user 12345:12345 -v /srv/shop:/data:U",
        ),
    ] {
        is_put_right(&world, options, command, words, better);
    }
}

#[test]
fn a_profile_of_ones_own_allows_a_system_call() {
    let Some(world) = world() else { return };
    world.root(
        r#"echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}' >/srv/denies.json
           echo '{"defaultAction":"SCMP_ACT_ALLOW"}' >/srv/profile.json"#,
    );
    is_put_right(
        &world,
        "--user 0:0 --security-opt seccomp=/srv/denies.json",
        "mkdir /srv/app/new",
        "in a profile of the container's own (--security-opt seccomp=profile.json)",
        "--user 0:0 --security-opt seccomp=/srv/profile.json",
    );
}

#[test]
fn a_device_is_passed_by_its_path_or_by_its_number() {
    let Some(world) = world() else { return };
    // 1:11 is the kernel's log, which no container is given by itself.
    world.root("mknod /srv/tree/srv/log c 1 11; mknod /dev/kmsg c 1 11; chmod 666 /srv/tree/srv/log /dev/kmsg");
    let open = |path: &str| format!("sh -c ': <{path}'");
    is_put_right(
        &world,
        "--user 0:0 --cap-add=SYSLOG",
        &open("/srv/log"),
        "run the container with --device-cgroup-rule 'c 1:11 rw'",
        "--user 0:0 --cap-add=SYSLOG --device-cgroup-rule 'c 1:11 rw'",
    );
    let make =
        "sh -c 'mknod -m 666 /dev/kmsg c 1 11; exec /mnt/permwrap -- sh -c \": </dev/kmsg\"'";
    let ran = run(&world, "--user 0:0 --cap-add=SYSLOG,MKNOD", make);
    assert!(
        hint(&ran).contains("run the container with --device /dev/kmsg"),
        "{ran}"
    );
    let works = run(
        &world,
        "--user 0:0 --cap-add=SYSLOG --device /dev/kmsg",
        &open("/dev/kmsg"),
    );
    assert_eq!(works.code(), 0, "{works}");
}

/// Without SELinux the engine takes the letter and labels nothing.
#[test]
fn a_volume_is_mounted_with_a_label() {
    let Some(world) = world() else { return };
    let mut scene = parsed(
        "subject 2000 2000 label=system_u:system_r:container_t:s0:c1,c2
         attempt read /data/f
         setting lsm capability,selinux
         setting selinux enforcing
         container podman
         mount / overlay rw
         mount /data ext4 rw root=/srv/shop
         drwxr-xr-x root root / label=l
         drwx------ 2000 2000 /data label=l
         -rw------- 2000 2000 /data/f label=l",
    );
    scene.facts.policy.vectors = ["dir", "file"]
        .map(|class| AccessVector {
            source: "system_u:system_r:container_t:s0:c1,c2".to_owned(),
            target: "l".to_owned(),
            class,
            refused: if class == "file" {
                vec!["read", "open"]
            } else {
                Vec::new()
            },
            permissive: false,
        })
        .to_vec();
    let titles = titles_of(&scene);
    assert!(
        titles[0].contains("mount the volume with :Z (for this container alone) or :z (shared)"),
        "{titles:?}"
    );
    for letter in ["Z", "z"] {
        let works = run(
            &world,
            &format!("--user 2000:2000 -v /srv/shop:/data:{letter}"),
            "cat /data/f",
        );
        assert_eq!(works.code(), 0, "{works}");
    }
}

#[test]
fn a_setting_of_the_network_is_set_for_the_container_alone() {
    let Some(world) = world() else { return };
    let set = "/mnt/permwrap -- sysctl -w net.ipv4.ip_forward=1";
    let ran = run(&world, "--user 0:0", set);
    let option = "--sysctl net.ipv4.ip_forward=1";
    assert!(hint(&ran).contains(option), "{ran}");
    let value = "sysctl -n net.ipv4.ip_forward";
    let there = run(&world, &format!("--user 0:0 {option}"), value);
    assert_eq!(there.stdout(), "1\n", "{there}");
}

#[test]
fn a_socket_is_used_through_its_group() {
    let Some(world) = world() else { return };
    world.root(
        "mkdir /srv/s && (python3 /srv/listen.py >/dev/null 2>&1 & echo $! >/srv/pid)
         for i in $(seq 100); do [ -S /srv/s/sock ] && break; sleep 0.1; done
         chown 0:2375 /srv/s/sock && chmod 660 /srv/s/sock",
    );
    is_put_right(
        &world,
        "--user 12345:12345 -v /srv/s:/data",
        "python3 /srv/connect.py",
        "run the container with --group-add 2375",
        "--user 12345:12345 -v /srv/s:/data --group-add 2375",
    );
    world.root("kill $(cat /srv/pid)");
}

#[test]
fn a_set_user_id_program_has_its_effect_without_the_option() {
    let Some(world) = world() else { return };
    let options = "--user 12345:12345 --security-opt no-new-privileges";
    let ran = run(&world, options, "/mnt/permwrap -- sudo -n true");
    let words = "run the container without --security-opt no-new-privileges";
    assert!(hint(&ran).contains(words), "{ran}");
    let without = run(&world, "--user 12345:12345", "sudo -n true");
    let said = without.stderr();
    assert!(!said.contains("no new privileges"), "{without}");
}

#[test]
fn a_line_of_an_image_makes_its_directory() {
    let Some(world) = world() else { return };
    let touch = "touch /srv/app/x";
    let options = "--user 12345:12345";
    let ran = run(&world, options, &format!("/mnt/permwrap -- {touch}"));
    let line = "install -d -o 12345 -g 12345 /srv/app";
    assert!(hint(&ran).contains(&format!("RUN {line}")), "{ran}");
    let built = run(&world, "--user 0:0", line);
    assert_eq!(built.code(), 0, "{built}");
    let works = run(&world, options, touch);
    assert_eq!(works.code(), 0, "{works}");
}

/// A runtime that leaves the limits alone: those of a pod's first container cannot be configured. And an image for pods.
const PODS: &str = r#"cat >/mnt/bin/runtime <<'X'
#!/usr/bin/python3
import json, os, sys
if "--bundle" in sys.argv:
    path = sys.argv[sys.argv.index("--bundle") + 1] + "/config.json"
    config = json.load(open(path))
    config["process"]["rlimits"] = []
    json.dump(config, open(path, "w"))
os.execvp("runc", ["runc"] + sys.argv[1:])
X
chmod 755 /mnt/bin/runtime && sed -i 's,--runtime runc,--runtime /mnt/bin/runtime,' /mnt/bin/engine
mkdir -p /srv/tree/var/run/secrets/kubernetes.io && tar -C /srv/tree -c . | engine import - localhost/app:1
chown 0:2000 /srv/shop /srv/shop/f && chmod 2770 /srv/shop && chmod 660 /srv/shop/f"#;

/// The parts of a pod's manifest that differ: lines of the pod, lines of its container, and what is mounted where.
struct Pod {
    pod: &'static str,
    container: &'static str,
    mount: &'static str,
}

impl Pod {
    /// What the pod printed.
    fn runs(&self, world: &World, command: &str) -> String {
        let Pod {
            pod,
            container,
            mount,
        } = self;
        let manifest = format!(
            "apiVersion: v1
kind: Pod
metadata: {{name: shop}}
spec:
  restartPolicy: Never
  securityContext: {{{pod}}}
  containers:
  - name: app
    image: localhost/app:1
    imagePullPolicy: Never
    command: [/usr/bin/sh, -c, '{command} && echo it works']
    env: [{{name: PATH, value: /usr/sbin:/usr/bin}}]
    {container}
    volumeMounts:
    - {{name: usr, mountPath: /usr, readOnly: true}}
    - {{name: bin, mountPath: /mnt}}
    - {{{mount}}}
  volumes:
  - {{name: usr, hostPath: {{path: /usr}}}}
  - {{name: bin, hostPath: {{path: /mnt/bin}}}}
  - {{name: shop, hostPath: {{path: /srv/shop}}}}
  - {{name: own, emptyDir: {{}}}}
"
        );
        world.root(&format!("cat >/srv/pod.yaml <<'X'\n{manifest}X"));
        let ran = world.run(
            "root",
            "engine kube play --network none /srv/pod.yaml >/dev/null && engine wait shop-app >/dev/null
             engine logs shop-app; engine kube down /srv/pod.yaml >/dev/null",
        );
        hint(&ran)
    }
}

const SHOP: &str = "name: shop, mountPath: /data";

#[test]
fn lines_of_a_pods_manifest_help() {
    if !needs_programs(&["catatonit"]) {
        return;
    }
    let Some(world) = world() else { return };
    world.root(PODS);
    let pod = |pod, container, mount| Pod {
        pod,
        container,
        mount,
    };
    let plain = pod("", "", SHOP).runs(&world, "true");
    if !plain.contains("it works") {
        skip(&format!("the engine cannot run a pod here: {plain}"));
        return;
    }
    let member = "runAsUser: 12345, runAsGroup: 12345, supplementalGroups: [2000]";
    // The group of a pod's volumes is known to the engine, which leaves it to a cluster to give them to it.
    let grouped = |group| pod(group, "", SHOP).runs(&world, "true");
    assert!(grouped("fsGroup: 12345").contains("it works"));
    assert!(!grouped("fsGroup: none").contains("it works"));
    for (command, words, before, after) in [
        (
            "touch /data/new",
            "mount /data without readOnly",
            pod(member, "", "name: shop, mountPath: /data, readOnly: true"),
            pod(member, "", SHOP),
        ),
        (
            "chown 5:5 /srv/app",
            "in the container: securityContext: capabilities: add: [CHOWN]",
            pod("", "securityContext: {capabilities: {drop: [ALL]}}", SHOP),
            pod(
                "",
                "securityContext: {capabilities: {drop: [ALL], add: [CHOWN]}}",
                SHOP,
            ),
        ),
        (
            "touch /var/lib/app/x",
            "mount an emptyDir (or a volume) at /var/lib/app",
            pod("", "securityContext: {readOnlyRootFilesystem: true}", SHOP),
            pod(
                "",
                "securityContext: {readOnlyRootFilesystem: true}",
                "name: own, mountPath: /var/lib/app",
            ),
        ),
    ] {
        let refused = before.runs(&world, &format!("/mnt/permwrap -- {command}"));
        assert!(refused.contains(words), "{words}: {refused}");
        assert!(!refused.contains("it works"), "{words}: {refused}");
        let works = after.runs(&world, command);
        assert!(works.contains("it works"), "{words}: {works}");
    }
}

fn parsed(scene: &str) -> Scene {
    let lines = scene.lines().map(|line| format!("{}\n", line.trim()));
    notation::parse(&lines.collect::<String>()).expect("it is a scene")
}

/// What is advised for the refusal in a scene.
fn titles_of(scene: &Scene) -> Vec<String> {
    let (attempt, facts) = (&scene.attempt, &scene.facts);
    let verdict = judge(&attempt.subject, &attempt.operation, &attempt.object, facts);
    let Verdict::Denied(denial) = verdict else {
        panic!("{verdict:?}")
    };
    let fixes = remedy(attempt, facts, &denial).fixes;
    fixes.into_iter().map(|fix| fix.title).collect()
}

/// The settings of a unit that are advised for a refusal of its process: `LogsDirectory=app`.
fn settings_of_a_unit(scene: &str) -> Vec<String> {
    let lines = "user 999 app\ngroup 999 app\ngroup 20 dialout\nunit app.service\nmount / ext4 rw\ndrwxr-xr-x root root /\n";
    let titles = titles_of(&parsed(&format!("{lines}{scene}")));
    let after = titles
        .into_iter()
        .filter_map(|title| Some(title.split_once("[Service] ")?.1.to_owned()));
    after
        .map(|setting| setting.split(' ').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn settings_of_a_unit_are_settings_that_systemd_knows() {
    if !needs_programs(&["systemd-analyze"]) {
        return;
    }
    let Some(world) = World::new() else { return };
    for (scene, expected) in [
        (
            "subject app app
             attempt create /var/log/app/x
             drwxr-xr-x root root /var
             drwxr-xr-x root root /var/log
             drwxr-xr-x root root /var/log/app
             missing /var/log/app/x",
            "LogsDirectory=app",
        ),
        (
            "subject app app
             attempt bind 0.0.0.0:80
             setting net.ipv4.ip_unprivileged_port_start 1024",
            "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        ),
        (
            "subject app app
             attempt create /srv/data/x
             mount /srv/data ext4 ro root=/srv/data
             drwxr-xr-x root root /srv
             drwxr-xr-x app app /srv/data
             missing /srv/data/x",
            "ReadWritePaths=/srv/data",
        ),
        (
            "subject root root caps=none bounding=none
             attempt netadmin -",
            "AmbientCapabilities=CAP_NET_ADMIN",
        ),
    ] {
        let settings = settings_of_a_unit(scene);
        assert!(settings.iter().any(|it| it == expected), "{settings:?}");
        for setting in settings {
            let unit = format!("[Service]\nExecStart=/bin/true\n{setting}");
            let ran = world.run(
                "root",
                &format!(
                    "printf '%s\\n' '{unit}' >/srv/app.service; systemd-analyze verify --man=no /srv/app.service"
                ),
            );
            let said = ran.stderr();
            assert!(!said.contains("app.service:3"), "{setting}: {ran}");
        }
    }
}

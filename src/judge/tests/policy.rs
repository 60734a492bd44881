//! Decisions of security modules and servers, based on what they answered.

use crate::attempt::{CapabilitySet, Errno};
use crate::denial::Certainty;
use crate::facts::notation::Scene;
use crate::facts::{
    AccessVector, Devices, Perms, ProfileAnswer, ProfilePerms, TraceMode, Traced, UnknownFact,
    profile_requests,
};
use crate::judge::{Verdict, infer, judge};

const FILES: &str = "drwxrwxrwx root root /d\n-rw-rw-rw- bob bob /d/f label=u:object_r:web_t:s0\nuser 1000 alice\nuser 1001 bob\ngroup 1000 alice\ngroup 1001 bob\n";

fn scene(subject: &str, attempt: &str, more: &str) -> Scene {
    let text = format!("subject {subject}\nattempt {attempt}\n{FILES}{more}");
    text.parse()
        .unwrap_or_else(|trouble| panic!("{trouble}\n{text}"))
}

fn verdict(scene: &Scene) -> String {
    let Scene { attempt, facts } = scene;
    match judge(&attempt.subject, &attempt.operation, &attempt.object, facts) {
        Verdict::Denied(denial) => {
            assert_eq!(denial.certainty, Certainty::Proven);
            format!("{} {}", denial.errno, denial.code.name())
        }
        Verdict::Allowed => "allowed".to_owned(),
        Verdict::Fails { errno, .. } => format!("fails {errno}"),
        Verdict::Unclear(_) => "unclear".to_owned(),
    }
}

const CONFINED: &str = "alice alice label=app\\x20(enforce)";

fn answering(mut scene: Scene, granted: ProfilePerms) -> Scene {
    let requests = profile_requests(&scene.attempt.operation, &scene.facts);
    scene.facts.policy.profiles = requests
        .into_iter()
        .map(|request| ProfileAnswer {
            label: "app".to_owned(),
            name: request.name,
            granted,
            denied: ProfilePerms::NONE,
        })
        .collect();
    scene
}

#[test]
fn a_profile_decides_by_what_it_grants_on_the_name() {
    let write = || scene(CONFINED, "write /d/f", "");
    let read = ProfilePerms::READ;
    let all = read.or(ProfilePerms::WRITE);
    assert_eq!(verdict(&answering(write(), read)), "EACCES apparmor-denies");
    assert_eq!(verdict(&answering(write(), all)), "allowed");
    assert_eq!(verdict(&write()), "unclear", "nobody asked");
    let append = answering(
        scene(CONFINED, "append /d/f", ""),
        ProfilePerms::from_kernel(2),
    );
    assert_eq!(verdict(&append), "allowed", "w holds a");
}

#[test]
fn of_a_module_whose_policy_cannot_be_asked_nothing_is_known() {
    for module in ["tomoyo", "smack"] {
        let with = |attempt| {
            scene(
                "alice alice",
                attempt,
                &format!("-rw------- bob bob /d/b\nsetting lsm capability,{module}"),
            )
        };
        assert_eq!(verdict(&with("write /d/f")), "unclear");
        assert_eq!(verdict(&with("write /d/b")), "EACCES mode-denies");
    }
}

#[test]
fn a_profile_refuses_a_program_whose_first_bytes_cannot_be_seen() {
    let tool = || scene(CONFINED, "exec /d/t", "-rwxr-xr-x bob bob /d/t\n");
    assert_eq!(verdict(&tool()), "unclear");
    let read = answering(tool(), ProfilePerms::READ);
    assert_eq!(verdict(&read), "EACCES apparmor-denies");
}

#[test]
fn a_profile_that_only_watches_refuses_nothing() {
    for mode in ["complain", "unconfined"] {
        let subject = format!("alice alice label=app\\x20({mode})");
        assert_eq!(verdict(&scene(&subject, "write /d/f", "")), "allowed");
    }
}

#[test]
fn of_a_process_whose_label_could_not_be_read_nobody_knows() {
    let unread = |more: &str| {
        let mut scene = scene("alice alice", "write /d/f", more);
        scene.attempt.subject.pid = Some(7);
        scene.attempt.subject.label = Err(UnknownFact::not_gathered("security label"));
        verdict(&scene)
    };
    assert_eq!(unread("setting lsm capability,yama"), "allowed");
    assert_eq!(unread("setting lsm capability,apparmor"), "unclear");
    let selinux = "setting lsm capability,selinux\nsetting selinux";
    assert_eq!(unread(&format!("{selinux} enforcing")), "unclear");
    assert_eq!(unread(&format!("{selinux} permissive")), "allowed");
}

#[test]
fn what_a_profile_was_not_asked_about_is_unclear() {
    assert_eq!(
        verdict(&scene(
            CONFINED,
            "bind 0.0.0.0:8080",
            "setting net.ipv4.ip_unprivileged_port_start 1024"
        )),
        "unclear"
    );
    let root = scene("root root label=app\\x20(enforce)", "read /d/f", "");
    let closed = root.to_string().replace("-rw-rw-rw-", "-rw-------");
    let closed: Scene = closed.parse().expect("it is as before");
    let closed = answering(closed, ProfilePerms::READ);
    assert_eq!(
        verdict(&closed),
        "unclear",
        "whether CAP_DAC_OVERRIDE counts"
    );
}

#[test]
fn names_have_a_slash_where_they_are_directories_and_renames_have_two() {
    let names = |attempt: &str| -> Vec<String> {
        let scene = scene(CONFINED, attempt, "missing /d/new\n");
        profile_requests(&scene.attempt.operation, &scene.facts)
            .iter()
            .map(|request| {
                format!(
                    "{} {}",
                    String::from_utf8_lossy(&request.name),
                    request.wanted.letters()
                )
            })
            .collect()
    };
    assert_eq!(names("list /d"), ["/d/ r"]);
    assert_eq!(names("mkdir /d/new"), ["/d/new/ w"]);
    assert_eq!(names("create /d/new"), ["/d/new w"]);
    assert_eq!(names("delete /d/f"), ["/d/f w"]);
    assert_eq!(names("rename /d/f to=/d/new"), ["/d/f rw", "/d/new w"]);
    assert_eq!(names("utime /d/f"), [""; 0]);
}

#[test]
fn selinux_decides_by_the_labels_of_subject_and_object() {
    let labelled = "alice alice label=u:r:app_t:s0";
    let enforcing = "setting selinux enforcing";
    let with = |refused: Vec<&'static str>, permissive| {
        let mut scene = scene(labelled, "write /d/f", enforcing);
        for node in &mut scene.facts.nodes {
            node.label = Ok(Some("u:object_r:web_t:s0".to_owned()));
        }
        let vector = |class, refused: &[&'static str]| AccessVector {
            source: "u:r:app_t:s0".to_owned(),
            target: "u:object_r:web_t:s0".to_owned(),
            class,
            refused: refused.to_vec(),
            permissive,
        };
        scene.facts.policy.vectors = vec![vector("dir", &[]), vector("file", &refused)];
        verdict(&scene)
    };
    assert_eq!(with(vec!["write"], false), "EACCES selinux-denies");
    assert_eq!(with(vec!["execute"], false), "allowed");
    assert_eq!(with(vec!["write"], true), "allowed", "a permissive domain");
    assert_eq!(
        verdict(&scene(labelled, "write /d/f", enforcing)),
        "unclear"
    );
    let permissive = "setting selinux permissive";
    assert_eq!(
        verdict(&scene(labelled, "write /d/f", permissive)),
        "allowed"
    );
}

#[test]
fn selinux_keeps_a_domain_from_a_port_of_another() {
    let enforcing = "setting selinux enforcing\nsetting net.ipv4.ip_unprivileged_port_start 1024";
    let with = |refused: &[&'static str], port: Option<&str>| {
        let mut scene = scene(
            "alice alice label=u:r:app_t:s0",
            "bind 127.0.0.1:7777",
            enforcing,
        );
        scene.facts.policy.port = port.map(str::to_owned);
        scene.facts.policy.vectors = vec![AccessVector {
            source: "u:r:app_t:s0".to_owned(),
            target: "u:object_r:unreserved_port_t:s0".to_owned(),
            class: "tcp_socket",
            refused: refused.to_vec(),
            permissive: false,
        }];
        verdict(&scene)
    };
    let unreserved = Some("u:object_r:unreserved_port_t:s0");
    assert_eq!(with(&["name_bind"], unreserved), "EACCES selinux-denies");
    // A port of another label, or one whose label is not known, is not decided by this answer.
    assert_eq!(with(&["name_bind"], None), "unclear");
    assert_eq!(with(&[], unreserved), "unclear");
}

#[test]
fn a_server_has_the_last_word() {
    let nfs = "mount /d nfs4 rw";
    let with = |subject: &str, served: Perms| {
        let mut scene = scene(subject, "write /d/f", nfs);
        let target = scene.facts.walk.target().expect("it is there");
        scene.facts.policy.served.insert(target, served);
        verdict(&scene)
    };
    assert_eq!(with("alice alice", Perms::R), "EACCES server-denies");
    assert_eq!(with("root root", Perms::R), "EACCES nfs-root-squash");
    assert_eq!(with("alice alice", Perms::RWX), "allowed");
    assert_eq!(verdict(&scene("alice alice", "write /d/f", nfs)), "unclear");
    for kind in ["cifs", "9p", "fuse.sshfs"] {
        let mount = format!("mount /d {kind} rw super=allow_other,user_id=0,group_id=0");
        assert_eq!(
            verdict(&scene("alice alice", "write /d/f", &mount)),
            "unclear",
            "{kind}"
        );
    }
    let mut chown = scene("root root", "chown /d/f owner=alice", nfs);
    assert_eq!(verdict(&chown), "unclear");
    let target = chown.facts.walk.target().expect("it is there");
    chown.facts.policy.served.insert(target, Perms::R);
    assert_eq!(
        verdict(&chown),
        "EPERM nfs-root-squash",
        "it is seen to be nobody"
    );
}

#[test]
fn lockdown_keeps_the_memory_of_the_machine_from_root() {
    let memory = |subject: &str, level: &str| {
        let more = format!(
            "drwxr-xr-x root root /dev\ncrw-rw-rw- root root /dev/mem rdev=1:1\nsetting lockdown {level}"
        );
        verdict(&scene(subject, "read /dev/mem", &more))
    };
    assert_eq!(memory("root root", "integrity"), "EPERM lockdown-denies");
    assert_eq!(memory("root root", "none"), "allowed");
    assert_eq!(
        memory("alice alice", "integrity"),
        "EPERM missing-capability"
    );
}

#[test]
fn whose_the_other_process_is_comes_before_the_setting() {
    let other = |uid| {
        Some(Traced {
            pid: 421,
            command: "app".to_owned(),
            mode: TraceMode::Attach,
            uids: [uid; 3],
            gids: [uid; 3],
            permitted: CapabilitySet::EMPTY,
            dumpable: Ok(true),
            same_user_ns: Ok(true),
        })
    };
    let tries = |what: &str, uid| {
        let more = "setting kernel.yama.ptrace_scope 1";
        let mut scene = scene("alice alice", &format!("{what} pid:421"), more);
        scene.facts.another = other(uid);
        verdict(&scene)
    };
    assert_eq!(tries("ptrace", 1000), "EPERM sysctl-restricts");
    assert_eq!(tries("ptrace", 1001), "EPERM missing-capability");
    assert_eq!(tries("signal", 1000), "allowed");
    assert_eq!(tries("signal", 1001), "EPERM missing-capability");
    for what in ["nice", "limits"] {
        assert_eq!(tries(what, 1001), "EPERM missing-capability", "{what}");
    }
}

#[test]
fn ones_own_priority_is_refused_with_either_error_number() {
    for answer in [Errno::Acces, Errno::Perm] {
        let Scene { attempt, mut facts } = scene("alice alice", "nice -", "");
        facts.answered = Some(answer);
        let verdict = judge(
            &attempt.subject,
            &attempt.operation,
            &attempt.object,
            &facts,
        );
        assert_eq!(verdict.errno(), Some(answer));
    }
}

#[test]
fn a_capability_of_a_user_namespace_does_not_reach_out_of_it() {
    let tries = |what: &str, same| {
        let mut scene = scene("root root", &format!("{what} pid:421"), "");
        scene.attempt.subject.initial_user_ns = false;
        scene.facts.another = Some(Traced {
            pid: 421,
            command: "app".to_owned(),
            mode: TraceMode::Attach,
            uids: [1001; 3],
            gids: [1001; 3],
            permitted: CapabilitySet::EMPTY,
            dumpable: Ok(true),
            same_user_ns: Ok(same),
        });
        verdict(&scene)
    };
    for what in ["ptrace", "signal"] {
        assert_eq!(tries(what, true), "allowed");
        assert_eq!(tries(what, false), "EPERM missing-capability");
    }
}

#[test]
fn a_signal_that_is_refused_with_eacces_was_refused_by_a_module() {
    let inferred = |subject: &str| {
        let Scene { attempt, facts } = scene(subject, "signal pid:421", "");
        infer(
            &attempt.subject,
            &attempt.operation,
            &attempt.object,
            &facts,
            Errno::Acces,
        )
        .map(|denial| denial.code.name())
    };
    assert_eq!(inferred(CONFINED), Some("apparmor-denies"));
    assert_eq!(inferred("alice alice"), None);
}

#[test]
fn a_device_is_refused_by_what_the_control_group_leaves_out() {
    let read = |devices: Devices| {
        let mut scene: Scene = "subject root root caps=full\nattempt read /dev/vda\ndrwxr-xr-x root root /dev\nbrw-rw---- root root /dev/vda rdev=254:0\n"
            .parse()
            .unwrap();
        scene.facts.devices = devices;
        verdict(&scene)
    };
    assert_eq!(read(Devices::All), "allowed");
    assert_eq!(read(Devices::Unseen), "unclear");
    assert_eq!(
        read(Devices::parse("c 1:3 rwm\n")),
        "EPERM device-cgroup-denies"
    );
    assert_eq!(read(Devices::parse("b 254:* r\n")), "allowed");
}

#[test]
fn root_of_a_user_namespace_has_none_of_the_machines_privileges() {
    let root = |place: &str, what: &str| {
        let subject = format!("root root caps=full {place}");
        let Scene { attempt, facts } = scene(&subject, what, "setting kernel.dmesg_restrict 1\n");
        match judge(
            &attempt.subject,
            &attempt.operation,
            &attempt.object,
            &facts,
        ) {
            Verdict::Denied(denial) => denial.code.name(),
            verdict => {
                assert_eq!(verdict, Verdict::Allowed, "{what}");
                "allowed"
            }
        }
    };
    for what in ["settime -", "nice -", "mlock -", "swapon -"] {
        assert_eq!(root("", what), "allowed", "{what}");
        assert_eq!(root("userns", what), "missing-capability", "{what}");
    }
    assert_eq!(root("userns", "dmesg -"), "sysctl-restricts");
    assert_eq!(root("userns", "chroot -"), "allowed");
}

//! The SELinux policy refuses.

use super::case::Case;
use super::deployment;
use super::{Candidate, Fit, Purpose, Words, is_top};
use crate::attempt::{Object, Operation};
use crate::change::{Argv, Change, Deployment, Effect, argv};
use crate::facts::{Labels, LoggedRefusal, Mount};
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let logged = case.logged();
    let told = |of: fn(&LoggedRefusal) -> Option<String>| logged.as_ref().and_then(of);
    let subject =
        told(|line| line.profile.clone()).or_else(|| case.subject().label.as_ref().ok()?.clone());
    let object = told(|line| line.target.clone()).or_else(|| object_label(case));
    let what = told(|line| line.operation.clone()).map_or_else(
        || "do this to".to_owned(),
        |operation| format!("{{ {operation} }}"),
    );
    let labels = match (subject, object) {
        (Some(subject), Some(object)) => {
            format!(
                "a process labelled {} may not {what} {}",
                shown(&subject),
                shown(&object)
            )
        }
        (Some(subject), None) => {
            format!(
                "the policy does not allow it to a process labelled {}",
                shown(&subject)
            )
        }
        _ => "the labels of process and object do not go together".to_owned(),
    };
    case.module_words("the SELinux policy", &labels)
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    if let (Some(_), Some(node)) = (&case.facts.surroundings.container, case.node()) {
        let lasting = deployment::candidate(case, Deployment::Label(node.mount));
        return lasting.into_iter().collect();
    }
    let mut all = Vec::new();
    if let Some(labels) = &case.facts.policy.labels {
        all.extend(port(case, labels));
        all.extend(restore(case, labels));
        all.extend(boolean(labels));
        all.extend(categories(case, labels));
        if all.is_empty() {
            all.extend(relabel(case, labels));
        }
    }
    all.push(ask_the_log());
    all
}

fn object_label(case: &Case) -> Option<String> {
    case.node()?.label.as_ref().ok()?.clone()
}

fn shown(label: &str) -> String {
    quote::display(label.as_bytes())
}

fn kind(label: &str) -> Option<&str> {
    label.split(':').nth(2)
}

/// Restores the label that the policy specifies for the path, if the file has another one because it was moved or because an
/// older policy applied when it was created.
fn restore(case: &Case, labels: &Labels) -> Option<Candidate> {
    let node = case.facts.node(labels.node?);
    let expected = labels.expected.as_ref().ok()?.as_deref().and_then(kind)?;
    let has = node.label.as_ref().ok()?.as_deref().and_then(kind)?;
    let helps = labels.granted.iter().any(|granted| granted == expected);
    let labelled = case.mount().is_some_and(|mount| !is_unlabelled(mount));
    (expected != has && helps && labelled).then(|| {
        let command = argv(&[b"restorecon", b"-v", &node.path]);
        let path = quote::display(&node.path);
        Candidate::new(
            Fit::Meant,
            format!("give {path} the label that the policy has for it, {expected}"),
            [run(command)],
        )
        .noting("files that were moved keep the label of where they came from")
    })
}

/// Gives the object the categories of the process, if the object's categories alone are what refuses.
fn categories(case: &Case, labels: &Labels) -> Option<Candidate> {
    let level = labels.level.as_ref()?;
    let node = case.facts.node(labels.node?);
    let labelled = case.mount().is_some_and(|mount| !is_unlabelled(mount));
    labelled.then(|| {
        let command = argv(&[b"chcon", b"-l", level.as_bytes(), &node.path]);
        let path = quote::display(&node.path);
        Candidate::new(
            Fit::Meant,
            format!("give {path} the categories of the process, {level}"),
            [run(command)],
        )
        .noting("processes with its present categories then lose access to it")
    })
}

fn boolean(labels: &Labels) -> Option<Candidate> {
    let name = labels.booleans.first()?;
    let command = argv(&[b"setsebool", b"-P", name.as_bytes(), b"on"]);
    let title = format!("turn on the policy's boolean {name}");
    Some(
        Candidate::new(Fit::Meant, title, [run(command)])
            .noting("for the whole domain, permanently"),
    )
}

fn port(case: &Case, labels: &Labels) -> Option<Candidate> {
    let Object::Port { port, .. } = case.attempt.object else {
        return None;
    };
    let kind = labels
        .granted
        .first()
        .filter(|kind| *kind != "unreserved_port_t")?;
    let number = port.to_string();
    let command = argv(&[
        b"semanage",
        b"port",
        b"-a",
        b"-t",
        kind.as_bytes(),
        b"-p",
        b"tcp",
        number.as_bytes(),
    ]);
    let binds = case.attempt.operation == Operation::Bind;
    binds.then(|| {
        Candidate::new(
            Fit::Meant,
            format!("make {port} one of the ports that it may use, {kind}"),
            [run(command)],
        )
        .noting("-m instead of -a where the port has a type of its own")
    })
}

/// Sets another label for which the policy grants the access: on the mount if its files have no labels of their own, otherwise
/// on the object.
fn relabel(case: &Case, labels: &Labels) -> Option<Candidate> {
    if labels.is_own_type {
        return None;
    }
    let kind = labels.granted.first()?;
    let node = case.facts.node(labels.node?);
    let mount = case.mount()?;
    let path = quote::display(&node.path);
    if is_unlabelled(mount) {
        let point = quote::display(&mount.point);
        return Some(
            Candidate::new(
                Fit::Meant,
                format!("mount {point} with a label that it may use, {kind}"),
                remount(mount, kind).map(run),
            )
            .noting("context= in /etc/fstab keeps it"),
        );
    }
    let placed = matches!(case.purpose(), Some(Purpose::Service | Purpose::Log));
    let meant = node.path != b"/" && (placed || is_top(&node.path));
    meant.then(|| {
        let command = argv(&[b"chcon", b"-t", kind.as_bytes(), &node.path]);
        Candidate::new(
            Fit::Meant,
            format!("label {path} as what it may use, {kind}"),
            [run(command)],
        )
        .noting(format!(
            "semanage fcontext -a -t {kind} '{path}(/.*)?' keeps it when the system is relabelled"
        ))
    })
}

fn is_unlabelled(mount: &Mount) -> bool {
    !mount.keeps_labels()
        || mount.fs_type.starts_with("fuse.")
        || mount.super_option("context").is_some()
}

/// The label of a mount can only be set when mounting.
fn remount(mount: &Mount, kind: &str) -> [Argv; 2] {
    let fs_type = match mount.fs_type.as_str() {
        "fuseblk" => "ntfs-3g",
        other => other,
    };
    let has_masks = mount.super_option("fmask").is_some();
    let kept = mount
        .super_options
        .iter()
        .filter(|(name, _)| has_masks && !matches!(name.as_str(), "rw" | "seclabel" | "context"));
    let kept = kept.map(|(name, value)| match value {
        Some(value) => format!("{name}={value},"),
        None => format!("{name},"),
    });
    let options = format!(
        "{}context=system_u:object_r:{kind}:s0",
        kept.collect::<String>()
    );
    [
        argv(&[b"umount", &mount.point]),
        argv(&[
            b"mount",
            b"-t",
            fs_type.as_bytes(),
            b"-o",
            options.as_bytes(),
            &mount.source,
            &mount.point,
        ]),
    ]
}

fn run(argv: Argv) -> Change {
    Change::Run {
        argv,
        root: true,
        effect: Effect::Repairs,
    }
}

fn ask_the_log() -> Candidate {
    Candidate::advice(
        "ask the audit log which rule or boolean it is: ausearch -m avc -ts recent | audit2why names it",
    )
}

//! Asks security modules and file servers what they grant: AppArmor through its query file, SELinux through selinuxfs, an NFS
//! server by access(2). These queries have no side effects and are not logged.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;

use nix::unistd::{Uid, setfsuid};
use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{ports, selinux};
use crate::attempt::{Attempt, Label, Object, Subject};
use crate::facts::{
    Facts, NodeId, Perms, Policy, ProfileAnswer, ProfilePerms, ProfileRequest, profile_requests,
    server_requests, vector_requests,
};

/// What security modules and file servers grant this attempt.
pub(super) fn read(attempt: &Attempt, facts: &Facts) -> Policy {
    let subject = &attempt.subject;
    let mut policy = Policy::default();
    match subject.label() {
        Some(Label::AppArmor {
            profile,
            enforces: true,
        }) => {
            let requests = profile_requests(&attempt.operation, facts);
            policy.profiles = requests
                .iter()
                .filter_map(|request| ask_apparmor(profile, request, subject, facts))
                .collect();
        }
        Some(Label::Selinux { .. }) if facts.settings.selinux_enforcing == Ok(true) => {
            let requests = vector_requests(&attempt.operation, facts);
            policy.vectors = selinux::vectors(subject, &requests, facts);
            policy.port = ports::label(attempt);
            policy.vectors.extend(
                policy
                    .port
                    .iter()
                    .filter_map(|label| selinux::of_port(attempt, label)),
            );
            policy.labels = selinux::labels(attempt, &requests, &policy, facts);
        }
        _ => {}
    }
    if matches!(attempt.object, Object::Path(_)) {
        let requests = server_requests(&attempt.operation, facts);
        let nodes = requests.into_iter().map(|(node, _)| node);
        let served = |node: &NodeId| facts.mount_of(*node).is_nfs();
        let served: Vec<NodeId> = nodes.chain(facts.walk.parent()).filter(served).collect();
        if !served.is_empty() && is_permwrap_itself(subject) {
            let served = served.into_iter();
            policy.served = served
                .filter_map(|node| Some((node, ask_server(node, facts)?)))
                .collect();
        }
    }
    policy
}

/// Asks AppArmor what a profile grants for a name. The kernel answers for files of the asker's own if the asker is root,
/// otherwise for files of other owners (aa_lookup_fperms with the path_cond of profile_query_cb).
fn ask_apparmor(
    profile: &str,
    request: &ProfileRequest,
    subject: &Subject,
    facts: &Facts,
) -> Option<ProfileAnswer> {
    let owner = match request.exists {
        true => facts.node(request.node).inode.as_ref().ok()?.uid,
        false => subject.uid,
    };
    let own = owner == subject.uid;
    let root = Uid::effective().is_root();
    let text = match (own, root) {
        (true, true) | (false, false) => query_apparmor(profile, &request.name),
        (false, true) => as_stranger(|| query_apparmor(profile, &request.name)),
        // Whatever is granted for files of others is granted for the subject's own files too. The converse need not hold.
        (true, false) => query_apparmor(profile, &request.name).filter(|text| {
            request
                .wanted
                .minus(field(text, "allow").unwrap_or_default())
                .is_empty()
        }),
    }?;
    let granted = field(&text, "allow")?;
    // `deny` rules suppress logging, and nothing else does, so quiet permissions are denied ones.
    let denied = field(&text, "deny")?.or(field(&text, "quiet")?.minus(granted));
    Some(ProfileAnswer {
        label: profile.to_owned(),
        name: request.name.clone(),
        granted,
        denied,
    })
}

/// Calls a function in a thread whose file-system uid is that of nobody.
fn as_stranger<T: Send>(what: impl FnOnce() -> Option<T> + Send) -> Option<T> {
    const NOBODY: u32 = 65534;
    let ask = || {
        setfsuid(Uid::from_raw(NOBODY));
        what()
    };
    std::thread::scope(|scope| scope.spawn(ask).join()).ok()?
}

/// The query is `label\0LABEL\0` followed by the class of files and the name (query_label of security/apparmor/apparmorfs.c).
fn query_apparmor(profile: &str, name: &[u8]) -> Option<String> {
    const CLASS_FILE: &[u8] = &[2];
    let query = [b"label\0", profile.as_bytes(), b"\0", CLASS_FILE, name].concat();
    exchange("/sys/kernel/security/apparmor/.access", &query)
}

/// Writes a query into a kernel file and reads the answer.
pub(super) fn exchange(path: &str, question: &[u8]) -> Option<String> {
    let mut file = File::options().read(true).write(true).open(path).ok()?;
    let written = file.write(question).ok()?;
    let mut answer = [0u8; 4096];
    // selinuxfs continues at the file position where the query ended.
    let length = match file.read(&mut answer).ok()? {
        0 => rustix::io::pread(&file, &mut answer, 0).ok()?,
        length => length,
    };
    (written == question.len()).then(|| String::from_utf8_lossy(&answer[..length]).into_owned())
}

/// Parses a field of AppArmor's answer: `allow 0x00000004`.
fn field(text: &str, name: &str) -> Option<ProfilePerms> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    let bits = u32::from_str_radix(rest.trim().strip_prefix("0x")?, 16).ok()?;
    Some(ProfilePerms::from_kernel(bits))
}

/// Whether an answer given to permwrap is valid for the subject, because both have the same credentials.
fn is_permwrap_itself(subject: &Subject) -> bool {
    super::own_subject().is_ok_and(|own| {
        own.uid == subject.uid
            && own.gid == subject.gid
            && own.groups == subject.groups
            && own.capabilities == subject.capabilities
    })
}

/// Asks the server of a mount. Each query is sent over the network (nfs_permission).
fn ask_server(node: NodeId, facts: &Facts) -> Option<Perms> {
    let path = &facts.node(node).path;
    let path = std::ffi::OsStr::from_bytes(path);
    let mut granted = Perms::NONE;
    for (access, perm) in [
        (Access::READ_OK, Perms::R),
        (Access::WRITE_OK, Perms::W),
        (Access::EXEC_OK, Perms::X),
    ] {
        match accessat(CWD, path, access, AtFlags::EACCESS) {
            Ok(()) => granted = granted.or(perm),
            Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM | rustix::io::Errno::ROFS) => {}
            Err(_) => return None,
        }
    }
    Some(granted)
}

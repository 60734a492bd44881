//! Secrets that location and mode do not reveal: usual names of key files, and directories in which keys are kept.

use crate::attempt::{Attempt, Object, Subject};
use crate::cause::{Purpose, is_within, purpose};
use crate::facts::{Facts, Kind, Node, NodeId, Walk};

const SECRETS: &[&[u8]] = &[
    b"/dev/kmem",
    b"/dev/mem",
    b"/dev/port",
    b"/etc/gshadow",
    b"/etc/gshadow-",
    b"/etc/krb5.keytab",
    b"/etc/letsencrypt/archive",
    b"/etc/letsencrypt/keys",
    b"/etc/letsencrypt/live",
    b"/etc/security/opasswd",
    b"/etc/shadow",
    b"/etc/shadow-",
    b"/etc/ssl/private",
    b"/etc/sudoers",
    b"/etc/sudoers.d",
    b"/proc/kcore",
    b"/run/secrets",
    b"/run/sudo",
    b"/var/lib/mysql",
    b"/var/lib/postgresql",
    b"/var/lib/private",
    b"/var/lib/sss",
    b"/var/lib/sudo",
    b"/var/spool/cron",
];

/// Directories of keys and passwords in a home directory.
const DIRECTORIES: &[&[u8]] = &[
    b".aws",
    b".azure",
    b".docker",
    b".gnupg",
    b".kube",
    b".password-store",
    b".ssh",
];

/// Names of files that hold keys or passwords.
const NAMES: &[&[u8]] = &[
    b".erlang.cookie",
    b".git-credentials",
    b".htpasswd",
    b".my.cnf",
    b".netrc",
    b".npmrc",
    b".pgpass",
    b".pypirc",
    b".s3cfg",
    b".smbcredentials",
    b".vault-token",
    b"wallet.dat",
];

const ENDINGS: &[&[u8]] = &[
    b".jks", b".kdbx", b".key", b".keytab", b".ovpn", b".p12", b".pfx", b".ppk", b"_key",
];

/// Whether the attempt concerns a secret of somebody else.
pub(super) fn is_about_one(attempt: &Attempt, facts: &Facts) -> bool {
    let owns = |id: NodeId| is_own(&attempt.subject, facts, id);
    let asked = match &attempt.object {
        // Where the way ends before the object, the directory in which it ends tells.
        Object::Path(path) => {
            let nearest = facts.walk.target().or_else(|| facts.walk.parent());
            is_secret(path) && !nearest.is_some_and(owns)
        }
        Object::Port { .. } | Object::Process | Object::Another(_) => false,
    };
    let nodes = facts.walks().flat_map(|walk| [walk.named(), walk.target()]);
    asked
        || nodes
            .flatten()
            .any(|id| is_one(&attempt.subject, facts, id))
}

/// Whether the node is a secret of somebody else.
pub(super) fn is_one(subject: &Subject, facts: &Facts, id: NodeId) -> bool {
    let node = facts.node(id);
    let owns = is_own(subject, facts, id);
    !owns && (is_disk(node) || is_secret(&node.path))
}

/// Whether the attempt concerns a disk.
pub(super) fn is_a_disk(facts: &Facts) -> bool {
    let mut targets = facts.walks().filter_map(Walk::target);
    targets.any(|id| is_disk(facts.node(id)))
}

fn is_disk(node: &Node) -> bool {
    let inode = node.inode.as_ref();
    inode.is_ok_and(|inode| inode.kind == Kind::Block)
}

/// Whether it is the subject's own, or was left in the subject's own home by root.
fn is_own(subject: &Subject, facts: &Facts, id: NodeId) -> bool {
    let node = facts.node(id);
    let left = purpose(&node.path, subject.uid, facts) == Purpose::Own;
    node.inode
        .as_ref()
        .is_ok_and(|inode| inode.uid == subject.uid || left && inode.uid == 0)
}

/// Whether this is the path of a secret.
pub(super) fn is_one_by_name(path: &[u8]) -> bool {
    is_secret(path)
}

fn is_secret(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let key = ENDINGS.iter().any(|ending| name.ends_with(ending))
        || NAMES.contains(&name)
        || name.starts_with(b"privkey")
        || name.starts_with(b"id_") && !name.ends_with(b".pub");
    key || SECRETS.iter().any(|secret| is_within(path, secret))
        || path
            .split(|&byte| byte == b'/')
            .any(|part| DIRECTORIES.contains(&part))
        || path.starts_with(b"/proc/") && (path.ends_with(b"/mem") || path.ends_with(b"/environ"))
}

//! What is never suggested, whoever asks: the one place where that is decided.
//!
//! The words on stderr are untrusted: a program, or someone whose text it prints, may try to have a dangerous command
//! suggested. So each change, of whatever cause, passes here before anybody sees it.

use crate::attempt::{Attempt, Object, Operation, Subject};
use crate::cause::{Purpose, held, home_of, is_top, is_within, node_at, purpose};
use crate::change::{Change, MountOption};
use crate::facts::{Facts, Inode, Kind, MountId, NodeId, Perms};

/// Why a change is never suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Never {
    /// What everybody may write, anybody may replace.
    WritableByAll,
    /// A home is opened to named people, never to everybody.
    OpenHome,
    /// What lies in `/root` is root's own.
    RootsHome,
    /// Nothing recursive on a directory that is not the subject's.
    ForeignTree,
    /// Who owns a directory in which everybody may create may delete there: it stays whose it is.
    Shared,
    /// Keys, password hashes, raw disks and the rights to become root.
    Secret,
    /// A set-user-ID program, or one that is kept from the subject.
    Program,
    /// The system's own directories are its package manager's.
    System,
    /// A group whose members are as good as root.
    PowerfulGroup,
    /// A file with another name elsewhere, which would change hands too.
    OtherNames,
    /// A setting or module that protects the system.
    Protection,
    /// A shell or an interpreter runs whatever it is told to.
    AnyCommand,
    /// A mount that is as it is so that the system stays as it is.
    SystemMount,
}

impl Never {
    /// What to do instead, for who finds nothing else on offer.
    pub fn advice(self, path: &str) -> Option<String> {
        Some(match self {
            Never::Secret => format!(
                "{path} is a secret of the system and stays closed: what needs it has to run as the user it is meant for"
            ),
            Never::Program => {
                format!("{path} is kept for those who may run it: ask the administrator")
            }
            Never::RootsHome | Never::OpenHome => {
                format!(
                    "move what is needed out of the home to where others may be, /srv or /opt: {path} stays closed"
                )
            }
            Never::System => format!(
                "{path} is the system's: use a directory of your own, or leave it to the administrator"
            ),
            Never::ForeignTree | Never::OtherNames | Never::Shared | Never::WritableByAll => {
                format!("ask the owner of {path}")
            }
            Never::PowerfulGroup | Never::AnyCommand | Never::Protection | Never::SystemMount => {
                return None;
            }
        })
    }
}

/// Why this change must not be suggested for this attempt, if it must not.
pub fn forbids(change: &Change, attempt: &Attempt, facts: &Facts) -> Option<Never> {
    let subject = &attempt.subject;
    if is_about_a_secret(attempt, facts)
        && !is_own_mode(change, subject, facts)
        && !only_closes(change, facts)
    {
        return match change {
            Change::Advice(_) => None,
            _ => Some(Never::Secret),
        };
    }
    match change {
        Change::Chmod { node, add } => bits(subject, facts, *node, *add),
        // What undoes a change is asked for by who made it, and never suggested.
        Change::SetMode { .. }
        | Change::SetAcl { .. }
        | Change::Remove { .. }
        | Change::LeaveGroup(_)
        | Change::NoFileCapability { .. }
        | Change::SetFlag { on: true, .. } => None,
        Change::AclGrant { node, perms, .. } => {
            let gained = held(subject, *node, facts).map_or(*perms, |held| perms.minus(held));
            widening(subject, facts, *node, gained)
        }
        Change::AclMask { node, perms } => widening(subject, facts, *node, *perms),
        Change::Chown { node, .. } => ownership(subject, facts, *node),
        Change::ChownTree { top, .. } => tree(subject, facts, top),
        Change::Make { parent, .. } => made_in(subject, facts, *parent),
        Change::Remount { mount, option, .. } => remount(subject, facts, *mount, *option),
        Change::SetFlag { on: false, .. } | Change::Relogin(_) => None,
        Change::JoinGroup(gid) => group(attempt, facts, *gid),
        Change::RunAsRoot => command_line(&facts.surroundings.command),
        Change::ByRoot { operation, path } => done_by_root(subject, facts, operation, path),
        Change::FileCapability { program, .. } => {
            let system = purpose(program, subject.uid, facts) == Purpose::System;
            (system || runs_anything(program)).then_some(Never::AnyCommand)
        }
        Change::Setting { name, .. } => name.starts_with("fs.").then_some(Never::Protection),
        Change::Run { argv, .. } => argv
            .iter()
            .any(|word| DISARMING.contains(&word.as_slice()))
            .then_some(Never::Protection),
        Change::RunThrough { .. } | Change::Advice(_) => None,
    }
}

/// Commands that turn off a protection, or open something to everybody.
const DISARMING: &[&[u8]] = &[
    b"setenforce",
    b"aa-complain",
    b"aa-disable",
    b"aa-teardown",
    b"--privileged",
    b"unconfined",
    b"no_root_squash",
    b"777",
    b"666",
    b"a+w",
    b"o+w",
];

/// Groups whose members can become root, or read what only root may.
const POWERFUL: &[&str] = &[
    "admin",
    "bin",
    "daemon",
    "disk",
    "docker",
    "incus",
    "incus-admin",
    "kmem",
    "lxd",
    "root",
    "shadow",
    "staff",
    "sudo",
    "sys",
    "wheel",
];

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
    b"/var/lib/sss",
];

const SECRET_DIRECTORIES: &[&[u8]] = &[b".aws", b".gnupg", b".kube", b".password-store", b".ssh"];

fn is_about_a_secret(attempt: &Attempt, facts: &Facts) -> bool {
    let nodes = facts.walks().flat_map(|walk| [walk.named(), walk.target()]);
    let asked = match &attempt.object {
        Object::Path(path) => is_secret_path(path),
        Object::Port { .. } | Object::Process => false,
    };
    asked
        && !facts
            .walk
            .target()
            .is_some_and(|id| is_owner(&attempt.subject, facts, id))
        || nodes
            .flatten()
            .any(|id| is_secret(&attempt.subject, facts, id))
}

fn is_secret(subject: &Subject, facts: &Facts, id: NodeId) -> bool {
    let node = facts.node(id);
    let disk = node
        .inode
        .as_ref()
        .is_ok_and(|inode| inode.kind == Kind::Block);
    !is_owner(subject, facts, id) && (disk || is_secret_path(&node.path))
}

fn is_secret_path(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let key = name.ends_with(b"_key")
        || name.ends_with(b".key")
        || name.starts_with(b"privkey")
        || name.starts_with(b"id_") && !name.ends_with(b".pub");
    key || SECRETS.iter().any(|secret| is_within(path, secret))
        || path
            .split(|&byte| byte == b'/')
            .any(|part| SECRET_DIRECTORIES.contains(&part))
        || path.starts_with(b"/proc/") && (path.ends_with(b"/mem") || path.ends_with(b"/environ"))
}

/// The owner's own bits on the owner's own file.
fn is_own_mode(change: &Change, subject: &Subject, facts: &Facts) -> bool {
    matches!(change, Change::Chmod { node, add } if add & 0o077 == 0 && is_owner(subject, facts, *node))
}

/// Whether a file is only closed, which opens nothing to anybody.
fn only_closes(change: &Change, facts: &Facts) -> bool {
    let Change::SetMode { node, mode } = change else {
        return false;
    };
    inode(facts, *node).is_some_and(|inode| mode & !inode.mode == 0)
}

fn is_owner(subject: &Subject, facts: &Facts, node: NodeId) -> bool {
    inode(facts, node).is_some_and(|inode| inode.uid == subject.uid)
}

fn bits(subject: &Subject, facts: &Facts, node: NodeId, add: u32) -> Option<Never> {
    if add & 0o002 != 0 {
        return Some(Never::WritableByAll);
    }
    let path = &facts.node(node).path;
    let home = facts.surroundings.home.as_deref();
    if add & 0o007 != 0 && (home_of(path).is_some() || home == Some(path)) {
        return Some(Never::OpenHome);
    }
    let added = Perms::from_bits(add | add >> 3 | add >> 6);
    widening(subject, facts, node, added)
}

/// Granting these permissions on the node to whomever.
fn widening(subject: &Subject, facts: &Facts, id: NodeId, gained: Perms) -> Option<Never> {
    let node = facts.node(id);
    if is_owner(subject, facts, id) {
        return None;
    }
    if subject.uid != 0 && is_within(&node.path, b"/root") {
        return Some(Never::RootsHome);
    }
    if gained.contains(Perms::W) && is_somebodys_home(facts, id) {
        // Who may write there may put keys and start-up files in place.
        return Some(Never::OpenHome);
    }
    let regular = inode(facts, id).filter(|inode| inode.kind == Kind::Regular);
    if regular.is_some_and(|inode| inode.mode & 0o6000 != 0) {
        return Some(Never::Program);
    }
    let purpose = purpose(&node.path, subject.uid, facts);
    // Modes below /proc and /sys are the kernel's, and back with it.
    if purpose == Purpose::Kernel {
        return Some(Never::System);
    }
    if purpose == Purpose::System {
        if gained.contains(Perms::W) {
            return Some(Never::System);
        }
        let readable = held(subject, id, facts).is_some_and(|held| held.contains(Perms::R));
        if regular.is_some() && gained.contains(Perms::X) && !readable {
            return Some(Never::Program);
        }
    }
    None
}

/// Whether the directory is the home of the user it belongs to, rather than data that is kept beside the homes.
fn is_somebodys_home(facts: &Facts, id: NodeId) -> bool {
    let path = facts.node(id).path.as_slice();
    let owner = inode(facts, id).and_then(|inode| facts.names.users.get(&inode.uid));
    home_of(path) == Some(path) && owner.is_none_or(|name| path.ends_with(name.as_bytes()))
}

fn ownership(subject: &Subject, facts: &Facts, id: NodeId) -> Option<Never> {
    let several =
        inode(facts, id).is_none_or(|inode| inode.kind == Kind::Regular && inode.links > 1);
    if several && !is_owner(subject, facts, id) {
        return Some(Never::OtherNames);
    }
    let shared = inode(facts, id)
        .is_none_or(|inode| inode.is_dir() && inode.other_bits().contains(Perms::W));
    if shared && purpose(&facts.node(id).path, subject.uid, facts) != Purpose::Own {
        return Some(Never::Shared);
    }
    widening(subject, facts, id, Perms::RWX)
}

/// Something of the subject's own may be made where services have their places, and nowhere else of the system's.
fn made_in(subject: &Subject, facts: &Facts, parent: NodeId) -> Option<Never> {
    let path = &facts.node(parent).path;
    let fitting = matches!(
        purpose(path, subject.uid, facts),
        Purpose::Log | Purpose::Runtime | Purpose::Service
    );
    (!fitting && !is_top(path)).then_some(Never::System)
}

fn tree(subject: &Subject, facts: &Facts, top: &[u8]) -> Option<Never> {
    let parent = match top.iter().rposition(|&byte| byte == b'/') {
        Some(0) | None => return Some(Never::ForeignTree),
        Some(slash) => &top[..slash],
    };
    let own = |path: &[u8]| node_at(path, facts).is_some_and(|id| is_owner(subject, facts, id));
    let systems = matches!(
        purpose(top, subject.uid, facts),
        Purpose::System | Purpose::Kernel | Purpose::Device
    );
    (systems || !(own(top) || own(parent))).then_some(Never::ForeignTree)
}

fn group(attempt: &Attempt, facts: &Facts, gid: u32) -> Option<Never> {
    let name = facts
        .names
        .groups
        .get(&gid)
        .map(|group| group.name.as_str());
    let is_docker_socket = name == Some("docker")
        && matches!(attempt.operation, Operation::Connect)
        || facts.walk.target().is_some_and(|id| {
            name == Some("docker")
                && inode(facts, id).is_some_and(|inode| inode.kind == Kind::Socket)
        });
    let powerful = gid == 0 || name.is_none_or(|name| POWERFUL.contains(&name));
    (powerful && !is_docker_socket).then_some(Never::PowerfulGroup)
}

/// A command line that root is to run: sudo does not help with a file that the shell opens, and a shell or an
/// interpreter as root does whatever its script says.
fn command_line(words: &[Vec<u8>]) -> Option<Never> {
    let (program, arguments) = words.split_first()?;
    let dangerous: &[&[u8]] = &[
        b"-R",
        b"-r",
        b"-rf",
        b"-fr",
        b"--recursive",
        b"777",
        b"666",
        b"0777",
        b"0666",
        b"a+w",
        b"o+w",
        b"a+rwx",
    ];
    if runs_anything(program) {
        return Some(Never::AnyCommand);
    }
    arguments
        .iter()
        .any(|argument| dangerous.contains(&argument.as_slice()))
        .then_some(Never::ForeignTree)
}

/// One operation that root is to do. It is the reader's own program that asked for it, or so it says: nothing of the
/// system is altered on its word, nothing opened to everybody, and nothing of others deleted but where all may leave files.
fn done_by_root(
    subject: &Subject,
    facts: &Facts,
    operation: &Operation,
    path: &[u8],
) -> Option<Never> {
    let real = facts.walk.named().map_or(path, |id| &facts.node(id).path);
    if matches!(
        purpose(real, subject.uid, facts),
        Purpose::System | Purpose::Kernel | Purpose::Home | Purpose::Device
    ) {
        return Some(Never::System);
    }
    let sticky = |dir: NodeId| inode(facts, dir).is_some_and(Inode::is_sticky);
    match operation {
        Operation::Chmod(Some(mode)) if mode & 0o6002 != 0 => Some(Never::WritableByAll),
        Operation::Delete | Operation::Rmdir if !facts.walk.parent().is_some_and(sticky) => {
            Some(Never::ForeignTree)
        }
        Operation::Chown { .. } => ownership(subject, facts, facts.walk.named()?),
        _ => None,
    }
}

/// Whether the program is a shell or an interpreter.
fn runs_anything(program: &[u8]) -> bool {
    const NAMES: &[&str] = &[
        "awk", "bash", "busybox", "bun", "dash", "deno", "dotnet", "env", "expect", "find", "fish",
        "gdb", "java", "ksh", "lua", "node", "nodejs", "perl", "php", "python", "ruby", "sh",
        "tclsh", "tcsh", "xargs", "zsh",
    ];
    let name = program
        .rsplit(|&byte| byte == b'/')
        .next()
        .unwrap_or(program);
    let name = String::from_utf8_lossy(name);
    NAMES.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
}

fn remount(subject: &Subject, facts: &Facts, id: MountId, option: MountOption) -> Option<Never> {
    let mount = &facts.mounts[id.0];
    let systems = matches!(
        purpose(&mount.point, subject.uid, facts),
        Purpose::System | Purpose::Kernel | Purpose::Device | Purpose::Runtime
    ) && !(is_top(&mount.point) && mount.point != b"/");
    (systems || matches!(option, MountOption::Dev | MountOption::Symfollow))
        .then_some(Never::SystemMount)
}

fn inode(facts: &Facts, id: NodeId) -> Option<&Inode> {
    facts.node(id).inode.as_ref().ok()
}

//! What an operation requests from the security modules and from a file server, beyond the kernel's own checks.

use super::{Facts, Kind, NodeId, Perms, ProfilePerms, Walk};
use crate::attempt::{OpenHow, Operation};

/// A permission that an operation requests from AppArmor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRequest {
    /// The name that rules are matched against: a path, with a trailing slash for a directory.
    pub name: Vec<u8>,
    /// The requested permissions.
    pub wanted: ProfilePerms,
    /// The object; for a new name, the directory that is to hold it.
    pub node: NodeId,
    /// Whether the object exists. If so, `owner` rules compare against its owner, otherwise against the subject.
    pub exists: bool,
}

/// Permissions that an operation requests from SELinux.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorRequest {
    /// The object.
    pub node: NodeId,
    /// The object's class, such as `file` or `dir`.
    pub class: &'static str,
    /// The requested permissions.
    pub wanted: Vec<&'static str>,
}

/// The requests that an operation makes to AppArmor (security/apparmor/lsm.c); empty for operations that AppArmor does not
/// mediate.
#[must_use]
pub fn profile_requests(operation: &Operation, facts: &Facts) -> Vec<ProfileRequest> {
    use ProfilePerms as P;
    let walk = &facts.walk;
    let mut asked = Vec::new();
    let mut ask = |request: Option<ProfileRequest>| asked.extend(request);
    match operation {
        Operation::Open(how) => match walk.target() {
            Some(node) => ask(existing(facts, node, open_perms(*how))),
            None if how.create => ask(new_name(facts, walk, P::WRITE.or(open_perms(*how)), false)),
            None => {}
        },
        Operation::List => ask(walk
            .target()
            .and_then(|node| existing(facts, node, P::READ))),
        Operation::Exec => ask(walk
            .target()
            .and_then(|node| existing(facts, node, P::EXEC))),
        Operation::Mkdir => ask(new_name(facts, walk, P::WRITE, true)),
        Operation::Mknod(_) | Operation::Symlink | Operation::Bind => {
            ask(new_name(facts, walk, P::WRITE, false));
        }
        Operation::Delete | Operation::Rmdir => {
            ask(walk
                .named()
                .and_then(|node| existing(facts, node, P::WRITE)));
        }
        Operation::Chmod(_) | Operation::Chown { .. } => {
            ask(walk
                .target()
                .and_then(|node| existing(facts, node, P::WRITE)));
        }
        Operation::Rename => {
            let directory = walk.named().is_some_and(|node| is_directory(facts, node));
            ask(walk
                .named()
                .and_then(|node| existing(facts, node, P::READ.or(P::WRITE))));
            let to = facts.to.as_ref();
            ask(to.and_then(|to| name_of(facts, to, P::WRITE, directory)));
        }
        Operation::Link => {
            let to = facts.to.as_ref();
            ask(to.and_then(|to| name_of(facts, to, P::LINK, false)));
        }
        _ => {}
    }
    asked
}

/// `aa_map_file_to_perms`.
fn open_perms(how: OpenHow) -> ProfilePerms {
    let mut perms = ProfilePerms::NONE;
    if how.read {
        perms = perms.or(ProfilePerms::READ);
    }
    if how.write && how.append {
        perms = perms.or(ProfilePerms::APPEND);
    }
    // O_CREAT is asked for even if the file exists, and is granted by `w` alone.
    if (how.write && !how.append) || how.truncate || how.create {
        perms = perms.or(ProfilePerms::WRITE);
    }
    perms
}

fn existing(facts: &Facts, node: NodeId, wanted: ProfilePerms) -> Option<ProfileRequest> {
    let slash: &[u8] = match is_directory(facts, node) && facts.node(node).path != b"/" {
        true => b"/",
        false => b"",
    };
    Some(ProfileRequest {
        name: [&facts.node(node).path, slash].concat(),
        wanted,
        node,
        exists: true,
    })
}

/// The request for a name that does not exist yet.
fn new_name(
    facts: &Facts,
    walk: &Walk,
    wanted: ProfilePerms,
    directory: bool,
) -> Option<ProfileRequest> {
    let step = walk.steps.last()?;
    (step.found == Ok(None)).then(|| joined(facts, step.dir, &step.name, wanted, directory))
}

/// The request for a name, whether it exists or not.
fn name_of(
    facts: &Facts,
    walk: &Walk,
    wanted: ProfilePerms,
    directory: bool,
) -> Option<ProfileRequest> {
    let step = walk.written_step()?;
    Some(joined(facts, step.dir, &step.name, wanted, directory))
}

fn joined(
    facts: &Facts,
    dir: NodeId,
    name: &[u8],
    wanted: ProfilePerms,
    directory: bool,
) -> ProfileRequest {
    let path = &facts.node(dir).path;
    let between: &[u8] = if path.ends_with(b"/") { b"" } else { b"/" };
    let end: &[u8] = if directory { b"/" } else { b"" };
    ProfileRequest {
        name: [path.as_slice(), between, name, end].concat(),
        wanted,
        node: dir,
        exists: false,
    }
}

fn is_directory(facts: &Facts, node: NodeId) -> bool {
    let inode = facts.node(node).inode.as_ref();
    inode.is_ok_and(|inode| inode.kind == Kind::Directory)
}

/// What an operation requests from SELinux's policy, in the kernel's order: search permission on the directories comes first.
#[must_use]
pub fn vector_requests(operation: &Operation, facts: &Facts) -> Vec<VectorRequest> {
    let mut asked: Vec<VectorRequest> = Vec::new();
    for walk in facts.walks() {
        for step in walk.steps.iter().filter(|step| !step.name.is_empty()) {
            asked.push(vector(facts, step.dir, &["search"]));
        }
    }
    let mut ask = |node: Option<NodeId>, wanted: &[&'static str]| {
        asked.extend(node.map(|node| vector(facts, node, wanted)));
    };
    let walk = &facts.walk;
    let (named, target, parent) = (walk.named(), walk.target(), walk.parent());
    match operation {
        Operation::Open(how) => match target {
            Some(_) => ask(target, &open_permissions(*how)),
            None if how.create => ask(
                walk.steps.last().map(|step| step.dir),
                &["write", "add_name"],
            ),
            None => {}
        },
        Operation::Exec => ask(target, &["execute"]),
        Operation::List => ask(target, &["read", "open"]),
        Operation::Traverse => ask(target, &["search"]),
        Operation::Mkdir | Operation::Mknod(_) | Operation::Symlink | Operation::Bind => {
            ask(parent, &["write", "add_name"]);
        }
        Operation::Delete => {
            ask(parent, &["write", "remove_name"]);
            ask(named, &["unlink"]);
        }
        Operation::Rmdir => {
            ask(parent, &["write", "remove_name"]);
            ask(named, &["rmdir"]);
        }
        Operation::Rename => {
            ask(parent, &["write", "remove_name"]);
            ask(named, &["rename"]);
            ask(
                facts.to.as_ref().and_then(Walk::parent),
                &["write", "add_name"],
            );
        }
        Operation::Link => {
            ask(
                facts.to.as_ref().and_then(Walk::parent),
                &["write", "add_name"],
            );
            ask(named, &["link"]);
        }
        Operation::Utime { now: true } => ask(target, &["write"]),
        Operation::Chmod(_)
        | Operation::Chown { .. }
        | Operation::Utime { now: false }
        | Operation::Setxattr(_) => ask(target, &["setattr"]),
        Operation::Connect => ask(target, &["write"]),
        // These request nothing beyond search permission on the directories.
        Operation::Stat { .. }
        | Operation::Mount
        | Operation::Signal
        | Operation::Ptrace
        | Operation::Privileged(_)
        | Operation::Trust(_) => {}
    }
    asked
}

/// `open_file_to_av`.
fn open_permissions(how: OpenHow) -> Vec<&'static str> {
    let mut wanted = vec!["open"];
    if how.read {
        wanted.push("read");
    }
    match (how.write, how.append) {
        (true, true) => wanted.push("append"),
        (true, false) => wanted.push("write"),
        (false, _) if how.truncate => wanted.push("write"),
        _ => {}
    }
    wanted
}

/// `inode_mode_to_security_class`.
fn vector(facts: &Facts, node: NodeId, wanted: &[&'static str]) -> VectorRequest {
    let kind = facts.node(node).inode.as_ref().map(|inode| inode.kind);
    VectorRequest {
        node,
        class: match kind {
            Ok(Kind::Directory) => "dir",
            Ok(Kind::Symlink) => "lnk_file",
            Ok(Kind::Char) => "chr_file",
            Ok(Kind::Block) => "blk_file",
            Ok(Kind::Fifo) => "fifo_file",
            Ok(Kind::Socket) => "sock_file",
            Ok(Kind::Regular) | Err(_) => "file",
        },
        wanted: wanted.to_vec(),
    }
}

/// The objects about which an operation consults a server, each with the permissions to ask for; `None` if ownership decides
/// instead of permissions.
#[must_use]
pub fn server_requests(operation: &Operation, facts: &Facts) -> Vec<(NodeId, Option<Perms>)> {
    let walk = &facts.walk;
    let enter = Some(Perms::W.or(Perms::X));
    let (target, parent) = (walk.target(), walk.parent());
    let to = facts.to.as_ref().and_then(Walk::parent);
    let one = |node: Option<NodeId>, wanted| node.map(|node| (node, wanted)).into_iter().collect();
    match operation {
        Operation::Open(how) => {
            let read = if how.read { Perms::R } else { Perms::NONE };
            let write = match how.write || how.truncate {
                true => Perms::W,
                false => Perms::NONE,
            };
            match target {
                Some(_) => one(target, Some(read.or(write))),
                None => one(walk.steps.last().map(|step| step.dir), enter),
            }
        }
        Operation::Exec => one(target, Some(Perms::X)),
        Operation::List => one(target, Some(Perms::R)),
        Operation::Traverse => one(target, Some(Perms::X)),
        Operation::Connect => one(target, Some(Perms::W)),
        Operation::Mkdir
        | Operation::Mknod(_)
        | Operation::Symlink
        | Operation::Bind
        | Operation::Delete
        | Operation::Rmdir => one(parent, enter),
        Operation::Rename => parent
            .into_iter()
            .chain(to)
            .map(|dir| (dir, enter))
            .collect(),
        Operation::Link => one(to, enter),
        Operation::Chmod(_)
        | Operation::Chown { .. }
        | Operation::Utime { .. }
        | Operation::Setxattr(_) => one(target, None),
        Operation::Stat { .. }
        | Operation::Mount
        | Operation::Signal
        | Operation::Ptrace
        | Operation::Privileged(_)
        | Operation::Trust(_) => Vec::new(),
    }
}

/// The class of SELinux for the ports of TCP, the only ones that are asked about.
pub const PORT_CLASS: &str = "tcp_socket";

/// The permission of SELinux that the operation requires of a port (selinux_socket_bind, selinux_socket_connect).
#[must_use]
pub fn port_permission(operation: &Operation) -> Option<&'static str> {
    match operation {
        Operation::Bind => Some("name_bind"),
        Operation::Connect => Some("name_connect"),
        _ => None,
    }
}

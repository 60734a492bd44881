//! What security modules and file servers decide after the kernel's own rules have said yes (the `security_*` hooks, and the
//! request that goes to the server), as far as they were [asked](crate::facts::Policy).

use super::{
    Certainty, Code, Decision, Denial, Errno, Kernel, Kind, Lockdown, NodeId, Object, Obstacle,
    Operation, Perms, Rule, Stop, Walk, deny,
};
use crate::attempt::{Capability, CapabilitySet, Label, OpenHow, Subject};
use crate::facts::{Facts, ProfilePerms, UnknownFact};

/// What an operation asks of AppArmor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRequest {
    /// The name that rules are matched against: a path, with a slash at the end for a directory.
    pub name: Vec<u8>,
    /// What is asked for.
    pub wanted: ProfilePerms,
    /// The object, or the directory that is to hold it.
    pub node: NodeId,
    /// Whether the object is there already: then its owner counts for `owner` rules, else the subject.
    pub exists: bool,
}

/// What an operation asks of SELinux.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorRequest {
    /// The object.
    pub node: NodeId,
    /// Its class.
    pub class: &'static str,
    /// What is asked for.
    pub wanted: Vec<&'static str>,
}

impl Kernel<'_> {
    /// The hooks of the security modules that label processes.
    pub(super) fn security_hooks(self, operation: &Operation, object: &Object) -> Decision {
        match self.subject.label() {
            Some(Label::AppArmor {
                profile,
                enforces: true,
            }) => self.profile_allows(profile, operation, object),
            Some(Label::Selinux { domain })
                if self.facts.settings.selinux_enforcing != Ok(false) =>
            {
                self.policy_allows(domain, operation, object)
            }
            _ => Ok(()),
        }
    }

    /// `aa_path_perm` and its kin.
    fn profile_allows(self, profile: &str, operation: &Operation, object: &Object) -> Decision {
        let unknown =
            || UnknownFact::not_gathered(&format!("what the AppArmor profile {profile} allows"));
        let mut undecided =
            self.needed_capability(operation, object).is_some() || !is_mediated(operation, object);
        let answers = &self.facts.policy.profiles;
        for request in profile_requests(operation, self.facts) {
            let answer = answers
                .iter()
                .find(|answer| answer.label == profile && answer.name == request.name);
            match answer {
                Some(answer) if !request.wanted.minus(answer.granted).is_empty() => {
                    return module_denies(Code::ApparmorDenies, Obstacle::Node(request.node));
                }
                Some(_) => {}
                None => undecided = true,
            }
        }
        match undecided {
            true => Err(unknown().into()),
            false => Ok(()),
        }
    }

    /// `avc_has_perm` for each of `selinux_inode_permission`, `may_create`, `may_link` and `selinux_inode_setattr`.
    fn policy_allows(self, domain: &str, operation: &Operation, object: &Object) -> Decision {
        let unknown =
            || UnknownFact::not_gathered(&format!("what the SELinux policy allows {domain}"));
        let source = self.subject.label.as_ref().ok().and_then(Option::as_deref);
        let mut undecided = operation.is_of_no_file()
            || !matches!(object, Object::Path(_))
            || self.needed_capability(operation, object).is_some();
        for request in vector_requests(operation, self.facts) {
            let Ok(label) = &self.node(request.node).label else {
                undecided = true;
                continue;
            };
            let vectors = &self.facts.policy.vectors;
            let answer = vectors.iter().find(|vector| {
                Some(vector.source.as_str()) == source
                    && Some(&vector.target) == label.as_ref()
                    && vector.class == request.class
            });
            match answer {
                Some(answer) if answer.permissive => return Ok(()),
                Some(answer)
                    if request
                        .wanted
                        .iter()
                        .any(|perm| answer.refused.contains(perm)) =>
                {
                    return module_denies(Code::SelinuxDenies, Obstacle::Node(request.node));
                }
                Some(_) => {}
                None => undecided = true,
            }
        }
        // Domains that the policy leaves to the ordinary rules.
        match undecided && !domain.starts_with("unconfined") {
            true => Err(unknown().into()),
            false => Ok(()),
        }
    }

    /// The capability without which the kernel's own rules would refuse: a module may refuse to let it count.
    pub(super) fn needed_capability(
        self,
        operation: &Operation,
        object: &Object,
    ) -> Option<Capability> {
        if self.subject.capabilities == CapabilitySet::EMPTY {
            return None;
        }
        let allowed_with = |capabilities| {
            let subject = Subject {
                capabilities,
                ..self.subject.clone()
            };
            let kernel = Kernel {
                subject: &subject,
                facts: self.facts,
            };
            kernel.decide(operation, object).is_ok()
        };
        if allowed_with(CapabilitySet::EMPTY) {
            return None;
        }
        let one = |capability: &&Capability| allowed_with(CapabilitySet::EMPTY.with(**capability));
        let found = Capability::ALL.iter().find(one);
        Some(found.copied().unwrap_or(Capability::DacOverride))
    }

    /// A sandbox that no file of /proc shows: a process that gained one has no_new_privs, or could do without.
    pub(super) fn landlock_allows(self, operation: &Operation, object: &Object) -> Decision {
        let modules = self.facts.settings.security_modules.as_deref();
        let active = modules
            .unwrap_or_default()
            .iter()
            .any(|name| name == "landlock");
        let of_another = self.subject.pid.is_some();
        match active && of_another && self.subject.no_new_privs && is_sandboxed(operation, object) {
            true => Err(UnknownFact::not_gathered(
                "whether the process has shut itself in (Landlock)",
            )
            .into()),
            false => Ok(()),
        }
    }

    /// What the server says, of a file system that has one.
    pub(super) fn server_allows(self, operation: &Operation, object: &Object) -> Decision {
        if !matches!(object, Object::Path(_)) || operation.is_of_no_file() {
            return Ok(());
        }
        let mut undecided = None;
        for (node, wanted) in server_requests(operation, self.facts) {
            let mount = self.mount_of(node);
            if !self.is_served(node) {
                continue;
            }
            let served = self.facts.policy.served.get(&node);
            match (served, wanted) {
                (Some(granted), Some(wanted)) if !granted.contains(wanted) => {
                    let at = Obstacle::Mount(self.node(node).mount, node);
                    return deny(Errno::Acces, self.server_code(node), at, Rule::FileSystem);
                }
                (Some(_), Some(_)) => {}
                _ if self.is_squashed(node) => {
                    let at = Obstacle::Mount(self.node(node).mount, node);
                    return deny(Errno::Perm, Code::NfsRootSquash, at, Rule::FileSystem);
                }
                _ => undecided = Some(mount),
            }
        }
        match undecided {
            Some(mount) => Err(UnknownFact {
                path: mount.point.clone(),
                ..UnknownFact::not_gathered("what the file server allows there, the answer")
            }
            .into()),
            None => Ok(()),
        }
    }

    /// What to call a refusal by the server.
    pub(super) fn server_code(self, node: NodeId) -> Code {
        let nfs = matches!(self.mount_of(node).fs_type.as_str(), "nfs" | "nfs4");
        let root = self.subject.uid == 0 && self.subject.has(Capability::DacOverride);
        match nfs && root {
            true => Code::NfsRootSquash,
            false => Code::ServerDenies,
        }
    }

    /// Whether the server is seen to take root for nobody: it refused root what root may do with any file.
    fn is_squashed(self, node: NodeId) -> bool {
        let served = &self.facts.policy.served;
        let mount = self.node(node).mount;
        self.server_code(node) == Code::NfsRootSquash
            && served.iter().any(|(other, granted)| {
                self.node(*other).mount == mount && !granted.contains(Perms::R.or(Perms::W))
            })
    }

    /// Opening the machine's memory: `open_port` of drivers/char/mem.c, `open_kcore` of fs/proc/kcore.c.
    pub(super) fn may_see_memory(self, node: NodeId) -> Decision {
        let inode = self.inode(node)?;
        let (device, mount) = (inode.rdev, self.mount_of(node));
        // /dev/mem, /dev/kmem and /dev/port (Documentation/admin-guide/devices.txt).
        let port =
            inode.kind == Kind::Char && device.major == 1 && matches!(device.minor, 1 | 2 | 4);
        let kcore = mount.fs_type == "proc" && self.node(node).path.ends_with(b"/kcore");
        if port {
            self.privileged(Capability::SysRawio, Certainty::Proven)?;
            self.security_locked_down(node, Lockdown::Integrity)?;
        }
        if kcore {
            self.security_locked_down(node, Lockdown::Confidentiality)?;
            self.privileged(Capability::SysRawio, Certainty::Proven)?;
        }
        Ok(())
    }

    /// Whether lockdown is below the level that keeps the object closed.
    fn security_locked_down(self, node: NodeId, level: Lockdown) -> Decision {
        if self.facts.settings.lockdown.clone()? < level {
            return Ok(());
        }
        deny(
            Errno::Perm,
            Code::LockdownDenies,
            Obstacle::Node(node),
            Rule::Flag,
        )
    }
}

fn module_denies(code: Code, at: Obstacle) -> Decision {
    Err(Stop::Denied(Box::new(Denial {
        errno: Errno::Acces,
        code,
        at,
        rule: Rule::Module { evidence: None },
        certainty: Certainty::Proven,
    })))
}

/// Whether AppArmor's file rules decide about the operation, or it decides nothing there.
fn is_mediated(operation: &Operation, object: &Object) -> bool {
    matches!(object, Object::Path(_))
        && !operation.is_of_no_file()
        && *operation != Operation::Mount
}

/// Whether a Landlock sandbox may refuse such an operation (Documentation/userspace-api/landlock.rst).
pub(super) fn is_sandboxed(operation: &Operation, object: &Object) -> bool {
    let port = matches!(object, Object::Port { .. });
    match operation {
        Operation::Chmod(_)
        | Operation::Chown { .. }
        | Operation::Utime { .. }
        | Operation::Setxattr(_)
        | Operation::Traverse
        | Operation::Privileged(_) => false,
        Operation::Connect => port,
        _ => true,
    }
}

/// The names that an operation asks AppArmor for (security/apparmor/lsm.c). What it does not mediate asks for none.
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

/// `aa_map_file_to_perms`
fn open_perms(how: OpenHow) -> ProfilePerms {
    let mut perms = ProfilePerms::NONE;
    if how.read {
        perms = perms.or(ProfilePerms::READ);
    }
    if how.write && how.append {
        perms = perms.or(ProfilePerms::APPEND);
    }
    if (how.write && !how.append) || how.truncate {
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

/// A name that is not there yet.
fn new_name(
    facts: &Facts,
    walk: &Walk,
    wanted: ProfilePerms,
    directory: bool,
) -> Option<ProfileRequest> {
    let step = walk.steps.last()?;
    (step.found == Ok(None)).then(|| joined(facts, step.dir, &step.name, wanted, directory))
}

/// A name, be it there or not.
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

/// What an operation asks of SELinux's policy, in the kernel's order: passing through the directories first.
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
        Operation::Mount | Operation::Signal | Operation::Ptrace | Operation::Privileged(_) => {}
    }
    asked
}

/// `open_file_to_av`
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

/// `inode_mode_to_security_class`
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

/// The objects that an operation goes to a server for, with the permissions that it can be asked about; `None` where the
/// operation goes by ownership.
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
        Operation::Mount | Operation::Signal | Operation::Ptrace | Operation::Privileged(_) => {
            Vec::new()
        }
    }
}

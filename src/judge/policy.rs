//! What security modules and file servers decide after the kernel's own checks have allowed the operation (the `security_*`
//! hooks, and the request to the server), as far as they were [asked](crate::facts::Policy).

use super::{
    Certainty, Code, Decision, Denial, Errno, Kernel, Kind, Lockdown, NodeId, Object, Obstacle,
    Operation, Perms, Rule, Stop, deny,
};
use crate::attempt::{Capability, CapabilitySet, Label, Privilege, Subject};
use crate::facts::{
    AccessVector, DeviceNumber, PORT_CLASS, UnknownFact, port_permission, profile_requests,
    server_requests, vector_requests,
};

/// The device number of /dev/kmsg.
const KERNEL_LOG: DeviceNumber = DeviceNumber {
    major: 1,
    minor: 11,
};

impl Kernel<'_> {
    /// `devcgroup_inode_permission`. It is checked after the mode, and root cannot bypass it.
    pub(super) fn device_cgroup(self, operation: &Operation) -> Decision {
        let (Operation::Open(how), Some(node)) = (operation, self.facts.walk.target()) else {
            return Ok(());
        };
        let inode = self.inode(node)?;
        if !matches!(inode.kind, Kind::Block | Kind::Char) {
            return Ok(());
        }
        let read = if how.read { Perms::R } else { Perms::NONE };
        if how.read && inode.kind == Kind::Char && inode.rdev == KERNEL_LOG {
            // `devkmsg_open`: reading it is reading the kernel's log.
            self.ask_for(Privilege::KernelLog)?;
        }
        let write = if how.write { Perms::W } else { Perms::NONE };
        let wanted = read.or(write);
        match self.facts.devices.allow(inode.kind, inode.rdev, wanted) {
            Some(true) => Ok(()),
            Some(false) => deny(
                Errno::Perm,
                Code::DeviceCgroupDenies,
                Obstacle::Node(node),
                Rule::Flag,
            ),
            None => Err(UnknownFact::not_gathered(
                "what the device cgroup of the process lets it use",
            )
            .into()),
        }
    }

    /// The hooks of the labelling security modules.
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
            _ => self.is_surely_unlabelled(),
        }
    }

    /// If the label of a process could not be read, it is unknown what the modules allow it.
    fn is_surely_unlabelled(self) -> Decision {
        let settings = &self.facts.settings;
        let mut active = settings
            .security_modules
            .as_deref()
            .unwrap_or_default()
            .iter();
        let labels = active.any(|name| match name.as_str() {
            "selinux" => settings.selinux_enforcing != Ok(false),
            name => name == "apparmor" || name == "smack",
        });
        match &self.subject.label {
            Err(unknown) if self.subject.pid.is_some() && labels => Err(unknown.clone().into()),
            _ => Ok(()),
        }
    }

    /// The hooks of TOMOYO and Smack, whose policies are not asked: where they are in force, nothing is certainly allowed.
    pub(super) fn unasked_modules_allow(self, operation: &Operation) -> Decision {
        if matches!(operation, Operation::Trust(_)) {
            return Ok(());
        }
        let modules = self.facts.settings.security_modules.as_deref();
        let mut unasked =
            modules
                .unwrap_or_default()
                .iter()
                .filter_map(|name| match name.as_str() {
                    "tomoyo" => Some("TOMOYO"),
                    "smack" => Some("Smack"),
                    _ => None,
                });
        match unasked.next() {
            Some(name) => {
                Err(UnknownFact::not_gathered(&format!("what the policy of {name} allows")).into())
            }
            None => Ok(()),
        }
    }

    /// `aa_path_perm` and related hooks.
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
                // The kernel does not say which profile the program will run under, nor whether that profile exists.
                Some(_) => undecided |= *operation == Operation::Exec,
                None => undecided = true,
            }
        }
        match undecided {
            true => Err(unknown().into()),
            false => Ok(()),
        }
    }

    /// `avc_has_perm` for `selinux_socket_bind` and `selinux_socket_connect`, if the port's label is known. What else these require
    /// is not.
    fn is_kept_from_port(self, operation: &Operation) -> bool {
        let policy = &self.facts.policy;
        let source = self.subject.label.as_ref().ok().and_then(Option::as_deref);
        let is_it = |vector: &&AccessVector| {
            Some(vector.source.as_str()) == source
                && Some(&vector.target) == policy.port.as_ref()
                && vector.class == PORT_CLASS
        };
        let answer = policy.vectors.iter().find(is_it);
        let wanted = port_permission(operation);
        answer.is_some_and(|answer| {
            !answer.permissive && wanted.is_some_and(|wanted| answer.refused.contains(&wanted))
        })
    }

    /// `avc_has_perm` for `selinux_inode_permission`, `may_create`, `may_link` and `selinux_inode_setattr`.
    fn policy_allows(self, domain: &str, operation: &Operation, object: &Object) -> Decision {
        let unknown =
            || UnknownFact::not_gathered(&format!("what the SELinux policy allows {domain}"));
        let source = self.subject.label.as_ref().ok().and_then(Option::as_deref);
        let mut undecided = operation.is_of_no_file()
            || !matches!(object, Object::Path(_))
            || self.needed_capability(operation, object).is_some();
        if self.is_kept_from_port(operation) {
            let Object::Port { port, .. } = object else {
                return Err(unknown().into());
            };
            return module_denies(Code::SelinuxDenies, Obstacle::Port(*port));
        }
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
        // Unconfined domains are subject to the ordinary checks only.
        match undecided && !domain.starts_with("unconfined") {
            true => Err(unknown().into()),
            false => Ok(()),
        }
    }

    /// The capability without which the kernel's own checks would refuse. A module may refuse its use.
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

    /// A Landlock sandbox, which no file of /proc shows. A process that entered one either has no_new_privs set or has
    /// CAP_SYS_ADMIN.
    pub(super) fn landlock_allows(self, operation: &Operation, object: &Object) -> Decision {
        let modules = self.facts.settings.security_modules.as_deref();
        let active = modules
            .unwrap_or_default()
            .iter()
            .any(|name| name == "landlock");
        let of_another = self.subject.pid.is_some();
        match active && of_another && self.subject.no_new_privs && is_sandboxed(operation, object) {
            true => Err(UnknownFact::not_gathered(
                "whether the process has confined itself (Landlock)",
            )
            .into()),
            false => Ok(()),
        }
    }

    /// The server's answer, if the file system has one.
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
                ..UnknownFact::not_gathered("the answer of the file server")
            }
            .into()),
            None => Ok(()),
        }
    }

    /// The code of a refusal by the server.
    pub(super) fn server_code(self, node: NodeId) -> Code {
        let nfs = self.mount_of(node).is_nfs();
        let root = self.subject.uid == 0 && self.subject.has(Capability::DacOverride);
        match nfs && root {
            true => Code::NfsRootSquash,
            false => Code::ServerDenies,
        }
    }

    /// Whether the server evidently squashes root to nobody: it refused root what root may do with any file.
    fn is_squashed(self, node: NodeId) -> bool {
        let served = &self.facts.policy.served;
        let mount = self.node(node).mount;
        self.server_code(node) == Code::NfsRootSquash
            && served.iter().any(|(other, granted)| {
                self.node(*other).mount == mount && !granted.contains(Perms::R.or(Perms::W))
            })
    }

    /// Opening kernel or physical memory: `open_port` of drivers/char/mem.c, `open_kcore` of fs/proc/kcore.c.
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

    /// Refuses if lockdown is at or above the level that withholds the object.
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

/// Whether AppArmor's file rules cover the operation, or AppArmor does not mediate it at all.
fn is_mediated(operation: &Operation, object: &Object) -> bool {
    matches!(object, Object::Path(_))
        && !operation.is_of_no_file()
        && *operation != Operation::Mount
}

/// Whether Landlock can restrict such an operation (Documentation/userspace-api/landlock.rst).
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

//! Infers what may have refused although the kernel's own checks allow.

use super::policy::is_sandboxed;
use super::process::is_a_modules_answer;
use super::{
    Certainty, Code, Denial, Errno, Kernel, NodeId, Object, Obstacle, Operation, Rule, Stop,
};
use crate::attempt::{Label, Privilege};
use crate::facts::{Hold, Kind, Lockdown, LoggedRefusal, Module};

/// AppArmor profiles of container managers. They allow every file except some below `/proc` and `/sys`.
const CONTAINER_PROFILES: [&str; 5] = [
    "containers-default",
    "cri-containerd.apparmor.d",
    "crio-default",
    "docker-default",
    "lxc-container-default",
];

type Found = (Code, Obstacle, Rule, Certainty);

impl Kernel<'_> {
    /// The likeliest refuser, among what is in force. A log line proves it; a mere state only makes it possible.
    pub(super) fn infer(
        self,
        operation: &Operation,
        object: &Object,
        reported: Errno,
    ) -> Option<Denial> {
        if let Some(denial) = self.by_options(operation, reported) {
            return Some(denial);
        }
        if !self.leaves_room(operation, object, reported) {
            return None;
        }
        if let Some(denial) = self.by_trace(operation, reported) {
            return Some(denial);
        }
        let node = match object {
            Object::Path(_) => self.facts.walk.target().or(self.facts.walk.parent()),
            _ => None,
        };
        let at = match object {
            Object::Port { port, .. } => Obstacle::Port(*port),
            _ => node.map_or(Obstacle::Process, Obstacle::Node),
        };
        let (code, at, rule, certainty) = self
            .by_log(&at)
            .or_else(|| self.by_server(node?, reported))
            .or_else(|| self.by_state(node?, reported))
            .or_else(|| self.by_file_system(node?))
            .or_else(|| self.by_swap(node?, reported))
            .or_else(|| self.by_lockdown(operation, reported))
            .or_else(|| self.by_device(operation, node?, reported))
            .or_else(|| self.by_module(operation, object, &at, reported))?;
        Some(Denial {
            errno: reported,
            code,
            at,
            rule,
            certainty,
        })
    }

    /// Whether the kernel's own checks allow the operation, so that something else must have refused. A denial that was merely
    /// inferred and gives another error number is disregarded.
    fn leaves_room(self, operation: &Operation, object: &Object, reported: Errno) -> bool {
        match self.decide(operation, object) {
            Ok(()) => true,
            Err(Stop::Denied(denial)) => {
                let inferred = denial.certainty == Certainty::Inferred && denial.errno != reported;
                inferred || is_a_modules_answer(operation, reported)
            }
            // stat(2) requires nothing but search permission on the path. If that was granted, only a module refuses it.
            Err(Stop::Unclear(unknown)) => {
                let unseen =
                    unknown.errno == Some(Errno::Acces) && unknown.what == "mode and owner";
                let selinux = matches!(self.subject.label(), Some(Label::Selinux { .. }));
                *object == Object::Process || (unseen && selinux)
            }
            Err(Stop::Fails(errno, _)) => errno == reported,
        }
    }

    /// What a mount refuses by its options (`mnt_want_write`, `path_noexec`), if nothing else is known of it because it has gone with the
    /// processes that saw it.
    fn by_options(self, operation: &Operation, reported: Errno) -> Option<Denial> {
        let stop = self.facts.walk.steps.last()?;
        let top = self.node(stop.dir);
        if stop.found.is_ok() || top.inode.is_ok() {
            return None;
        }
        let flags = self.mount_of(stop.dir).flags;
        let code = match reported {
            Errno::RoFs if flags.read_only => Code::ReadOnlyMount,
            Errno::Acces if *operation == Operation::Exec && flags.noexec => Code::NoexecMount,
            _ => return None,
        };
        Some(Denial {
            errno: reported,
            code,
            at: Obstacle::Mount(top.mount, stop.dir),
            rule: Rule::Flag,
            certainty: Certainty::Inferred,
        })
    }

    /// `proc_pid_readlink`: reading a magic link, unlike lstat(2), requires the right to trace the process.
    fn by_trace(self, operation: &Operation, reported: Errno) -> Option<Denial> {
        let named = self.facts.walk.named()?;
        let looks = matches!(operation, Operation::Stat { .. }) && reported == Errno::Acces;
        match self.may_trace(named) {
            Err(Stop::Denied(denial)) if looks => Some(*denial),
            _ => None,
        }
    }

    /// A refusal recorded in the audit or kernel log.
    fn by_log(self, at: &Obstacle) -> Option<Found> {
        let lines = &self.facts.settings.module_log;
        let mut read = lines
            .iter()
            .filter_map(|line| Some((LoggedRefusal::parse(line)?, line)));
        let (refusal, line) = read.next()?;
        let rule = Rule::Module {
            evidence: Some(line.clone()),
        };
        Some((code_of(refusal.module), at.clone(), rule, Certainty::Proven))
    }

    /// A file system whose server has the final decision.
    fn by_server(self, node: NodeId, reported: Errno) -> Option<Found> {
        if !self.is_served(node) {
            return None;
        }
        let code = match reported {
            // The server answers EROFS only for what cannot be written at all.
            Errno::RoFs => Code::ReadOnlyMount,
            _ => self.server_code(node),
        };
        let at = Obstacle::Mount(self.node(node).mount, node);
        Some((code, at, Rule::FileSystem, Certainty::Inferred))
    }

    /// A file system that has become read-only without mountinfo showing it.
    fn by_state(self, node: NodeId, reported: Errno) -> Option<Found> {
        let at = Obstacle::Mount(self.node(node).mount, node);
        let found = (
            Code::ReadOnlyMount,
            at,
            Rule::FileSystem,
            Certainty::Inferred,
        );
        (reported == Errno::RoFs).then_some(found)
    }

    /// A file system that cannot store the requested change.
    fn by_file_system(self, node: NodeId) -> Option<Found> {
        let at = Obstacle::Mount(self.node(node).mount, node);
        self.keeps_no_owners(node).then_some((
            Code::FsWithoutPermissions,
            at,
            Rule::FileSystem,
            Certainty::Inferred,
        ))
    }

    /// A swap file: it can be opened, but not written.
    fn by_swap(self, object: NodeId, reported: Errno) -> Option<Found> {
        let at = Obstacle::Node(object);
        if reported != Errno::TxtBsy {
            return None;
        }
        if self
            .node(object)
            .flags
            .as_ref()
            .is_ok_and(|flags| flags.swap)
        {
            return Some((Code::NeverPermitted, at, Rule::Flag, Certainty::Proven));
        }
        let held = self
            .facts
            .holders
            .iter()
            .any(|holder| holder.how == Hold::Runs);
        let certainty = if held {
            Certainty::Proven
        } else {
            Certainty::Inferred
        };
        Some((Code::LockedElsewhere, at, Rule::Held, certainty))
    }

    /// What a locked-down kernel withholds even from holders of the capability (kernel_lockdown(7)). The text does not say
    /// whether a module is signed, or which memory is meant, so the refusal is only inferred.
    fn by_lockdown(self, operation: &Operation, reported: Errno) -> Option<Found> {
        let level = match operation {
            Operation::Privileged(Privilege::KernelModule) => Lockdown::Integrity,
            Operation::Privileged(Privilege::Performance | Privilege::Bpf) => {
                Lockdown::Confidentiality
            }
            _ => return None,
        };
        let locked = self.facts.settings.lockdown.as_ref();
        let found = (
            Code::LockdownDenies,
            Obstacle::Process,
            Rule::Flag,
            Certainty::Inferred,
        );
        (reported == Errno::Perm && locked.is_ok_and(|locked| *locked >= level)).then_some(found)
    }

    /// A device that the container has no access to (devcgroup_check_permission). It is checked once the mode allows, and root
    /// cannot bypass it.
    fn by_device(self, operation: &Operation, node: NodeId, reported: Errno) -> Option<Found> {
        let kind = self.node(node).inode.as_ref().ok()?.kind;
        let is_device = matches!(kind, Kind::Block | Kind::Char);
        let opens = matches!(operation, Operation::Open(_));
        let contained = self.facts.surroundings.container.is_some();
        (reported == Errno::Perm && is_device && opens && contained).then_some((
            Code::DeviceCgroupDenies,
            Obstacle::Node(node),
            Rule::Module { evidence: None },
            Certainty::Inferred,
        ))
    }

    /// A sandbox or security module that is in force and is not known to allow the operation.
    fn by_module(
        self,
        operation: &Operation,
        object: &Object,
        at: &Obstacle,
        reported: Errno,
    ) -> Option<Found> {
        if !matches!(reported, Errno::Acces | Errno::Perm | Errno::XDev) {
            return None;
        }
        if reported != Errno::XDev && self.is_confined(operation, object, at) {
            let code = match self.subject.label() {
                Some(Label::AppArmor { .. }) => Code::ApparmorDenies,
                _ => Code::SelinuxDenies,
            };
            return Some((
                code,
                at.clone(),
                Rule::Module { evidence: None },
                Certainty::Inferred,
            ));
        }
        let modules = self.facts.settings.security_modules.as_deref();
        let landlock = modules
            .unwrap_or_default()
            .iter()
            .any(|name| name == "landlock");
        // A seccomp filter cannot inspect a path. A process that could open its own libraries is not refused open(2) by a
        // filter.
        let by_path = matches!(
            operation,
            Operation::Open(_) | Operation::List | Operation::Traverse | Operation::Exec
        );
        let filtered = self.subject.seccomp && !by_path;
        let code = match reported {
            Errno::Perm if filtered => Code::SeccompDenies,
            Errno::Acces | Errno::XDev
                if landlock && self.subject.no_new_privs && is_sandboxed(operation, object) =>
            {
                Code::LandlockDenies
            }
            Errno::Acces if filtered => Code::SeccompDenies,
            _ => return None,
        };
        Some((
            code,
            at.clone(),
            Rule::Module { evidence: None },
            Certainty::Inferred,
        ))
    }

    /// Whether a labelling module confines the process and is not known to allow the operation.
    fn is_confined(self, operation: &Operation, object: &Object, at: &Obstacle) -> bool {
        let of_the_kernel = || match at {
            Obstacle::Node(node) | Obstacle::Mount(_, node) => {
                let path = &self.node(*node).path;
                path.starts_with(b"/proc") || path.starts_with(b"/sys")
            }
            _ => true,
        };
        match self.subject.label() {
            Some(Label::AppArmor {
                profile,
                enforces: true,
            }) => {
                let of_containers = CONTAINER_PROFILES
                    .iter()
                    .any(|name| profile.starts_with(name));
                (!of_containers || of_the_kernel())
                    && self.security_hooks(operation, object).is_err()
            }
            Some(Label::Selinux { .. }) => self.security_hooks(operation, object).is_err(),
            Some(_) => false,
            None => {
                self.subject.label.is_err() && self.facts.settings.selinux_enforcing == Ok(true)
            }
        }
    }
}

/// The code of a refusal by a security module.
#[must_use]
pub fn code_of(module: Module) -> Code {
    match module {
        Module::AppArmor => Code::ApparmorDenies,
        Module::Selinux => Code::SelinuxDenies,
        Module::Landlock => Code::LandlockDenies,
        Module::Seccomp => Code::SeccompDenies,
    }
}

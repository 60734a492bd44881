//! Operations that take no file: a capability permits them, and some are open to everybody if a kernel setting allows it.

use super::traced::Access;
use super::{Certainty, Code, Decision, Denial, Errno, Kernel, Obstacle, Operation, Rule, Stop};
use crate::attempt::{AskedIn, Capability, Privilege};
use crate::facts::{Traced, UnknownFact};

/// The setting of the Yama security module.
pub(super) const PTRACE_SCOPE: &str = "kernel.yama.ptrace_scope";

/// A kernel setting, with the values at which it restricts ordinary users and those at which it restricts everybody.
struct Restriction {
    setting: &'static str,
    restricts: fn(i64) -> bool,
    everybody: fn(i64) -> bool,
}

impl Restriction {
    const fn new(setting: &'static str, restricts: fn(i64) -> bool) -> Restriction {
        Restriction {
            setting,
            restricts,
            everybody: |_| false,
        }
    }
}

impl Kernel<'_> {
    /// `ns_capable`: refuses without the capability. The certainty is lower if the text does not give everything that the
    /// decision depends on.
    pub(super) fn privileged(self, capability: Capability, certainty: Certainty) -> Decision {
        if self.subject.has(capability) {
            return Ok(());
        }
        refuse(
            Code::MissingCapability,
            Obstacle::Process,
            Rule::Needs(capability),
            certainty,
        )
    }

    /// `kill_ok_by_cred`.
    pub(super) fn kill(self) -> Decision {
        let Some(other) = &self.facts.another else {
            return self.privileged(Capability::Kill, Certainty::Inferred);
        };
        let [real, _, saved] = other.uids;
        let subject = self.subject;
        let is_own = [subject.uid, subject.real_uid]
            .iter()
            .any(|own| [real, saved].contains(own));
        match is_own || self.has_over(other, Capability::Kill)? {
            true => Ok(()),
            false => lacks(Capability::Kill),
        }
    }

    /// ptrace(2): `__ptrace_may_access`, whose last check is the Yama module's. If the target process is unknown, Yama's
    /// setting is the most likely obstacle.
    pub(super) fn ptrace(self) -> Decision {
        if let Some(other) = &self.facts.another {
            return match self.ptrace_may_access(other)? {
                Access::Granted => self.yama(other.mode),
                Access::NotOwner | Access::Protected => lacks(Capability::SysPtrace),
            };
        }
        let scope = Restriction {
            everybody: |scope| scope >= 3,
            ..Restriction::new(PTRACE_SCOPE, |scope| scope >= 1)
        };
        self.unrestricted(self.subject.has(Capability::SysPtrace), &[scope])?;
        self.privileged(Capability::SysPtrace, Certainty::Inferred)
    }

    /// A privileged operation. If a setting controls it, the setting alone decides; otherwise the capability does.
    pub(super) fn ask_for(self, privilege: Privilege) -> Decision {
        if let Some(other) = &self.facts.another
            && !self.may_adjust(privilege, other)?
        {
            return lacks(privilege.capability());
        }
        if privilege == Privilege::Keyring {
            // Every user has keys of their own (keyrings(7)).
            return Ok(());
        }
        let restrictions = restrictions(privilege);
        let holds = self.holds(privilege)?;
        self.unrestricted(holds, &restrictions)?;
        let settings = &self.facts.settings.other;
        let known = |restriction: &Restriction| settings.contains_key(restriction.setting);
        // Loading a module requires a capability whatever the setting.
        if privilege != Privilege::KernelModule && restrictions.iter().any(known) {
            return Ok(());
        }
        // Resource limits of the process (RLIMIT_NICE, RLIMIT_MEMLOCK) may permit these, as may a change to one of its own ids.
        let by_limit = matches!(
            privilege,
            Privilege::Priority
                | Privilege::LockedMemory
                | Privilege::UserIds
                | Privilege::GroupIds
                | Privilege::Limits
        );
        let certainty = if by_limit {
            Certainty::Inferred
        } else {
            Certainty::Proven
        };
        match holds {
            true => Ok(()),
            false => Err(Stop::Denied(Box::new(Denial {
                errno: self.without_privilege(privilege),
                code: Code::MissingCapability,
                at: Obstacle::Process,
                rule: Rule::Needs(privilege.capability()),
                certainty,
            }))),
        }
    }

    /// `set_one_prio`: EACCES for the process's own priority, where sched_setscheduler(2) gives EPERM. The text does not say which
    /// of them was called, so that the answer tells.
    fn without_privilege(self, privilege: Privilege) -> Errno {
        match (privilege, self.facts.answered) {
            (Privilege::Priority, Some(Errno::Acces)) => Errno::Acces,
            _ => Errno::Perm,
        }
    }

    /// Whether the subject has the capability in the user namespace in which it is asked for.
    fn holds(self, privilege: Privilege) -> Result<bool, UnknownFact> {
        let subject = self.subject;
        let counts = || match privilege.asked_in() {
            AskedIn::First => Ok(subject.initial_user_ns),
            AskedIn::OfTheNetwork if subject.initial_user_ns => Ok(true),
            AskedIn::OfTheNetwork => self.facts.settings.owns_network_namespace.clone(),
            AskedIn::Own => Ok(true),
        };
        Ok(subject.has(privilege.capability()) && counts()?)
    }

    /// Whether another process is the subject's to adjust: `set_one_prio_perm` and `check_same_owner`, or
    /// `check_prlimit_permission`.
    fn may_adjust(self, privilege: Privilege, other: &Traced) -> Result<bool, UnknownFact> {
        let is_own = match privilege {
            Privilege::Priority => other.uids[..2].contains(&self.subject.uid),
            Privilege::Limits => self.owns(other),
            _ => true,
        };
        Ok(is_own || self.has_over(other, privilege.capability())?)
    }

    /// Refuses if a setting does. `holds` says whether the subject has the capability that overrides it.
    fn unrestricted(self, holds: bool, restrictions: &[Restriction]) -> Decision {
        for Restriction {
            setting,
            restricts,
            everybody,
        } in restrictions
        {
            let Some(value) = self.facts.settings.other.get(*setting) else {
                continue;
            };
            let value = value.clone()?;
            if everybody(value) || (restricts(value) && !holds) {
                let at = Obstacle::Setting((*setting).to_owned());
                return refuse(Code::SysctlRestricts, at, Rule::Flag, Certainty::Proven);
            }
        }
        Ok(())
    }
}

/// The refusal for lack of a capability over another process.
fn lacks(capability: Capability) -> Decision {
    refuse(
        Code::MissingCapability,
        Obstacle::Process,
        Rule::Needs(capability),
        Certainty::Proven,
    )
}

/// The settings that control a privilege (Documentation/admin-guide/sysctl).
fn restrictions(privilege: Privilege) -> Vec<Restriction> {
    match privilege {
        Privilege::KernelLog => vec![Restriction::new("kernel.dmesg_restrict", |value| {
            value >= 1
        })],
        Privilege::Performance => vec![Restriction::new("kernel.perf_event_paranoid", |value| {
            value >= 2
        })],
        Privilege::Bpf => vec![Restriction::new(
            "kernel.unprivileged_bpf_disabled",
            |value| value >= 1,
        )],
        Privilege::Userfaultfd => vec![Restriction::new("vm.unprivileged_userfaultfd", |value| {
            value == 0
        })],
        Privilege::UserNamespace => vec![
            Restriction {
                everybody: |most| most == 0,
                ..Restriction::new("user.max_user_namespaces", |most| most == 0)
            },
            Restriction::new("kernel.unprivileged_userns_clone", |value| value == 0),
            Restriction::new("kernel.apparmor_restrict_unprivileged_userns", |value| {
                value >= 1
            }),
        ],
        Privilege::KernelModule => vec![Restriction {
            everybody: |value| value >= 1,
            ..Restriction::new("kernel.modules_disabled", |_| false)
        }],
        _ => Vec::new(),
    }
}

/// Whether only a security module gives this answer: `check_kill_permission` and `__ptrace_may_access` answer EPERM, so EACCES
/// comes from a module asked after them.
#[must_use]
pub fn is_a_modules_answer(operation: &Operation, errno: Errno) -> bool {
    matches!(operation, Operation::Signal | Operation::Ptrace) && errno == Errno::Acces
}

fn refuse(code: Code, at: Obstacle, rule: Rule, certainty: Certainty) -> Decision {
    let errno = match &at {
        Obstacle::Setting(name) if name == "kernel.perf_event_paranoid" => Errno::Acces,
        _ => Errno::Perm,
    };
    Err(Stop::Denied(Box::new(Denial {
        errno,
        code,
        at,
        rule,
        certainty,
    })))
}

//! Operations of no file: mount(2), kill(2), ptrace(2).

use super::{Certainty, Code, Decision, Denial, Errno, Kernel, Obstacle, Operation, Rule, Stop};
use crate::attempt::Capability;

/// The setting of the Yama security module.
const PTRACE_SCOPE: &str = "kernel.yama.ptrace_scope";

impl Kernel<'_> {
    /// What a text tells of such an operation is no more than its name: a holder of the capability may, and for
    /// anybody else the missing capability is what can be said.
    pub(super) fn of_no_file(self, operation: &Operation) -> Decision {
        let capability = match operation {
            Operation::Signal => Capability::Kill,
            Operation::Ptrace => Capability::SysPtrace,
            _ => Capability::SysAdmin,
        };
        if self.subject.has(capability) {
            return Ok(());
        }
        let scope = self.facts.settings.other.get(PTRACE_SCOPE);
        let (code, at, rule) = match (operation, scope) {
            (Operation::Ptrace, Some(Ok(1..))) => (
                Code::SysctlRestricts,
                Obstacle::Setting(PTRACE_SCOPE.to_owned()),
                Rule::Flag,
            ),
            _ => (
                Code::MissingCapability,
                Obstacle::Process,
                Rule::Needs(capability),
            ),
        };
        let certainty = match operation {
            Operation::Mount => Certainty::Proven,
            _ => Certainty::Inferred,
        };
        let errno = Errno::Perm;
        Err(Stop::Denied(Box::new(Denial {
            errno,
            code,
            at,
            rule,
            certainty,
        })))
    }
}

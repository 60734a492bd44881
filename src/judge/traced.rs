//! Files below /proc/PID that expose a process (`__ptrace_may_access` of kernel/ptrace.c).

use super::process::PTRACE_SCOPE;
use super::{Code, Decision, Denial, Errno, Kernel, NodeId, Obstacle, Rule, Stop, deny};
use crate::attempt::Capability;
use crate::facts::{TraceMode, Traced, UnknownFact};

/// Whether a process may inspect another one.
pub(super) enum Access {
    Granted,
    /// The process runs with other ids.
    NotOwner,
    /// The process has more capabilities, or is not dumpable.
    Protected,
}

impl Kernel<'_> {
    /// `proc_pid_permission`: whether proc hides the directory of the process from the subject (EPERM).
    pub(super) fn may_enter_process(self, node: NodeId) -> Decision {
        let traced = self.node(node).traced.as_ref();
        if traced.is_none_or(|process| process.mode != TraceMode::Enter) {
            return Ok(());
        }
        let group = self.mount_of(node).super_option("gid").flatten();
        let group = group.and_then(|gid| gid.parse().ok()).unwrap_or(0);
        if self.subject.in_group(group) {
            return Ok(());
        }
        match self.trace_allowed(node) {
            Err(Stop::Denied(denial)) => Err(Stop::Denied(Box::new(Denial {
                errno: Errno::Perm,
                ..*denial
            }))),
            other => other,
        }
    }

    /// Whether the subject may trace the process that the file exposes; granted for a file that exposes none.
    pub(super) fn may_trace(self, node: NodeId) -> Decision {
        match &self.node(node).traced {
            Some(process) if process.mode != TraceMode::Enter => self.trace_allowed(node),
            _ => Ok(()),
        }
    }

    fn trace_allowed(self, node: NodeId) -> Decision {
        let Some(process) = &self.node(node).traced else {
            return Ok(());
        };
        let at = Obstacle::Node(node);
        match self.ptrace_may_access(process)? {
            Access::Granted => self.yama(process.mode),
            Access::NotOwner => {
                let rule = Rule::Ownership {
                    owner: process.uids[1],
                    or: Capability::SysPtrace,
                };
                deny(Errno::Acces, Code::NotOwner, at, rule)
            }
            Access::Protected => {
                let needs = Rule::Needs(Capability::SysPtrace);
                deny(Errno::Acces, Code::MissingCapability, at, needs)
            }
        }
    }

    /// `__ptrace_may_access`, without the security modules.
    pub(super) fn ptrace_may_access(self, process: &Traced) -> Result<Access, UnknownFact> {
        if self.subject.pid == Some(process.pid) || self.has_over(process, Capability::SysPtrace)? {
            return Ok(Access::Granted);
        }
        if !self.owns(process) {
            return Ok(Access::NotOwner);
        }
        // cap_ptrace_access_check: a process with more capabilities may not be inspected.
        let more = process.permitted.0 & !self.subject.capabilities.0 != 0;
        Ok(match more || !process.dumpable.clone()? {
            true => Access::Protected,
            false => Access::Granted,
        })
    }

    /// `ns_capable`, in the user namespace of the process.
    pub(super) fn has_over(
        self,
        process: &Traced,
        capability: Capability,
    ) -> Result<bool, UnknownFact> {
        if !self.subject.has(capability) {
            return Ok(false);
        }
        Ok(self.subject.initial_user_ns || process.same_user_ns.clone()?)
    }

    pub(super) fn owns(self, process: &Traced) -> bool {
        let subject = self.subject;
        process.uids == [subject.uid; 3] && process.gids == [subject.gid; 3]
    }

    /// `yama_ptrace_access_check`: a process may attach only to its own descendants. Ancestry is not known here.
    pub(super) fn yama(self, mode: TraceMode) -> Decision {
        let scope = self.facts.settings.other.get(PTRACE_SCOPE);
        let errno = match self.facts.another {
            // ptrace(2) itself, rather than a file of /proc.
            Some(_) => Errno::Perm,
            None => Errno::Acces,
        };
        let refuses = match scope {
            Some(Ok(1 | 2)) => !self.subject.has(Capability::SysPtrace),
            Some(Ok(3..)) => true,
            _ => false,
        };
        match refuses && mode == TraceMode::Attach {
            true => deny(
                errno,
                Code::SysctlRestricts,
                Obstacle::Setting(PTRACE_SCOPE.to_owned()),
                Rule::Flag,
            ),
            false => Ok(()),
        }
    }
}

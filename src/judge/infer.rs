//! What could have refused unseen, where the facts explain nothing.

use super::filesystem::is_fuse;
use super::{Certainty, Code, Denial, Errno, Kernel, NodeId, Object, Obstacle, Operation, Rule};
use crate::facts::Hold;

impl Kernel<'_> {
    /// The likeliest, by what is in force: a log's line proves it, a state only makes it possible.
    pub(super) fn infer(
        self,
        operation: &Operation,
        object: &Object,
        reported: Errno,
    ) -> Option<Denial> {
        let object = match object {
            Object::Path(_) => self.facts.walk.target().or(self.facts.walk.parent()),
            _ => None,
        };
        let at = object.map_or(Obstacle::Process, Obstacle::Node);
        let (code, at, rule, certainty) = self
            .by_log(&at)
            .or_else(|| self.by_file_system(object?))
            .or_else(|| self.by_swap(object?, reported))
            .or_else(|| self.by_sandbox(operation, &at, reported))?;
        Some(Denial {
            errno: reported,
            code,
            at,
            rule,
            certainty,
        })
    }

    /// A line of the audit or kernel log.
    fn by_log(self, at: &Obstacle) -> Option<(Code, Obstacle, Rule, Certainty)> {
        let lines = &self.facts.settings.module_log;
        let found = lines.iter().find_map(|line| Some((module_of(line)?, line)));
        let (code, line) = found?;
        let rule = Rule::Module {
            evidence: Some(line.clone()),
        };
        Some((code, at.clone(), rule, Certainty::Proven))
    }

    /// A file system whose server has the last word.
    fn by_file_system(self, object: NodeId) -> Option<(Code, Obstacle, Rule, Certainty)> {
        let mount = self.mount_of(object);
        let at = Obstacle::Mount(self.node(object).mount, object);
        let is_nfs = matches!(mount.fs_type.as_str(), "nfs" | "nfs4");
        let code = match () {
            () if is_nfs && self.subject.uid == 0 => Code::NfsRootSquash,
            () if is_fuse(mount) || self.keeps_no_owners(object) => Code::FsWithoutPermissions,
            () => return None,
        };
        Some((code, at, Rule::FileSystem, Certainty::Inferred))
    }

    /// A swap file is opened, but not written.
    fn by_swap(self, object: NodeId, reported: Errno) -> Option<(Code, Obstacle, Rule, Certainty)> {
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

    /// A sandbox or a security module that is in force.
    fn by_sandbox(
        self,
        operation: &Operation,
        at: &Obstacle,
        reported: Errno,
    ) -> Option<(Code, Obstacle, Rule, Certainty)> {
        let settings = &self.facts.settings;
        let modules = settings.security_modules.as_deref().unwrap_or_default();
        let active = |name: &str| modules.iter().any(|module| module == name);
        let label = self.subject.label.as_ref().ok().and_then(Option::as_deref);
        let confined =
            label.is_some_and(|label| !label.starts_with("unconfined") && label != "kernel");
        let of_a_file = !operation.is_of_no_file();
        let code = match reported {
            Errno::Acces if active("selinux") && settings.selinux_enforcing != Ok(false) => {
                Code::SelinuxDenies
            }
            Errno::Acces | Errno::Perm if active("apparmor") && confined => Code::ApparmorDenies,
            Errno::Perm if self.subject.seccomp => Code::SeccompDenies,
            Errno::Acces | Errno::XDev
                if active("landlock") && of_a_file && self.subject.no_new_privs =>
            {
                Code::LandlockDenies
            }
            Errno::Acces | Errno::Perm if self.subject.seccomp => Code::SeccompDenies,
            _ => return None,
        };
        let rule = Rule::Module { evidence: None };
        Some((code, at.clone(), rule, Certainty::Inferred))
    }
}

/// The security module that a line of the log is about.
fn module_of(line: &str) -> Option<Code> {
    let tells = |words: &str| line.contains(words);
    if tells("apparmor=\"DENIED\"") {
        Some(Code::ApparmorDenies)
    } else if tells("avc:") && tells("denied") {
        Some(Code::SelinuxDenies)
    } else if tells("domain=") && tells("blockers=") {
        Some(Code::LandlockDenies)
    } else if tells("type=1326") || tells("SECCOMP") {
        Some(Code::SeccompDenies)
    } else {
        None
    }
}

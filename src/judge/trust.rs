//! Checks that programs themselves make of the files they use. They are not decisions of the kernel, but depend on the same
//! facts.

use super::{Code, Decision, Errno, Kernel, NodeId, Obstacle, Rule, Walk, deny};
use crate::attempt::{Owner, Policy};
use crate::denial::Breach;

impl<'a> Kernel<'a> {
    /// The program's own check of the file and of the directories above it.
    pub(super) fn trust(self, walk: &'a Walk, policy: &'static Policy) -> Decision {
        let node = self.lookup(walk, true, false)?;
        let inode = self.inode(node)?;
        let admits = |owner: &Owner| match owner {
            Owner::Myself => inode.uid == self.subject.uid,
            Owner::Root => inode.uid == 0,
        };
        if !policy.owners.is_empty() && !policy.owners.iter().any(admits) {
            return refuse(node, policy, Breach::Owner(inode.uid));
        }
        let excess = inode.mode & policy.forbidden.0;
        if excess != 0 {
            return refuse(node, policy, Breach::Excess(excess));
        }
        let missing = policy.required.0 & !inode.mode;
        if missing != 0 {
            return refuse(node, policy, Breach::Missing(missing));
        }
        if policy.set_user_id && self.mount_of(node).flags.nosuid {
            return refuse(node, policy, Breach::Nosuid);
        }
        if policy.forbidden_above.0 != 0 {
            for directory in directories_above(walk, policy) {
                let above = self.inode(directory)?;
                // The directory that holds a home does not belong to the owner of the home.
                if policy.up_to_home && above.uid != inode.uid {
                    break;
                }
                let excess = above.mode & policy.forbidden_above.0;
                if excess != 0 {
                    return refuse(directory, policy, Breach::Excess(excess));
                }
            }
        }
        self.trust_itself(policy)
    }

    /// The program's own check of the process. `prctl(PR_SET_NO_NEW_PRIVS)`: set-user-ID programs then run with the caller's ids.
    pub(super) fn trust_itself(self, policy: &'static Policy) -> Decision {
        if policy.root_only && self.subject.uid != 0 {
            let rule = Rule::Policy(policy, Breach::NotRoot);
            return deny(Errno::Perm, Code::ProgramPolicy, Obstacle::Process, rule);
        }
        if policy.set_user_id && (self.subject.no_new_privs || policy.stated) {
            let rule = Rule::Policy(policy, Breach::NoNewPrivileges);
            return deny(Errno::Perm, Code::NoNewPrivileges, Obstacle::Process, rule);
        }
        Ok(())
    }
}

/// The directories that the policy covers, the nearest first: the file's own directory, or all those above the file.
fn directories_above(walk: &Walk, policy: &Policy) -> Vec<NodeId> {
    if !policy.up_to_home {
        return walk.parent().into_iter().collect();
    }
    let mut above: Vec<NodeId> = walk.steps.iter().rev().map(|step| step.dir).collect();
    above.dedup();
    above
}

fn refuse(node: NodeId, policy: &'static Policy, breach: Breach) -> Decision {
    let rule = Rule::Policy(policy, breach);
    deny(
        Errno::Acces,
        Code::ProgramPolicy,
        Obstacle::Node(node),
        rule,
    )
}

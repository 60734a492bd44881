//! What root left in a tree that is otherwise the subject's own: given back where that is clear, looked at where it is not.

use super::case::Case;
use super::{Candidate, Fit, Purpose, node_at};
use crate::byte_path;
use crate::change::{Change, Effect, argv};
use crate::facts::Inode;
use crate::programs;

/// Gives back what sudo or a root container left in a tree that is otherwise the subject's own: the whole tree, or the single
/// object if it is the only one.
pub(super) fn candidate(case: &Case) -> Option<Candidate> {
    let subject = case.subject();
    let node = case.node()?;
    let inode = case.inode()?;
    let (who, owner) = (case.who(), case.user(inode.uid));
    let stray = inode.uid == 0 || !case.facts.names.users.contains_key(&inode.uid);
    let parent = byte_path::parent(&node.path)
        .and_then(|parent| node_at(parent, case.facts))
        .and_then(|parent| case.facts.node(parent).inode.as_ref().ok());
    let parent_is_ours = parent.is_some_and(|parent| parent.uid == subject.uid);
    let fitting = match case.purpose()? {
        Purpose::Own => true,
        Purpose::Temporary | Purpose::Service => parent_is_ours && subject.uid != 0,
        _ => false,
    };
    // What is accessible to its owner alone was not left there by accident.
    let private = inode.mode & 0o077 == 0;
    // If somebody has set an ACL or a flag, or chosen a group, the owner is intentional as well.
    let for_a_group = inode.gid != 0
        && inode.gid != subject.gid
        && case.facts.names.groups.contains_key(&inode.gid)
        && !inherits_its_group(parent, inode);
    let is_marked = node
        .flags
        .as_ref()
        .is_ok_and(|flags| flags.immutable || flags.append);
    let deliberate = for_a_group || is_marked || matches!(node.acl, Ok(Some(_)));
    if !stray || !fitting || private || deliberate || node.has_powers() || subject.uid == inode.uid
    {
        return None;
    }
    if let Some(left) = &case.facts.surroundings.leftovers
        && left.owner == inode.uid
        && left.count > 1
        && left.are_strays()
        && super::is_within(&node.path, &left.top)
    {
        let top = crate::quote::display(&left.top);
        let change = Change::ChownTree {
            top: left.top.clone(),
            from: left.owner,
            uid: subject.uid,
            gid: (!left.groups).then_some(subject.gid),
        };
        return Some(
            Candidate::new(
                Fit::Meant,
                format!(
                    "give {who} back the {} files of {owner} in {top}",
                    left.count
                ),
                [change],
            )
            .noting(format!(
                "gives back {} files that belong to {owner}",
                left.count
            )),
        );
    }
    let change = case.given_back(case.at()?, inode);
    Some(
        Candidate::new(
            Fit::Meant,
            format!("give {who} back {}", case.path()),
            [change],
        )
        .noting(format!("gives it back to {who}")),
    )
}

/// What a container of the subject's own left, with ids that only its containers have: the engine lets the subject do as root of its
/// containers what was refused, and nothing changes hands.
pub(super) fn through_ones_own_containers(case: &Case) -> Option<Candidate> {
    let around = &case.facts.surroundings;
    let [uids, _] = around.own_containers.as_ref()?;
    let there = uids.inside(case.inode()?.uid).filter(|there| *there != 0)?;
    let repeated = programs::repeated(&around.command, case.asked_bytes())?;
    let who = case.who();
    let change = Change::Run {
        argv: [argv(&[b"podman", b"unshare"]), repeated.words].concat(),
        root: false,
        effect: Effect::DoesIt,
    };
    let title = format!(
        "run this one command as root of {who}'s containers, where {} is uid {there}'s",
        case.path()
    );
    let note = format!("runs it as root of {who}'s containers, where the owner is uid {there}");
    Some(Candidate::new(Fit::Meant, title, [change]).noting(note))
}

/// What root keeps to itself in the subject's own place may be the subject's, or not: sudo leaves such objects (`~/.gnupg`), and
/// so does who hides something there. Nothing tells which, so it is never given back unseen.
pub(super) fn kept_in_ones_own_place(case: &Case) -> Option<Candidate> {
    let inode = case.inode()?;
    let is_kept = inode.uid == 0 && inode.mode & 0o077 == 0;
    let uid = case.subject().uid;
    let is_ours = |above: &[u8]| {
        let node = node_at(above, case.facts).map(|id| case.facts.node(id));
        node.is_some_and(|node| node.inode.as_ref().is_ok_and(|inode| inode.uid == uid))
    };
    let is_own_place = match case.purpose()? {
        Purpose::Own => true,
        Purpose::Temporary | Purpose::Service => byte_path::above(&case.node()?.path).any(is_ours),
        _ => false,
    };
    let who = case.who();
    let title = format!("give {who} back {}", case.path());
    let change = case.given_back(case.at()?, inode);
    (is_kept && is_own_place && uid != 0).then(|| {
        Candidate::new(Fit::Meant, title, [change]).noting(format!(
            "gives it back to {who}, if sudo left it there: only root may use it so far"
        ))
    })
}

/// Whether the group is that of its directory, whose set-group-ID bit hands it on to everything new.
fn inherits_its_group(parent: Option<&Inode>, inode: &Inode) -> bool {
    parent.is_some_and(|parent| parent.mode & 0o2000 != 0 && parent.gid == inode.gid)
}

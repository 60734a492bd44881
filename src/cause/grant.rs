//! Ways to grant permissions on an inode, as its location and owner suggest.
//!
//! They are ranked elsewhere: by how well they suit the place, and by how few others each of them lets in.

use super::case::Case;
use super::groups::{self, Power};
use super::{
    Candidate, Class, Fit, Purpose, Rule, deployment, elsewhere, give_back, held, is_private_group,
    needed_next, standard_device,
};
use crate::attempt::Operation;
use crate::change::Change;
use crate::facts::{Inode, Kind, Mount, NodeId, Perms, Tag};

/// The ways to grant the required permissions on the refusing inode.
pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Some(grant) = Grant::of(case) else {
        return Vec::new();
    };
    let only = standard_device::restored(case).or_else(|| deployment::opened_by_unit(case));
    if let Some(only) = only {
        return vec![only];
    }
    let inode = grant.inode;
    if case.attempt.operation == Operation::Connect
        && case.at() == case.facts.walk.target()
        && inode.kind != Kind::Socket
    {
        let advice = format!("{} is not a socket: nothing can connect to it", case.path());
        return vec![Candidate::advice(advice)];
    }
    if inode.uid == case.subject().uid {
        return vec![grant.own_bits()];
    }
    if let Some(way) = give_back::through_ones_own_containers(case) {
        return vec![way];
    }
    if let Some(process) = process_shown(case) {
        let others = match inode.uid {
            0 => "only root".to_owned(),
            uid => format!("only {} and root", case.user(uid)),
        };
        let advice = format!("{} is part of {process}: {others} may see it", case.path());
        let around = elsewhere::as_root(case).into_iter();
        return around.chain([Candidate::advice(advice)]).collect();
    }
    let mut all = Vec::new();
    all.extend(give_back::candidate(case));
    all.extend(give_back::kept_in_ones_own_place(case));
    all.extend(grant.group_bits());
    all.extend(grant.acl_entry());
    all.extend(grant.join_group());
    all.extend(grant.own_group());
    all.extend(grant.everybody());
    all.extend(grant.without_acls().filter(|_| all.is_empty()));
    all.extend(elsewhere::candidates(case));
    all.extend(deployment::access(case));
    all
}

/// The process whose state the refusing file of proc(5) shows.
fn process_shown(case: &Case) -> Option<String> {
    let point = case.mount().filter(|mount| mount.fs_type == "proc")?;
    let below = case.node()?.path.strip_prefix(point.point.as_slice())?;
    let mut parts = below.split(|&byte| byte == b'/');
    let pid = parts.find(|part| !part.is_empty())?;
    let pid: u32 = std::str::from_utf8(pid).ok()?.parse().ok()?;
    Some(format!("process {pid}"))
}

/// The owner's own permission bits.
pub(super) fn own_bits(case: &Case) -> Option<Candidate> {
    Some(Grant::of(case)?.own_bits())
}

/// Membership in the object's group.
pub(super) fn join_group(case: &Case) -> Option<Candidate> {
    Grant::of(case)?.join_group()
}

/// An ACL entry for the subject alone.
pub(super) fn for_the_subject(case: &Case) -> Option<Candidate> {
    Grant::of(case)?.acl_entry()
}

struct Grant<'a> {
    case: &'a Case<'a>,
    id: NodeId,
    inode: &'a Inode,
    wanted: Perms,
}

impl<'a> Grant<'a> {
    fn of(case: &'a Case<'a>) -> Option<Grant<'a>> {
        let (id, inode) = (case.at()?, case.inode()?);
        let mut wanted = case.wanted();
        if inode.is_dir() {
            // On a directory, w has no effect without x, and r hardly any.
            wanted = wanted.or(Perms::X).or(needed_next::in_directory(case, id));
        } else if !wanted.contains(Perms::X) {
            wanted = wanted.or(needed_next::of_file(case));
        }
        Some(Grant {
            case,
            id,
            inode,
            wanted,
        })
    }

    fn own_bits(&self) -> Candidate {
        let (who, path) = (self.case.who(), self.case.path());
        let may = self.case.may(self.wanted);
        let change = self.chmod(6);
        // For anybody else who is not in the group, the kernel clears the bit.
        let by_root = change.needs_root(self.case.subject(), self.case.facts);
        let note = match by_root && self.inode.mode & 0o2000 != 0 {
            true => format!("{who} owns it, but only root keeps its set-group-ID bit"),
            false => format!("{who} owns it"),
        };
        Candidate::new(
            Fit::Meant,
            format!("let {who}, the owner, {may} {path}"),
            [change],
        )
        .noting(note)
    }

    /// Adds group bits, for a subject in the object's group. If there is an ACL, the group bits are its mask, which would let
    /// in others.
    fn group_bits(&self) -> Option<Candidate> {
        let case = self.case;
        let plain = matches!(case.node()?.acl, Ok(None));
        let in_group = case.subject().in_group(self.inode.gid);
        (plain && in_group).then(|| {
            let group = case.group(self.inode.gid);
            let may = case.may(self.wanted);
            Candidate::new(
                Fit::Shared,
                format!("let group {group} {may} {}", case.path()),
                [self.chmod(3)],
            )
            .noting(format!("lets everybody in group {group} {may} it"))
        })
    }

    /// An ACL entry for the subject alone, which includes the permissions it already has, because no other entry applies to it
    /// then.
    fn acl_entry(&self) -> Option<Candidate> {
        let case = self.case;
        let held = held(case.subject(), self.id, case.facts)?;
        if !knows_acls(case) {
            return None;
        }
        let tag = Tag::User(case.subject().uid);
        let path = &case.facts.node(self.id).path;
        let offered = case.facts.surroundings.offered.iter();
        let same = offered.filter(|offer| offer.tag == tag && offer.path == *path);
        let change = Change::AclGrant {
            node: self.id,
            tag,
            perms: same.fold(held.or(self.wanted), |perms, offer| perms.or(offer.perms)),
        };
        let (who, may) = (case.who(), case.may(self.wanted));
        let only = self.wanted == Perms::X && self.inode.is_dir() && !held.contains(Perms::R);
        let note = if only {
            format!("lets {who} pass through, not list")
        } else {
            format!("lets {who} {may} it, and nobody else")
        };
        Some(
            Candidate::new(
                Fit::Narrow,
                format!("let {who} {may} {}", case.path()),
                [change],
            )
            .noting(note),
        )
    }

    /// Joining the object's group, if that has the required permissions. This is the purpose of the group of a device, a socket
    /// or a log.
    fn join_group(&self) -> Option<Candidate> {
        let case = self.case;
        let gid = self.inode.gid;
        let grants = match &case.node()?.acl {
            Ok(Some(acl)) => acl.get(Tag::OwningGroup)?.and(acl.mask()),
            Ok(None) => self.inode.group_bits(),
            Err(_) => return None,
        };
        let group = case.facts.names.groups.get(&gid)?;
        case.facts.names.users.get(&case.subject().uid)?;
        let is_somebodys = is_private_group(gid, case.facts);
        // usermod(8) would take a number for another group's id, and a comma for the end of the name.
        let is_ambiguous =
            group.name.bytes().all(|byte| byte.is_ascii_digit()) || group.name.contains(',');
        if is_ambiguous
            || !grants.contains(self.wanted)
            || case.subject().in_group(gid)
            || is_somebodys
        {
            return None;
        }
        let meant = matches!(self.inode.kind, Kind::Char | Kind::Block | Kind::Socket);
        let fit = match case.purpose()? {
            Purpose::Home => return None,
            _ if meant => Fit::Meant,
            Purpose::Device | Purpose::Runtime | Purpose::Log => Fit::Meant,
            _ => Fit::Narrow,
        };
        let name = crate::quote::display(group.name.as_bytes());
        let note = match groups::power_of(&name).and_then(Power::remark) {
            Some(remark) => format!("then log in again; {remark}"),
            None => "then log in again".to_owned(),
        };
        Some(
            Candidate::new(
                fit,
                format!("let {} join group {name}", case.who()),
                [Change::JoinGroup(gid)],
            )
            .noting(note),
        )
    }

    /// If ACLs are not supported: changes the object's group to that of the subject, unless somebody would lose access.
    fn own_group(&self) -> Option<Candidate> {
        let case = self.case;
        let gid = case.subject().gid;
        let of_somebody =
            self.inode.gid != 0 && case.facts.names.groups.contains_key(&self.inode.gid);
        if of_somebody
            || knows_acls(case)
            || gid == self.inode.gid
            || matches!(case.node()?.acl, Ok(Some(_)))
        {
            return None;
        }
        let group = case.group(gid);
        let may = case.may(self.wanted);
        let chgrp = Change::Chown {
            node: self.id,
            uid: None,
            gid: Some(gid),
        };
        let mut changes = vec![chgrp];
        if !self.inode.group_bits().contains(self.wanted) {
            changes.push(self.chmod(3));
        }
        Some(
            Candidate::new(
                Fit::Shared,
                format!("let group {group} {may} {}", case.path()),
                changes,
            )
            .noting(format!(
                "takes it from group {}",
                case.group(self.inode.gid)
            )),
        )
    }

    /// Grants the permissions to everybody where that is usual: searching or listing a directory, executing a file that
    /// everybody may read. It never grants write permission or read permission on a file, nor lets everybody execute what only
    /// the file's group may.
    fn everybody(&self) -> Option<Candidate> {
        let case = self.case;
        let for_its_group = self.inode.group_bits().contains(Perms::X);
        if self.inode.kind == Kind::Regular && (self.wanted.contains(Perms::R) || for_its_group) {
            return None;
        }
        let others = matches!(
            case.denial.rule,
            Rule::Class {
                class: Class::Other,
                ..
            }
        );
        (others && !self.wanted.contains(Perms::W)).then(|| {
            let may = case.may(self.wanted);
            Candidate::new(
                Fit::Broad,
                format!("let everybody {may} {}", case.path()),
                [self.chmod(0)],
            )
            .noting(format!("lets everybody {may}"))
        })
    }

    /// Advice where ACLs are unavailable, so that no single user can be granted access: how to make them available, or whom to
    /// ask.
    fn without_acls(&self) -> Option<Candidate> {
        let case = self.case;
        let in_container = case.facts.surroundings.container.is_some();
        if in_container
            || knows_acls(case)
            || matches!(self.inode.kind, Kind::Char | Kind::Block | Kind::Socket)
        {
            return None;
        }
        let (who, path) = (case.who(), case.path());
        let owner = case.user(self.inode.uid);
        Some(Candidate::advice(match case.mount()?.keeps_acls() {
            true => format!(
                "install the package acl: with setfacl, {who} alone can be let in to {path}; or ask {owner} for a group that may"
            ),
            false => format!(
                "ask {owner} to give {path} to a group that {who} is in: this file system keeps no ACLs, by which {who} alone could \
                 be let in"
            ),
        }))
    }

    fn chmod(&self, shift: u32) -> Change {
        Change::Chmod {
            node: self.id,
            add: self.wanted.bits() << shift,
        }
    }
}

/// Whether setfacl(1) is installed and the file system supports POSIX ACLs.
pub(super) fn knows_acls(case: &Case) -> bool {
    let keeps = case.mount().is_some_and(Mount::keeps_acls);
    case.facts.surroundings.setfacl && keeps
}

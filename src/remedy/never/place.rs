//! What must stay as it is because of its location, owner and mode: what was closed on purpose stays closed.

use super::closed::{
    is_closed_on_purpose, is_for_a_person, is_for_a_service, is_kept_by_root, is_private,
};
use super::{Never, command, others};
use crate::attempt::Subject;
use crate::byte_path;
use crate::cause::{Purpose, home_of, is_top, is_within, node_at, purpose, service_directory};
use crate::facts::{Facts, Inode, Kind, NodeId, Perms, Tag};

/// Directories of what users have handed to a service, but not to each other: mail, jobs, and the memory of crashed programs.
const ON_THE_WAY: &[&[u8]] = &[
    b"/var/crash",
    b"/var/lib/systemd/coredump",
    b"/var/mail",
    b"/var/spool",
    b"/var/vmail",
];

/// Adding these permission bits, for whichever class.
pub(super) fn bits(subject: &Subject, facts: &Facts, node: NodeId, add: u32) -> Option<Never> {
    if add & 0o002 != 0 {
        return Some(Never::WritableByAll);
    }
    let path = &facts.node(node).path;
    let home = facts.surroundings.home.as_deref();
    if add & 0o007 != 0 && (home_of(path) == Some(path) || home == Some(path)) {
        return Some(Never::OpenHome);
    }
    let added = Perms::from_bits(add | add >> 3 | add >> 6);
    widening(subject, facts, node, added)
}

/// Granting these permissions on the node, to anybody.
pub(super) fn widening(
    subject: &Subject,
    facts: &Facts,
    id: NodeId,
    gained: Perms,
) -> Option<Never> {
    if is_owner(subject, facts, id) {
        return None;
    }
    let object = Object {
        subject,
        facts,
        id,
        path: &facts.node(id).path,
        inode: inode(facts, id)?,
        purpose: purpose(&facts.node(id).path, subject.uid, facts),
        made_for: is_made_for(subject, &facts.node(id).path, facts),
    };
    let writes = gained.contains(Perms::W);
    object
        .what_it_is()
        .or_else(|| object.closed_on_purpose())
        .or_else(|| object.private(gained))
        .or_else(|| object.written_for_others().filter(|_| writes))
        .or_else(|| object.shuts_out(gained))
        .or_else(|| object.of_a_project().filter(|_| writes))
        .or_else(|| object.of_the_system(gained))
}

/// An object that the subject does not own, with what the rules ask of it.
struct Object<'f> {
    subject: &'f Subject,
    facts: &'f Facts,
    id: NodeId,
    path: &'f [u8],
    inode: &'f Inode,
    purpose: Purpose,
    /// Whether its directory is meant for the subject.
    made_for: bool,
}

impl Object<'_> {
    /// What nobody is let in to because of what it is, or of how it came there.
    fn what_it_is(&self) -> Option<Never> {
        if may_be_named_by_anybody(self.inode, self.facts) {
            return Some(Never::OtherNames);
        }
        if is_mounted_there(self.subject, self.facts, self.id) {
            return Some(Never::MountedThere);
        }
        if self.subject.uid != 0 && is_within(self.path, b"/root") {
            return Some(Never::RootsHome);
        }
        if self.purpose == Purpose::Home && !self.names_the_subject() {
            return Some(Never::OpenHome);
        }
        if self.inode.kind == Kind::Regular && self.inode.mode & 0o6000 != 0 {
            return Some(self.private_or(Never::Program));
        }
        // Modes below /proc and /sys are set by the kernel, and return after a reboot.
        if self.purpose == Purpose::Kernel {
            return Some(Never::System);
        }
        // It is created again at the next start, without the ACL entry. Its group says for whom it is meant.
        let is_special = matches!(self.inode.kind, Kind::Char | Kind::Block | Kind::Socket);
        is_special.then(|| self.private_or(Never::Special))
    }

    /// What root or a service has closed to others.
    fn closed_on_purpose(&self) -> Option<Never> {
        let on_the_way = ON_THE_WAY.iter().any(|place| is_within(self.path, place));
        let closed_to_others = !self.inode.other_bits().contains(Perms::R);
        let is_closed = is_closed_on_purpose(self.inode, self.purpose, self.made_for, self.facts);
        if is_closed || on_the_way && closed_to_others {
            return Some(Never::Closed);
        }
        let in_its_group = self.subject.in_group(self.inode.gid);
        if is_for_a_service(self.inode, self.facts) && !in_its_group && self.subject.uid != 0 {
            return Some(Never::Closed);
        }
        let is_kept = is_kept_by_root(self.inode, self.path, self.facts)
            && self.purpose == Purpose::Service
            && !self.is_below_own()
            && !self.names_the_subject();
        is_kept.then_some(Never::KeptByRoot)
    }

    /// What its owner keeps private, and does not share with the subject by an ACL entry.
    fn private(&self, gained: Perms) -> Option<Never> {
        if self.names_the_subject() {
            return None;
        }
        let closed_by_its_owner =
            self.inode.mode & 0o077 == 0 && self.is_below_own() && self.subject.uid != 0;
        let for_a_person =
            is_for_a_person(self.inode, self.facts) && !self.subject.in_group(self.inode.gid);
        // Root without its privileges is as any other user to what is not root's.
        let is_another = self.subject.uid != 0 || self.inode.uid != 0;
        let private = || {
            let node = self.facts.node(self.id);
            is_another && is_private(node, self.inode, gained, self.facts)
        };
        (closed_by_its_owner || for_a_person || private()).then_some(Never::Private)
    }

    /// What others run, keep or rely on, so that whoever can write there could act as them or harm them.
    fn written_for_others(&self) -> Option<Never> {
        let (subject, facts) = (self.subject, self.facts);
        let is_for_others = self.inode.uid == 0 || !is_shared(subject, facts, self.id);
        if is_for_others && others::is_run_by_others(facts.node(self.id), self.inode) {
            return Some(self.private_or(Never::RunByOthers));
        }
        if others::is_a_persons_home(self.path, facts) {
            return Some(Never::OpenHome);
        }
        let is_peopled = facts.surroundings.peopled.as_deref() == Some(self.path);
        let is_for_all = self.purpose != Purpose::System || is_top(self.path);
        (is_peopled && is_for_all).then_some(Never::Peopled)
    }

    /// What permits the subject less than everybody else.
    fn shuts_out(&self, gained: Perms) -> Option<Never> {
        let (subject, facts) = (self.subject, self.facts);
        let permits_less = others::permits_less(subject, facts, self.id, gained);
        (permits_less && !grants(subject, facts, self.id, gained)).then_some(Never::ShutOut)
    }

    fn of_a_project(&self) -> Option<Never> {
        let project = self.facts.surroundings.project.as_deref();
        (project == Some(self.path) && self.subject.uid != 0).then_some(Never::Project)
    }

    /// What packages and services determine.
    fn of_the_system(&self, gained: Perms) -> Option<Never> {
        if !is_of_the_system(self.purpose) {
            return None;
        }
        let writes = gained.contains(Perms::W);
        let as_program = self.inode.kind == Kind::Regular && gained.contains(Perms::X);
        match self.purpose {
            _ if as_program => Some(Never::Program),
            Purpose::System if writes => Some(Never::System),
            // What is created anew at each start does not keep an ACL entry.
            Purpose::Runtime | Purpose::Device if !self.made_for => Some(Never::Special),
            // Root trusts what it reads back from a file that it wrote, such as a pid file.
            Purpose::Runtime if writes && self.inode.uid == 0 && !self.inode.is_dir() => {
                Some(Never::Special)
            }
            Purpose::Temporary if writes && !self.is_below_own() => Some(Never::Shared),
            Purpose::State | Purpose::Log if writes && !self.made_for => Some(Never::System),
            _ => None,
        }
    }

    fn private_or(&self, otherwise: Never) -> Never {
        match command::is_another_persons(self.subject, self.facts, self.id) {
            true => Never::Private,
            false => otherwise,
        }
    }

    fn is_below_own(&self) -> bool {
        is_below_own(self.subject, self.path, self.facts)
    }

    fn names_the_subject(&self) -> bool {
        names(self.subject, self.facts, self.id)
    }
}

/// Whether the owner evidently shares the object with the subject: by its group, or by an ACL entry.
fn is_shared(subject: &Subject, facts: &Facts, id: NodeId) -> bool {
    let is_in_group = inode(facts, id).is_some_and(|inode| subject.in_group(inode.gid));
    is_in_group || names(subject, facts, id)
}

/// Whether anybody may have made this name for the file, which by another one may be closed on purpose.
pub(super) fn may_be_named_by_anybody(inode: &Inode, facts: &Facts) -> bool {
    let has_others = inode.kind == Kind::Regular && inode.links > 1;
    has_others && facts.settings.protected_hardlinks != Ok(1)
}

/// Whether the location belongs to the system, where packages and services determine modes.
pub(super) fn is_of_the_system(purpose: Purpose) -> bool {
    !matches!(purpose, Purpose::Own | Purpose::Home | Purpose::Service)
}

/// Whether the ACL has an entry for the subject or one of its groups, so that the owner evidently shares the object.
fn names(subject: &Subject, facts: &Facts, id: NodeId) -> bool {
    grants(subject, facts, id, Perms::NONE)
}

/// Whether such an entry has these permissions, though the mask may withhold them.
fn grants(subject: &Subject, facts: &Facts, id: NodeId, perms: Perms) -> bool {
    let Ok(Some(acl)) = &facts.node(id).acl else {
        return false;
    };
    acl.entries.iter().any(|entry| {
        let is_theirs = match entry.tag {
            Tag::User(uid) => uid == subject.uid,
            Tag::Group(gid) => subject.in_group(gid),
            _ => false,
        };
        is_theirs && entry.perms.contains(perms)
    })
}

/// Whether a service's directory in a system location is meant for the subject: it belongs to the subject, or is named after it
/// or its unit.
pub(super) fn is_made_for(subject: &Subject, path: &[u8], facts: &Facts) -> bool {
    let Some(directory) = service_directory(path) else {
        return false;
    };
    let owner = node_at(directory, facts).and_then(|id| inode(facts, id));
    let name = directory
        .rsplit(|&byte| byte == b'/')
        .next()
        .unwrap_or(directory);
    is_named_after(subject, name, facts) || owner.is_some_and(|inode| inode.uid == subject.uid)
}

/// Whether this is the name of the subject or of its unit.
pub(super) fn is_named_after(subject: &Subject, name: &[u8], facts: &Facts) -> bool {
    let user = facts.names.users.get(&subject.uid);
    let unit = facts.surroundings.unit.as_ref();
    let stem = unit.and_then(|unit| unit.name.strip_suffix(".service"));
    subject.uid != 0 && user.map(|user| user.as_bytes()) == Some(name)
        || stem.map(str::as_bytes) == Some(name)
}

/// Whether the object is in the subject's own location only because another user's directory or file is bind-mounted there. By
/// its real path it may be any file of the system. Containers are exempt, because their volumes are mounted that way.
pub(super) fn is_mounted_there(subject: &Subject, facts: &Facts, id: NodeId) -> bool {
    let mount = facts.mount_of(id);
    let around = &facts.surroundings;
    let place = purpose(&mount.point, subject.uid, facts) == Purpose::Own
        || is_below_own(subject, &mount.point, facts);
    let top = node_at(&mount.point, facts);
    place
        && around.container.is_none()
        && around.home.as_deref() != Some(&mount.point)
        && !mount.root.is_empty()
        && mount.root != b"/"
        && !top.is_some_and(|top| is_owner(subject, facts, top))
}

/// Whether any directory above the path belongs to the subject.
pub(super) fn is_below_own(subject: &Subject, path: &[u8], facts: &Facts) -> bool {
    let own = |above: &[u8]| node_at(above, facts).is_some_and(|id| is_owner(subject, facts, id));
    // The root directory of a sandbox may be the subject's, whatever is in it.
    let mut above = byte_path::above(path).filter(|above| *above != b"/");
    above.any(own)
}

pub(super) fn is_owner(subject: &Subject, facts: &Facts, node: NodeId) -> bool {
    inode(facts, node).is_some_and(|inode| inode.uid == subject.uid)
}

pub(super) fn inode(facts: &Facts, id: NodeId) -> Option<&Inode> {
    facts.node(id).inode.as_ref().ok()
}

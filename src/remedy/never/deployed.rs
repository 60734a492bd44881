//! Settings of images, containers, units and mounts that must not be changed.

use super::Never;
use super::closed::is_closed_on_purpose;
use super::place::inode;
use crate::attempt::Subject;
use crate::cause::{Purpose, home_of, is_top, is_within, purpose};
use crate::change::{Deployment, MountOption};
use crate::facts::{Facts, MountId};

/// A setting of the image, the container or the unit. What was closed on purpose stays closed there as well.
pub(super) fn deployed(subject: &Subject, facts: &Facts, setting: &Deployment) -> Option<Never> {
    let systems = |path: &[u8]| {
        let systems = matches!(
            purpose(path, subject.uid, facts),
            Purpose::System | Purpose::Kernel | Purpose::Device
        );
        systems.then_some(Never::System)
    };
    match setting {
        Deployment::OwnerInImage(node)
        | Deployment::OwnerOfVolume { node, .. }
        | Deployment::MappedOwner(node) => {
            let path = &facts.node(*node).path;
            let purpose = purpose(path, subject.uid, facts);
            let inode = inode(facts, *node)?;
            if subject.uid == 0 && !matches!(setting, Deployment::MappedOwner(_)) {
                return Some(Never::OpenHome);
            }
            if home_of(path).is_some() && purpose != Purpose::Own {
                return Some(Never::OpenHome);
            }
            let closed = is_closed_on_purpose(inode, purpose, true, facts) && inode.uid == 0;
            systems(path).or(closed.then_some(Never::Closed))
        }
        Deployment::DirectoryInImage(path) => {
            let is_anothers =
                home_of(path).is_some() && purpose(path, subject.uid, facts) != Purpose::Own;
            systems(path).or(is_anothers.then_some(Never::OpenHome))
        }
        Deployment::GroupAdd(0) | Deployment::RunAs { uid: 0, .. } => Some(Never::PowerfulGroup),
        // A mount over a directory for variable data does not open anything of the system.
        Deployment::WritablePlace(path)
            if [b"/run".as_slice(), b"/var"]
                .iter()
                .any(|top| is_within(path, top)) =>
        {
            None
        }
        Deployment::WritablePlace(path) => systems(path),
        Deployment::WritableMount(mount) => systems(&facts.mounts[mount.0].point),
        Deployment::ProgramInImage(_)
        | Deployment::RunnableMount(_)
        | Deployment::HostName
        | Deployment::NewPrivileges
        | Deployment::HomeDirectory
        | Deployment::GroupAdd(_)
        | Deployment::RunAs { .. }
        | Deployment::AddCapability(_)
        | Deployment::OwnDirectory(_)
        | Deployment::Sysctl { .. }
        | Deployment::ListenOn(_)
        | Deployment::AllowCall
        | Deployment::Label(_)
        | Deployment::Device(_) => None,
    }
}

/// What is mounted in a container and belongs to root, by its path on the host.
pub(super) fn given_to_a_container(
    subject: &Subject,
    facts: &Facts,
    setting: &Deployment,
) -> Option<Never> {
    let (Deployment::OwnerOfVolume { node, .. } | Deployment::MappedOwner(node)) = setting else {
        return None;
    };
    let path = &facts.node(*node).path;
    let is_running = purpose(path, subject.uid, facts) == Purpose::Runtime;
    if is_top(path) || is_running {
        return Some(Never::System);
    }
    deployed(subject, facts, setting)
}

/// A mount whose options protect the system.
pub(super) fn remount(
    subject: &Subject,
    facts: &Facts,
    id: MountId,
    option: MountOption,
) -> Option<Never> {
    let mount = &facts.mounts[id.0];
    let systems = matches!(
        purpose(&mount.point, subject.uid, facts),
        Purpose::System | Purpose::Kernel | Purpose::Device | Purpose::Runtime
    ) && !(is_top(&mount.point) && mount.point != b"/");
    (systems || matches!(option, MountOption::Dev | MountOption::Symfollow))
        .then_some(Never::SystemMount)
}

//! What is to be written where the surroundings of a process are described: an image, a container's options, a pod, a unit.

use crate::attempt::Capability;
use crate::facts::{MountId, NodeId};

/// One setting of a deployment. How it is written there, the place decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deployment {
    /// The process is in this group besides its own.
    GroupAdd(u32),
    /// The process has this capability.
    AddCapability(Capability),
    /// The process runs as the owner of the data.
    RunAs {
        /// The user.
        uid: u32,
        /// The group.
        gid: u32,
    },
    /// This object of the image belongs to the subject.
    OwnerInImage(NodeId),
    /// What is mounted there belongs to the subject.
    OwnerOfVolume {
        /// The object that refuses.
        node: NodeId,
        /// The volume.
        mount: MountId,
    },
    /// The volume is mounted writable.
    WritableMount(MountId),
    /// Something writable is mounted there: the directory in which something is written.
    WritablePlace(Vec<u8>),
    /// A directory of the subject's own is made at each start: where services keep their data.
    OwnDirectory(Vec<u8>),
    /// A kernel setting of the container's own.
    Sysctl {
        /// Its name.
        name: String,
        /// Its value.
        value: i64,
    },
    /// It listens on this port: a low one, which needs a privilege.
    ListenOn(u16),
    /// A system call that its filter refuses is let through.
    AllowCall,
    /// What is mounted there is labelled for it, for a security module that goes by labels (SELinux).
    Label(MountId),
    /// A device is given to it.
    Device(Vec<u8>),
    /// Set-user-ID programs have their effect.
    NewPrivileges,
    /// A home directory that can be written, for a user whom the image does not know.
    HomeDirectory,
    /// The object belongs to an id that the user namespace knows.
    MappedOwner(NodeId),
}

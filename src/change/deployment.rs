//! Settings for the place where a process's environment is configured: an image, a container's options, a pod, a unit.

use crate::attempt::Capability;
use crate::facts::{MountId, NodeId};

/// A setting of a deployment. Its notation depends on the kind of deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deployment {
    /// Adds the process to this supplementary group.
    GroupAdd(u32),
    /// Adds this capability to the process.
    AddCapability(Capability),
    /// Runs the process as the owner of the data.
    RunAs {
        /// The user.
        uid: u32,
        /// The group.
        gid: u32,
    },
    /// Makes the subject the owner of this object in the image.
    OwnerInImage(NodeId),
    /// Makes this directory in the image, as the subject's own.
    DirectoryInImage(Vec<u8>),
    /// Makes this file of the image a program.
    ProgramInImage(NodeId),
    /// Makes the subject the owner of what is mounted there.
    OwnerOfVolume {
        /// The object that refuses.
        node: NodeId,
        /// The volume.
        mount: MountId,
    },
    /// Mounts the volume writable.
    WritableMount(MountId),
    /// Mounts the file system in memory so that programs can be run from it.
    RunnableMount(MountId),
    /// Mounts something writable on this directory, in which something is to be written.
    WritablePlace(Vec<u8>),
    /// Creates a directory that belongs to the subject at each start, where services keep their data.
    OwnDirectory(Vec<u8>),
    /// Sets a kernel setting that is namespaced, for the container alone.
    Sysctl {
        /// Its name.
        name: String,
        /// Its value.
        value: i64,
    },
    /// Names the container's host, which the container cannot do itself.
    HostName,
    /// Permits listening on this port, which requires a privilege because it is low.
    ListenOn(u16),
    /// Permits a system call that the seccomp filter refuses.
    AllowCall,
    /// Relabels what is mounted there for the container (SELinux).
    Label(MountId),
    /// Passes a device to the container.
    Device(Vec<u8>),
    /// Permits set-user-ID programs to gain privileges.
    NewPrivileges,
    /// Provides a writable home directory for a user that the image does not define.
    HomeDirectory,
    /// Gives the object to an id that has a mapping in the user namespace.
    MappedOwner(NodeId),
}

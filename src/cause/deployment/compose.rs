//! Docker Compose: the options as keys of a service (Compose file reference).

use super::docker::tmpfs;
use super::{is_in_memory, owner, point};
use crate::cause::case::Case;
use crate::change::Deployment;
use crate::quote;

pub(super) fn words(case: &Case, setting: &Deployment) -> Option<String> {
    Some(match setting {
        Deployment::GroupAdd(gid) => format!("group_add: [\"{gid}\"]"),
        Deployment::AddCapability(capability) => format!(
            "cap_add: [{}]",
            capability.name().trim_start_matches("CAP_")
        ),
        Deployment::RunAs { uid, gid } => format!("user: \"{uid}:{gid}\""),
        Deployment::OwnerOfVolume { mount, .. } if is_in_memory(case, *mount) => {
            format!(
                "tmpfs: [\"{}\"]",
                tmpfs(case, &case.facts.mounts[mount.0].point)
            )
        }
        Deployment::OwnerOfVolume { node, .. } => {
            let (uid, gid) = owner(case, *node).filter(|(uid, _)| *uid != 0)?;
            format!("user: \"{uid}:{gid}\"")
        }
        Deployment::WritableMount(mount) => {
            format!("the volume at {} without read_only", point(case, *mount))
        }
        Deployment::RunnableMount(mount) => format!("tmpfs: [\"{}:exec\"]", point(case, *mount)),
        Deployment::WritablePlace(path) => format!("tmpfs: [\"{}\"]", tmpfs(case, path)),
        Deployment::Sysctl { name, value } => format!("sysctls: {{{name}: {value}}}"),
        Deployment::HostName => "hostname: NAME".to_owned(),
        Deployment::ListenOn(port) => format!("ports: [\"{port}:8080\"]"),
        Deployment::AllowCall => "security_opt: [\"seccomp=profile.json\"]".to_owned(),
        Deployment::Device(path) => format!("devices: [{}]", quote::shell(path)),
        Deployment::NewPrivileges => "security_opt without no-new-privileges".to_owned(),
        Deployment::HomeDirectory => "environment: {HOME: /tmp}".to_owned(),
        // It is the same letter in the short form of a volume.
        Deployment::Label(_)
        | Deployment::OwnerInImage(_)
        | Deployment::DirectoryInImage(_)
        | Deployment::ProgramInImage(_)
        | Deployment::MappedOwner(_)
        | Deployment::OwnDirectory(_) => return None,
    })
}

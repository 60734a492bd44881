//! Kubernetes: the pod's securityContext and volumes.

use super::{directory_of_image, ids, line_of_image, point, program_of_image};
use crate::cause::case::Case;
use crate::change::Deployment;
use crate::quote;

pub(super) fn words(case: &Case, setting: &Deployment) -> Option<String> {
    Some(match setting {
        Deployment::GroupAdd(gid) => {
            format!("in the pod: securityContext: supplementalGroups: [{gid}]")
        }
        Deployment::AddCapability(capability) => format!(
            "in the container: securityContext: capabilities: add: [{}]",
            capability.name().trim_start_matches("CAP_")
        ),
        Deployment::RunAs { uid, gid } => {
            format!("in the pod: securityContext: runAsUser: {uid}, runAsGroup: {gid}")
        }
        Deployment::OwnerInImage(node) => line_of_image(case, *node)?,
        Deployment::DirectoryInImage(path) => directory_of_image(case, path)?,
        Deployment::ProgramInImage(node) => program_of_image(case, *node),
        Deployment::OwnerOfVolume { mount, .. } => format!(
            "in the pod: securityContext: fsGroup: {} (with a volume at {} that takes it)",
            ids(case)?.1,
            point(case, *mount)
        ),
        Deployment::WritableMount(mount) => format!(
            "mount {} without readOnly, or an emptyDir there: configMaps and secrets are always read-only",
            point(case, *mount)
        ),
        Deployment::WritablePlace(path) => format!(
            "mount an emptyDir (or a volume) at {}: the pod has readOnlyRootFilesystem",
            quote::shell(path)
        ),
        Deployment::Sysctl { name, value } => {
            format!("in the pod: securityContext: sysctls: [{{name: {name}, value: \"{value}\"}}]")
        }
        Deployment::HostName => "in the pod: hostname: NAME".to_owned(),
        Deployment::ListenOn(port) => format!(
            "let the container listen on a port from 1024 up and a Service map {port} to it (targetPort)"
        ),
        Deployment::AllowCall => {
            "in the container: securityContext: seccompProfile: {type: Localhost, localhostProfile: PROFILE}, one that allows \
             the system call"
                .to_owned()
        }
        Deployment::Label(_) => {
            "in the pod: securityContext: seLinuxOptions: the level that the volume is labelled with".to_owned()
        }
        Deployment::NewPrivileges => {
            "in the container: securityContext: allowPrivilegeEscalation: true".to_owned()
        }
        Deployment::HomeDirectory => {
            "in the container: env: [{name: HOME, value: /tmp}]: the image has no such user, and HOME is /".to_owned()
        }
        Deployment::RunnableMount(_) | Deployment::Device(_) | Deployment::MappedOwner(_) | Deployment::OwnDirectory(_) => {
            return None;
        }
    })
}

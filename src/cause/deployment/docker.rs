//! Docker, and containers of a kind that is not known: options of `docker run`, lines of the Dockerfile.

use super::{line_of_image, point, subject};
use crate::cause::case::Case;
use crate::change::Deployment;
use crate::facts::Container;
use crate::quote;

pub(super) fn words(case: &Case, setting: &Deployment, container: &Container) -> Option<String> {
    let who = subject(case);
    Some(match setting {
        Deployment::GroupAdd(gid) => format!("for good: run the container with --group-add {gid}"),
        Deployment::AddCapability(capability) => format!(
            "start the container with --cap-add={}",
            capability.name().trim_start_matches("CAP_")
        ),
        Deployment::RunAs { uid, gid } => format!("run it as its owner (--user {uid}:{gid})"),
        Deployment::OwnerInImage(node) => line_of_image(case, *node)?,
        Deployment::OwnerOfVolume { node, mount } => {
            let inode = case.facts.node(*node).inode.as_ref().ok()?;
            let point = point(case, *mount);
            match inode.uid {
                // Running as root is never advice.
                0 => format!("for good: give the volume at {point} to {who} on the host"),
                uid => format!(
                    "for good: run it as the volume's owner (--user {uid}:{}), or give the volume at {point} to {who} on the host",
                    inode.gid
                ),
            }
        }
        Deployment::WritableMount(mount) => {
            let point = point(case, *mount);
            format!("mount {point} without :ro (-v SOURCE:{point}), or write to another volume")
        }
        Deployment::WritablePlace(path) => {
            let path = quote::shell(path);
            match container.read_only_root {
                true => format!(
                    "give it a place to write beside --read-only: --tmpfs {path}, or -v NAME:{path} to keep it"
                ),
                false => format!("mount something writable there: -v NAME:{path}"),
            }
        }
        Deployment::Sysctl { name, value } => {
            format!("run the container with --sysctl {name}={value}")
        }
        Deployment::Device(path) => {
            format!("run the container with --device {}", quote::shell(path))
        }
        Deployment::MappedOwner(_) => {
            "on the host: give the volume to the mapped id (see /etc/subuid), or run with --userns=host".to_owned()
        }
        Deployment::OwnDirectory(_) => return None,
    })
}

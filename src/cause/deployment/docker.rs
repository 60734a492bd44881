//! Docker, and containers of unknown kind: options of `docker run`, lines of the Dockerfile.

use super::{
    compose, directory_of_image, ids, is_in_memory, is_open, line_of_image, on_host, or_given_away,
    owner, point, program_of_image, source, volume,
};
use crate::attempt::Operation;
use crate::cause::case::Case;
use crate::change::Deployment;
use crate::facts::{Container, Kind};
use crate::quote;

/// The option that passes the device: its path here, followed by its path in the container if that differs. For a device node
/// of the container's own, its device number.
fn device(case: &Case, path: &[u8]) -> String {
    let there = quote::shell(path);
    let Some(mount) = case.mount() else {
        return format!("--device {there}");
    };
    let Some(rest) = path
        .strip_prefix(mount.point.as_slice())
        .filter(|_| mount.fs_type == "devtmpfs")
    else {
        return match case.inode() {
            Some(inode) if !path.starts_with(b"/dev/") => {
                let kind = if inode.kind == Kind::Block { 'b' } else { 'c' };
                let (major, minor) = (inode.rdev.major, inode.rdev.minor);
                format!("--device-cgroup-rule '{kind} {major}:{minor} rw'")
            }
            _ => format!("--device {there}"),
        };
    };
    let root = mount.root.strip_suffix(b"/").unwrap_or(&mount.root);
    match [b"/dev", root, rest].concat() {
        here if here != path => format!("--device {}:{there}", quote::shell(&here)),
        _ => format!("--device {there}"),
    }
}

/// A tmpfs on this directory that the subject may write. On an existing one it takes over the mode, whatever option is given
/// for it, and belongs to root unless told otherwise.
pub(super) fn tmpfs(case: &Case, path: &[u8]) -> String {
    let place = quote::shell(path);
    match ids(case).filter(|_| !is_open(case, path)) {
        Some((uid, gid)) => format!("{place}:uid={uid},gid={gid}"),
        None => place,
    }
}

pub(super) fn words(case: &Case, setting: &Deployment, container: &Container) -> Option<String> {
    let words = options(case, setting, container)?;
    Some(match compose::words(case, setting) {
        Some(keys) if container.kind == "docker" => format!("{words} (compose: {keys})"),
        _ => words,
    })
}

/// The setting as command-line options.
pub(super) fn options(case: &Case, setting: &Deployment, container: &Container) -> Option<String> {
    let who = on_host(case);
    Some(match setting {
        Deployment::GroupAdd(gid) => format!("for good: run the container with --group-add {gid}"),
        Deployment::AddCapability(capability) => {
            let name = capability.name().trim_start_matches("CAP_");
            let reaches = match case.subject().uid != 0 && container.kind == "docker" {
                // Podman gives a user of the container what was added, Docker only what the program has by itself.
                true => format!(
                    ", and the program the capability (RUN setcap {}=ep PROGRAM), or it has no effect for a user",
                    capability.name().to_ascii_lowercase()
                ),
                false => String::new(),
            };
            format!("start the container with --cap-add={name}{reaches}")
        }
        Deployment::RunAs { uid, gid } => format!("run it as its owner (--user {uid}:{gid})"),
        Deployment::OwnerInImage(node) => line_of_image(case, *node)?,
        Deployment::DirectoryInImage(path) => directory_of_image(case, path)?,
        Deployment::ProgramInImage(node) => program_of_image(case, *node),
        Deployment::OwnerOfVolume { mount, .. } if is_in_memory(case, *mount) => {
            let point = &case.facts.mounts[mount.0].point;
            format!("for good: run the container with --tmpfs {}", tmpfs(case, point))
        }
        Deployment::OwnerOfVolume { node, mount } => {
            let volume = volume(case, *mount);
            match owner(case, *node) {
                // Running as root is never suggested.
                None | Some((0, _)) => {
                    format!("for good: give {volume} to {who} on the host")
                }
                Some((uid, gid)) => format!(
                    "for good: run it as the volume's owner (--user {uid}:{gid}), or give {volume} to {who} on the host"
                ),
            }
        }
        Deployment::WritableMount(mount) => {
            let point = point(case, *mount);
            format!(
                "mount {point} without :ro (-v {}:{point}), or write to another volume",
                source(case, *mount)
            )
        }
        Deployment::RunnableMount(mount) => {
            format!("run the container with --tmpfs {}:exec", point(case, *mount))
        }
        Deployment::WritablePlace(path) => {
            let volume = format!("-v NAME:{}", quote::shell(path));
            match container.read_only_root {
                true => format!(
                    "give it a place to write beside --read-only: --tmpfs {} or, to keep it, {volume}",
                    tmpfs(case, path)
                ),
                false => format!("mount something writable there: {volume}"),
            }
        }
        Deployment::Sysctl { name, value } => {
            let instead = match case.attempt.operation {
                Operation::Open(_) => " instead of writing it",
                _ => "",
            };
            format!("run the container with --sysctl {name}={value}{instead}")
        }
        Deployment::HostName => {
            "name it when the container is started: --hostname NAME (--cap-add=SYS_ADMIN would let it rename itself)".to_owned()
        }
        Deployment::ListenOn(port) => format!(
            "listen on a port from 1024 up inside and publish it (-p {port}:8080), or run with --sysctl \
             net.ipv4.ip_unprivileged_port_start={port}"
        ),
        Deployment::AllowCall => {
            "allow the system call in a profile of the container's own (--security-opt seccomp=profile.json)".to_owned()
        }
        Deployment::Label(_) => {
            "mount the volume with :Z (for this container alone) or :z (shared): that labels it".to_owned()
        }
        Deployment::Device(path) => {
            format!("run the container with {}", device(case, path))
        }
        Deployment::MappedOwner(node) => format!(
            "on the host, as root: let {who} in by an ACL entry (setfacl){}; or run it with --userns=host",
            or_given_away(case, *node, &who)
        ),
        Deployment::NewPrivileges => {
            "run the container without --security-opt no-new-privileges".to_owned()
        }
        Deployment::HomeDirectory => {
            "run it with -e HOME=/tmp or another directory that it may write to: the image has no such user, and HOME is /".to_owned()
        }
        Deployment::OwnDirectory(_) => return None,
    })
}

//! Which devices a process may use, according to its control group.

use std::fs;

use super::{namespaces, service};
use crate::facts::Devices;

/// What names a control group of a container engine or manager.
const OF_CONTAINERS: [&str; 5] = ["docker", "libpod", "kubepods", "machine.slice", "lxc"];

/// The devices that the processes in these control groups (`/proc/PID/cgroup`) may use.
pub(super) fn read(cgroup: &str) -> Devices {
    for line in cgroup.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        if controllers.split(',').any(|name| name == "devices") {
            let list = format!("/sys/fs/cgroup/devices{path}/devices.list");
            return fs::read_to_string(list).map_or(Devices::Unseen, |list| Devices::parse(&list));
        }
        if controllers.is_empty() && is_restricted(path) {
            return Devices::Unseen;
        }
    }
    Devices::All
}

/// Whether a control group of version 2 may have a program that restricts its devices: it belongs to a container, or to a
/// service whose unit says so.
fn is_restricted(path: &str) -> bool {
    let of_containers = |part: &str| OF_CONTAINERS.iter().any(|name| part.starts_with(name));
    let of_service = |part: &str| {
        part.ends_with(".service") && !part.starts_with("user@") && service::restricts_devices(part)
    };
    let mut parts = path.split('/');
    !namespaces::sees_all_control_groups()
        || parts.any(|part| of_containers(part) || of_service(part))
}

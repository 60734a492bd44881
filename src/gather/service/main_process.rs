//! The main process of a running service.

use std::fs;

use super::settings::Settings;
use crate::gather::ProcessStat;

/// Where the control groups of services are mounted: version 2, and both in hybrid set-ups.
const HIERARCHIES: [&str; 3] = [
    "/sys/fs/cgroup",
    "/sys/fs/cgroup/unified",
    "/sys/fs/cgroup/systemd",
];

/// A process of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Member {
    pid: i32,
    parent: i32,
    started: u64,
}

/// The main process of the unit's service; `None` if it is not running.
pub(super) fn of(unit: &str, settings: &Settings) -> Option<i32> {
    let group = format!("{}/{unit}", slice(unit, settings.last("Slice")));
    let members = HIERARCHIES
        .iter()
        .map(|top| members(&format!("{top}/{group}/cgroup.procs")))
        .find(|members| !members.is_empty())?;
    let told = settings.last("PIDFile").and_then(|file| {
        let text = fs::read_to_string(file).ok()?;
        text.trim().parse().ok()
    });
    main_of(&members, told)
}

/// The path of a unit's slice among the control groups (systemd.slice(5)): `a-b.slice` lies in `a.slice`.
fn slice(unit: &str, told: Option<&str>) -> String {
    let slice = match (told, unit.split_once('@')) {
        (Some(told), _) => told.to_owned(),
        (None, Some((template, _))) => {
            return format!("system.slice/system-{template}.slice");
        }
        (None, None) => "system.slice".to_owned(),
    };
    let stem = slice.trim_end_matches(".slice");
    let ends = stem.match_indices('-').map(|(at, _)| at);
    let above = ends.map(|end| format!("{}.slice/", &stem[..end]));
    above.collect::<String>() + &slice
}

fn members(file: &str) -> Vec<Member> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let pids = text.lines().filter_map(|line| line.parse().ok());
    pids.filter_map(|pid| {
        let stat = ProcessStat::read(pid)?;
        Some(Member {
            pid,
            parent: stat.parent,
            started: stat.started,
        })
    })
    .collect()
}

/// The process that the service's pid file names; otherwise the oldest of those that no other process of the service started.
fn main_of(members: &[Member], told: Option<i32>) -> Option<i32> {
    let is_member = |pid: i32| members.iter().any(|member| member.pid == pid);
    if let Some(told) = told.filter(|pid| is_member(*pid)) {
        return Some(told);
    }
    let tops = members.iter().filter(|member| !is_member(member.parent));
    tops.min_by_key(|member| (member.started, member.pid))
        .map(|member| member.pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn member(pid: i32, parent: i32, started: u64) -> Member {
        Member {
            pid,
            parent,
            started,
        }
    }

    #[test]
    fn the_main_process_is_none_that_another_one_started() {
        // Process ids may have started anew in the meantime.
        let workers = [member(12, 900, 60), member(13, 900, 61), member(900, 1, 50)];
        assert_eq!(main_of(&workers, None), Some(900));
        let control = [member(20, 1, 70), member(900, 1, 50)];
        assert_eq!(main_of(&control, None), Some(900));
        assert_eq!(main_of(&control, Some(20)), Some(20));
        assert_eq!(main_of(&control, Some(7)), Some(900));
        assert_eq!(main_of(&[], None), None);
    }

    #[test]
    fn a_slice_lies_in_the_slice_that_it_is_named_after() {
        assert_eq!(slice("a.service", None), "system.slice");
        assert_eq!(
            slice("web@1.service", None),
            "system.slice/system-web.slice"
        );
        assert_eq!(
            slice("a.service", Some("shop-web-fast.slice")),
            "shop.slice/shop-web.slice/shop-web-fast.slice"
        );
    }
}

//! The bundle of a container: the configuration that its OCI runtime was started with (`config.json`, runtime-spec). It
//! describes the container even after the process that ran in it has ended.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::engine_api::{self, HostConfig, Inspected, MountPoint};
use super::monitor::Monitor;
use super::world::{Laid, World};
use crate::attempt::{Capability, CapabilitySet, Numbers};
use crate::small_file;

/// The most that is read of one of its files, in bytes.
const MOST: u64 = 4 << 20;

/// The length of a process name in `/proc` (TASK_COMM_LEN without the NUL).
const NAME: usize = 15;

/// A process that ran in a container and has ended: what `/proc` would have shown of it, and its view of the system.
#[derive(Debug)]
pub struct Ran {
    /// Its arguments, each terminated by a NUL.
    pub cmdline: Vec<u8>,
    /// Its working directory.
    pub cwd: PathBuf,
    /// The relevant lines of `/proc/PID/status`.
    pub status: Vec<u8>,
    /// The inode number of its user namespace; 0 for a namespace of the container's own, which no longer exists.
    pub user_ns: Option<u64>,
    /// `/proc/PID/uid_map`.
    pub uid_map: Vec<u8>,
    /// `/proc/PID/gid_map`.
    pub gid_map: Vec<u8>,
    /// Its security label; `None` if it is not known.
    pub label: Option<Vec<u8>>,
    /// Its view of the system.
    pub world: World,
}

/// The parts of `config.json` that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    process: Process,
    root: Root,
    mounts: Vec<Mount>,
    linux: Linux,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Process {
    user: User,
    args: Vec<String>,
    cwd: PathBuf,
    capabilities: Capabilities,
    no_new_privileges: bool,
    apparmor_profile: String,
    selinux_label: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct User {
    uid: u32,
    gid: u32,
    additional_gids: Vec<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Capabilities {
    bounding: Vec<String>,
    effective: Vec<String>,
    permitted: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Root {
    path: PathBuf,
    readonly: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mount {
    destination: PathBuf,
    r#type: String,
    source: PathBuf,
    options: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Linux {
    uid_mappings: Vec<Mapping>,
    gid_mappings: Vec<Mapping>,
    cgroups_path: String,
    readonly_paths: Vec<PathBuf>,
    namespaces: Vec<Namespace>,
    seccomp: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Mapping {
    #[serde(rename = "containerID")]
    container_id: u32,
    #[serde(rename = "hostID")]
    host_id: u32,
    size: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Namespace {
    r#type: String,
    path: PathBuf,
}

/// The file that Docker keeps about a container in the same directory as its `hostname` (`config.v2.json`).
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Kept {
    name: String,
}

/// The process that a monitor supervised, according to the bundle. `None` if the bundle cannot be read, or if the process lived
/// in a user namespace created by somebody else.
#[must_use]
pub fn ran(monitor: &Monitor) -> Option<Ran> {
    if !monitor.is_trusted() {
        return None;
    }
    let config = config(monitor)?;
    let process = monitor.process_spec().and_then(|spec| parsed(&spec));
    let process: Process = process.unwrap_or(config.process);
    let linux = config.linux;
    let user = linux.namespaces.iter().find(|one| one.r#type == "user");
    if user.is_some_and(|user| !user.path.as_os_str().is_empty()) {
        return None;
    }
    let at = |name: &str| format!("/proc/{}/{name}", monitor.pid);
    let text = |name: &str| fs::read(at(name)).unwrap_or_default();
    let user_ns = fs::metadata(at("ns/user")).ok()?.ino();
    let ours = fs::metadata("/proc/self/ns/user").ok()?.ino() == user_ns;
    let map = |file: &str, own: &[Mapping]| {
        let engines = match ours {
            true => Numbers::same(),
            false => Numbers::parse(&text(file)),
        };
        match own.is_empty() {
            true => engines,
            false => numbers(own).through(&engines),
        }
    };
    let uids = map("uid_map", &linux.uid_mappings);
    let gids = map("gid_map", &linux.gid_mappings);
    let has_own = !linux.uid_mappings.is_empty();
    let texts = |map: &Numbers, file: &str| match has_own {
        true => map.to_text(),
        false => text(file),
    };
    let label = match process.selinux_label.as_str() {
        "" => &process.apparmor_profile,
        label => label,
    };
    Some(Ran {
        status: status(&process, &uids, &gids, linux.seccomp.is_some())?,
        cmdline: process
            .args
            .iter()
            .flat_map(|word| [word.as_bytes(), b"\0"].concat())
            .collect(),
        cwd: process.cwd,
        user_ns: Some(if has_own { 0 } else { user_ns }),
        uid_map: texts(&uids, "uid_map"),
        gid_map: texts(&gids, "gid_map"),
        label: Some(label.as_bytes().to_vec()),
        world: World::laid_out(
            monitor.pid,
            &laid(&config.root, &config.mounts, &linux.readonly_paths),
            cgroup(&linux.cgroups_path),
            [&uids, &gids].map(|map| {
                if ours && !has_own {
                    Vec::new()
                } else {
                    map.to_text()
                }
            }),
        )?,
    })
}

/// What an engine would say of a container, according to the configuration that it was last started with, and the mapping of
/// its uids and of its gids; empty without a user namespace of its own. `None` if the namespace was created by somebody else.
pub(super) fn described(file: &Path) -> Option<(Inspected, [Numbers; 2])> {
    let config: Config = parsed(file)?;
    let Config {
        process,
        root,
        mounts,
        linux,
    } = config;
    let user = linux.namespaces.iter().find(|one| one.r#type == "user");
    if user.is_some_and(|user| !user.path.as_os_str().is_empty()) {
        return None;
    }
    let mut words = process.args.into_iter();
    let groups = process.user.additional_gids.iter().map(u32::to_string);
    let privileges = process
        .no_new_privileges
        .then(|| "no-new-privileges".to_owned());
    let about = Inspected {
        path: words.next().unwrap_or_default(),
        args: words.collect(),
        config: engine_api::Config {
            user: format!("{}:{}", process.user.uid, process.user.gid),
            working_dir: process.cwd.to_string_lossy().into_owned(),
            ..engine_api::Config::default()
        },
        host_config: HostConfig {
            readonly_rootfs: root.readonly,
            cap_add: Some(process.capabilities.bounding),
            cap_drop: Some(vec!["ALL".to_owned()]),
            group_add: Some(groups.collect()),
            security_opt: Some(privileges.into_iter().collect()),
            ..HostConfig::default()
        },
        mounts: mounts.into_iter().map(mount_point).collect(),
        of_podman: true,
        ..Inspected::default()
    };
    let own = [&linux.uid_mappings, &linux.gid_mappings].map(|own| numbers(own));
    Some((about, own))
}

/// A bind mount of something of the host, or a file system of the container's own.
fn mount_point(mount: Mount) -> MountPoint {
    let is_bind = mount.r#type == "bind" && mount.source.is_absolute();
    MountPoint {
        r#type: if is_bind { "bind" } else { "tmpfs" }.to_owned(),
        writable: !mount.options.iter().any(|option| option == "ro"),
        source: mount.source.to_string_lossy().into_owned(),
        destination: mount.destination.to_string_lossy().into_owned(),
    }
}

fn numbers(own: &[Mapping]) -> Numbers {
    let ranges = own.iter();
    Numbers(
        ranges
            .map(|map| (map.container_id, map.host_id, map.size))
            .collect(),
    )
}

/// The name of a container in Docker, from the file beside those that Docker mounts into it.
pub(super) fn docker_name(monitor: &Monitor) -> Option<String> {
    let config = config(monitor)?;
    let is_hostname = |mount: &&Mount| mount.destination == Path::new("/etc/hostname");
    let hostname = &config.mounts.iter().find(is_hostname)?.source;
    let kept: Kept = parsed(&monitor.seen(&hostname.parent()?.join("config.v2.json")))?;
    let name = kept.name.trim_start_matches('/');
    (!name.is_empty()).then(|| name.to_owned())
}

fn config(monitor: &Monitor) -> Option<Config> {
    let mut places = monitor.bundles().into_iter();
    places.find_map(|directory| parsed(&directory.join("config.json")))
}

fn parsed<T: for<'d> Deserialize<'d>>(file: &Path) -> Option<T> {
    serde_json::from_slice(&small_file::beginning(file, MOST).ok()?).ok()
}

/// The mounts, the root directory first, and last the paths that the runtime makes read-only (`readonlyPaths`). Only bind mounts have a
/// source that can be opened from outside.
fn laid(root: &Root, mounts: &[Mount], read_only: &[PathBuf]) -> Vec<Laid> {
    let root = Laid {
        point: b"/".to_vec(),
        source: root.path.as_os_str().as_bytes().to_vec(),
        read_only: root.readonly,
        ..Laid::default()
    };
    let of = |mount: &Mount| {
        let has = |option: &str| mount.options.iter().any(|given| given == option);
        let is_bind = has("bind") || has("rbind") || mount.r#type == "bind";
        let source = mount.source.as_os_str().as_bytes();
        Laid {
            point: mount.destination.as_os_str().as_bytes().to_vec(),
            source: source.to_vec(),
            fs_type: if is_bind { "" } else { &mount.r#type }.to_owned(),
            read_only: has("ro"),
            recursive: false,
            noexec: has("noexec"),
            nodev: has("nodev"),
            nosuid: has("nosuid"),
            unseen: !is_bind || !source.starts_with(b"/"),
        }
    };
    let of_the_kernel = |path: &PathBuf| Laid {
        point: path.as_os_str().as_bytes().to_vec(),
        fs_type: if path.starts_with("/proc") {
            "proc"
        } else {
            "sysfs"
        }
        .to_owned(),
        read_only: true,
        unseen: true,
        ..Laid::default()
    };
    let read_only = read_only.iter().map(of_the_kernel);
    [root]
        .into_iter()
        .chain(mounts.iter().map(of))
        .chain(read_only)
        .collect()
}

/// A line as in `/proc/PID/cgroup`. With the systemd driver the configured path has the form `SLICE:PREFIX:NAME`.
fn cgroup(path: &str) -> Vec<u8> {
    format!("0::/{}\n", path.trim_start_matches('/').replace(':', "/")).into_bytes()
}

/// The lines of `/proc/PID/status`, with ids as seen from here; `None` if one of them has no mapping.
fn status(process: &Process, uids: &Numbers, gids: &Numbers, seccomp: bool) -> Option<Vec<u8>> {
    let user = &process.user;
    let (uid, gid) = (uids.outside(user.uid)?, gids.outside(user.gid)?);
    let groups = user.additional_gids.iter();
    let groups: Vec<String> = groups
        .filter_map(|gid| Some(gids.outside(*gid)?.to_string()))
        .collect();
    let name = process.args.first().map(String::as_str).unwrap_or_default();
    let name: String = name.rsplit('/').next()?.chars().take(NAME).collect();
    let mut text = format!("Name:\t{name}\nState:\tX (dead)\nPid:\t0\nPPid:\t0\n");
    text += &format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\n");
    text += &format!("Groups:\t{}\n", groups.join(" "));
    let sets = &process.capabilities;
    for (field, names) in [
        ("CapPrm", &sets.permitted),
        ("CapEff", &sets.effective),
        ("CapBnd", &sets.bounding),
    ] {
        text += &format!("{field}:\t{:016x}\n", capabilities(names).0);
    }
    let no_new_privs = u8::from(process.no_new_privileges);
    let seccomp = if seccomp { 2 } else { 0 };
    text += &format!("NoNewPrivs:\t{no_new_privs}\nSeccomp:\t{seccomp}\n");
    Some(text.into_bytes())
}

fn capabilities(names: &[String]) -> CapabilitySet {
    let known = Capability::ALL.iter().copied();
    known
        .filter(|one| names.iter().any(|name| name == one.name()))
        .fold(CapabilitySet::EMPTY, CapabilitySet::with)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{
        "process": {"user": {"uid": 1000, "gid": 1000, "additionalGids": [7]}, "args": ["/bin/cat", "/data/f"], "cwd": "/app",
            "capabilities": {"bounding": ["CAP_CHOWN", "CAP_AUDIT_WRITE"]}, "noNewPrivileges": true},
        "root": {"path": "/var/lib/x/merged", "readonly": true},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/data", "type": "bind", "source": "/srv/shop", "options": ["rbind", "ro"]}],
        "linux": {"cgroupsPath": "machine.slice:libpod:0123", "readonlyPaths": ["/proc/sys"], "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"}}
    }"#;

    fn sample() -> Config {
        serde_json::from_str(CONFIG).unwrap()
    }

    #[test]
    fn a_process_that_has_gone_shows_its_ids_as_they_are_here() {
        let process = sample().process;
        let ids = Numbers(vec![(0, 1001, 1), (1, 100_000, 65536)]);
        let text = String::from_utf8(status(&process, &ids, &ids, true).unwrap()).unwrap();
        for line in [
            "Name:\tcat\n",
            "Uid:\t100999\t",
            "Groups:\t100006\n",
            "CapBnd:\t0000000000000001\n",
            "Seccomp:\t2",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(status(&process, &Numbers(vec![(0, 0, 1)]), &ids, true).is_none());
    }

    #[test]
    fn only_what_is_bound_can_be_looked_at() {
        let config = sample();
        let laid = laid(&config.root, &config.mounts, &config.linux.readonly_paths);
        assert!(laid[0].read_only && laid[0].point == b"/");
        assert!(laid[1].unseen && !laid[2].unseen && laid[2].read_only);
        assert!(laid[3].unseen && laid[3].read_only && laid[3].point == b"/proc/sys");
        assert_eq!(
            cgroup(&config.linux.cgroups_path),
            b"0::/machine.slice/libpod/0123\n"
        );
    }
}

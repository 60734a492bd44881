//! A systemd service as a subject: its credentials, and what its sandbox withholds from it (systemd.exec(5)).
//!
//! A running service is represented by a process of its control group. A service that does not run is read from its unit file
//! and drop-ins; paths are then judged by what these say, since there are no mounts to inspect.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::users::{self, subject_as};
use crate::attempt::{Capability, CapabilitySet, Object, Operation, Subject};
use crate::byte_path;
use crate::quote;
use crate::small_file;

/// The directories of unit files, in order of precedence (systemd.unit(5)).
const DIRECTORIES: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];

/// A systemd service.
#[derive(Debug, Clone)]
pub struct Service {
    /// The unit's name: `nginx.service`.
    pub unit: String,
    /// Its first process, if it is running.
    pub pid: Option<i32>,
    /// Its credentials.
    pub subject: Subject,
    /// Its working directory.
    pub directory: Vec<u8>,
    /// What its unit file withholds; empty if it is running, because then its actual mounts are inspected.
    places: Vec<Place>,
    /// Other settings of its unit file that may forbid something; empty if the service is running.
    further: Vec<Further>,
}

/// A path that a setting changes for the service.
#[derive(Debug, Clone)]
struct Place {
    path: String,
    state: PlaceState,
    /// The setting, as written in the unit file.
    setting: String,
}

/// A setting whose effect is not determined in detail. If it is set, nothing that it may forbid is reported as allowed.
#[derive(Debug, Clone)]
struct Further {
    /// The setting's name, as written in the unit file.
    setting: &'static str,
    what: MayForbid,
}

/// What a setting may forbid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MayForbid {
    /// Access to this path and everything below it.
    Below(&'static str),
    /// The execution of programs.
    Execution,
    /// Listening on a port.
    Listening,
    /// Access to any path, because the service sees another directory tree.
    Paths,
    /// Anything.
    Anything,
}

/// The settings of systemd.exec(5) and systemd.resource-control(5) whose effect is not determined in detail.
const FURTHER: &[(&str, MayForbid)] = &[
    ("RootDirectory", MayForbid::Paths),
    ("RootImage", MayForbid::Paths),
    ("BindPaths", MayForbid::Paths),
    ("BindReadOnlyPaths", MayForbid::Paths),
    ("MountImages", MayForbid::Paths),
    ("ExtensionImages", MayForbid::Paths),
    ("ExtensionDirectories", MayForbid::Paths),
    ("PrivateUsers", MayForbid::Anything),
    ("AppArmorProfile", MayForbid::Anything),
    ("SELinuxContext", MayForbid::Anything),
    ("NoExecPaths", MayForbid::Execution),
    ("PrivateDevices", MayForbid::Below("/dev")),
    ("DevicePolicy", MayForbid::Below("/dev")),
    ("DeviceAllow", MayForbid::Below("/dev")),
    ("ProtectKernelTunables", MayForbid::Below("/proc")),
    ("ProtectKernelTunables", MayForbid::Below("/sys")),
    ("ProtectKernelLogs", MayForbid::Below("/proc/kmsg")),
    ("ProtectKernelLogs", MayForbid::Below("/dev/kmsg")),
    ("ProtectKernelModules", MayForbid::Below("/usr/lib/modules")),
    ("ProtectControlGroups", MayForbid::Below("/sys/fs/cgroup")),
    ("ProtectProc", MayForbid::Below("/proc")),
    ("ProcSubset", MayForbid::Below("/proc")),
    ("SocketBindDeny", MayForbid::Listening),
    ("RestrictAddressFamilies", MayForbid::Listening),
    ("PrivateNetwork", MayForbid::Listening),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlaceState {
    Writable,
    ReadOnly,
    Inaccessible,
    /// The service has a directory of its own in its place.
    Private,
}

/// The service with this name, with or without `.service`.
///
/// # Errors
/// A message of one line, if there is no such unit or its user cannot be determined.
pub fn service(name: &str) -> Result<Service, String> {
    let unit = match name.contains('.') {
        true => name.to_owned(),
        false => format!("{name}.service"),
    };
    if unit.contains('/') {
        return Err(format!("{name:?} is no name of a unit"));
    }
    let settings = Settings::of(&unit)?;
    let directory = settings.last("WorkingDirectory").unwrap_or("/");
    let directory = directory.trim_start_matches('-').as_bytes().to_vec();
    if let Some(pid) = running(&unit)
        && let Ok(subject) = super::subject(pid)
    {
        return Ok(Service {
            directory: super::working_directory(pid).unwrap_or(directory),
            pid: Some(pid),
            unit,
            subject,
            places: Vec::new(),
            further: Vec::new(),
        });
    }
    Ok(Service {
        subject: settings.subject(&unit)?,
        places: settings.places(),
        further: settings.further(),
        pid: None,
        unit,
        directory,
    })
}

impl Service {
    /// A sentence about a setting of the unit file whose effect is not determined in detail, and which may forbid the
    /// operation.
    #[must_use]
    pub fn may_forbid(&self, object: &Object, operation: &Operation) -> Option<String> {
        let concerns = |further: &&Further| match (further.what, object) {
            (MayForbid::Anything, _) | (MayForbid::Paths, Object::Path(_)) => true,
            (MayForbid::Below(top), Object::Path(path)) => {
                byte_path::is_within(path, top.as_bytes())
            }
            (MayForbid::Execution, _) => *operation == Operation::Exec,
            (MayForbid::Listening, Object::Port { .. }) => true,
            _ => false,
        };
        let further = self.further.iter().find(concerns)?;
        Some(format!(
            "{}= of {} may decide otherwise, and {} does not run: start it, and ask again",
            further.setting, self.unit, self.unit
        ))
    }

    /// Whether the service has a directory or tree of its own at this path, so that what exists here reveals nothing about it.
    #[must_use]
    pub fn has_its_own(&self, path: &[u8]) -> bool {
        let is_private = |place: &Place| place.state == PlaceState::Private;
        self.met(path).is_some_and(is_private)
            || self
                .further
                .iter()
                .any(|further| further.what == MayForbid::Paths)
    }

    /// The place that the unit file makes read-only, and the setting that does, if this refuses the operation.
    #[must_use]
    pub fn read_only(&self, path: &[u8], operation: &Operation) -> Option<(&str, String)> {
        let place = self.met(path)?;
        let is_refused = place.state == PlaceState::ReadOnly && writes(operation);
        let setting = format!("{} of {}", place.setting, self.unit);
        is_refused.then_some((place.path.as_str(), setting))
    }

    /// The innermost place that contains the path, whose mount is the one that applies.
    fn met(&self, path: &[u8]) -> Option<&Place> {
        let inside = |place: &&Place| byte_path::is_within(path, place.path.as_bytes());
        let met = self.places.iter().filter(inside);
        met.max_by_key(|place| place.path.len())
    }

    /// A sentence about the setting of the unit file that refuses an operation allowed by the permissions; `None` if none does.
    #[must_use]
    pub fn refuses(&self, path: &[u8], operation: &Operation) -> Option<String> {
        let place = self.met(path)?;
        let setting = &place.setting;
        let what = match (place.state, writes(operation)) {
            (PlaceState::Inaccessible, _) => format!("closes {} to it", place.path),
            (PlaceState::Private, _) => {
                return Some(format!(
                    "{setting} of {} gives it a {} of its own, which cannot be seen from here",
                    self.unit, place.path
                ));
            }
            (PlaceState::ReadOnly, true) => format!("makes {} read-only for it", place.path),
            (PlaceState::ReadOnly, false) | (PlaceState::Writable, _) => return None,
        };
        let directory = byte_path::parent(path).unwrap_or(b"/");
        let opens = match place.state {
            PlaceState::ReadOnly => format!(
                "; ReadWritePaths={} opens it (sudo systemctl edit {})",
                quote::display(directory),
                self.unit
            ),
            _ => String::new(),
        };
        Some(format!(
            "the permissions allow it, but {setting} of {} {what}{opens}",
            self.unit
        ))
    }
}

/// Whether the operation modifies something on the file system.
fn writes(operation: &Operation) -> bool {
    match operation {
        Operation::Open(how) => how.write || how.append || how.create || how.truncate,
        Operation::Exec | Operation::List | Operation::Traverse | Operation::Stat { .. } => false,
        Operation::Connect => false,
        _ => true,
    }
}

/// The first process in the service's control group.
fn running(unit: &str) -> Option<i32> {
    let slices = [
        "system.slice".to_owned(),
        match unit.split_once('@') {
            Some((template, _)) => format!("system.slice/system-{template}.slice"),
            None => "system.slice".to_owned(),
        },
    ];
    slices.iter().find_map(|slice| {
        let file = format!("/sys/fs/cgroup/{slice}/{unit}/cgroup.procs");
        fs::read_to_string(file).ok()?.lines().next()?.parse().ok()
    })
}

/// The `[Service]` settings of a unit, with all assignments in order.
struct Settings {
    values: BTreeMap<String, Vec<String>>,
}

impl Settings {
    fn of(unit: &str) -> Result<Settings, String> {
        let template = unit
            .split_once('@')
            .map(|(name, _)| format!("{name}@.service"));
        let names = [Some(unit.to_owned()), template];
        let names: Vec<&String> = names.iter().flatten().collect();
        let places = names
            .iter()
            .flat_map(|name| DIRECTORIES.map(|directory| Path::new(directory).join(name)));
        let file = places.into_iter().find(|file| file.exists());
        let file =
            file.ok_or_else(|| format!("there is no unit {unit} (systemctl list-unit-files)"))?;
        let instance = unit
            .split_once('@')
            .and_then(|(_, rest)| rest.strip_suffix(".service"))
            .unwrap_or_default();
        let mut settings = Settings {
            values: BTreeMap::new(),
        };
        let mut drop_ins: Vec<PathBuf> = names
            .iter()
            .flat_map(|name| DIRECTORIES.map(|directory| format!("{directory}/{name}.d")))
            .filter_map(|directory| fs::read_dir(directory).ok())
            .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|end| end == "conf"))
            .collect();
        drop_ins.sort_by_key(|path| path.file_name().map(std::ffi::OsStr::to_owned));
        for file in std::iter::once(file).chain(drop_ins) {
            let text =
                small_file::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            settings.read(&text.replace("%i", instance).replace("%I", instance));
        }
        Ok(settings)
    }

    fn read(&mut self, text: &str) {
        let mut section = String::new();
        for line in text.replace("\\\n", " ").lines() {
            let line = line.trim();
            if line.starts_with('[') {
                section = line.to_owned();
            } else if let Some((key, value)) = line.split_once('=')
                && section == "[Service]"
                && !line.starts_with(['#', ';'])
            {
                let values = self.values.entry(key.trim().to_owned()).or_default();
                match value.trim() {
                    "" => values.clear(),
                    value => values.push(value.to_owned()),
                }
            }
        }
    }

    fn last(&self, key: &str) -> Option<&str> {
        self.values.get(key)?.last().map(String::as_str)
    }

    fn words(&self, key: &str) -> impl Iterator<Item = &str> {
        let values = self.values.get(key).into_iter().flatten();
        values.flat_map(|value| value.split_whitespace())
    }

    fn is_on(&self, key: &str) -> bool {
        matches!(self.last(key), Some("yes" | "true" | "on" | "1"))
    }

    /// The credentials that the service runs with.
    fn subject(&self, unit: &str) -> Result<Subject, String> {
        if self.is_on("DynamicUser") {
            return Err(format!(
                "{unit} runs as a user that is made when it starts (DynamicUser=): start it, and ask again"
            ));
        }
        let user = self.last("User").unwrap_or("root");
        let mut subject = subject_as(user).map_err(|what| format!("{unit}: {what}"))?;
        let group = |name: &str| {
            let owner = users::owner(&format!(":{name}"));
            owner
                .map_err(|what| format!("{unit}: {what}"))
                .map(|(_, gid)| gid)
        };
        if let Some(name) = self.last("Group") {
            subject.gid = group(name)?.unwrap_or(subject.gid);
        }
        for name in self.words("SupplementaryGroups") {
            subject.groups.extend(group(name)?);
        }
        let granted = self.capabilities("AmbientCapabilities", CapabilitySet::EMPTY);
        subject.bounding = self.capabilities("CapabilityBoundingSet", CapabilitySet::FULL);
        let held = if subject.uid == 0 {
            subject.capabilities
        } else {
            granted
        };
        subject.capabilities = CapabilitySet(held.0 & subject.bounding.0);
        subject.no_new_privs = self.is_on("NoNewPrivileges");
        Ok(subject)
    }

    /// A capability set, if the setting is present: names, or `~` followed by the names of those that are removed.
    fn capabilities(&self, key: &str, unset: CapabilitySet) -> CapabilitySet {
        let Some(values) = self.values.get(key).filter(|values| !values.is_empty()) else {
            return unset;
        };
        let known = |name: &str| {
            let mut every = Capability::ALL.iter().copied();
            every.find(|capability| capability.name().eq_ignore_ascii_case(name))
        };
        values.iter().fold(CapabilitySet::EMPTY, |set, value| {
            match value.strip_prefix('~') {
                Some(names) => names
                    .split_whitespace()
                    .filter_map(known)
                    .fold(CapabilitySet::FULL, CapabilitySet::without),
                None => value
                    .split_whitespace()
                    .filter_map(known)
                    .fold(set, CapabilitySet::with),
            }
        })
    }

    /// The settings in this unit file whose effect is not determined in detail.
    fn further(&self) -> Vec<Further> {
        let is_set = |setting: &str| {
            let last = self.last(setting);
            last.is_some_and(|value| {
                !matches!(value, "no" | "false" | "off" | "0" | "default" | "all")
            })
        };
        FURTHER
            .iter()
            .filter(|(setting, _)| is_set(setting))
            .map(|&(setting, what)| Further { setting, what })
            .collect()
    }

    /// The paths that the settings change.
    fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        let mut add = |setting: &str, state, paths: &[&str]| {
            places.extend(paths.iter().map(|path| Place {
                path: (*path).to_owned(),
                state,
                setting: setting.to_owned(),
            }));
        };
        let system = self.last("ProtectSystem").unwrap_or("no");
        let setting = format!("ProtectSystem={system}");
        match system {
            "strict" => {
                add(&setting, PlaceState::ReadOnly, &["/"]);
                add(&setting, PlaceState::Writable, &["/dev", "/proc", "/sys"]);
            }
            "full" => add(
                &setting,
                PlaceState::ReadOnly,
                &["/usr", "/boot", "/efi", "/etc"],
            ),
            "yes" | "true" | "on" | "1" => {
                add(&setting, PlaceState::ReadOnly, &["/usr", "/boot", "/efi"])
            }
            _ => {}
        }
        let home = self.last("ProtectHome").unwrap_or("no");
        let setting = format!("ProtectHome={home}");
        let homes = ["/home", "/root", "/run/user"];
        match home {
            "read-only" => add(&setting, PlaceState::ReadOnly, &homes),
            "tmpfs" => add(&setting, PlaceState::Private, &homes),
            "yes" | "true" | "on" | "1" => add(&setting, PlaceState::Inaccessible, &homes),
            _ => {}
        }
        if self.is_on("PrivateTmp") {
            add("PrivateTmp=", PlaceState::Private, &["/tmp", "/var/tmp"]);
        }
        for (key, top) in [
            ("StateDirectory", "/var/lib"),
            ("CacheDirectory", "/var/cache"),
            ("LogsDirectory", "/var/log"),
            ("RuntimeDirectory", "/run"),
        ] {
            for name in self.words(key) {
                let name = name.split(':').next().unwrap_or(name);
                add(key, PlaceState::Writable, &[&format!("{top}/{name}")]);
            }
        }
        for (key, state) in [
            ("ReadWritePaths", PlaceState::Writable),
            ("ReadOnlyPaths", PlaceState::ReadOnly),
            ("InaccessiblePaths", PlaceState::Inaccessible),
            ("TemporaryFileSystem", PlaceState::Private),
        ] {
            for word in self.words(key) {
                let path = word.trim_start_matches(['-', '+']);
                let path = path.split(':').next().unwrap_or(path);
                let path = path
                    .strip_suffix('/')
                    .filter(|path| !path.is_empty())
                    .unwrap_or(path);
                add(&format!("{key}={path}"), state, &[path]);
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(text: &str) -> Service {
        let mut settings = Settings {
            values: BTreeMap::new(),
        };
        settings.read(text);
        Service {
            unit: "app.service".to_owned(),
            pid: None,
            subject: Subject::login(33, 33, Vec::new()),
            directory: b"/".to_vec(),
            places: settings.places(),
            further: settings.further(),
        }
    }

    #[test]
    fn a_setting_that_is_not_followed_leaves_nothing_certain() {
        let service = service(
            "[Service]\nNoExecPaths=/\nPrivateDevices=yes\nSocketBindDeny=any\nPrivateUsers=no\n",
        );
        let path = |path: &str| Object::Path(path.as_bytes().to_vec());
        let port = Object::Port {
            address: String::new(),
            port: 80,
        };
        assert!(
            service
                .may_forbid(&path("/bin/ls"), &Operation::Exec)
                .is_some()
        );
        assert!(
            service
                .may_forbid(&path("/bin/ls"), &Operation::READ)
                .is_none()
        );
        assert!(
            service
                .may_forbid(&path("/dev/mem"), &Operation::READ)
                .is_some()
        );
        assert!(service.may_forbid(&port, &Operation::Bind).is_some());
        assert!(!service.has_its_own(b"/srv"));
    }

    #[test]
    fn the_deepest_place_decides() {
        let service = service(
            "[Service]\nProtectSystem=strict\nReadWritePaths=/srv/app/data -/srv/none\nProtectHome=yes\nStateDirectory=app\nPrivateTmp=yes\n",
        );
        let refuses =
            |path: &str, operation| service.refuses(path.as_bytes(), &operation).is_some();
        assert!(refuses("/srv/app/f", Operation::WRITE));
        assert!(!refuses("/srv/app/f", Operation::READ));
        assert!(!refuses("/srv/app/data/f", Operation::WRITE));
        assert!(!refuses("/var/lib/app/f", Operation::CREATE));
        assert!(refuses("/home/alice/f", Operation::READ));
        assert!(refuses("/tmp/f", Operation::READ));
    }

    #[test]
    fn an_empty_assignment_takes_back_what_was_before() {
        let service = service(
            "[Service]\nInaccessiblePaths=/srv/a\nInaccessiblePaths=\nInaccessiblePaths=/srv/b\n[Install]\nInaccessiblePaths=/srv/c\n",
        );
        let refuses = |path: &str| service.refuses(path.as_bytes(), &Operation::READ).is_some();
        assert!(!refuses("/srv/a/f") && refuses("/srv/b/f") && !refuses("/srv/c/f"));
    }
}

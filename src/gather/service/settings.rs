//! The settings of a service's unit file and drop-ins (systemd.unit(5)).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Place, PlaceState};
use crate::attempt::{Capability, CapabilitySet, Subject};
use crate::gather::users::{self, subject_as};
use crate::small_file;

/// The directories of unit files, in order of precedence (systemd.unit(5)).
const DIRECTORIES: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];

/// The `[Service]` settings of a unit, with all assignments in order.
pub(super) struct Settings {
    pub(super) values: BTreeMap<String, Vec<String>>,
}

impl Settings {
    pub(super) fn of(unit: &str) -> Result<Settings, String> {
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
            .and_then(|(_, rest)| rest.strip_suffix(".service"));
        if instance == Some("") {
            return Err(format!(
                "{unit} is a template, which several services are made from: name one of them, as in {}@NAME",
                unit.trim_end_matches("@.service")
            ));
        }
        let instance = instance.unwrap_or_default();
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

    pub(super) fn read(&mut self, text: &str) {
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

    pub(super) fn last(&self, key: &str) -> Option<&str> {
        self.values.get(key)?.last().map(String::as_str)
    }

    /// All assignments of a setting, in order.
    pub(super) fn all(&self, key: &str) -> &[String] {
        self.values.get(key).map_or(&[], Vec::as_slice)
    }

    pub(super) fn words(&self, key: &str) -> impl Iterator<Item = String> {
        let values = self.values.get(key).into_iter().flatten();
        values.flat_map(|value| unquoted(value))
    }

    fn is_on(&self, key: &str) -> bool {
        matches!(self.last(key), Some("yes" | "true" | "on" | "1"))
    }

    /// The credentials that the service runs with.
    pub(super) fn subject(&self, unit: &str) -> Result<Subject, String> {
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
            subject.groups.extend(group(&name)?);
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

    /// A capability set, if the setting is present: names, or `~` followed by the names of those that are removed. The first
    /// assignment says what the set begins with, later ones add or take away, and an empty one leaves none.
    fn capabilities(&self, key: &str, unset: CapabilitySet) -> CapabilitySet {
        let Some(values) = self.values.get(key) else {
            return unset;
        };
        let known = |name: &str| {
            let mut every = Capability::ALL.iter().copied();
            every.find(|capability| capability.name().eq_ignore_ascii_case(name))
        };
        values.iter().fold(CapabilitySet::EMPTY, |set, value| {
            match value.strip_prefix('~') {
                Some(names) => {
                    let before = if set == CapabilitySet::EMPTY {
                        CapabilitySet::FULL
                    } else {
                        set
                    };
                    names
                        .split_whitespace()
                        .filter_map(known)
                        .fold(before, CapabilitySet::without)
                }
                None => value
                    .split_whitespace()
                    .filter_map(known)
                    .fold(set, CapabilitySet::with),
            }
        })
    }

    /// The paths that the settings change.
    pub(super) fn places(&self) -> Vec<Place> {
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
                // Homes are ProtectHome='s.
                let others = ["/dev", "/proc", "/sys", "/home", "/root", "/run/user"];
                add(&setting, PlaceState::Writable, &others);
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
                let name = name.split(':').next().unwrap_or(&name);
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

/// The words of a value: blanks separate them, but not within quotes (systemd.syntax(7)).
fn unquoted(value: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in value.chars() {
        match (character, quote) {
            ('"' | '\'', None) => quote = Some(character),
            (_, Some(open)) if open == character => quote = None,
            (_, None) if character.is_whitespace() => words.push(String::new()),
            _ => words
                .last_mut()
                .into_iter()
                .for_each(|word| word.push(character)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bounding set that a unit's settings leave.
    fn bounding(text: &str) -> CapabilitySet {
        let mut settings = Settings {
            values: BTreeMap::new(),
        };
        settings.read(&format!("[Service]\n{text}"));
        settings.capabilities("CapabilityBoundingSet", CapabilitySet::FULL)
    }

    #[test]
    fn a_path_may_be_quoted() {
        let words = unquoted("\"/srv/app/data\"  /var/log/shop '-/srv/my shop'");
        assert_eq!(words, ["/srv/app/data", "/var/log/shop", "-/srv/my shop"]);
    }

    #[test]
    fn an_empty_set_of_capabilities_is_none_and_lists_are_joined() {
        use Capability::{Chown, DacOverride, Fowner};
        assert_eq!(bounding(""), CapabilitySet::FULL);
        assert_eq!(bounding("CapabilityBoundingSet=\n"), CapabilitySet::EMPTY);
        let less =
            bounding("CapabilityBoundingSet=~CAP_CHOWN\nCapabilityBoundingSet=~CAP_FOWNER\n");
        assert!(!less.contains(Chown) && !less.contains(Fowner) && less.contains(DacOverride));
        let two = bounding("CapabilityBoundingSet=CAP_CHOWN\nCapabilityBoundingSet=CAP_FOWNER\n");
        assert!(two.contains(Chown) && two.contains(Fowner) && !two.contains(DacOverride));
    }
}

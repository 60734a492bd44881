//! Lines of mounts, settings, names, holders and surroundings.

use super::file::yes_or_no;
use super::{Parsed, Reader, bytes, lines, number, path, unknown, word};
use crate::attempt::CapabilitySet;
use crate::facts::{
    Container, Elevator, Fact, FileCapabilities, Found, Group, Hold, Holder, Leftovers, Lockdown,
    Mount, MountFlags, MountId, Named, ProgramFile, Unit,
};

impl Reader {
    pub(super) fn surrounding(&mut self, first: &str, words: &[&str]) -> Parsed<()> {
        match first {
            "mount" => self.mount(words)?,
            "setting" => self.setting(word(words, 0, "a name")?, word(words, 1, "a value")?)?,
            "log" => self.facts.settings.module_log.push(words.join(" ")),
            "held" => self.holder(words)?,
            "user" => {
                let uid = number(word(words, 0, "a uid")?)?;
                let name = word(words, 1, "a name")?;
                self.facts.names.users.insert(uid, name.to_owned());
                if words.len() > 2 {
                    self.facts.names.homes.insert(uid, path(words, 2)?);
                }
            }
            "group" => {
                let gid = number(word(words, 0, "a gid")?)?;
                let members = words.get(2).map_or(Vec::new(), |list| {
                    list.split(',').map(str::to_owned).collect()
                });
                let name = word(words, 1, "a name")?.to_owned();
                self.facts.names.groups.insert(gid, Group { name, members });
            }
            _ => return self.around(first, words),
        }
        Ok(())
    }

    fn around(&mut self, first: &str, words: &[&str]) -> Parsed<()> {
        let around = &mut self.facts.surroundings;
        match first {
            "home" => around.home = Some(path(words, 0)?),
            "project" => around.project = Some(path(words, 0)?),
            "peopled" => around.peopled = Some(path(words, 0)?),
            "prefix" => around.prefix = Some(path(words, 0)?),
            "wsl" => around.wsl = true,
            "hearsay" => around.account.hearsay = true,
            "planted" => around.planted = true,
            "swappable" => around.swappable = true,
            "named" => {
                let found = match words.get(2) {
                    Some(listing) => {
                        let (kind, mode) = lines::listing(listing).ok_or("a malformed listing")?;
                        let owner = number(word(words, 3, "an owner's number")?)?;
                        Some(Found { kind, mode, owner })
                    }
                    None => None,
                };
                let does = word(words, 1, "reads, alters or shadows")?;
                around.named.push(Named {
                    path: path(words, 0)?,
                    is_altered: does != "reads",
                    shadows: does == "shadows",
                    found,
                });
            }
            "lists" => around.account.lists = true,
            "fills" => around.account.fills = true,
            "deleted" => around.account.deleted = Some(path(words, 0)?),
            "beside" => around.account.beside = Some(bytes(words, 0)?),
            "installs" => around.install_variable = Some(bytes(words, 0)?),
            "elsewhere" => around.elsewhere = true,
            "container" => {
                let has = |option| words.contains(&option);
                around.container = Some(Container {
                    kind: words
                        .first()
                        .filter(|kind| **kind != "-")
                        .map_or(String::new(), |kind| (*kind).to_owned()),
                    remapped: has("remapped"),
                    read_only_root: has("read-only-root"),
                    ..Container::default()
                });
            }
            "unit" => {
                around.unit = Some(Unit {
                    name: word(words, 0, "a name")?.to_owned(),
                    user: words.contains(&"user"),
                });
            }
            "tools" => {
                let list = word(words, 0, "a list")?;
                around.elevator = Elevator::of(|name| list.split(',').any(|tool| tool == name));
                around.setfacl = list.split(',').any(|tool| tool == "setfacl");
            }
            "command" => {
                let words = words.iter().map(|word| lines::unescape(word));
                around.command = words.collect::<Option<_>>().ok_or("a malformed word")?;
            }
            "program" => {
                let program = ProgramFile {
                    path: path(words, 0)?,
                    owner: self.uid(word(words, 1, "an owner")?)?,
                    firm: words.contains(&"firm"),
                    capabilities: capabilities(words)?,
                };
                self.facts.surroundings.program = Some(program);
            }
            "leftovers" => {
                let leftovers = Leftovers {
                    top: path(words, 0)?,
                    owner: self.uid(word(words, 1, "an owner")?)?,
                    count: number(word(words, 2, "a count")?)?,
                    own: match words.iter().find_map(|word| word.strip_prefix("own=")) {
                        Some(count) => number(count)?,
                        None => 0,
                    },
                    mounts: words.contains(&"mounts"),
                    groups: words.contains(&"groups"),
                    whole: words.contains(&"whole"),
                };
                self.facts.surroundings.leftovers = Some(leftovers);
            }
            _ => return Err(format!("`{first}` begins no line known here")),
        }
        Ok(())
    }

    /// `mount POINT TYPE OPTIONS [KEY=VALUE]...`
    fn mount(&mut self, words: &[&str]) -> Parsed<()> {
        let mut mount = Mount {
            id: self.facts.mounts.len() as u64 + 1,
            root: b"/".to_vec(),
            point: path(words, 0)?,
            fs_type: word(words, 1, "a type")?.to_owned(),
            ..Mount::default()
        };
        for option in words.get(2).unwrap_or(&"rw").split(',') {
            set_option(&mut mount.flags, option)?;
        }
        for word in words.iter().skip(3) {
            let malformed = || format!("`{word}` does not fit a mount");
            let (key, value) = word.split_once('=').ok_or_else(malformed)?;
            match key {
                "id" => mount.id = number(value)?,
                "root" => mount.root = lines::unescape(value).ok_or_else(malformed)?,
                "origin" => mount.origin = Some(lines::unescape(value).ok_or_else(malformed)?),
                "source" => mount.source = lines::unescape(value).ok_or_else(malformed)?,
                "super" => {
                    for option in value.split(',') {
                        match option {
                            "ro" => mount.super_read_only = true,
                            "rw" => mount.super_read_only = false,
                            _ => mount
                                .super_options
                                .push(super_option(option).ok_or_else(malformed)?),
                        }
                    }
                }
                _ => return Err(malformed()),
            }
        }
        self.facts.mounts.push(mount);
        Ok(())
    }

    /// Adds a mount on `/` if no line describes one.
    pub(super) fn complete_mounts(&mut self) {
        if !self.facts.mounts.iter().any(|mount| mount.point == b"/") {
            self.mount(&["/", "ext4", "rw"])
                .expect("the line is well-formed");
        }
    }

    /// The mount that a path lies on: the one with the longest mount point above the path; of several on the same point, the
    /// latest.
    pub(super) fn mount_at(&self, path: &[u8]) -> MountId {
        self.facts.mount_over(path).unwrap_or(MountId(0))
    }

    pub(super) fn mount_by_id(&self, id: u64) -> Parsed<MountId> {
        let at = self.facts.mounts.iter().position(|mount| mount.id == id);
        at.map(MountId)
            .ok_or_else(|| format!("no mount of id {id}"))
    }

    /// `setting NAME VALUE`
    fn setting(&mut self, name: &str, value: &str) -> Parsed<()> {
        let settings = &mut self.facts.settings;
        let list = |value: &str| value.split(',').map(str::to_owned).collect();
        match name {
            "fs.protected_symlinks" => settings.protected_symlinks = read(name, value, number)?,
            "fs.protected_hardlinks" => settings.protected_hardlinks = read(name, value, number)?,
            "fs.protected_regular" => settings.protected_regular = read(name, value, number)?,
            "fs.protected_fifos" => settings.protected_fifos = read(name, value, number)?,
            "net.ipv4.ip_unprivileged_port_start" => {
                settings.unprivileged_port_start = read(name, value, number)?;
            }
            "owns-network-namespace" => {
                settings.owns_network_namespace =
                    read("owner of the network namespace", value, |value| {
                        yes_or_no(value).ok_or_else(|| format!("`{value}` is neither yes nor no"))
                    })?;
            }
            "lsm" => {
                settings.security_modules =
                    read("active security modules", value, |value| Ok(list(value)))?
            }
            "selinux" => {
                settings.selinux_enforcing = read("SELinux mode", value, |value| match value {
                    "enforcing" => Ok(true),
                    "permissive" => Ok(false),
                    _ => Err(format!("`{value}` is no mode of SELinux")),
                })?;
            }
            "lockdown" => {
                settings.lockdown = read("lockdown of the kernel", value, |value| {
                    Lockdown::from_name(value)
                        .ok_or_else(|| format!("`{value}` is no level of lockdown"))
                })?;
            }
            _ => {
                let value = read(name, value, number)?;
                settings.other.insert(name.to_owned(), value);
            }
        }
        Ok(())
    }

    /// `held runs PID COMMAND` or `held writes PID COMMAND`
    fn holder(&mut self, words: &[&str]) -> Parsed<()> {
        let how = match word(words, 0, "`runs` or `writes`")? {
            "runs" => Hold::Runs,
            "writes" => Hold::Writes,
            other => return Err(format!("`{other}` is neither `runs` nor `writes`")),
        };
        self.facts.holders.push(Holder {
            pid: number(word(words, 1, "a pid")?)?,
            command: words.get(2..).unwrap_or_default().join(" "),
            how,
        });
        Ok(())
    }
}

/// A value, or `?` or `?ERRNO` for an unknown one.
fn read<T>(name: &str, value: &str, parse: impl FnOnce(&str) -> Parsed<T>) -> Parsed<Fact<T>> {
    match lines::unknown(value) {
        Some(errno) => Ok(Err(unknown(name, b"", errno))),
        None => parse(value).map(Ok),
    }
}

/// One superblock option: `KEY` or `KEY=VALUE`.
fn super_option(option: &str) -> Option<(String, Option<String>)> {
    let Some((key, value)) = option.split_once('=') else {
        return Some((option.to_owned(), None));
    };
    let value = String::from_utf8(lines::unescape(value)?).ok()?;
    Some((key.to_owned(), Some(value)))
}

/// One per-mount option, as mountinfo writes it; options that never refuse anything are ignored.
fn set_option(flags: &mut MountFlags, option: &str) -> Parsed<()> {
    match option {
        "ro" => flags.read_only = true,
        "noexec" => flags.noexec = true,
        "nosuid" => flags.nosuid = true,
        "nodev" => flags.nodev = true,
        "nosymfollow" => flags.nosymfollow = true,
        "idmapped" => flags.idmapped = true,
        "rw" | "relatime" | "noatime" | "nodiratime" | "strictatime" => {}
        _ => {
            return Err(format!(
                "`{option}` is no option of a mount (for the superblock's, write `super={option}`)"
            ));
        }
    }
    Ok(())
}

/// `capabilities=PERMITTED:INHERITABLE [effective]`, the sets in hexadecimal.
fn capabilities(words: &[&str]) -> Parsed<Option<FileCapabilities>> {
    let mut sets = words
        .iter()
        .filter_map(|word| word.strip_prefix("capabilities="));
    let Some(sets) = sets.next() else {
        return Ok(None);
    };
    let set = |text: &str| u64::from_str_radix(text, 16).ok().map(CapabilitySet);
    let parsed = sets.split_once(':').and_then(|(permitted, inheritable)| {
        Some(FileCapabilities {
            permitted: set(permitted)?,
            inheritable: set(inheritable)?,
            effective: words.contains(&"effective"),
        })
    });
    parsed
        .map(Some)
        .ok_or_else(|| format!("`{sets}` is no set of capabilities"))
}

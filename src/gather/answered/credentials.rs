//! The credentials of a container's first process, as its engine was told to give them.

use super::Answered;
use crate::attempt::{Capability, CapabilitySet, IdMap, Subject};
use crate::facts::UnknownFact;
use crate::gather::names::Databases;

/// The capabilities that engines give to root by default (moby, oci/caps/defaults.go; containers-common), as far as judgements
/// depend on them.
const DEFAULT: &[Capability] = &[
    Capability::Chown,
    Capability::DacOverride,
    Capability::Fsetid,
    Capability::Fowner,
    Capability::Setgid,
    Capability::Setuid,
    Capability::Setfcap,
    Capability::NetBindService,
    Capability::SysChroot,
    Capability::Kill,
];

/// Those that Docker gives in addition.
const OF_DOCKER: &[Capability] = &[Capability::Mknod, Capability::NetRaw];

impl Answered {
    /// The credentials of its first process; `None` if its user is not known there.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        let databases = self.databases();
        let (user, group) = match self.user.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (self.user.as_str(), None),
        };
        let known = match user {
            "" => databases.user(0),
            user => match user.parse() {
                Ok(uid) => databases.user(uid),
                Err(_) => Some(databases.user_named(user)?),
            },
        };
        let uid = known
            .as_ref()
            .map(|known| known.uid)
            .or_else(|| user.parse().ok())
            .unwrap_or(0);
        let gid_of = |group: &str| group.parse().ok().or_else(|| databases.gid_of(group));
        let (gid, mut groups) = match (group, &known) {
            (Some(group), _) => (gid_of(group)?, Vec::new()),
            (None, Some(known)) => (known.gid, databases.groups_of(&known.name, known.gid)),
            // A user without an entry has group 0, but not one whose entry was not seen.
            (None, None) if uid != 0 && !self.is_root_seen() => return None,
            (None, None) => (0, Vec::new()),
        };
        let config = &self.about.host_config;
        groups.extend(
            config
                .group_add
                .iter()
                .flatten()
                .filter_map(|group| gid_of(group)),
        );
        let bounding = self.bounding();
        let no_new_privs = config.security_opt.iter().flatten();
        let no_new_privs = no_new_privs
            .clone()
            .any(|option| option.starts_with("no-new-privileges") && !option.ends_with("false"));
        let is_root = uid == 0;
        let outside = |id: u32, group: usize| match &self.numbers {
            Some(numbers) => numbers[group].outside(id),
            None => Some(id),
        };
        let groups = groups.into_iter().filter_map(|gid| outside(gid, 1));
        let subject = Subject::login(outside(uid, 0)?, outside(gid, 1)?, groups.collect());
        let [uid_map, gid_map] = match &self.numbers {
            Some(numbers) => numbers.each_ref().map(|numbers| {
                let ranges = numbers.0.iter();
                IdMap(
                    ranges
                        .map(|&(_, outside, count)| (outside, count))
                        .collect(),
                )
            }),
            None => [subject.uid_map.clone(), subject.gid_map.clone()],
        };
        Some(Subject {
            capabilities: if is_root {
                bounding
            } else {
                CapabilitySet::EMPTY
            },
            bounding,
            no_new_privs,
            uid_map,
            gid_map,
            initial_user_ns: self.numbers.is_none(),
            database_groups: Err(UnknownFact::not_gathered("groups of the user there")),
            ..subject
        })
    }

    fn bounding(&self) -> CapabilitySet {
        let config = &self.about.host_config;
        if config.privileged {
            return CapabilitySet::FULL;
        }
        let has = |names: &Option<Vec<String>>, name: &str| {
            let plain = name.trim_start_matches("CAP_");
            let mut names = names
                .iter()
                .flatten()
                .map(|one| one.trim_start_matches("CAP_"));
            names.any(|one| one.eq_ignore_ascii_case(plain) || one.eq_ignore_ascii_case("ALL"))
        };
        let dropped = |one: &Capability| has(&config.cap_drop, one.name());
        let added = |one: &Capability| has(&config.cap_add, one.name());
        let usual = |one: &Capability| {
            DEFAULT.contains(one) || !self.about.of_podman && OF_DOCKER.contains(one)
        };
        let given = |one: &&Capability| added(one) || usual(one) && !dropped(one);
        let all = Capability::ALL.iter().filter(given);
        all.copied().fold(CapabilitySet::EMPTY, CapabilitySet::with)
    }

    pub(in crate::gather) fn databases(&self) -> Databases {
        let [passwd, group] = &self.accounts;
        Databases::of_texts(passwd, group).seen_through(self.numbers.clone())
    }
}

//! The devices that a control group may use (security/device_cgroup.c).

use super::{DeviceNumber, Kind, Perms};

/// Which devices the processes of a control group may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Devices {
    /// All of them.
    #[default]
    All,
    /// Those that one of these rules names.
    Only(Vec<DeviceRule>),
    /// There may be a restriction, which cannot be read (version 2 of control groups has programs for it).
    Unseen,
}

/// A line of `devices.list`: `c 136:* rw`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRule {
    /// The type; `None` for both.
    kind: Option<Kind>,
    /// The major number; `None` for all.
    major: Option<u32>,
    /// The minor number; `None` for all.
    minor: Option<u32>,
    /// What may be done: `r` and `w`.
    perms: Perms,
}

impl Devices {
    /// The content of `devices.list`.
    #[must_use]
    pub fn parse(list: &str) -> Devices {
        let rules: Vec<DeviceRule> = list.lines().filter_map(DeviceRule::parse).collect();
        let is_all = |rule: &DeviceRule| rule.kind.is_none() && rule.major.is_none();
        match rules.iter().any(is_all) {
            true => Devices::All,
            false => Devices::Only(rules),
        }
    }

    /// Whether such a device may be used; `None` if that is not known.
    #[must_use]
    pub fn allow(&self, kind: Kind, number: DeviceNumber, wanted: Perms) -> Option<bool> {
        let is_for = |rule: &&DeviceRule| {
            rule.kind.is_none_or(|other| other == kind)
                && rule.major.is_none_or(|major| major == number.major)
                && rule.minor.is_none_or(|minor| minor == number.minor)
                && rule.perms.contains(wanted)
        };
        match self {
            Devices::All => Some(true),
            Devices::Only(rules) => Some(rules.iter().any(|rule| is_for(&rule))),
            Devices::Unseen if is_of_every_container(kind, number) => Some(true),
            Devices::Unseen => None,
        }
    }
}

impl DeviceRule {
    fn parse(line: &str) -> Option<DeviceRule> {
        let mut words = line.split_ascii_whitespace();
        let kind = match words.next()? {
            "a" => None,
            "b" => Some(Kind::Block),
            "c" => Some(Kind::Char),
            _ => return None,
        };
        let (major, minor) = words.next()?.split_once(':')?;
        let allowed = words.next()?;
        let number = |word: &str| match word {
            "*" => Some(None),
            word => word.parse().ok().map(Some),
        };
        let bit = |letter: char, bit: Perms| match allowed.contains(letter) {
            true => bit,
            false => Perms::NONE,
        };
        Some(DeviceRule {
            kind,
            major: number(major)?,
            minor: number(minor)?,
            perms: bit('r', Perms::R).or(bit('w', Perms::W)),
        })
    }
}

/// The devices that every container has (runtime-spec, config-linux.md): null, zero, full, random, urandom, and terminals.
fn is_of_every_container(kind: Kind, number: DeviceNumber) -> bool {
    kind == Kind::Char
        && matches!(
            (number.major, number.minor),
            (1, 3 | 5 | 7 | 8 | 9) | (5, 0..=2) | (136..=143, _)
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn number(major: u32, minor: u32) -> DeviceNumber {
        DeviceNumber { major, minor }
    }

    #[test]
    fn a_container_may_use_what_its_list_names() {
        let list = "b *:* m\nc *:* m\nc 1:3 rwm\nc 136:* r\n";
        let devices = Devices::parse(list);
        let allow = |kind, of, wanted| devices.allow(kind, of, wanted);
        assert_eq!(allow(Kind::Char, number(1, 3), Perms::W), Some(true));
        assert_eq!(allow(Kind::Char, number(136, 7), Perms::R), Some(true));
        assert_eq!(allow(Kind::Char, number(136, 7), Perms::W), Some(false));
        assert_eq!(allow(Kind::Block, number(8, 0), Perms::R), Some(false));
        assert_eq!(allow(Kind::Block, number(1, 3), Perms::R), Some(false));
        assert_eq!(Devices::parse("a *:* rwm\n"), Devices::All);
    }

    #[test]
    fn without_a_list_only_the_usual_devices_are_certain() {
        let allow = |of| Devices::Unseen.allow(Kind::Char, of, Perms::R);
        assert_eq!(allow(number(1, 3)), Some(true));
        assert_eq!(allow(number(10, 232)), None);
    }
}

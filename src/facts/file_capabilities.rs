//! Capabilities of an executable file (capabilities(7), "File capabilities").

use crate::attempt::{Capability, CapabilitySet};

/// The capabilities that a program gains from its file when it is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileCapabilities {
    /// The permitted set: granted to the process whatever its user has.
    pub permitted: CapabilitySet,
    /// The inheritable set: ANDed with the process's own inheritable set.
    pub inheritable: CapabilitySet,
    /// The effective flag: whether the new permitted capabilities are effective from the start, without the program raising
    /// them.
    pub effective: bool,
}

/// The executable of a program that permwrap started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFile {
    /// Its path, absolute and without symlinks.
    pub path: Vec<u8>,
    /// The uid of its owner.
    pub owner: u32,
    /// Whether only root can replace the file: it and every directory above it are writable by root alone.
    pub firm: bool,
    /// Its capabilities; `None` if it has none.
    pub capabilities: Option<FileCapabilities>,
}

/// VFS_CAP_REVISION_2 of linux/capability.h, and the flag for an effective set.
const REVISION_2: u32 = 0x0200_0000;
const EFFECTIVE: u32 = 1;

impl FileCapabilities {
    /// Reads the value of the attribute `security.capability` (struct vfs_cap_data). `None` if it belongs to another user
    /// namespace (revision 3) or is malformed.
    #[must_use]
    pub fn from_xattr(value: &[u8]) -> Option<FileCapabilities> {
        let word = |at: usize| {
            let bytes = value.get(at * 4..at * 4 + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        let set = |low: usize| {
            let bits = u64::from(word(low)?) | u64::from(word(low + 2)?) << 32;
            Some(CapabilitySet(bits))
        };
        let magic = word(0)?;
        (value.len() == 20 && magic & !EFFECTIVE == REVISION_2).then_some(FileCapabilities {
            permitted: set(1)?,
            inheritable: set(2)?,
            effective: magic & EFFECTIVE != 0,
        })
    }

    /// The value of the attribute `security.capability` (struct vfs_cap_data).
    #[must_use]
    pub fn to_xattr(self) -> Vec<u8> {
        let magic = REVISION_2 | u32::from(self.effective);
        let (permitted, inheritable) = (self.permitted.0, self.inheritable.0);
        let words = [
            magic,
            permitted as u32,
            inheritable as u32,
            (permitted >> 32) as u32,
            (inheritable >> 32) as u32,
        ];
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// The `held` capabilities with one more, effective from the start. `None` if the file has no effective flag: such a
    /// program raises its capabilities itself, and would have to be changed to raise the new one.
    #[must_use]
    pub fn and(held: Option<FileCapabilities>, capability: Capability) -> Option<FileCapabilities> {
        let none = FileCapabilities {
            permitted: CapabilitySet::EMPTY,
            inheritable: CapabilitySet::EMPTY,
            effective: true,
        };
        let held = held.unwrap_or(none);
        held.effective.then(|| FileCapabilities {
            permitted: held.permitted.with(capability),
            ..held
        })
    }

    /// The notation of setcap(8): `cap_net_bind_service,cap_net_raw=ep`.
    #[must_use]
    pub fn text(self) -> String {
        let effective = if self.effective { "e" } else { "" };
        let (permitted, inheritable) = (self.permitted.0, self.inheritable.0);
        let clauses = [
            (permitted & inheritable, "ip"),
            (permitted & !inheritable, "p"),
            (inheritable & !permitted, "i"),
        ];
        let clause = |(bits, sets): (u64, &str)| format!("{}={effective}{sets}", names(bits));
        let some = clauses.into_iter().filter(|(bits, _)| *bits != 0);
        some.map(clause).collect::<Vec<_>>().join(" ")
    }
}

/// The names of these capabilities, in lower case; an unknown one appears as its number.
fn names(bits: u64) -> String {
    let set = (0..64_u8).filter(|number| bits >> number & 1 != 0);
    let name = |number: u8| {
        let known = Capability::ALL.iter().find(|known| **known as u8 == number);
        known.map_or_else(|| number.to_string(), |known| known.name().to_lowercase())
    };
    set.map(name).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_leaves_those_that_were_there() {
        let raw = FileCapabilities::and(None, Capability::NetRaw).expect("it has none");
        let both = FileCapabilities::and(Some(raw), Capability::NetBindService).expect("effective");
        assert_eq!(both.text(), "cap_net_bind_service,cap_net_raw=ep");
        assert_eq!(FileCapabilities::from_xattr(&both.to_xattr()), Some(both));
        let asks = FileCapabilities {
            effective: false,
            ..raw
        };
        assert_eq!(
            FileCapabilities::and(Some(asks), Capability::NetBindService),
            None
        );
    }

    #[test]
    fn each_set_has_its_letter() {
        let capabilities = FileCapabilities {
            permitted: CapabilitySet(0b11),
            inheritable: CapabilitySet(1 << 40 | 0b10),
            effective: true,
        };
        assert_eq!(
            capabilities.text(),
            "cap_dac_override=eip cap_chown=ep 40=ei"
        );
        assert_eq!(FileCapabilities::from_xattr(b""), None);
    }
}

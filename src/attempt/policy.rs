//! Programs that refuse a file by a rule of their own about its owner or mode, without a refusal by the kernel.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::built_in::built_in;

/// What a program requires of a file before it uses it. The rules are data: `patterns/policies.toml`.
#[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its name, by which an operation can refer to it: `ssh-private-key`.
    pub name: String,
    /// The name of the program, for messages.
    pub program: String,
    /// What the file is to the program, with an article: `a private key`.
    pub about: String,
    /// Who may own the file; empty if anybody may.
    #[serde(default)]
    pub owners: Vec<Owner>,
    /// Mode bits (of 07777) that must not be set.
    #[serde(default)]
    pub forbidden: Bits,
    /// The modes of the files at or in these paths, as they are installed.
    #[serde(default)]
    pub installed: Vec<(String, Bits)>,
    /// Mode bits that must be set.
    #[serde(default)]
    pub required: Bits,
    /// Mode bits that must not be set on the directory that the file lies in.
    #[serde(default)]
    pub forbidden_above: Bits,
    /// Whether `forbidden_above` applies to every directory up to the home directory of the file's owner.
    #[serde(default)]
    pub up_to_home: bool,
    /// Names in a directory that must belong to one of the owners as well.
    #[serde(default)]
    pub parts: Vec<String>,
    /// Whether the program serves only root. It is about the process, not about a file.
    #[serde(default)]
    pub root_only: bool,
    /// Whether set-user-ID must be effective, on the file's mount and for the process.
    #[serde(default)]
    pub set_user_id: bool,
    /// A command that resolves the problem by means of the program itself, with `{}` for the file.
    #[serde(default)]
    pub command: Vec<String>,
    /// Whether the program's words are proof enough: it has looked at itself.
    #[serde(default)]
    pub stated: bool,
    /// Whether the program only warns, and goes on.
    #[serde(default)]
    pub warns: bool,
    /// What to do if the problem is neither a mode bit nor an owner.
    #[serde(default)]
    pub advice: String,
}

/// Permitted owners of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// The user who runs the program.
    Myself,
    /// Root (uid 0).
    Root,
}

/// Mode bits, written in octal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Bits(pub u32);

impl TryFrom<String> for Bits {
    type Error = String;

    fn try_from(written: String) -> Result<Bits, String> {
        let bits = u32::from_str_radix(&written, 8).ok();
        bits.filter(|bits| *bits <= 0o7777)
            .map(Bits)
            .ok_or_else(|| format!("\"{written}\" is no mode in octal"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: Vec<Policy>,
}

impl Policy {
    /// Every policy.
    ///
    /// # Panics
    /// Panics if the built-in `patterns/policies.toml` is malformed.
    #[must_use]
    pub fn all() -> &'static [Policy] {
        static ALL: OnceLock<Vec<Policy>> = OnceLock::new();
        ALL.get_or_init(|| {
            let file: File = built_in!("policies");
            file.policy
        })
    }

    /// The policy with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Policy> {
        Policy::all().iter().find(|policy| policy.name == name)
    }
}

/// Serializes a policy as its name.
pub(super) mod by_name {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Policy;

    pub fn serialize<S: Serializer>(
        policy: &&'static Policy,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&policy.name)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<&'static Policy, D::Error> {
        let name = String::deserialize(deserializer)?;
        Policy::named(&name).ok_or_else(|| D::Error::custom("no such policy"))
    }
}

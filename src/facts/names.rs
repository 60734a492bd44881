//! Names of users and groups, for messages and commands.

use std::collections::BTreeMap;

use crate::attempt::UNMAPPED;

/// The word for an owner without a mapping.
const NOBODY_IN_HERE: &str = "(unmapped)";

/// What the user and group databases say of the ids that the facts mention.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// User names by uid.
    pub users: BTreeMap<u32, String>,
    /// Groups by gid.
    pub groups: BTreeMap<u32, Group>,
    /// Home directories by uid, of users whose files were met.
    pub homes: BTreeMap<u32, Vec<u8>>,
}

/// A group of the group database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its members according to the group database, including users whose primary group it is.
    pub members: Vec<String>,
}

impl Names {
    /// The user's name in a sentence; without one, the number: `uid 1000`. The account nobody is not to be read as "no one".
    #[must_use]
    pub fn user(&self, uid: u32) -> String {
        match (self.users.get(&uid).map(String::as_str), uid) {
            (Some("nobody"), _) => "the user nobody".to_owned(),
            (Some(name), _) => name.to_owned(),
            (None, UNMAPPED) => NOBODY_IN_HERE.to_owned(),
            (None, uid) => format!("uid {uid}"),
        }
    }

    /// The group's name; without one, the number: `gid 1000`.
    #[must_use]
    pub fn group(&self, gid: u32) -> String {
        let group = self.groups.get(&gid);
        group.map_or_else(
            || match gid {
                UNMAPPED => NOBODY_IN_HERE.to_owned(),
                gid => format!("gid {gid}"),
            },
            |group| group.name.clone(),
        )
    }

    /// The user as commands and `ls -l` write it: the name; without one, the bare number.
    #[must_use]
    pub fn user_word(&self, uid: u32) -> String {
        self.users.get(&uid).cloned().unwrap_or_else(|| match uid {
            UNMAPPED => NOBODY_IN_HERE.to_owned(),
            uid => uid.to_string(),
        })
    }

    /// The group as commands and `ls -l` write it: the name; without one, the bare number.
    #[must_use]
    pub fn group_word(&self, gid: u32) -> String {
        let group = self.groups.get(&gid);
        group.map_or_else(
            || match gid {
                UNMAPPED => NOBODY_IN_HERE.to_owned(),
                gid => gid.to_string(),
            },
            |group| group.name.clone(),
        )
    }
}

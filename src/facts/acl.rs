//! POSIX access control lists (acl(5)).

use super::{Perms, UnknownFact};

/// An access or default ACL that goes beyond the three base entries, which merely repeat the permission bits.
///
/// The base entries are kept as the ACL holds them; with such an ACL the group bits of the inode are the mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    /// The entries, in the canonical order: owner, named users, owning group, named groups, mask, other.
    pub entries: Vec<Entry>,
}

/// One entry of an ACL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The user, group or class that the entry applies to.
    pub tag: Tag,
    /// The permissions granted, before the mask is applied.
    pub perms: Perms,
}

/// To whom an ACL entry applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    /// ACL_USER_OBJ.
    Owner,
    /// ACL_USER.
    User(u32),
    /// ACL_GROUP_OBJ.
    OwningGroup,
    /// ACL_GROUP.
    Group(u32),
    /// ACL_MASK.
    Mask,
    /// ACL_OTHER.
    Other,
}

impl Acl {
    /// The permissions of the entry with this tag.
    #[must_use]
    pub fn get(&self, tag: Tag) -> Option<Perms> {
        self.entries
            .iter()
            .find(|entry| entry.tag == tag)
            .map(|entry| entry.perms)
    }

    /// The mask; all permissions if the ACL has none.
    #[must_use]
    pub fn mask(&self) -> Perms {
        self.get(Tag::Mask).unwrap_or(Perms::RWX)
    }

    /// Sets the permissions of the entry with this tag; a new entry is inserted at its canonical place.
    pub fn set(&mut self, tag: Tag, perms: Perms) {
        match self.entries.binary_search_by(|entry| entry.tag.cmp(&tag)) {
            Ok(at) => self.entries[at].perms = perms,
            Err(at) => self.entries.insert(at, Entry { tag, perms }),
        }
    }

    /// Reads the extended attribute `system.posix_acl_access` or `system.posix_acl_default` (linux/posix_acl_xattr.h: a version
    /// word, then tag, permissions and id of each entry, little-endian).
    ///
    /// # Errors
    /// Fails if the bytes are not an ACL of version 2.
    pub fn from_xattr(bytes: &[u8]) -> Result<Acl, UnknownFact> {
        let malformed = || UnknownFact::not_gathered("ACL (in a form not known here)");
        let (version, entries) = bytes.split_at_checked(4).ok_or_else(malformed)?;
        if version != 2u32.to_le_bytes() || !entries.len().is_multiple_of(8) {
            return Err(malformed());
        }
        let entries = entries.chunks_exact(8).map(|entry| {
            let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
            let tag = match u16::from_le_bytes([entry[0], entry[1]]) {
                0x01 => Tag::Owner,
                0x02 => Tag::User(id),
                0x04 => Tag::OwningGroup,
                0x08 => Tag::Group(id),
                0x10 => Tag::Mask,
                0x20 => Tag::Other,
                _ => return Err(malformed()),
            };
            Ok(Entry {
                tag,
                perms: Perms::from_bits(u32::from(entry[2])),
            })
        });
        Ok(Acl {
            entries: entries.collect::<Result<_, _>>()?,
        })
    }

    /// The value of the extended attribute, in the format that [`Acl::from_xattr`] reads.
    #[must_use]
    pub fn to_xattr(&self) -> Vec<u8> {
        let entries = self.entries.iter().flat_map(|entry| {
            let (tag, id) = match entry.tag {
                Tag::Owner => (0x01u16, u32::MAX),
                Tag::User(uid) => (0x02, uid),
                Tag::OwningGroup => (0x04, u32::MAX),
                Tag::Group(gid) => (0x08, gid),
                Tag::Mask => (0x10, u32::MAX),
                Tag::Other => (0x20, u32::MAX),
            };
            let perms = entry.perms.bits() as u16;
            [tag.to_le_bytes(), perms.to_le_bytes()]
                .concat()
                .into_iter()
                .chain(id.to_le_bytes())
        });
        2u32.to_le_bytes().into_iter().chain(entries).collect()
    }
}

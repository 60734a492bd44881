//! POSIX ACLs: getxattr(2) of `system.posix_acl_access` and `system.posix_acl_default`.

use std::path::Path;

use rustix::fs::getxattr;
use rustix::io::Errno;

use super::unknown;
use crate::facts::{Acl, Fact};

/// The access ACL; `None` if the file has none or the file system does not support ACLs.
///
/// `handle` is a path that leads to the open file without looking up its name again.
pub(super) fn access(handle: &Path, path: &[u8]) -> Fact<Option<Acl>> {
    read(handle, "system.posix_acl_access", "ACL", path)
}

/// The default ACL of a directory.
pub(super) fn default(handle: &Path, path: &[u8]) -> Fact<Option<Acl>> {
    read(handle, "system.posix_acl_default", "default ACL", path)
}

fn read(handle: &Path, attribute: &str, what: &str, path: &[u8]) -> Fact<Option<Acl>> {
    // Holds some 60 entries. The kernel limits attributes to 64 KiB.
    let mut buffer = [0u8; 512];
    match getxattr(handle, attribute, &mut buffer) {
        Ok(length) => parse(&buffer[..length], path),
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(None),
        Err(Errno::RANGE) => {
            let mut large = vec![0u8; 65536];
            match getxattr(handle, attribute, &mut large) {
                Ok(length) => parse(&large[..length], path),
                Err(errno) => Err(unknown(what, path, errno)),
            }
        }
        Err(errno) => Err(unknown(what, path, errno)),
    }
}

fn parse(bytes: &[u8], path: &[u8]) -> Fact<Option<Acl>> {
    // ntfs-3g returns an empty attribute for a file without an ACL.
    if bytes.is_empty() {
        return Ok(None);
    }
    match Acl::from_xattr(bytes) {
        Ok(acl) => Ok(Some(acl)),
        Err(mut unknown) => {
            path.clone_into(&mut unknown.path);
            Err(unknown)
        }
    }
}

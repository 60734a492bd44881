//! What has happened to a change since it was made: why it did not last.

use std::os::fd::OwnedFd;

use nix::unistd::User;
use rustix::fs::{AtFlags, StatxFlags, statx};

use super::deed::Deed;
use super::history::day;
use super::mount::options;
use super::object::Object;
use super::state::State;
use super::system::{is_member, setting};
use crate::byte_path;
use crate::quote;

/// Why the change is no longer in effect, in a line; `None` if it still is, or if that cannot be determined.
pub(super) fn became(deed: &Deed) -> Option<String> {
    match deed {
        Deed::Alter {
            object, from, to, ..
        } => altered(object, from, to),
        Deed::Make { parent, name, .. } => {
            let path = byte_path::join(&parent.path, name);
            let above = Object::at(&parent.path).ok();
            let gone = above.is_some() && is_missing(&path);
            gone.then(|| format!("{} has been removed since", quote::display(&path)))
        }
        Deed::Join { user, group, gid } => {
            let (user, shown) = (user.as_str(), quote::display(group.as_bytes()));
            (is_member(user, group, *gid) != Some(true))
                .then(|| format!("{user} is in group {shown} no longer"))
        }
        Deed::Remount { point, made, .. } => {
            let made = made.as_ref()?;
            (options(point.mount).as_ref() != Some(made)).then(|| {
                let point = quote::display(&point.path);
                format!("{point} has been mounted again or differently since (/etc/fstab has what lasts)")
            })
        }
        Deed::Setting { name, to, .. } => {
            let now = setting(name).ok()?;
            (now != *to)
                .then(|| format!("{name} is {now} again (a file in /etc/sysctl.d keeps a value)"))
        }
    }
}

fn altered(object: &Object, from: &State, to: &State) -> Option<String> {
    let shown = quote::display(&object.path);
    let (now, fd) = match Object::at(&object.path) {
        Ok(found) => found,
        Err(_) if is_missing(&object.path) => return Some(format!("{shown} is gone since")),
        Err(_) => return None,
    };
    if now.inode != object.inode || now.birth != object.birth {
        return Some(made_anew(&now, &fd, from, to));
    }
    let state = State::of(&fd).ok()?;
    let what = if state.uid != to.uid {
        format!("was given to {}", user(state.uid))
    } else if state.gid != to.gid {
        format!("was given to another group ({})", state.gid)
    } else if to.capability.is_some() && state.capability != to.capability {
        "has lost its capability, as by any writing to it".to_owned()
    } else if (state.immutable && !to.immutable) || (state.append && !to.append) {
        "was marked again (chattr)".to_owned()
    } else if state.acl != to.acl && to.acl != from.acl {
        let mode = (state.mode & 0o777, to.mode & 0o777);
        match state.acl {
            None => "has lost its ACL (setfacl -b, or a copy put over it)".to_owned(),
            Some(_) if mode.0 != mode.1 => format!(
                "got mode {:04o}, which cuts down its ACL (chmod writes the mask)",
                state.mode
            ),
            Some(_) => "got another ACL".to_owned(),
        }
    } else if state.mode != to.mode {
        format!("got mode {:04o}, where {:04o} was set", state.mode, to.mode)
    } else {
        return None;
    };
    let when = changed(&fd).map_or_else(String::new, |when| format!(", on {}", day(when)));
    Some(format!("{shown} {what}{when}"))
}

/// Another object has the name now, as when a program writes a file anew. Such a file belongs to the user of that program.
fn made_anew(now: &Object, fd: &OwnedFd, from: &State, to: &State) -> String {
    let shown = quote::display(&now.path);
    let by = State::of(fd).map_or_else(
        |_| String::new(),
        |state| format!(", made by {}", user(state.uid)),
    );
    let when = now
        .birth
        .and_then(|(seconds, _)| u64::try_from(seconds).ok());
    let when = when.map_or_else(String::new, |when| format!(" of {}", day(when)));
    let directory = byte_path::parent(&now.path).map(quote::display);
    let lasts = match directory {
        Some(directory) if to.acl != from.acl => format!(
            ": a default ACL on {directory} would be inherited (setfacl -d), or let whatever makes it run as who needs it"
        ),
        _ => ": whatever makes it decides its owner and mode".to_owned(),
    };
    format!("{shown} is a new one{when}{by}{lasts}")
}

/// The last change of an inode (ctime), in seconds since 1970.
fn changed(fd: &OwnedFd) -> Option<u64> {
    let found = statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::CTIME).ok()?;
    u64::try_from(found.stx_ctime.tv_sec).ok()
}

/// Whether it is certain that this path does not exist.
fn is_missing(path: &[u8]) -> bool {
    let found = rustix::fs::lstat(path);
    matches!(found, Err(rustix::io::Errno::NOENT))
}

fn user(uid: u32) -> String {
    let known = User::from_uid(uid.into()).ok().flatten();
    known.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

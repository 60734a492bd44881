//! A single change of the machine, with the state before it: making and reverting it.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, chownat, mkdirat, openat, unlinkat};
use serde::{Deserialize, Serialize};

use super::mount::{options, remount, restore};
use super::object::{Object, handle, trouble};
use super::state::{State, changed};
use super::system::{is_member, run, set, setting};
use crate::byte_path;
use crate::quote;

/// A single change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// Changes an object's mode, owner, ACL, flags or capabilities.
    Alter {
        /// The object.
        object: Object,
        /// The state before.
        from: State,
        /// The state after.
        to: State,
        /// When a file was changed last, once it has another owner: what is written to it later is not the former owner's.
        #[serde(default)]
        since: Option<(i64, u32)>,
    },
    /// Creates an empty file or a directory.
    Make {
        /// The parent directory.
        parent: Object,
        /// Its name.
        name: Vec<u8>,
        /// Whether it is a directory.
        directory: bool,
        /// Its owner and group.
        owner: (u32, u32),
        /// The new object, once it exists.
        made: Option<Object>,
    },
    /// Adds a user to a group, effective from the next login.
    Join {
        /// The user's name.
        user: String,
        /// The group's name.
        group: String,
        /// The gid, to recognize a group that was deleted and created again.
        gid: u32,
    },
    /// Changes options of a mount.
    Remount {
        /// The mount point.
        point: Object,
        /// The options that make the change, in the notation of mount(8).
        to: String,
        /// All options before the change, those of the mount and of its superblock.
        from: String,
        /// All options after the change.
        made: Option<String>,
    },
    /// Changes a kernel setting, until the next boot.
    Setting {
        /// Its name: `net.ipv4.ip_unprivileged_port_start`.
        name: String,
        /// The value before.
        from: String,
        /// The value after.
        to: String,
    },
}

/// The result of reverting a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// The previous state is restored.
    Back,
    /// The change was never made, or was already reverted.
    Already,
    /// Others have changed the object since, so it was left unchanged, for this reason.
    Left(String),
}

impl Deed {
    /// What is to be asked about: what it changes beyond its object and its user, and what was somebody's alone. `None` if nothing.
    #[must_use]
    pub fn to_be_asked_about(&self) -> Option<String> {
        match self {
            Deed::Setting { .. } => Some("it changes the whole machine, for everybody".to_owned()),
            Deed::Remount { point, .. } => Some(format!(
                "it changes all of {}, for everybody",
                quote::display(&point.path)
            )),
            Deed::Join { user, group, .. } => Some(format!(
                "{user} may then do all that group {group} may, not only this"
            )),
            Deed::Alter {
                object, from, to, ..
            } => {
                let is_given = from.uid != to.uid && from.mode & 0o077 == 0;
                is_given.then(|| {
                    format!(
                        "only its owner may use {} so far: look at it first",
                        quote::display(&object.path)
                    )
                })
            }
            Deed::Make { .. } => None,
        }
    }

    /// Makes the change.
    ///
    /// # Errors
    /// A message of one line: the object was replaced or changed since it was judged, or the kernel refused.
    pub fn perform(&mut self) -> Result<(), String> {
        match self {
            Deed::Alter {
                object,
                from,
                to,
                since,
            } => {
                let fd = object.open()?;
                let path = &object.path;
                if state(&fd, path)? != *from {
                    return Err(format!(
                        "{} was changed since it was judged",
                        quote::display(path)
                    ));
                }
                let put = to.put(&fd).map_err(|errno| trouble(path, errno));
                let put = put.and_then(|()| match state(&fd, path)? == *to {
                    true => Ok(()),
                    false => Err(format!(
                        "{}: the file system did not take the change as it was asked for",
                        quote::display(path)
                    )),
                });
                if put.is_err() {
                    // If that fails as well, the record still contains the previous state.
                    let _ = from.put(&fd);
                }
                *since = changed(&fd).filter(|_| from.uid != to.uid);
                put
            }
            Deed::Make {
                parent,
                name,
                directory,
                owner,
                made,
            } => {
                let fd = parent.open()?;
                *made = Some(make(&fd, parent, name, *directory, *owner)?);
                Ok(())
            }
            Deed::Join { user, group, gid } => match is_member(user, group, *gid) {
                Some(false) => run("usermod", &["-aG", group, "--", user]),
                _ => Err(format!(
                    "the group {} was changed since it was judged",
                    quote::display(group.as_bytes())
                )),
            },
            Deed::Remount {
                point,
                to,
                from,
                made,
                ..
            } => {
                if options(point.mount).as_ref() != Some(from) {
                    return Err(format!(
                        "{} was mounted otherwise since it was judged",
                        quote::display(&point.path)
                    ));
                }
                remount(point, from, to)?;
                *made = options(point.mount);
                Ok(())
            }
            Deed::Setting { name, from, to } => match setting(name)? == *from {
                true => set(name, to),
                false => Err(format!("{name} was changed since it was judged")),
            },
        }
    }

    /// Restores the state before the change, unless others have changed the object since; with `force`, in any case. A change
    /// that is not `finished` may have been made in part.
    ///
    /// # Errors
    /// A message of one line, if the kernel refused.
    pub fn undo(&self, finished: bool, force: bool) -> Result<Undone, String> {
        match self {
            Deed::Alter {
                object,
                from,
                to,
                since,
            } => {
                let fd = match object.open_later() {
                    Ok(fd) => fd,
                    Err(reason) => return Ok(Undone::Left(reason)),
                };
                let path = &object.path;
                let now = state(&fd, path)?;
                if now == *from {
                    return Ok(Undone::Already);
                }
                let ours = match finished {
                    true => now == *to,
                    false => is_between(&now, from, to),
                };
                if !force && !ours {
                    return Ok(Undone::Left(format!(
                        "{} was changed by others since",
                        quote::display(path)
                    )));
                }
                if !force && since.is_some() && changed(&fd) != *since {
                    return Ok(Undone::Left(format!(
                        "{} was written to since, and what it holds is not its former owner's (--force gives it back all the same)",
                        quote::display(path)
                    )));
                }
                from.put(&fd).map_err(|errno| trouble(path, errno))?;
                Ok(Undone::Back)
            }
            Deed::Make {
                parent,
                name,
                directory,
                made,
                ..
            } => unmake(parent, name, *directory, made.as_ref()),
            Deed::Join { user, group, gid } => match is_member(user, group, *gid) {
                Some(true) => run("gpasswd", &["-d", user, group]).map(|()| Undone::Back),
                Some(false) => Ok(Undone::Already),
                None => Ok(Undone::Left(format!(
                    "the group {} has been replaced or deleted",
                    quote::display(group.as_bytes())
                ))),
            },
            Deed::Remount {
                point, from, made, ..
            } => {
                let now = point.open().ok().and_then(|_| options(point.mount));
                let ours = made.is_none() || now == *made;
                match now {
                    Some(now) if now == *from => Ok(Undone::Already),
                    Some(now) if ours || force => restore(point, &now, from).map(|()| Undone::Back),
                    _ => Ok(Undone::Left(format!(
                        "{} has been mounted again or differently since",
                        quote::display(&point.path)
                    ))),
                }
            }
            Deed::Setting { name, from, to } => match setting(name)? {
                now if now == *from => Ok(Undone::Already),
                now if now == *to || force => set(name, from).map(|()| Undone::Back),
                _ => Ok(Undone::Left(format!("{name} was changed by others since"))),
            },
        }
    }
}

fn state(fd: &OwnedFd, path: &[u8]) -> Result<State, String> {
    State::of(fd).map_err(|errno| trouble(path, errno))
}

/// Whether this can be the state of an object whose change, or whose way back, was interrupted: each attribute has its value from
/// before or from after the change, except for what the kernel and [`State::put`] alter in between. A new owner clears
/// set-user-ID and set-group-ID, and an ACL brings its own permission bits, until the mode is set, which is done last. The two
/// flags are cleared while a change is made, so one that is not set may be due to that, but one that is set was so before or
/// after.
fn is_between(now: &State, from: &State, to: &State) -> bool {
    fn either<T: PartialEq>(now: &T, from: &T, to: &T) -> bool {
        now == from || now == to
    }
    let mut altered = 0;
    if (from.uid, from.gid) != (to.uid, to.gid) {
        altered |= 0o6000;
    }
    if from.acl != to.acl {
        altered |= 0o6777;
    }
    let is_near = |mode: u32| (now.mode ^ mode) & !altered == 0;
    either(&now.uid, &from.uid, &to.uid)
        && either(&now.gid, &from.gid, &to.gid)
        && either(&now.acl, &from.acl, &to.acl)
        && either(&now.capability, &from.capability, &to.capability)
        && (is_near(from.mode) || is_near(to.mode))
        && (!now.immutable || from.immutable || to.immutable)
        && (!now.append || from.append || to.append)
}

/// Creates a name that must not exist yet.
fn make(
    fd: &OwnedFd,
    parent: &Object,
    name: &[u8],
    directory: bool,
    (uid, gid): (u32, u32),
) -> Result<Object, String> {
    let path = byte_path::join(&parent.path, name);
    let failed = |errno| trouble(&path, errno);
    if name.is_empty() || name.contains(&b'/') || matches!(name, b"." | b"..") {
        return Err(format!("{}: not a name", quote::display(name)));
    }
    let made = new(fd, name, directory).map_err(failed)?;
    let object = Object::of(&made, &path).map_err(failed)?;
    let mode = if directory { 0o755 } else { 0o640 };
    let owner = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    let given = rustix::fs::chmod(handle(&made), Mode::from_raw_mode(mode))
        .and_then(|()| chownat(&made, c"", owner.0, owner.1, AtFlags::EMPTY_PATH));
    if let Err(errno) = given {
        let _ = unmake(parent, name, directory, Some(&object));
        return Err(failed(errno));
    }
    Ok(object)
}

/// Creates a name that is not accessible to others yet.
fn new(fd: &OwnedFd, name: &[u8], directory: bool) -> Result<OwnedFd, rustix::io::Errno> {
    let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if directory {
        // Others gain access only after the owner has been set.
        mkdirat(fd, name, Mode::RWXU)?;
        return openat(fd, name, how | OFlags::DIRECTORY, Mode::empty());
    }
    let new = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW;
    openat(fd, name, new | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR)
}

/// Removes what was created: a directory if it is empty, a file if nothing was written to it.
fn unmake(
    parent: &Object,
    name: &[u8],
    directory: bool,
    made: Option<&Object>,
) -> Result<Undone, String> {
    let path = byte_path::join(&parent.path, name);
    let fd = match parent.open_later() {
        Ok(fd) => fd,
        Err(reason) => return Ok(Undone::Left(reason)),
    };
    let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(found) = openat(&fd, name, how, Mode::empty()) else {
        return Ok(Undone::Already);
    };
    let left = |what: &str| Ok(Undone::Left(format!("{} {what}", quote::display(&path))));
    let now = Object::of(&found, &path).map_err(|errno| trouble(&path, errno))?;
    let Some(made) = made else {
        return left("may be somebody else's: whether it was made is not known");
    };
    let mount = made.mount;
    if *made != (Object { mount, ..now }) {
        return left("is another object now");
    }
    let size = rustix::fs::statx(
        &found,
        c"",
        AtFlags::EMPTY_PATH,
        rustix::fs::StatxFlags::SIZE,
    )
    .map_err(|errno| trouble(&path, errno))?
    .stx_size;
    if !directory && size > 0 {
        return left("has something in it now");
    }
    let flags = if directory {
        AtFlags::REMOVEDIR
    } else {
        AtFlags::empty()
    };
    match unlinkat(&fd, name, flags) {
        Ok(()) => Ok(Undone::Back),
        Err(rustix::io::Errno::NOTEMPTY) => left("has something in it now"),
        Err(errno) => Err(trouble(&path, errno)),
    }
}

//! Facts as text: one line per path component, similar to the output of `ls -l` and getfacl(1).
//!
//! It is used in the tests of judge, remedy and render, for the examples on the pages about causes, and in bug reports.
//!
//! ```text
//! # alice is in www by the database, but her process was started before
//! subject  alice alice groups=audio database=audio,www
//! attempt  write /srv/app/current/users.db
//! answer   EACCES
//!
//! drwxr-xr-x   root   root  /
//! drwxr-xr-x   root   root  /srv
//! drwxrwx--x+  deploy www   /srv/app
//!              user:bob:rwx
//!              group::r-x
//!              default:user:bob:rwx
//! lrwxrwxrwx   root   root  /srv/app/current -> releases/7
//! drwxr-xr-x   deploy www   /srv/app/releases
//! drwxr-xr-x   deploy www   /srv/app/releases/7
//! -rw-rw----   deploy www   /srv/app/releases/7/users.db  flags=append
//!
//! mount    /     ext4   rw
//! mount    /srv  xfs    ro,nosuid source=/dev/sdb1 super=rw,noquota
//! setting  fs.protected_symlinks 1
//! user     1000 alice
//! user     1001 bob
//! user     200  deploy
//! group    1000 alice
//! group    33   www     alice,bob
//! group    29   audio
//! ```
//!
//! # Lines
//!
//! The order of lines does not matter, except that ACL entries follow their file. `#` at the start of a line begins a comment.
//! In paths, bytes with a special meaning (white space, `\`, `#`, bytes outside ASCII) are written `\xNN`. Users and groups are
//! given by name if a `user` or `group` line defines it (`root` is always 0), otherwise by number. `?` stands for what could
//! not be read, `?EACCES` with the error number.
//!
//! | line | meaning |
//! | --- | --- |
//! | `MODE OWNER GROUP PATH` | a file, by its path without symlinks |
//! | `... -> TARGET` | a symlink and its target |
//! | `?????????? ? ? PATH` | a file that exists, about which nothing more could be read; `?EACCES` after the path gives the reason |
//! | `missing PATH` | a name that does not exist |
//! | `unseen PATH` | a name of which it is unknown whether it exists; `?EACCES` after the path gives the reason |
//! | `jump PATH PATH` | a magic link of /proc, and the file that it refers to |
//! | `user:NAME:rwx` `group:NAME:rwx` `group::rwx` `mask::rwx` | an entry in the ACL of the preceding file; the entries for owner, mask and others are given by its mode |
//! | `default:user:NAME:rwx` ... | an entry in its default ACL |
//! | `subject USER GROUP` | the subject, with the attributes of a new login except for: `groups=` (supplementary), `database=` (groups in the user database), `caps=` (effective: `full`, `none`, or names like `dac_override`), `bounding=`, `real=USER`, `pid=`, `uid_map=0+1,1000+1`, `gid_map=` (ids mapped in its user namespace), `userns`, `no_new_privs`, `seccomp`, `label=` |
//! | `attempt OPERATION PATH` | what is tried, by the names of `permwrap why`, with `to=PATH` for a rename or link, `mode=640`, `owner=USER:GROUP`, `now`, `name=user.x`, `type=char`; `open:read,write,exclusive` for other open flags; an address `0.0.0.0:80` for a port, `-` for an operation without a file, `pid:421` for another process |
//! | `answer EACCES` | the error number that was reported |
//! | `mount POINT TYPE OPTIONS` | a mount, with `id=`, `root=`, `origin=`, `source=`, `super=` (superblock options); of several on the same point, the latest is visible |
//! | `setting NAME VALUE` | a sysctl; also `lsm landlock,selinux`, `selinux enforcing`, `lockdown integrity`, `owns-network-namespace yes` |
//! | `log LINE` | a line of the audit or kernel log |
//! | `held runs PID COMMAND`, `held writes PID COMMAND` | a process that uses the object |
//! | `user UID NAME`, `group GID NAME MEMBER,...` | names |
//! | `home PATH`, `project PATH`, `prefix PATH`, `peopled PATH`, `leftovers PATH OWNER COUNT` with `own=COUNT`, `mounts`, `groups` and `whole`, `container KIND`, `unit NAME`, `wsl`, `elsewhere`, `hearsay`, `planted`, `swappable`, `named PATH reads` (or `alters`, or `shadows`) with `LISTING OWNER` if it exists, `deleted PATH`, `lists`, `fills`, `beside SUFFIX`, `installs VARIABLE`, `tools sudo,doas,setfacl`, `command WORD...` | surroundings |
//!
//! After the path of a file: `flags=immutable,append,swap,verity`, `acl=?`, `default=?`, `flags=?`, `label=`, `program=script:/bin/sh`, `program=elf:/lib64/ld.so`,
//! `program=elf`, `program=other`, `capabilities`, `empty=yes`, `links=2`, `inode=8:1/1234`, `rdev=1:3`, `mount=ID` (if the path is not sufficient), and for a file that shows a process
//! `traced=MODE:PID:UIDS:GIDS:CAPABILITIES:DUMPABLE:SAME-NAMESPACE:COMMAND` (`traced=attach:7:0/0/0:0/0/0:full:yes:yes:sshd`).

mod lines;
mod parse;
mod print;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt;

use crate::attempt::{Attempt, Errno, UnknownFact};
use crate::facts::Facts;

pub use parse::Malformed;
pub(crate) use tree::Tree;

/// What a notation describes: one attempt and the facts around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// The attempt.
    pub attempt: Attempt,
    /// The facts.
    pub facts: Facts,
}

impl std::str::FromStr for Scene {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Scene, Malformed> {
        parse::scene(text)
    }
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print(&self.attempt, &self.facts))
    }
}

/// Parses a notation.
///
/// # Errors
/// Fails if a line does not belong to the notation, or if the path of the attempt leads to a name that no line describes.
pub fn parse(text: &str) -> Result<Scene, Malformed> {
    text.parse()
}

/// Prints a notation that [`parse`] reads back.
///
/// Inode numbers are omitted where they carry no information.
#[must_use]
pub fn print(attempt: &Attempt, facts: &Facts) -> String {
    print::scene(attempt, facts)
}

/// A fact that could not be read.
fn unknown(what: &str, path: &[u8], errno: Option<Errno>) -> UnknownFact {
    UnknownFact {
        what: what.to_owned(),
        path: path.to_vec(),
        errno,
    }
}

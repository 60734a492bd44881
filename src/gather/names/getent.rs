//! Looks up the databases with getent(1), if installed. A statically linked permwrap can read only the files itself, without
//! LDAP or SSSD.

use std::io::Read;
use std::process::{Command, Stdio};

use super::{User, group_line, user_line};
use crate::facts::Group;

/// Where getent is looked for. The fixed list keeps a search path from deciding what is executed.
const PLACES: [&str; 2] = ["/usr/bin/getent", "/bin/getent"];

/// The most that is read of its output, in bytes. A group may have many members.
const MOST: u64 = 1024 * 1024;

/// The user with this name or uid.
pub fn user(key: &str) -> Option<User> {
    user_line(&answer("passwd", key)?)
}

/// The group with this name or gid, and its gid.
pub fn group(key: &str) -> Option<(u32, Group)> {
    group_line(&answer("group", key)?)
}

/// The groups that a new login of this user would have; `None` if permwrap is linked dynamically, so that the C library can be
/// asked directly.
pub fn groups_of(name: &str) -> Option<Vec<u32>> {
    gids(&answer("initgroups", name)?)
}

/// Parses the gids of a line `NAME GID GID ...`.
fn gids(answer: &[u8]) -> Option<Vec<u32>> {
    let words = std::str::from_utf8(answer).ok()?.split_whitespace().skip(1);
    words.map(|gid| gid.parse().ok()).collect()
}

/// The line that getent prints. `None` if permwrap is linked dynamically and has therefore already asked the C library.
fn answer(database: &str, key: &str) -> Option<Vec<u8>> {
    if !cfg!(target_feature = "crt-static") || key.starts_with('-') {
        return None;
    }
    let program = PLACES
        .iter()
        .find(|place| std::path::Path::new(place).exists())?;
    let mut child = Command::new(program)
        .args([database, key])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut text = Vec::new();
    let read = child.stdout.take()?.take(MOST).read_to_end(&mut text);
    let found = child.wait().is_ok_and(|status| status.success());
    (read.is_ok() && found).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_about_groups_is_the_name_and_the_gids() {
        assert_eq!(
            gids(b"alice                 1000 27 100\n"),
            Some(vec![1000, 27, 100])
        );
        assert_eq!(gids(b"alice\n"), Some(vec![]));
        assert_eq!(gids(b"alice x\n"), None);
    }
}

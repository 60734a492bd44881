//! Looks up the databases with getent(1), if installed. A statically linked permwrap can read only the files itself, without
//! LDAP or SSSD.

use std::fs::DirEntry;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::{User, group_line, user_line};
use crate::facts::Group;
use crate::small_file;

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

/// The groups that a new login of this user would have; `None` if the C library that permwrap is linked with knows them: it is
/// linked dynamically, or the files name all members of groups.
pub fn groups_of(name: &str) -> Option<Vec<u32>> {
    if !cfg!(target_feature = "crt-static") || are_all_in_files() {
        return None;
    }
    let mut last = LAST.lock().ok()?;
    let is_it = |(when, user, _): &&(Instant, String, _)| user == name && when.elapsed() < FRESH;
    if let Some((_, _, groups)) = last.as_ref().filter(is_it) {
        return Some(groups.clone());
    }
    let groups = gids(&answer("initgroups", name)?)?;
    *last = Some((Instant::now(), name.to_owned(), groups.clone()));
    Some(groups)
}

/// The last answer about a user's groups, and when it was given. Several processes of one user are usually asked about.
static LAST: Mutex<Option<(Instant, String, Vec<u32>)>> = Mutex::new(None);
const FRESH: Duration = Duration::from_millis(200);

/// Whether nothing but the files is configured to name members of groups (nsswitch.conf(5)).
fn are_all_in_files() -> bool {
    let config = small_file::read(Path::new("/etc/nsswitch.conf"));
    config.is_ok_and(|config| names_files_only(&config, systemd_knows_members()))
}

fn names_files_only(config: &str, systemd: bool) -> bool {
    let lines = config.lines().filter_map(|line| {
        let (database, sources) = line.split('#').next()?.split_once(':')?;
        let names_members = matches!(database.trim(), "group" | "initgroups");
        names_members.then_some(sources)
    });
    let mut sources = lines.flat_map(str::split_whitespace).peekable();
    let is_file = |source: &str| source == "files" || source == "systemd" && !systemd;
    sources.peek().is_some() && sources.all(is_file)
}

/// Whether nss-systemd(8) may know members of groups: from records in files, or from a service that has any
/// (systemd.io/USER_GROUP_API). These have none.
fn systemd_knows_members() -> bool {
    const WITHOUT: [&str; 4] = [
        "io.systemd.DynamicUser",
        "io.systemd.Machine",
        "io.systemd.Multiplexer",
        "io.systemd.NameServiceSwitch",
    ];
    const RECORDS: [&str; 5] = ["/etc", "/run", "/run/host", "/usr/local/lib", "/usr/lib"];
    let services = std::fs::read_dir("/run/systemd/userdb");
    let mut services = services.into_iter().flatten().flatten();
    let has_members = |service: DirEntry| {
        let name = service.file_name();
        !WITHOUT.iter().any(|without| name == *without)
    };
    RECORDS
        .iter()
        .any(|place| Path::new(place).join("userdb").exists())
        || services.any(has_members)
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
    let program = PLACES.iter().find(|place| Path::new(place).exists())?;
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
    fn getent_is_asked_where_other_sources_than_files_are_configured() {
        let debian = "passwd: files systemd\ngroup:  files systemd # and more\nhosts: files dns\n";
        assert!(names_files_only(debian, false) && !names_files_only(debian, true));
        for config in [
            "group: files sss\n",
            "group: files\ninitgroups: files [SUCCESS=continue] sss\n",
            "group: compat\n",
            "passwd: files\n",
            "#group: files\n",
        ] {
            assert!(!names_files_only(config, false), "{config}");
        }
    }

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

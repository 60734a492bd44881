//! A client for the API of container engines (the Docker Engine API, which Podman serves too). It only makes GET requests,
//! which change nothing.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tar::Archive;

use super::tar::file_of;
use crate::facts::{Inode, Kind};

/// The timeout of each read and write.
const PATIENCE: Duration = Duration::from_millis(1500);

/// An archive is not asked for if less than this is left for its beginning.
const LEAST_PATIENCE: Duration = Duration::from_millis(100);

/// How long an archive may be read.
const LONGEST_ARCHIVE: Duration = Duration::from_secs(3);

/// The maximum size in bytes of a JSON answer, and of a file of a container.
const MOST: u64 = 1024 * 1024;

/// The maximum length of the head of an answer, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// How much of an archive is read, in bytes: enough for the header of its first member, with an extended header before it.
const BEGINNING: u64 = 8 * 1024;

/// The socket of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Engine {
    socket: PathBuf,
}

/// An entry of the list of containers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub id: String,
    /// The time of its creation, in seconds since the epoch.
    pub created: u64,
}

/// A container that was created, as an event tells.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Created {
    /// The image, as it was named.
    pub image: String,
    pub name: String,
}

/// An event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    actor: Actor,
    /// When it was, in nanoseconds since the epoch.
    #[serde(rename = "timeNano")]
    nanoseconds: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Actor {
    attributes: Created,
}

/// The parts of a container's configuration that are used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Inspected {
    pub id: String,
    pub name: String,
    /// When it was created (RFC 3339).
    pub created: String,
    pub path: String,
    pub args: Vec<String>,
    pub state: State,
    pub config: Config,
    pub host_config: HostConfig,
    pub mounts: Vec<MountPoint>,
    /// Whether the engine is Podman, according to the head of its answer.
    #[serde(skip)]
    pub of_podman: bool,
}

impl Inspected {
    /// The nanoseconds of the second in which it was created.
    pub(super) fn fraction_of_its_creation(&self) -> Option<u32> {
        const DIGITS: usize = 9;
        let (_, rest) = self.created.split_once('.')?;
        let digits: String = rest
            .chars()
            .take_while(char::is_ascii_digit)
            .take(DIGITS)
            .collect();
        format!("{digits:0<DIGITS$}").parse().ok()
    }

    /// Whether Docker removes the container as soon as it has ended.
    pub(super) fn is_removed_by_docker(&self) -> bool {
        self.host_config.auto_remove && !self.of_podman
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct State {
    pub running: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Config {
    pub image: String,
    pub user: String,
    pub working_dir: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct HostConfig {
    pub readonly_rootfs: bool,
    /// Whether the container is removed as soon as it has ended.
    pub auto_remove: bool,
    pub privileged: bool,
    pub cap_add: Option<Vec<String>>,
    pub cap_drop: Option<Vec<String>>,
    pub group_add: Option<Vec<String>>,
    pub security_opt: Option<Vec<String>>,
    /// File systems of the container's own, by mount point, with their options.
    pub tmpfs: Option<BTreeMap<String, String>>,
}

/// What the engine says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Info {
    /// `name=userns` and `name=rootless`, among others.
    pub security_options: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct MountPoint {
    /// `bind`, `volume` or `tmpfs`.
    pub r#type: String,
    pub source: String,
    pub destination: String,
    #[serde(rename = "RW")]
    pub writable: bool,
}

/// A file of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub inode: Inode,
    /// The target, if it is a symlink.
    pub link: Option<Vec<u8>>,
    /// The beginning of its content.
    pub content: Vec<u8>,
}

impl Member {
    /// What lies on this machine, if it is of a kind that a container may see as it is.
    pub(super) fn of(found: &Metadata, link: Option<Vec<u8>>) -> Option<Member> {
        let kind = found.file_type();
        Some(Member {
            inode: Inode {
                kind: match () {
                    () if kind.is_file() => Kind::Regular,
                    () if kind.is_dir() => Kind::Directory,
                    () if kind.is_symlink() => Kind::Symlink,
                    () if kind.is_socket() => Kind::Socket,
                    () if kind.is_fifo() => Kind::Fifo,
                    () => return None,
                },
                mode: found.mode() & 0o7777,
                uid: found.uid(),
                gid: found.gid(),
                device: Default::default(),
                number: 0,
                links: 1,
                rdev: Default::default(),
            },
            link,
            content: Vec::new(),
        })
    }
}

impl Engine {
    pub(super) fn at(socket: &Path) -> Engine {
        Engine {
            socket: socket.to_owned(),
        }
    }

    /// The newest containers, running or not.
    pub(super) fn newest(&self, count: usize) -> Option<Vec<Listed>> {
        self.json(&format!("/containers/json?all=1&limit={count}"))
    }

    /// The container with this id or name.
    pub(super) fn inspect(&self, container: &str) -> Option<Inspected> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if container.is_empty() || !container.bytes().all(is_plain) {
            return None;
        }
        let answer = self.get(&format!("/containers/{container}/json"), MOST)?;
        let about = answer.json()?;
        Some(Inspected {
            of_podman: answer.is_of_podman(),
            ..about
        })
    }

    /// The containers that were created since this time, counted from the epoch, though they may have been removed.
    pub(super) fn created(&self, since: Duration) -> Option<Vec<Created>> {
        const FILTERS: &[u8] = br#"{"type":["container"],"event":["create"]}"#;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let until = format!("{}.{:09}", now.as_secs(), now.subsec_nanos());
        let filters = percent_encoded(FILTERS);
        let answer = self.get(
            &format!(
                "/events?since={}&until={until}&filters={filters}",
                since.as_secs()
            ),
            MOST,
        )?;
        let events = serde_json::Deserializer::from_slice(&answer.body).into_iter::<Event>();
        let is_recent = |event: &Event| {
            event
                .nanoseconds
                .is_none_or(|at| u128::from(at) >= since.as_nanos())
        };
        let created = events
            .map_while(Result::ok)
            .filter(is_recent)
            .map(|event| event.actor.attributes);
        (answer.status == 200).then(|| created.collect())
    }

    /// What the engine says about an image.
    pub(super) fn image<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        is_name_of_an_image(name).then(|| self.json(&format!("/images/{name}/json")))?
    }

    /// Reads the archive of an image, which has to begin before this time.
    pub(super) fn exported<T>(
        &self,
        name: &str,
        begin: Instant,
        read: impl FnOnce(&mut dyn Read) -> Option<T>,
    ) -> Option<T> {
        if !is_name_of_an_image(name) {
            return None;
        }
        let patience = begin.checked_duration_since(Instant::now());
        let patience = patience.filter(|left| *left >= LEAST_PATIENCE)?;
        let stream = self.ask(&format!("/images/{name}/get"), patience)?;
        let stream = UntilThen(stream, Instant::now() + LONGEST_ARCHIVE);
        let mut answer = BufReader::with_capacity(64 * 1024, stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if head.len() > LONGEST_HEAD || answer.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        (status(&head)? == 200).then(|| read(&mut answer))?
    }

    /// Whether the engine maps the ids of its containers to other ones of the host, as far as it says.
    pub(super) fn maps_ids(&self) -> bool {
        let about: Option<Info> = self.json("/info");
        let options = about.map(|info| info.security_options).unwrap_or_default();
        let maps = |option: &String| {
            let mut words = option.split(',');
            words.any(|word| matches!(word, "name=userns" | "name=rootless"))
        };
        options.iter().any(maps)
    }

    /// The file at this path in a container, which may have ended. A symlink at the end is not followed. `Some(None)` if there
    /// is no such file.
    pub(super) fn member(&self, id: &str, path: &[u8]) -> Option<Option<Member>> {
        let archive = format!("/containers/{id}/archive?path={}", percent_encoded(path));
        let answer = self.get(&archive, BEGINNING)?;
        match answer.status {
            200 => Some(Some(first_member(&answer.body)?)),
            // It is the container that has gone, or the file that is not there.
            404 if memchr::memmem::find(&answer.body, b"o such container").is_none() => Some(None),
            _ => None,
        }
    }

    /// The content of a small file of a container.
    pub(super) fn content(&self, id: &str, path: &str) -> Option<Vec<u8>> {
        let archive = format!("/containers/{id}/archive?path={path}");
        let answer = self.get(&archive, MOST)?;
        (answer.status == 200)
            .then(|| first_member(&answer.body))?
            .map(|file| file.content)
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        self.get(path, MOST)?.json()
    }

    /// The beginning of an answer. Requests are HTTP/1.0, so that the answer is not chunked and ends with the connection.
    fn get(&self, path: &str, most: u64) -> Option<Answer> {
        let stream = self.ask(path, PATIENCE)?;
        let mut answer = Vec::new();
        let read = stream.take(most).read_to_end(&mut answer);
        if answer.is_empty() {
            read.ok()?;
        }
        let end = memchr::memmem::find(&answer, b"\r\n\r\n")?;
        let body = answer.split_off(end + 4);
        let head = String::from_utf8(answer).ok()?;
        Some(Answer {
            status: status(&head)?,
            head,
            body,
        })
    }

    /// Sends a request, and returns the stream from which the answer can be read.
    fn ask(&self, path: &str, patience: Duration) -> Option<UnixStream> {
        let mut stream = UnixStream::connect(&self.socket).ok()?;
        stream.set_read_timeout(Some(patience)).ok()?;
        stream.set_write_timeout(Some(patience)).ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        Some(stream)
    }
}

/// The status in the first line of an answer.
fn status(head: &str) -> Option<u16> {
    head.split(' ').nth(1)?.parse().ok()
}

/// Whether a word can be the name of an image; nothing else becomes part of a request.
fn is_name_of_an_image(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.:@-".contains(&byte);
    !word.is_empty() && word.bytes().all(is_plain) && !word.contains("..")
}

/// A stream that ends in an error after this time.
struct UntilThen(UnixStream, Instant);

impl Read for UntilThen {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match Instant::now() < self.1 {
            true => self.0.read(buffer),
            false => Err(ErrorKind::TimedOut.into()),
        }
    }
}

/// An answer of the engine.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json<T: DeserializeOwned>(&self) -> Option<T> {
        (self.status == 200).then(|| serde_json::from_slice(&self.body).ok())?
    }

    /// Podman names its library and that one's version in every answer.
    fn is_of_podman(&self) -> bool {
        self.head.to_ascii_lowercase().contains("libpod")
    }
}

/// Escapes a path for a query string.
fn percent_encoded(path: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.-~".contains(&byte);
    let encode = |&byte: &u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    path.iter().map(encode).collect()
}

/// The first member of a tar archive.
fn first_member(archive: &[u8]) -> Option<Member> {
    let mut archive = Archive::new(archive);
    let mut entry = archive.entries().ok()?.next()?.ok()?;
    let file = file_of(&entry)?;
    let mut content = Vec::new();
    // What was asked for may be longer than what was read of it.
    let _ = entry.read_to_end(&mut content);
    Some(Member {
        inode: file.inode,
        link: file.link,
        content,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_of_the_same_second_is_told_apart() {
        let of = |created: &str| Inspected {
            created: created.to_owned(),
            ..Inspected::default()
        };
        let fraction = |created: &str| of(created).fraction_of_its_creation();
        assert_eq!(fraction("2026-11-29T16:02:31.05Z"), Some(50_000_000));
        assert_eq!(
            fraction("2026-11-29T16:02:31.123456789+01:00"),
            Some(123_456_789)
        );
        assert_eq!(fraction("2026-11-29T16:02:31Z"), None);
    }

    #[test]
    fn a_path_is_one_value_of_the_query() {
        assert_eq!(percent_encoded(b"/srv/a b&c"), "/srv/a%20b%26c");
    }
}

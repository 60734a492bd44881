//! A client for the API of container engines (the Docker Engine API, which Podman serves too). It only makes GET requests,
//! which change nothing.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::facts::{Inode, Kind};

/// The timeout of each read and write.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The maximum size in bytes of a JSON answer, and of a file of a container.
const MOST: u64 = 1024 * 1024;

/// How much of an archive is read, in bytes: enough for the header of its first member, with an extended header before it.
const BEGINNING: u64 = 8 * 1024;

const BLOCK: usize = 512;

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

/// The parts of a container's configuration that are used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Inspected {
    pub id: String,
    pub name: String,
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
        let mut stream = UnixStream::connect(&self.socket).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        let read = stream.take(most).read_to_end(&mut answer);
        if answer.is_empty() {
            read.ok()?;
        }
        let end = memchr::memmem::find(&answer, b"\r\n\r\n")?;
        let body = answer.split_off(end + 4);
        let head = String::from_utf8(answer).ok()?;
        Some(Answer {
            status: head.split(' ').nth(1)?.parse().ok()?,
            head,
            body,
        })
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

/// The first member of a tar archive (ustar; extended headers before it are skipped).
fn first_member(archive: &[u8]) -> Option<Member> {
    let mut rest = archive;
    loop {
        let (header, after) = rest.split_at_checked(BLOCK)?;
        let size = usize::try_from(number(&header[124..136])?).ok()?;
        if matches!(header[156], b'x' | b'g' | b'L' | b'K') {
            rest = after.get(size.next_multiple_of(BLOCK)..)?;
            continue;
        }
        let kind = match header[156] {
            b'0' | 0 => Kind::Regular,
            b'2' => Kind::Symlink,
            b'3' => Kind::Char,
            b'4' => Kind::Block,
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            _ => return None,
        };
        let mode = u32::try_from(number(&header[100..108])?).ok()?;
        let id = |field: &[u8]| u32::try_from(number(field)?).ok();
        return Some(Member {
            inode: Inode {
                kind,
                mode: mode & 0o7777,
                uid: id(&header[108..116])?,
                gid: id(&header[116..124])?,
                device: Default::default(),
                number: 0,
                links: 1,
                rdev: Default::default(),
            },
            link: (kind == Kind::Symlink).then(|| text(&header[157..257]).to_vec()),
            content: after[..size.min(after.len())].to_vec(),
        });
    }
}

/// A number in a tar header: octal digits, or big-endian binary if it is too large for those.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let join = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        return Some(field[1..].iter().fold(0, join));
    }
    let digits = std::str::from_utf8(text(field)).ok()?.trim();
    match digits {
        "" => Some(0),
        digits => u64::from_str_radix(digits, 8).ok(),
    }
}

fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0);
    &field[..end.unwrap_or(field.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: u8, mode: &str, uid: &str, size: &str) -> Vec<u8> {
        let mut header = vec![0u8; BLOCK];
        for (at, field) in [
            (0, "root/"),
            (100, mode),
            (108, uid),
            (116, "0000052"),
            (124, size),
        ] {
            header[at..at + field.len()].copy_from_slice(field.as_bytes());
        }
        header[156] = kind;
        header
    }

    #[test]
    fn the_header_of_an_archive_tells_mode_and_owner() {
        let directory = first_member(&header(b'5', "0040700", "0001750", "00000000000")).unwrap();
        assert_eq!(
            (
                directory.inode.kind,
                directory.inode.mode,
                directory.inode.uid,
                directory.inode.gid
            ),
            (Kind::Directory, 0o700, 1000, 42)
        );
        let mut file = header(b'x', "0000644", "0000000", "00000000013");
        file.extend([vec![b'p'; 11], vec![0; BLOCK - 11]].concat());
        file.extend(header(b'0', "0100640", "0000000", "00000000002"));
        file.extend(b"x\n");
        let file = first_member(&file).unwrap();
        assert_eq!(
            (file.inode.mode, file.content.as_slice()),
            (0o640, &b"x\n"[..])
        );
        assert_eq!(first_member(b"short"), None);
    }

    #[test]
    fn large_ids_are_binary() {
        assert_eq!(
            number(&[0x80, 0, 0, 0, 0, 0x2f, 0xaf, 0x08]),
            Some(3_125_000)
        );
        assert_eq!(number(b"0001750\0"), Some(1000));
    }

    #[test]
    fn a_path_is_one_value_of_the_query() {
        assert_eq!(percent_encoded(b"/srv/a b&c"), "/srv/a%20b%26c");
    }
}

//! The protocol between the relay and the diagnosis, on a stream of bytes.
//!
//! A message consists of a tag, the length of the body in four bytes, and the body. All numbers are little-endian.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use crate::gather::{Held, Laid, Told, World};
use crate::run::exit::Exit;
use crate::run::scene::{Process, Scene};
use crate::run::stream::Stream;

/// The length of a message's header: the tag and the body's length.
pub const HEADER: usize = 5;

/// A message from the relay.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// The scene that applies to the following texts.
    Scene(Scene),
    /// Text of a stream that may report a failure.
    Text(Stream, Vec<u8>),
    /// The command has ended.
    End(Exit),
}

/// An answer of the diagnosis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Hints, to be written at the next suitable moment.
    Hints(Vec<u8>),
    /// A piece of text was processed.
    Progress,
    /// Everything delivered has been processed, except what waits until the end.
    Rest,
    /// There is nothing more to come.
    Over,
}

mod tag {
    pub const SCENE: u8 = 1;
    /// Text of stderr.
    pub const TEXT: u8 = 2;
    pub const END: u8 = 3;
    pub const HINTS: u8 = 4;
    pub const PROGRESS: u8 = 5;
    pub const OVER: u8 = 6;
    pub const REST: u8 = 7;
    /// Text of stdout.
    pub const TEXT_OF_STDOUT: u8 = 8;
}

/// The tag and the length of the body, from a header.
#[must_use]
pub fn header(bytes: [u8; HEADER]) -> (u8, usize) {
    let [tag, length @ ..] = bytes;
    (tag, u32::from_le_bytes(length) as usize)
}

/// The first message of a stream (tag and body), and its total length; `None` if it is incomplete.
#[must_use]
pub fn first(stream: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (tag, length) = header(*stream.first_chunk()?);
    let body = stream.get(HEADER..HEADER + length)?;
    Some((tag, body, HEADER + length))
}

/// Appends a text as a message, without an intermediate copy.
pub fn put_text(out: &mut Vec<u8>, stream: Stream, text: &[u8]) {
    let tag = match stream {
        Stream::Stdout => tag::TEXT_OF_STDOUT,
        Stream::Stderr => tag::TEXT,
    };
    put(out, tag, |out| out.extend_from_slice(text));
}

/// Appends a scene as a message.
pub fn put_scene(out: &mut Vec<u8>, scene: &Scene) {
    put(out, tag::SCENE, |out| {
        put_path(out, scene.start.as_ref());
        put_number(out, scene.command.into());
        put_processes(out, &scene.processes);
        put_processes(out, &scene.gone);
    });
}

/// Appends the end of the command as a message.
pub fn put_end(out: &mut Vec<u8>, exit: Exit) {
    put(out, tag::END, |out| {
        put_some(out, exit.code, |out, code| put_number(out, code.into()));
        put_some(out, exit.signal, |out, signal| {
            put_number(out, signal.into())
        });
    });
}

impl Word {
    /// The message with this tag and body; `None` if it is malformed.
    #[must_use]
    pub fn read(tag: u8, body: Vec<u8>) -> Option<Word> {
        let mut rest = &body[..];
        match tag {
            tag::TEXT => Some(Word::Text(Stream::Stderr, body)),
            tag::TEXT_OF_STDOUT => Some(Word::Text(Stream::Stdout, body)),
            tag::SCENE => Some(Word::Scene(Scene {
                start: path(&mut rest)?,
                command: number(&mut rest)?,
                processes: processes(&mut rest)?,
                gone: processes(&mut rest)?,
            })),
            tag::END => Some(Word::End(Exit {
                code: some(&mut rest, number)?,
                signal: some(&mut rest, number)?,
            })),
            _ => None,
        }
    }
}

impl Answer {
    /// The answer as a message.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (tag, body): (u8, &[u8]) = match self {
            Answer::Hints(hints) => (tag::HINTS, hints),
            Answer::Progress => (tag::PROGRESS, &[]),
            Answer::Rest => (tag::REST, &[]),
            Answer::Over => (tag::OVER, &[]),
        };
        let mut out = Vec::new();
        put(&mut out, tag, |out| out.extend_from_slice(body));
        out
    }

    /// The answer with this tag and body; `None` if it is malformed.
    #[must_use]
    pub fn read(tag: u8, body: &[u8]) -> Option<Answer> {
        match tag {
            tag::HINTS => Some(Answer::Hints(body.to_vec())),
            tag::PROGRESS => Some(Answer::Progress),
            tag::REST => Some(Answer::Rest),
            tag::OVER => Some(Answer::Over),
            _ => None,
        }
    }
}

fn put(out: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let begin = out.len();
    out.extend([tag, 0, 0, 0, 0]);
    body(out);
    let length = (out.len() - begin - HEADER) as u32;
    out[begin + 1..begin + HEADER].copy_from_slice(&length.to_le_bytes());
}

/// Appends a number, which [`number`] reads.
pub fn put_number(out: &mut Vec<u8>, number: i64) {
    out.extend(number.to_le_bytes());
}

/// Appends bytes, which [`bytes`] reads.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

/// Appends an optional value, which [`some`] reads.
pub fn put_some<T>(out: &mut Vec<u8>, value: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(out, value);
    }
}

fn put_path(out: &mut Vec<u8>, path: Option<&PathBuf>) {
    put_some(out, path, |out, path| {
        put_bytes(out, path.as_os_str().as_bytes())
    });
}

fn put_processes(out: &mut Vec<u8>, processes: &[Process]) {
    put_number(out, processes.len() as i64);
    for process in processes {
        put_process(out, process);
    }
}

/// Appends a process, which [`process`] reads.
pub fn put_process(out: &mut Vec<u8>, process: &Process) {
    put_number(out, process.pid.into());
    put_number(out, process.parent.into());
    put_path(out, process.cwd.as_ref());
    put_path(out, process.root.as_ref());
    put_bytes(out, &process.status);
    put_some(out, process.user_ns, |out, ns| put_number(out, ns as i64));
    put_bytes(out, &process.uid_map);
    put_bytes(out, &process.gid_map);
    put_bytes(out, &process.cmdline);
    put_some(out, process.label.as_ref(), |out, label| {
        put_bytes(out, label)
    });
    put_some(out, process.on_channel, |out, yes| out.push(u8::from(yes)));
    put_some(out, process.world.as_ref(), |out, world| {
        put_world(out, world)
    });
    out.push(u8::from(process.elsewhere));
    put_some(out, process.container.as_ref(), |out, name| {
        put_bytes(out, name.as_bytes())
    });
    out.push(u8::from(process.zombie));
}

/// Appends a world: this process's descriptors that hold it, and what was read about it.
fn put_world(out: &mut Vec<u8>, world: &World) {
    put_number(out, std::process::id().into());
    let held = world.held();
    put_number(out, held.len() as i64);
    for held in held {
        put_some(out, held, |out, held| {
            put_number(out, held.fd.into());
            put_number(out, held.identity.0 as i64);
            put_number(out, held.identity.1 as i64);
        });
    }
    let told = &world.told;
    let [uids, gids] = &told.numbers;
    for text in [&told.root_path, &told.mountinfo, &told.cgroup, uids, gids] {
        put_bytes(out, text);
    }
    put_bytes(out, told.container.as_bytes());
    put_number(out, told.enter.len() as i64);
    for word in &told.enter {
        put_bytes(out, word);
    }
    put_number(out, told.laid.len() as i64);
    for laid in &told.laid {
        put_laid(out, laid);
    }
    out.push(u8::from(told.on_machine));
    out.push(u8::from(told.same_mounts));
}

fn put_laid(out: &mut Vec<u8>, laid: &Laid) {
    put_bytes(out, &laid.point);
    put_bytes(out, &laid.source);
    put_bytes(out, laid.fs_type.as_bytes());
    for option in [
        laid.read_only,
        laid.noexec,
        laid.nodev,
        laid.nosuid,
        laid.unseen,
        laid.recursive,
    ] {
        out.push(u8::from(option));
    }
}

fn laid(rest: &mut &[u8]) -> Option<Laid> {
    Some(Laid {
        point: bytes(rest)?,
        source: bytes(rest)?,
        fs_type: String::from_utf8(bytes(rest)?).ok()?,
        read_only: flag(rest)?,
        noexec: flag(rest)?,
        nodev: flag(rest)?,
        nosuid: flag(rest)?,
        unseen: flag(rest)?,
        recursive: flag(rest)?,
    })
}

/// Reads a world, and opens the descriptors of the process that sent it: the relay, which holds them while it sends the
/// message, or the tracer. `Some(None)` if it no longer holds them.
fn world(rest: &mut &[u8]) -> Option<Option<World>> {
    let holder = number(rest)?;
    let one_held = |rest: &mut &[u8]| {
        let (fd, device, inode): (_, i64, i64) = (number(rest)?, number(rest)?, number(rest)?);
        let identity = (device as u64, inode as u64);
        Some(Held { fd, identity })
    };
    let held: Vec<Option<Held>> = many(rest, |rest| some(rest, one_held))?;
    let told = Told {
        root_path: bytes(rest)?,
        mountinfo: bytes(rest)?,
        cgroup: bytes(rest)?,
        numbers: [bytes(rest)?, bytes(rest)?],
        container: String::from_utf8(bytes(rest)?).ok()?,
        enter: many(rest, bytes)?,
        laid: many(rest, laid)?,
        on_machine: flag(rest)?,
        same_mounts: flag(rest)?,
    };
    Some(World::taken_from(holder, &held, told))
}

/// Reads a number; `None` if there is none, or if it does not fit.
pub fn number<T: TryFrom<i64>>(rest: &mut &[u8]) -> Option<T> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    T::try_from(i64::from_le_bytes(*number)).ok()
}

/// Reads bytes.
pub fn bytes(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let length = number(rest)?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes.to_vec())
}

/// Reads a boolean.
pub fn flag(rest: &mut &[u8]) -> Option<bool> {
    let (flag, after) = rest.split_first()?;
    *rest = after;
    Some(*flag != 0)
}

/// Reads an optional value.
pub fn some<T>(rest: &mut &[u8], value: impl FnOnce(&mut &[u8]) -> Option<T>) -> Option<Option<T>> {
    if flag(rest)? {
        value(rest).map(Some)
    } else {
        Some(None)
    }
}

fn path(rest: &mut &[u8]) -> Option<Option<PathBuf>> {
    some(rest, |rest| Some(OsString::from_vec(bytes(rest)?).into()))
}

fn processes(rest: &mut &[u8]) -> Option<Vec<Process>> {
    many(rest, process)
}

/// Reads a list, which is preceded by its length.
fn many<T>(rest: &mut &[u8], value: impl Fn(&mut &[u8]) -> Option<T>) -> Option<Vec<T>> {
    let count: usize = number(rest)?;
    (0..count).map(|_| value(rest)).collect()
}

/// Reads a process.
pub fn process(rest: &mut &[u8]) -> Option<Process> {
    Some(Process {
        pid: number(rest)?,
        parent: number(rest)?,
        cwd: path(rest)?,
        root: path(rest)?,
        status: bytes(rest)?,
        user_ns: some(rest, number)?,
        uid_map: bytes(rest)?,
        gid_map: bytes(rest)?,
        cmdline: bytes(rest)?,
        label: some(rest, bytes)?,
        on_channel: some(rest, flag)?,
        world: some(rest, world)?.flatten().map(Arc::new),
        elsewhere: flag(rest)?,
        container: some(rest, |rest| String::from_utf8(bytes(rest)?).ok())?,
        zombie: flag(rest)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(stream: &[u8]) -> Word {
        let (tag, body, length) = first(stream).expect("a whole message");
        assert_eq!(length, stream.len());
        Word::read(tag, body.to_vec()).expect("a word")
    }

    #[test]
    fn a_scene_arrives_as_it_was_seen() {
        let process = Process {
            pid: 4242,
            parent: 1,
            cwd: Some("/srv/\u{e9}".into()),
            root: None,
            status: b"Name:\tx\n".to_vec(),
            user_ns: Some(4_026_531_837),
            uid_map: b"0 0 1".to_vec(),
            gid_map: Vec::new(),
            cmdline: b"a\0\xff\0".to_vec(),
            label: Some(b"unconfined".to_vec()),
            on_channel: Some(false),
            world: None,
            elsewhere: true,
            container: Some("shop-web".into()),
            zombie: true,
        };
        let scene = Scene {
            start: Some("/".into()),
            command: 4242,
            processes: vec![process.clone(), Process::default()],
            gone: vec![process],
        };
        let mut stream = Vec::new();
        put_scene(&mut stream, &scene);
        assert_eq!(said(&stream), Word::Scene(scene));
    }

    #[test]
    fn an_end_arrives_as_it_was() {
        for exit in [Exit::with_code(3), Exit::by_signal(9)] {
            let mut stream = Vec::new();
            put_end(&mut stream, exit);
            assert_eq!(said(&stream), Word::End(exit));
        }
    }

    #[test]
    fn part_of_a_message_is_none_yet() {
        let mut stream = Vec::new();
        put_text(&mut stream, Stream::Stderr, b"cat: x: Permission denied\n");
        for length in 0..stream.len() {
            assert!(first(&stream[..length]).is_none());
        }
    }

    #[test]
    fn nonsense_is_no_word() {
        assert_eq!(Word::read(tag::SCENE, vec![1, 255, 255]), None);
        assert_eq!(Word::read(tag::END, vec![1]), None);
        assert_eq!(Word::read(99, Vec::new()), None);
        assert_eq!(Answer::read(99, &[]), None);
    }
}

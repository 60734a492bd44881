//! A container as its engine describes it over its socket. The engine answers when permwrap may not examine the container's
//! processes itself, as for a container of Docker's if the user is merely a member of group docker, or when the container has
//! already ended.

mod contents;
mod credentials;
mod members;
mod removed;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::cmp::Ordering;
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use members::{Members, asked_at_once, members, unknown_in};

use super::engine_api::{Engine, Inspected, Listed, Member};
use super::image::Image;
use super::process_stat::parents_start;
use crate::attempt::{Attempt, Numbers, Object, Place};
use crate::facts::notation::Tree;
use crate::facts::{Abroad, Container, Facts, Settings, Surroundings};

/// The maximum number of names that are asked for while paths are resolved.
const MOST_NAMES: usize = 64;

/// A container, and what describes it.
#[derive(Debug)]
pub struct Answered {
    source: Source,
    about: Inspected,
    user: String,
    /// The words by which the engine's client was called, up to its verb.
    client: Vec<Vec<u8>>,
    /// Whether its ids are others on the host.
    remapped: bool,
    /// The mapping of uids and of gids between it and the host, if they differ and it is known. Ids are those of the host then.
    numbers: Option<[Numbers; 2]>,
    /// The content of its passwd(5) and group(5).
    accounts: [Vec<u8>; 2],
    /// The answers so far, by path.
    members: RefCell<Members>,
    /// Whether no file of it may be asked for.
    untouched: bool,
}

/// Who tells what lies in a container.
#[derive(Debug)]
enum Source {
    Engine(Engine),
    /// The image that it was started from, because it has gone.
    Image(Box<Image>),
}

/// What an engine told of a container.
struct Found {
    /// When it was asked.
    since: Instant,
    about: Inspected,
    accounts: [Vec<u8>; 2],
    members: Members,
    untouched: bool,
}

impl Found {
    /// Asks for all of it at once: while Docker answers a question about a container's files, it neither notes the end of the
    /// container nor removes it, and it answers what is waiting by then first.
    fn of(engine: &Engine, about: Inspected, since: Instant, text: &[u8]) -> Found {
        let id = about.id.as_str();
        let (accounts, first) = thread::scope(|scope| {
            let accounts = ["/etc/passwd", "/etc/group"]
                .map(|path| scope.spawn(move || engine.content(id, path).unwrap_or_default()));
            let first = asked_at_once(engine, id, &unknown_in(text, &Members::new()));
            let accounts = accounts.map(|accounts| accounts.join().unwrap_or_default());
            (accounts, first)
        });
        let mut found = Found {
            since,
            members: members(engine, id, text, first),
            about,
            accounts,
            untouched: false,
        };
        if !found.has_content() {
            found.members.remove(&b"/"[..]);
        }
        found
    }

    /// What is known without a question about files. If Docker removes a container as soon as it has ended, and is asked for a
    /// file of it meanwhile, the removal may fail: the container stays behind, dead.
    fn untouched(about: Inspected, since: Instant) -> Found {
        Found {
            since,
            about,
            accounts: Default::default(),
            members: Members::new(),
            untouched: true,
        }
    }

    /// Whether anything was seen below the root directory. While a container is removed, Docker shows the empty directory where
    /// its file system was mounted.
    fn has_content(&self) -> bool {
        let mut members = self.members.iter();
        let is_below =
            |(path, member): (&Vec<u8>, &Option<Member>)| path != b"/" && member.is_some();
        members.any(is_below) || self.accounts.iter().any(|content| !content.is_empty())
    }

    fn answered(self, engine: Engine, user: Option<&str>, client: &[Vec<u8>]) -> Answered {
        let is_gone = !matches!(self.members.get(&b"/"[..]), Some(Some(_)));
        if is_gone
            && user.is_none()
            && !engine.maps_ids()
            && let Some(image) = Image::of(&engine, &self.about.config.image, self.since)
        {
            return Answered {
                untouched: self.untouched,
                ..Answered::from_image(self.about, image, client, None)
            };
        }
        Answered {
            user: user.unwrap_or(&self.about.config.user).to_owned(),
            client: client.to_vec(),
            remapped: engine.maps_ids(),
            accounts: self.accounts,
            members: RefCell::new(self.members),
            about: self.about,
            numbers: None,
            source: Source::Engine(engine),
            untouched: self.untouched,
        }
    }
}

impl Answered {
    /// Finds the container that has one of these names, with the first engine that knows it, and asks for everything that a text
    /// from there names. `user` is the one that the command was told to run as. `stays` says whether the command may end without
    /// the container.
    #[must_use]
    pub fn named(
        sockets: &[PathBuf],
        names: &[String],
        user: Option<&str>,
        stays: bool,
        client: &[Vec<u8>],
        text: &[u8],
    ) -> Option<Answered> {
        sockets.iter().find_map(|socket| {
            let engine = Engine::at(socket);
            let since = Instant::now();
            let about = names.iter().find_map(|name| engine.inspect(name))?;
            let found = match about.is_removed_by_docker() && !stays {
                true => Found::untouched(about, since),
                false => Found::of(&engine, about, since, text),
            };
            Some(found.answered(engine, user, client))
        })
    }

    /// The only container that was created since permwrap's parent process started, by the first engine that has one. Its
    /// image must be one of these words, unless there are none.
    #[must_use]
    pub fn new(
        sockets: &[PathBuf],
        images: &[String],
        client: &[Vec<u8>],
        text: &[u8],
    ) -> Option<Answered> {
        sockets.iter().find_map(|socket| {
            let engine = Engine::at(socket);
            let since = Instant::now();
            let about = engine.inspect(&new(&engine)?)?;
            if !images.is_empty() && !images.contains(&about.config.image) {
                return None;
            }
            let found = match about.is_removed_by_docker() {
                true => Found::untouched(about, since),
                false => Found::of(&engine, about, since, text),
            };
            Some(found.answered(engine, None, client))
        })
    }

    /// Whether anything of it can be looked at: its root directory was seen before the container was removed, or it has volumes
    /// that can be looked at here.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        self.is_root_seen() || self.volumes().next().is_some()
    }

    fn is_root_seen(&self) -> bool {
        matches!(self.source, Source::Image(_))
            || matches!(self.members.borrow().get(&b"/"[..]), Some(Some(_)))
    }

    /// Asks for what another text names, while the container still exists.
    pub fn look_ahead(&self, text: &[u8]) {
        let Source::Engine(engine) = &self.source else {
            return;
        };
        if self.untouched {
            return;
        }
        let mut known = self.members.borrow_mut();
        let found = std::mem::take(&mut *known);
        *known = members(engine, &self.about.id, text, found);
    }

    /// The name of the container.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::Container(self.about.name.trim_start_matches('/').to_owned())
    }

    /// The arguments of its first process; empty if they are not known.
    #[must_use]
    pub fn arguments(&self) -> Vec<Vec<u8>> {
        if self.about.path.is_empty() {
            return Vec::new();
        }
        let words = [&self.about.path].into_iter().chain(&self.about.args);
        words.map(|word| word.clone().into_bytes()).collect()
    }

    /// The working directory of its first process.
    #[must_use]
    pub fn directory(&self) -> Vec<u8> {
        match self.about.config.working_dir.as_str() {
            "" => b"/".to_vec(),
            directory => directory.as_bytes().to_vec(),
        }
    }

    /// The facts about an attempt in the container.
    pub(super) fn facts(&self, attempt: &Attempt, settings: &Settings) -> Facts {
        let mut facts = Facts {
            mounts: self.mounts(),
            settings: settings.clone(),
            answered: attempt.errno,
            ..Facts::default()
        };
        let mut tree = Tree::default();
        if let Object::Path(path) = &attempt.object {
            let follow = !attempt.operation.takes_the_link_itself();
            facts.walk = self.walk(path, follow, &mut tree, &mut facts);
            let to = attempt.to.as_ref();
            facts.to = to.map(|to| self.walk(to, false, &mut tree, &mut facts));
            if !self.is_root_seen()
                && let Some(point) = self.volume_over(path)
            {
                facts.begin_at(&point);
            }
        }
        facts.names = self.databases().names(attempt, &facts);
        facts
    }

    /// The environment of its processes.
    pub(super) fn surroundings(&self, home: Option<Vec<u8>>, facts: &Facts) -> Surroundings {
        let paths = facts
            .nodes
            .iter()
            .filter_map(|node| self.path_here(node, facts));
        Surroundings {
            container: Some(Container {
                kind: self.kind().to_owned(),
                remapped: self.remapped,
                read_only_root: self.about.host_config.readonly_rootfs,
                numbers: self.numbers.clone(),
                ..Container::default()
            }),
            elsewhere: true,
            abroad: Some(Abroad {
                place: Some(self.place()),
                paths: paths.collect(),
                enter: self.enter(),
                numbers: self.numbers.clone(),
                remains: self.remains(),
                ..Abroad::default()
            }),
            home,
            ..Surroundings::default()
        }
    }

    fn kind(&self) -> &'static str {
        match self.about.of_podman {
            true => "podman",
            false => "docker",
        }
    }

    /// The client is called as the user called it, so that it talks to the same engine.
    fn enter(&self) -> Vec<Vec<u8>> {
        let name = self.about.name.trim_start_matches('/');
        let words = ["exec", "-u", "0", name].map(|word| word.as_bytes().to_vec());
        match self.about.state.running && !self.client.is_empty() {
            true => [&self.client[..], &words].concat(),
            false => Vec::new(),
        }
    }
}

/// The id of the only container that was created since permwrap's parent process started. `None` if there are several, because
/// any of them may have written the message.
fn new(engine: &Engine) -> Option<String> {
    let start = parents_start()?;
    let is_recent = |one: &Listed| match one.created.cmp(&start.as_secs()) {
        Ordering::Less => false,
        Ordering::Greater => true,
        // One that an earlier command left may have been created in the same second.
        Ordering::Equal => engine
            .inspect(&one.id)
            .and_then(|about| about.fraction_of_its_creation())
            .is_none_or(|fraction| fraction >= start.subsec_nanos()),
    };
    let mut recent = engine.newest(2)?.into_iter().filter(is_recent);
    let only = recent.next()?;
    recent.next().is_none().then_some(only.id)
}

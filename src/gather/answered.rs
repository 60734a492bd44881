//! A container as its engine describes it over its socket. The engine answers when permwrap may not examine the container's
//! processes itself, as for a container of Docker's if the user is merely a member of group docker, or when the container has
//! already ended.

mod credentials;
mod members;
mod removed;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use members::{Members, asked_at_once, is_of_the_kernel, members, unknown_in};

use super::engine_api::{Engine, Inspected, Member, MountPoint};
use super::image::Image;
use super::process_stat::parents_start;
use super::way_back::join;
use crate::attempt::{ACCESS_ACL, Attempt, Numbers, Object, Place};
use crate::byte_path::below;
use crate::facts::notation::Tree;
use crate::facts::{
    Abroad, Container, Fact, Facts, Flags, Inode, Mount, MountFlags, MountId, Node, NodeId,
    Settings, Surroundings, UnknownFact, Walk,
};

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
}

impl Found {
    /// Asks for all of it at once: while Docker answers a question about a container's files, it neither notes the end of the
    /// container nor removes it, and it answers what is waiting by then first.
    fn of(engine: &Engine, id: &str, text: &[u8]) -> Option<Found> {
        let since = Instant::now();
        let (about, accounts, first) = thread::scope(|scope| {
            let accounts = ["/etc/passwd", "/etc/group"]
                .map(|path| scope.spawn(move || engine.content(id, path).unwrap_or_default()));
            let about = scope.spawn(|| engine.inspect(id));
            let first = asked_at_once(engine, id, &unknown_in(text, &Members::new()));
            let accounts = accounts.map(|accounts| accounts.join().unwrap_or_default());
            (about.join().ok().flatten(), accounts, first)
        });
        let mut found = Found {
            since,
            members: members(engine, id, text, first),
            about: about?,
            accounts,
        };
        if !found.has_content() {
            found.members.remove(&b"/"[..]);
        }
        Some(found)
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
            return Answered::from_image(self.about, image, client, None);
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
        }
    }
}

impl Answered {
    /// Finds the container that has one of these names, with the first engine that knows it, and asks for everything that a text
    /// from there names. `user` is the one that the command was told to run as.
    #[must_use]
    pub fn named(
        sockets: &[PathBuf],
        names: &[String],
        user: Option<&str>,
        client: &[Vec<u8>],
        text: &[u8],
    ) -> Option<Answered> {
        sockets.iter().find_map(|socket| {
            let engine = Engine::at(socket);
            let id = names.iter().find_map(|name| engine.inspect(name))?.id;
            let found = Found::of(&engine, &id, text)?;
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
            let id = new(&engine)?;
            let found = Found::of(&engine, &id, text)?;
            let image = &found.about.config.image;
            let is_it = images.is_empty() || images.contains(image);
            is_it.then(|| found.answered(engine, None, client))
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

    /// The directories and files of this machine that are mounted in it, if its ids are those of this machine.
    fn volumes(&self) -> impl Iterator<Item = &MountPoint> {
        let is_known = !self.remapped || self.numbers.is_some();
        let given = self.about.mounts.iter().filter(move |_| is_known);
        given.filter(|mount| mount.r#type == "bind" && mount.source.starts_with('/'))
    }

    /// The mount point of the volume that holds the path.
    fn volume_over(&self, path: &[u8]) -> Option<Vec<u8>> {
        let points = self.volumes().map(|mount| mount.destination.as_bytes());
        let over = points.filter(|point| below(path, point).is_some());
        over.max_by_key(|point| point.len()).map(<[u8]>::to_vec)
    }

    /// What lies at this path, as far as the volumes tell. Of the directories that lead to a volume, only that they exist.
    fn on_volume(&self, path: &[u8]) -> Option<Option<Result<Member, UnknownFact>>> {
        let leads = |mount: &MountPoint| below(mount.destination.as_bytes(), path).is_some();
        let holds = |mount: &&MountPoint| below(path, mount.destination.as_bytes()).is_some();
        let deepest = self
            .volumes()
            .filter(holds)
            .max_by_key(|mount| mount.destination.len());
        let Some(mount) = deepest else {
            let unseen = || UnknownFact {
                path: path.to_vec(),
                ..UnknownFact::not_gathered("mode and owner")
            };
            return self.volumes().any(leads).then(|| Some(Err(unseen())));
        };
        let rest = below(path, mount.destination.as_bytes())?;
        let here = join(mount.source.as_bytes(), rest);
        let acl = rustix::fs::lgetxattr(super::path(&here), ACCESS_ACL, &mut [0u8; 0]);
        if acl.is_ok() {
            // The mode alone does not decide.
            return None;
        }
        match fs::symlink_metadata(super::path(&here)) {
            Ok(found) => {
                let link = fs::read_link(super::path(&here)).ok();
                let link = link.map(|link| link.into_os_string().into_vec());
                Some(Some(Ok(Member::of(&found, link)?)))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(None),
            Err(_) => None,
        }
    }

    /// Asks for what another text names, while the container still exists.
    pub fn look_ahead(&self, text: &[u8]) {
        let Source::Engine(engine) = &self.source else {
            return;
        };
        let mut known = self.members.borrow_mut();
        let found = std::mem::take(&mut *known);
        *known = members(engine, &self.about.id, text, found);
    }

    /// The name of the container.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::Container(self.about.name.trim_start_matches('/').to_owned())
    }

    /// The arguments of its first process.
    #[must_use]
    pub fn arguments(&self) -> Vec<Vec<u8>> {
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

    /// Whether a file system of the container's own covers the path, which is gone once the container has ended, and which the
    /// engine does not show.
    fn is_unseen(&self, path: &[u8]) -> bool {
        // Once the container has gone, nothing leads to what an engine keeps under a name.
        let is_of_image = matches!(self.source, Source::Image(_));
        let is_kept = |mount: &MountPoint| is_of_image && !mount.source.starts_with('/');
        let given = self.about.mounts.iter();
        let given = given.filter(|mount| mount.r#type == "tmpfs" || is_kept(mount));
        let told = self.about.host_config.tmpfs.iter().flatten();
        let mut points = given
            .map(|mount| &mount.destination)
            .chain(told.map(|(point, _)| point));
        is_of_the_kernel(path) || points.any(|point| below(path, point.as_bytes()).is_some())
    }

    fn mounts(&self) -> Vec<Mount> {
        let root = Mount {
            root: b"/".to_vec(),
            point: b"/".to_vec(),
            fs_type: "overlay".to_owned(),
            source: b"overlay".to_vec(),
            flags: MountFlags {
                read_only: self.about.host_config.readonly_rootfs,
                ..MountFlags::default()
            },
            ..Mount::default()
        };
        let given = self.about.mounts.iter().map(|mount| Mount {
            root: mount.source.clone().into_bytes(),
            point: mount.destination.clone().into_bytes(),
            fs_type: mount.r#type.clone(),
            source: mount.source.clone().into_bytes(),
            flags: MountFlags {
                read_only: !mount.writable,
                ..MountFlags::default()
            },
            ..Mount::default()
        });
        [root].into_iter().chain(given).collect()
    }

    /// Resolves a path, asking the engine for one name at a time.
    fn walk(&self, path: &[u8], follow: bool, tree: &mut Tree, facts: &mut Facts) -> Walk {
        for _ in 0..MOST_NAMES {
            match tree.walk(&facts.nodes, path, follow) {
                Ok(walk) => return walk,
                Err(missing) => {
                    let found = self.node(&missing, facts);
                    let found = found.map(|node| {
                        node.map(|node| {
                            facts.nodes.push(node);
                            NodeId(facts.nodes.len() - 1)
                        })
                    });
                    tree.names.insert(missing, found);
                }
            }
        }
        Walk::default()
    }

    fn node(&self, path: &[u8], facts: &Facts) -> Fact<Option<Node>> {
        let unseen = || UnknownFact {
            what: "name".to_owned(),
            path: path.to_vec(),
            errno: None,
        };
        if self.is_unseen(path) {
            return Err(unseen());
        }
        let node = |found: Result<Member, UnknownFact>| {
            let (inode, link) = match found {
                Ok(member) => (Ok(member.inode), member.link),
                Err(unknown) => (Err(unknown), None),
            };
            node_of(path, inode, link, facts)
        };
        let engine = match &self.source {
            Source::Engine(engine) => engine,
            Source::Image(image) => {
                let found = self.at_start(image, path).ok_or_else(unseen)?;
                return Ok(found.map(node));
            }
        };
        let known = self.members.borrow().get(path).cloned();
        let member = match known {
            Some(member) => member,
            None if !self.is_root_seen() => {
                // It has gone.
                return Ok(self.on_volume(path).ok_or_else(unseen)?.map(node));
            }
            None => asked_at_once(engine, &self.about.id, &[path.to_vec()])
                .remove(path)
                .ok_or_else(unseen)?,
        };
        self.members
            .borrow_mut()
            .insert(path.to_vec(), member.clone());
        Ok(member.map(|member| node_of(path, Ok(member.inode), member.link, facts)))
    }

    /// The path of an object in the container, with its path here if it is on a bind mount and nothing indicates that the two
    /// differ.
    fn path_here(&self, node: &Node, facts: &Facts) -> Option<(Vec<u8>, Vec<u8>)> {
        let mount = &facts.mounts[node.mount.0];
        let is_remapped = self.remapped && self.numbers.is_none();
        if is_remapped || mount.point == b"/" || !mount.root.starts_with(b"/") {
            return None;
        }
        let here = join(&mount.root, below(&node.path, &mount.point)?);
        let inode = node.inode.as_ref().ok()?;
        let is_it = match fs::symlink_metadata(super::path(&here)) {
            Ok(found) => {
                found.uid() == inode.uid
                    && found.gid() == inode.gid
                    && found.mode() & 0o7777 == inode.mode
            }
            // Volumes are usually in a directory that only the engine may search.
            Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
        };
        is_it.then(|| (node.path.clone(), here))
    }
}

/// A node of which nothing else is known.
fn node_of(path: &[u8], inode: Fact<Inode>, link: Option<Vec<u8>>, facts: &Facts) -> Node {
    Node {
        path: path.to_vec(),
        inode,
        acl: Ok(None),
        default_acl: Ok(None),
        flags: Ok(Flags::default()),
        mount: facts.mount_over(path).unwrap_or(MountId(0)),
        link,
        program: Err(UnknownFact::not_gathered("the first bytes")),
        has_capabilities: false,
        label: Ok(None),
        empty: Err(UnknownFact::not_gathered("whether it is empty")),
        traced: None,
    }
}

/// The id of the only container that was created since permwrap's parent process started. `None` if there are several, because
/// any of them may have written the message.
fn new(engine: &Engine) -> Option<String> {
    let start = parents_start()?;
    let listed = engine.newest(2)?.into_iter();
    let mut recent = listed.filter(|one| one.created >= start);
    let only = recent.next()?;
    recent.next().is_none().then_some(only.id)
}

//! A container as its engine describes it over its socket. The engine answers when permwrap may not examine the container's
//! processes itself, as for a container of Docker's if the user is merely a member of group docker, or when the container has
//! already ended.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::engine_api::{Engine, Inspected, Member};
use super::names::Databases;
use super::process_stat::ProcessStat;
use super::way_back::join;
use crate::attempt::{Attempt, Capability, CapabilitySet, Object, Place, Subject};
use crate::byte_path::{self, below};
use crate::facts::notation::Tree;
use crate::facts::{
    Abroad, Container, Fact, Facts, Flags, Mount, MountFlags, MountId, Node, NodeId, Settings,
    Surroundings, UnknownFact, Walk,
};

/// The capabilities that engines give to root by default (moby, oci/caps/defaults.go; containers-common), as far as judgements
/// depend on them.
const DEFAULT: &[Capability] = &[
    Capability::Chown,
    Capability::DacOverride,
    Capability::Fsetid,
    Capability::Fowner,
    Capability::Setgid,
    Capability::Setuid,
    Capability::Setfcap,
    Capability::NetBindService,
    Capability::SysChroot,
    Capability::Kill,
];

/// Those that Docker gives in addition.
const OF_DOCKER: &[Capability] = &[Capability::Mknod, Capability::NetRaw];

/// Where an engine mounts kernel file systems in every container. The archive shows only the directories beneath those mounts.
const OF_THE_KERNEL: &[&[u8]] = &[b"/dev", b"/proc", b"/sys"];

/// The maximum number of paths in a text that are asked for in advance, before any of them is known to matter.
const MOST_AHEAD: usize = 4;

/// The maximum number of names that are asked for while paths are resolved.
const MOST_NAMES: usize = 64;

/// How the container is identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The only container that was created since permwrap's parent process started. Its image must be one of these words,
    /// unless there are none.
    New(Vec<String>),
    /// The first of these names that a container has, and the user that the command was told to run as.
    Named(Vec<String>, Option<String>),
}

/// A container, and the engine that describes it.
#[derive(Debug)]
pub struct Answered {
    engine: Engine,
    about: Inspected,
    user: String,
    /// The words by which the engine's client was called, up to its verb.
    client: Vec<Vec<u8>>,
    /// Whether its ids are others on the host.
    remapped: bool,
    /// The content of its passwd(5) and group(5).
    accounts: [Vec<u8>; 2],
    /// The answers so far, by path.
    members: RefCell<Members>,
}

/// What lies at a path; `None` where nothing does.
type Members = BTreeMap<Vec<u8>, Option<Member>>;

impl Answered {
    /// Finds the container with the first engine that knows it, and asks for everything that a text from there names. All of it
    /// is asked for at once, because a container is often removed a moment after it failed. `None` if none of the engines
    /// answers or knows the container.
    #[must_use]
    pub fn by(
        sockets: &[PathBuf],
        wanted: &Wanted,
        client: &[Vec<u8>],
        text: &[u8],
    ) -> Option<Answered> {
        sockets.iter().find_map(|socket| {
            let engine = Engine::at(socket);
            let (id, user) = match wanted {
                Wanted::New(_) => (new(&engine)?, None),
                Wanted::Named(names, user) => {
                    let about = names.iter().find_map(|name| engine.inspect(name))?;
                    (about.id, user.clone())
                }
            };
            let (about, first) = thread::scope(|scope| {
                let about = scope.spawn(|| engine.inspect(&id));
                let first = asked_at_once(&engine, &id, &unknown_in(text, &Members::new()));
                (about.join().ok().flatten(), first)
            });
            let members = members(&engine, &id, text, first);
            let accounts = accounts(&engine, &id);
            let about = about?;
            let remapped = engine.maps_ids();
            let is_it = match wanted {
                Wanted::New(words) => words.is_empty() || words.contains(&about.config.image),
                Wanted::Named(..) => true,
            };
            is_it.then(|| Answered {
                user: user.unwrap_or_else(|| about.config.user.clone()),
                client: client.to_vec(),
                remapped,
                accounts,
                members: RefCell::new(members),
                engine,
                about,
            })
        })
    }

    /// Whether its root directory was seen before the container was removed.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        matches!(self.members.borrow().get(&b"/"[..]), Some(Some(_)))
    }

    /// Asks for what another text names, while the container still exists.
    pub fn look_ahead(&self, text: &[u8]) {
        let mut known = self.members.borrow_mut();
        let found = std::mem::take(&mut *known);
        *known = members(&self.engine, &self.about.id, text, found);
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

    /// The credentials of its first process; `None` if its user is not known there.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        let databases = self.databases();
        let (user, group) = match self.user.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (self.user.as_str(), None),
        };
        let known = match user {
            "" => databases.user(0),
            user => match user.parse() {
                Ok(uid) => databases.user(uid),
                Err(_) => Some(databases.user_named(user)?),
            },
        };
        let uid = known
            .as_ref()
            .map(|known| known.uid)
            .or_else(|| user.parse().ok())
            .unwrap_or(0);
        let gid_of = |group: &str| group.parse().ok().or_else(|| databases.gid_of(group));
        let (gid, mut groups) = match (group, &known) {
            (Some(group), _) => (gid_of(group)?, Vec::new()),
            (None, Some(known)) => (known.gid, databases.groups_of(&known.name, known.gid)),
            (None, None) => (0, Vec::new()),
        };
        let config = &self.about.host_config;
        groups.extend(
            config
                .group_add
                .iter()
                .flatten()
                .filter_map(|group| gid_of(group)),
        );
        let bounding = self.bounding();
        let no_new_privs = config.security_opt.iter().flatten();
        let no_new_privs = no_new_privs
            .clone()
            .any(|option| option.starts_with("no-new-privileges") && !option.ends_with("false"));
        Some(Subject {
            capabilities: if uid == 0 {
                bounding
            } else {
                CapabilitySet::EMPTY
            },
            bounding,
            no_new_privs,
            database_groups: Err(UnknownFact::not_gathered("groups of the user there")),
            ..Subject::login(uid, gid, groups)
        })
    }

    fn bounding(&self) -> CapabilitySet {
        let config = &self.about.host_config;
        if config.privileged {
            return CapabilitySet::FULL;
        }
        let has = |names: &Option<Vec<String>>, name: &str| {
            let plain = name.trim_start_matches("CAP_");
            let mut names = names
                .iter()
                .flatten()
                .map(|one| one.trim_start_matches("CAP_"));
            names.any(|one| one.eq_ignore_ascii_case(plain) || one.eq_ignore_ascii_case("ALL"))
        };
        let dropped = |one: &Capability| has(&config.cap_drop, one.name());
        let added = |one: &Capability| has(&config.cap_add, one.name());
        let usual = |one: &Capability| {
            DEFAULT.contains(one) || !self.about.of_podman && OF_DOCKER.contains(one)
        };
        let given = |one: &&Capability| added(one) || usual(one) && !dropped(one);
        let all = Capability::ALL.iter().filter(given);
        all.copied().fold(CapabilitySet::EMPTY, CapabilitySet::with)
    }

    pub(super) fn databases(&self) -> Databases {
        let [passwd, group] = &self.accounts;
        Databases::of_texts(passwd, group)
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
                ..Container::default()
            }),
            elsewhere: true,
            abroad: Some(Abroad {
                place: Some(self.place()),
                paths: paths.collect(),
                enter: self.enter(),
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
        let given = self.about.mounts.iter();
        let given = given.filter(|mount| mount.r#type == "tmpfs");
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
        let known = self.members.borrow().get(path).cloned();
        let member = match known {
            Some(member) => member,
            None => asked_at_once(&self.engine, &self.about.id, &[path.to_vec()])
                .remove(path)
                .ok_or_else(unseen)?,
        };
        self.members
            .borrow_mut()
            .insert(path.to_vec(), member.clone());
        Ok(member.map(|member| Node {
            path: path.to_vec(),
            inode: Ok(member.inode),
            acl: Ok(None),
            default_acl: Ok(None),
            flags: Ok(Flags::default()),
            mount: facts.mount_over(path).unwrap_or(MountId(0)),
            link: member.link,
            program: Err(UnknownFact::not_gathered("the first bytes")),
            label: Ok(None),
            empty: Err(UnknownFact::not_gathered("whether it is empty")),
            traced: None,
        }))
    }

    /// The path of an object in the container, with its path here if it is on a bind mount and nothing indicates that the two
    /// differ.
    fn path_here(&self, node: &Node, facts: &Facts) -> Option<(Vec<u8>, Vec<u8>)> {
        let mount = &facts.mounts[node.mount.0];
        if self.remapped || mount.point == b"/" || !mount.root.starts_with(b"/") {
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

/// The id of the only container that was created since permwrap's parent process started. `None` if there are several, because
/// any of them may have written the message.
fn new(engine: &Engine) -> Option<String> {
    let start = start_of(rustix::process::getppid()?.as_raw_nonzero().get())?;
    let listed = engine.newest(2)?.into_iter();
    let mut recent = listed.filter(|one| one.created >= start);
    let only = recent.next()?;
    recent.next().is_none().then_some(only.id)
}

/// The files at the absolute paths in a text, the directories that lead there, and the targets of symlinks, in addition to what
/// was found before.
fn members(engine: &Engine, id: &str, text: &[u8], mut found: Members) -> Members {
    loop {
        let unknown = unknown_in(text, &found);
        let answers = asked_at_once(engine, id, &unknown);
        if unknown.is_empty() || answers.is_empty() || found.len() >= MOST_NAMES {
            return found;
        }
        found.extend(answers);
    }
}

/// Asks for all of these names at the same time: the engine does not remove a container while it answers, but does between two
/// answers. That something is not there is believed only of a container that still has its root directory afterwards.
fn asked_at_once(engine: &Engine, id: &str, names: &[Vec<u8>]) -> Members {
    let mut answers: Members = thread::scope(|scope| {
        let ask = |path: &Vec<u8>| Some((path.clone(), engine.member(id, path)?));
        let asked = names.iter().map(|path| scope.spawn(move || ask(path)));
        let asked: Vec<_> = asked.collect();
        let answers = asked.into_iter();
        answers
            .filter_map(|answer| answer.join().ok().flatten())
            .collect()
    });
    if answers.values().any(Option::is_none) && !matches!(engine.member(id, b"/"), Some(Some(_))) {
        answers.retain(|_, member| member.is_some());
    }
    answers
}

/// The root directory, and the names that lead to the absolute paths in a text, as far as they are not known yet.
fn unknown_in(text: &[u8], known: &Members) -> Vec<Vec<u8>> {
    let paths = named_in(text).take(MOST_AHEAD);
    let mut unknown: Vec<Vec<u8>> = [b"/".to_vec()]
        .into_iter()
        .chain(paths)
        .flat_map(|path| unknown_on_the_way_to(path, known))
        .collect();
    unknown.sort();
    unknown.dedup();
    unknown
}

/// The names that lead to a path, from the first unknown one on. Known symlinks are followed.
fn unknown_on_the_way_to(mut path: Vec<u8>, known: &Members) -> Vec<Vec<u8>> {
    /// The maximum number of symlinks that the kernel follows (MAXSYMLINKS).
    const MOST_LINKS: usize = 40;
    for _ in 0..MOST_LINKS {
        let way = way_to(&path);
        let is_passed = |at: &&Vec<u8>| match known.get(*at) {
            Some(Some(member)) => member.link.is_none(),
            _ => false,
        };
        let passed = way.iter().take_while(is_passed).count();
        let Some(at) = way.get(passed) else {
            return Vec::new();
        };
        match known.get(at) {
            Some(Some(Member {
                link: Some(link), ..
            })) => {
                let rest = path.strip_prefix(at.as_slice()).unwrap_or_default();
                let directory = byte_path::parent(at).unwrap_or(b"/");
                path = join(&byte_path::join(directory, link), rest);
            }
            Some(_) => return Vec::new(),
            None => {
                let rest = way[passed..].iter();
                return rest.filter(|at| !is_of_the_kernel(at)).cloned().collect();
            }
        }
    }
    Vec::new()
}

/// The root directory and every name on the way to a path.
fn way_to(path: &[u8]) -> Vec<Vec<u8>> {
    let names = path
        .split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty());
    let mut way = vec![b"/".to_vec()];
    for name in names {
        way.push(byte_path::step(&way[way.len() - 1], name));
    }
    way
}

fn accounts(engine: &Engine, id: &str) -> [Vec<u8>; 2] {
    let content = |path| engine.content(id, path).unwrap_or_default();
    ["/etc/passwd", "/etc/group"].map(content)
}

/// The absolute paths in a text, last first, because a message usually names the object at its end.
fn named_in(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let is_edge = |byte: &u8| byte.is_ascii_whitespace() || b"'\"`:;,()[]<>".contains(byte);
    let words = text.rsplit(move |byte| is_edge(byte));
    words
        .filter(|word| word.starts_with(b"/") && word.len() > 1)
        .map(<[u8]>::to_vec)
}

fn is_of_the_kernel(path: &[u8]) -> bool {
    OF_THE_KERNEL.iter().any(|top| below(path, top).is_some())
}

/// When a process started, in whole seconds since the epoch.
fn start_of(pid: i32) -> Option<u64> {
    /// Ticks per second (USER_HZ).
    const TICKS: u64 = 100;
    let ticks = ProcessStat::read(pid)?.started;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
    let uptime = Duration::try_from_secs_f64(uptime).ok()?;
    let age = uptime.checked_sub(Duration::from_millis(ticks * 1000 / TICKS))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(now.checked_sub(age)?.as_secs())
}

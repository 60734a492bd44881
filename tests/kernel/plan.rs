//! Random trees, subjects and attempts, as plain data that can be rebuilt, printed and reduced.

mod path;

use fastrand::Rng;
use permwrap::attempt::{NodeType, OpenHow, Operation};
use permwrap::facts::{Acl, Entry, Perms, Tag};

use path::{Aim, random_path};

/// A tree of files, and the mounts in it.
#[derive(Debug, Clone)]
pub struct Tree {
    pub disk: Disk,
    /// The top directory comes first; every file comes after its directory.
    pub files: Vec<File>,
    pub mounts: Vec<Mount>,
}

/// The file system of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    Tmpfs,
    Ext4,
}

#[derive(Debug, Clone)]
pub struct File {
    /// Its path below the top directory, without a leading slash; empty for the top directory.
    pub path: String,
    pub what: What,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub acl: Option<Acl>,
    pub default_acl: Option<Acl>,
    pub immutable: bool,
    pub append: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Directory,
    /// A symlink. `{top}` in the target stands for the path of the top directory.
    Link(String),
    /// A hard link to a preceding file.
    HardLink(String),
    Fifo,
    Socket,
    /// A device node with the number of /dev/null.
    Char,
    Program(Program),
}

/// A regular file, by how it is executed. `{top}` in a path stands for the path of the top directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    Empty,
    Script(String),
    Elf(Option<String>),
}

/// A mount on a directory of the tree.
#[derive(Debug, Clone)]
pub struct Mount {
    /// The mount point.
    pub on: String,
    /// The directory of the tree that is bind-mounted; `None` for an empty tmpfs.
    pub of: Option<String>,
    pub read_only: bool,
    pub super_read_only: bool,
    pub noexec: bool,
    pub nodev: bool,
    pub nosymfollow: bool,
}

/// The subject.
#[derive(Debug, Clone)]
pub struct Who {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
    /// The effective capabilities.
    pub capabilities: u64,
    /// The ids mapped in a user namespace of its own, in the order of their numbers there, from 0 on.
    pub namespace: Option<(Vec<u32>, Vec<u32>)>,
}

/// An attempt. `{top}` in a path stands for the path of the top directory.
#[derive(Debug, Clone)]
pub struct Try {
    pub operation: Operation,
    pub path: String,
    pub to: Option<String>,
}

/// The available ids, and what can be set up.
#[derive(Debug, Clone)]
pub struct Means {
    pub uids: Vec<u32>,
    pub gids: Vec<u32>,
    pub ext4: bool,
    pub mounts: bool,
    /// Whether arbitrary ids, capabilities and flags can be set.
    pub root: bool,
}

/// The names of files; the last one is never used for a file.
pub const NAMES: [&str; 5] = ["a", "b", "c", "d", "missing"];

impl Tree {
    pub fn random(rng: &mut Rng, means: &Means) -> Tree {
        let mut tree = Tree {
            disk: if means.ext4 && rng.u8(..3) == 0 {
                Disk::Ext4
            } else {
                Disk::Tmpfs
            },
            files: vec![File::random(rng, means, String::new(), What::Directory)],
            mounts: Vec::new(),
        };
        for _ in 0..rng.usize(3..14) {
            let directory = rng.choice(tree.directories()).expect("the top is one");
            let path = join(&directory, some_name(rng));
            if tree.files.iter().all(|file| file.path != path) {
                let what = tree.random_what(rng, means);
                tree.files.push(File::random(rng, means, path, what));
            }
        }
        if means.mounts {
            for _ in 0..rng.usize(..4) {
                tree.mount_something(rng);
            }
        }
        tree
    }

    fn directories(&self) -> Vec<String> {
        let files = self.files.iter();
        files
            .filter(|file| file.what == What::Directory)
            .map(|file| file.path.clone())
            .collect()
    }

    fn random_what(&self, rng: &mut Rng, means: &Means) -> What {
        match rng.u8(..20) {
            0..=7 => What::Directory,
            8..=10 => What::Link(random_path(rng, self, Aim::Anything, true)),
            11 => {
                let files = self
                    .files
                    .iter()
                    .filter(|file| matches!(file.what, What::Program(_)));
                let earlier = rng.choice(files.collect::<Vec<_>>());
                earlier.map_or(What::Fifo, |file| What::HardLink(file.path.clone()))
            }
            12 => What::Fifo,
            13 => What::Socket,
            14 if means.root => What::Char,
            15 => What::Program(Program::Script(random_path(rng, self, Aim::Program, true))),
            16 => What::Program(Program::Elf(Some(random_path(
                rng,
                self,
                Aim::Program,
                true,
            )))),
            17 => What::Program(Program::Elf(None)),
            _ => What::Program(Program::Empty),
        }
    }

    fn mount_something(&mut self, rng: &mut Rng) {
        // Preferably near the top, where more paths lead through it.
        let directories = self.directories();
        let below_the_top = 1..directories.len();
        if below_the_top.is_empty() {
            return;
        }
        let on = directories[rng
            .usize(below_the_top.clone())
            .min(rng.usize(below_the_top))]
        .clone();
        if self.mounts.iter().any(|mount| mount.on == on) {
            return;
        }
        // The flags of a covered mount point are not visible, and the judge assumes that there are none.
        for file in self.files.iter_mut().filter(|file| file.path == on) {
            (file.immutable, file.append) = (false, false);
        }
        let seldom = |rng: &mut Rng| rng.u8(..3) == 0;
        let mut of = rng.choice(self.directories()).filter(|_| rng.u8(..6) > 0);
        // A mount point is busy everywhere it is visible, which the facts do not show. So it must not be visible elsewhere.
        let shows = |of: &Option<String>, on: &str| of.as_ref().is_some_and(|of| lies_in(on, of));
        if shows(&of, &on) || self.mounts.iter().any(|other| shows(&of, &other.on)) {
            of = None;
        }
        let others = &mut self.mounts.iter();
        if others.any(|other| {
            shows(&other.of, &on) || lies_in(&on, &other.on) || lies_in(&other.on, &on)
        }) {
            return;
        }
        let bind = of.is_some();
        self.mounts.push(Mount {
            of,
            on,
            read_only: seldom(rng),
            super_read_only: !bind && seldom(rng),
            noexec: seldom(rng),
            nodev: seldom(rng),
            nosymfollow: seldom(rng),
        });
    }
}

impl File {
    fn random(rng: &mut Rng, means: &Means, path: String, what: What) -> File {
        let is_dir = what == What::Directory;
        let takes_acl = !matches!(what, What::Link(_) | What::HardLink(_));
        let takes_flags = means.root && matches!(what, What::Directory | What::Program(_));
        let mode = random_mode(rng, is_dir);
        let bits = |shift: u32| Perms::from_bits(mode >> shift);
        File {
            acl: (takes_acl && rng.u8(..3) == 0)
                .then(|| random_acl(rng, means, [bits(6), bits(3), bits(0)])),
            default_acl: (is_dir && rng.u8(..8) == 0)
                .then(|| random_acl(rng, means, [bits(6), bits(3), bits(0)])),
            immutable: takes_flags && rng.u8(..16) == 0,
            append: takes_flags && rng.u8(..16) == 0,
            uid: *rng.choice(&means.uids).expect("some"),
            gid: *rng.choice(&means.gids).expect("some"),
            path,
            what,
            mode,
        }
    }
}

fn some_name(rng: &mut Rng) -> &'static str {
    NAMES[rng.usize(..4)]
}

/// Directories are accessible more often than not, so that something can be reached in them.
fn random_mode(rng: &mut Rng, is_dir: bool) -> u32 {
    let special = match rng.u8(..4) {
        0 => rng.u32(..8) << 9,
        1 if is_dir => return 0o1000 | rng.choice([0o777, 0o777, 0o775, 0o707]).expect("some"),
        _ => 0,
    };
    let bits = match rng.u8(..8) {
        0..=3 if is_dir => 0o777,
        4..=6 if is_dir => 0o755,
        0 => 0o777,
        1 => 0o666,
        2 => 0o644,
        _ => rng.u32(..0o1000),
    };
    special | bits
}

fn random_acl(rng: &mut Rng, means: &Means, [owner, mask, other]: [Perms; 3]) -> Acl {
    let perms = |rng: &mut Rng| Perms::from_bits(rng.u32(..8));
    let mut acl = Acl {
        entries: vec![
            Entry {
                tag: Tag::Owner,
                perms: owner,
            },
            Entry {
                tag: Tag::OwningGroup,
                perms: perms(rng),
            },
            Entry {
                tag: Tag::Mask,
                perms: mask,
            },
            Entry {
                tag: Tag::Other,
                perms: other,
            },
        ],
    };
    for _ in 0..rng.usize(..4) {
        let tag = match rng.bool() {
            true => Tag::User(*rng.choice(&means.uids).expect("some")),
            false => Tag::Group(*rng.choice(&means.gids).expect("some")),
        };
        acl.set(tag, perms(rng));
    }
    acl
}

impl Who {
    pub fn random(rng: &mut Rng, means: &Means) -> Who {
        let uid = *rng.choice(&means.uids).expect("some");
        let gid = *rng.choice(&means.gids).expect("some");
        let groups = means
            .gids
            .iter()
            .copied()
            .filter(|_| rng.u8(..3) == 0)
            .collect();
        let namespace = (means.root && rng.u8(..4) == 0).then(|| {
            let mut subset = |all: &[u32], own: u32| {
                let mut ids: Vec<u32> = all
                    .iter()
                    .copied()
                    .filter(|id| *id == own || rng.bool())
                    .collect();
                rng.shuffle(&mut ids);
                ids
            };
            (subset(&means.uids, uid), subset(&means.gids, gid))
        });
        let full = (1u64 << 41) - 1;
        let capabilities = match rng.u8(..6) {
            _ if !means.root => 0,
            0 => full,
            1 => rng.u64(..) & full,
            2 => 1 << rng.u64(..6),
            3 if uid == 0 || namespace.is_some() => full,
            _ => 0,
        };
        Who {
            uid,
            gid,
            groups,
            capabilities,
            namespace,
        }
    }
}

impl Try {
    pub fn random(rng: &mut Rng, tree: &Tree, means: &Means) -> Try {
        let operation = random_operation(rng, means);
        let two = matches!(operation, Operation::Rename | Operation::Link);
        Try {
            path: random_path(rng, tree, Aim::of(&operation), false),
            to: two.then(|| random_path(rng, tree, Aim::Name, false)),
            operation,
        }
    }
}

fn random_operation(rng: &mut Rng, means: &Means) -> Operation {
    let some_id = |rng: &mut Rng, ids: &[u32]| rng.bool().then(|| *rng.choice(ids).expect("some"));
    match rng.u8(..32) {
        0..=5 => Operation::Open(random_how(rng)),
        6 => Operation::Stat { follow: rng.bool() },
        7..=8 => Operation::Exec,
        9 => Operation::List,
        10 => Operation::Traverse,
        11..=12 => Operation::Mkdir,
        13 => Operation::Mknod(NodeType::Fifo),
        14 => Operation::Mknod(NodeType::Char),
        15 => Operation::Mknod(NodeType::Block),
        16 => Operation::Symlink,
        17..=18 => Operation::Delete,
        19 => Operation::Rmdir,
        20..=22 => Operation::Rename,
        23..=24 => Operation::Link,
        25 => Operation::Chmod(Some(rng.u32(..0o10000))),
        26..=27 => loop {
            let (uid, gid) = (some_id(rng, &means.uids), some_id(rng, &means.gids));
            if uid.is_some() || gid.is_some() {
                break Operation::Chown { uid, gid };
            }
        },
        28 => Operation::Utime { now: rng.bool() },
        29 => {
            let names = [
                "user.x",
                "user.x",
                "trusted.x",
                "security.x",
                "security.capability",
                "strange.x",
                "plain",
            ];
            Operation::Setxattr((*rng.choice(&names).expect("some")).to_owned())
        }
        30 => Operation::Bind,
        _ => Operation::Connect,
    }
}

fn random_how(rng: &mut Rng) -> OpenHow {
    let (read, write) = *rng
        .choice(&[(true, false), (false, true), (true, true)])
        .expect("some");
    let create = rng.u8(..3) == 0;
    OpenHow {
        read,
        write,
        append: rng.u8(..4) == 0,
        truncate: rng.u8(..4) == 0,
        create,
        exclusive: create && rng.u8(..4) == 0,
        noatime: rng.u8(..8) == 0,
    }
}

/// Whether a path is the directory or lies below it.
fn lies_in(path: &str, directory: &str) -> bool {
    path == directory || path.starts_with(&join(directory, ""))
}

/// The path of a name in a directory of the tree.
pub fn join(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        _ => format!("{directory}/{name}"),
    }
}

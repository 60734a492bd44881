//! The environment that the subject runs in: container, service, home, project. It affects which fix will last, but never the
//! verdict.

mod container;
mod unit;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use self::container::Signs;
use super::subordinate::numbers_of_own_containers;
use super::{View, way_back};
use crate::attempt::{Account, Numbers, Subject};
use crate::byte_path;
use crate::facts::{Abroad, Container, Elevator, Facts, Surroundings, Unit, Walk};

/// Files and directories found at the top of a project.
const PROJECT: [&str; 16] = [
    "Cargo.toml",
    "Gemfile",
    "Makefile",
    "build.gradle",
    "build.gradle.kts",
    "compose.yaml",
    "composer.json",
    "deno.json",
    "docker-compose.yml",
    "go.mod",
    "manage.py",
    "mix.exs",
    "package.json",
    "pom.xml",
    "pyproject.toml",
    "setup.py",
];

/// How many directories, counted from the root, are considered as the top of a project or prefix. Deeper paths are made by
/// programs.
const DEEPEST: usize = 64;

/// Directories in which version control systems keep the repository, at the top of a project.
const REPOSITORY: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

/// Files and directories found at the top of a prefix that packages are installed into: a Python environment, conda, Homebrew.
const PREFIX: [&str; 3] = ["pyvenv.cfg", "conda-meta", "Cellar"];

/// Where programs are looked for in addition to permwrap's own search path.
const PROGRAMS: [&str; 6] = [
    "/usr/bin",
    "/bin",
    "/usr/sbin",
    "/sbin",
    "/usr/local/bin",
    "/run/wrappers/bin",
];

/// What is around every attempt of a process, read once; and what was found around the directories that its attempts met.
#[derive(Debug, Default)]
pub(super) struct Around {
    place: OnceCell<Place>,
    /// What was found above each directory.
    tops: RefCell<HashMap<Vec<u8>, Tops>>,
}

/// The top of the project, and that of the prefix, that a directory lies in.
type Tops = [Option<Vec<u8>>; 2];

/// What is around a process, wherever its attempts lead.
#[derive(Debug)]
struct Place {
    signs: Signs,
    unit: Option<Unit>,
    wsl: bool,
    elevator: Elevator,
    /// Whether setfacl is installed where the process lives, and where permwrap does.
    setfacl: [bool; 2],
}

impl Place {
    fn read(view: &View, root: &Path) -> Place {
        let cgroup = String::from_utf8_lossy(&view.proc_text("cgroup")).into_owned();
        let hands = Path::new("/");
        let installed_under = match view.is_elsewhere() {
            true => hands,
            false => root,
        };
        Place {
            unit: unit::unit(&cgroup),
            signs: Signs::read(view, root, cgroup),
            wsl: std::fs::read_to_string("/proc/sys/kernel/osrelease")
                .is_ok_and(|kernel| is_wsl(&kernel)),
            elevator: Elevator::of(|name| is_installed(installed_under, name)),
            setfacl: [root, hands].map(|root| is_installed(root, "setfacl")),
        }
    }

    fn container(&self, subject: &Subject, facts: &Facts) -> Option<Container> {
        let label = subject.label.as_ref().ok().and_then(Option::as_deref);
        let label = label.unwrap_or_default();
        let kind = container::kind(&self.signs, label)?;
        Some(Container {
            kind: kind.to_owned(),
            application: container::application(&self.signs, label, kind),
            remapped: !subject.initial_user_ns,
            numbers: host_numbers(subject),
            read_only_root: facts.walk.start.is_some_and(|root| {
                let mount = facts.mount_of(root);
                mount.flags.read_only || mount.super_read_only
            }),
        })
    }
}

/// The surroundings of the subject of these facts.
pub(super) fn read(view: &View, subject: &Subject, facts: &Facts) -> Surroundings {
    let root = view.root_directory();
    let place = view.around.place.get_or_init(|| Place::read(view, &root));
    let home = view.home(subject.uid);
    let [project, prefix] = tops(view, &root, home.as_deref(), facts);
    let container = place.container(subject, facts);
    let elsewhere = view.is_elsewhere();
    let paths = if elsewhere {
        way_back::paths(view, facts)
    } else {
        Vec::new()
    };
    // Objects that have a path here are changed from here.
    let [setfacl, setfacl_here] = place.setfacl;
    let has_way_back = !paths.is_empty();
    Surroundings {
        unit: place.unit.clone().filter(|_| container.is_none()),
        container,
        elsewhere,
        abroad: elsewhere.then(|| Abroad {
            place: view.place(),
            paths,
            numbers: view.numbers(),
            enter: view.enter(),
            remains: None,
            setfacl,
        }),
        wsl: place.wsl,
        project,
        prefix,
        home,
        leftovers: None,
        own_containers: own_containers(subject, facts, elsewhere),
        peopled: None,
        offered: Vec::new(),
        command: Vec::new(),
        program: None,
        account: Account::default(),
        install_variable: None,
        planted: false,
        named: Vec::new(),
        swappable: false,
        powerless: None,
        elevator: place.elevator,
        setfacl: setfacl || has_way_back && setfacl_here,
    }
}

/// The top of the project, and that of the prefix, that the walk ends in.
fn tops(view: &View, root: &Path, home: Option<&[u8]>, facts: &Facts) -> Tops {
    let mut above = directories(&facts.walk, facts);
    above.drain(..above.len().saturating_sub(DEEPEST));
    let nearest_of_all = above.first().map_or_else(Vec::new, |first| first.to_vec());
    let mut known = view.around.tops.borrow_mut();
    let tops = known.entry(nearest_of_all).or_insert_with(|| {
        let exists = |directory: &[u8], name: &str| {
            let path = under(root, directory).join(name);
            path.symlink_metadata().is_ok()
        };
        let is_prefix = |directory: &[u8]| PREFIX.iter().any(|name| exists(directory, name));
        [project(&above, home, exists), nearest(&above, is_prefix)]
    });
    tops.clone()
}

/// The mapping between permwrap's own user namespace and the host. It is known only if the id maps look like those that engines
/// create for root or for a user of the host; in a nested namespace it is not.
fn host_numbers(subject: &Subject) -> Option<[Numbers; 2]> {
    if subject.initial_user_ns {
        return None;
    }
    let maps = ["uid_map", "gid_map"].map(|name| {
        Numbers::parse(&std::fs::read(format!("/proc/self/{name}")).unwrap_or_default())
    });
    // The lowest id reserved for containers (SUB_UID_MIN of login.defs(5)).
    const FIRST: u32 = 100_000;
    let is_whole = |map: &Numbers| {
        let mut ranges = map.0.iter();
        ranges.all(|&(inside, outside, count)| outside >= FIRST || inside == 0 && count == 1)
    };
    maps.iter().all(is_whole).then_some(maps)
}

/// The ids of the subject's own containers; `None` unless it is permwrap's own user, with Podman. They are read only if an object is
/// neither root's nor the subject's, since only then can it be theirs.
fn own_containers(subject: &Subject, facts: &Facts, elsewhere: bool) -> Option<[Numbers; 2]> {
    let is_own = subject.uid == nix::unistd::geteuid().as_raw() && subject.uid != 0 && !elsewhere;
    let mut owners = facts.nodes.iter().flat_map(|node| &node.inode);
    let has_others = owners.any(|inode| inode.uid != 0 && inode.uid != subject.uid);
    let may_be_theirs = is_own && has_others && is_installed(Path::new("/"), "podman");
    may_be_theirs.then(numbers_of_own_containers)?
}

/// Whether a kernel release is that of the Windows Subsystem for Linux.
fn is_wsl(release: &str) -> bool {
    let release = release.to_ascii_lowercase();
    release.contains("microsoft") || release.contains("wsl")
}

/// The top of the project among these directories (the nearest first): the nearest repository, otherwise the topmost directory
/// below the home with a project file.
fn project(
    above: &[&[u8]],
    home: Option<&[u8]>,
    exists: impl Fn(&[u8], &str) -> bool,
) -> Option<Vec<u8>> {
    let has = |names: &[&str], directory: &[u8]| names.iter().any(|name| exists(directory, name));
    let below_home = above
        .iter()
        .take_while(|&&directory| Some(directory) != home && directory != b"/");
    let repository = nearest(above, |directory| {
        directory != b"/" && has(&REPOSITORY, directory)
    });
    repository.or_else(|| {
        let topmost = below_home
            .filter(|&directory| has(&PROJECT, directory))
            .last();
        topmost.map(|directory| directory.to_vec())
    })
}

fn nearest(above: &[&[u8]], is: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let found = above.iter().find(|&&directory| is(directory));
    found.map(|directory| directory.to_vec())
}

/// The directories above the end of the walk, including the end itself if it is a directory; the nearest first.
pub(super) fn directories<'a>(walk: &Walk, facts: &'a Facts) -> Vec<&'a [u8]> {
    let Some(end) = walk
        .target()
        .or(walk.named())
        .or_else(|| Some(walk.steps.last()?.dir))
    else {
        return Vec::new();
    };
    let node = facts.node(end);
    let is_dir = node.inode.as_ref().is_ok_and(crate::facts::Inode::is_dir);
    let path = node.path.as_slice();
    let mut all = Vec::new();
    if is_dir && path != b"/" {
        all.push(path);
    }
    all.extend(byte_path::above(path));
    all
}

/// The path here of an absolute path of the subject.
pub(super) fn under(root: &Path, path: &[u8]) -> PathBuf {
    let relative = path.strip_prefix(b"/").unwrap_or(path);
    root.join(OsStr::from_bytes(relative))
}

/// The path of the program with this name, if it is set-user-ID.
pub(super) fn set_user_id_program(root: &Path, name: &[u8]) -> Option<Vec<u8>> {
    const SET_USER_ID: u32 = 0o4000;
    let (path, mode) = programs(root, name).next()?;
    (mode & SET_USER_ID != 0).then_some(path)
}

fn is_installed(root: &Path, program: &str) -> bool {
    programs(root, program.as_bytes()).any(|(_, mode)| mode & 0o111 != 0)
}

/// The files with this name in the search path, in order, with their modes; if the name contains a slash, just that file.
fn programs(root: &Path, name: &[u8]) -> impl Iterator<Item = (Vec<u8>, u32)> {
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = std::env::split_paths(&search_path).collect();
    directories.extend(PROGRAMS.iter().map(PathBuf::from));
    if name.contains(&b'/') {
        directories = vec![PathBuf::new()];
    }
    directories.into_iter().filter_map(|directory| {
        let path = directory
            .join(OsStr::from_bytes(name))
            .into_os_string()
            .into_vec();
        let file = under(root, &path).metadata().ok()?;
        file.is_file().then(|| (path, file.permissions().mode()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_of_wsl_says_so() {
        assert!(is_wsl("5.15.167.4-microsoft-standard-WSL2\n"));
        assert!(is_wsl("4.4.0-19041-Microsoft\n"));
        assert!(!is_wsl("6.8.0-45-generic\n"));
    }

    fn project_of(path: &str, there: &[&str]) -> Option<String> {
        let mut above = Vec::new();
        let mut rest = path;
        while let Some((before, _)) = rest.rsplit_once('/') {
            above.push(if before.is_empty() {
                &b"/"[..]
            } else {
                before.as_bytes()
            });
            rest = before;
        }
        let exists = |directory: &[u8], name: &str| {
            let path = format!("{}/{name}", String::from_utf8_lossy(directory));
            there.contains(&path.as_str())
        };
        project(&above, Some(b"/home/a"), exists).map(|top| String::from_utf8(top).unwrap())
    }

    #[test]
    fn the_top_of_a_project_is_its_repository() {
        let there = ["/home/a/p/.git", "/home/a/p/web/package.json"];
        assert_eq!(
            project_of("/home/a/p/web/src/x.js", &there).unwrap(),
            "/home/a/p"
        );
    }

    #[test]
    fn without_a_repository_the_topmost_manifest_counts() {
        let there = [
            "/home/a/p/package.json",
            "/home/a/p/node_modules/q/package.json",
            "/home/a/Makefile",
            "/Makefile",
        ];
        assert_eq!(
            project_of("/home/a/p/node_modules/q/x.js", &there).unwrap(),
            "/home/a/p"
        );
        assert_eq!(project_of("/home/a/x", &there), None);
    }
}

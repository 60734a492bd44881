//! The system as one process sees it, kept for any number of attempts.

mod standpoint;

use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::getxattr;
use rustix::io::Errno;

use super::answered::Answered;
use super::names::Databases;
use super::subject::Status;
use super::walk::{Walked, Walker};
use super::world::World;
use super::{
    devices, flags, holders, leftovers, module_log, namespaces, peopled, policy, settings,
    surroundings, traced, unknown,
};
use crate::attempt::{Attempt, Object, Operation, Subject};
use crate::byte_path;
use crate::facts::{
    Fact, Facts, Inode, Kind, Leftovers, Program, Settings, TraceMode, UnknownFact,
};

/// The root directory, settings and names that apply to one process, read once. Files and mounts are read anew for each
/// attempt.
#[derive(Debug)]
pub struct View {
    /// The process; `None` for permwrap itself.
    pub(super) pid: Option<i32>,
    /// Its process id in the proc file system that it sees.
    pub(super) pid_in_proc: Option<i32>,
    /// Its root directory and mounts, held open since they were first read.
    world: Option<Arc<World>>,
    /// The container that the subject lives in, if it is known only from its engine.
    answered: Option<Arc<Answered>>,
    /// The directory or file here above which the subject sees nothing of this machine.
    top: Option<Vec<u8>>,
    /// The path of its root directory as permwrap sees it; empty if both have the same root.
    root_path: Vec<u8>,
    /// Whether `/proc` is mounted, so that open files can be reached through it.
    pub(super) has_proc: bool,
    settings: Settings,
    swap_files: Vec<(u64, u64)>,
    databases: Databases,
    pub(super) around: surroundings::Around,
    pub(super) peopled: peopled::Known,
    pub(super) counted: leftovers::Counted,
}

/// The maximum number of programs that one execve(2) opens after the first: five `#!` interpreters, and the loader of the last
/// (exec_binprm).
const MAX_INTERPRETERS: usize = 6;

impl View {
    /// The system as the subject's process sees it; as permwrap sees it if there is no such process (any more).
    #[must_use]
    pub fn of(subject: &Subject) -> View {
        View::through(subject, None)
    }

    /// The system as the subject's process saw it, if its world was held open while it existed.
    #[must_use]
    pub fn through(subject: &Subject, world: Option<Arc<World>>) -> View {
        let status = subject.pid.and_then(|pid| Status::of(pid).ok());
        let pid = status.as_ref().map(|status| status.pid);
        let root_path = match &world {
            Some(world) => world.told.root_path.clone(),
            None => pid.map(root_path).unwrap_or_default(),
        };
        let pid_in_proc = status.and_then(|status| match root_path.as_slice() {
            b"" => Some(status.pid),
            _ => status.pids.last().copied(),
        });
        let databases = match (&world, pid) {
            (Some(world), _) => Databases::under(&world.root_directory(), world.numbers()),
            (None, Some(pid)) if !root_path.is_empty() => {
                let numbers = World::of(pid).and_then(|world| world.numbers());
                Databases::under(&PathBuf::from(format!("/proc/{pid}/root")), numbers)
            }
            _ => Databases::system(),
        };
        View {
            world,
            answered: None,
            top: None,
            pid,
            pid_in_proc,
            root_path,
            has_proc: Path::new("/proc/self/fd").exists(),
            settings: settings::read(pid),
            swap_files: flags::swap_files(),
            databases,
            around: surroundings::Around::default(),
            peopled: peopled::Known::default(),
            counted: leftovers::Counted::default(),
        }
    }

    /// The system as the processes of a container see it, according to its engine.
    #[must_use]
    pub fn of_container(answered: Arc<Answered>) -> View {
        let nobody = Subject::login(0, 0, Vec::new());
        View {
            root_path: b"/".to_vec(),
            databases: answered.databases(),
            answered: Some(answered),
            ..View::of(&nobody)
        }
    }

    /// This machine as a subject sees it that reaches only what lies beneath `top`, and under another path: a volume of its
    /// container. Its ids are numbers here, whoever else has them.
    #[must_use]
    pub fn of_volume(subject: &Subject, top: &[u8]) -> View {
        View {
            top: Some(top.to_vec()),
            ..View::of(subject)
        }
    }

    /// The facts for judging the attempt, without the surroundings.
    #[must_use]
    pub fn facts(&self, attempt: &Attempt) -> Facts {
        if let Some(answered) = &self.answered {
            return answered.facts(attempt, &self.settings);
        }
        let mut facts = Facts {
            settings: self.settings.clone(),
            answered: attempt.errno,
            ..Facts::default()
        };
        if let Object::Path(path) = &attempt.object {
            let mut walker = Walker::new(self, &mut facts);
            let directory = attempt.directory.as_deref();
            let through = !attempt.operation.takes_the_link_itself();
            let walked = walker.walk_from(directory, path, through);
            let to = attempt.to.as_ref();
            let to = to.map(|to| walker.walk_from(directory, to, false));
            match attempt.operation {
                Operation::Rmdir => walker.look_into_directory(&walked),
                Operation::Rename => to.iter().for_each(|to| walker.look_into_directory(to)),
                Operation::Open(how) if how.write => {
                    walker.look_into_program(&walked);
                }
                _ => {}
            }
            let interpreters = match attempt.operation {
                Operation::Exec => self.interpreters(&mut walker, &walked),
                _ => Vec::new(),
            };
            walker.look_above();
            facts.walk = walked.walk;
            if let Some(point) = self.made_up_over(path) {
                facts.begin_at(point);
            }
            let end = facts.walk.target().map(|end| facts.node(end));
            let kind = end.and_then(|end| Some(end.inode.as_ref().ok()?.kind));
            if matches!(kind, Some(Kind::Block | Kind::Char)) {
                let cgroup = self.proc_text("cgroup");
                facts.devices = devices::read(&String::from_utf8_lossy(&cgroup));
            }
            facts.to = to.map(|to| to.walk);
            facts.interpreters = interpreters
                .into_iter()
                .map(|program| program.walk)
                .collect();
        }
        if let Object::Another(pid) = attempt.object {
            facts.another = traced::process(pid, TraceMode::Attach, self);
        }
        facts.names = self.databases.names(attempt, &facts);
        if let Some(top) = &self.top {
            facts.begin_at(top);
            // Whoever has the subject's ids here is somebody else.
            facts.names.users.remove(&attempt.subject.uid);
            facts.names.groups.remove(&attempt.subject.gid);
        }
        facts.holders = holders::read(attempt, &facts);
        facts.policy = policy::read(attempt, &facts);
        facts
    }

    /// Adds what an explanation needs but no judgement depends on: the surroundings, and what security modules logged.
    pub fn explain(&self, attempt: &Attempt, facts: &mut Facts) {
        if let Some(answered) = &self.answered {
            let home = self.databases.user(attempt.subject.uid);
            facts.surroundings = answered.surroundings(home.map(|user| user.home), facts);
            return;
        }
        facts.settings.module_log = module_log::read(attempt, facts);
        facts.surroundings = surroundings::read(self, &attempt.subject, facts);
    }

    /// What security modules logged about this process a moment ago, whatever it tried; the newest line first.
    #[must_use]
    pub fn logged_refusals(&self, subject: &Subject) -> Vec<String> {
        module_log::of_process(subject, &self.settings)
    }

    /// The program that a command line runs, if it is set-user-ID.
    #[must_use]
    pub fn set_user_id_program(&self, command: &[Vec<u8>]) -> Option<Vec<u8>> {
        surroundings::set_user_id_program(&self.root_directory(), command.first()?)
    }

    /// The directory of root's that the attempt would change, if others keep something in it.
    #[must_use]
    pub fn peopled(&self, attempt: &Attempt, facts: &Facts) -> Option<Vec<u8>> {
        peopled::read(self, &attempt.subject, facts)
    }

    /// Files of a foreign owner in a tree that is otherwise the subject's own, typically left by sudo or by a root container.
    ///
    /// This may traverse a large tree, for up to 200 ms, so it is called only after a refusal.
    #[must_use]
    pub fn leftovers(&self, attempt: &Attempt, facts: &Facts) -> Option<Leftovers> {
        if self.answered.is_some() {
            return None;
        }
        leftovers::read(self, &attempt.subject, facts)
    }

    /// The directories in a directory, in alphabetical order; at most a few hundred.
    #[must_use]
    pub fn directories_in(&self, directory: &[u8]) -> Vec<Vec<u8>> {
        const MOST: usize = 300;
        if self.answered.is_some() {
            return Vec::new();
        }
        let here = surroundings::under(&self.root_directory(), directory);
        let entries = std::fs::read_dir(here).into_iter().flatten().flatten();
        let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let names = directories.map(|entry| entry.file_name().into_encoded_bytes());
        let mut found: Vec<Vec<u8>> = names
            .take(MOST)
            .map(|name| byte_path::join(directory, &name))
            .collect();
        found.sort();
        found
    }

    /// The walks to the interpreters and the loader of the program at the end of a walk.
    fn interpreters(&self, walker: &mut Walker<'_>, walked: &Walked) -> Vec<Walked> {
        let mut found: Vec<Walked> = Vec::new();
        while found.len() < MAX_INTERPRETERS {
            let program = walker.look_into_program(found.last().unwrap_or(walked));
            let next = match program {
                Some(
                    Program::Script {
                        interpreter: name, ..
                    }
                    | Program::Elf(Some(name)),
                ) => name,
                _ => break,
            };
            found.push(walker.walk(&self.absolute(next), true));
        }
        found
    }

    /// The home directory of a user, with symlinks resolved where possible.
    pub(super) fn home(&self, uid: u32) -> Option<Vec<u8>> {
        let home = self.databases.user(uid)?.home;
        let plain = match self.root_path.is_empty() {
            true if self.world.is_none() => std::fs::canonicalize(super::path(&home)).ok(),
            _ => None,
        };
        Some(plain.map_or(home, |plain| plain.into_os_string().into_vec()))
    }

    /// The security label of a file; `None` if no module labels files.
    pub(super) fn label(&self, handle: &Path, path: &[u8]) -> Fact<Option<String>> {
        let modules = self.settings.security_modules.as_ref();
        let active =
            |name: &str| modules.is_ok_and(|modules| modules.iter().any(|module| module == name));
        let attribute = match () {
            () if active("selinux") => "security.selinux",
            () if active("smack") => "security.SMACK64",
            () => return Ok(None),
        };
        let mut label = [0u8; 4096];
        match getxattr(handle, attribute, &mut label) {
            Ok(length) => {
                let label = String::from_utf8_lossy(&label[..length]);
                Ok(Some(label.trim_end_matches('\0').to_owned()))
            }
            Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
            Err(errno) => Err(unknown("security label", path, errno)),
        }
    }

    /// Whether the file is an active swap file.
    pub(super) fn is_swap_file(&self, inode: &Inode) -> bool {
        !self.swap_files.is_empty()
            && self.swap_files.contains(&(
                rustix::fs::makedev(inode.device.major, inode.device.minor),
                inode.number,
            ))
    }

    /// The process id here of a process that the subject's proc file system may show with another id.
    pub(super) fn pid_seen_from_here(&self, pid: i32) -> i32 {
        match (self.pid, self.pid_in_proc) {
            (Some(here), Some(there)) if pid == there => here,
            _ => pid,
        }
    }

    /// Whether another process lives in the same user namespace as this one.
    pub(super) fn shares_user_ns(&self, other: i32) -> Fact<bool> {
        let same_as_ours = |pid| namespaces::shares(pid, "user");
        match self.pid {
            None => same_as_ours(other),
            Some(pid) if pid == other => Ok(true),
            Some(pid) => match (same_as_ours(pid)?, same_as_ours(other)?) {
                (false, false) => Err(UnknownFact::not_gathered(
                    "user namespaces of the two processes",
                )),
                (one, two) => Ok(one == two),
            },
        }
    }
}

/// The path of a process's root directory as permwrap sees it; empty if both have the same root, or if it is not known.
fn root_path(pid: i32) -> Vec<u8> {
    let root = std::fs::read_link(format!("/proc/{pid}/root")).unwrap_or_default();
    let root = root.into_os_string().into_vec();
    let elsewhere = !namespaces::shares(pid, "mnt").unwrap_or(true);
    match root.as_slice() {
        b"/" if !elsewhere => Vec::new(),
        _ => root,
    }
}

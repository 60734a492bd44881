//! Determines who may have failed, and what they see, from the processes that were inspected.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use crate::attempt::{CapabilitySet, IdMap, Label, Place, Subject};
use crate::facts::UnknownFact;
use crate::gather::{self, Laid, Snapshot, World};
use crate::investigate::{Eyes, Worlds};
use crate::programs::{self, CommandLine};
use crate::resolve::{CandidateProcess, Presence};
use crate::run::Scene;
use crate::run::scene::Process;
use crate::run::trace::without_tracers_filter;

/// The maximum number of users taken from one command line.
const MOST_USERS: usize = 4;

/// The processes that may have failed, the most likely first: those that hold the watched stderr, the deepest first, then those
/// that have ended, then the command as it was started, then the users that command lines switch to. Also the worlds of those
/// that do not see what permwrap sees.
pub(super) fn candidates(
    scene: &Scene,
    own: &CandidateProcess,
    traced: bool,
) -> (Vec<CandidateProcess>, Worlds) {
    let told = told(own);
    let below = told
        .as_ref()
        .and_then(|(world, place)| place.is_none().then_some(world));
    let (speaking, present): (Vec<&Process>, Vec<&Process>) = scene
        .processes
        .iter()
        .rev()
        .partition(|process| process.on_channel == Some(true));
    let seen = [
        (speaking, Presence::Speaking),
        (present, Presence::Present),
        (scene.gone.iter().collect(), Presence::Gone),
    ];
    let our_ids = fs::metadata("/proc/self/ns/user").map(|namespace| namespace.ino());
    let is_ours = |namespace: u64| our_ids.as_ref().is_ok_and(|ours| *ours == namespace);
    let (mut candidates, mut worlds) = (Vec::new(), Worlds::new());
    for (processes, presence) in seen {
        for process in processes {
            // A process that ended before it was inspected is assumed to have lived where its command line says.
            let ended = process.zombie && process.root.is_none();
            let told = below.filter(|_| ended);
            let world = process.world.as_ref().or(told);
            // If it had a user namespace of its own and ended before it was inspected, it is unknown what it saw.
            if world.is_none() && !process.user_ns.is_none_or(is_ours) {
                continue;
            }
            let Some(candidate) = candidate(process, presence, world, traced) else {
                continue;
            };
            worlds.extend(
                world.map(|world| (candidate.subject.clone(), Eyes::World(Arc::clone(world)))),
            );
            candidates.push(candidate);
        }
    }
    candidates.push(match told {
        // It sees what the command line says, with its own credentials.
        Some(_) => own.clone(),
        None => started(own, scene.command, &candidates),
    });
    let world = told.as_ref().map(|(world, _)| world);
    // Its users are those of the tree that it runs in.
    let rooted = programs::command_lines(&own.arguments)
        .iter()
        .any(|line| line.root.is_some());
    let tree = world.filter(|_| rooted).map(Arc::as_ref);
    let switched: Vec<CandidateProcess> = candidates
        .iter()
        .flat_map(|process| switched(process, tree))
        .collect();
    let unseen = told
        .as_ref()
        .filter(|(_, place)| place.is_some())
        .map(|_| in_a_sandbox(own));
    for mut candidate in switched.into_iter().chain(unseen) {
        if let Some((world, place)) = &told {
            candidate.place = Some(place.clone().unwrap_or_else(|| world.place()));
            candidate.subject.pid = None;
        }
        worlds
            .extend(world.map(|world| (candidate.subject.clone(), Eyes::World(Arc::clone(world)))));
        candidates.push(candidate);
    }
    (candidates, worlds)
}

/// Whether only one program is still running, and reads from a terminal. One that is ending has no working directory any more.
pub(super) fn reads_a_terminal(scene: &Scene) -> bool {
    let is_running = |process: &&Process| !process.zombie && process.cwd.is_some();
    let mut living = scene.processes.iter().filter(is_running);
    let Some(only) = living.next() else {
        return false;
    };
    // A child that has not become another program yet looks like its parent.
    let is_its_child =
        |process: &Process| (&process.cmdline, &process.cwd) == (&only.cmdline, &only.cwd);
    if !living.all(is_its_child) {
        return false;
    }
    let input = fs::metadata(format!("/proc/{}/fd/0", only.pid));
    input.is_ok_and(|input| {
        let major = rustix::fs::major(input.rdev());
        input.file_type().is_char_device()
            && (major == CONSOLES || PSEUDO_TERMINALS.contains(&major))
    })
}

/// The major numbers of consoles and serial lines, and of pseudo-terminals (admin-guide/devices.txt).
const CONSOLES: u32 = 4;
const PSEUDO_TERMINALS: RangeInclusive<u32> = 136..=143;

/// The command with the credentials that its sandbox leaves it.
fn in_a_sandbox(own: &CandidateProcess) -> CandidateProcess {
    let mut inside = own.clone();
    let lines = programs::command_lines(&own.arguments);
    if lines.iter().any(|line| line.is_unprivileged) {
        inside.subject.capabilities = CapabilitySet::EMPTY;
    }
    if lines.iter().any(|line| line.maps_root) {
        let [uid_map, gid_map] = as_root(own).map(|id| IdMap(vec![(id, 1)]));
        inside.subject = Subject {
            capabilities: CapabilitySet::FULL,
            uid_map,
            gid_map,
            initial_user_ns: false,
            ..inside.subject
        };
    }
    inside
}

/// The only uid and the only gid that exist in a user namespace in which the command is root.
const fn as_root(own: &CandidateProcess) -> [u32; 2] {
    [own.subject.uid, own.subject.gid]
}

/// The command as it was started, with its process id. A program may get another label than its starter when it is executed. So
/// permwrap's own label says nothing about a process that was not seen, unless permwrap itself is confined.
fn started(own: &CandidateProcess, command: i32, seen: &[CandidateProcess]) -> CandidateProcess {
    let own_label = &own.subject.label;
    let mut seen = seen.iter();
    let seen = seen.find(|process| process.subject.pid == Some(command));
    let confines = match own.subject.label() {
        Some(Label::AppArmor { enforces, .. }) => enforces,
        Some(Label::Selinux { domain }) => !domain.starts_with("unconfined"),
        None => *own_label == Ok(None),
    };
    let label = match seen {
        Some(process) => process.subject.label.clone(),
        None if confines => own_label.clone(),
        None => Err(UnknownFact::not_gathered(
            "the security label of the program, which had ended,",
        )),
    };
    CandidateProcess {
        subject: Subject {
            // A process that was seen is a candidate of its own.
            pid: (command > 0 && seen.is_none()).then_some(command),
            label,
            ..own.subject.clone()
        },
        ..own.clone()
    }
}

/// The place in which a command line runs a command: below a root directory, or in a sandbox of this name, which sees what the
/// command line says.
fn told(own: &CandidateProcess) -> Option<(Arc<World>, Option<Place>)> {
    let lines = programs::command_lines(&own.arguments);
    let changes = |line: &&CommandLine| {
        let of_paths = !line.read_only.is_empty() || !line.closed.is_empty();
        let enters = line.enters.is_some() && line.enters_mounts;
        of_paths || enters || line.maps_root || line.known.is_some_and(|known| known.makes_mounts())
    };
    let line = lines.iter().rfind(changes);
    if line.is_some_and(|line| line.has_other_ids) {
        // Owners there are not those here.
        return None;
    }
    let Some(line) = line else {
        let root = lines.iter().rev().find_map(|line| line.root.as_ref())?;
        let world = World::below(OsStr::from_bytes(root).as_ref())?;
        return Some((Arc::new(world), None));
    };
    let name = String::from_utf8_lossy(line.name()).into_owned();
    let (world, place) = match line.enters {
        Some(pid) => {
            let world = World::of(pid)?;
            let place = match world.place() {
                Place::Namespace | Place::Tree => Place::Sandbox(name),
                known => known,
            };
            (world, place)
        }
        None => {
            let numbers = match line.maps_root {
                true => as_root(own).map(|id| format!("0 {id} 1\n").into_bytes()),
                false => Default::default(),
            };
            (
                World::arranged(&laid_by(line), numbers)?,
                Place::Sandbox(name),
            )
        }
    };
    Some((Arc::new(world), Some(place)))
}

/// The mounts that a command line describes, the root directory first.
fn laid_by(line: &CommandLine) -> Vec<Laid> {
    let laid = |point: &Vec<u8>, source: &[u8]| Laid {
        point: point.clone(),
        source: source.to_vec(),
        recursive: true,
        ..Laid::default()
    };
    let told = line.mounts.iter().map(|mount| Laid {
        read_only: mount.read_only,
        nodev: true,
        unseen: mount.source.is_none(),
        ..laid(&mount.point, mount.source.as_deref().unwrap_or_default())
    });
    let hidden = line.known.iter().flat_map(|known| &known.hides);
    let hidden = hidden.map(|path| Laid {
        unseen: true,
        ..laid(&path.as_bytes().to_vec(), b"")
    });
    let read_only = line.read_only.iter().map(|path| Laid {
        read_only: true,
        ..laid(path, path)
    });
    let cover = |path: &Vec<u8>| {
        let is_directory = Path::new(OsStr::from_bytes(path)).is_dir();
        let of_file = usize::from(!is_directory);
        let cover = line.known?.cover.get(of_file)?;
        Some(laid(path, cover.as_bytes()))
    };
    let closed = line.closed.iter().filter_map(cover);
    let mut all: Vec<Laid> = hidden.chain(told).chain(read_only).chain(closed).collect();
    let makes_mounts = line.known.is_some_and(|known| known.makes_mounts());
    let at_root = all
        .iter()
        .rposition(|laid| laid.point == b"/" && !laid.unseen);
    let root = match (&line.root, at_root) {
        (Some(root), _) => Laid {
            read_only: line.is_root_read_only,
            ..laid(&b"/".to_vec(), root)
        },
        (None, Some(at)) => {
            // What was mounted before is hidden by it.
            all.drain(..at);
            all.remove(0)
        }
        // The tree is made up of what is mounted in it.
        (None, None) if makes_mounts => Laid {
            unseen: true,
            ..laid(&b"/".to_vec(), b"/")
        },
        (None, None) => laid(&b"/".to_vec(), b"/"),
    };
    all.insert(0, root);
    all
}

fn candidate(
    process: &Process,
    presence: Presence,
    world: Option<&Arc<World>>,
    traced: bool,
) -> Option<CandidateProcess> {
    let status = match traced {
        true => Cow::Owned(without_tracers_filter(&process.status)),
        false => Cow::Borrowed(&process.status),
    };
    // A process releases its arguments before it ends.
    let given_up = process.cmdline.is_empty();
    let words = process
        .cmdline
        .strip_suffix(b"\0")
        .unwrap_or(&process.cmdline);
    let words = words.split(|byte| *byte == 0);
    let cwd = process.cwd.as_ref();
    let subject = gather::subject_from_snapshot(&Snapshot {
        status: &status,
        user_ns: process.user_ns,
        uid_map: &process.uid_map,
        gid_map: &process.gid_map,
        label: process.label.as_deref(),
    })
    .ok()?;
    let subject = match world {
        // The user database of this machine does not apply to a user of another place.
        Some(_) => Subject {
            database_groups: Err(UnknownFact::not_gathered("groups of the user there")),
            ..subject
        },
        None => subject,
    };
    Some(CandidateProcess {
        subject,
        directory: cwd.map(|cwd| cwd.as_os_str().as_bytes().to_vec()),
        arguments: words.map(<[u8]>::to_vec).filter(|_| !given_up).collect(),
        name: process.name().map(<[u8]>::to_vec),
        presence,
        place: match &process.container {
            Some(name) => Some(Place::Container(name.clone())),
            None => world.map(|world| world.place()),
        },
    })
}

/// The users that a command line switches to (`sudo -u NAME`). A program run as such a user may have ended before it was seen.
fn switched(process: &CandidateProcess, below: Option<&World>) -> Vec<CandidateProcess> {
    let lines = programs::command_lines(&process.arguments);
    let users = lines
        .into_iter()
        .flat_map(|line| line.users)
        .take(MOST_USERS);
    let subject = |user: String| match below {
        Some(world) => gather::subject_below(world, &user),
        None => gather::subject_as(&user),
    };
    let subjects = users.filter_map(|user| subject(user).ok());
    subjects
        .map(|subject| CandidateProcess {
            subject,
            directory: None,
            arguments: process.arguments.clone(),
            name: None,
            presence: Presence::Switched,
            place: None,
        })
        .collect()
}

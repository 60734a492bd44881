//! Tests the guard before every fix on a tree of objects as on a Debian system: whatever a program claims to have been refused
//! there, no fix makes anybody equivalent to root, or opens a secret of somebody else.

#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use permwrap::attempt::{Attempt, Object, Subject};
use permwrap::cause::held;
use permwrap::change::Change;
use permwrap::facts::{Facts, NodeId, Perms, notation};
use permwrap::judge::{Verdict, judge};
use permwrap::remedy::{Fix, remedy};
use support::long_or;

/// In short runs, only one in this many operations is tried on each object.
const SHARE: usize = 4;

const TREES: &[&str] = &[include_str!("debian.txt"), include_str!("packages.txt")];

/// Three users: a person, a service whose home is a system directory, and a uid without a user.
const SUBJECTS: &[&str] = &["alice alice", "www-data www-data", "4711 4711"];

/// Operations that a program may claim were refused, with the parameters of the message.
const OPERATIONS: &[&str] = &[
    "read", "write", "exec", "list", "create", "mkdir", "delete", "chmod", "chown", "utime",
    "connect", "append", "truncate", "rmdir", "bind", "setxattr",
];

/// Commands that a user may have run, or that a program may claim to be.
const COMMANDS: &[&str] = &[
    "cat PATH",
    "cp x PATH",
    "touch PATH",
    "chmod 777 PATH",
    "chown alice PATH",
    "rm -f PATH",
    "nginx",
    "apt-get install x",
    "sh -c PATH",
    "tee PATH",
    "vim PATH",
    "mv x PATH",
    "tmux -S PATH",
    // Never for root, wherever it leads.
    "rsync -a --delete x/ PATH",
    "shred PATH",
];

/// Files that root must not place or edit with any command: they determine who may become root, run with another user's rights,
/// or belong to another person.
const NOT_FOR_ROOT: &[&str] = &[
    "/etc/group",
    "/etc/gshadow",
    "/etc/ld.so.preload",
    "/etc/pam.d",
    "/etc/passwd",
    "/etc/polkit-1",
    "/etc/security",
    "/etc/shadow",
    "/etc/sudoers",
    "/usr/bin/passwd",
    "/usr/bin/dumpcap",
    "/usr/sbin/unix_chkpwd",
    // These belong to other persons.
    "/var/mail/bob",
    "/var/mail/carol",
];

/// What root runs by itself, or what decides whether the machine starts and who may log in. An administrator may edit it, but no
/// command is repeated on it.
const RUN_BY_ROOT: &[&str] = &[
    "/boot",
    "/etc/cron.d",
    "/etc/cron.daily",
    "/etc/crontab",
    "/etc/profile",
    "/etc/profile.d",
    "/etc/ssh/sshd_config",
    "/etc/systemd/system",
    "/etc/udev",
    "/run/systemd/system",
    "/usr/lib/systemd",
    "/usr/lib/udev",
];

const PEOPLE: &str = "
    user   1000 alice
    user   1001 bob
    user   1002 carol /export/carol
    user   33   www-data
    group  1000 alice
    group  1001 bob
    group  1002 carol
    group  33   www-data
    mount  / ext4 rw
    setting fs.protected_symlinks 1
    setting fs.protected_hardlinks 1
    setting fs.protected_regular 2
    setting fs.protected_fifos 1
    tools  sudo,setfacl
";

/// An object of the tree, and what may be granted on it.
struct Thing {
    line: String,
    path: &'static str,
    owner: &'static str,
    group: &'static str,
    allowed: Perms,
    joined: Option<&'static str>,
}

fn tree() -> Vec<Thing> {
    let lines = TREES.iter().flat_map(|tree| tree.lines());
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let grant = words.get(4).copied().unwrap_or_default();
            let (perms, joined) = match grant.split_once("g:") {
                Some((perms, group)) => (perms, Some(group)),
                None => (grant, None),
            };
            let bit = |letter, perms_of| match perms.contains(letter) {
                true => perms_of,
                false => Perms::NONE,
            };
            let device = match words[0].as_bytes()[0] {
                b'c' | b'b' => " rdev=7:7",
                _ => "",
            };
            Thing {
                line: format!("{}{device}", words[..4].join(" ")),
                path: words[3],
                owner: words[1],
                group: words[2],
                allowed: bit('r', Perms::R)
                    .or(bit('w', Perms::W))
                    .or(bit('x', Perms::X)),
                joined,
            }
        })
        .collect()
}

/// A line for each user and group of the tree. Those that are not people get the numbers of services.
fn names(objects: &[Thing]) -> BTreeMap<(&'static str, &'static str), String> {
    let known = ["root", "alice", "bob", "carol", "www-data"];
    let users = objects.iter().map(|it| ("user", it.owner));
    let groups = objects.iter().map(|it| ("group", it.group));
    let all: BTreeSet<_> = users.chain(groups).collect();
    all.into_iter()
        .filter(|(_, name)| !known.contains(name) && name.parse::<u32>().is_err())
        .enumerate()
        .map(|(at, (kind, name))| ((kind, name), format!("{kind} {} {name}\n", 100 + at)))
        .collect()
}

/// A refusal in the notation of facts: the object, the directories above it, and a new name in it.
fn scene(
    (objects, names): (&[Thing], &BTreeMap<(&'static str, &'static str), String>),
    at: &Thing,
    subject: &str,
    operation: &str,
    command: &str,
) -> String {
    let is_dir = at.line.starts_with('d');
    let new = matches!(operation, "create" | "mkdir") && is_dir;
    let path = match new {
        true => format!("{}/new", at.path.trim_end_matches('/')),
        false => at.path.to_owned(),
    };
    let details = match operation {
        "chmod" => " mode=644",
        "chown" => " owner=1000:1000",
        "utime" => " now",
        "setxattr" => " name=user.note",
        _ => "",
    };
    let mut text = String::from(PEOPLE);
    let on_the_way = || {
        objects.iter().filter(|object| {
            at.path == object.path
                || object.path == "/"
                || at.path.starts_with(&format!("{}/", object.path))
        })
    };
    let met: BTreeSet<_> = on_the_way()
        .flat_map(|object| [("user", object.owner), ("group", object.group)])
        .collect();
    text.extend(
        met.iter()
            .filter_map(|name| names.get(name))
            .map(String::as_str),
    );
    text.push_str(&format!(
        "subject {subject}\nattempt {operation} {path}{details}\n"
    ));
    text.push_str(&format!("command {}\n", command.replace("PATH", &path)));
    for object in on_the_way() {
        text.push_str(&object.line);
        text.push('\n');
    }
    if new {
        text.push_str(&format!("missing {path}\n"));
    }
    text.push_str(&peopled(objects, &path, subject));
    text
}

/// A line on the directory of the path, if it is root's and others than the subject keep something in it, or root something private.
fn peopled(objects: &[Thing], path: &str, subject: &str) -> String {
    let directories = [Some(path), path.rsplit_once('/').map(|(above, _)| above)];
    let found = directories.into_iter().flatten().find(|directory| {
        let is_roots = |it: &Thing| {
            it.path == *directory
                && it.owner == "root"
                && it.line.starts_with('d')
                && !it.line.starts_with("drwxrwxrwt")
        };
        let is_kept = |it: &Thing| {
            let is_in_it = it
                .path
                .rsplit_once('/')
                .is_some_and(|(above, _)| above == *directory);
            let is_private = it.line.get(4..10) == Some("------");
            is_in_it
                && it.owner != subject.split(' ').next().unwrap_or_default()
                && (it.owner != "root" || is_private)
        };
        objects.iter().any(is_roots) && objects.iter().any(is_kept)
    });
    found.map_or_else(String::new, |directory| format!("peopled {directory}\n"))
}

/// What is harmful about a fix, if anything.
fn harm(fix: &Fix, attempt: &Attempt, facts: &Facts, objects: &[Thing]) -> Option<String> {
    let mut subject = attempt.subject.clone();
    let mut after = facts.clone();
    for change in &fix.changes {
        match change {
            Change::JoinGroup(gid) => {
                let name = facts.names.group(*gid);
                let meant = objects.iter().any(|it| {
                    it.joined == Some(name.as_str())
                        && facts
                            .nodes
                            .iter()
                            .any(|node| node.path == it.path.as_bytes())
                });
                if !meant {
                    return Some(format!("joins {name}"));
                }
                // Access that is granted by the object's own group is intended.
                continue;
            }
            Change::ByRoot { operation, path } => {
                let own = [
                    "/tmp/",
                    "/var/tmp/",
                    "/dev/shm/",
                    "/srv/site",
                    "/var/www/html",
                ];
                let path = String::from_utf8_lossy(path);
                if !own.iter().any(|own| path.starts_with(own)) {
                    return Some(format!("root does {operation:?} to {path}"));
                }
            }
            Change::RunAsRoot(_) => {
                let program = String::from_utf8_lossy(&facts.surroundings.command[0]);
                let fits = match &*program {
                    "apt-get" => true,
                    "touch" | "cp" | "tee" | "mv" => {
                        !is_not_for_root(attempt) && !is_within(attempt, RUN_BY_ROOT)
                    }
                    "rm" => attempt.operation.name() == "delete",
                    _ => false,
                };
                if !fits {
                    return Some(format!("root runs {program}"));
                }
                continue;
            }
            Change::Run { argv, .. } if argv[0] == b"sudoedit" && is_not_for_root(attempt) => {
                return Some("edits it as root".to_owned());
            }
            Change::Make { parent, .. } => {
                let path = String::from_utf8_lossy(&facts.node(*parent).path);
                let places = [
                    "/",
                    "/opt",
                    "/srv",
                    "/mnt",
                    "/media",
                    "/var/log",
                    "/var/www",
                    "/var/www/html",
                ];
                let peopled = facts.surroundings.peopled.as_deref();
                if !places.contains(&&*path) && peopled != Some(path.as_bytes()) {
                    return Some(format!("makes something in {path}"));
                }
            }
            _ => {}
        }
        change.apply(&mut subject, &mut after);
    }
    // Strangers must not gain more than may be granted either.
    let strangers = [1001, 4999].map(|uid| Subject::login(uid, uid, vec![uid]));
    strangers
        .iter()
        .chain([&attempt.subject])
        .find_map(|who| gained(who, facts, &after, objects))
}

fn is_not_for_root(attempt: &Attempt) -> bool {
    is_within(attempt, NOT_FOR_ROOT)
}

/// Whether the path is one of these, or begins like one: `/etc/group-`, and what is in `/etc/pam.d`.
fn is_within(attempt: &Attempt, places: &[&str]) -> bool {
    let Object::Path(path) = &attempt.object else {
        return false;
    };
    let path = String::from_utf8_lossy(path);
    places.iter().any(|one| {
        path.strip_prefix(one)
            .is_some_and(|rest| !rest.starts_with('.'))
    })
}

/// What the user gains on an object that belongs to somebody else, beyond what may be granted.
fn gained(who: &Subject, facts: &Facts, after: &Facts, objects: &[Thing]) -> Option<String> {
    (0..facts.nodes.len()).map(NodeId).find_map(|id| {
        let node = facts.node(id);
        let (had, has) = (held(who, id, facts)?, held(who, id, after)?);
        let path = String::from_utf8_lossy(&node.path).into_owned();
        let allowed = objects.iter().find(|it| it.path == path)?.allowed;
        let inode = node.inode.as_ref();
        let own = inode.is_ok_and(|inode| inode.uid == who.uid);
        let gained = has.minus(had).minus(allowed);
        (!own && !gained.is_empty()).then(|| format!("grants uid {} {gained} on {path}", who.uid))
    })
}

#[test]
fn nothing_of_a_debian_is_opened_on_a_programs_word() {
    let objects = tree();
    let names = names(&objects);
    assert!(objects.len() > 650, "{}", objects.len());
    let mut harms = BTreeSet::new();
    let (mut refusals, mut fixes) = (0, 0);
    for (turn, at) in objects.iter().enumerate() {
        for subject in SUBJECTS {
            for (number, operation) in OPERATIONS.iter().enumerate() {
                // Each object gets another share of the operations.
                if (turn + number) % long_or(1, SHARE) == 0 {
                    let command = COMMANDS[(turn + number) % COMMANDS.len()];
                    let text = scene((&objects, &names), at, subject, operation, command);
                    let scene = notation::parse(&text)
                        .unwrap_or_else(|malformed| panic!("{malformed:?}\n{text}"));
                    let (attempt, facts) = (&scene.attempt, &scene.facts);
                    let verdict =
                        judge(&attempt.subject, &attempt.operation, &attempt.object, facts);
                    let Verdict::Denied(denial) = verdict else {
                        continue;
                    };
                    refusals += 1;
                    for fix in remedy(attempt, facts, &denial).fixes {
                        fixes += usize::from(!fix.argv.is_empty());
                        if let Some(harm) = harm(&fix, attempt, facts, &objects) {
                            let says = (fix.commands(), &fix.title);
                            harms.insert(format!(
                                "{subject} {operation} {}: {harm}: {says:?}",
                                at.path
                            ));
                        }
                    }
                }
            }
        }
    }
    let harms: Vec<String> = harms.into_iter().collect();
    assert!(
        harms.is_empty(),
        "{} harms:\n{}",
        harms.len(),
        harms.join("\n")
    );
    let share = long_or(1, SHARE);
    assert!(
        refusals > 8_000 / share && fixes > 300 / share,
        "{refusals} refusals, {fixes} commands"
    );
}

//! Tests the guard before every fix on a tree of objects as on a Debian system: whatever a program claims to have been refused
//! there, no fix makes anybody equivalent to root, or opens a secret of somebody else.

#[path = "../support/mod.rs"]
mod support;

use permwrap::attempt::Attempt;
use permwrap::cause::held;
use permwrap::change::Change;
use permwrap::facts::{Facts, NodeId, Perms, notation};
use permwrap::judge::{Verdict, judge};
use permwrap::remedy::{Fix, remedy};
use support::{long_or, share};

/// In short runs, only one of this many objects is tried.
const SHARE: usize = 4;

const TREE: &str = include_str!("debian.txt");

/// Three users: a person, a service whose home is a system directory, and a uid without a user.
const SUBJECTS: &[&str] = &["alice alice", "www-data www-data", "4711 4711"];

/// Operations that a program may claim were refused, with the parameters of the message.
const OPERATIONS: &[&str] = &[
    "read", "write", "exec", "list", "create", "mkdir", "delete", "chmod", "chown", "utime",
    "connect",
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
];

const PEOPLE: &str = "
    user   1000 alice
    user   1001 bob
    user   1002 carol /export/carol
    user   34   Debian-exim
    user   33   www-data
    user   26   postgres
    user   27   mysql
    user   28   redis
    user   29   gdm
    user   30   tss
    user   31   postfix
    user   32   _apt
    user   1    daemon
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
struct Object<'a> {
    line: String,
    path: &'a str,
    group: &'a str,
    allowed: Perms,
    joined: Option<&'a str>,
}

fn tree() -> Vec<Object<'static>> {
    let lines = TREE.lines().filter(|line| !line.starts_with('#'));
    lines
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
            Object {
                line: format!("{}{device}", words[..4].join(" ")),
                path: words[3],
                group: words[2],
                allowed: bit('r', Perms::R)
                    .or(bit('w', Perms::W))
                    .or(bit('x', Perms::X)),
                joined,
            }
        })
        .collect()
}

/// A refusal in the notation of facts: the object, the directories above it, and a new name in it.
fn scene(objects: &[Object], at: &Object, subject: &str, operation: &str, command: &str) -> String {
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
        _ => "",
    };
    let mut text = String::from(PEOPLE);
    let groups: std::collections::BTreeSet<&str> = objects.iter().map(|it| it.group).collect();
    let known = ["root", "alice", "bob", "carol", "www-data"];
    for (at, group) in groups
        .iter()
        .filter(|group| !known.contains(group))
        .enumerate()
    {
        text.push_str(&format!("group {} {group}\n", 100 + at));
    }
    text.push_str(&format!(
        "subject {subject}\nattempt {operation} {path}{details}\n"
    ));
    text.push_str(&format!("command {}\n", command.replace("PATH", &path)));
    for object in objects {
        let above = at.path == object.path
            || object.path == "/"
            || at.path.starts_with(&format!("{}/", object.path));
        if above {
            text.push_str(&object.line);
            text.push('\n');
        }
    }
    if new {
        text.push_str(&format!("missing {path}\n"));
    }
    text
}

/// What is harmful about a fix, if anything.
fn harm(fix: &Fix, attempt: &Attempt, facts: &Facts, objects: &[Object]) -> Option<String> {
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
                let own = ["/tmp/", "/var/tmp/", "/srv/site", "/var/www/html"];
                let path = String::from_utf8_lossy(path);
                if !own.iter().any(|own| path.starts_with(own)) {
                    return Some(format!("root does {operation:?} to {path}"));
                }
            }
            Change::RunAsRoot => {
                let program = String::from_utf8_lossy(&facts.surroundings.command[0]);
                let fits = match &*program {
                    "apt-get" | "touch" | "cp" | "tee" => true,
                    "rm" => attempt.operation.name() == "delete",
                    _ => false,
                };
                if !fits {
                    return Some(format!("root runs {program}"));
                }
                continue;
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
                if !places.contains(&&*path) {
                    return Some(format!("makes something in {path}"));
                }
            }
            _ => {}
        }
        change.apply(&mut subject, &mut after);
    }
    (0..facts.nodes.len()).map(NodeId).find_map(|id| {
        let (before, now) = (
            held(&attempt.subject, id, facts)?,
            held(&attempt.subject, id, &after)?,
        );
        let path = String::from_utf8_lossy(&facts.node(id).path).into_owned();
        let allowed = objects.iter().find(|it| it.path == path)?.allowed;
        let own = facts
            .node(id)
            .inode
            .as_ref()
            .is_ok_and(|inode| inode.uid == attempt.subject.uid);
        let gained = now.minus(before).minus(allowed);
        (!own && !gained.is_empty()).then(|| format!("grants {gained} on {path}"))
    })
}

#[test]
fn nothing_of_a_debian_is_opened_on_a_programs_word() {
    let objects = tree();
    assert!(objects.len() > 290, "{}", objects.len());
    let mut harms = std::collections::BTreeSet::new();
    let (mut refusals, mut fixes) = (0, 0);
    for (turn, at) in share(objects.iter().enumerate(), SHARE) {
        for subject in SUBJECTS {
            for (number, operation) in OPERATIONS.iter().enumerate() {
                {
                    let command = COMMANDS[(turn + number) % COMMANDS.len()];
                    let text = scene(&objects, at, subject, operation, command);
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

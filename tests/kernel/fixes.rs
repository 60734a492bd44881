//! Applies the first fix for random refusals: the resulting state must be the predicted one, the inverse must restore the
//! previous state, and after applying it again the refused call must succeed.
//!
//! `PERMWRAP_KERNEL_FIXES=20000` requests a longer run. Commands are run in the form for a path that nobody else can redirect;
//! whether that form is safe to paste is tested elsewhere.
//!
//! Debian packages: acl, e2fsprogs, util-linux.

use std::process::Command;

use fastrand::Rng;
use permwrap::attempt::{Attempt, CapabilitySet, Subject};
use permwrap::change::{Argv, Change, Effect};
use permwrap::facts::{Facts, notation};
use permwrap::judge::{Verdict, judge};
use permwrap::remedy::{Fix, remedy};

use crate::compare::{Actor, Outcome};
use crate::ground::Ground;
use crate::plan::{Tree, Try, Who};
use crate::support::long_or;
use crate::{from_environment, means, settings, stage};

/// The default number of fixes, in long and in short runs.
const FIXES: [u64; 2] = [150, 40];

#[test]
fn the_first_fix_works_and_is_taken_back() {
    let Some(stage) = stage::enter("fixes::the_first_fix_works_and_is_taken_back") else {
        return;
    };
    if !stage.root {
        return;
    }
    let wanted =
        from_environment("PERMWRAP_KERNEL_FIXES").unwrap_or_else(|| long_or(FIXES[0], FIXES[1]));
    let seed = from_environment("PERMWRAP_KERNEL_SEED");
    let ground = Ground::new(&stage.directory, &stage.floor, means(&stage));
    let _held = settings::variants(&ground.means)[0].set(stage.lock.as_ref());
    let mut seed = seed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    let (mut made, mut refusals) = (0, 0);
    while made < wanted {
        let mut rng = Rng::with_seed(seed);
        let tree = Tree::random(&mut rng, &ground.means);
        let who = Who::random(&mut rng, &ground.means);
        for _ in 0..12 {
            let tried = Try::random(&mut rng, &tree, &ground.means);
            if let Some(was_made) = put_right(&ground, &tree, &who, &tried, seed) {
                refusals += 1;
                made += u64::from(was_made);
            }
        }
        seed += 1;
    }
    println!("{made} fixes made of {refusals} refusals");
}

/// Makes one attempt. `None` if it is not refused, otherwise whether there was a fix to apply.
fn put_right(ground: &Ground, tree: &Tree, who: &Who, tried: &Try, seed: u64) -> Option<bool> {
    ground.build(tree).expect("the tree is built");
    let mut actor = Actor::in_tree(ground, tree, who, std::slice::from_ref(tried));
    let attempt = actor.attempt(0);
    let facts = look(&actor, &attempt);
    let (subject, operation) = (&attempt.subject, &attempt.operation);
    let Verdict::Denied(denial) = judge(subject, operation, &attempt.object, &facts) else {
        return None;
    };
    let fixes = remedy(&attempt, &facts, &denial).fixes;
    let Some(fix) = fixes
        .first()
        .filter(|fix| can_be_made(fix, &attempt.subject))
    else {
        return Some(false);
    };
    let scene = || {
        let fix = (&fix.title, &fix.changes);
        let scene = notation::print(&attempt, &facts);
        format!("{fix:?}\nPERMWRAP_KERNEL_SEED={seed}\n{scene}")
    };
    let (after, undo) = make(fix, &attempt, &facts, &scene);
    nobody_else_is_let_in(fix, &attempt, &facts, &after, &scene);
    compare(
        &without_setgid(look(&actor, &attempt)),
        &without_setgid(after),
        "predicted",
        &scene,
    );
    for command in undo {
        run(&command, None, &scene);
    }
    compare(&look(&actor, &attempt), &facts, "taken back", &scene);
    let (after, _) = make(fix, &attempt, &facts, &scene);
    let outcome = Outcome {
        errno: actor.worker.tell(0),
        verdict: Verdict::Allowed,
        facts: after,
        attempt: attempt.clone(),
    };
    assert!(
        outcome.agrees(true),
        "errno {} after {}",
        outcome.errno,
        scene()
    );
    Some(true)
}

/// Unrelated users are refused as before, except for what applies to everybody: group bits, a mount, an inode flag.
fn nobody_else_is_let_in(
    fix: &Fix,
    attempt: &Attempt,
    before: &Facts,
    after: &Facts,
    scene: &dyn Fn() -> String,
) {
    let is_shared = |change: &Change| match change {
        Change::Chmod { add, .. } => add & 0o077 != 0,
        Change::Remount { .. } | Change::SetFlag { .. } => true,
        _ => false,
    };
    if fix.changes.iter().any(is_shared) {
        return;
    }
    for stranger in [3101, 3102, 3103, 65_000].map(|uid| Subject::login(uid, 65_000, Vec::new())) {
        let judged = |facts| judge(&stranger, &attempt.operation, &attempt.object, facts);
        // What the fs.protected_* settings refuse with O_CREAT or through a symlink is accessible without.
        let closed = match judged(before) {
            Verdict::Allowed => false,
            Verdict::Denied(denial) => !denial.code.name().starts_with("protected-"),
            _ => true,
        };
        let is_other = stranger.uid != attempt.subject.uid;
        let gains = is_other && closed && judged(after) == Verdict::Allowed;
        assert!(!gains, "uid {} is let in: {}", stranger.uid, scene());
    }
}

fn look(actor: &Actor, attempt: &Attempt) -> Facts {
    let mut facts = actor.view.facts(attempt);
    facts.surroundings.setfacl = true;
    facts
}

/// Whether a change of mode clears the set-group-ID bit depends on who makes it. All steps of a fix are made by root if one of
/// them has to be.
fn without_setgid(mut facts: Facts) -> Facts {
    for node in &mut facts.nodes {
        if let Ok(inode) = &mut node.inode {
            inode.mode &= !0o2000;
        }
    }
    facts
}

/// Whether the fix can be made by commands, and applies to the existing process.
fn can_be_made(fix: &Fix, subject: &Subject) -> bool {
    let plain = subject.capabilities == CapabilitySet::EMPTY && subject.initial_user_ns;
    fix.verified
        && fix.effect == Effect::Repairs
        && !fix.relogin
        && (fix.needs_root || plain)
        && !fix
            .changes
            .iter()
            .any(|change| matches!(change, Change::Setting { .. }))
}

/// Applies the changes of the fix. Returns the predicted state, and the commands that revert them.
fn make(
    fix: &Fix,
    attempt: &Attempt,
    facts: &Facts,
    scene: &dyn Fn() -> String,
) -> (Facts, Vec<Argv>) {
    let mut subject = attempt.subject.clone();
    let mut after = facts.clone();
    let mut steps = Vec::new();
    for change in &fix.changes {
        let by = (!fix.needs_root).then_some(&attempt.subject);
        let command = change.argv(&subject, &after).expect("a command");
        run(&command, by, scene);
        let inverse = change
            .inverse(&subject, &after)
            .expect("the facts hold what was");
        change.apply(&mut subject, &mut after);
        steps.push(inverse);
    }
    let mut undone = after.clone();
    let mut commands = Vec::new();
    for change in steps.into_iter().rev().flatten() {
        commands.extend(change.argv(&subject, &undone));
        change.apply(&mut subject, &mut undone);
    }
    (after, commands)
}

/// Runs a command as root or as the subject.
fn run(argv: &Argv, by: Option<&Subject>, scene: &dyn Fn() -> String) {
    use std::os::unix::ffi::OsStringExt;
    let mut words: Vec<std::ffi::OsString> = Vec::new();
    if let Some(subject) = by {
        let groups: Vec<String> = subject.groups.iter().map(u32::to_string).collect();
        words.extend(["setpriv".into(), format!("--reuid={}", subject.uid).into()]);
        words.push(format!("--regid={}", subject.gid).into());
        words.push(match groups.is_empty() {
            true => "--clear-groups".into(),
            false => format!("--groups={}", groups.join(",")).into(),
        });
        words.push("--".into());
    }
    words.extend(argv.iter().cloned().map(std::ffi::OsString::from_vec));
    let ran = Command::new(&words[0])
        .args(&words[1..])
        .current_dir("/")
        .output()
        .expect("the program is there");
    assert!(ran.status.success(), "{words:?}: {ran:?}\n{}", scene());
}

fn compare(found: &Facts, expected: &Facts, what: &str, scene: &dyn Fn() -> String) {
    for (found, expected) in found.nodes.iter().zip(&expected.nodes) {
        assert_eq!(found, expected, "not as {what}: {}", scene());
    }
    assert_eq!(found.mounts, expected.mounts, "not as {what}: {}", scene());
}

//! Cases that random trees do not cover. Each one is set up by a script, really tried, and judged on the facts gathered.
//!
//! Needs the Debian packages acl, bindfs, e2fsprogs, util-linux.

mod files;
mod filesystems;
mod processes;

use std::process::{Command, Stdio};
use std::time::Duration;

use permwrap::attempt::Operation;
use permwrap::judge::Verdict;

use crate::compare::{self, Mismatch, Outcome};
use crate::plan::{Try, Who};
use crate::stage::{self, Stage};
use crate::support;

/// The time within which a process has started.
const A_MOMENT: Duration = Duration::from_millis(300);

const ALICE: u32 = 3101;
const BOB: u32 = 3102;
const WWW: u32 = 3201;

/// The namespace of a test.
struct Scene {
    _stage: Stage,
}

impl Scene {
    /// Runs the script in a namespace of the test's own, in the empty directory `/x`. `None` if the test is finished, either
    /// because this is the outer process or for lack of rights. `test` is the name in the test harness, below this module.
    fn new(test: &str, script: &str) -> Option<Scene> {
        if !support::needs_root() {
            return None;
        }
        let scene = Scene {
            _stage: stage::enter(&format!("named::{test}"))?,
        };
        scene.root(script);
        Some(scene)
    }

    fn root(&self, script: &str) {
        let status = Command::new("bash")
            .args(["-euc", script])
            .current_dir("/x")
            .status();
        assert!(status.expect("bash runs").success(), "{script}");
    }

    /// The judge's verdict on the attempt, such as `EACCES mode-denies`, which must match the kernel's answer.
    fn tries(&self, who: &Who, operation: Operation, path: &str) -> String {
        self.tries_to(who, operation, path, None)
    }

    fn tries_to(&self, who: &Who, operation: Operation, path: &str, to: Option<&str>) -> String {
        let tried = Try {
            operation,
            path: path.to_owned(),
            to: to.map(str::to_owned),
        };
        agreed(compare::attempt(who, &tried, None))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        support::end_processes_of_namespace_of("self");
    }
}

/// The judge's verdict, after it was found to match the kernel's answer.
fn agreed(outcome: Outcome) -> String {
    assert!(outcome.agrees(true), "{}", Mismatch(Box::new(outcome)));
    match &outcome.verdict {
        Verdict::Allowed => "allowed".to_owned(),
        Verdict::Denied(denial) => format!("{} {}", denial.errno, denial.code.name()),
        Verdict::Fails { errno, .. } => errno.to_string(),
        Verdict::Unclear(unknown) => format!("unclear: {}", unknown.what),
    }
}

fn user(uid: u32) -> Who {
    Who {
        uid,
        gid: uid,
        groups: Vec::new(),
        capabilities: 0,
        namespace: None,
    }
}

fn root() -> Who {
    Who {
        capabilities: (1 << 41) - 1,
        ..user(0)
    }
}

/// A process or mount that lasts as long as the value.
struct Background(std::process::Child);

impl Background {
    fn start(program: &str, arguments: &[&str]) -> Background {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .current_dir("/x");
        Background(command.spawn().expect("it runs"))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

//! A failure: run without and with permwrap, and fixed.

use serde_json::Value;

use crate::support::{Ran, World, answered, needs_programs};

/// A program that fails for a known reason.
pub struct Case {
    /// The required programs.
    pub needs: &'static [&'static str],
    /// Prepares the scene, run by root.
    pub scene: &'static str,
    /// The failing command, run by alice in /home/alice.
    pub command: &'static str,
    /// The expected report: error number, absolute path, cause code and refusing object.
    pub errno: &'static str,
    pub path: &'static str,
    pub cause: &'static str,
    pub at: &'static str,
}

impl Case {
    /// Runs the case and applies the first fix; panics with full details on a difference.
    pub fn check(&self) {
        if let Some((world, fix, wrapped)) = self.explained() {
            self.put_right(&world, &fix, &wrapped);
        }
    }

    /// Runs the case without and with permwrap. Returns the resulting world, the first fix and the output; `None` if the case
    /// was skipped.
    pub fn explained(&self) -> Option<(World, Value, Ran)> {
        if !needs_programs(self.needs) {
            return None;
        }
        let world = World::new()?;
        world.root(self.scene);
        let bare = world.run("alice", self.command);
        assert_ne!(bare.code(), 0, "the case fails for real\n{bare}");
        world.root(&format!("rm -rf /tmp/* && {}", self.scene));
        let wrapped = world.run(
            "alice",
            &format!(
                "permwrap --report /home/alice/report.json -- {}",
                self.command
            ),
        );
        assert_eq!(bare.code(), wrapped.code(), "{bare}\n{wrapped}");
        assert_eq!(bare.stdout(), wrapped.stdout());
        let hint = wrapped.stderr();
        let hint = hint
            .strip_prefix(bare.stderr().trim_end())
            .unwrap_or_else(|| panic!("{bare}\n{wrapped}"));
        assert!(hint.contains("permwrap: "), "{wrapped}");

        let report = world.root("cat /home/alice/report.json").stdout();
        let report: Value = serde_json::from_str(&report).expect("the report is JSON");
        let incidents = report["incidents"]
            .as_array()
            .expect("incidents are a list");
        let incident = incidents
            .iter()
            .find(|incident| incident["path"] == self.path)
            .unwrap_or_else(|| panic!("no incident of {}\n{wrapped}\n{report:#}", self.path));
        assert_eq!(incident["errno"], self.errno, "{report:#}");
        assert_eq!(incident["verdict"], "denied", "{report:#}");
        assert_eq!(incident["causes"][0]["code"], self.cause, "{report:#}");
        assert_eq!(incident["causes"][0]["path"], self.at, "{report:#}");
        let fix = incident["fixes"][0].clone();
        Some((world, fix, wrapped))
    }

    /// Applies the first fix, after which the command must succeed.
    fn put_right(&self, world: &World, fix: &Value, wrapped: &Ran) {
        let user = if fix["needs_root"] == true {
            "root"
        } else {
            "alice"
        };
        for command in fix["commands"].as_array().expect("commands are a list") {
            let command = command.as_str().expect("a command is a string");
            let ran = world.run(user, command);
            assert_eq!(
                ran.code(),
                0,
                "the fix can be carried out\n{ran}\n{wrapped}"
            );
        }
        if fix["commands"] == serde_json::json!([]) {
            // Only `permwrap fix` makes it; it asks where what was tried is not certain.
            world.root("mount -t tmpfs -o mode=755 lib /var/lib");
            let fix = "cd /home/alice && permwrap fix --as alice";
            let (told, code) = answered(world, "root", fix, || {});
            assert_eq!(code, 0, "{told}");
        }
        let again = world.run("alice", self.command);
        assert_eq!(
            again.code(),
            0,
            "the fix works\n{fix:#}\n{again}\n{wrapped}"
        );
    }
}

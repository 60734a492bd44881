//! The scripts of a `package.json` (npm, pnpm, yarn), of which a command runs only some.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::CommandLine;

/// What runs a script, before its name.
const RUN: &[&[u8]] = &[b"run", b"run-script"];

/// Programs that run further scripts of the file.
const RUNNERS: &[&str] = &[
    "npm", "npx", "pnpm", "yarn", "bun", "run-s", "run-p", "turbo", "lerna", "nx",
];

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    scripts: BTreeMap<String, String>,
}

/// The code of the scripts that these command lines run, including those before and after them. `None` if that is not told, or if
/// they run further ones.
#[must_use]
pub fn scripts_that_run(package: &[u8], lines: &[CommandLine]) -> Option<Vec<u8>> {
    let package: Package = serde_json::from_slice(package).ok()?;
    let running = lines.iter().filter(|line| line.runs_recipes());
    let mut names = running.map(|line| named(line, &package));
    let name = names.next()??;
    if names.any(|other| other != Some(name)) {
        return None;
    }
    let each = ["pre", "", "post"].map(|when| package.scripts.get(&format!("{when}{name}")));
    let code: Vec<&str> = each.into_iter().flatten().map(String::as_str).collect();
    let runs_more = |code: &&str| {
        let mut words = code.split(|c: char| !(c.is_alphanumeric() || c == '-'));
        words.any(|word| RUNNERS.contains(&word))
    };
    let is_all = !code.is_empty() && !code.iter().any(runs_more);
    is_all.then(|| code.join("\n").into_bytes())
}

/// The name of the script that a command line runs.
fn named<'p>(line: &CommandLine, package: &'p Package) -> Option<&'p str> {
    let mut words = line.operands.iter().map(|operand| operand.word.as_slice());
    let first = words.next()?;
    let name = if RUN.contains(&first) {
        words.next()?
    } else {
        first
    };
    let known = package.scripts.keys();
    let mut named = known.filter(|known| known.as_bytes() == name);
    named.next().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::command_lines;

    #[test]
    fn only_the_script_that_runs_is_read() {
        let package = br#"{"scripts": {"build": "touch out/y", "prebuild": "mkdir -p out", "z": "cd /tmp && ls",
            "all": "npm run build && npm run z", "test": "echo a"}}"#;
        let code = |command: &str| {
            let words: Vec<Vec<u8>> = command.split(' ').map(|word| word.into()).collect();
            let code = scripts_that_run(package, &command_lines(&words))?;
            Some(String::from_utf8(code).expect("it was text"))
        };
        let build = Some("mkdir -p out\ntouch out/y".to_owned());
        for command in [
            "npm run build",
            "npm run-script build",
            "yarn build",
            "pnpm run build",
        ] {
            assert_eq!(code(command), build, "{command}");
        }
        assert_eq!(code("npm test").as_deref(), Some("echo a"));
        for command in ["npm run all", "npm install", "npm run none", "ls"] {
            assert_eq!(code(command), None, "{command}");
        }
    }
}

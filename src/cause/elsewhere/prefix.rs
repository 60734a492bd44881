//! Installing into a place of one's own, by the means of the package manager.

use super::tool::Tool;
use crate::cause::case::Case;
use crate::cause::{Candidate, Fit, Purpose};
use crate::change::{Argv, Change, Effect, argv};

/// Options of package managers that choose between installing system-wide and for the user. They are dropped for an
/// installation into the subject's own location.
const FOR_THE_SYSTEM: &[&[u8]] = &[b"--break-system-packages", b"--system", b"--user"];

/// Options of package managers whose value is the location to install to.
const PLACES: &[&[u8]] = &[
    b"--install-dir",
    b"--prefix",
    b"--root",
    b"--target",
    b"-i",
    b"-t",
];

/// Installs into a location that belongs to the subject, by the means of the package manager.
pub(super) fn own_prefix(tool: &Tool, case: &Case) -> Option<Candidate> {
    if !matches!(case.purpose(), Some(Purpose::System)) || case.subject().uid == 0 {
        return None;
    }
    let and_packages = |words: &[&[u8]]| {
        let packages = tool
            .raw
            .iter()
            .skip_while(|word| *word != b"install")
            .skip(1)
            .filter(|word| !FOR_THE_SYSTEM.contains(&word.as_slice()));
        let mut words = argv(words);
        let mut is_place = false;
        for word in packages {
            // The option names the location that was refused.
            let skipped = std::mem::replace(&mut is_place, PLACES.contains(&word.as_slice()));
            let named = PLACES.iter().any(|place| {
                let rest = word.strip_prefix(*place);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"="))
            });
            if !skipped && !named {
                words.push(word.clone());
            }
        }
        words
    };
    let home = case.facts.surroundings.home.as_deref();
    let below_home = || Some([home.filter(|home| home.len() > 1)?, b"/.local"].concat());
    let (title, commands): (&str, Vec<Argv>) = match tool.name.as_str() {
        "pip" | "pip3" if tool.has("install") => (
            "install into a virtual environment",
            vec![
                argv(&[b"python3", b"-m", b"venv", b".venv"]),
                and_packages(&[b".venv/bin/pip", b"install"]),
            ],
        ),
        "npm" if tool.has("-g") || tool.has("--global") || tool.has("link") => (
            "let npm install below your home",
            vec![
                argv(&[b"npm", b"config", b"set", b"prefix", &below_home()?]),
                tool.raw.clone(),
            ],
        ),
        "gem" if tool.has("install") => (
            "install below your home",
            vec![and_packages(&[b"gem", b"install", b"--user-install"])],
        ),
        "make" if tool.has("install") => (
            "install below your home",
            vec![{
                let variable = case.facts.surroundings.install_variable.as_ref()?;
                let mut words = tool.raw.clone();
                words.push([variable.as_slice(), b"=", &below_home()?].concat());
                words
            }],
        ),
        _ => return None,
    };
    let changes: Vec<Change> = commands
        .into_iter()
        .map(|argv| Change::Run {
            argv,
            root: false,
            effect: Effect::Avoids,
        })
        .collect();
    Some(
        Candidate::new(Fit::Meant, title.to_owned(), changes)
            .noting("leaves the system's own packages alone"),
    )
}

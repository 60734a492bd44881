//! Reads evidence about programs that were started under another name as if they had their known one: a copy of an interpreter
//! runs code, a copy of `cat` reads files.

use crate::attempt::Incident;
use crate::byte_path;
use crate::gather;
use crate::programs;
use crate::resolve::{self, Circumstances};

/// The evidence with the known names of its programs. `None` if they have these already, or if the text itself names both an
/// operation and an object.
pub(super) fn known(
    incident: &Incident,
    circumstances: &Circumstances,
) -> Option<(Incident, Circumstances)> {
    let names_an_object = !incident.paths.is_empty() || incident.address.is_some();
    if names_an_object && !incident.operations.is_empty() {
        return None;
    }
    let names = names(incident, circumstances);
    if names.is_empty() {
        return None;
    }
    let known = |word: &[u8]| {
        let mut names = names.iter();
        let (_, known) = names.find(|(name, _)| byte_path::name(name) == byte_path::name(word))?;
        Some(known.clone())
    };
    let mut circumstances = circumstances.clone();
    let processes = circumstances.processes.iter_mut();
    let words = processes.flat_map(|process| {
        process
            .arguments
            .first_mut()
            .into_iter()
            .chain(&mut process.name)
    });
    for word in words.chain(circumstances.command.first_mut()) {
        *word = known(word).unwrap_or_else(|| std::mem::take(word));
    }
    let mut incident = incident.clone();
    if let Some(name) = resolve::leading_name(&incident.message)
        && let Some(known) = known(name)
    {
        let end = memchr::memmem::find(&incident.message, b": ").unwrap_or(0);
        incident.message.splice(..end, known);
    }
    Some((incident, circumstances))
}

/// The programs that were started under another name, each with its known name.
fn names(incident: &Incident, circumstances: &Circumstances) -> Vec<(Vec<u8>, Vec<u8>)> {
    let start = &circumstances.start;
    let here = circumstances
        .processes
        .iter()
        .filter(|process| process.place.is_none());
    let words = here.filter_map(|process| {
        let directory = process.directory.as_ref().unwrap_or(start);
        Some((process.arguments.first()?, directory))
    });
    // The writer of the message may have ended, but the command line may contain its path.
    let writer = resolve::leading_name(&incident.message);
    let words_of_command = circumstances.command.iter().enumerate();
    let command = words_of_command
        .filter(|(at, word)| {
            *at == 0 || word.contains(&b'/') && Some(byte_path::name(word)) == writer
        })
        .map(|(_, word)| (word, start));
    let mut asked: Vec<&Vec<u8>> = Vec::new();
    let mut found = Vec::new();
    for (word, directory) in words.chain(command) {
        if programs::program(word).is_some() || asked.contains(&word) {
            continue;
        }
        asked.push(word);
        let known = gather::known_name(word, directory, &circumstances.search_path);
        found.extend(known.map(|known| (word.clone(), known)));
    }
    found
}

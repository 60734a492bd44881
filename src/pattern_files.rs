//! The user's own pattern files: beside the configuration file, and in directories named by the configuration or on the command
//! line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::complaint;
use crate::config::{self, Config};
use crate::detect::{self, Patterns};
use crate::gather;
use crate::small_file;

/// permwrap's patterns combined with the user's, and what is wrong with the user's files, one line each.
#[must_use]
pub fn load(directories: &[PathBuf], config: &Config) -> (Arc<Patterns>, Vec<String>) {
    let mut patterns = Patterns::builtin().with_locale(gather::refusals_in_locale());
    let mut troubles = Vec::new();
    for directory in all_directories(directories, config) {
        let files = match files_of(&directory) {
            Ok(files) => files,
            Err(error) => {
                troubles.push(format!(
                    "{}: {}",
                    directory.display(),
                    complaint::reason(&error)
                ));
                continue;
            }
        };
        for file in files {
            let name = file.display().to_string();
            let text = small_file::read(&file)
                .map_err(|error| format!("{name}: {}", complaint::reason(&error)));
            // Each file is tried separately first, so that a mistake in one does not disable the others.
            let checked = text.and_then(|text| match Patterns::builtin().with_file(&name, &text) {
                Ok(_) => Ok(text),
                Err(mistake) => Err(mistake.to_string()),
            });
            match checked {
                Ok(text) => patterns = patterns.with_file(&name, &text).unwrap_or_default(),
                Err(trouble) => troubles.push(trouble),
            }
        }
    }
    (Arc::new(patterns), troubles)
}

/// The literals of those patterns of the user that need no reason (such as "Permission denied") in the line: the relay must
/// look for them as well.
#[must_use]
pub fn literals(directories: &[PathBuf]) -> Vec<Vec<u8>> {
    let config = config::load().unwrap_or_default();
    let mut literals = Vec::new();
    for directory in all_directories(directories, &config) {
        for file in files_of(&directory).unwrap_or_default() {
            let text = small_file::read(&file).unwrap_or_default();
            literals.extend(detect::keywords_of_lines(&text));
        }
    }
    literals
}

/// Checks the pattern files in these directories, before a command is started with them.
///
/// # Errors
/// The first mistake, with file and line.
pub fn check(directories: &[PathBuf]) -> Result<(), String> {
    let (_, troubles) = load(directories, &Config::default());
    troubles.into_iter().next().map_or(Ok(()), Err)
}

/// The directories of additional patterns: those of the command line, those of the configuration, and `patterns` beside the
/// configuration file.
fn all_directories(told: &[PathBuf], config: &Config) -> Vec<PathBuf> {
    let configured = config
        .patterns
        .iter()
        .flat_map(|set| set.value.iter().cloned());
    let own = config::paths()
        .map(|place| place.directory.join("patterns"))
        .filter(|directory| {
            std::fs::metadata(directory)
                .is_ok_and(|metadata| metadata.is_dir() && small_file::is_own(&metadata))
        });
    told.iter().cloned().chain(configured).chain(own).collect()
}

/// The pattern files in a directory, sorted by name.
fn files_of(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let file = entry?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

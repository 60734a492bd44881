//! Locates and reads the configuration file.

use std::io::ErrorKind;
use std::path::PathBuf;

use super::{Config, Mistake, parse};
use crate::{complaint, small_file};

/// The location of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// permwrap's directory: `$XDG_CONFIG_HOME/permwrap`, or `~/.config/permwrap` if the variable is not set. It also holds
    /// `patterns/`.
    pub directory: PathBuf,
    /// The file `config.toml` in it.
    pub file: PathBuf,
}

/// The paths for this environment; `None` if there is no home directory.
#[must_use]
pub fn paths() -> Option<Paths> {
    // The XDG base directory specification requires relative paths to be ignored.
    let directory = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(home()?.join(".config")))?
        .join("permwrap");
    Some(Paths {
        file: directory.join("config.toml"),
        directory,
    })
}

/// The configuration in force. Defaults apply if there is no file, or if root must not trust it: after sudo(8) or setpriv(1),
/// HOME often still belongs to another user, who must not control what root is told.
///
/// # Errors
/// A message of one line, with the name of the file and, if known, the line number.
pub fn load() -> Result<Config, String> {
    let Some(paths) = paths() else {
        return Ok(Config::default());
    };
    let shown = paths.file.display();
    let text = match small_file::read_own(&paths.file) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(Config::default()),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::PermissionDenied
            ) =>
        {
            return Ok(Config::default());
        }
        Err(error) => return Err(format!("{shown}: {}", complaint::reason(&error))),
    };
    parse(&text, home().as_deref()).map_err(|Mistake { line, what }| match line {
        0 => format!("{shown}: {what}"),
        line => format!("{shown}:{line}: {what}"),
    })
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

//! `permwrap.toml`: what a project's service requires.
//!
//! ```toml
//! user = "appuser"            # the user of the service: a name, a uid, uid:gid or uid:gid:gid,gid,...
//! not-root = true             # it must not run as root
//! groups = ["video"]          # it must be in these groups
//! ports = [80, "[::1]:443"]   # it must be allowed to listen there
//! programs = ["ffmpeg"]       # it must be allowed to execute these; a bare name is looked up in PATH
//! sockets = ["/run/db.sock"]  # it must be allowed to connect to these
//! devices = ["/dev/video0"]   # it must be allowed to read and write these
//!
//! [[path]]
//! path = "data/uploads/"      # relative to this file; with a trailing slash, it must be a directory
//! needs = ["read", "write"]   # operations of `permwrap why`; in a directory, read lists it and write creates and deletes
//! closed = true               # nobody else may have access
//! mode = ["750", "770"]       # one of these modes
//! as = "worker"               # another user, for this path
//! ```

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::attempt::Operation;
use crate::config::{Mistake, line_of, mistake};

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// The user that the service runs as; `None` for the user who runs permwrap.
    pub user: Option<String>,
    /// Whether the service must not run as root.
    pub not_root: bool,
    /// The groups that the service must be in.
    pub groups: Vec<String>,
    /// Where the service must be allowed to listen: a port, or an address with a port.
    pub ports: Vec<String>,
    /// The programs that the service must be allowed to execute.
    pub programs: Vec<String>,
    /// The requirements of paths, in the order of the file, followed by those of sockets and devices.
    pub paths: Vec<PathNeeds>,
}

/// The requirements of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathNeeds {
    /// The absolute path.
    pub path: PathBuf,
    /// The path as written in the file.
    pub written: String,
    /// The line number, from 1.
    pub line: usize,
    /// The user, if not the service's own.
    pub user: Option<String>,
    /// The operations that must be allowed.
    pub needs: Vec<Operation>,
    /// Whether nobody else may have access to it.
    pub closed: bool,
    /// The permitted modes; empty if any mode is.
    pub modes: Vec<u32>,
}

impl PathNeeds {
    /// Whether the path must be a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.written.ends_with('/')
    }
}

/// Parses the text of a manifest in the directory `base`, which must be absolute.
///
/// # Errors
/// The first mistake, with its line.
pub fn parse(text: &str, base: &Path) -> Result<Manifest, Mistake> {
    let raw: Raw = toml::from_str(text).map_err(|error| mistake(text, &error))?;
    let mut paths = raw
        .path
        .into_iter()
        .map(|path| path_needs(text, base, path))
        .collect::<Result<Vec<_>, _>>()?;
    let plain = |needs: Operation| {
        move |written: Spanned<String>| PathNeeds {
            path: base.join(written.get_ref()),
            line: line_of(text, written.span().start),
            written: written.into_inner(),
            user: None,
            needs: vec![needs.clone()],
            closed: false,
            modes: Vec::new(),
        }
    };
    paths.extend(raw.sockets.into_iter().map(plain(Operation::Connect)));
    paths.extend(raw.devices.into_iter().map(plain(Operation::UPDATE)));
    let port = |word: Spanned<PortWord>| {
        let line = line_of(text, word.span().start);
        word.into_inner()
            .text()
            .map_err(|what| Mistake { line, what })
    };
    Ok(Manifest {
        user: raw.user.map(UserWord::text),
        not_root: raw.not_root,
        groups: raw.groups,
        ports: raw.ports.into_iter().map(port).collect::<Result<_, _>>()?,
        programs: raw.programs,
        paths,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    user: Option<UserWord>,
    #[serde(default, rename = "not-root")]
    not_root: bool,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    ports: Vec<Spanned<PortWord>>,
    #[serde(default)]
    programs: Vec<String>,
    #[serde(default)]
    sockets: Vec<Spanned<String>>,
    #[serde(default)]
    devices: Vec<Spanned<String>>,
    #[serde(default)]
    path: Vec<RawPath>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPath {
    path: Spanned<String>,
    #[serde(default)]
    needs: Vec<Spanned<String>>,
    #[serde(default)]
    closed: bool,
    mode: Option<Spanned<OneOrMore>>,
    #[serde(rename = "as")]
    user: Option<UserWord>,
}

/// `"appuser"` or a bare uid.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a user is a name or a number")]
enum UserWord {
    Name(String),
    Uid(u32),
}

impl UserWord {
    fn text(self) -> String {
        match self {
            UserWord::Name(name) => name,
            UserWord::Uid(uid) => uid.to_string(),
        }
    }
}

/// `80`, `"80"` or `"127.0.0.1:80"`.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a port is a number up to 65535, or text like \"127.0.0.1:80\""
)]
enum PortWord {
    Number(u16),
    Text(String),
}

impl PortWord {
    fn text(self) -> Result<String, String> {
        match self {
            PortWord::Number(number) => Ok(number.to_string()),
            PortWord::Text(text) if crate::resolve::port(text.as_bytes()).is_some() => Ok(text),
            PortWord::Text(text) => match text.parse::<u16>() {
                Ok(number) => Ok(number.to_string()),
                Err(_) => Err(format!(
                    "{text:?} is not a port; one looks like 80 or \"127.0.0.1:80\""
                )),
            },
        }
    }
}

/// `"750"` or `["750", "770"]`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a mode is text like \"750\", or a list of such")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

fn path_needs(text: &str, base: &Path, raw: RawPath) -> Result<PathNeeds, Mistake> {
    let line = line_of(text, raw.path.span().start);
    let written = raw.path.into_inner();
    if written.is_empty() {
        let what = "path is empty".to_owned();
        return Err(Mistake { line, what });
    }
    let modes = raw.mode.map_or(Ok(Vec::new()), |modes| {
        let line = line_of(text, modes.span().start);
        let words = match modes.into_inner() {
            OneOrMore::One(word) => vec![word],
            OneOrMore::More(words) => words,
        };
        let read = |word: &String| mode(word).map_err(|what| Mistake { line, what });
        words.iter().map(read).collect::<Result<Vec<u32>, _>>()
    })?;
    if raw.needs.is_empty() && modes.is_empty() && !raw.closed {
        let what = format!("{written}: nothing is asked of it; give needs, closed or mode");
        return Err(Mistake { line, what });
    }
    let need = |word: &Spanned<String>| {
        let line = line_of(text, word.span().start);
        operation(word.get_ref()).map_err(|what| Mistake { line, what })
    };
    Ok(PathNeeds {
        path: base.join(&written),
        line,
        user: raw.user.map(UserWord::text),
        needs: raw.needs.iter().map(need).collect::<Result<_, _>>()?,
        closed: raw.closed,
        modes,
        written,
    })
}

/// The operations of `permwrap why`, except those that require a second path.
fn operation(word: &str) -> Result<Operation, String> {
    match Operation::from_name(word) {
        Some(Operation::Rename | Operation::Link) => Err(format!(
            "{word} needs two paths; ask for write on both directories instead"
        )),
        Some(operation) if Operation::names().contains(&word) => Ok(operation),
        _ => Err(format!(
            "{word:?} is not an operation; there are {}",
            Operation::names().join(", ")
        )),
    }
}

fn mode(word: &str) -> Result<u32, String> {
    u32::from_str_radix(word, 8)
        .ok()
        .filter(|&mode| mode <= 0o7777)
        .ok_or_else(|| format!("{word:?} is not a mode; one looks like \"750\" or \"2775\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> (usize, String) {
        let mistake = parse(text, Path::new("/srv/app")).expect_err("it is not well-formed");
        (mistake.line, mistake.what)
    }

    #[test]
    fn everything_that_can_be_asked_is_read() {
        let text = "user = 1000\nnot-root = true\n\n[[path]]\npath = \"data/\"\nneeds = [\"read\", \"write\"]\n\
                    [[path]]\npath = \"/etc/app.key\"\nclosed = true\nmode = \"600\"\nas = \"worker\"\n";
        let manifest = parse(text, Path::new("/srv/app")).expect("it is well-formed");
        assert_eq!(manifest.user.as_deref(), Some("1000"));
        assert!(manifest.not_root);
        let [data, key] = &manifest.paths[..] else {
            panic!("{manifest:?}")
        };
        assert_eq!(data.path, Path::new("/srv/app/data/"));
        assert!(data.is_directory());
        assert_eq!(data.line, 5);
        assert_eq!(data.needs, [Operation::READ, Operation::WRITE]);
        assert_eq!(key.path, Path::new("/etc/app.key"));
        assert_eq!((key.closed, &key.modes[..]), (true, &[0o600][..]));
        assert_eq!(key.user.as_deref(), Some("worker"));
    }

    #[test]
    fn what_is_no_path_can_be_asked_for_too() {
        let text = "groups = [\"video\"]\nports = [80, \"127.0.0.1:443\"]\nprograms = [\"ffmpeg\"]\nsockets = [\"/run/db.sock\"]\ndevices = [\"/dev/video0\"]\n";
        let manifest = parse(text, Path::new("/srv/app")).expect("it is well-formed");
        assert_eq!(manifest.groups, ["video"]);
        assert_eq!(manifest.ports, ["80", "127.0.0.1:443"]);
        assert_eq!(manifest.programs, ["ffmpeg"]);
        let needs: Vec<&Operation> = manifest.paths.iter().flat_map(|path| &path.needs).collect();
        assert_eq!(needs, [&Operation::Connect, &Operation::UPDATE]);
        assert_eq!(wrong("\nports = [\"http\"]\n").0, 2);
        assert_eq!(wrong("\nports = [70000]\n").0, 2);
    }

    #[test]
    fn mistakes_name_their_line() {
        assert_eq!(wrong("user = \"a\"\nnotroot = true\n").0, 2);
        assert_eq!(
            wrong("[[path]]\npath = \"a\"\nneeds = [\n\"read\",\n\"wirte\"]").0,
            5
        );
        assert_eq!(wrong("[[path]]\npath = \"a\"\n").0, 2);
        assert_eq!(wrong("[[path]]\npath = \"a\"\nmode = [\"999\"]\n").0, 3);
        assert_eq!(wrong("[[path]]\npath = \"a\"\nneeds = [\"rename\"]\n").0, 3);
        assert_eq!(wrong("[[path]]\nneeds = [\"read\"]\n").0, 1);
        assert_eq!(wrong("user = \"a\n").0, 1);
        assert!(
            wrong("[[path]]\npath = \"a\"\nmode = 750\n")
                .1
                .contains("a mode is text")
        );
    }
}

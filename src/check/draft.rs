//! A first manifest, drafted from what a project's files say: Django settings, compose files, Dockerfiles, systemd units.
//!
//! Each reader looks for the few things that tell of a path or a user, and passes over everything else. What a file says
//! outright is taken over; what it only suggests is marked as guessed.

mod compose;
mod django;
mod dockerfile;
mod unit;

use crate::quote;

/// A file of the project that may tell something.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path, relative to the project.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What was learned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The users that the service may run as, the likeliest first, with what tells it.
    users: Vec<(String, String)>,
    needs: Vec<Need>,
}

/// A path that is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Need {
    path: String,
    /// Operations.
    needs: &'static [&'static str],
    closed: bool,
    /// What tells it: `app.service line 7: WorkingDirectory`.
    from: String,
    /// Whether the file only suggests it.
    guessed: bool,
}

/// Whether a file of this name can tell something, so that it is worth reading.
#[must_use]
pub fn is_source(path: &str) -> bool {
    Kind::of(path).is_some()
}

/// Drafts a manifest from these files.
#[must_use]
pub fn draft(sources: &[Source]) -> Draft {
    let mut draft = Draft::default();
    let mut sources: Vec<(Kind, &Source)> = sources
        .iter()
        .filter_map(|source| Some((Kind::of(&source.path)?, source)))
        .collect();
    // The first user named is the one taken.
    sources.sort_by_key(|(kind, source)| (*kind, source.path.clone()));
    for (kind, source) in sources {
        match kind {
            Kind::Unit => unit::read(source, &mut draft),
            Kind::Dockerfile => dockerfile::read(source, &mut draft),
            Kind::Compose => compose::read(source, &mut draft),
            Kind::Django => django::read(source, &mut draft),
        }
    }
    draft
}

/// The kinds of files, those that tell the user most surely first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Unit,
    Dockerfile,
    Compose,
    Django,
}

impl Kind {
    fn of(path: &str) -> Option<Kind> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = name.strip_suffix(".yml").or(name.strip_suffix(".yaml"));
        if name.ends_with(".service") {
            Some(Kind::Unit)
        } else if name.starts_with("Dockerfile")
            || name.starts_with("Containerfile")
            || name.ends_with(".Dockerfile")
        {
            Some(Kind::Dockerfile)
        } else if stem
            .is_some_and(|stem| stem.starts_with("docker-compose") || stem.starts_with("compose"))
        {
            Some(Kind::Compose)
        } else if name == "settings.py"
            || (name.ends_with(".py") && directory.split('/').next_back() == Some("settings"))
        {
            Some(Kind::Django)
        } else {
            None
        }
    }
}

impl Draft {
    fn user(&mut self, name: &str, from: String) {
        self.users.push((name.to_owned(), from));
    }

    /// Notes a path; one that is known already gets what it lacks.
    fn need(&mut self, need: Need) {
        let known = |known: &&mut Need| known.path == need.path;
        match self.needs.iter_mut().find(known) {
            Some(known) if known.needs.len() < need.needs.len() => *known = need,
            Some(known) => known.closed |= need.closed,
            None => self.needs.push(need),
        }
    }

    /// The manifest's text, with comments that tell where each line comes from.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::from(
            "# What this project's service needs; `permwrap check` judges it. Lines marked \"guessed\" want a look.\n\n",
        );
        match self.users.first() {
            Some((user, from)) => {
                text.push_str(&format!(
                    "user = {}            # {}\n",
                    quoted(user),
                    quote::line(from)
                ));
            }
            None => text.push_str("# user = \"appuser\"     # no file here tells who it runs as\n"),
        }
        for (user, from) in self.users.iter().skip(1) {
            let also = quote::line(&format!("{user} ({from})"));
            text.push_str(&format!("# also: {also}\n"));
        }
        let is_root = self
            .users
            .first()
            .is_some_and(|(user, _)| user == "root" || user == "0");
        text.push_str(&format!("not-root = {}\n", !is_root));
        for need in &self.needs {
            let guessed = if need.guessed { "guessed from " } else { "" };
            text.push_str(&format!(
                "\n# {guessed}{}\n[[path]]\npath = {}\n",
                quote::line(&need.from),
                quoted(&need.path)
            ));
            if !need.needs.is_empty() {
                let words: Vec<String> = need.needs.iter().map(|word| quoted(word)).collect();
                text.push_str(&format!("needs = [{}]\n", words.join(", ")));
            }
            if need.closed {
                text.push_str("closed = true\n");
            }
        }
        text
    }

    /// Whether no file told anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.needs.is_empty()
    }
}

/// Text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Joins a path of a file in the project to that file's directory; `./` and `..` are taken out where they can be.
fn beside(source: &Source, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let directory = source
        .path
        .rsplit_once('/')
        .map_or("", |(directory, _)| directory);
    tidied(&format!("{directory}/{path}"))
}

/// A relative path without `.`, empty parts, and `..` that have something to take away.
fn tidied(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let slash = if path.ends_with('/') && !parts.is_empty() {
        "/"
    } else {
        ""
    };
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/") + slash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drafted(files: &[(&str, &str)]) -> Draft {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        draft(&sources)
    }

    /// `path: needs` of each need, `!` where guessed, `closed` where it is to be.
    fn told(draft: &Draft) -> Vec<String> {
        let line = |need: &Need| {
            format!(
                "{}{}: {}{}",
                if need.guessed { "!" } else { "" },
                need.path,
                need.needs.join(" "),
                if need.closed { " closed" } else { "" }
            )
        };
        draft.needs.iter().map(line).collect()
    }

    #[test]
    fn a_unit_tells_user_and_paths() {
        let draft = drafted(&[(
            "deploy/app.service",
            "[Unit]\nDescription=x\n[Service]\nUser=www-data\nWorkingDirectory=/srv/app\nReadWritePaths=/srv/app/data -/srv/app/logs\n\
             EnvironmentFile=-/etc/app.env\nStateDirectory=app\nExecStart=/srv/app/venv/bin/gunicorn app:wsgi\n",
        )]);
        assert_eq!(
            draft.users,
            [(
                "www-data".to_owned(),
                "deploy/app.service line 4: User".to_owned()
            )]
        );
        assert_eq!(
            told(&draft),
            [
                "/srv/app/: traverse",
                "/srv/app/data: read write",
                "/srv/app/logs: read write",
                "!/etc/app.env:  closed",
                "/srv/app/venv/bin/gunicorn: exec",
            ]
        );
    }

    #[test]
    fn the_last_stage_of_a_dockerfile_counts() {
        let draft = drafted(&[(
            "Dockerfile",
            "FROM rust AS build\nUSER builder\nFROM debian\nWORKDIR /app\nCOPY . .\nVOLUME [\"/data\", \"/cache\"]\nUSER 10001:10001\nENTRYPOINT [\"./entrypoint.sh\"]\n",
        )]);
        assert_eq!(draft.users[0].0, "10001:10001");
        assert_eq!(draft.users.len(), 1);
        assert_eq!(
            told(&draft),
            [
                "/app/: traverse",
                "/data/: read write",
                "/cache/: read write",
                "/app/entrypoint.sh: exec"
            ]
        );
    }

    #[test]
    fn compose_tells_bind_mounts_and_not_named_volumes() {
        let draft = drafted(&[(
            "ops/compose.yaml",
            "services:\n  web:\n    image: x\n    user: \"1000:1000\"\n    volumes:\n      - ./data:/data\n      - ../conf/app.ini:/etc/app.ini:ro\n      - cache:/cache\n      - type: bind\n        source: /srv/up\n        target: /up\n\
            \x20   env_file: .env\n  db:\n    volumes: [db:/var/lib/db]\nvolumes:\n  cache:\n",
        )]);
        assert_eq!(draft.users[0].0, "1000:1000");
        assert_eq!(
            told(&draft),
            [
                "!ops/data: read write",
                "!conf/app.ini: read",
                "!/srv/up: read write",
                "!ops/.env:  closed",
            ]
        );
    }

    #[test]
    fn django_settings_tell_where_files_go() {
        let draft = drafted(&[(
            "shop/shop/settings.py",
            "BASE_DIR = Path(__file__).resolve().parent.parent\n\
             DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'db.sqlite3'}}\n\
             MEDIA_ROOT = os.path.join(BASE_DIR, 'var', 'media')\nSTATIC_ROOT = '/srv/static'\n\
             LOGGING = {'handlers': {'f': {'filename': BASE_DIR / \"logs\" / \"app.log\"}}}\nMEDIA_URL = '/media/'\n",
        )]);
        assert_eq!(
            told(&draft),
            [
                "!shop/db.sqlite3: create",
                "!shop/: read write",
                "!shop/var/media/: read write",
                "!/srv/static/: read",
                "!shop/logs/: read write",
            ]
        );
    }

    #[test]
    fn the_draft_is_a_manifest() {
        let draft = drafted(&[
            ("a.service", "User=app\nWorkingDirectory=/srv/a \"b\"\n"),
            ("Dockerfile", "FROM x\nUSER other\n"),
        ]);
        let text = draft.to_toml();
        let manifest = super::super::manifest::parse(&text, std::path::Path::new("/p"))
            .unwrap_or_else(|mistake| panic!("{mistake:?}\n{text}"));
        assert_eq!(manifest.user.as_deref(), Some("app"));
        assert!(text.contains("# also: other (Dockerfile line 2: USER)"));
        let empty = drafted(&[]).to_toml();
        assert!(super::super::manifest::parse(&empty, std::path::Path::new("/p")).is_ok());
    }
}

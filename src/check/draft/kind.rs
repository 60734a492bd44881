//! Tells by its name and text what kind of file a project's file is.

/// The kinds of files, the most reliable ones with regard to the user first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Unit,
    Dockerfile,
    Compose,
    Kubernetes,
    Django,
    Flask,
    Node,
}

impl Kind {
    /// The kind, if the text confirms it: some of the names are not specific.
    pub(super) fn confirmed(self, text: &str) -> Option<Kind> {
        let is_it = match self {
            Kind::Kubernetes => text.contains("apiVersion:") && text.contains("kind:"),
            Kind::Flask => text.contains("UPLOAD_FOLDER") || text.contains("flask"),
            Kind::Node => text.contains("require(") || text.contains("import "),
            Kind::Unit | Kind::Dockerfile | Kind::Compose | Kind::Django => true,
        };
        is_it.then_some(self)
    }

    /// The kind that the name suggests.
    pub(super) fn of(path: &str) -> Option<Kind> {
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
        } else if ["app.py", "config.py", "__init__.py", "wsgi.py"].contains(&name) {
            Some(Kind::Flask)
        } else if [".js", ".mjs", ".cjs", ".ts"].iter().any(|end| {
            let stem = name.strip_suffix(end);
            stem.is_some_and(|stem| ["server", "app", "index", "main"].contains(&stem))
        }) {
            Some(Kind::Node)
        } else if stem.is_some() {
            Some(Kind::Kubernetes)
        } else {
            None
        }
    }
}

//! The result of a check, as text and as JSON.

use owo_colors::OwoColorize;
use serde::Serialize;

use crate::attempt::Operation;
use crate::facts::Elevator;
use crate::layout::labelled;
use crate::remedy::Fix;
use crate::render::{Style, fix_report, incident_report, text};
use crate::report::{Finding, FixReport, IncidentReport, SCHEMA};

/// The result of a check.
#[derive(Debug, Clone)]
pub struct Checklist {
    /// The manifest's path, as it was given.
    pub manifest: String,
    /// The user it was judged for: `www (uid 33)`.
    pub user: String,
    /// All requirements, in the manifest's order.
    pub items: Vec<Item>,
    /// Whether it was judged for root.
    pub is_root: bool,
    /// How a user runs a single command as root.
    pub elevator: Elevator,
    /// The owner of the manifest, if permwrap runs as root and the manifest belongs to another user. What such a user requires is
    /// judged, but no command is suggested for it.
    pub stranger: Option<String>,
}

/// A requirement.
#[derive(Debug, Clone)]
pub struct Item {
    /// What is required.
    pub what: Asked,
    /// The path, as written in the manifest.
    pub path: Option<String>,
    /// The user, if not the service's own.
    pub user: Option<String>,
    /// Whether the requirement is met.
    pub state: State,
}

/// Whether a requirement is met.
#[derive(Debug, Clone)]
pub enum State {
    /// It is met.
    Holds,
    /// It is not met.
    Fails(Box<Failure>),
    /// It could not be judged, because this is missing.
    Unclear(String),
}

/// Why a requirement is not met.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The reason, in words.
    pub because: String,
    /// The fixes, best first.
    pub fixes: Vec<Fix>,
    /// The finding, if it is a refusal.
    pub finding: Option<Finding>,
}

/// What can be required of a path or of the service.
#[derive(Debug, Clone)]
pub enum Asked {
    /// It does not run as root.
    NotRoot,
    /// It is a member of the group.
    Member,
    /// It may listen on the port.
    Listen,
    /// It may execute the program.
    Run,
    /// The path exists.
    Exists,
    /// The operation is allowed.
    Allowed(Operation),
    /// Nobody else has access to it.
    Closed,
    /// Its mode is one of these.
    Mode(Vec<u32>),
}

impl Asked {
    /// The name in JSON.
    fn name(&self) -> String {
        match self {
            Asked::NotRoot => "not-root".to_owned(),
            Asked::Member => "member".to_owned(),
            Asked::Listen => "bind".to_owned(),
            Asked::Run => "exec".to_owned(),
            Asked::Exists => "exists".to_owned(),
            Asked::Allowed(operation) => operation.name().to_owned(),
            Asked::Closed => "closed".to_owned(),
            Asked::Mode(modes) => format!("mode {}", octal(modes)),
        }
    }

    /// The wording in text, for this path (group, port, program).
    fn words(&self, path: &str) -> String {
        match self {
            Asked::NotRoot => "does not run as root".to_owned(),
            Asked::Member => format!("is in the group {path}"),
            Asked::Listen if path.contains(':') => format!("may listen on {path}"),
            Asked::Listen => format!("may listen on port {path}"),
            Asked::Run => format!("may run {path}"),
            Asked::Exists => format!("{path} exists"),
            Asked::Allowed(Operation::Open(how)) if how.read && how.write => {
                format!("may read and write {path}")
            }
            Asked::Allowed(Operation::Connect) => format!("may connect to {path}"),
            Asked::Allowed(operation) => format!("may {} {path}", operation.name()),
            Asked::Closed => format!("{path} is closed to others"),
            Asked::Mode(modes) => format!("{path} has mode {}", octal(modes)),
        }
    }
}

fn octal(modes: &[u32]) -> String {
    let words: Vec<String> = modes.iter().map(|mode| format!("{mode:o}")).collect();
    words.join(" or ")
}

impl Checklist {
    /// Without fixes, if the manifest's owner must not control what root is told to do.
    #[must_use]
    pub fn guarded(mut self) -> Checklist {
        for item in self.items.iter_mut().filter(|_| self.stranger.is_some()) {
            if let State::Fails(failure) = &mut item.state {
                failure.fixes.clear();
                failure.finding = None;
            }
        }
        self
    }

    /// Whether all requirements are met; `None` if none fails, but some could not be judged.
    #[must_use]
    pub fn holds(&self) -> Option<bool> {
        let any = |state: fn(&State) -> bool| self.items.iter().any(|item| state(&item.state));
        if any(|state| matches!(state, State::Fails(_))) {
            Some(false)
        } else if any(|state| matches!(state, State::Unclear(_))) {
            None
        } else {
            Some(true)
        }
    }

    /// The complete list, as text.
    #[must_use]
    pub fn text(&self, style: Style) -> String {
        let rows = self.rows(self.items.iter(), style);
        format!(
            "permwrap check: {}, for {}\n\n{rows}\n{}\n{}",
            self.manifest,
            self.user,
            self.sum(),
            self.remark()
        )
    }

    /// Only what is not met, as text for a run that is not started because of it.
    #[must_use]
    pub fn failures(&self, style: Style) -> String {
        let failing = |item: &&Item| !matches!(item.state, State::Holds);
        let rows = self.rows(self.items.iter().filter(failing), style);
        format!("{rows}{}\n{}", self.sum(), self.remark())
    }

    /// Why no fixes are shown.
    fn remark(&self) -> String {
        let Some(owner) = &self.stranger else {
            return String::new();
        };
        format!(
            "permwrap: {} belongs to {owner}, who must not decide what root runs: no fixes are shown; run it as {owner} to see them\n",
            self.manifest
        )
    }

    /// The rows of these items. What is not met for the same reason, one after the other, is explained once.
    fn rows<'i>(&self, items: impl Iterator<Item = &'i Item>, style: Style) -> String {
        let rows: Vec<(String, String)> = items
            .map(|item| (row(item, style), self.explanation(item, style)))
            .collect();
        let same = rows.chunk_by(|one, next| one.1 == next.1);
        same.map(|rows| {
            let heads: String = rows.iter().map(|(head, _)| head.as_str()).collect();
            heads + &rows[0].1
        })
        .collect()
    }

    /// Why a requirement is not met, and the fixes.
    fn explanation(&self, item: &Item, style: Style) -> String {
        match &item.state {
            State::Holds => String::new(),
            State::Unclear(note) => labelled("", note, style.width),
            State::Fails(failure) => {
                let mend = self.elevator.run(text::MEND);
                labelled("because", &failure.because, style.width)
                    + &text::fixes(&failure.fixes, self.is_root, self.elevator, &mend, style)
            }
        }
    }

    fn sum(&self) -> String {
        let count =
            |state: fn(&State) -> bool| self.items.iter().filter(|item| state(&item.state)).count();
        let holds = count(|state| matches!(state, State::Holds));
        let fails = count(|state| matches!(state, State::Fails(_)));
        let all = self.items.len();
        let unclear = all - holds - fails;
        let sum = match (all, holds, fails) {
            (0, ..) => return "permwrap: the manifest asks for nothing".to_owned(),
            (1, 1, _) => "the one requirement holds".to_owned(),
            (1, _, 1) => "the one requirement does not hold".to_owned(),
            (1, ..) => return "permwrap: the one requirement could not be judged".to_owned(),
            (all, holds, _) if holds == all => format!("all {all} requirements hold"),
            (all, holds, 0) => format!("{holds} of {all} requirements hold"),
            (all, holds, 1) => format!("{holds} of {all} requirements hold, 1 does not"),
            (all, holds, fails) => {
                format!("{holds} of {all} requirements hold, {fails} do not")
            }
        };
        match unclear {
            0 => format!("permwrap: {sum}"),
            _ => format!("permwrap: {sum}, {unclear} could not be judged"),
        }
    }

    /// The list, as JSON.
    #[must_use]
    pub fn report(&self) -> impl Serialize + use<> {
        Report {
            schema: SCHEMA,
            manifest: self.manifest.clone(),
            user: self.user.clone(),
            holds: self.holds(),
            items: self.items.iter().map(item_report).collect(),
        }
    }
}

/// What is required, and whether it is met.
fn row(item: &Item, style: Style) -> String {
    let path = item
        .path
        .as_ref()
        .map_or_else(String::new, |path| crate::quote::display(path.as_bytes()));
    let user = item
        .user
        .as_ref()
        .map_or_else(String::new, |user| format!("  (as {user})"));
    let what = format!("{}{user}", item.what.words(&path));
    let mark = match &item.state {
        State::Holds => "ok",
        State::Unclear(_) => "unclear",
        State::Fails(_) => "NO",
    };
    marked(mark, &what, style)
}

/// A row of the list: `  ok       read  data/`.
fn marked(mark: &str, what: &str, style: Style) -> String {
    let line = labelled(mark, what, usize::MAX);
    if !style.color {
        return line;
    }
    let shown = match mark {
        "ok" => mark.green().to_string(),
        "NO" => mark.red().bold().to_string(),
        _ => mark.yellow().to_string(),
    };
    line.replacen(mark, &shown, 1)
}

#[derive(Serialize)]
struct Report {
    schema: u32,
    manifest: String,
    user: String,
    holds: Option<bool>,
    items: Vec<ItemReport>,
}

#[derive(Serialize)]
struct ItemReport {
    what: String,
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    holds: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<FixReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<IncidentReport>,
}

fn item_report(item: &Item) -> ItemReport {
    let (holds, because, failure) = match &item.state {
        State::Holds => (Some(true), None, None),
        State::Unclear(note) => (None, Some(note.clone()), None),
        State::Fails(failure) => (Some(false), Some(failure.because.clone()), Some(failure)),
    };
    ItemReport {
        what: item.what.name(),
        path: item.path.clone(),
        user: item.user.clone(),
        holds,
        because,
        fixes: failure.map_or_else(Vec::new, |failure| {
            failure.fixes.iter().map(fix_report).collect()
        }),
        incident: failure
            .and_then(|failure| failure.finding.as_ref())
            .map(incident_report),
    }
}

//! The story of a run: what the command wrote → detect → resolve → gather → judge → remedy → print.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::appearance;
use crate::attempt::{Errno, Incident, Object, Subject};
use crate::cli::{Hints, RunOptions};
use crate::config::{self, Config, HintsOrOff};
use crate::denial::Code;
use crate::detect::{self, Detector};
use crate::gather::{self, Snapshot};
use crate::investigate::{investigate, is_worth_telling};
use crate::pattern_files;
use crate::render::{self, Style, github, json_line, text};
use crate::report::{self, Finding, Outcome, RunReport, lossy};
use crate::resolve::{self, Place, Witness};
use crate::run::scene::Process;
use crate::run::{Exit, Observer, Scene};

/// How many hints are shown at a time, and of a run in all; further ones are counted at the end.
const MOST_AT_A_TIME: usize = 3;
const MOST_OF_A_RUN: usize = 12;

/// How many different failures are worked out in a run; further ones are only counted. Bounds the memory and the time
/// of a run that fails in ten thousand places.
const MOST_FINDINGS: usize = 200;

/// Watches one command: the diagnosis behind the relay.
pub struct Explainer {
    report: Option<PathBuf>,
    command: Vec<OsString>,
    /// The form of hints; `None` where none are wanted.
    form: Option<Hints>,
    style: Style,
    config: Config,
    /// Trouble of permwrap's own, to be said at the end.
    troubles: Vec<String>,
    detector: Detector,
    place: Place,
    /// The command as it was started, in case nothing was seen of it before it was gone.
    own: Witness,
    findings: Vec<Finding>,
    /// Which finding an incident belongs to, so that equal failures are worked out once. `None`: not worth telling.
    known: HashMap<Failure, Option<usize>>,
    /// How many findings hints were considered for, in order.
    considered: usize,
    shown: usize,
    unshown: usize,
    /// Failures beyond [`MOST_FINDINGS`].
    beyond: u64,
}

/// What makes two incidents the same failure.
type Failure = (Option<Errno>, Vec<Vec<u8>>, Option<Vec<u8>>);

impl Explainer {
    /// A diagnosis of this command, nothing seen yet.
    #[must_use]
    pub fn new(options: &RunOptions, command: Vec<OsString>) -> Explainer {
        let (config, trouble) = config::load().map_or_else(
            |trouble| (Config::default(), Some(trouble)),
            |config| (config, None),
        );
        let color = options
            .color
            .or(config.color.as_ref().map(|set| set.value))
            .unwrap_or_default();
        let words: Vec<Vec<u8>> = command
            .iter()
            .map(|word| word.as_bytes().to_vec())
            .collect();
        let (patterns, troubles) = pattern_files::load(&options.patterns, &config);
        let place = surroundings();
        let own = Witness {
            arguments: words.clone(),
            ..place.witnesses[0].clone()
        };
        Explainer {
            report: options.report.clone(),
            form: form(options, &config),
            style: appearance::style(&std::io::stderr(), color),
            troubles: trouble.into_iter().chain(troubles).collect(),
            config,
            detector: Detector::new(patterns),
            place: Place {
                command: words,
                ..place
            },
            own,
            command,
            findings: Vec::new(),
            known: HashMap::new(),
            considered: 0,
            shown: 0,
            unshown: 0,
            beyond: 0,
        }
    }

    fn meet(&mut self, incidents: Vec<Incident>) {
        for incident in incidents {
            let failure = (
                incident.errno,
                incident.paths.clone(),
                incident.address.clone(),
            );
            match self.known.get(&failure) {
                Some(Some(at)) => self.findings[*at].count += u64::from(incident.count),
                Some(None) => {}
                None if self.known.len() >= MOST_FINDINGS => {
                    self.beyond += u64::from(incident.count)
                }
                None => {
                    let finding = investigate(incident, &self.place);
                    let at = is_worth_telling(&finding).then(|| {
                        self.findings.push(finding);
                        self.findings.len() - 1
                    });
                    self.known.insert(failure, at);
                }
            }
        }
    }

    /// The hints for what was found since the last time.
    fn hints(&mut self) -> Vec<u8> {
        let new = self.considered..self.findings.len();
        self.considered = self.findings.len();
        let wanted: Vec<usize> = new
            .filter(|at| !self.is_ignored(&self.findings[*at]))
            .collect();
        let each = |line: &dyn Fn(&Finding) -> String| -> String {
            wanted.iter().map(|at| line(&self.findings[*at])).collect()
        };
        match self.form {
            None => Vec::new(),
            Some(Hints::Json) => {
                let words = self.words();
                each(&|finding| json_line::line(finding, &words, now())).into_bytes()
            }
            Some(Hints::Github) => {
                let workspace = std::env::var("GITHUB_WORKSPACE").ok();
                each(&|finding| github::annotation(finding, workspace.as_deref())).into_bytes()
            }
            Some(Hints::Text) => self.hints_for_people(&wanted).into_bytes(),
        }
    }

    /// Hints for a few of these findings; those with the same obstacle as one of them are counted there.
    fn hints_for_people(&mut self, wanted: &[usize]) -> String {
        let mut shown: Vec<usize> = Vec::new();
        for &at in wanted {
            let this = obstacle(&self.findings[at]);
            let alike = |other: &usize| this.is_some() && obstacle(&self.findings[*other]) == this;
            if let Some(first) = shown.iter().copied().find(alike) {
                self.findings[first].alike += 1;
                continue;
            }
            let full = shown.len() >= MOST_AT_A_TIME || self.shown >= MOST_OF_A_RUN;
            if full || (0..wanted[0]).any(|earlier| alike(&earlier)) {
                self.unshown += 1;
                continue;
            }
            self.shown += 1;
            shown.push(at);
        }
        let hints: Vec<String> = shown
            .iter()
            .map(|at| text::hint(&self.findings[*at], self.style))
            .collect();
        if hints.is_empty() {
            String::new()
        } else {
            format!("\n{}", hints.join("\n"))
        }
    }

    /// The command line for JSON.
    fn words(&self) -> Vec<String> {
        self.command
            .iter()
            .map(|word| lossy(word.as_bytes()).0)
            .collect()
    }

    /// Whether the configuration asks for no hint.
    fn is_ignored(&self, finding: &Finding) -> bool {
        let cause = match &finding.outcome {
            Outcome::Denied(denial, _) => Some(denial.code),
            _ => None,
        };
        match finding.attempt.as_ref().map(|attempt| &attempt.object) {
            Some(Object::Path(path)) => self.config.ignores(path, cause),
            _ => self.config.ignores(b"", cause),
        }
    }

    /// Writes the report, where one was asked for.
    fn report(&self, exit: Exit) -> Result<(), String> {
        let Some(file) = &self.report else {
            return Ok(());
        };
        let report = RunReport {
            schema: report::SCHEMA,
            command: self.words(),
            exit: report::Exit {
                code: exit.code,
                signal: exit.signal,
            },
            incidents: self.findings.iter().map(render::incident_report).collect(),
        };
        let text = serde_json::to_vec_pretty(&report).map_err(|error| error.to_string())?;
        std::fs::write(file, [&text[..], b"\n"].concat()).map_err(|error| error.to_string())
    }
}

/// What refused: two failures with the same obstacle need one explanation.
fn obstacle(finding: &Finding) -> Option<(Code, Option<Vec<u8>>)> {
    let Outcome::Denied(denial, _) = &finding.outcome else {
        return None;
    };
    let path = render::obstacle_path(denial, finding.attempt.as_ref()?, &finding.facts);
    Some((denial.code, path))
}

impl Observer for Explainer {
    fn text(&mut self, text: &[u8], scene: &Scene) {
        self.place.witnesses = witnesses(scene, &self.own);
        let incidents = self.detector.feed(text);
        self.meet(incidents);
    }

    fn quiet(&mut self) -> Vec<u8> {
        let incidents = self.detector.flush();
        self.meet(incidents);
        self.hints()
    }

    fn end(&mut self, exit: Exit) -> Vec<u8> {
        let mut words = self.quiet();
        if self.form == Some(Hints::Text) {
            words.extend_from_slice(text::remainder(self.unshown as u64 + self.beyond).as_bytes());
        }
        if let Err(trouble) = self.report(exit) {
            let file = self.report.clone().unwrap_or_default();
            self.troubles.push(format!(
                "cannot write the report {}: {trouble}",
                file.display()
            ));
        }
        for trouble in &self.troubles {
            words.extend_from_slice(format!("permwrap: {trouble}\n").as_bytes());
        }
        words
    }
}

/// The incidents of a text.
///
/// # Errors
/// Where a file of patterns or the configuration is malformed.
pub fn incidents_of(text: &[u8], directories: &[PathBuf]) -> Result<Vec<Incident>, String> {
    let (patterns, troubles) = pattern_files::load(directories, &config::load()?);
    match troubles.into_iter().next() {
        Some(trouble) => Err(trouble),
        None => Ok(detect::incidents_of(text, &patterns)),
    }
}

/// How hints are to be written, the command line before the configuration.
fn form(options: &RunOptions, config: &Config) -> Option<Hints> {
    let configured = config.hints.as_ref().map(|set| set.value);
    match (options.quiet, options.hints, configured) {
        (true, ..) => None,
        (false, Some(form), _) | (false, None, Some(HintsOrOff::Form(form))) => Some(form),
        (false, None, Some(HintsOrOff::Off)) => None,
        (false, None, None) => Some(Hints::default()),
    }
}

/// Here and now, without a command: permwrap's own credentials and working directory.
#[must_use]
pub fn here() -> Place {
    surroundings()
}

/// The time in seconds since 1970.
fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn surroundings() -> Place {
    let start = std::env::current_dir()
        .map(|directory| directory.into_os_string().into_vec())
        .unwrap_or_default();
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let own = Witness {
        // The command's number is not known, and permwrap's own would stand for another process.
        subject: Subject {
            pid: None,
            ..own_subject()
        },
        directory: Some(start.clone()),
        arguments: Vec::new(),
    };
    Place {
        witnesses: vec![own],
        start,
        command: Vec::new(),
        search_path: std::env::split_paths(&search_path)
            .map(|path| path.into_os_string().into_vec())
            .collect(),
        home: std::env::var_os("HOME").map(OsString::into_vec),
    }
}

/// permwrap's own credentials, which a command that it starts has too.
fn own_subject() -> Subject {
    gather::own_subject().unwrap_or_else(|_| {
        let (uid, gid) = (
            nix::unistd::geteuid().as_raw(),
            nix::unistd::getegid().as_raw(),
        );
        Subject::login(uid, gid, vec![gid])
    })
}

/// Who may have failed, the likeliest first: processes that hold the watched stderr, the deepest first, then those that
/// have gone, then the command as it was started.
fn witnesses(scene: &Scene, own: &Witness) -> Vec<Witness> {
    let (speakers, others): (Vec<&Process>, Vec<&Process>) = scene
        .processes
        .iter()
        .rev()
        .partition(|process| process.on_channel == Some(true));
    let seen = speakers.into_iter().chain(others).chain(&scene.gone);
    let mut witnesses: Vec<Witness> = seen
        .filter_map(witness)
        .chain(std::iter::once(own.clone()))
        .collect();
    let switched = switched(&witnesses);
    witnesses.extend(switched);
    witnesses
}

fn witness(process: &Process) -> Option<Witness> {
    let arguments = process
        .cmdline
        .split(|byte| *byte == 0)
        .map(<[u8]>::to_vec)
        .collect::<Vec<_>>();
    Some(Witness {
        subject: gather::subject_from_snapshot(&Snapshot {
            status: &process.status,
            user_ns: process.user_ns,
            uid_map: &process.uid_map,
            gid_map: &process.gid_map,
            label: process.label.as_deref(),
        })
        .ok()?,
        directory: process
            .cwd
            .as_ref()
            .map(|cwd| cwd.as_os_str().as_bytes().to_vec()),
        arguments,
    })
}

/// The users that the command lines switch to (`sudo -u NAME`): a program run so may have been gone before it was seen.
fn switched(witnesses: &[Witness]) -> Vec<Witness> {
    let users = witnesses.iter().flat_map(|witness| {
        let users = resolve::users_switched_to(&witness.arguments);
        users.into_iter().filter_map(move |user| {
            let subject = gather::subject_as(&user).ok()?;
            Some(Witness {
                subject,
                directory: None,
                arguments: witness.arguments.clone(),
            })
        })
    });
    users.collect()
}

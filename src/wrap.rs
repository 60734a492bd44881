//! The course of a run: what the command wrote → detect → resolve → gather → judge → remedy → print.

mod aftermath;
mod candidates;
mod code;
mod engine;
mod here;
mod hints;
mod inner;
mod own;
mod slip;
mod traced;
mod verbose;
mod walk;

pub use here::here;
pub use own::own_refusal;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::appearance;
use crate::attempt::{Errno, Incident};
use crate::cli::{Hints, RunOptions};
use crate::complaint;
use crate::config::{self, Config};
use crate::detect::{self, Detector};
use crate::findings::Findings;
use crate::gather;
use crate::investigate::Worlds;
use crate::mend;
use crate::pattern_files;
use crate::programs::CommandLine;
use crate::render::Style;
use crate::report::lossy;
use crate::resolve::{self, CandidateProcess, Circumstances, Presence};
use crate::run::trace::Log;
use crate::run::{Exit, Observer, Scene, SignOfLife, Stream};
use candidates::{candidates, reads_a_terminal};
use engine::Engine;
use hints::form;
use inner::Inner;
use traced::Traced;
use verbose::{recognized, unsaid};
use walk::{Walked, divide};

/// How long the remaining failures may be investigated for the report after the command has ended.
const LONGEST_LAST_WORK: Duration = Duration::from_millis(1500);

/// Watches a command: the diagnosis behind the relay.
pub struct Explainer {
    /// When it began, in microseconds since 1970.
    began: u64,
    report: Option<PathBuf>,
    command: Vec<OsString>,
    /// The command lines that the command contains.
    lines: Vec<CommandLine>,
    /// The format of hints; `None` if none are wanted.
    form: Option<Hints>,
    style: Style,
    config: Config,
    /// The subcommand that the command resembles.
    resembles: Option<&'static str>,
    /// permwrap's own problems, to be reported at the end.
    troubles: Vec<String>,
    /// One for each stream.
    detectors: [Detector; 2],
    circumstances: Arc<Circumstances>,
    /// The command as it was started, in case it ended before it was seen.
    own: CandidateProcess,
    findings: Findings,
    engine: Engine,
    inner: Inner,
    /// The last scene.
    seen: Option<Seen>,
    /// Whether tracing was requested, even if it turned out not to be possible.
    wants_trace: bool,
    /// The refused calls, if system calls are traced.
    traced: Option<Traced>,
    /// The refusals of a traversal, if the command is one and its hints are for people.
    walked: Option<Walked>,
    /// What was recognized, and why it got no hint; only if requested.
    notes: Option<Vec<String>>,
}

/// A scene, and what was read about its processes: many texts share one.
struct Seen {
    scene: Scene,
    circumstances: Arc<Circumstances>,
    worlds: Worlds,
}

impl Explainer {
    /// A diagnosis of this command that has not seen anything yet.
    #[must_use]
    pub fn new(
        options: &RunOptions,
        command: Vec<OsString>,
        resembles: Option<&'static str>,
        trace: Option<Log>,
    ) -> Explainer {
        let words: Vec<Vec<u8>> = command
            .iter()
            .map(|word| word.as_bytes().to_vec())
            .collect();
        // First of all: a container is often removed soon after its first text.
        let engine = Engine::of(&words);
        let (config, trouble) = config::load().map_or_else(
            |trouble| (Config::default(), Some(trouble)),
            |config| (config, None),
        );
        let color = options
            .color
            .or(config.color.as_ref().map(|set| set.value))
            .unwrap_or_default();
        let (patterns, troubles) = pattern_files::load(&options.patterns, &config);
        let here = here();
        let own = CandidateProcess {
            arguments: words.clone(),
            presence: Presence::Started,
            ..here.processes[0].clone()
        };
        let form = form(options, &config);
        let is_walk_told =
            options.report.is_none() && matches!(form, Some(Hints::Text | Hints::Line));
        Explainer {
            began: mend::micros(),
            lines: code::lines(&words),
            walked: is_walk_told.then(|| Walked::of(&words)).flatten(),
            notes: options.verbose.then(Vec::new),
            report: options.report.clone(),
            form,
            style: appearance::style(&std::io::stderr(), color),
            troubles: trouble.into_iter().chain(troubles).collect(),
            config,
            detectors: [&patterns; 2].map(|patterns| Detector::new(Arc::clone(patterns))),
            circumstances: Arc::new(Circumstances {
                command: words,
                ..here
            }),
            own,
            command,
            resembles,
            findings: Findings::new(options.report.is_some()),
            engine,
            inner: Inner::default(),
            seen: None,
            wants_trace: options.trace,
            traced: trace.filter(Log::is_used).map(Traced::new),
        }
    }

    /// Handles the incidents of a text, and the calls behind them if they are known.
    fn meet(&mut self, mut incidents: Vec<Incident>) {
        for incident in &mut incidents {
            resolve::complete(incident, &self.circumstances);
        }
        if let Some(notes) = &mut self.notes {
            notes.extend(incidents.iter().map(recognized));
        }
        // What the command merely displays is the failure of another program.
        incidents.retain(|incident| {
            let is_shown =
                resolve::is_only_shown(incident, &self.circumstances.command, &self.lines);
            if let Some(notes) = self.notes.as_mut().filter(|_| is_shown) {
                notes.push(unsaid(
                    &incident.message,
                    "the command only shows what another program wrote",
                ));
            }
            !is_shown
        });
        let met = divide(
            &mut self.walked,
            incidents,
            &self.circumstances,
            &mut self.findings,
        );
        let Some(traced) = &mut self.traced else {
            return self.findings.meet(met, &self.circumstances);
        };
        for incident in met.into_iter().map(|met| met.incident) {
            let Some(calls) = traced.behind(&incident) else {
                // The kernel has refused nothing of the kind, so that nothing unseen can have refused it either.
                self.findings.infer(!traced.knows_all_calls());
                self.findings
                    .meet(vec![incident.into()], &self.circumstances);
                self.findings.infer(true);
                continue;
            };
            for (call, count) in calls {
                let incident = Incident {
                    count,
                    ..incident.clone()
                };
                self.findings
                    .meet_traced(call, Some(incident), &self.circumstances);
            }
        }
    }

    /// Reads what the scene of a text tells about its processes, unless it is that of the text before.
    fn look_at(&mut self, scene: &Scene, text: &[u8]) {
        let mut is_new = false;
        if self.seen.as_ref().is_none_or(|seen| seen.scene != *scene) {
            is_new = true;
            let (processes, worlds) = candidates(scene, &self.own, self.traced.is_some());
            self.seen = Some(Seen {
                scene: scene.clone(),
                circumstances: Arc::new(Circumstances {
                    processes,
                    terminal: reads_a_terminal(scene),
                    ..(*self.circumstances).clone()
                }),
                worlds,
            });
        }
        let Some(seen) = &self.seen else {
            return;
        };
        self.circumstances = Arc::clone(&seen.circumstances);
        let inside = self
            .engine
            .first_process(text, &self.circumstances, &seen.worlds);
        if !is_new && inside.is_none() && self.traced.is_none() {
            return;
        }
        let mut worlds = seen.worlds.clone();
        if let Some((process, eyes)) = inside {
            worlds.push((process.subject.clone(), eyes));
            let processes = &mut Arc::make_mut(&mut self.circumstances).processes;
            // Of those of which nothing but their place was seen, nothing can be told.
            processes.retain(|process| !engine::is_inside(process));
            processes.push(process);
        }
        if let Some(traced) = &mut self.traced {
            traced.update();
            worlds.extend(traced.worlds());
        }
        self.findings.know(worlds);
    }

    /// Handles the refused calls of a command that failed without a message.
    fn meet_unsaid(&mut self, exit: Exit) {
        let Some(traced) = &mut self.traced else {
            return;
        };
        let unsaid = traced.unsaid(exit);
        self.findings.know(traced.worlds());
        if self.findings.listed().next().is_none() {
            for call in unsaid {
                self.findings.meet_traced(call, None, &self.circumstances);
            }
        }
        if self.form == Some(Hints::Text) {
            self.troubles.extend(traced.remarks());
        }
    }

    /// Handles all that was read until now.
    fn settle(&mut self) {
        let incidents = self
            .detectors
            .iter_mut()
            .flat_map(Detector::flush)
            .collect();
        self.meet(incidents);
        self.findings.rest();
        self.findings.let_go();
        self.seen = None;
    }

    /// The command line, for JSON.
    fn words(&self) -> Vec<String> {
        self.command
            .iter()
            .map(|word| lossy(word.as_bytes()).0)
            .collect()
    }
}

impl Observer for Explainer {
    fn may_wait(&mut self, sign: SignOfLife) {
        self.engine.may_wait(sign);
    }

    fn text(&mut self, stream: Stream, text: &[u8], scene: &Scene) {
        self.engine.hear(text);
        self.inner.hear(text, scene);
        self.look_at(scene, text);
        let incidents = self.detectors[stream.index()].feed(text);
        self.meet(incidents);
    }

    fn early(&mut self) -> Vec<u8> {
        match self.findings.is_enough() && !self.inner.may_tell() {
            true => self.hints(),
            false => Vec::new(),
        }
    }

    fn quiet(&mut self) -> Vec<u8> {
        self.settle();
        let hints = match self.inner.may_tell() {
            true => Vec::new(),
            false => self.hints(),
        };
        if !hints.is_empty() {
            self.remember(false);
        }
        hints
    }

    fn not_started(&mut self, errno: i32) {
        if Errno::from_number(errno) == Some(Errno::NoEnt) {
            self.troubles
                .extend(slip::meant(&self.circumstances.command, self.resembles));
        }
        let Some(errno) = Errno::from_number(errno).filter(|errno| errno.is_denial()) else {
            return;
        };
        if let Some(attempt) =
            resolve::own_start(&self.own, &self.circumstances, errno, gather::is_there)
        {
            self.findings.meet_call(attempt, &self.circumstances);
        }
    }

    fn end(&mut self, exit: Exit) -> Vec<u8> {
        self.settle();
        let mut words = self.hints();
        self.meet_unsaid(exit);
        words.extend(self.hints());
        if self.report.is_some() {
            let since = Instant::now();
            self.findings
                .work_out_the_rest(|| since.elapsed() < LONGEST_LAST_WORK);
        }
        words.extend_from_slice(self.last_hints(exit).as_bytes());
        self.remember(true);
        if let Err(error) = self.report(exit) {
            words.extend_from_slice(self.not_reported(&error).as_bytes());
        }
        for note in self.verbose() {
            words.extend_from_slice(complaint::line(&note).as_bytes());
        }
        for trouble in &self.troubles {
            words.extend_from_slice(complaint::line(trouble).as_bytes());
        }
        words
    }
}

/// The incidents of a text.
///
/// # Errors
/// Fails if a pattern file or the configuration is malformed.
pub fn incidents_of(text: &[u8], directories: &[PathBuf]) -> Result<Vec<Incident>, String> {
    let (patterns, troubles) = pattern_files::load(directories, &config::load()?);
    match troubles.into_iter().next() {
        Some(trouble) => Err(trouble),
        None => Ok(detect::incidents_of(text, &patterns)),
    }
}

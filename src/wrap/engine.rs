//! Asks the command's container engine about the container, if none of its processes can be examined directly: a member of
//! group docker may not examine Docker's processes, and a short-lived one may have ended.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

use crate::attempt::Place;
use crate::gather::{self, Answered};
use crate::investigate::{Eyes, Worlds};
use crate::programs;
use crate::resolve::{self, CandidateProcess, Circumstances, EngineCall, Presence};
use crate::run::SignOfLife;

/// The maximum number of words of a client's command line that are tried as the name of its container.
const MOST_NAMES: usize = 8;

/// For how many texts the container is looked for. One that writes a lot is found at its first texts or not at all.
const MOST_QUESTIONS: usize = 32;

/// For how many steps an engine is waited for that has not answered: five seconds. It writes a whole image first, which a busy
/// machine is slow to do. After so many of them a sign of life is given.
const MOST_STEPS: u32 = 500;
const STEPS_OF_A_SIGN: u32 = 25;
const STEP: Duration = Duration::from_millis(10);

/// The container of a run, once its engine has been asked.
#[derive(Debug)]
pub(super) struct Engine {
    /// The first question, asked while everything else is still being prepared.
    first: Option<JoinHandle<Option<Answered>>>,
    container: Option<Arc<Answered>>,
    /// For how many texts it was looked for in vain.
    asked: usize,
    /// Whether it was looked for in vain for this text.
    is_answered: bool,
    /// By what is shown that an answer is waited for.
    sign: Option<SignOfLife>,
}

impl Engine {
    /// Begins to ask if the command itself is an engine's client. The first text has been written by now, and a container that
    /// has failed is often removed within a tenth of a second.
    pub(super) fn of(command: &[Vec<u8>]) -> Engine {
        let call = resolve::engine_call(&Circumstances {
            command: command.to_vec(),
            ..Circumstances::default()
        });
        let ask = |call: EngineCall| {
            let thread = Builder::new();
            thread.spawn(move || asked(&call, b"")).ok()
        };
        let has_server = |call: &EngineCall| call.usual.is_some();
        Engine {
            first: call.filter(has_server).and_then(ask),
            container: None,
            asked: 0,
            is_answered: false,
            sign: None,
        }
    }

    /// Lets it wait for an engine that is about to answer.
    pub(super) fn may_wait(&mut self, sign: SignOfLife) {
        self.sign = Some(sign);
    }

    /// Asks for what this text names, while the container still exists.
    pub(super) fn hear(&mut self, text: &[u8]) {
        self.is_answered = self.first.is_some();
        if let Some(first) = self.first.take() {
            for step in 0..MOST_STEPS {
                if first.is_finished() {
                    break;
                }
                if let Some(sign) = self.sign.as_ref().filter(|_| step % STEPS_OF_A_SIGN == 0) {
                    sign.show();
                }
                thread::sleep(STEP);
            }
            self.container = first.join().ok().flatten().map(Arc::new);
        }
        if let Some(answered) = &self.container {
            answered.look_ahead(text);
        }
    }

    /// The first process of the container, which may have written this text, and how its world is examined. What the text names
    /// is asked for at once, because a container is often removed a moment after it failed.
    pub(super) fn first_process(
        &mut self,
        text: &[u8],
        circumstances: &Circumstances,
        worlds: &Worlds,
    ) -> Option<(CandidateProcess, Eyes)> {
        let is_seen = |process: &CandidateProcess| {
            let mut seen = worlds.iter();
            is_inside(process) && seen.any(|(who, _)| *who == process.subject)
        };
        if circumstances.processes.iter().any(is_seen) {
            return None;
        }
        if self.container.is_none() && !self.is_answered && self.asked < MOST_QUESTIONS {
            self.asked += 1;
            let call = resolve::engine_call(circumstances);
            self.container = call.and_then(|call| asked(&call, text)).map(Arc::new);
        }
        let answered = self.container.as_ref().filter(|it| it.is_seen())?;
        let arguments = match answered.arguments() {
            none if none.is_empty() => step_behind(text, circumstances).unwrap_or_default(),
            known => known,
        };
        let process = CandidateProcess {
            subject: answered.subject()?,
            directory: Some(answered.directory()),
            arguments,
            name: None,
            presence: Presence::Gone,
            place: Some(answered.place()),
        };
        Some((process, Eyes::Engine(Arc::clone(answered))))
    }
}

/// The command line of the step of a build that calls the program which wrote a text.
fn step_behind(text: &[u8], circumstances: &Circumstances) -> Option<Vec<Vec<u8>>> {
    let mut recipes = resolve::recipes_of_a_build(circumstances).into_iter();
    let recipe = recipes.find_map(|path| gather::script(&path))?;
    let recipe = std::str::from_utf8(&recipe).ok()?;
    let lines = text.split(|byte| *byte == b'\n');
    let mut programs = lines.filter_map(resolve::leading_name);
    let code = programs.find_map(|program| programs::code_that_calls(recipe, program))?;
    Some(vec![b"sh".to_vec(), b"-c".to_vec(), code])
}

/// Whether a process lives in a container.
pub(super) fn is_inside(process: &CandidateProcess) -> bool {
    matches!(process.place, Some(Place::Container(_)))
}

/// What the call names is asked for as well: later texts often name it, when it is too late.
fn asked(call: &EngineCall, text: &[u8]) -> Option<Answered> {
    let (sockets, names) = (sockets(call), names(call));
    let text = [&call.words.join(&b' '), text].join(&b'\n');
    let stores = call
        .stores
        .as_ref()
        .map(|told| told.as_ref().map(|root| byte_path(root)));
    if call.builds {
        return Answered::building(&call.client, stores?);
    }
    if call.is_new {
        let living = Answered::new(&sockets, &names, &call.client, &text);
        return living
            .filter(Answered::is_seen)
            .or_else(|| Answered::removed(&sockets, &call.words, &call.client, stores));
    }
    let user = call.user.as_ref().map(|user| String::from_utf8_lossy(user));
    match stores {
        Some(root) => Answered::kept(&names, user.as_deref(), &call.client, root),
        None => Answered::named(
            &sockets,
            &names,
            user.as_deref(),
            call.stays,
            &call.client,
            &text,
        ),
    }
}

fn byte_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

/// The words that may name the image or the container.
fn names(call: &EngineCall) -> Vec<String> {
    let words = call.words.iter().filter(|word| !word.starts_with(b"-"));
    let words = words.map(|word| String::from_utf8_lossy(word).into_owned());
    words.take(MOST_NAMES).collect()
}

/// The sockets that the client's options or environment name, or else the default one.
fn sockets(call: &EngineCall) -> Vec<PathBuf> {
    let Some((variable, usual)) = &call.usual else {
        return Vec::new();
    };
    let mut told = call.sockets.clone();
    told.extend(
        std::env::var_os(variable)
            .filter(|_| told.is_empty())
            .map(OsStringExt::into_vec),
    );
    if told.is_empty() {
        return vec![PathBuf::from(usual)];
    }
    let paths = told.iter().filter_map(|url| url.strip_prefix(b"unix://"));
    paths.map(|path| OsStr::from_bytes(path).into()).collect()
}

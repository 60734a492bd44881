//! Asks the command's container engine about the container, if none of its processes can be examined directly: a member of
//! group docker may not examine Docker's processes, and a short-lived one may have ended.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::attempt::Place;
use crate::gather::Answered;
use crate::investigate::Eyes;
use crate::resolve::{self, CandidateProcess, Circumstances, EngineCall, Presence};

/// The maximum number of words of a client's command line that are tried as the name of its container.
const MOST_NAMES: usize = 8;

/// The container of a run, once its engine has been asked.
#[derive(Debug)]
pub(super) struct Engine {
    /// The first question, asked while everything else is still being prepared.
    first: Option<JoinHandle<Option<Answered>>>,
    container: Option<Arc<Answered>>,
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
        Engine {
            first: call.and_then(ask),
            container: None,
        }
    }

    /// Asks for what this text names, while the container still exists.
    pub(super) fn hear(&mut self, text: &[u8]) {
        if let Some(first) = self.first.take() {
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
    ) -> Option<(CandidateProcess, Eyes)> {
        let mut processes = circumstances.processes.iter();
        if processes.any(|process| matches!(process.place, Some(Place::Container(_)))) {
            return None;
        }
        if self.container.is_none() {
            let call = resolve::engine_call(circumstances);
            self.container = call.and_then(|call| asked(&call, text)).map(Arc::new);
        }
        let answered = self.container.as_ref().filter(|it| it.is_seen())?;
        let process = CandidateProcess {
            subject: answered.subject()?,
            directory: Some(answered.directory()),
            arguments: answered.arguments(),
            name: None,
            presence: Presence::Gone,
            place: Some(answered.place()),
        };
        Some((process, Eyes::Engine(Arc::clone(answered))))
    }
}

/// What the call names is asked for as well: later texts often name it, when it is too late.
fn asked(call: &EngineCall, text: &[u8]) -> Option<Answered> {
    let (sockets, names) = (sockets(call), names(call));
    let text = [&call.words.join(&b' '), text].join(&b'\n');
    if call.is_new {
        return Answered::new(&sockets, &names, &call.client, &text);
    }
    let user = call.user.as_ref().map(|user| String::from_utf8_lossy(user));
    Answered::named(&sockets, &names, user.as_deref(), &call.client, &text)
}

/// The words that may name the image or the container.
fn names(call: &EngineCall) -> Vec<String> {
    let words = call.words.iter().filter(|word| !word.starts_with(b"-"));
    let words = words.map(|word| String::from_utf8_lossy(word).into_owned());
    words.take(MOST_NAMES).collect()
}

/// The sockets that the client's options or environment name, or else the default one.
fn sockets(call: &EngineCall) -> Vec<PathBuf> {
    let (variable, usual) = &call.usual;
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

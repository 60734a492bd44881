//! Derives readings from evidence: which process, which object, which operation, and what identified each of them.
//!
//! The operation is determined by the most reliable [sign](Sign): the call itself, then the message's call, verb or flags, then
//! the quoted source, then what the program does with such a file, then the command's arguments. If nothing identifies it, none
//! is guessed. Nothing here reads the system: the processes and their places are given.
#![forbid(unsafe_code)]

mod arguments;
mod as_given;
mod bases;
mod course;
mod elsewhere;
mod engine;
mod far_side;
mod given;
mod inside;
mod moves;
mod operations;
mod places;
mod port;
mod source;
mod speaker;
mod standpoint;
mod told;
mod viewers;

pub use arguments::ports_of;
pub use as_given::complete;
pub use course::{Script, called};
pub use elsewhere::{of_a_server, origin};
pub use engine::{EngineCall, engine_call, engine_verb, is_in_one_that_stays, recipes_of_a_build};
pub use inside::{
    Whence, Writer, given_place, scripts, tells_all_mounts, told_mounts, whence, writer_of,
};
pub use places::is_relative;
pub use port::port;
pub use source::{Literal, literals, quoted_literals, started_in, use_in_source};
pub use speaker::leading_name;
pub use viewers::is_only_shown;

use crate::attempt::{
    Account, Attempt, Errno, Incident, Object, Operation, Place, Sign, Signs, Subject,
};
use crate::byte_path;
use crate::programs::CommandLine;
use operations::Meant;
use places::Aim;
use speaker::{Speakers, writer};
use told::{entered, only, replaced, told, with_its_code, within};

/// The evidence of a failure.
#[derive(Debug, Clone)]
pub enum Evidence {
    /// A refused system call: permwrap's own execution of the command, or a traced call.
    Call(Attempt),
    /// A traced system call that was answered by a seccomp filter.
    FilteredCall(Attempt),
    /// What a text says about a failure.
    Message(Incident),
    /// An access that is asked about.
    Question(Attempt),
    /// A refusal of an earlier run, which is judged again.
    Remembered(Attempt, Account),
}

/// Who may have failed, and where.
#[derive(Debug, Clone, Default)]
pub struct Circumstances {
    /// The processes that may have failed, the most likely first: those that held the stderr on which the failure was reported,
    /// the deepest in the process tree first.
    pub processes: Vec<CandidateProcess>,
    /// The directory that the command was started in.
    pub start: Vec<u8>,
    /// The command line; empty if there was none (`explain`).
    pub command: Vec<Vec<u8>>,
    /// The directories of PATH, in which programs named without a slash are looked for.
    pub search_path: Vec<Vec<u8>>,
    /// The home directory, for paths that begin with `~/`.
    pub home: Option<Vec<u8>>,
    /// The name of this machine.
    pub host: Option<String>,
    /// Whether the only program that is still running reads from a terminal.
    pub terminal: bool,
    /// What the processes run that is written in files, if a relative name makes it matter where that leads.
    pub scripts: Vec<Script>,
}

impl Circumstances {
    /// The command lines that may have led to the failure: those of the processes, then the command's.
    pub fn calls(&self) -> impl Iterator<Item = &Vec<Vec<u8>>> {
        let seen = self.processes.iter().map(|process| &process.arguments);
        seen.chain([&self.command])
    }
}

/// A process that may have failed.
#[derive(Debug, Clone)]
pub struct CandidateProcess {
    /// Its credentials.
    pub subject: Subject,
    /// Its working directory, if it could still be read.
    pub directory: Option<Vec<u8>>,
    /// Its arguments; empty if it had already released them.
    pub arguments: Vec<Vec<u8>>,
    /// Its name (`comm`), which remains available until its end; at most 15 bytes.
    pub name: Option<Vec<u8>>,
    /// How it is known to exist.
    pub presence: Presence,
    /// Its place, if it does not live in the same one as permwrap.
    pub place: Option<Place>,
}

/// How a candidate process is known, in descending order of reliability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// It was named by the user (`--pid`, `--as`).
    Named,
    /// It held the stderr on which the failure was reported.
    Speaking,
    /// It existed when the text was read.
    Present,
    /// It was seen earlier, but no longer existed.
    Gone,
    /// The command as it was started.
    Started,
    /// It was not seen, but a command line says that a program is run as this user.
    Switched,
    /// The user who asks about a text that was written elsewhere or earlier.
    Reader,
}

/// One reading of a failure: what may have been tried, and what identified it.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Who tried what on which object.
    pub attempt: Attempt,
    /// What identified each part.
    pub signs: Signs,
}

impl Reading {
    /// The same reading without anything that identifies the operation.
    #[must_use]
    pub fn untold(self) -> Reading {
        let signs = Signs {
            operation: None,
            ..self.signs
        };
        Reading { signs, ..self }
    }
}

/// The result of interpreting a text.
#[derive(Debug, Clone)]
pub enum Interpretation {
    /// The operation is known: its readings, the most likely first.
    Told(Vec<Reading>),
    /// The object is named, but nothing identifies the operation: the places where the object may be, the most likely first.
    /// The operation of these readings is meaningless.
    Untold(Vec<Reading>),
    /// The name of the object, as printed, is relative to one of these directories.
    OneOf(Vec<Vec<u8>>),
    /// The name of the object, as printed, is relative to a directory that is not known.
    Unplaced(Vec<u8>),
    /// No object is named.
    Unnamed,
}

/// `/dev/tcp/HOST/PORT` in a redirection of bash, which is not a file.
fn connection_of_a_shell(name: &[u8]) -> Option<Object> {
    let name = std::str::from_utf8(name).ok()?;
    let (host, port) = name
        .strip_prefix("/dev/tcp/")
        .or_else(|| name.strip_prefix("/dev/udp/"))?
        .split_once('/')?;
    Some(Object::Port {
        address: host.to_owned(),
        port: port.parse().ok()?,
    })
}

/// What may have been tried.
#[must_use]
pub fn interpret(incident: &Incident, circumstances: &Circumstances) -> Interpretation {
    let speakers = Speakers::of(incident, circumstances);
    let incident = &with_its_code(incident, &speakers);
    if let Some(object) = incident.address.as_deref().and_then(port) {
        let sign = incident.operation_sign.unwrap_or(Sign::Message);
        return Interpretation::Told(by_each(
            &speakers,
            incident.errno,
            &Operation::Bind,
            &object,
            sign,
        ));
    }
    // A process is identified by a number, if at all, and never by a path.
    let mut operations = incident.operations.iter();
    if let Some(operation) =
        operations.find(|operation| operations::is_about_a_process(operation, incident))
    {
        let sign = incident.operation_sign.unwrap_or(Sign::Message);
        let operation = &operations::narrowed(operation, speakers.all_lines());
        let told = incident.process.or_else(|| {
            let own = speakers.own_lines().iter();
            let asks = |line: &&CommandLine| line.known.is_some_and(|it| it.asks_for(operation));
            let asking = speakers.all_lines().iter().filter(asks);
            // `ptrace: Operation not permitted.` of gdb names no program.
            only(own.flat_map(|line| &line.processes).copied())
                .or_else(|| only(asking.flat_map(|line| &line.processes).copied()))
        });
        let object = told.map_or(Object::Process, Object::Another);
        return Interpretation::Told(by_each(&speakers, incident.errno, operation, &object, sign));
    }
    let Some(name) = incident.paths.first() else {
        return Interpretation::Unnamed;
    };
    if let Some(object) = connection_of_a_shell(name) {
        let (errno, sign) = (incident.errno, Sign::Message);
        return Interpretation::Told(by_each(
            &speakers,
            errno,
            &Operation::Connect,
            &object,
            sign,
        ));
    }
    if incident.in_open_directory && is_relative(name) {
        return Interpretation::Unplaced(name.clone());
    }
    if let Some(places) = places::alternatives(name, incident, &speakers, circumstances) {
        return Interpretation::OneOf(places);
    }
    let (told, sign) = told(incident, name, &speakers, &circumstances.scripts);
    let known = Incident {
        operations: told,
        ..incident.clone()
    };
    let meant = operations::meant(&known);
    if meant.is_empty() {
        let aims = places::aims(name, &Operation::READ, incident, &speakers, circumstances);
        let readings = aims
            .into_iter()
            .map(|aim| aim.reading(Operation::READ, None, incident.errno));
        return match placed(distinct(readings), circumstances) {
            readings if readings.is_empty() => Interpretation::Unplaced(name.clone()),
            readings => Interpretation::Untold(readings),
        };
    }
    let replaced = replaced(&known, name, &speakers);
    let replaced: Vec<Meant> = replaced.iter().map(|path| Meant::delete(path)).collect();
    let entered = entered(&known, &speakers);
    let entered: Vec<Meant> = entered.iter().map(|path| Meant::enter(path)).collect();
    let within = within(&known, name, &speakers);
    let within: Vec<Meant> = within.iter().map(|path| Meant::make(path)).collect();
    let readings = replaced
        .iter()
        .chain(&meant)
        .chain(&within)
        .chain(&entered)
        .flat_map(|meant| readings(meant, sign, incident, &speakers, circumstances));
    match placed(distinct(readings), circumstances) {
        readings if readings.is_empty() => Interpretation::Unplaced(name.clone()),
        readings => Interpretation::Told(readings),
    }
}

/// The readings of a run whose place something indicates. If nothing indicates any, the readings are kept only if they agree on one
/// place: choosing one of several would be a guess.
fn placed(readings: Vec<Reading>, circumstances: &Circumstances) -> Vec<Reading> {
    if circumstances.command.is_empty() {
        return readings;
    }
    let (placed, others): (Vec<Reading>, Vec<Reading>) = readings
        .into_iter()
        .partition(|reading| reading.signs.place);
    if !placed.is_empty() {
        return placed;
    }
    let mut objects = others.iter().map(|reading| &reading.attempt.object);
    let first = objects.next();
    match objects.all(|object| Some(object) == first) {
        true => others,
        false => Vec::new(),
    }
}

/// What may have been tried, if the text names no object: the operation on each path or port among the arguments of the
/// candidates. A conclusion may be drawn only if exactly one of them would be refused.
#[must_use]
pub fn unnamed(incident: &Incident, circumstances: &Circumstances) -> Vec<Reading> {
    let speakers = Speakers::of(incident, circumstances);
    let mut found = Vec::new();
    if incident.operations.contains(&Operation::Bind) {
        for object in arguments::ports(&speakers, &circumstances.scripts) {
            let every = by_each(
                &speakers,
                incident.errno,
                &Operation::Bind,
                &object,
                Sign::Message,
            );
            found.extend(every);
        }
    }
    for operand in arguments::files(incident, &speakers, &circumstances.scripts) {
        let operations = match (&incident.operations[..], operand.operation) {
            ([], Some(operation)) => vec![operation],
            (told, _) => told.to_vec(),
        };
        let sign = incident.operation_sign.unwrap_or(Sign::Program);
        let named = Incident {
            paths: vec![operand.word],
            operations,
            ..incident.clone()
        };
        for meant in operations::meant(&named) {
            found.extend(readings(&meant, sign, &named, &speakers, circumstances));
        }
    }
    for reading in &mut found {
        reading.signs.object = Some(Sign::Arguments);
    }
    distinct(found.into_iter())
}

/// permwrap's own execution of the command, which execve(2) refused with this error number. A program named without a slash is
/// the first one found in PATH (execvp(3) continues after EACCES, and returns it in the end).
#[must_use]
pub fn own_start(
    own: &CandidateProcess,
    circumstances: &Circumstances,
    errno: Errno,
    is_there: impl Fn(&[u8]) -> bool,
) -> Option<Attempt> {
    let program = own.arguments.first()?;
    let start = circumstances.start.as_slice();
    let in_directory = |directory: &Vec<u8>| [directory, &b"/"[..], program].concat();
    let path = match (program.first(), program.contains(&b'/')) {
        (Some(b'/'), _) => program.clone(),
        (_, true) => byte_path::tidy(&[start, b"/", program].concat()),
        _ => circumstances
            .search_path
            .iter()
            .map(in_directory)
            .find(|path| is_there(path))?,
    };
    Some(Attempt {
        subject: own.subject.clone(),
        operation: Operation::Exec,
        directory: (!program.starts_with(b"/") && program.contains(&b'/')).then(|| start.to_vec()),
        object: Object::Path(path),
        to: None,
        errno: Some(errno),
    })
}

/// Where the source file that the incident points to may be, the most likely path first.
#[must_use]
pub fn sources(file: &[u8], incident: &Incident, circumstances: &Circumstances) -> Vec<Vec<u8>> {
    let speakers = Speakers::of(incident, circumstances);
    let mut found: Vec<Vec<u8>> = Vec::new();
    for aim in places::aims(file, &Operation::READ, incident, &speakers, circumstances) {
        if !found.contains(&aim.path) {
            found.push(aim.path);
        }
    }
    found
}

/// The readings of one meaning of the words: for each candidate process, at each place where the object may be.
fn readings(
    meant: &Meant,
    sign: Sign,
    incident: &Incident,
    speakers: &Speakers,
    circumstances: &Circumstances,
) -> Vec<Reading> {
    let aims = places::aims(
        meant.path,
        &meant.operation,
        incident,
        speakers,
        circumstances,
    );
    let reading = |aim: Aim| {
        let to = meant
            .to
            .and_then(|to| aim.beside(to, incident, circumstances));
        let mut reading = aim.reading(meant.operation.clone(), Some(sign), incident.errno);
        reading.attempt.to = to;
        reading
    };
    aims.into_iter().map(reading).collect()
}

/// The attempt by each candidate process.
fn by_each(
    speakers: &Speakers,
    errno: Option<Errno>,
    operation: &Operation,
    object: &Object,
    sign: Sign,
) -> Vec<Reading> {
    let reading = |process: &&CandidateProcess| Reading {
        attempt: Attempt {
            subject: process.subject.clone(),
            operation: operation.clone(),
            object: object.clone(),
            to: None,
            directory: None,
            errno,
        },
        signs: Signs {
            operation: Some(sign),
            object: Some(Sign::Message),
            subject: speakers.known,
            place: true,
            elsewhere: false,
        },
    };
    distinct(speakers.processes.iter().map(reading))
}

/// Removes duplicate readings: siblings with the same rights differ only in their process id.
fn distinct(readings: impl Iterator<Item = Reading>) -> Vec<Reading> {
    let mut found: Vec<Reading> = Vec::new();
    for reading in readings {
        let a = &reading.attempt;
        let is_new = |other: &Reading| {
            let b = &other.attempt;
            let same = a.operation == b.operation && a.object == b.object && a.to == b.to;
            !(same && a.subject.has_the_rights_of(&b.subject))
        };
        if found.iter().all(is_new) {
            found.push(reading);
        }
    }
    found
}

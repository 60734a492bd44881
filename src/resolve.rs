//! From evidence to readings: which process, which object, which operation, and what speaks for each.
//!
//! The strongest [sign](Sign) decides the operation: the call itself, then the message's call, verb or flags, then the source
//! that the text quotes, then what the program does with such a file, then the command's arguments. Where nothing tells it,
//! nothing is searched for. Nothing here looks at the system: who lived, and where, is given.
#![forbid(unsafe_code)]

mod arguments;
mod elsewhere;
mod inside;
mod operations;
mod places;
mod port;
mod source;
mod speaker;
mod viewers;

pub use elsewhere::{of_a_server, origin};
pub use inside::{Whence, Writer, is_in_one_that_stays, scripts, told_mounts, whence, writer_of};
pub use port::port;
pub use source::{Literal, literals, started_in, use_in_source};
pub use speaker::leading_name;
pub use viewers::is_only_shown;

use crate::attempt::{
    Attempt, Clue, Errno, Incident, Object, Operation, Place, Sign, Signs, Subject,
};
use crate::byte_path;
use crate::programs::{CommandLine, use_in_code, use_of_what_is_filled_in};
use operations::Meant;
use places::Aim;
use speaker::Speakers;

/// What speaks for a failure.
#[derive(Debug, Clone)]
pub enum Evidence {
    /// A system call that was refused: permwrap's own start of the command, or a traced call.
    Call(Attempt),
    /// A system call that a filter (seccomp) answered, as a trace has seen.
    FilteredCall(Attempt),
    /// What a text says.
    Message(Incident),
    /// One access that is asked about.
    Question(Attempt),
}

/// By whom and where a failure can have happened.
#[derive(Debug, Clone, Default)]
pub struct Circumstances {
    /// The processes that may have failed, the likeliest first: those that held the stderr that told of it, deepest
    /// in the process tree first.
    pub processes: Vec<CandidateProcess>,
    /// The working directory that the command was started in.
    pub start: Vec<u8>,
    /// The command line; empty where there was none (`explain`).
    pub command: Vec<Vec<u8>>,
    /// The directories of PATH, where programs named without a slash are looked for.
    pub search_path: Vec<Vec<u8>>,
    /// The home directory, for paths printed with `~/`.
    pub home: Option<Vec<u8>>,
    /// The name of this machine.
    pub host: Option<String>,
}

/// A process that may have failed.
#[derive(Debug, Clone)]
pub struct CandidateProcess {
    /// Its credentials.
    pub subject: Subject,
    /// Its working directory, where it could still be read.
    pub directory: Option<Vec<u8>>,
    /// Its arguments; empty where it had given them up.
    pub arguments: Vec<Vec<u8>>,
    /// Its name (`comm`), which a process keeps to its end; at most 15 bytes of the program's.
    pub name: Option<Vec<u8>>,
    /// How it is known.
    pub presence: Presence,
    /// Where it lives, where that is not where permwrap does.
    pub place: Option<Place>,
}

/// How a candidate process is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// It was named by whoever asks (`--pid`, `--as`).
    Named,
    /// It held the stderr that told of the failure.
    Speaking,
    /// It was there when the text was read.
    Present,
    /// It was seen earlier and had gone by then.
    Gone,
    /// The command as it was started.
    Started,
    /// It was not seen: a command line says that a program is run as this user.
    Switched,
    /// Whoever asks about a text that was written elsewhere or earlier.
    Reader,
}

/// One reading of a failure: what may have been tried, and what speaks for it.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Who tried what on which object.
    pub attempt: Attempt,
    /// What tells it.
    pub signs: Signs,
}

impl Reading {
    /// The same, with nothing that tells the operation.
    #[must_use]
    pub fn untold(self) -> Reading {
        let signs = Signs {
            operation: None,
            ..self.signs
        };
        Reading { signs, ..self }
    }
}

/// What a text comes to.
#[derive(Debug, Clone)]
pub enum Interpretation {
    /// The operation is told: its readings, the likeliest first.
    Told(Vec<Reading>),
    /// The object is named, and nothing tells the operation: the places that the object can lie at, the likeliest first.
    /// The operation of these readings means nothing.
    Untold(Vec<Reading>),
    /// The name of the object, as printed, which is relative to a directory that the text does not tell.
    Unplaced(Vec<u8>),
    /// No object is named.
    Unnamed,
}

/// `/dev/tcp/HOST/PORT` of bash's redirections, which is no file.
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
    // A process is named by a number, if at all: no path.
    let mut operations = incident.operations.iter();
    if let Some(operation) =
        operations.find(|operation| operations::is_about_a_process(operation, incident))
    {
        let sign = incident.operation_sign.unwrap_or(Sign::Message);
        let object = incident.process.map_or(Object::Process, Object::Another);
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
    if incident.in_open_directory && places::is_relative(name) {
        return Interpretation::Unplaced(name.clone());
    }
    let (told, sign) = told(incident, name, &speakers);
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
        return Interpretation::Untold(distinct(readings));
    }
    let replaced = replaced(&known, name, &speakers);
    let replaced: Vec<Meant> = replaced.iter().map(|path| Meant::delete(path)).collect();
    let entered = entered(&known, &speakers);
    let entered: Vec<Meant> = entered.iter().map(|path| Meant::enter(path)).collect();
    let readings = replaced
        .iter()
        .chain(&meant)
        .chain(&entered)
        .flat_map(|meant| readings(meant, sign, incident, &speakers, circumstances));
    Interpretation::Told(distinct(readings))
}

/// The incident with what the code that it quotes, or that was given on the command line, tells where its words do not: an
/// address, or what was asked of the kernel that is about no file.
fn with_its_code(incident: &Incident, speakers: &Speakers) -> Incident {
    let mut known = incident.clone();
    if incident.address.is_some() || !incident.paths.is_empty() {
        return known;
    }
    let quoted = match &incident.clue {
        Some(Clue::Code(line)) => Some(line),
        _ => None,
    };
    if incident.operations.contains(&Operation::Bind) {
        known.address = quoted.and_then(|line| source::address(line));
    }
    if incident.operations.is_empty() {
        let lines = speakers.all_lines().iter();
        let lines = lines.filter(|line| !line.is_code_for_a_shell());
        let given: Vec<&Vec<u8>> = lines.filter_map(|line| line.code.as_ref()).collect();
        let by_quoted = quoted.and_then(|line| source::asks_for(line));
        let by_given = || only(given.iter().filter_map(|code| source::asks_for(code)));
        let asked = by_quoted.or_else(by_given).filter(|asked| match asked {
            // A privilege that is lacking is EPERM; whom a signal may not reach, a module may answer EACCES as well.
            Operation::Privileged(_) => incident.errno == Some(Errno::Perm),
            Operation::Signal => incident.errno.is_some_and(Errno::is_denial),
            _ => incident.errno == Some(Errno::Acces),
        });
        let codes = quoted.into_iter().chain(given);
        match asked {
            Some(Operation::Bind) => {
                known.address = codes.clone().find_map(|code| source::address(code));
            }
            Some(Operation::Signal) => {
                known.process = codes.clone().find_map(|code| source::signalled(code));
            }
            _ => {}
        }
        known.operation_sign = asked.as_ref().map(|_| Sign::Source);
        known.operations.extend(asked);
    }
    known
}

/// The directory that a program was to be started in, where that is told: what starts it tells of the program alone.
fn entered(incident: &Incident, speakers: &Speakers) -> Option<Vec<u8>> {
    if incident.operations != [Operation::Exec] {
        return None;
    }
    let in_code = |line: &CommandLine| source::directory_in_code(line.code.as_ref()?);
    let by_code = || speakers.all_lines().iter().find_map(in_code);
    incident.directory.clone().or_else(by_code)
}

/// The file that the speaker renames its new version over, where it names only that: the one it was given beside it.
fn replaced(incident: &Incident, name: &[u8], speakers: &Speakers) -> Option<Vec<u8>> {
    if incident.operations != [Operation::Rename] || incident.paths.len() != 1 {
        return None;
    }
    let own = speakers.own_lines().iter();
    let mut replacing = own.filter(|line| line.known.is_some_and(|known| known.replaces));
    let directory = |path: &[u8]| byte_path::parent(&byte_path::tidy(path)).map(<[u8]>::to_vec);
    let beside = |word: &&[u8]| directory(word) == directory(name);
    let mut operands = replacing
        .next()?
        .operands
        .iter()
        .map(|operand| &operand.word[..]);
    let found = operands.find(beside)?;
    operands
        .all(|other| !beside(&other))
        .then(|| found.to_vec())
}

/// What may have been tried where the text names no object: the operation on each path or port among the arguments of
/// those who may have failed. A conclusion may be drawn only where exactly one of them would be refused.
#[must_use]
pub fn unnamed(incident: &Incident, circumstances: &Circumstances) -> Vec<Reading> {
    let speakers = Speakers::of(incident, circumstances);
    let mut found = Vec::new();
    if incident.operations.contains(&Operation::Bind) {
        for object in arguments::ports(&speakers) {
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
    for operand in arguments::files(incident, &speakers) {
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

/// permwrap's own start of the command, which execve(2) refused with this errno: of a program without a slash in its name, what
/// was found in PATH first (execvp(3) goes on after EACCES, and answers it in the end).
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
        (_, true) => [start, b"/", program].concat(),
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

/// Where a file of source that the incident points at may lie, the likeliest first.
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

/// The operations that the strongest sign tells, and that sign: the text's own, else what the code on the command line does
/// with a file of this name, else what the program does that wrote the message, else what the command lines say. Nothing
/// where they say different things.
fn told(incident: &Incident, name: &[u8], speakers: &Speakers) -> (Vec<Operation>, Sign) {
    if let (Some(sign), false) = (incident.operation_sign, incident.operations.is_empty()) {
        return (incident.operations.clone(), sign);
    }
    let by_code = |line: &CommandLine| {
        // Of a program that is not known, any word may be code: a copy of an interpreter, under another name.
        let words = line.words.iter().filter(|_| line.known.is_none());
        line.code
            .iter()
            .chain(words)
            .find_map(|code| source::does_with(code, name))
    };
    let by_operand = |line: &CommandLine| line.does_with(name);
    let every = speakers.all_lines();
    if let Some(operation) = only(every.iter().filter_map(by_code)) {
        return (vec![operation], Sign::Source);
    }
    let own = speakers.own_lines();
    // A shell itself opens what is redirected, and starts what is a command.
    let by_shell = |line: &CommandLine| {
        let code = line.code.as_ref().filter(|_| line.is_code_for_a_shell());
        use_in_code(code?, name).or_else(|| use_of_what_is_filled_in(code?))
    };
    if let Some(operation) = only(own.iter().filter_map(by_shell)) {
        return (vec![operation], Sign::Source);
    }
    let does = only(own.iter().filter_map(by_operand)).or_else(|| speakers.does());
    if let Some(operation) = does {
        return (vec![operation], Sign::Program);
    }
    let told = only(every.iter().filter_map(by_operand));
    (told.into_iter().collect(), Sign::Arguments)
}

/// The operation, where all say the same.
fn only(operations: impl Iterator<Item = Operation>) -> Option<Operation> {
    let mut all: Vec<Operation> = operations.collect();
    all.dedup();
    match all.len() {
        1 => all.pop(),
        _ => None,
    }
}

/// The readings of one meaning of the words: by each who may have failed, at each place where the object can lie.
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

/// The attempt by each who may have failed.
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
        },
    };
    distinct(speakers.processes.iter().map(reading))
}

/// Each reading once: siblings with the same rights differ in their pid only.
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

//! What a command tells a container engine to do, and to what.

use super::Circumstances;
use crate::byte_path;
use crate::programs::command_lines;

/// Whether the command runs something in a container that exists before and after it: `podman exec NAME`.
#[must_use]
pub fn is_in_one_that_stays(circumstances: &Circumstances) -> bool {
    engine_verb(circumstances).is_some_and(|told| told.verb == b"exec")
}

/// What a container engine is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVerb {
    /// The name of the engine's program.
    pub engine: Vec<u8>,
    /// The verb: `run`, `logs`.
    pub verb: Vec<u8>,
    /// The operand after it.
    pub operand: Option<Vec<u8>>,
}

/// What the command tells the container engine that it calls.
#[must_use]
pub fn engine_verb(circumstances: &Circumstances) -> Option<EngineVerb> {
    const VERBS: &[&[u8]] = &[
        b"attach", b"bud", b"build", b"create", b"exec", b"logs", b"run", b"start", b"up",
    ];
    let lines = command_lines(&circumstances.command);
    let mut lines = lines.iter();
    let line = lines.rfind(|line| line.known.is_some_and(|known| known.engine))?;
    let mut words = line.operands.iter().map(|operand| &operand.word);
    let verb = words.find(|word| VERBS.contains(&word.as_slice()))?;
    Some(EngineVerb {
        engine: line.name().to_vec(),
        verb: verb.clone(),
        operand: words.next().cloned(),
    })
}

/// What the command line of a container engine's client says about the server and the container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineCall {
    /// The program and its options before the verb.
    pub client: Vec<Vec<u8>>,
    /// The sockets that its options name.
    pub sockets: Vec<Vec<u8>>,
    /// Where the engine's socket is if no option names one: an environment variable, and the default path. `None` for a client
    /// without a server.
    pub usual: Option<(String, String)>,
    /// The directory of the images that the client keeps itself, as far as its options name one. `None` if it keeps none.
    pub stores: Option<Option<Vec<u8>>>,
    /// The words after the verb.
    pub words: Vec<Vec<u8>>,
    /// Whether it builds an image.
    pub builds: bool,
    /// Whether the verb creates a container. Otherwise, one of the words is the name of an existing one.
    pub is_new: bool,
    /// Whether the command may end while its container lives on.
    pub stays: bool,
    /// The user that an option names, for a command that runs in an existing container.
    pub user: Option<Vec<u8>>,
}

/// The call of such a client, if the command is or runs one.
#[must_use]
pub fn engine_call(circumstances: &Circumstances) -> Option<EngineCall> {
    let seen = circumstances.processes.iter();
    let seen = seen.filter(|process| process.place.is_none());
    let words = seen.map(|process| &process.arguments);
    let lines = words.chain([&circumstances.command]);
    let mut lines = lines.flat_map(|words| command_lines(words));
    let (line, known) = lines.find_map(|line| {
        let known = line.known?;
        (known.socket.is_some() || known.stores).then_some((line, known))
    })?;
    const VERBS: &[&[u8]] = &[
        b"attach", b"bud", b"build", b"exec", b"logs", b"run", b"start", b"up",
    ];
    let words = &line.words;
    let verb = words
        .iter()
        .position(|word| VERBS.contains(&word.as_slice()))?;
    let (global, after) = (&words[..verb], &words[verb + 1..]);
    let is_new = matches!(words[verb].as_slice(), b"run" | b"up");
    let builds = matches!(words[verb].as_slice(), b"build" | b"bud");
    Some(EngineCall {
        client: global.to_vec(),
        sockets: values(global, b"-H", b"--host"),
        usual: known.socket.clone(),
        stores: known
            .stores
            .then(|| values(global, b"--root", b"--root").pop()),
        words: after.to_vec(),
        builds,
        is_new,
        stays: words[verb] == b"exec",
        user: values(after, b"-u", b"--user")
            .into_iter()
            .next()
            .filter(|_| !is_new),
    })
}

/// Where the file is that describes the image which the command builds, the likeliest first; of a text without a command, that of
/// the reader's directory.
#[must_use]
pub fn recipes_of_a_build(circumstances: &Circumstances) -> Vec<Vec<u8>> {
    let start = &circumstances.start;
    let call = engine_call(circumstances).filter(|call| call.builds);
    // Only clients that keep images themselves look for the other name, and that first.
    let names = match &call {
        Some(call) if call.stores.is_some() => &["Containerfile", "Dockerfile"][..],
        Some(_) => &["Dockerfile"],
        None => &["Dockerfile", "Containerfile"],
    };
    let words = call.map(|call| call.words).unwrap_or_default();
    if let Some(file) = values(&words, b"-f", b"--file").pop() {
        return vec![byte_path::join(start, &file)];
    }
    let context = words.last().filter(|word| !word.starts_with(b"-"));
    let context = context.map_or_else(|| start.clone(), |told| byte_path::join(start, told));
    let paths = names.iter();
    paths
        .map(|name| byte_path::join(&context, name.as_bytes()))
        .collect()
}

/// The values of an option, in its short and long form.
fn values(words: &[Vec<u8>], short: &[u8], long: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let rest = word
            .strip_prefix(long)
            .and_then(|rest| rest.strip_prefix(b"="));
        match rest.or_else(|| word.strip_prefix(short).filter(|rest| !rest.is_empty())) {
            Some(value) => found.push(value.to_vec()),
            None if word == short || word == long => found.extend(words.next().cloned()),
            None => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_of_a_client_tells_the_container() {
        let call = |command: &str| {
            let words = command.split(' ').map(|word| word.into()).collect();
            engine_call(&Circumstances {
                command: words,
                ..Circumstances::default()
            })
        };
        let run = call("docker -H unix:///run/x.sock run --rm -u 7 image cat /f").unwrap();
        assert_eq!(run.sockets, [b"unix:///run/x.sock"]);
        assert_eq!((run.is_new, run.user), (true, None));
        let exec = call("docker exec --user=7 -it shop cat /f").unwrap();
        assert!(!exec.is_new && exec.words.contains(&b"shop".to_vec()));
        assert_eq!(exec.user.as_deref(), Some(&b"7"[..]));
        assert_eq!(call("make test"), None);
        assert_eq!(call("docker ps"), None);
    }
}

//! The working directory of each command in shell code, as far as the code determines it.

use super::shell::SimpleCommand;
use crate::byte_path;

/// A working directory, as far as the code determines it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Whereabouts {
    /// The directory that the shell was started in.
    #[default]
    Start,
    /// This directory; a relative path is relative to where the shell was started, one with `~` to the home directory.
    At(Vec<u8>),
    /// The code changed directory, and only running it would tell where to.
    Unknown,
}

impl Whereabouts {
    /// The result of `cd DIRECTORY` from here. As in a shell, `..` removes the last name, even if that is a symlink.
    #[must_use]
    pub fn to(&self, directory: &[u8]) -> Whereabouts {
        match self {
            _ if directory.starts_with(b"/") => Whereabouts::At(without_dots(directory)),
            _ if is_below_home(directory) => Whereabouts::At(directory.to_vec()),
            Whereabouts::Start => Whereabouts::At(without_dots(directory)),
            Whereabouts::At(here) if is_below_home(here) => {
                Whereabouts::At(byte_path::join(here, directory))
            }
            Whereabouts::At(here) => {
                Whereabouts::At(without_dots(&byte_path::join(here, directory)))
            }
            Whereabouts::Unknown => Whereabouts::Unknown,
        }
    }

    /// The whereabouts `inner` of a shell that was started here.
    #[must_use]
    pub fn then(&self, inner: &Whereabouts) -> Whereabouts {
        match inner {
            Whereabouts::Start => self.clone(),
            Whereabouts::At(directory) => self.to(directory),
            Whereabouts::Unknown => Whereabouts::Unknown,
        }
    }
}

/// Whether the shell expands this word to the home directory (`~`) or to a path below it (`~/src`).
pub(super) fn is_below_home(word: &[u8]) -> bool {
    word == b"~" || word.starts_with(b"~/")
}

/// A step through shell code.
#[derive(Debug)]
pub(super) enum Step {
    Command(SimpleCommand),
    /// A separator between two commands.
    Link(Link),
    /// A compound command begins.
    Open(Compound),
    /// `else` or `elif`.
    Else,
    /// The innermost compound command ends.
    Close,
}

/// How a command follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// `;` or a line's end.
    Next,
    /// `&`: the commands before it run in a shell of their own.
    Beside,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|`
    Pipe,
}

/// A kind of compound command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Compound {
    Subshell,
    Group,
    /// `if`, `case`
    Branch,
    Loop,
    /// The body of the function of this name.
    Function(Vec<u8>),
}

/// The commands of the code, each with its whereabouts.
pub(super) fn followed(steps: Vec<Step>) -> Vec<SimpleCommand> {
    let mut course = Course::default();
    let mut steps = steps.into_iter().peekable();
    while let Some(step) = steps.next() {
        match step {
            Step::Command(command) => {
                let is_piped = matches!(steps.peek(), Some(Step::Link(Link::Pipe)));
                course.command(command, is_piped);
            }
            Step::Link(link) => course.link(link),
            Step::Open(kind) => course.open(kind),
            Step::Else => course.otherwise(),
            Step::Close => course.close(),
        }
    }
    course.end()
}

/// The state while following the code from command to command.
#[derive(Debug)]
struct Course {
    found: Vec<SimpleCommand>,
    here: Whereabouts,
    /// Where this list of commands began.
    from: Whereabouts,
    link: Link,
    /// Whether this list changes directory in a command that runs only if another one succeeds.
    strayed: bool,
    within: Vec<Frame>,
    /// The names of the functions that change directory.
    goers: Vec<Vec<u8>>,
    /// The index of the last command that changes directory.
    last_move: Option<usize>,
}

impl Default for Course {
    fn default() -> Course {
        Course {
            found: Vec::new(),
            here: Whereabouts::Start,
            from: Whereabouts::Start,
            link: Link::Next,
            strayed: false,
            within: Vec::new(),
            goers: Vec::new(),
            last_move: None,
        }
    }
}

/// A compound command that has not ended yet.
#[derive(Debug)]
struct Frame {
    kind: Compound,
    /// The state before it.
    here: Whereabouts,
    from: Whereabouts,
    link: Link,
    strayed: bool,
    /// The index of its first command, and of the first that changes directory.
    first: usize,
    first_move: Option<usize>,
}

impl Course {
    fn command(&mut self, command: SimpleCommand, is_piped: bool) {
        let at = self.found.len();
        let is_alone = |frame: &Frame| {
            !matches!(frame.kind, Compound::Subshell | Compound::Function(_))
                && frame.link != Link::Pipe
        };
        let is_in_loop = |frame: &Frame| frame.kind == Compound::Loop;
        let shell = self
            .within
            .iter()
            .rposition(|frame| !is_alone(frame))
            .unwrap_or(0);
        let goes = match command.goes_to() {
            None if command
                .words
                .first()
                .is_some_and(|name| self.goers.contains(name)) =>
            {
                Some(None)
            }
            goes => goes,
        };
        let there = goes.map(|directory| match directory {
            Some(directory)
                if directory.starts_with(b"/") || !self.within[shell..].iter().any(is_in_loop) =>
            {
                self.here.to(&directory)
            }
            _ => Whereabouts::Unknown,
        });
        self.found.push(SimpleCommand {
            place: self.here.clone(),
            is_settled: self.within.iter().all(is_alone),
            ..command
        });
        let Some(there) = there.filter(|_| !is_piped && self.link != Link::Pipe) else {
            return;
        };
        self.here = match self.link {
            Link::Or => Whereabouts::Unknown,
            _ => there,
        };
        self.strayed |= self.link != Link::Next;
        self.last_move = Some(at);
        for frame in &mut self.within[shell..] {
            frame.first_move.get_or_insert(at);
        }
    }

    fn link(&mut self, link: Link) {
        let is_end = matches!(link, Link::Next | Link::Beside);
        self.link = if is_end { Link::Next } else { link };
        if link == Link::Beside {
            self.strayed = false;
            self.here = self.from.clone();
        } else if is_end && std::mem::take(&mut self.strayed) {
            self.here = Whereabouts::Unknown;
        }
        if is_end {
            self.from = self.here.clone();
        }
    }

    fn open(&mut self, kind: Compound) {
        let is_function = matches!(kind, Compound::Function(_));
        self.within.push(Frame {
            kind,
            here: self.here.clone(),
            from: self.from.clone(),
            link: std::mem::replace(&mut self.link, Link::Next),
            strayed: std::mem::take(&mut self.strayed),
            first: self.found.len(),
            first_move: None,
        });
        if is_function {
            // A function runs wherever it is called.
            self.here = Whereabouts::Unknown;
        }
        self.from = self.here.clone();
    }

    fn otherwise(&mut self) {
        self.link(Link::Next);
        if let Some(frame) = self.within.last() {
            self.here = frame.here.clone();
            self.from = frame.here.clone();
        }
    }

    fn close(&mut self) {
        self.link(Link::Next);
        let Some(frame) = self.within.pop() else {
            return;
        };
        if let (Compound::Loop, Some(first_move)) = (&frame.kind, frame.first_move) {
            // The previous iteration may have changed directory.
            for command in &mut self.found[frame.first..=first_move] {
                command.place = Whereabouts::Unknown;
            }
            for command in &mut self.found[frame.first..] {
                command.is_settled = false;
            }
        }
        let is_left_behind = frame.link == Link::Pipe
            || matches!(frame.kind, Compound::Subshell | Compound::Function(_));
        let is_sure = frame.kind == Compound::Group && frame.link == Link::Next;
        if is_left_behind {
            self.here = frame.here;
        } else if frame.first_move.is_some() && !is_sure {
            self.here = Whereabouts::Unknown;
        }
        if let (Compound::Function(name), Some(_)) = (frame.kind, frame.first_move) {
            self.goers.push(name);
        }
        (self.link, self.strayed, self.from) = (frame.link, frame.strayed, frame.from);
    }

    fn end(mut self) -> Vec<SimpleCommand> {
        for (at, command) in self.found.iter_mut().enumerate() {
            match self.last_move {
                None => (command.place, command.is_settled) = (Whereabouts::Start, true),
                Some(last) => command.is_settled &= at > last,
            }
        }
        self.found
    }
}

/// The path without `.`, and without each `..` that follows a name.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if names.last().is_some_and(|last| *last != b"..") => {
                names.pop();
            }
            b".." if path.starts_with(b"/") => {}
            name => names.push(name),
        }
    }
    let root: &[u8] = if path.starts_with(b"/") { b"/" } else { b"" };
    match [root, &names.join(&b'/')].concat() {
        nothing if nothing.is_empty() => b".".to_vec(),
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::super::shell::commands;
    use super::*;

    /// The whereabouts of the commands named `x`.
    fn places(code: &str) -> Vec<String> {
        let found = commands(code.as_bytes()).into_iter();
        let named = found.filter(|command| command.words == [b"x"]);
        let words = |command: SimpleCommand| match command.place {
            Whereabouts::Start => "start".to_owned(),
            Whereabouts::At(directory) => String::from_utf8(directory).unwrap(),
            Whereabouts::Unknown if command.is_settled => "settled".to_owned(),
            Whereabouts::Unknown => "unknown".to_owned(),
        };
        named.map(words).collect()
    }

    #[test]
    fn one_goes_from_directory_to_directory() {
        for (code, told) in [
            (
                "x; cd /srv/a; x; cd ../b && x; cd ..; x",
                &["start", "/srv/a", "/srv/b", "/srv"][..],
            ),
            ("cd a; x; cd ../../b; x", &["a", "../b"]),
            ("cd /a || exit; x", &["/a"]),
            ("cd -P -- /a; { cd b; x; }; x", &["/a/b", "/a/b"]),
            ("(cd /a; x); x; (cd b && x)", &["/a", "start", "b"]),
            ("cd /a | true; x", &["start"]),
            ("cd /a & x", &["start"]),
            ("cd /b; cd /a && x & x", &["/a", "/b"]),
            ("cd; x", &["~"]),
            ("cd \"$HOME\"/a; x; cd $HOME; x", &["~/a", "~"]),
            ("cd ${PWD}/a; x; cd $PWD; x", &["a", "a"]),
            (
                "pushd /a >/dev/null; x; pushd /b; x; popd; x",
                &["/a", "/b", "settled"],
            ),
            ("false || x", &["start"]),
            ("f() { x; }; f", &["start"]),
        ] {
            assert_eq!(places(code), told, "{code}");
        }
    }

    #[test]
    fn what_only_running_would_tell_is_unknown() {
        for (code, told) in [
            ("cd \"$d\"; x", &["settled"][..]),
            ("cd \"$d\"; x; cd /a; x", &["unknown", "/a"]),
            ("cd /none || cd /a; x", &["settled"]),
            ("test -d a && cd a; x", &["settled"]),
            (
                "for d in a b; do cd $d; x; done; x",
                &["unknown", "settled"],
            ),
            ("for d in a b; do cd a; x; done", &["unknown"]),
            ("while read d; do x; cd /a; x; done", &["unknown", "/a"]),
            (
                "for d in a b; do (cd $d; x); x; done",
                &["unknown", "start"],
            ),
            (
                "if true; then cd /a; x; else x; fi; x",
                &["/a", "start", "settled"],
            ),
            ("case $1 in a) cd /a;; esac; x", &["settled"]),
            ("f() { cd /b; x; }; x; f; x", &["/b", "start", "settled"]),
            ("f() { x; }; cd /b; f; x", &["unknown", "/b"]),
            (". ./env; x", &["settled"]),
            (
                "ls | while read d; do cd /$d; x; done; x",
                &["unknown", "start"],
            ),
        ] {
            assert_eq!(places(code), told, "{code}");
        }
    }
}

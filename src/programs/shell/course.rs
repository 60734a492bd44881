//! Follows shell code from command to command, and from directory to directory.

use super::{Move, Scope, SimpleCommand};
use crate::programs::whereabouts::{Whereabouts, is_below_home};

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Link {
    /// `;` or a line's end.
    #[default]
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

/// The commands of the code, each with its whereabouts. The scope is that at its beginning.
pub(super) fn followed(steps: Vec<Step>, scope: Scope) -> Vec<SimpleCommand> {
    let mut course = Course {
        scope,
        ..Course::default()
    };
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

/// What reports that it failed, rather than answer a question: what follows it with `&&` is the usual course.
const SUCCEED: &[&[u8]] = &[
    b":", b"cd", b"echo", b"export", b"mkdir", b"popd", b"printf", b"pushd", b"pwd", b"set",
    b"true", b"umask",
];

/// The state while following the code from command to command.
#[derive(Debug, Default)]
struct Course {
    found: Vec<SimpleCommand>,
    now: State,
    scope: Scope,
    within: Vec<Frame>,
    /// The names of the functions that change directory.
    goers: Vec<Vec<u8>>,
    /// The index of the last command that changes directory.
    last_move: Option<usize>,
}

/// Where the shell is in a list of commands.
#[derive(Debug, Clone, Default)]
struct State {
    here: Whereabouts,
    /// Where this list of commands began.
    from: Whereabouts,
    link: Link,
    /// Whether this list goes on only if something holds that is not certain.
    is_conditional: bool,
    /// Where this list would be without the commands that change directory only if another one succeeds.
    strayed: Vec<Whereabouts>,
    /// The directory before the last change; `None` if that is not known.
    before: Option<Whereabouts>,
    /// The directories that were left by pushd.
    stack: Vec<Whereabouts>,
    /// Whether the shell has ended, or returned from a function.
    has_ended: bool,
}

/// A compound command that has not ended yet.
#[derive(Debug)]
struct Frame {
    kind: Compound,
    /// The state before it.
    outer: State,
    scope: Scope,
    /// Where its branches so far ended.
    ends: Vec<Whereabouts>,
    /// The index of its first command, and of the first that changes directory.
    first: usize,
    first_move: Option<usize>,
    /// Whether a loop may be left in its middle.
    breaks: bool,
}

impl Course {
    fn command(&mut self, command: SimpleCommand, is_piped: bool) {
        let at = self.found.len();
        let is_alone = |frame: &Frame| {
            !matches!(frame.kind, Compound::Subshell | Compound::Function(_))
                && frame.outer.link != Link::Pipe
        };
        let shell = self.within.iter().rposition(|frame| !is_alone(frame));
        let name = command.words.first();
        let command_name = name.cloned();
        let there = match command.moves() {
            None if name.is_some_and(|name| self.goers.contains(name)) => {
                Some(Whereabouts::Unknown)
            }
            None => None,
            Some(how) => Some(self.destination(&how)),
        };
        let ends = name.is_some_and(|name| name == b"exit" || name == b"return");
        self.now.has_ended |= ends && !is_piped && self.now.link == Link::Next;
        if name.is_some_and(|name| name == b"break") {
            self.within.iter_mut().for_each(|frame| frame.breaks = true);
        }
        if !is_piped && self.now.link != Link::Pipe {
            self.scope.follow(&command.words, &self.now.here);
        }
        self.found.push(SimpleCommand {
            place: self.now.here.clone(),
            is_settled: self.within.iter().all(is_alone),
            ..command
        });
        let is_likely = command_name.is_some_and(|name| SUCCEED.contains(&&name[..]));
        let was_conditional = self.now.is_conditional;
        self.now.is_conditional |= !is_likely || self.now.link == Link::Or;
        let Some(there) = there.filter(|_| !is_piped && self.now.link != Link::Pipe) else {
            return;
        };
        let before = std::mem::replace(&mut self.now.here, there);
        match self.now.link {
            Link::Next | Link::Beside | Link::Pipe => {}
            Link::And if was_conditional => self.now.strayed.push(before.clone()),
            Link::And => {}
            // It is needed only if what is before it fails.
            Link::Or => {
                self.now.here = Whereabouts::one_of([before.clone(), self.now.here.clone()]);
                self.now.strayed.push(before.clone());
            }
        }
        self.now.before = Some(before);
        self.last_move = Some(at);
        for frame in &mut self.within[shell.unwrap_or(0)..] {
            frame.first_move.get_or_insert(at);
        }
    }

    /// Where a change of directory leads.
    fn destination(&mut self, how: &Move) -> Whereabouts {
        match how {
            Move::Home => self.scope.destination(b"$HOME", &self.now.here),
            Move::To(word) => self.scope.destination(word, &self.now.here),
            Move::Push(word) => {
                self.now.stack.push(self.now.here.clone());
                self.scope.destination(word, &self.now.here)
            }
            Move::Pop => self.now.stack.pop().unwrap_or(Whereabouts::Unknown),
            Move::Back => self.now.before.clone().unwrap_or(Whereabouts::Unknown),
            Move::Untold => Whereabouts::Unknown,
        }
    }

    fn link(&mut self, link: Link) {
        let is_end = matches!(link, Link::Next | Link::Beside);
        let now = &mut self.now;
        now.link = if is_end { Link::Next } else { link };
        let strayed = match is_end {
            true => std::mem::take(&mut now.strayed),
            false => Vec::new(),
        };
        if link == Link::Beside {
            now.here = now.from.clone();
        } else if !strayed.is_empty() {
            now.here = Whereabouts::one_of(strayed.into_iter().chain([now.here.clone()]));
        }
        if is_end {
            now.is_conditional = false;
            now.from = now.here.clone();
        }
    }

    fn open(&mut self, kind: Compound) {
        let outer = self.now.clone();
        self.now.link = Link::Next;
        self.now.strayed = Vec::new();
        self.now.is_conditional = false;
        let scope = self.scope.clone();
        if let Compound::Function(_) = kind {
            // A function runs wherever it is called.
            self.now = State {
                here: Whereabouts::Unknown,
                ..State::default()
            };
            self.scope.enter_function();
        }
        self.now.from = self.now.here.clone();
        self.within.push(Frame {
            kind,
            outer,
            scope,
            ends: Vec::new(),
            first: self.found.len(),
            first_move: None,
            breaks: false,
        });
    }

    fn otherwise(&mut self) {
        self.link(Link::Next);
        if let Some(frame) = self.within.last_mut() {
            let end = Some(self.now.here.clone()).filter(|_| !self.now.has_ended);
            frame.ends.extend(end);
            self.now.has_ended = false;
            self.now.here = frame.outer.here.clone();
            self.now.from = frame.outer.here.clone();
            self.scope.forget_what_differs(&frame.scope);
        }
    }

    fn close(&mut self) {
        self.link(Link::Next);
        let Some(frame) = self.within.pop() else {
            return;
        };
        let Frame { kind, outer, .. } = frame;
        let returns =
            self.now.here == outer.here && !frame.breaks && self.scope.keeps(&frame.scope);
        if let (Compound::Loop, Some(first_move), false) = (&kind, frame.first_move, returns) {
            // The previous iteration may have changed directory.
            for command in &mut self.found[frame.first..=first_move] {
                command.place = Whereabouts::Unknown;
            }
            for command in &mut self.found[frame.first..] {
                if !is_fixed(&command.place) {
                    command.place = Whereabouts::Unknown;
                }
                command.is_settled = false;
            }
        }
        let is_left_behind =
            outer.link == Link::Pipe || matches!(kind, Compound::Subshell | Compound::Function(_));
        let here = match (&kind, frame.first_move) {
            _ if is_left_behind => outer.here.clone(),
            (_, None) => self.now.here.clone(),
            (Compound::Group, _) if outer.link == Link::Next => self.now.here.clone(),
            (Compound::Loop, _) if !returns && !is_fixed(&self.now.here) => Whereabouts::Unknown,
            _ => {
                let end = Some(self.now.here.clone()).filter(|_| !self.now.has_ended);
                let ends = frame.ends.into_iter().chain(end);
                Whereabouts::one_of(ends.chain([outer.here.clone()]))
            }
        };
        if is_left_behind {
            self.scope = frame.scope;
        } else if kind != Compound::Group {
            self.scope.forget_what_differs(&frame.scope);
        }
        let (before, stack) = match frame.first_move {
            Some(_) if is_left_behind => (outer.before, outer.stack),
            Some(_) if kind != Compound::Group => (None, Vec::new()),
            _ => (self.now.before.take(), std::mem::take(&mut self.now.stack)),
        };
        if let (Compound::Function(name), Some(_)) = (kind, frame.first_move) {
            self.goers.push(name);
        }
        self.now = State {
            here,
            before,
            stack,
            ..outer
        };
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

/// Whether it is the same wherever the shell was before.
fn is_fixed(place: &Whereabouts) -> bool {
    place.each().iter().all(
        |one| matches!(one, Whereabouts::At(path) if path.starts_with(b"/") || is_below_home(path)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::commands_within;
    use super::*;

    /// The whereabouts of the commands named `x`.
    fn places(code: &str) -> Vec<String> {
        places_within(code, Scope::default())
    }

    fn places_within(code: &str, scope: Scope) -> Vec<String> {
        let found = commands_within(code.as_bytes(), scope).into_iter();
        let named = found.filter(|command| command.words == [b"x"]);
        fn words(place: Whereabouts) -> String {
            match place {
                Whereabouts::Start => "start".to_owned(),
                Whereabouts::At(directory) => String::from_utf8(directory).unwrap(),
                Whereabouts::Unknown => "unknown".to_owned(),
                Whereabouts::OneOf(places) => {
                    let each = places.into_iter().map(words);
                    each.collect::<Vec<_>>().join(" or ")
                }
            }
        }
        let of = |command: SimpleCommand| match command.place {
            place @ (Whereabouts::Unknown | Whereabouts::OneOf(_)) if command.is_settled => {
                format!("settled, {}", words(place))
            }
            place => words(place),
        };
        named.map(of).collect()
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
                &["/a", "/b", "/a"],
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
            ("cd \"$d\"; x", &["settled, unknown"][..]),
            ("cd \"$d\"; x; cd /a; x", &["unknown", "/a"]),
            (
                "for d in *; do cd $d; x; done; x",
                &["unknown", "settled, unknown"],
            ),
            ("for d in a b; do cd a; x; done", &["unknown"]),
            ("while read d; do x; cd /a; x; done", &["unknown", "/a"]),
            ("for d in a b; do (cd $d; x); x; done", &["a or b", "start"]),
            (
                "f() { cd /b; x; }; x; f; x",
                &["/b", "start", "settled, unknown"],
            ),
            ("f() { x; }; cd /b; f; x", &["unknown", "/b"]),
            (". ./env; x", &["settled, unknown"]),
            (
                "ls | while read d; do cd /$d; x; done; x",
                &["unknown", "start"],
            ),
            (
                "d=a; while true; do cd $d; x; cd ..; d=b; done",
                &["unknown"],
            ),
            ("d=a; d+=b; cd $d; x", &["settled, unknown"]),
            ("popd; x; cd -; x", &["unknown", "start"]),
        ] {
            assert_eq!(places(code), told, "{code}");
        }
    }

    #[test]
    fn of_what_may_not_run_both_places_count() {
        for (code, told) in [
            ("cd /none || cd /a; x", &["settled, /a or /none"][..]),
            ("test -d a && cd a; x", &["settled, start or a"]),
            ("[ -d a ] && cd a && x; x", &["a", "settled, start or a"]),
            ("mkdir -p a && cd a; x", &["a"]),
            (
                "if true; then cd /a; x; else x; fi; x",
                &["/a", "start", "settled, start or /a"],
            ),
            ("if [ $1 ]; then cd b; exit; fi; x", &["start"]),
            (
                "case $1 in a) cd /a; x;; b) cd b; x;; esac; x",
                &["/a", "b", "settled, start or /a or b"],
            ),
            (
                "for d in a b; do cd $d; x; cd ..; done; x",
                &["a or b", "start"],
            ),
        ] {
            assert_eq!(places(code), told, "{code}");
        }
    }

    #[test]
    fn words_lead_where_their_values_do() {
        for (code, told) in [
            ("A=/srv/p/a; cd \"$A\"; x", &["/srv/p/a"][..]),
            ("A=a; cd b; cd \"../$A/c\"; x", &["a/c"]),
            ("HERE=$(pwd); cd a; cd \"$HERE/b\"; x", &["b"]),
            ("cd a; cd \"$(cd .. && pwd)/b\"; x", &["b"]),
            ("cd \"$(dirname \"$0\")/a\"; x", &["a"]),
            ("cd `dirname $0`; cd a; x", &["a"]),
            ("cd ${1:-a}; x", &["a"]),
            ("cd a; cd - >/dev/null; x", &["start"]),
            (
                "eval 'cd a'; x; eval \"cd $d\"; x",
                &["a", "settled, unknown"],
            ),
            ("y=$(cd a; x); x", &["a", "start"]),
            ("cd a\\\n\nx", &["a"]),
        ] {
            assert_eq!(
                places_within(code, Scope::new(vec![b"s.sh".to_vec()], true)),
                told,
                "{code}"
            );
        }
    }
}

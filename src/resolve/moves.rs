//! Where a program was when it used a name, as far as the calls of chdir(2) in its source code tell.
//!
//! A process is inspected after its message was read, and may have changed directory in between. Only the order of the calls in
//! the code tells which came first; the layout tells what belongs to a function, a loop or a branch.

use super::source;
use crate::programs::{self, Whereabouts};

/// Where code was when it used a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Here, where it has been since.
    Last(Whereabouts),
    /// Here; it may be elsewhere now.
    Earlier(Whereabouts),
    /// In one of these, and nothing tells which.
    OneOf(Vec<Whereabouts>),
}

/// The maximum number of places that are considered.
const MOST_PLACES: usize = 8;

/// A call that changes directory.
#[derive(Debug)]
struct Move {
    at: usize,
    /// The directory, if it is a literal, and where that begins.
    to: Option<Vec<u8>>,
    argument: Option<usize>,
    /// Whether it holds only for the block that begins with it.
    is_scoped: bool,
    /// Whether it is made again and again.
    is_repeated: bool,
}

impl Move {
    /// Whether it leads elsewhere each time.
    fn adds_up(&self) -> bool {
        let is_absolute = |to: &Vec<u8>| to.starts_with(b"/");
        self.is_repeated && !self.to.as_ref().is_some_and(is_absolute)
    }
}

/// What precedes what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    MoveFirst,
    UseFirst,
    Untold,
}

/// Where code was when it used this name in these places; none is known if they are empty.
#[must_use]
pub fn standing(code: &[u8], uses: &[usize]) -> Standing {
    let layout = Layout { code };
    let mut moves = layout.moves();
    // What has been left with its block says nothing of what follows.
    let is_left =
        |one: &Move| !uses.is_empty() && uses.iter().all(|at| layout.is_past(one.at, *at));
    moves.retain(|one| !(one.is_scoped && is_left(one)));
    let mut places = vec![Whereabouts::Start];
    let mut is_last = true;
    for one in &moves {
        let mut orders = uses.iter().map(|at| layout.order(one, *at));
        let first = orders.next().unwrap_or(Order::Untold);
        let there = places.iter().map(|here| match &one.to {
            Some(directory) => here.to(directory),
            None => Whereabouts::Unknown,
        });
        let there: Vec<Whereabouts> = there.collect();
        match first {
            _ if !orders.all(|other| other == first) => places.extend(there),
            Order::Untold => places.extend(there),
            Order::MoveFirst => places = there,
            Order::UseFirst => is_last = false,
        }
        is_last &= !one.is_scoped;
        if places.len() > MOST_PLACES {
            return Standing::Earlier(Whereabouts::Unknown);
        }
    }
    places.sort();
    places.dedup();
    // Where an only move led is where it has been since.
    let is_certain = moves.len() == 1 && is_last && !moves[0].is_repeated;
    match (&places[..], is_last) {
        ([only], true) => Standing::Last(only.clone()),
        ([only], false) => Standing::Earlier(only.clone()),
        _ if !is_certain && places.contains(&Whereabouts::Unknown) => {
            Standing::Earlier(Whereabouts::Unknown)
        }
        _ => Standing::OneOf(places),
    }
}

/// Where code uses a name: on this line (from 1), if it is known, and where it names the program that wrote of it, if that is
/// another one.
#[must_use]
pub fn uses(code: &[u8], name: &[u8], line: Option<usize>, writer: Option<&[u8]>) -> Vec<usize> {
    let layout = Layout { code };
    let by_writer = writer.map(|writer| {
        let every = memchr::memmem::find_iter(code, name);
        let names_it = |at: &usize| {
            let line = &code[layout.line_start(*at)..layout.line_end(*at)];
            programs::names(line, writer)
        };
        every.filter(names_it).collect::<Vec<usize>>()
    });
    match by_writer {
        Some(uses) if !uses.is_empty() => uses,
        _ => layout.uses(name, line),
    }
}

/// The directory that all its moves lead to one after the other, relative to where it was started, if each is a literal and leads
/// further down.
#[must_use]
pub fn in_all(code: &[u8]) -> Option<Vec<u8>> {
    let moves = Layout { code }.moves();
    let leads_down = |to: &&Vec<u8>| !to.starts_with(b"/") && !to.starts_with(b"..");
    let mut steps = moves.iter().map(|one| one.to.as_ref().filter(leads_down));
    let place = steps.try_fold(Whereabouts::Start, |here, to| Some(here.to(to?)))?;
    match place {
        Whereabouts::At(path) => Some(path),
        _ => None,
    }
}

/// The layout of source code, which shows what belongs together.
struct Layout<'c> {
    code: &'c [u8],
}

impl Layout<'_> {
    /// The calls that change directory, in the order of the text.
    fn moves(&self) -> Vec<Move> {
        let quoted = source::quoted(self.code);
        let found = memchr::memmem::find_iter(self.code, b"chdir");
        let found = found.chain(memchr::memmem::find_iter(self.code, b"Chdir"));
        let mut found: Vec<usize> = found.filter(|at| self.is_call(*at)).collect();
        found.sort_unstable();
        let moved = |at: usize| {
            let end = at + b"chdir".len();
            let given = |&&(begin, _): &&(usize, &[u8])| {
                let between = self.code.get(end..begin - 1).unwrap_or(b"x");
                between.iter().all(|byte| b" (".contains(byte))
            };
            let to = quoted.iter().filter(|(begin, _)| *begin > end).find(given);
            let argument = to.map(|(begin, _)| *begin);
            // Parts of an expression are no directory.
            let is_whole = |&&(begin, text): &&(usize, &[u8])| {
                let rest = self.code.get(begin + text.len() + 1..).unwrap_or_default();
                let rest = rest.trim_ascii_start().first().copied();
                rest.is_none_or(|byte| b");,|&}#".contains(&byte) || byte.is_ascii_alphabetic())
                    && !text.iter().any(|byte| b"$#{@".contains(byte))
            };
            let rest = &self.code[end..self.line_end(at)];
            Move {
                at,
                argument,
                to: to.filter(is_whole).map(|(_, text)| text.to_vec()),
                is_scoped: begins_block(rest) || self.is_context(at),
                is_repeated: self.enclosing(at, LOOPS).is_some(),
            }
        };
        found.into_iter().map(moved).collect()
    }

    /// Whether the word here is called, rather than imported, defined or mentioned in a comment.
    fn is_call(&self, at: usize) -> bool {
        let line = self.code[self.line_start(at)..].trim_ascii_start();
        let rest = &self.code[at + b"chdir".len()..self.line_end(at)];
        let argument = rest.trim_ascii_start();
        // In prose, as in `die "cannot chdir to"`, it is a word among others.
        let length = argument
            .iter()
            .take_while(|byte| is_of_a_word(**byte))
            .count();
        let is_method = self.code[..at].ends_with(b".");
        let is_value = argument.first().is_some_and(u8::is_ascii_uppercase)
            || argument.get(length) == Some(&b'(');
        let begins = argument.first().is_some_and(|byte| b"('\"$".contains(byte));
        let is_argument = begins || length > 0 && (is_method || is_value);
        let is_word = rest.first().is_some_and(|byte| is_of_a_word(*byte));
        let is_comment = line.starts_with(b"#") || line.starts_with(b"//");
        !is_word && is_argument && !is_comment
    }

    /// Whether the directory is left at the end of a block of Python's `with`.
    fn is_context(&self, at: usize) -> bool {
        self.code[self.line_start(at)..]
            .trim_ascii_start()
            .starts_with(b"with ")
    }

    /// Where the name is used: where it is passed to something on the line, or else anywhere, or else the line itself.
    fn uses(&self, name: &[u8], line: Option<usize>) -> Vec<usize> {
        let every = source::uses(self.code, name).into_iter();
        let every: Vec<usize> = every.filter(|at| !self.is_stored(*at)).collect();
        let mut ends = memchr::memchr_iter(b'\n', self.code);
        let begin = line.and_then(|number| match number {
            0 | 1 => Some(0),
            _ => ends.nth(number - 2).map(|end| end + 1),
        });
        let Some(begin) = begin else {
            return every;
        };
        let line = begin..=self.line_end(begin);
        let there: Vec<usize> = every
            .iter()
            .copied()
            .filter(|at| line.contains(at))
            .collect();
        match (there.is_empty(), every.is_empty()) {
            (false, _) => there,
            (true, false) => every,
            (true, true) => vec![begin],
        }
    }

    /// Whether what stands here is only kept for later: it is assigned, or part of a list that is.
    fn is_stored(&self, at: usize) -> bool {
        let line = &self.code[self.line_start(at)..at];
        let before = line.strip_suffix(b"'").or(line.strip_suffix(b"\""));
        let before = before.unwrap_or(line).trim_ascii_end();
        let is_open = |open: u8, close: u8| {
            let count = |byte: u8| line.iter().filter(|other| **other == byte).count();
            count(open) > count(close)
        };
        let is_kept = is_open(b'[', b']') || before.ends_with(b"=") || before.ends_with(b":");
        is_kept && !is_open(b'(', b')')
    }

    /// Whether a move or a use at these places comes first.
    fn order(&self, one: &Move, used: usize) -> Order {
        let (its, own) = (
            self.enclosing(one.at, FUNCTIONS),
            self.enclosing(used, FUNCTIONS),
        );
        let is_first = one.at < used;
        // A function that is defined later is called later, unless it is the other way round.
        let is_same = its == own || its.is_none() && is_first;
        if one.argument == Some(used) {
            return Order::UseFirst;
        }
        let line = &self.code[self.line_start(one.at)..self.line_end(one.at)];
        let is_branch = self.indent(one.at) > self.indent(used) || has_word(line, CONDITIONS);
        match is_first {
            _ if !is_same => Order::Untold,
            true if is_branch || one.adds_up() => Order::Untold,
            true => Order::MoveFirst,
            false if one.is_repeated && self.enclosing(used, LOOPS).is_some() => Order::Untold,
            false => Order::UseFirst,
        }
    }

    /// Whether the block that begins at one place has ended before the other.
    fn is_past(&self, begin: usize, at: usize) -> bool {
        let indent = self.indent(begin);
        let end = self.line_end(begin);
        let between = self.code.get(end..=at).unwrap_or_default();
        let mut lines = between.split(|byte| *byte == b'\n').skip(1);
        at < begin || lines.any(|line| !line.trim_ascii().is_empty() && indent_of(line) <= indent)
    }

    /// The line of the innermost block of this kind around a place: its own line, or one above that is indented less.
    fn enclosing(&self, at: usize, words: &[&[u8]]) -> Option<usize> {
        let begin = self.line_start(at);
        if has_word(&self.code[begin..at], words) {
            return Some(begin);
        }
        let mut indent = self.indent(at);
        let mut end = begin;
        while end > 0 {
            let start = self.line_start(end - 1);
            let line = &self.code[start..end - 1];
            end = start;
            if line.trim_ascii().is_empty() || indent_of(line) >= indent {
                continue;
            }
            indent = indent_of(line);
            if has_word(line, words) {
                return Some(start);
            }
        }
        None
    }

    fn indent(&self, at: usize) -> usize {
        indent_of(&self.code[self.line_start(at)..])
    }

    fn line_start(&self, at: usize) -> usize {
        memchr::memrchr(b'\n', &self.code[..at]).map_or(0, |end| end + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        memchr::memchr(b'\n', &self.code[at..]).map_or(self.code.len(), |length| at + length)
    }
}

/// What defines a function in some language.
const FUNCTIONS: &[&[u8]] = &[
    b"def",
    b"function",
    b"sub",
    b"lambda",
    b"fn",
    b"func",
    b"=>",
];

/// What makes a statement depend on something in some language.
const CONDITIONS: &[&[u8]] = &[b"if", b"unless", b"elsif", b"elif", b"else"];

/// What begins a loop in some language.
const LOOPS: &[&[u8]] = &[
    b"for", b"foreach", b"while", b"until", b"loop", b"each", b"times", b"map",
];

/// Whether a block begins with a call of which this is the rest of the line.
fn begins_block(rest: &[u8]) -> bool {
    let mut depth = 0_usize;
    let end = rest.iter().position(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && b"){d;".contains(byte)
    });
    let after = end.map_or(&b""[..], |end| &rest[end..]);
    let after = after.strip_prefix(b")").unwrap_or(after).trim_ascii_start();
    after.starts_with(b"{") || after == b"do" || after.starts_with(b"do ")
}

fn indent_of(line: &[u8]) -> usize {
    let is_blank = |byte: &&u8| **byte == b' ' || **byte == b'\t';
    line.iter().take_while(is_blank).count()
}

/// Whether one of these words stands in the text, other than as a name: quoted, or as part of a path or an expression.
fn has_word(text: &[u8], words: &[&[u8]]) -> bool {
    let is_free = |byte: Option<&u8>, beside: &[u8]| {
        byte.is_none_or(|byte| !beside.contains(byte) && !is_of_a_word(*byte))
    };
    let stands = |word: &&[u8]| {
        memchr::memmem::find_iter(text, *word).any(|at| {
            let (before, after) = (text[..at].last(), text.get(at + word.len()));
            is_free(before, b"'\"/$@-") && is_free(after, b"'\"/$@-.")
        })
    };
    words.iter().any(stands)
}

fn is_of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(code: &str, line: Option<usize>) -> Standing {
        let code = code.as_bytes();
        standing(code, &uses(code, b"x", line, None))
    }

    fn at(directory: &str) -> Whereabouts {
        Whereabouts::At(directory.into())
    }

    #[test]
    fn the_order_of_the_calls_tells_where_a_name_was_used() {
        for (code, told) in [
            ("open('x')", Standing::Last(Whereabouts::Start)),
            (
                "os.chdir('/srv'); os.mkdir('x')",
                Standing::Last(at("/srv")),
            ),
            ("chdir \"a\"; mkdir 'x'", Standing::Last(at("a"))),
            (
                "def f():\n  os.chdir('sub'); open('x')",
                Standing::Last(at("sub")),
            ),
            (
                "os.chdir(top)\nopen('x')",
                Standing::Last(Whereabouts::Unknown),
            ),
            (
                "try:\n  open('x')\nexcept E: log()\nos.chdir('c')",
                Standing::Earlier(Whereabouts::Start),
            ),
            (
                "os.chdir('a')\nopen('x')\nos.chdir('/')",
                Standing::Earlier(at("a")),
            ),
            (
                "Dir.chdir('a') do\n  open('x')\nend",
                Standing::Earlier(at("a")),
            ),
            (
                "Dir.chdir('a') { go }\nopen('x')",
                Standing::Last(Whereabouts::Start),
            ),
            (
                "# os.chdir('a')\nimport chdir\nopen('x')",
                Standing::Last(Whereabouts::Start),
            ),
        ] {
            assert_eq!(stands(code, None), told, "{code}");
        }
    }

    #[test]
    fn what_the_layout_leaves_open_is_one_of_several() {
        let either = Standing::OneOf(vec![Whereabouts::Start, at("c")]);
        for code in [
            "def f(): open('x')\nos.chdir('c'); f()",
            "def f():\n  open('x')\nos.chdir('c')\nf()",
            "if a:\n  os.chdir('c')\nopen('x')",
            "open('x')\nos.chdir('c')\nopen('x')",
            "os.chdir('c')\nopen(sys.argv[1])",
            "name = 'x'\nos.chdir('c')\nopen(name)",
            "if a: os.chdir('c')\nopen('x')",
            "os.chdir('c') if a else None\nopen('x')",
        ] {
            assert_eq!(stands(code, None), either, "{code}");
        }
        let code = "for d in all:\n  open('x')\n  os.chdir(d)";
        let unknown = Standing::Earlier(Whereabouts::Unknown);
        assert_eq!(stands(code, None), unknown);
    }

    #[test]
    fn the_line_tells_which_use_it_was() {
        let code = "open('x')\nchdir('a')\nopen('x')\nchdir('/')";
        assert_eq!(stands(code, Some(1)), Standing::Earlier(Whereabouts::Start));
        assert_eq!(stands(code, Some(3)), Standing::Earlier(at("a")));
    }

    #[test]
    fn the_directory_that_a_call_names_is_not_yet_entered_then() {
        let code = b"os.chdir('a')\nos.chdir('b')";
        assert_eq!(
            standing(code, &uses(code, b"b", None, None)),
            Standing::Earlier(at("a"))
        );
    }

    #[test]
    fn what_another_program_was_given_is_not_what_the_code_itself_used() {
        let code = b"open('x')\nchdir('a')\nsystem('cat x')";
        let used = uses(code, b"x", None, Some(b"cat"));
        assert_eq!(standing(code, &used), Standing::Last(at("a")));
    }
}

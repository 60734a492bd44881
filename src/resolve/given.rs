//! Where the program works that a call in source code starts: the options of the call, and shell code that it is given.

use super::source;
use crate::programs::{Whereabouts, commands_of_code};

/// The keys of a call's options that name a directory, in some language.
const KEYS: &[&[u8]] = &[b"cwd", b"chdir"];

/// Where the program that uses the name here works, relative to the program whose code this is.
#[must_use]
pub fn given(code: &[u8], name: &[u8], at: usize) -> Whereabouts {
    let quoted = source::quoted(code);
    let by_option = options_around(code, at).and_then(by_key);
    let holds = |(begin, text): &&(usize, &[u8])| (*begin..begin + text.len()).contains(&at);
    let literal = quoted.iter().find(holds).map(|(_, text)| *text);
    let by_shell = literal.filter(|text| *text != name).map(|text| {
        let commands = commands_of_code(text);
        let named = commands.iter().filter(|line| line.names(name));
        let places: Vec<Whereabouts> = named.map(|line| line.place.clone()).collect();
        match places.is_empty() {
            true => Whereabouts::Start,
            false => Whereabouts::one_of(places),
        }
    });
    let there = by_option.unwrap_or_default();
    there.then(&by_shell.unwrap_or_default())
}

/// The arguments of the innermost call around a place that has such an option, without those of the calls within.
fn options_around(code: &[u8], at: usize) -> Option<Vec<u8>> {
    let mut begin = at;
    loop {
        begin = source::opening(&code[..begin])?;
        let own = own_arguments(&code[begin + 1..]);
        if key(&own).is_some() {
            return Some(own);
        }
    }
}

/// The arguments of a call that has just begun, without what stands in further parentheses.
fn own_arguments(code: &[u8]) -> Vec<u8> {
    let mut own = Vec::new();
    let mut depth = 0_usize;
    let mut quote: Option<u8> = None;
    for &byte in code {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') if depth == 0 => return own,
            (None, b')') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            own.push(byte);
        }
    }
    own
}

/// Where the value of such a key begins.
fn key(options: &[u8]) -> Option<usize> {
    let is_of_a_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let value = |key: &&[u8]| {
        let mut every = memchr::memmem::find_iter(options, *key);
        every.find_map(|at| {
            let is_whole = at == 0 || !is_of_a_word(options[at - 1]);
            let rest = options[at + key.len()..].trim_ascii_start();
            let rest = rest
                .strip_prefix(b"\"")
                .or(rest.strip_prefix(b"'"))
                .unwrap_or(rest);
            let rest = rest.trim_ascii_start();
            let value = rest
                .strip_prefix(b"=>")
                .or(rest.strip_prefix(b":"))
                .or(rest.strip_prefix(b"="));
            value
                .filter(|_| is_whole)
                .map(|value| options.len() - value.len())
        })
    };
    KEYS.iter().find_map(value)
}

/// The directory that such a key has.
fn by_key(options: Vec<u8>) -> Option<Whereabouts> {
    let value = options[key(&options)?..].trim_ascii_start();
    let literal = source::quoted(value).first().copied();
    Some(match literal {
        Some((1, directory)) => Whereabouts::Start.to(directory),
        _ => Whereabouts::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_that_starts_a_program_tells_where_it_works() {
        for (code, place) in [
            ("run(['cat', 'f'], cwd='a')", Whereabouts::At(b"a".to_vec())),
            (
                "spawn('cat', ['f'], {stdio: 'inherit', cwd: \"/a\"})",
                Whereabouts::At(b"/a".to_vec()),
            ),
            (
                "system('cat', 'f', chdir: 'a')",
                Whereabouts::At(b"a".to_vec()),
            ),
            ("run(['cat', join('f')], cwd=d)", Whereabouts::Unknown),
            ("go(() => { cat('f'); ls({cwd: 'a'}) })", Whereabouts::Start),
            ("cat('f'); ls(cwd='a')", Whereabouts::Start),
            ("system('cd a; cat f')", Whereabouts::At(b"a".to_vec())),
            (
                "run('cd b && cat f', cwd='a')",
                Whereabouts::At(b"a/b".to_vec()),
            ),
        ] {
            let at = code.find('f').filter(|at| code.as_bytes()[at + 1] != b'(');
            let at = at.unwrap_or_else(|| code.find("'f'").expect("it is there") + 1);
            assert_eq!(given(code.as_bytes(), b"f", at), place, "{code}");
        }
    }
}

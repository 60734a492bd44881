//! Determines the operation from the words of a message.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use memchr::memmem;
use serde::Deserialize;

use super::pattern::Told;
use super::reason::Wording;
use super::written::{Lazy, Ordered};
use crate::attempt::{Errno, Operation};
use crate::built_in::built_in;

/// The vocabulary in English.
static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::load);

/// The operation of the system call or library function with this name.
#[must_use]
pub fn call(name: &[u8]) -> Option<Told> {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let plain = name.strip_suffix("sync").unwrap_or(&name);
    let calls = &VOCABULARY.calls;
    calls.get(&name).or_else(|| calls.get(plain)).cloned()
}

/// Whether this unquoted word is not the name of a file, although a message has it in the place of one: `mkdir failed`.
#[must_use]
pub fn is_not_a_name(word: &[u8]) -> bool {
    let mut known = VOCABULARY.not_names.iter();
    known.any(|known| known.as_bytes().eq_ignore_ascii_case(word))
        || is_class(word)
        || is_address(word)
        || is_number(word)
        || word.starts_with(b"module.")
        // A function, as Go names it before the reason: `OpenFile: permission denied`.
        || word.first().is_some_and(u8::is_ascii_uppercase) && call(word).is_some()
}

/// Whether the text ends with a word that says of the quoted name behind it that it is not one of a file: `repo 'fedora'`.
#[must_use]
pub fn names_no_file(before: &[u8]) -> bool {
    // The argument of a constructor: `netlink.NewHandle("eth0")`.
    if let Some(call) = before.strip_suffix(b"(") {
        let name = call.rsplit(|byte| !byte.is_ascii_alphanumeric()).next();
        return name.is_some_and(|name| name.starts_with(b"New"));
    }
    let before = before.trim_ascii_end();
    let is_of_a_word = |byte: &u8| byte.is_ascii_alphabetic();
    let length = before.iter().rev().take_while(|b| is_of_a_word(b)).count();
    let word = &before[before.len() - length..];
    let mut labels = VOCABULARY.labels.iter();
    labels.any(|label| label.as_bytes().eq_ignore_ascii_case(word))
}

/// Whether the words between a name and the reason speak of another object: `worker 'mailer': cannot create a pid file`.
#[must_use]
pub fn tell_of_another_object(words: &[u8]) -> bool {
    let fails = [": cannot ", ": could not ", ": unable to ", ": failed to "];
    let objects = [" a ", " an ", " its "];
    let clause = fails.iter().find_map(|fails| {
        let at = memmem::find(words, fails.as_bytes())?;
        Some(&words[at + fails.len()..])
    });
    let has = |clause: &[u8]| {
        let mut objects = objects.iter();
        objects.any(|object| memmem::find(clause, object.as_bytes()).is_some())
    };
    clause.is_some_and(has)
}

/// Whether it is an address of the network: `0.0.0.0`, `127.0.0.1:80`.
fn is_address(word: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_digit() || b".:".contains(byte);
    let host = word.split(|byte| *byte == b':').next().unwrap_or_default();
    word.iter().all(is_part) && host.split(|byte| *byte == b'.').count() == 4
}

/// Whether it is the name of a class: `System.IO.IOException`, `com.example.store.Reader`.
fn is_class(word: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"._".contains(byte);
    let ends = [&b"Exception"[..], b"Error"];
    let mut parts = word.split(|byte| *byte == b'.').rev();
    let begins_high = |part: &[u8]| part.first().is_some_and(u8::is_ascii_uppercase);
    let is_in_a_package = parts.next().is_some_and(begins_high)
        && parts.clone().count() >= 2
        && parts.all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_lowercase));
    let is_an_exception = word.contains(&b'.') && ends.iter().any(|end| word.ends_with(end));
    word.iter().all(is_part) && (is_an_exception || is_in_a_package)
}

/// Whether it is a version, a duration or a part of a number of steps: `v1.2.3`, `305.7ms`, `4/7`.
fn is_number(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"v").unwrap_or(word);
    let digits = digits.strip_suffix(b"s").unwrap_or(digits);
    let digits = digits.strip_suffix(b"m").unwrap_or(digits);
    let is_part = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let of = |sign: u8| digits.split(move |byte| *byte == sign);
    of(b'.').count() > 1 && of(b'.').all(is_part) || of(b'/').count() == 2 && of(b'/').all(is_part)
}

/// Whether a clause says that something was to be opened, for reading or for writing.
#[must_use]
pub fn says_open(clause: &[u8]) -> bool {
    let mut words = clause.split(|byte| !byte.is_ascii_alphabetic());
    words.any(|word| word.eq_ignore_ascii_case(b"open"))
}

/// The vocabulary for messages of any program.
#[derive(Debug, Default)]
pub struct Words {
    /// In other languages than English, the longest first, once a message is in one.
    foreign: OnceLock<Vec<(String, Told)>>,
    /// The last text, and the index of its phrase: where names are blanked out, lines about different objects are equal.
    last: Mutex<(Vec<u8>, Option<usize>)>,
}

struct Vocabulary {
    not_names: Vec<String>,
    labels: Vec<String>,
    /// The names of system calls and library functions, with the operation that each performs.
    calls: HashMap<String, Told>,
    programs: HashMap<String, Told>,
    phrases: Ordered,
    /// The operation of each phrase.
    told: Vec<Told>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnglishFile {
    not_names: Vec<String>,
    labels: Vec<String>,
    calls: HashMap<String, Vec<String>>,
    programs: HashMap<String, Vec<String>>,
    phrase: Vec<Phrase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Phrase {
    operation: String,
    words: Lazy,
}

/// A file of languages, of each of which a part is read.
#[derive(Deserialize)]
struct LanguagesFile<Part> {
    language: Vec<Part>,
}

#[derive(Deserialize)]
#[allow(non_snake_case)]
struct Refusals {
    name: String,
    #[serde(default)]
    EACCES: Vec<String>,
    #[serde(default)]
    EPERM: Vec<String>,
    #[serde(default)]
    EROFS: Vec<String>,
}

#[derive(Deserialize)]
struct Operations {
    #[serde(default)]
    operations: Vec<(String, String)>,
}

/// The messages for refusals in all languages.
///
/// # Panics
/// Panics if the built-in file is malformed.
#[must_use]
pub fn refusals() -> Vec<Wording> {
    let languages: LanguagesFile<Refusals> = built_in!("languages");
    let mut wordings = Vec::new();
    for language in languages.language {
        let foreign = language.name != "C";
        let refusals = [
            (Errno::Acces, language.EACCES),
            (Errno::Perm, language.EPERM),
            (Errno::RoFs, language.EROFS),
        ];
        for (errno, texts) in refusals {
            let wording = |words: String| Wording {
                errno,
                words: words.into_bytes(),
                foreign,
            };
            wordings.extend(texts.into_iter().map(wording));
        }
    }
    wordings
}

/// The words for operations in other languages than English, the longest first: "cannot create directory" must be tried before
/// the "cannot create" that it contains.
fn foreign_operations() -> Vec<(String, Told)> {
    let languages: LanguagesFile<Operations> = built_in!("languages");
    let operations = languages.language.into_iter();
    let operations = operations.flat_map(|language| language.operations);
    let mut phrases: Vec<(String, Told)> = operations
        .map(|(operation, words)| (words, named(&operation)))
        .collect();
    phrases.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
    phrases
}

impl Words {
    /// The operation of the program with this name, given a message of the form `PROGRAM: PATH: REASON`.
    #[must_use]
    pub fn program(&self, name: &[u8]) -> Option<Told> {
        let base = name.rsplit(|&b| b == b'/').next().unwrap_or(name);
        VOCABULARY
            .programs
            .get(String::from_utf8_lossy(base).as_ref())
            .cloned()
    }

    /// The operation that the words of a message imply; for a message that is not in English, `foreign` words are included.
    #[must_use]
    pub fn phrase(&self, text: &[u8], foreign: bool) -> Option<Told> {
        // The phrases are in lower case, because a case-insensitive expression takes longer to compile.
        let lower = text.to_ascii_lowercase();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != lower {
            let first = VOCABULARY.phrases.first(&lower);
            *last = (lower, first);
        }
        if let Some(first) = last.1 {
            return VOCABULARY.told.get(first).cloned();
        }
        if !foreign {
            return None;
        }
        let mut words = self.foreign.get_or_init(foreign_operations).iter();
        words
            .find(|(words, _)| memmem::find(text, words.as_bytes()).is_some())
            .map(|(_, told)| told.clone())
    }
}

impl Vocabulary {
    fn load() -> Vocabulary {
        let file: EnglishFile = built_in!("words");
        let (phrases, told) = file
            .phrase
            .into_iter()
            .map(|phrase| (phrase.words, named(&phrase.operation)))
            .unzip();
        Vocabulary {
            not_names: file.not_names,
            labels: file.labels,
            calls: by_word(&file.calls),
            programs: by_word(&file.programs),
            phrases: Ordered::new(phrases),
            told,
        }
    }
}

fn by_word(table: &HashMap<String, Vec<String>>) -> HashMap<String, Told> {
    let entry = |(operation, words): (&String, &Vec<String>)| {
        let told = named(operation);
        let entry = move |word: &String| (word.clone(), told.clone());
        words.iter().map(entry).collect::<Vec<_>>()
    };
    table.iter().flat_map(entry).collect()
}

fn named(operation: &str) -> Told {
    Operation::from_name(operation).map_or(Told::Untold, Told::Operation)
}

#[cfg(test)]
mod tests {
    use crate::built_in::with_samples;

    #[test]
    fn an_address_a_number_and_a_class_are_no_names() {
        for word in [
            "0.0.0.0",
            "127.0.0.1:80",
            "v1.2.3",
            "305.7ms",
            "4/7",
            "com.example.Foo",
            "OpenFile",
        ] {
            assert!(super::is_not_a_name(word.as_bytes()), "{word}");
        }
        for word in [
            "data.txt", "a/7", "1.m4a", "v1", "open", "Makefile", "my.Conf",
        ] {
            assert!(!super::is_not_a_name(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn every_key_of_a_language_is_read() {
        let file: toml::Table = with_samples!("languages");
        for language in file["language"].as_array().expect("a list") {
            for key in language.as_table().expect("a table").keys() {
                let known = ["name", "EACCES", "EPERM", "EROFS", "operations"];
                assert!(known.contains(&key.as_str()), "{key}");
            }
        }
    }
}

//! The modes that a command line tells its program to give to files.

/// The modes in a word that is an option, or in the word after it: `-m 755`, `-Dm755`, `--mode=755`, `--mo 755`. `options` are those
/// whose value is a mode.
pub(super) fn told(options: &[String], word: &[u8], next: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (name, joined) = match word.iter().position(|&byte| byte == b'=') {
        Some(at) => (&word[..at], Some(&word[at + 1..])),
        None => (word, None),
    };
    let value = |option: &[u8]| match (word, option) {
        // A long option may be abbreviated.
        ([b'-', b'-', ..], _) if name.len() > 2 && option.starts_with(name) => {
            joined.or(next.first().map(Vec::as_slice))
        }
        ([b'-', b'-', ..], _) => None,
        (_, [b'-', letter]) => {
            let at = word.iter().position(|byte| byte == letter)?;
            let rest = Some(&word[at + 1..]).filter(|rest| !rest.is_empty());
            rest.or(next.first().map(Vec::as_slice))
        }
        _ => None,
    };
    let options = options.iter().map(String::as_bytes);
    options.filter_map(value).map(<[u8]>::to_vec).collect()
}

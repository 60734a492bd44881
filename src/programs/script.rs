//! What a script or a Makefile names, whatever its language.

use super::table;

/// The container engine that a script names: `podman` in `subprocess.run(["podman", "run", ...])`.
#[must_use]
pub fn engine_named_in(script: &[u8]) -> Option<&[u8]> {
    /// Shorter names are also words with other meanings (`oc`, `ctr`).
    const SHORTEST: usize = 5;
    let mut words = words_of(script).filter(|word| word.len() >= SHORTEST);
    words.find(|word| table::named(word).is_some_and(|known| known.engine))
}

/// The variable that a Makefile expands to make the places that it installs to (the GNU Coding Standards' `prefix`, or `PREFIX`).
#[must_use]
pub fn install_variable(makefile: &[u8]) -> Option<&'static [u8]> {
    const NAMES: [&[u8]; 2] = [b"PREFIX", b"prefix"];
    let expands = |name: &&&[u8]| {
        [(b"$(", b")"), (b"${", b"}")].iter().any(|(open, close)| {
            let expansion = [open.as_slice(), name, close.as_slice()].concat();
            memchr::memmem::find(makefile, &expansion).is_some()
        })
    };
    NAMES.iter().find(expands).copied()
}

/// Whether a script names this program, as a separate word.
#[must_use]
pub fn names(script: &[u8], program: &[u8]) -> bool {
    words_of(script).any(|word| word == program)
}

fn words_of(script: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_of_a_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    script.split(move |byte| !is_of_a_word(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_makefile_tells_the_variable_that_it_expands() {
        let told = |makefile: &str| install_variable(makefile.as_bytes());
        assert_eq!(
            told("PREFIX ?= /usr\nB = $(PREFIX)/bin"),
            Some(&b"PREFIX"[..])
        );
        assert_eq!(told("bindir = ${prefix}/bin"), Some(&b"prefix"[..]));
        assert_eq!(told("# PREFIX is not used\n\tcp a /usr/bin"), None);
    }

    #[test]
    fn the_engine_of_a_script_is_a_word_of_its_own() {
        let python = b"subprocess.run([\"podman\", \"run\"])";
        assert_eq!(engine_named_in(python), Some(&b"podman"[..]));
        assert_eq!(
            engine_named_in(b"\t/usr/bin/docker run $(IMAGE)"),
            Some(&b"docker"[..])
        );
        assert_eq!(engine_named_in(b"cp dockerfile podman_notes; oc=1"), None);
    }
}

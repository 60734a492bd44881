//! The C library's messages for errors in the locale of the environment: strerror(3), newlocale(3).

use std::ffi::CStr;

use nix::libc;

use crate::attempt::Errno;

/// The locale categories that determine the language and encoding of error messages.
const WORDS: libc::c_int = libc::LC_MESSAGES_MASK | libc::LC_CTYPE_MASK;

unsafe extern "C" {
    /// strerror_l(3) of POSIX.1-2008, which the libc crate lacks.
    fn strerror_l(number: libc::c_int, locale: libc::locale_t) -> *const libc::c_char;
}

/// The messages for the three refusals in the locale of the environment; empty if they are those of the C locale.
///
/// The command inherits the environment, so this is the locale of every program that it runs.
pub fn refusals() -> Vec<(Errno, Vec<u8>)> {
    if speaks_english() {
        return Vec::new();
    }
    // SAFETY: the name is a C string, and no existing locale is passed in to be modified.
    let locale = unsafe { libc::newlocale(WORDS, c"".as_ptr(), std::ptr::null_mut()) };
    if locale.is_null() {
        return Vec::new();
    }
    let refusals = [Errno::Acces, Errno::Perm, Errno::RoFs].into_iter();
    let words = refusals.filter_map(|errno| {
        // SAFETY: the locale is valid until freelocale below. The text is valid until this thread calls strerror_l again, and
        // is copied before that.
        let words = unsafe {
            let text = strerror_l(errno.number(), locale);
            (!text.is_null()).then(|| CStr::from_ptr(text).to_bytes().to_vec())
        };
        words
            .filter(|words| words != errno.words().as_bytes())
            .map(|words| (errno, words))
    });
    let words = words.collect();
    // SAFETY: the locale was created above and is not used afterwards.
    unsafe { libc::freelocale(locale) };
    words
}

/// Whether the environment selects English messages. This avoids loading a locale, which reads files.
fn speaks_english() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let messages = set("LC_ALL")
        .or_else(|| set("LC_MESSAGES"))
        .or_else(|| set("LANG"));
    messages.is_none_or(|locale| {
        let locale = locale.to_string_lossy();
        let plain = locale == "C" || locale == "POSIX" || locale.starts_with("C.");
        plain || (locale.starts_with("en_") && set("LANGUAGE").is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The environment belongs to the whole process, so the test runs in a process of its own.
    fn refusals_under(locale: &str) -> String {
        let me = std::env::current_exe().expect("the test's own program");
        let output = std::process::Command::new(me)
            .args([
                "--exact",
                "gather::locale::tests::print_refusals",
                "--ignored",
                "--nocapture",
            ])
            .env("LC_ALL", locale)
            .env_remove("LANGUAGE")
            .output()
            .expect("a process");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[test]
    #[ignore = "run by another test, with an environment of its own"]
    fn print_refusals() {
        for (errno, words) in refusals() {
            println!("{errno} {}", String::from_utf8_lossy(&words));
        }
    }

    #[test]
    fn english_needs_no_words_of_its_own() {
        for locale in ["C", "C.UTF-8", "en_US.UTF-8", "xx_XX.nonsense"] {
            assert!(!refusals_under(locale).contains("EACCES"), "{locale}");
        }
    }

    #[test]
    fn another_language_has_its_own_words() {
        let text = refusals_under("de_DE.UTF-8");
        if !text.contains("EACCES") {
            eprintln!("skipped: no German locale here");
            return;
        }
        assert!(text.contains("EACCES Keine Berechtigung"), "{text}");
    }
}

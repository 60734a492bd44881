//! The labels that SELinux's policy specifies for paths, from the files that setfiles(8) and matchpathcon(8) read
//! (selabel_file(5), file_contexts(5)).

use regex::bytes::Regex;

use super::unknown_io;
use crate::facts::{Fact, Kind};

/// The file that names the policy in use.
const CONFIG: &str = "/etc/selinux/config";

/// The label that restorecon(8) would set for a path; `None` if the policy specifies none.
pub(super) fn expected(path: &[u8], kind: Kind) -> Fact<Option<String>> {
    let config = std::fs::read_to_string(CONFIG)
        .map_err(|error| unknown_io("SELinux policy", CONFIG.as_bytes(), &error))?;
    let policy = config
        .lines()
        .find_map(|line| line.trim().strip_prefix("SELINUXTYPE="))
        .unwrap_or("targeted")
        .trim();
    let files = format!("/etc/selinux/{policy}/contexts/files/file_contexts");
    let read = |suffix: &str| std::fs::read(format!("{files}{suffix}"));
    let base = read("").map_err(|error| unknown_io("SELinux policy", files.as_bytes(), &error))?;
    let more = [".homedirs", ".local"].map(|suffix| read(suffix).unwrap_or_default());
    let rules = [base.as_slice(), &more[0], &more[1]].concat();
    let aliases = [".subs_dist", ".subs"].map(|suffix| read(suffix).unwrap_or_default());
    let path = substituted(path, &aliases.concat());
    Ok(last_match(&rules, &path, kind))
}

/// The path with its prefix replaced, if a line `FROM TO` of `aliases` says that paths below FROM are labelled like those below
/// TO.
fn substituted(path: &[u8], aliases: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(aliases);
    let found = text.lines().find_map(|line| {
        let (from, to) = line.split_once(char::is_whitespace)?;
        let rest = path.strip_prefix(from.as_bytes())?;
        let whole = rest.is_empty() || rest.starts_with(b"/");
        whole.then(|| [to.trim().as_bytes(), rest].concat())
    });
    found.unwrap_or_else(|| path.to_vec())
}

/// The label of the last matching rule. Rules without special characters take precedence over all others.
fn last_match(rules: &[u8], path: &[u8], kind: Kind) -> Option<String> {
    let rules = String::from_utf8_lossy(rules);
    let rules: Vec<Rule> = rules.lines().filter_map(Rule::parse).collect();
    let fits = |rule: &&Rule| rule.kind.is_none_or(|its| its == kind) && rule.matches(path);
    let exact = rules.iter().rev().filter(|rule| rule.is_exact()).find(fits);
    let found = exact.or_else(|| {
        rules
            .iter()
            .rev()
            .filter(|rule| !rule.is_exact())
            .find(fits)
    })?;
    (found.label != "<<none>>").then(|| found.label.to_owned())
}

/// One line: `PATTERN [TYPE] LABEL`.
struct Rule<'a> {
    pattern: &'a str,
    kind: Option<Kind>,
    label: &'a str,
}

impl<'a> Rule<'a> {
    fn parse(line: &'a str) -> Option<Rule<'a>> {
        let mut words = line.split_whitespace();
        let pattern = words.next().filter(|word| !word.starts_with('#'))?;
        let (second, third) = (words.next()?, words.next());
        let kind = match second {
            "--" => Some(Kind::Regular),
            "-d" => Some(Kind::Directory),
            "-l" => Some(Kind::Symlink),
            "-c" => Some(Kind::Char),
            "-b" => Some(Kind::Block),
            "-p" => Some(Kind::Fifo),
            "-s" => Some(Kind::Socket),
            _ => None,
        };
        Some(Rule {
            pattern,
            kind,
            label: third.unwrap_or(second),
        })
    }

    /// The literal prefix of the pattern, as bytes of a path, and whether it is the whole pattern.
    fn literal(&self) -> (Vec<u8>, bool) {
        let mut plain = Vec::new();
        let mut characters = self.pattern.bytes().peekable();
        while let Some(byte) = characters.next() {
            match byte {
                b'\\' if characters.peek().is_some_and(u8::is_ascii_punctuation) => {
                    plain.extend(characters.next());
                }
                b'.' | b'^' | b'$' | b'?' | b'*' | b'+' | b'|' | b'[' | b'(' | b'{' | b'\\' => {
                    // The quantifier makes the preceding character optional or repeatable.
                    if matches!(byte, b'?' | b'*' | b'{') {
                        plain.pop();
                    }
                    return (plain, false);
                }
                byte => plain.push(byte),
            }
        }
        (plain, true)
    }

    fn is_exact(&self) -> bool {
        self.literal().1
    }

    fn matches(&self, path: &[u8]) -> bool {
        match self.literal() {
            (plain, true) => plain == path,
            (start, false) => {
                path.starts_with(&start)
                    && Regex::new(&format!("^(?-u:{})$", self.pattern))
                        .is_ok_and(|pattern| pattern.is_match(path))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[u8] = b"# a comment\n/.*\tsystem_u:object_r:default_t:s0\n/var/.*  system_u:object_r:var_t:s0\n\
        /var/www(/.*)?  system_u:object_r:httpd_sys_content_t:s0\n/var/www/logs -d system_u:object_r:httpd_log_t:s0\n\
        /etc/\\.pwd\\.lock -- system_u:object_r:shadow_t:s0\n/proc/.* <<none>>\n/srv/.*\\.cgi --  system_u:object_r:cgi_t:s0\n";

    fn label(path: &str, kind: Kind) -> Option<String> {
        last_match(RULES, path.as_bytes(), kind)
            .map(|label| label.split(':').nth(2).unwrap().to_owned())
    }

    #[test]
    fn the_last_rule_that_fits_decides() {
        let regular = |path| label(path, Kind::Regular);
        assert_eq!(
            regular("/var/www/index.html").unwrap(),
            "httpd_sys_content_t"
        );
        assert_eq!(regular("/var/www").unwrap(), "httpd_sys_content_t");
        assert_eq!(regular("/var/wwwx").unwrap(), "var_t");
        assert_eq!(regular("/srv/a.cgi").unwrap(), "cgi_t");
        assert_eq!(regular("/proc/1"), None);
    }

    #[test]
    fn a_rule_without_special_characters_goes_before_all_and_only_for_its_type() {
        assert_eq!(
            label("/var/www/logs", Kind::Directory).unwrap(),
            "httpd_log_t"
        );
        assert_eq!(
            label("/var/www/logs", Kind::Regular).unwrap(),
            "httpd_sys_content_t"
        );
        assert_eq!(label("/etc/.pwd.lock", Kind::Regular).unwrap(), "shadow_t");
    }

    #[test]
    fn a_path_that_is_labelled_as_another_is_replaced() {
        let aliases = b"/run /var/run\n/usr/lib64 /usr/lib\n";
        assert_eq!(substituted(b"/run/x", aliases), b"/var/run/x");
        assert_eq!(substituted(b"/runx", aliases), b"/runx");
    }
}

//! Which users a command line runs programs as.

/// How many are taken from one command line.
const MOST: usize = 4;

/// Options whose value is a user, of sudo, setpriv, runuser, docker exec, gosu's kin and daemons.
const OPTIONS: [&str; 9] = [
    "-u",
    "-U",
    "--user",
    "--reuid",
    "--uid",
    "--setuid",
    "--chuid",
    "--username",
    "--chown",
];

/// Programs whose first word that is no option is a user.
const PROGRAMS: [&str; 7] = [
    "su",
    "gosu",
    "su-exec",
    "setuidgid",
    "s6-setuidgid",
    "chpst",
    "runuser",
];

/// The users that a command line names as those to run something as, as `--as` takes them. Code given to a shell
/// (`sh -c 'sudo -u www-data …'`) is read as words as well.
#[must_use]
pub fn users_switched_to(arguments: &[Vec<u8>]) -> Vec<String> {
    let texts = arguments
        .iter()
        .filter_map(|argument| std::str::from_utf8(argument).ok());
    let words: Vec<&str> = texts
        .flat_map(|text| text.split([' ', '\t', '\n', ';', '(', ')', '\'', '"']))
        .collect();
    let mut users: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let user = match word.split_once('=') {
            Some((option, value)) if OPTIONS.contains(&option) => Some(value),
            _ if OPTIONS.contains(word) => words.get(at + 1).copied(),
            _ if PROGRAMS.contains(&word.rsplit('/').next().unwrap_or(word)) => words[at + 1..]
                .iter()
                .find(|word| !word.starts_with('-'))
                .copied(),
            _ => None,
        };
        let user = user.filter(|user| !user.is_empty() && !user.starts_with('-'));
        if let Some(user) = user
            && users.len() < MOST
            && !users.iter().any(|known| known == user)
        {
            users.push(user.to_owned());
        }
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(words: &[&str]) -> Vec<String> {
        users_switched_to(
            &words
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn the_user_after_the_option_is_taken() {
        assert_eq!(
            users(&["sudo", "-u", "www-data", "cat", "/f"]),
            ["www-data"]
        );
        assert_eq!(users(&["setpriv", "--reuid=bob", "cat"]), ["bob"]);
        assert_eq!(users(&["su", "-", "bob", "-c", "id"]), ["bob"]);
    }

    #[test]
    fn code_for_a_shell_is_read_as_well() {
        assert_eq!(
            users(&["sh", "-c", "cd /srv; sudo -u bob cat f; gosu deploy ls"]),
            ["bob", "deploy"]
        );
    }

    #[test]
    fn other_words_are_no_users() {
        assert!(users(&["git", "push", "-f", "bob"]).is_empty());
    }
}

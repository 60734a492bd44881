//! The new owner or group, which messages do not name, from the command line of chown(1) or chgrp(1).

use crate::attempt::{Incident, Operation};
use crate::gather;
use crate::programs::{CommandLine, command_lines};
use crate::resolve::{self, Circumstances};

/// The incident with the owner that its program was told to give the object to.
pub(super) fn told(incident: Incident, circumstances: &Circumstances) -> Incident {
    const UNTOLD: Operation = Operation::Chown {
        uid: None,
        gid: None,
    };
    if ![UNTOLD, Operation::CHGRP].contains(incident.operations.first().unwrap_or(&Operation::READ))
    {
        return incident;
    }
    let Some(writer) = resolve::leading_name(&incident.message) else {
        return incident;
    };
    let mut lines = circumstances.calls().flat_map(|words| command_lines(words));
    let owner = lines
        .find(|line| line.name() == writer)
        .and_then(|line| owner(&line));
    // Names mean what the user database of the place says, and only that of this one is known here.
    let is_here = |owner: &String| {
        let elsewhere = circumstances
            .processes
            .iter()
            .any(|one| one.place.is_some());
        !elsewhere
            || owner
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b':')
    };
    let known = owner
        .filter(is_here)
        .and_then(|owner| gather::owner(&owner).ok());
    match known {
        Some((uid, gid)) => Incident {
            operations: vec![Operation::Chown { uid, gid }],
            ..incident
        },
        None => incident,
    }
}

/// The first operand, in the notation of chown(1): `USER`, `USER:GROUP` or `:GROUP`.
fn owner(line: &CommandLine) -> Option<String> {
    let is_plain = |word: &&Vec<u8>| !word.starts_with(b"-");
    let mut words = line.words.iter().skip(1).filter(is_plain);
    let by_reference = |word: &Vec<u8>| word.starts_with(b"--reference");
    if line.words.iter().any(by_reference) {
        return None;
    }
    let owner = String::from_utf8(words.next()?.clone()).ok()?;
    match line.name() {
        b"chown" => Some(owner),
        b"chgrp" => Some(format!(":{owner}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_owner(command: &str, operation: Operation) -> Operation {
        let words: Vec<Vec<u8>> = command.split(' ').map(|word| word.into()).collect();
        let incident = Incident {
            message: b"chgrp: changing group of '/srv/f': Operation not permitted".to_vec(),
            operations: vec![operation],
            ..Incident::default()
        };
        let circumstances = Circumstances {
            command: words,
            ..Circumstances::default()
        };
        told(incident, &circumstances).operations.remove(0)
    }

    const UNTOLD: Operation = Operation::Chown {
        uid: None,
        gid: None,
    };

    #[test]
    fn the_command_tells_the_group_that_a_message_leaves_out() {
        let group = Operation::Chown {
            uid: None,
            gid: Some(42),
        };
        assert_eq!(told_owner("chgrp -R 42 /srv/f", UNTOLD), group);
        assert_eq!(told_owner("sh -c chgrp", UNTOLD), UNTOLD);
        assert_eq!(
            told_owner("chgrp --reference=/srv/g /srv/f", UNTOLD),
            UNTOLD
        );
        assert_eq!(
            told_owner("chgrp 42 /srv/f", Operation::READ),
            Operation::READ
        );
    }
}

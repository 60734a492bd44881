//! The owner or group has no mapping in the subject's user namespace, so that not even its root can override the refusal.

use super::case::Case;
use super::{Candidate, Purpose, Words, deployment, grant};
use crate::attempt::UNMAPPED;
use crate::change::{Deployment, Place};

pub(super) fn words(case: &Case) -> Words {
    let owner = case.inode().map_or_else(
        || "its owner".to_owned(),
        |inode| match (inode.uid, inode.gid) {
            (UNMAPPED, _) => "its owner".to_owned(),
            (_, UNMAPPED) => "its group".to_owned(),
            (uid, gid) => format!("{uid}:{gid}"),
        },
    );
    case.words(
        format!("{} belongs to a user of the host who does not exist in here", case.path()),
        format!("{owner} has no number in this user namespace (it shows as nobody), and root's rights end with the numbers"),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let lasting = case
        .at()
        .and_then(|node| deployment::candidate(case, Deployment::MappedOwner(node)));
    let words = match (case.purpose(), case.inode().map(|inode| inode.uid)) {
        (Some(Purpose::Service | Purpose::State | Purpose::Temporary | Purpose::Own), uid) => {
            let whose = match uid {
                None | Some(UNMAPPED) => "the one who owns".to_owned(),
                Some(0) => "root, who owns".to_owned(),
                Some(uid) => format!("uid {uid}, who owns"),
            };
            format!("outside of the namespace: ask {whose} {}", case.path())
        }
        _ => format!(
            "use a directory that was made for this namespace: {} belongs to the host, and stays so",
            case.path()
        ),
    };
    let lasting = lasting.unwrap_or_else(|| Candidate::advice(words));
    // An object that has a path here can be changed from here, where its owner exists.
    let has_path_here = case.node().is_some_and(|node| {
        let abroad = case.facts.surroundings.abroad.as_ref();
        let mut paths = abroad.into_iter().flat_map(|abroad| &abroad.paths);
        paths.any(|(there, _)| *there == node.path)
    });
    let is_from_here = has_path_here || !case.facts.surroundings.elsewhere;
    let entry = is_from_here.then(|| grant::for_the_subject(case)).flatten();
    entry.into_iter().chain([lasting.at(Place::Host)]).collect()
}

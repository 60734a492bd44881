//! The device controller of the process's control group does not permit the device.

use super::case::Case;
use super::{Candidate, Words, deployment};
use crate::change::Deployment;
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let number = case.inode().map_or_else(String::new, |inode| {
        format!(" ({}:{})", inode.rdev.major, inode.rdev.minor)
    });
    case.words(
        format!(
            "the device {}{number} is not among those that {} was given",
            case.path(),
            case.facts.surroundings.description()
        ),
        "its control group permits only the devices that it was given, even to root; modes do not matter".to_owned(),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let device = case.node().map(|node| node.path.clone());
    let setting = device.and_then(|path| deployment::candidate(case, Deployment::Device(path)));
    let otherwise = || {
        let path = quote::display(
            &case
                .node()
                .map(|node| node.path.clone())
                .unwrap_or_default(),
        );
        Candidate::advice(format!("give it the device where it is defined: {path}"))
    };
    vec![setting.unwrap_or_else(otherwise)]
}

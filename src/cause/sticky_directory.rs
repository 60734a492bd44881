//! In a sticky directory, only the owner of the file or of the directory may delete or rename.

use super::case::Case;
use super::{Candidate, Fit, Rule, Words, elsewhere};
use crate::attempt::Operation;
use crate::facts::NodeId;
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let (who, op) = (case.who(), verb(case));
    let Some((dir, file)) = parts(case) else {
        let because = format!("{who} may not {op} files of others in {}", case.path());
        return case.words(because, "the directory is sticky".to_owned());
    };
    let owner = |id: NodeId| match &case.facts.node(id).inode {
        Ok(inode) => case.user(inode.uid),
        Err(_) => "its owner".to_owned(),
    };
    let path = |id: NodeId| quote::display(&case.facts.node(id).path);
    let because = format!("{who} may not {op} {}: {} is sticky", path(file), path(dir));
    let rule = if owner(file) == owner(dir) {
        format!("only {}, who owns both, may {op} it", owner(file))
    } else {
        format!(
            "only its owner {} or the directory's owner {} may {op} it",
            owner(file),
            owner(dir)
        )
    };
    let mut words = case.words(because, rule.clone());
    words.evidence = vec![case.listing(dir), case.listing(file), rule];
    words
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Some((dir, file)) = parts(case) else {
        return Vec::new();
    };
    let Ok(inode) = &case.facts.node(file).inode else {
        return Vec::new();
    };
    let path = quote::display(&case.facts.node(file).path);
    let who = case.who();
    let mut all = Vec::new();
    if inode.uid == 0 {
        let give = case.given_back(file, inode);
        all.push(
            Candidate::new(Fit::Meant, format!("give {who} back {path}"), [give])
                .noting("only its owner may then delete it"),
        );
    }
    let own_directory = case
        .facts
        .node(dir)
        .inode
        .as_ref()
        .is_ok_and(|dir| dir.uid == case.subject().uid);
    if !own_directory {
        let owner = case.user(inode.uid);
        all.push(Candidate::advice(format!(
            "ask {owner} to {} {path}, or use another name",
            verb(case)
        )));
    }
    all.extend(elsewhere::as_root(case));
    all.extend(elsewhere::by_root(case));
    all
}

fn parts(case: &Case) -> Option<(NodeId, NodeId)> {
    match case.denial.rule {
        Rule::Sticky { dir, file } => Some((dir, file)),
        _ => None,
    }
}

fn verb(case: &Case) -> &'static str {
    match case.attempt.operation {
        Operation::Rename => "rename or replace",
        _ => "delete",
    }
}

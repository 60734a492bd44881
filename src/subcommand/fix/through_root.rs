//! What a user may not change is changed by a process of root's, which judges it with root's eyes.

use super::one::{Taken, take_up, words};
use super::{Consent, is_interactive, tell};
use crate::gather;
use crate::mend::invoker::invoker;
use crate::mend::plan::can_be_made;
use crate::mend::record::{Record, Stage, is_id, new_id};
use crate::mend::root::{self, Answer, Request, Silence};
use crate::mend::runs::Failure;
use crate::mend::store::Store;
use crate::mend::{Asked, now, path};
use crate::render;
use crate::report::{Conclusion, Finding};
use crate::resolve::Circumstances;
use crate::subcommand::{Outcome, print_json};

/// Has root fix these failures, and keeps a record that root did.
pub(super) fn through_root(
    failures: &[(&Failure, Box<Finding>)],
    consent: Consent,
    asked: &Asked,
) -> Result<Answer, String> {
    if consent == Consent::Never || root::caller().is_none() {
        for (_, finding) in failures {
            words(finding);
        }
        let user = gather::own_subject().map(|own| own.uid).unwrap_or_default();
        let user = nix::unistd::User::from_uid(user.into()).ok().flatten();
        let user = user.map_or_else(String::new, |user| format!(" --as {}", user.name));
        tell(&format!(
            "root can do it, and may see more: `permwrap fix{user}` as root, in this directory"
        ));
        return Ok(Answer::default());
    }
    for (_, finding) in failures {
        tell(&format!("root is asked: {}", plan_of(finding)));
    }
    let store = Store::own("changes")?;
    let mut handed = Vec::new();
    for (failure, finding) in failures {
        // It is written first, so that root's record can be found even if this process is terminated.
        let record = Record {
            id: format!("{}{}", new_id(), handed.len()),
            fix: asked.fix.clone(),
            when: now(),
            refusal: render::headline(finding),
            title: String::new(),
            code: failure.code.clone(),
            path: path(&failure.attempt),
            asked_by: asked.by,
            by_root: true,
            stage: Stage::Begun,
            deeds: Vec::new(),
        };
        record.keep(&store)?;
        handed.push((record, *failure));
    }
    let request = Request::Fix {
        failures: handed
            .iter()
            .map(|(record, failure)| (record.id.clone(), (*failure).clone()))
            .collect(),
        fix: asked.fix.clone(),
        yes: consent == Consent::Given,
        dry_run: false,
    };
    let answer = match root::ask("fix", &request, is_interactive()) {
        Ok(answer) => answer,
        Err(silence) => {
            tell(&silence.to_string());
            if silence == Silence::Lost {
                return Ok(Answer::default());
            }
            for (_, finding) in failures {
                words(finding);
            }
            Answer::default()
        }
    };
    for (mut record, _) in handed {
        match answer.made.iter().find(|done| done.id == record.id) {
            Some(done) => {
                record.title.clone_from(&done.title);
                record.deeds.clone_from(&done.deeds);
                record.stage = Stage::Made;
                record.keep(&store)?;
            }
            None => record.forget(&store),
        }
    }
    Ok(answer)
}

/// The process that runs as root: judges the failures of the request as root, and fixes them.
pub(super) fn handed() -> Outcome {
    let Request::Fix {
        failures,
        fix,
        yes,
        dry_run,
    } = root::handed()?
    else {
        return Err("not a request to fix".to_owned());
    };
    let consent = match (dry_run, yes) {
        (true, _) => Consent::Never,
        (false, true) => Consent::Given,
        (false, false) => Consent::Asked,
    };
    let mut answer = Answer {
        complete: true,
        ..Answer::default()
    };
    let asked = Asked {
        by: invoker().unwrap_or_default(),
        fix,
        of: None,
    };
    for (id, failure) in failures {
        let complete = with_roots_eyes(&id, &failure, consent, &asked, &mut answer);
        answer.complete &= complete.unwrap_or_else(|trouble| {
            tell(&trouble);
            false
        });
    }
    print_json(&answer)?;
    Ok(0)
}

/// What root is to do, as far as it can be told without root's eyes.
fn plan_of(finding: &Finding) -> String {
    let fixes = match &finding.conclusion {
        Conclusion::Refused(_, remedy) => remedy.fixes.as_slice(),
        _ => &[],
    };
    let made = fixes.iter().find(|fix| can_be_made(fix));
    made.map_or_else(|| render::headline(finding), |fix| fix.title.clone())
}

fn with_roots_eyes(
    id: &str,
    failure: &Failure,
    consent: Consent,
    asked: &Asked,
    answer: &mut Answer,
) -> Result<bool, String> {
    if !is_id(id) || !is_id(&asked.fix) {
        return Err("not a record's name".to_owned());
    }
    match take_up(
        failure,
        consent,
        id.to_owned(),
        asked,
        &Circumstances::default(),
    )? {
        Taken::Open => Ok(true),
        Taken::Made { done, group } => {
            answer.group = group;
            answer.made.push(done);
            Ok(true)
        }
        Taken::Step(done) => {
            answer.made.push(done);
            Ok(false)
        }
        Taken::Left { .. } => Ok(false),
        Taken::ForRoot(finding) => {
            words(&finding);
            Ok(false)
        }
    }
}

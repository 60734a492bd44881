//! The failures that a run has met: each is kept once, however often it is reported, along with the hints still to be shown.
//!
//! Memory is bounded: if more failures are met than can be kept, the least recently met ones are dropped and only counted. The
//! number of hints is bounded by a quota that refills with time, so that a service which runs for months still gets new
//! failures explained.

mod alike;
mod burst;
mod ledger;
mod offers;
mod quota;
mod text;
mod unsaid;

use std::collections::HashMap;
use std::sync::Arc;

use crate::attempt::{Attempt, Incident};
use crate::investigate::{Views, Worlds, investigate, is_worth_telling};
use crate::render;
use crate::report::{Conclusion, Finding};
use crate::resolve::{Circumstances, Evidence};
use burst::Burst;
use ledger::Ledger;
use offers::offers;
use quota::Quota;
use text::Text;
use unsaid::Unsaid;

pub use alike::{Obstacle, obstacle};

/// The maximum number of failures waiting to be investigated; further ones are only counted.
const MOST_WAITING: usize = 10_000;

/// The maximum number of ACL entries remembered that fixes grant.
const MOST_OFFERED: usize = 100;

/// The maximum number of hints shown at a time.
const MOST_AT_A_TIME: usize = 3;

/// The record of a run.
#[derive(Debug, Default)]
pub struct Findings {
    ledger: Ledger,
    /// The results for the messages seen so far, so that equal messages are investigated only once.
    known: HashMap<Text, Known>,
    waiting: Vec<(Incident, Arc<Circumstances>)>,
    burst: Burst,
    /// Whether everything is to be listed in a report.
    lists: bool,
    quota: Quota,
    /// The system as the processes see it that were inspected last, and the ACL entries that the fixes found so far grant.
    views: Views,
    unsaid: Unsaid,
    /// The number of failures for which no hint was shown.
    unshown: u64,
    /// The number of failures that are no longer listed, or never were.
    unlisted: u64,
}

/// A failure that was reported.
#[derive(Debug)]
pub struct Met {
    /// Its message.
    pub incident: Incident,
    /// What was found out about it, if it has been investigated already.
    pub finding: Option<Box<Finding>>,
}

impl From<Incident> for Met {
    fn from(incident: Incident) -> Met {
        Met {
            incident,
            finding: None,
        }
    }
}

#[derive(Debug)]
enum Known {
    /// It led to the entry with this number.
    Entry(u64),
    /// It led to nothing worth reporting.
    Nothing,
    /// It is waiting to be investigated.
    Waiting,
}

impl Findings {
    /// An empty record. `lists` says whether a report is to list everything, so that every failure must be investigated.
    #[must_use]
    pub fn new(lists: bool) -> Findings {
        Findings {
            lists,
            ..Findings::default()
        }
    }

    /// The processes were inspected anew: sets the worlds of those that do not see what permwrap sees.
    pub fn know(&mut self, worlds: Worlds) {
        self.views.look_anew(worlds);
    }

    /// Releases the worlds, unless failures are waiting to be investigated: a mount that is held open cannot be unmounted.
    pub fn let_go(&mut self) {
        if self.waiting.is_empty() {
            self.know(Worlds::new());
        }
    }

    /// Investigates a failure without recording it.
    pub fn look_into(&mut self, incident: &Incident, circumstances: &Circumstances) -> Finding {
        let evidence = Evidence::Message(incident.clone());
        investigate(evidence, circumstances, &mut self.views)
    }

    /// Records the failures reported by a text. The first ones of a burst are investigated immediately, while the system is
    /// still in the state that caused them; the others wait until the hints for these have been shown.
    pub fn meet(&mut self, met: Vec<Met>, circumstances: &Arc<Circumstances>) {
        if self.burst.begins() {
            self.views.forget();
        }
        for Met { incident, finding } in met {
            self.ledger.tick();
            let text = Text::of(&incident, circumstances);
            match self.known.get(&text) {
                Some(Known::Entry(number)) => {
                    let number = *number;
                    self.ledger.again(number, u64::from(incident.count));
                }
                Some(Known::Nothing) => {}
                Some(Known::Waiting) => self.wait(incident, circumstances),
                None if !self.is_worth_the_work() => self.leave_out(&incident),
                None if !self.burst.is_full() => {
                    let finding = finding.map(|finding| *finding);
                    let finding =
                        finding.unwrap_or_else(|| self.look_into(&incident, circumstances));
                    self.record(text, finding);
                }
                None => {
                    self.known.insert(text, Known::Waiting);
                    self.wait(incident, circumstances);
                }
            }
        }
    }

    /// Whether a refusal that the rules do not explain may be put down to something that cannot be seen.
    pub fn infer(&mut self, may: bool) {
        self.views.infers_nothing = !may;
    }

    /// Whether so much has been investigated that the hints should be shown before anything else is read.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.burst.is_full() && self.ledger.has_new()
    }

    /// Marks a pause: whatever follows belongs to another burst.
    pub fn rest(&mut self) {
        self.burst = Burst::default();
        self.views.forget();
    }

    /// Records a refused system call.
    pub fn meet_call(&mut self, attempt: Attempt, circumstances: &Circumstances) {
        self.meet_traced(Evidence::Call(attempt), None, circumstances);
    }

    /// Records a refused system call, and the message that reports it, if there is one.
    pub fn meet_traced(
        &mut self,
        call: Evidence,
        incident: Option<Incident>,
        circumstances: &Circumstances,
    ) {
        self.ledger.tick();
        if let Some(incident) = &incident
            && !self.is_worth_the_work()
        {
            return self.leave_out(incident);
        }
        self.burst.count();
        let finding = investigate(call, circumstances, &mut self.views);
        self.keep(Finding {
            count: incident
                .as_ref()
                .map_or(1, |incident| u64::from(incident.count)),
            incident,
            ..finding
        });
    }

    /// Investigates the waiting failures as long as `go_on` returns true. The remaining ones are only counted.
    pub fn work_out_the_rest(&mut self, go_on: impl Fn() -> bool) {
        for (incident, circumstances) in std::mem::take(&mut self.waiting) {
            if !go_on() {
                self.leave_out(&incident);
                continue;
            }
            let text = Text::of(&incident, &circumstances);
            match self.known.get(&text) {
                Some(Known::Entry(number)) => {
                    let number = *number;
                    self.ledger.again(number, u64::from(incident.count));
                }
                Some(Known::Nothing) => {}
                Some(Known::Waiting) | None => {
                    let finding = self.look_into(&incident, &circumstances);
                    self.record(text, finding);
                }
            }
        }
    }

    /// The findings for which a hint is to be shown now, in the order in which they were met. `unwanted` gives the reason for not
    /// showing one, if there is any.
    pub fn due(&mut self, unwanted: impl Fn(&Finding) -> Option<&'static str>) -> Vec<&Finding> {
        self.consider(unwanted, true)
    }

    /// Every new finding, for programs that read hints: findings with the same obstacle are not left out.
    pub fn all_due(
        &mut self,
        unwanted: impl Fn(&Finding) -> Option<&'static str>,
    ) -> Vec<&Finding> {
        self.consider(unwanted, false)
    }

    /// Decides for each new finding whether a hint is shown, and returns those for which one is. `folds` leaves out those that
    /// a shown hint explains as well, and those that are too many to be read at a time.
    fn consider(
        &mut self,
        unwanted: impl Fn(&Finding) -> Option<&'static str>,
        folds: bool,
    ) -> Vec<&Finding> {
        let ledger = &mut self.ledger;
        let mut shown: Vec<usize> = Vec::new();
        for at in ledger.consider() {
            if let Some(why) = unwanted(ledger.at(at)) {
                self.unsaid.add(ledger.at(at), why);
                continue;
            }
            let mut before = shown.iter().copied();
            let explaining = before.find(|&first| ledger.is_alike(first, at));
            if let Some(first) = explaining.filter(|_| folds) {
                ledger.count_alike(first);
                self.unsaid
                    .add(ledger.at(at), "a hint was given for the same reason");
                continue;
            }
            let is_too_much = folds
                && (shown.len() >= MOST_AT_A_TIME
                    || (0..at).any(|earlier| ledger.is_alike(earlier, at)));
            if is_too_much || !self.quota.take() {
                let why =
                    "enough hints were given, or one for the same reason (--report FILE lists it)";
                self.unshown += 1;
                self.unsaid.add(ledger.at(at), why);
            } else {
                ledger.show(at);
                shown.push(at);
            }
        }
        if !shown.is_empty() {
            self.burst.bore_fruit();
        }
        let ledger = &self.ledger;
        shown.into_iter().map(|at| ledger.at(at)).collect()
    }

    /// The findings for which hints were shown, in that order, followed by the other considered ones.
    #[must_use]
    pub fn told(&self) -> Vec<&Finding> {
        self.ledger.told()
    }

    /// Every finding that is still listed.
    pub fn listed(&self) -> impl Iterator<Item = &Finding> {
        self.ledger.listed()
    }

    /// The first messages that got no hint, with the reason.
    pub fn unsaid(&self) -> impl Iterator<Item = (&[u8], &str)> {
        self.unsaid.messages()
    }

    /// Whether a refusal was reported without a hint, because nothing tells what was refused.
    #[must_use]
    pub fn has_nameless(&self) -> bool {
        self.unsaid.has_nameless()
    }

    /// The number of failures for which no hint was shown.
    #[must_use]
    pub fn unshown(&self) -> u64 {
        let waiting: u64 = self
            .waiting
            .iter()
            .map(|(incident, _)| u64::from(incident.count))
            .sum();
        self.unshown + waiting
    }

    /// The number of failures that [`Findings::listed`] does not include.
    #[must_use]
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    fn wait(&mut self, incident: Incident, circumstances: &Arc<Circumstances>) {
        if self.waiting.len() < MOST_WAITING {
            self.waiting.push((incident, Arc::clone(circumstances)));
        } else {
            self.leave_out(&incident);
        }
    }

    /// Whether another failure could still lead to a hint, or is to be listed.
    fn is_worth_the_work(&self) -> bool {
        self.lists || !self.burst.is_fruitless() && self.quota.is_left()
    }

    /// Counts a failure without keeping it.
    fn leave_out(&mut self, incident: &Incident) {
        self.unshown += u64::from(incident.count);
        self.unlisted += u64::from(incident.count);
    }

    /// Records what was found out about a message.
    fn record(&mut self, text: Text, finding: Finding) {
        self.burst.count();
        let is_refuted = self.views.infers_nothing
            && finding.attempt.is_some()
            && !matches!(finding.conclusion, Conclusion::Refused(..));
        let known = match is_worth_telling(&finding) && !is_refuted {
            true => Known::Entry(self.keep(finding)),
            false => {
                let why = match &finding.conclusion {
                    _ if is_refuted => "no system call of the kind was refused".to_owned(),
                    Conclusion::Unclear(unclear) => render::unclear(unclear),
                    _ => {
                        "it is allowed now, and the message may be about something else".to_owned()
                    }
                };
                self.unsaid.add(&finding, &why);
                self.unsaid.note_nameless(&finding);
                Known::Nothing
            }
        };
        if self.known.len() > 4 * ledger::MOST {
            self.known
                .retain(|_, known| matches!(known, Known::Entry(_)));
        }
        self.known.insert(text, known);
    }

    /// Keeps a finding, and returns the number of its entry.
    fn keep(&mut self, finding: Finding) -> u64 {
        self.views.offered.extend(offers(&finding));
        self.views.offered.truncate(MOST_OFFERED);
        let kept = self.ledger.keep(finding);
        if let Some(dropped) = kept.dropped {
            self.unlisted += dropped.count;
            self.known.retain(
                |_, known| !matches!(known, Known::Entry(number) if *number == dropped.number),
            );
        }
        kept.number
    }
}

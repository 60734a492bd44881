//! The failures that a run has met: each is kept once, however often it is reported, along with the hints still to be shown.
//!
//! Memory is bounded: if more failures are met than can be kept, the least recently met ones are dropped and only counted. The
//! number of hints is bounded by a quota that refills with time, so that a service which runs for months still gets new
//! failures explained.

mod alike;
mod burst;
mod offers;
mod quota;
mod text;

use std::collections::HashMap;
use std::sync::Arc;

use crate::attempt::{Attempt, Incident};
use crate::investigate::{Views, Worlds, investigate, is_worth_telling};
use crate::render;
use crate::report::{Conclusion, Finding};
use crate::resolve::{Circumstances, Evidence};
use alike::{is_alike, is_same, message};
use burst::Burst;
use offers::offers;
use quota::Quota;
use text::Text;

pub use alike::{Obstacle, obstacle};

/// The maximum number of failures kept.
const MOST: usize = 1000;

/// The maximum number of failures waiting to be investigated; further ones are only counted.
const MOST_WAITING: usize = 10_000;

/// The maximum number of ACL entries remembered that fixes grant.
const MOST_OFFERED: usize = 100;

/// The maximum number of hints shown at a time.
const MOST_AT_A_TIME: usize = 3;

/// The maximum number of failures without a hint for which the reason is kept.
const MOST_UNSAID: usize = 100;

/// The record of a run.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Entry>,
    /// The results for the messages seen so far, so that equal messages are investigated only once.
    known: HashMap<Text, Known>,
    waiting: Vec<(Incident, Arc<Circumstances>)>,
    /// The number of the latest entry.
    latest: u64,
    clock: u64,
    burst: Burst,
    /// Whether everything is to be listed in a report.
    lists: bool,
    quota: Quota,
    /// How many hints have been shown.
    numbered: usize,
    /// The system as the processes see it that were inspected last, and the ACL entries that the fixes found so far grant.
    views: Views,
    /// The first messages without a hint, with the reason.
    unsaid: Vec<(Vec<u8>, String)>,
    /// Whether a message without a hint tells of a refusal, and nothing tells of what.
    has_nameless: bool,
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

#[derive(Debug)]
struct Entry {
    number: u64,
    finding: Finding,
    last_met: u64,
    /// Whether it has been decided if a hint is shown for it.
    considered: bool,
    /// The position of its hint among all hints shown; `None` if none was shown.
    shown: Option<usize>,
}

/// Whether the program tells of a refusal here, and neither its message nor anything else tells of what.
fn is_nameless(finding: &Finding) -> bool {
    let names_nothing =
        |incident: &Incident| incident.object().is_none() && incident.address.is_none();
    finding.attempt.is_none()
        && !finding.signs.elsewhere
        && finding.incident.as_ref().is_some_and(names_nothing)
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
            self.clock += 1;
            let text = Text::of(&incident, circumstances);
            match self.known.get(&text) {
                Some(Known::Entry(number)) => {
                    let number = *number;
                    self.again(number, u64::from(incident.count));
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
        self.burst.is_full() && self.kept.iter().any(|entry| !entry.considered)
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
        self.clock += 1;
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
                    self.again(number, u64::from(incident.count));
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
        let mut shown: Vec<usize> = Vec::new();
        for at in 0..self.kept.len() {
            if std::mem::replace(&mut self.kept[at].considered, true) {
                continue;
            }
            if let Some(why) = unwanted(&self.kept[at].finding) {
                self.leave_unsaid(self.message_of(at), why);
                continue;
            }
            let explaining = shown
                .iter()
                .copied()
                .find(|&first| self.is_alike(first, at));
            if let Some(first) = explaining.filter(|_| folds) {
                self.kept[first].finding.alike += 1;
                self.leave_unsaid(self.message_of(at), "a hint was given for the same reason");
                continue;
            }
            let is_too_much = folds
                && (shown.len() >= MOST_AT_A_TIME
                    || (0..at).any(|earlier| self.is_alike(earlier, at)));
            if is_too_much || !self.quota.take() {
                self.unshown += 1;
                self.leave_unsaid(
                    self.message_of(at),
                    "enough hints were given, or one for the same reason (--report FILE lists it)",
                );
            } else {
                shown.push(at);
            }
        }
        self.number(&shown);
        if !shown.is_empty() {
            self.burst.bore_fruit();
        }
        shown.into_iter().map(|at| &self.kept[at].finding).collect()
    }

    /// Whether a hint for one of the findings explains the other as well.
    fn is_alike(&self, one: usize, other: usize) -> bool {
        is_alike(&self.kept[one].finding, &self.kept[other].finding)
    }

    /// The findings for which hints were shown, in that order, followed by the other considered ones.
    #[must_use]
    pub fn told(&self) -> Vec<&Finding> {
        let mut told: Vec<&Entry> = self.kept.iter().filter(|entry| entry.considered).collect();
        told.sort_by_key(|entry| entry.shown.unwrap_or(usize::MAX));
        told.into_iter().map(|entry| &entry.finding).collect()
    }

    /// Every finding that is still listed.
    pub fn listed(&self) -> impl Iterator<Item = &Finding> {
        self.kept.iter().map(|entry| &entry.finding)
    }

    /// The first messages that got no hint, with the reason.
    pub fn unsaid(&self) -> impl Iterator<Item = (&[u8], &str)> {
        self.unsaid
            .iter()
            .map(|(message, why)| (message.as_slice(), why.as_str()))
    }

    /// Whether a refusal was reported without a hint, because nothing tells what was refused.
    #[must_use]
    pub fn has_nameless(&self) -> bool {
        self.has_nameless
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

    /// Numbers the hints that are shown.
    fn number(&mut self, shown: &[usize]) {
        for &at in shown {
            self.kept[at].shown = Some(self.numbered);
            self.numbered += 1;
        }
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

    fn message_of(&self, at: usize) -> Vec<u8> {
        message(&self.kept[at].finding).unwrap_or_default().to_vec()
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
                self.leave_unsaid(message(&finding).unwrap_or_default().to_vec(), &why);
                self.has_nameless |= is_nameless(&finding);
                Known::Nothing
            }
        };
        if self.known.len() > 4 * MOST {
            self.known
                .retain(|_, known| matches!(known, Known::Entry(_)));
        }
        self.known.insert(text, known);
    }

    /// Records why a message gets no hint.
    fn leave_unsaid(&mut self, message: Vec<u8>, why: &str) {
        if self.unsaid.len() < MOST_UNSAID {
            self.unsaid.push((message, why.to_owned()));
        }
    }

    /// Keeps a finding, and returns the number of its entry.
    fn keep(&mut self, finding: Finding) -> u64 {
        self.views.offered.extend(offers(&finding));
        self.views.offered.truncate(MOST_OFFERED);
        let same = |entry: &&mut Entry| is_same(&entry.finding, &finding);
        if let Some(entry) = self.kept.iter_mut().find(same) {
            // The same message again is another failure. A different message about the same failure is not.
            if message(&entry.finding) == message(&finding) {
                entry.finding.count += finding.count;
            }
            entry.last_met = self.clock;
            return entry.number;
        }
        if self.kept.len() >= MOST {
            self.forget_one();
        }
        self.latest += 1;
        self.kept.push(Entry {
            number: self.latest,
            finding,
            last_met: self.clock,
            considered: false,
            shown: None,
        });
        self.latest
    }

    fn again(&mut self, number: u64, count: u64) {
        if let Some(entry) = self.kept.iter_mut().find(|entry| entry.number == number) {
            entry.finding.count += count;
            entry.last_met = self.clock;
        }
    }

    /// Drops the finding that was met least recently.
    fn forget_one(&mut self) {
        let oldest = (0..self.kept.len()).min_by_key(|&at| self.kept[at].last_met);
        if let Some(at) = oldest {
            let entry = self.kept.remove(at);
            self.unlisted += entry.finding.count;
            self.known.retain(
                |_, known| !matches!(known, Known::Entry(number) if *number == entry.number),
            );
        }
    }
}

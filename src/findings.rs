//! What a run has met: each failure once, however often it is told of, with the hints that are still to be given.
//!
//! The memory is bounded, whatever comes: of more failures than are kept, those that were met least recently are forgotten,
//! and only counted. So is the number of hints, by a quota that refills with time: a service that runs for months still
//! explains what is new.

mod burst;
mod offers;
mod quota;

use std::collections::HashMap;
use std::sync::Arc;

use crate::attempt::{Attempt, Errno, Incident, Operation};
use crate::denial::Code;
use crate::facts::Offer;
use crate::investigate::{Views, Worlds, investigate, is_worth_telling};
use crate::render;
use crate::report::{Conclusion, Finding};
use crate::resolve::{self, Circumstances, Evidence};
use burst::Burst;
use offers::offers;
use quota::Quota;

/// How many failures are kept.
const MOST: usize = 1000;

/// How many failures wait to be worked out; of more, only the number is kept.
const MOST_WAITING: usize = 10_000;

/// How many entries of ACLs are remembered that fixes grant.
const MOST_OFFERED: usize = 100;

/// How many hints are shown at a time.
const MOST_AT_A_TIME: usize = 3;

/// Of how many failures without a hint it is kept why.
const MOST_UNSAID: usize = 100;

/// The ledger of a run.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Entry>,
    /// What became of the failure that a text tells of, so that equal ones are worked out once.
    known: HashMap<Text, Known>,
    waiting: Vec<(Incident, Arc<Circumstances>)>,
    /// The number of the next entry, and of the next moment.
    next: u64,
    clock: u64,
    burst: Burst,
    /// Whether all is to be listed.
    lists: bool,
    quota: Quota,
    /// How many hints were shown.
    numbered: usize,
    /// The worlds of processes that do not see what permwrap sees.
    worlds: Worlds,
    /// What got no hint, and why; the first of them.
    unsaid: Vec<(Vec<u8>, String)>,
    /// What the fixes found so far grant.
    offered: Vec<Offer>,
    /// Failures that no hint was shown for.
    unshown: u64,
    /// Failures that are no longer listed, or never were.
    unlisted: u64,
}

/// What makes two incidents the same failure, before it is worked out.
type Text = (
    Option<Errno>,
    Vec<Vec<u8>>,
    Option<Vec<u8>>,
    Option<i32>,
    Vec<Operation>,
    // Who says it, where the words do not tell what was tried.
    Option<Vec<u8>>,
);

#[derive(Debug)]
enum Known {
    /// The entry with this number.
    Entry(u64),
    /// Not worth telling.
    Nothing,
    /// It waits.
    Waiting,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    finding: Finding,
    last_met: u64,
    /// Whether a hint was considered for it.
    considered: bool,
    /// The place of its hint among all that were shown; `None` where none was.
    shown: Option<usize>,
}

/// What refuses what: two failures with the same obstacle need one explanation.
pub type Obstacle = (Code, Option<Vec<u8>>, &'static str);

impl Findings {
    /// Nothing met yet. `lists` says whether a report is to list everything, so that all has to be worked out.
    #[must_use]
    pub fn new(lists: bool) -> Findings {
        Findings {
            lists,
            ..Findings::default()
        }
    }

    /// From now on these processes are known to live in worlds of their own.
    pub fn know(&mut self, worlds: Worlds) {
        self.worlds = worlds;
    }

    /// Holds none of these worlds any longer, where nothing waits to be worked out in one: what is held cannot be unmounted.
    pub fn let_go(&mut self) {
        if self.waiting.is_empty() {
            self.worlds = Worlds::new();
        }
    }

    /// Takes what a text tells of. The first of a burst are worked out at once, while things are as they were; the others
    /// wait until the hints of these were given.
    pub fn meet(&mut self, incidents: Vec<Incident>, circumstances: &Arc<Circumstances>) {
        self.burst.goes_on();
        for incident in incidents {
            self.clock += 1;
            let text = text(&incident);
            match self.known.get(&text) {
                Some(Known::Entry(number)) => {
                    let number = *number;
                    self.again(number, u64::from(incident.count));
                }
                Some(Known::Nothing) => {}
                Some(Known::Waiting) => self.wait(incident, circumstances),
                None if !self.is_worth_the_work() => self.leave_out(&incident),
                None if !self.burst.is_full() => self.work_out(incident, circumstances),
                None => {
                    self.known.insert(text, Known::Waiting);
                    self.wait(incident, circumstances);
                }
            }
        }
    }

    /// Whether so much was worked out that its hints are due before anything else is looked at.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.burst.is_full() && self.kept.iter().any(|entry| !entry.considered)
    }

    /// It has been quiet for a moment: what comes now is another burst.
    pub fn rest(&mut self) {
        self.burst = Burst::default();
    }

    /// Takes a system call that was refused.
    pub fn meet_call(&mut self, attempt: Attempt, circumstances: &Circumstances) {
        self.meet_traced(Evidence::Call(attempt), None, circumstances);
    }

    /// Takes a system call that was refused, and the message that tells of it, where one does.
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
        let finding = investigate(call, circumstances, &mut self.views());
        self.keep(Finding {
            count: incident
                .as_ref()
                .map_or(1, |incident| u64::from(incident.count)),
            incident,
            ..finding
        });
    }

    /// Works out what waits, as long as `go_on` says so. What is left is only counted.
    pub fn work_out_the_rest(&mut self, go_on: impl Fn() -> bool) {
        for (incident, circumstances) in std::mem::take(&mut self.waiting) {
            if !go_on() {
                self.leave_out(&incident);
                continue;
            }
            match self.known.get(&text(&incident)) {
                Some(Known::Entry(number)) => {
                    let number = *number;
                    self.again(number, u64::from(incident.count));
                }
                Some(Known::Nothing) => {}
                Some(Known::Waiting) | None => self.work_out(incident, &circumstances),
            }
        }
    }

    /// What a hint is to be shown for now, in the order in which it was met. `is_wanted` is what the configuration says.
    pub fn due(&mut self, is_wanted: impl Fn(&Finding) -> bool) -> Vec<&Finding> {
        let new: Vec<usize> = (0..self.kept.len())
            .filter(|&at| !self.kept[at].considered)
            .collect();
        let mut shown: Vec<usize> = Vec::new();
        for at in new {
            self.kept[at].considered = true;
            if !is_wanted(&self.kept[at].finding) {
                self.leave_unsaid(self.message_of(at), "the configuration ignores it");
                continue;
            }
            let this = obstacle(&self.kept[at].finding);
            let alike =
                |other: &usize| this.is_some() && obstacle(&self.kept[*other].finding) == this;
            if let Some(first) = shown.iter().copied().find(alike) {
                self.kept[first].finding.alike += 1;
                self.leave_unsaid(
                    self.message_of(at),
                    "the same refuses it as what a hint was given for",
                );
            } else if (0..at).any(|earlier| self.kept[earlier].considered && alike(&earlier))
                || shown.len() >= MOST_AT_A_TIME
                || !self.quota.take()
            {
                self.unshown += 1;
                self.leave_unsaid(
                    self.message_of(at),
                    "enough hints were given, or one for the same (--report FILE lists it)",
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

    /// Every new finding, for programs that read hints: these are not told less of what is alike.
    pub fn all_due(&mut self, is_wanted: impl Fn(&Finding) -> bool) -> Vec<&Finding> {
        let new: Vec<usize> = (0..self.kept.len())
            .filter(|&at| !self.kept[at].considered)
            .collect();
        let mut due = Vec::new();
        for at in new {
            self.kept[at].considered = true;
            if !is_wanted(&self.kept[at].finding) {
                self.leave_unsaid(self.message_of(at), "the configuration ignores it");
                continue;
            }
            match self.quota.take() {
                true => due.push(at),
                false => self.unshown += 1,
            }
        }
        self.number(&due);
        due.into_iter().map(|at| &self.kept[at].finding).collect()
    }

    /// What hints were shown for, in their order; then what they stood for as well.
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

    /// The messages that got no hint, and why not; the first of them.
    pub fn unsaid(&self) -> impl Iterator<Item = (&[u8], &str)> {
        self.unsaid
            .iter()
            .map(|(message, why)| (message.as_slice(), why.as_str()))
    }

    /// How many failures no hint was shown for.
    #[must_use]
    pub fn unshown(&self) -> u64 {
        let waiting: u64 = self
            .waiting
            .iter()
            .map(|(incident, _)| u64::from(incident.count))
            .sum();
        self.unshown + waiting
    }

    /// How many failures [`Findings::listed`] does not have.
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

    /// Whether another failure could still come to a hint, or is to be listed.
    fn is_worth_the_work(&self) -> bool {
        self.lists || !self.burst.is_fruitless() && self.quota.is_left()
    }

    fn message_of(&self, at: usize) -> Vec<u8> {
        message(&self.kept[at].finding).unwrap_or_default().to_vec()
    }

    /// Only counts a failure.
    fn leave_out(&mut self, incident: &Incident) {
        self.unshown += u64::from(incident.count);
        self.unlisted += u64::from(incident.count);
    }

    fn work_out(&mut self, incident: Incident, circumstances: &Circumstances) {
        self.burst.count();
        let text = text(&incident);
        let finding = investigate(
            Evidence::Message(incident),
            circumstances,
            &mut self.views(),
        );
        let known = match is_worth_telling(&finding) {
            true => Known::Entry(self.keep(finding)),
            false => {
                let why = match &finding.conclusion {
                    Conclusion::Unclear(unclear) => render::unclear(unclear),
                    _ => {
                        "it is allowed now, and the message may be about something else".to_owned()
                    }
                };
                self.leave_unsaid(message(&finding).unwrap_or_default().to_vec(), &why);
                Known::Nothing
            }
        };
        if self.known.len() > 4 * MOST {
            self.known
                .retain(|_, known| matches!(known, Known::Entry(_)));
        }
        self.known.insert(text, known);
    }

    /// Notes why something gets no hint.
    fn leave_unsaid(&mut self, message: Vec<u8>, why: &str) {
        if self.unsaid.len() < MOST_UNSAID {
            self.unsaid.push((message, why.to_owned()));
        }
    }

    fn views(&self) -> Views {
        Views::with(self.worlds.clone(), self.offered.clone())
    }

    /// Keeps a finding; the number of its entry.
    fn keep(&mut self, finding: Finding) -> u64 {
        self.offered.extend(offers(&finding));
        self.offered.truncate(MOST_OFFERED);
        let same = |entry: &&mut Entry| is_same(&entry.finding, &finding);
        if let Some(entry) = self.kept.iter_mut().find(same) {
            // One failure that is told of in several ways is one; the same words again are another.
            if message(&entry.finding) == message(&finding) {
                entry.finding.count += finding.count;
            }
            entry.last_met = self.clock;
            return entry.number;
        }
        if self.kept.len() >= MOST {
            self.forget_one();
        }
        self.next += 1;
        self.kept.push(Entry {
            number: self.next,
            finding,
            last_met: self.clock,
            considered: false,
            shown: None,
        });
        self.next
    }

    fn again(&mut self, number: u64, count: u64) {
        if let Some(entry) = self.kept.iter_mut().find(|entry| entry.number == number) {
            entry.finding.count += count;
            entry.last_met = self.clock;
        }
    }

    /// Forgets what was met least recently.
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

fn text(incident: &Incident) -> Text {
    (
        incident.errno,
        incident.paths.clone(),
        incident.address.clone(),
        incident.process,
        incident.operations.clone(),
        resolve::leading_name(&incident.message)
            .filter(|_| incident.operations.is_empty())
            .map(<[u8]>::to_vec),
    )
}

fn message(finding: &Finding) -> Option<&[u8]> {
    finding
        .incident
        .as_ref()
        .map(|incident| incident.message.as_slice())
}

/// Whether two findings are of one failure: the same was tried on the same object by one with the same rights.
fn is_same(one: &Finding, other: &Finding) -> bool {
    let (Some(a), Some(b)) = (&one.attempt, &other.attempt) else {
        return false;
    };
    let tried = a.operation == b.operation && a.object == b.object && a.to == b.to;
    tried
        && one.signs.operation.is_some() == other.signs.operation.is_some()
        && a.subject.has_the_rights_of(&b.subject)
}

/// What refuses it, to be compared with other findings; `None` where nothing is known to.
#[must_use]
pub fn obstacle(finding: &Finding) -> Option<Obstacle> {
    let Conclusion::Refused(denial, _) = &finding.conclusion else {
        return None;
    };
    let attempt = finding.attempt.as_ref()?;
    let path = render::obstacle_path(denial, attempt, &finding.facts);
    Some((denial.code, path, attempt.operation.name()))
}

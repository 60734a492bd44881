//! A hint as a single line of JSON, for logs.

use serde::Serialize;

use super::json::without_controls;
use super::{headline, incident_report};
use crate::report::{Finding, FixReport, SCHEMA};

/// A hint as a line of JSON, with a trailing newline. `time` is in seconds since 1970; `command` is the wrapped command line.
///
/// It has few fields and no nesting, to suit log collectors; the report (`--report`) has the rest.
#[must_use]
pub fn line(finding: &Finding, command: &[String], time: u64) -> String {
    let incident = incident_report(finding);
    let cause = incident.causes.first();
    let fix = incident.fixes.first();
    let line = Line {
        schema: SCHEMA,
        time: timestamp(time),
        level: if cause.is_some() { "error" } else { "warning" },
        source: "permwrap",
        message: match cause {
            Some(cause) => format!("{}: {}", headline(finding), cause.summary),
            None => headline(finding),
        },
        command,
        user: incident
            .subject
            .as_ref()
            .map(|subject| match &subject.user {
                Some(name) => name.clone(),
                None => subject.uid.to_string(),
            }),
        operation: incident.operation,
        path: incident.path.as_deref(),
        errno: incident.errno,
        verdict: incident.verdict,
        fingerprint: incident.fingerprint.as_deref(),
        cause: cause.map(|cause| cause.code),
        refused_by: cause.and_then(|cause| cause.path.as_deref()),
        fix: fix.map(|fix| match fix.commands.is_empty() {
            true => fix.title.clone(),
            false => fix.commands.join(" && "),
        }),
        needs_root: fix.map(|fix| fix.needs_root),
        fixes: &incident.fixes,
        note: incident.note.as_deref(),
        count: incident.count,
        exact: incident.exact,
    };
    without_controls(&serde_json::to_string(&line).unwrap_or_default()) + "\n"
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    time: String,
    level: &'static str,
    source: &'static str,
    message: String,
    command: &'a [String],
    user: Option<String>,
    operation: Option<&'static str>,
    path: Option<&'a str>,
    errno: Option<&'static str>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a str>,
    cause: Option<&'static str>,
    refused_by: Option<&'a str>,
    fix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs_root: Option<bool>,
    fixes: &'a [FixReport],
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    count: u64,
    exact: bool,
}

/// A time in seconds since 1970 in the notation of RFC 3339, in UTC: `2026-11-22T00:41:34Z`.
fn timestamp(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // If years begin in March, the leap day is the last day. An era is the 400 years after which the calendar repeats.
    let day = days + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        // The expected values are those of date(1) -u -d @SECONDS.
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_795_306_894, "2026-11-22T00:21:34Z"),
        ] {
            assert_eq!(timestamp(seconds), expected);
        }
    }
}

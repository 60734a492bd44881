//! The pages about causes: each one is complete, and its example is judged as the page says.

use std::collections::BTreeSet;

use permwrap::cause::Code;
use permwrap::facts::notation::{self, Scene};
use permwrap::judge::{Verdict, infer, judge};

const SECTIONS: [&str; 8] = [
    "What it means",
    "How the kernel decides",
    "See for yourself",
    "Fixes",
    "What not to do",
    "Elsewhere",
    "Example",
    "Related",
];

/// The text of a section, without its heading.
fn section<'a>(page: &'a str, name: &str) -> &'a str {
    let heading = format!("\n## {name}\n");
    let (_, rest) = page
        .split_once(&heading)
        .unwrap_or_else(|| panic!("no section {name:?}"));
    rest.split("\n## ").next().unwrap_or(rest)
}

/// The indented block of the example.
fn example(code: Code) -> String {
    let text = section(code.page(), "Example");
    let lines = text
        .lines()
        .filter(|line| line.starts_with("    ") || line.is_empty());
    lines
        .map(|line| line.trim_start())
        .collect::<Vec<_>>()
        .join("\n")
}

fn scene(code: Code) -> Scene {
    let text = example(code);
    notation::parse(&text).unwrap_or_else(|trouble| panic!("{}: {trouble}\n{text}", code.name()))
}

#[test]
fn every_page_has_every_section_in_order() {
    for code in Code::ALL {
        let headings: Vec<&str> = code
            .page()
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        assert_eq!(headings, SECTIONS, "{}", code.name());
        for name in SECTIONS {
            assert!(
                !section(code.page(), name).trim().is_empty(),
                "{}: {name}",
                code.name()
            );
        }
    }
}

#[test]
fn every_page_begins_with_the_name_and_the_reason() {
    for code in Code::ALL {
        let mut lines = code.page().lines();
        assert_eq!(lines.next(), Some(format!("# {}", code.name()).as_str()));
        let reason = lines.nth(1).unwrap_or_default().trim_end_matches('.');
        let reason = reason[..1].to_lowercase() + &reason[1..];
        assert_eq!(reason, code.because(), "{}", code.name());
    }
}

#[test]
fn pages_fit_a_terminal() {
    for code in Code::ALL {
        for line in code.page().lines() {
            assert!(line.chars().count() <= 100, "{}: {line}", code.name());
        }
    }
}

#[test]
fn related_causes_exist() {
    for code in Code::ALL {
        let related: BTreeSet<&str> = section(code.page(), "Related")
            .split([',', '\n'])
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        for name in related {
            let other = Code::from_name(name);
            assert!(
                other.is_some_and(|other| other != *code),
                "{}: {name}",
                code.name()
            );
        }
    }
}

#[test]
fn every_example_is_judged_as_its_page_says() {
    let mut wrong = Vec::new();
    for &code in Code::ALL {
        let Scene { attempt, facts } = scene(code);
        let answer = attempt
            .errno
            .unwrap_or_else(|| panic!("{}: no answer line", code.name()));
        let verdict = judge(
            &attempt.subject,
            &attempt.operation,
            &attempt.object,
            &facts,
        );
        let denial = match verdict.clone() {
            Verdict::Denied(denial) if denial.errno == answer => Some(denial),
            // If the kernel's own checks do not refuse, something else did.
            _ => infer(
                &attempt.subject,
                &attempt.operation,
                &attempt.object,
                &facts,
                answer,
            ),
        };
        let judged = denial.map_or(Code::Unknown, |denial| denial.code);
        if judged != code {
            wrong.push(format!("{}: {} ({verdict:?})", code.name(), judged.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

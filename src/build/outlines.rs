//! Writes the built-in patterns as a table of Rust, for src/detect/outline.rs.

use std::cmp::Reverse;
use std::fmt::Write;

use serde_json::Value;

/// The rank of a pattern that states none.
const USUAL_RANK: u64 = 50;

/// The table of the patterns in these files, each given by its name and its content, sorted by rank.
pub fn table(files: &[(String, Value)]) -> String {
    let mut rows: Vec<(u64, String)> = files
        .iter()
        .flat_map(|(name, content)| rows(name, content))
        .collect();
    rows.sort_by_key(|(rank, _)| Reverse(*rank));
    let rows: String = rows.into_iter().map(|(_, row)| row).collect();
    format!(
        "/// All of them, sorted by rank, the highest first.\npub static BUILT_IN: &[Outline] = &[\n{rows}];\n"
    )
}

/// The rows of a file, with their ranks.
fn rows(file: &str, content: &Value) -> Vec<(u64, String)> {
    let operations = content
        .get("operations")
        .map_or_else(|| "{}".to_owned(), Value::to_string);
    let patterns = content.get("pattern").and_then(Value::as_array);
    let row = |pattern: &Value| {
        let rank = pattern.get("rank").and_then(Value::as_u64);
        let rank = rank.unwrap_or(USUAL_RANK);
        let mut keywords = String::new();
        for keyword in pattern["keywords"].as_array().into_iter().flatten() {
            // Writing to a string cannot fail.
            let _ = write!(keywords, "{:?}, ", keyword.as_str().unwrap_or_default());
        }
        let is_silent = pattern["silent"] == true;
        let is_of_line = pattern.get("line").is_some();
        let content = pattern.to_string();
        let row = format!(
            "Outline {{ file: {file:?}, rank: {rank}, is_silent: {is_silent}, is_of_line: {is_of_line}, \
             keywords: &[{keywords}], operations: {operations:?}, content: {content:?} }},\n"
        );
        (rank, row)
    };
    patterns.into_iter().flatten().map(row).collect()
}

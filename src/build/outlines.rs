//! Writes the built-in patterns and programs as tables of Rust, for src/detect/outline.rs and src/programs/table.rs.

use std::cmp::Reverse;
use std::fmt::Write;

use serde_json::Value;

/// The rank of a pattern that states none.
const USUAL_RANK: u64 = 50;

/// The patterns in these files, each given by its name and its content, sorted by rank.
pub fn patterns(files: &[(String, Value)]) -> String {
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

/// The programs in this file, and their names in alphabetical order.
pub fn programs(content: &Value) -> String {
    let programs = content["program"].as_array().into_iter().flatten();
    let (mut names, mut contents) = (Vec::new(), String::new());
    for (index, program) in programs.enumerate() {
        let own = program["names"].as_array().into_iter().flatten();
        names.extend(own.filter_map(Value::as_str).map(|name| (name, index)));
        // Writing to a string cannot fail.
        let _ = writeln!(contents, "{:?},", program.to_string());
    }
    names.sort_unstable();
    format!(
        "/// The names of the programs in alphabetical order, each with the program's index.\n\
         pub static NAMES: &[(&str, usize)] = &{names:?};\n\
         /// What is known of each program, in JSON.\n\
         static CONTENTS: &[&str] = &[\n{contents}];\n"
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

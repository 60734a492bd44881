//! Prepares the pattern files, and links the program for a fast start. A wrapper is started as often as the commands it wraps,
//! and most of its cost is what the dynamic loader does before `main`.

#[path = "detect/necessary.rs"]
mod necessary;
#[path = "build/outlines.rs"]
mod outlines;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use toml::Value;

/// The keys of regular expressions in the files of patterns.
const EXPRESSIONS: [&str; 6] = ["line", "before", "after", "stop", "expression", "words"];

/// The keys of what only tests need.
const SAMPLES: [&str; 2] = ["sample", "counter"];

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    println!("cargo::rerun-if-changed=src/build/outlines.rs");
    println!("cargo::rerun-if-changed=src/detect/necessary.rs");
    convert_patterns().expect("the files of patterns can be converted");
    link();
}

/// Writes the content of the files of patterns in forms that are read faster: JSON for src/built_in.rs, and tables
/// for src/detect/outline.rs and src/programs/table.rs.
fn convert_patterns() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=patterns");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut files = Vec::new();
    for entry in fs::read_dir("patterns")? {
        let file = entry?.path();
        if let (Some(name), Some("toml")) = (
            file.file_stem().and_then(|name| name.to_str()),
            file.extension().and_then(|extension| extension.to_str()),
        ) {
            let content = toml::from_str(&fs::read_to_string(&file)?)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            files.push((name.to_owned(), converted(content)));
        }
    }
    files.sort_by(|one, other| one.0.cmp(&other.0));
    fs::write(out.join("outlines.rs"), outlines::patterns(&files))?;
    for (name, content) in files {
        if name == "programs" {
            fs::write(out.join("programs.rs"), outlines::programs(&content))?;
        }
        fs::write(out.join(name).with_extension("json"), content.to_string())?;
    }
    Ok(())
}

/// The content without samples, and with what each regular expression needs beside it.
fn converted(content: Value) -> serde_json::Value {
    match content {
        Value::Table(table) => {
            let kept = table
                .into_iter()
                .filter(|(key, _)| !SAMPLES.contains(&key.as_str()));
            kept.map(|(key, value)| {
                let value = match value {
                    Value::String(written) if EXPRESSIONS.contains(&key.as_str()) => {
                        let needs = necessary::literals(&written).into_iter();
                        let needs: Vec<String> = needs.map(|choice| choice.join("\n")).collect();
                        json!([needs.join("\n\n"), written])
                    }
                    value => converted(value),
                };
                (key, value)
            })
            .collect()
        }
        Value::Array(values) => values.into_iter().map(converted).collect(),
        Value::String(text) => json!(text),
        Value::Integer(number) => json!(number),
        Value::Boolean(is_so) => json!(is_so),
        other => panic!("{other}: no pattern file has such a value"),
    }
}

fn link() {
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") != "linux" || target("ENV") != "gnu" || env::var("HOST") != env::var("TARGET") {
        return;
    }
    // Linked at a fixed address, so that no pointer has to be relocated (and its page copied) at each start. Functions of the C
    // library are resolved on first use.
    for argument in [
        "-no-pie",
        "-Wl,-z,norelro",
        "-Wl,-z,lazy",
        "-Wl,--hash-style=gnu",
    ] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    // The unwinder is linked statically if the compiler provides it, so that there is one shared library less to load.
    let archive = Command::new("cc")
        .arg("-print-file-name=libgcc_eh.a")
        .output();
    let archive = archive
        .ok()
        .and_then(|found| String::from_utf8(found.stdout).ok())
        .unwrap_or_default();
    if let Some(folder) = Path::new(archive.trim())
        .parent()
        .filter(|folder| folder.is_absolute())
    {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static:+whole-archive=gcc_eh");
    }
}

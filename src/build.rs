//! Keeps the program small and links it for a fast start. A wrapper is started as often as the commands it wraps, and most of
//! its cost is what the dynamic loader does before `main`.

#[path = "detect/samples.rs"]
mod samples;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    leave_samples_out().expect("the files of patterns can be copied");
    link();
}

/// Copies the pattern files, without their samples, to where src/detect/files.rs includes them from.
fn leave_samples_out() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=patterns");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    for entry in fs::read_dir("patterns")? {
        let file = entry?.path();
        if let Some(name) = file.file_name()
            && file
                .extension()
                .is_some_and(|extension| extension == "toml")
        {
            fs::write(
                out.join(name),
                samples::without(&fs::read_to_string(&file)?),
            )?;
        }
    }
    Ok(())
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

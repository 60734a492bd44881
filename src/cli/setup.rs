//! The subcommands that set permwrap up, in a project or in a shell.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Color, Who};

/// `permwrap check`.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  permwrap check --init                write a first permwrap.toml from what the project's files say\n  \
                        permwrap check                       judge all of it for the user it names\n  \
                        permwrap check --as www-data --json  for another user, as JSON\n  \
                        permwrap --check -- gunicorn app     check first; start only when all of it holds\n\n\
                        Exit status: 0 all of it holds, 1 something does not, 2 something could not be judged or the manifest is wrong."
)]
pub struct Check {
    /// The manifest
    #[arg(value_name = "MANIFEST", default_value = "permwrap.toml")]
    pub manifest: PathBuf,
    /// Instead of the user that the manifest names.
    #[command(flatten)]
    pub who: Who,
    /// Write a first manifest from what is found here: Django, Flask and Node projects, compose files, Kubernetes manifests,
    /// Dockerfiles, systemd units
    #[arg(long, conflicts_with_all = ["json", "user", "pid"])]
    pub init: bool,
    /// Tell what a manifest may hold
    #[arg(long)]
    pub help_format: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// When to color
    #[arg(long, value_name = "WHEN", value_enum)]
    pub color: Option<Color>,
}

/// `permwrap init`.
#[derive(Debug, Args)]
#[command(after_help = init_help())]
pub struct Init {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
    /// Only complete permwrap itself, and wrap nothing: for a package
    #[arg(long, conflicts_with = "commands")]
    pub completion: bool,
    /// The commands to wrap (default: those of the configuration file, or a usual set)
    #[arg(value_name = "COMMAND")]
    pub commands: Vec<String>,
}

/// The commands that are wrapped unless others are named: those whose permission failures people ask about.
pub const USUAL: &[&str] = &[
    "python",
    "python3",
    "pip",
    "pip3",
    "uv",
    "pytest",
    "gunicorn",
    "uvicorn",
    "django-admin",
    "flask",
    "node",
    "npm",
    "npx",
    "pnpm",
    "yarn",
    "cargo",
    "go",
    "make",
    "git",
    "ruby",
    "bundle",
    "php",
    "composer",
    "perl",
    "java",
    "mvn",
    "gradle",
    "docker",
    "podman",
    "kubectl",
    "terraform",
];

fn init_help() -> String {
    format!(
        "Put one line into the shell's start-up file:\n  \
                        bash  ~/.bashrc                   eval \"$(permwrap init bash)\"\n  \
                        zsh   ~/.zshrc                    eval \"$(permwrap init zsh)\"\n  \
                        fish  ~/.config/fish/config.fish  permwrap init fish | source\n\n\
                        These are wrapped: {}.\n\
                        Others: permwrap init bash NAME..., or init.commands in the configuration file. What is an alias or a function already stays as it is.\n\n\
                        Once without it: PERMWRAP=off COMMAND. After sudo an alias has no effect: sudo permwrap -- COMMAND.",
        USUAL.join(", ")
    )
}
/// A shell that can be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// `permwrap config`.
#[derive(Debug, Args)]
#[command(after_help = "The file, all of it optional:\n\n  \
                  color = \"auto\"                     # auto, always or never\n  \
                  hints = \"text\"                     # text, line, json, github or off\n  \
                  patterns = [\"~/patterns\"]          # further directories of patterns\n  \
                  history = true                     # remember what was met, for `permwrap fix`; nothing leaves this machine\n\n  \
                  [ignore]\n  \
                  paths = [\"/proc\", \"~/scratch\"]     # no hint for these and what lies below them\n  \
                  causes = [\"landlock-denies\"]       # names of `permwrap causes`\n\n  \
                  [init]\n  \
                  commands = [\"python3\", \"npm\"]      # what `permwrap init` wraps")]
pub struct Config {}

/// `permwrap man`.
#[derive(Debug, Args)]
#[command(
    after_help = "To read it:     permwrap man | man -l -\nTo install it:  permwrap man | sudo install -D -m 644 /dev/stdin /usr/local/share/man/man1/permwrap.1"
)]
pub struct Man {}

//! The subcommands that set permwrap up, in a project or in a shell.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Color, Who};

/// `permwrap check`.
#[derive(Debug, Clone, Default, Args)]
#[command(mut_arg("user", |user| user.help("Check for USER instead of the one that the manifest names: a name, a uid, ...; svc:NAME for a systemd service")),
          mut_arg("pid", |pid| pid.help("Check for a running process")))]
#[command(after_help = "Examples:\n  \
                  permwrap check --init\n      \
                      draft a permwrap.toml from the project's files\n  \
                  permwrap check\n      \
                      check all of it for the user named there\n  \
                  permwrap check --as www-data --json\n      \
                      for another user, as JSON\n  \
                  permwrap --check -- gunicorn app\n      \
                      check first; start only if everything holds\n\n\
                  Exit status: 0 if everything holds, 1 if something does not, 2 if something could not be determined or the \
                  manifest is wrong.")]
pub struct Check {
    /// The manifest
    #[arg(value_name = "MANIFEST", default_value = "permwrap.toml")]
    pub manifest: PathBuf,
    /// Instead of the user that the manifest names.
    #[command(flatten)]
    pub who: Who,
    /// Draft a manifest from what is found here: Django, Flask and Node projects, compose files, Kubernetes manifests,
    /// Dockerfiles, systemd units
    #[arg(long, conflicts_with_all = ["json", "user", "pid"])]
    pub init: bool,
    /// Describe the format of a manifest
    #[arg(long)]
    pub help_format: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// When to use color
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
    /// Only completion for permwrap itself, for a package
    #[arg(long, conflicts_with = "commands")]
    pub completion: bool,
    /// The commands to wrap (default: those in the configuration file, or the usual ones)
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
        "Add one line to the shell's startup file:\n  \
                        bash  ~/.bashrc                   eval \"$(permwrap init bash)\"\n  \
                        zsh   ~/.zshrc                    eval \"$(permwrap init zsh)\"\n  \
                        fish  ~/.config/fish/config.fish  permwrap init fish | source\n\n\
                        Wrapped by default: {}.\n\
                        For others: permwrap init bash NAME..., or init.commands in the configuration file. Existing aliases and functions are kept.\n\n\
                        To run a command without it: PERMWRAP=off COMMAND. Aliases have no effect after sudo: sudo permwrap -- COMMAND. fish runs no function in the background: command COMMAND &.",
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
#[command(after_help = "The file; everything in it is optional:\n\n  \
                  color = \"auto\"                     # auto, always or never\n  \
                  hints = \"text\"                     # text, line, json, github or off\n  \
                  patterns = [\"~/patterns\"]          # more directories of patterns\n  \
                  history = true                     # remember refusals for `permwrap fix`, here\n\n  \
                  [ignore]\n  \
                  paths = [\"/proc\", \"~/scratch\"]     # no hints for these and what is below\n  \
                  causes = [\"landlock-denies\"]       # see `permwrap causes`\n\n  \
                  [init]\n  \
                  commands = [\"python3\", \"npm\"]      # what `permwrap init` wraps")]
pub struct Config {}

/// `permwrap man`.
#[derive(Debug, Args)]
#[command(
    after_help = "To read it:\n  permwrap man | man -l -\nTo install it:\n  permwrap man |\n    sudo install -D -m 644 /dev/stdin \\\n      /usr/local/share/man/man1/permwrap.1"
)]
pub struct Man {}

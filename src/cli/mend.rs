//! The subcommands that change something, and take it back.

use clap::Args;

/// `permwrap fix`.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "What the last run in this directory (or in this terminal) was refused is examined again. The changes are shown, \
                  and made only if you agree. Where root is needed, permwrap calls itself through sudo or doas.\n\n\
                  Exit status: 0 if nothing is refused any more, 1 if something still is, 2 if the arguments are wrong."
)]
pub struct Fix {
    /// Only the Nth hint of the run (default: all)
    #[arg(value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub number: Option<u16>,
    /// Show what would be changed, but change nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Run the command again afterwards
    #[arg(long, conflicts_with = "dry_run")]
    pub again: bool,
    /// As root: what the last run of USER was refused
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
    /// What is to be done comes from stdin: permwrap calls itself so.
    #[arg(long, hide = true)]
    pub handed: bool,
}

/// `permwrap undo`.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Modes, owners, ACLs and the rest are restored to exactly what they were. What others have changed since is left as it is.\n\n\
                  Exit status: 0 if everything is restored, 1 if something was left, 2 if the arguments are wrong."
)]
pub struct Undo {
    /// The Nth last fix, with all its changes (default: 1, the last one)
    #[arg(value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub number: Option<u16>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Also restore what others have changed since
    #[arg(long)]
    pub force: bool,
    /// What is to be done comes from stdin: permwrap calls itself so.
    #[arg(long, hide = true)]
    pub handed: bool,
}

/// `permwrap history`.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Refusals are remembered in ~/.local/state/permwrap and nowhere else; with `history = false` in \
                  ~/.config/permwrap/config.toml, nothing is remembered."
)]
pub struct History {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

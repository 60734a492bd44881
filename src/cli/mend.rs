//! The subcommands that change something, and take it back.

use clap::Args;

/// `permwrap fix`.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "What the last run in this directory (or of this terminal) met is judged anew. What is to be changed is \
                  shown, and changed only when you say so. Where root is needed, permwrap calls itself through sudo or \
                  doas.\n\n\
                  Exit status: 0 nothing stands in the way now, 1 something does, 2 the call was wrong."
)]
pub struct Fix {
    /// Only the Nth hint of the run (default: all of them)
    #[arg(value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub number: Option<u16>,
    /// Show what would be changed, and change nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Run the command again afterwards
    #[arg(long, conflicts_with = "dry_run")]
    pub again: bool,
    /// As root: what the last run of USER met
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
    /// What is to be done comes from stdin: permwrap calls itself so.
    #[arg(long, hide = true)]
    pub handed: bool,
}

/// `permwrap undo`.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Mode, owner, ACL and the rest go back to exactly what they were. What others changed since is left as it is.\n\n\
                  Exit status: 0 all of it is as before, 1 something was left, 2 the call was wrong."
)]
pub struct Undo {
    /// The Nth fix before now (default: 1, the last one)
    #[arg(value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub number: Option<u16>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Also what others changed since
    #[arg(long)]
    pub force: bool,
    /// What is to be done comes from stdin: permwrap calls itself so.
    #[arg(long, hide = true)]
    pub handed: bool,
}

/// `permwrap history`.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "What was met is remembered in ~/.local/state/permwrap and nowhere else; `history = false` in \
                  ~/.config/permwrap/config.toml forgets it."
)]
pub struct History {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

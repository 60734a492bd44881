//! The arguments of `permwrap why` and `permwrap explain`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::Color;
use crate::attempt::Operation;

/// Whom a question is about; permwrap itself where nobody is named.
#[derive(Debug, Clone, Default, Args)]
pub struct Who {
    /// Ask about USER instead of yourself: a name, a uid, uid:gid or uid:gid:gid,gid,...; svc:NAME for a systemd service
    #[arg(long = "as", value_name = "USER", conflicts_with = "pid")]
    pub user: Option<String>,
    /// Ask about a running process
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: Option<i32>,
}

impl Who {
    /// Whether anybody is named.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.user.is_some() || self.pid.is_some()
    }
}

/// `permwrap why`.
#[derive(Debug, Args)]
#[command(
    after_help = "list reads the entries of a directory, traverse passes through it, bind listens on a port or socket, connect connects to a socket.\n\n\
                  Examples:\n  \
                  permwrap why write /var/log/app.log --as www-data\n  \
                  permwrap why bind 80\n  \
                  permwrap why exec ./deploy.sh --pid 4242\n  \
                  permwrap why rename old.txt --to done/old.txt\n\n\
                  Exit status: 0 if it is allowed, 1 if it is denied, 2 if that cannot be determined or the arguments are wrong."
)]
pub struct Why {
    /// The operation
    #[arg(value_name = "OPERATION", value_parser = PossibleValuesParser::new(Operation::names()))]
    pub operation: String,
    /// The file it is about; ADDRESS:PORT for bind; for exec, also the name of a program in PATH
    #[arg(value_name = "PATH")]
    pub path: OsString,
    /// Who is asked about.
    #[command(flatten)]
    pub who: Who,
    /// rename, link: the new name
    #[arg(long, value_name = "PATH")]
    pub to: Option<OsString>,
    /// mknod: the type of node
    #[arg(long = "type", value_name = "TYPE", value_parser = ["fifo", "char", "block"])]
    pub node_type: Option<String>,
    /// chmod: the new mode (default: any)
    #[arg(long, value_name = "OCTAL")]
    pub mode: Option<String>,
    /// chown: the new owner, USER, USER:GROUP or :GROUP (default: another user)
    #[arg(long, value_name = "OWNER")]
    pub owner: Option<String>,
    /// utime: set the current time
    #[arg(long)]
    pub now: bool,
    /// setxattr: the attribute's name (default: user.*)
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// When to use color
    #[arg(long, value_name = "WHEN", value_enum)]
    pub color: Option<Color>,
}

/// `permwrap explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A file with the message, or the message itself in quotes (default: standard input)
    #[arg(value_name = "FILE | TEXT")]
    pub source: Vec<OsString>,
    /// Who met the failure.
    #[command(flatten)]
    pub who: Who,
    /// Explain what the last run here was refused, as things are now
    #[arg(long, conflicts_with_all = ["source", "user", "pid", "offline"])]
    pub last: bool,
    /// Do not look at this machine: only report what the message says
    #[arg(long, conflicts_with_all = ["user", "pid"])]
    pub offline: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Read more patterns from DIR
    #[arg(long, value_name = "DIR")]
    pub patterns: Vec<PathBuf>,
    /// When to use color
    #[arg(long, value_name = "WHEN", value_enum)]
    pub color: Option<Color>,
}

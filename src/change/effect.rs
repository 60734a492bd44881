//! What a change does about a refusal, and where it is made.

/// What a change does about a refusal, in order of decreasing effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Afterwards the same command works.
    Repairs,
    /// Performs the refused operation once, with sufficient rights.
    DoesIt,
    /// Uses another place or another way.
    Avoids,
    /// Words only, without a command.
    Advice,
}

impl Effect {
    /// The name used in the interface.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Effect::Repairs => "repairs",
            Effect::DoesIt => "does-it",
            Effect::Avoids => "avoids",
            Effect::Advice => "advice",
        }
    }
}

/// Where a change is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Place {
    /// Where permwrap runs.
    #[default]
    Here,
    /// On the host, outside the container that permwrap runs in.
    Host,
    /// In the subject's container (or sandbox), which permwrap inspects from outside.
    Container,
    /// Where the environment is configured: an image, a unit, a manifest.
    Deployment,
}

impl Place {
    /// The name used in the interface.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Place::Here => "here",
            Place::Host => "host",
            Place::Container => "container",
            Place::Deployment => "deployment",
        }
    }
}

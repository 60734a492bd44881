//! `permwrap init`, `permwrap config` and `permwrap man`.

use super::{Outcome, print};
use crate::cli::Init;
use crate::{config, init};

pub fn init(arguments: &Init) -> Outcome {
    let usual = || init::USUAL.iter().map(|&name| name.to_owned()).collect();
    let commands = match &arguments.commands[..] {
        _ if arguments.completion => Vec::new(),
        [] => config::load()?.commands.map_or_else(usual, |set| set.value),
        named => named.to_vec(),
    };
    print(&init::script(arguments.shell, &commands)?)?;
    Ok(0)
}

pub fn config() -> Outcome {
    let place = config::paths();
    let there = place.as_ref().is_some_and(|place| place.file.exists());
    print(&config::show(&config::load()?, place.as_ref(), there))?;
    Ok(0)
}

pub fn man() -> Outcome {
    print(&init::manual())?;
    Ok(0)
}

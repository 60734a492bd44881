//! `permwrap causes`.

use super::{Outcome, print};
use crate::cause::Code;
use crate::cli::Causes;

pub fn run(arguments: &Causes) -> Outcome {
    let Some(name) = &arguments.code else {
        let list: String = Code::ALL
            .iter()
            .map(|code| format!("{:<22}  {}\n", code.name(), code.because()))
            .collect();
        print(&list)?;
        return Ok(0);
    };
    let code = Code::from_name(name)
        .ok_or_else(|| format!("no cause is called {name:?} (permwrap causes lists them)"))?;
    print(code.page())?;
    Ok(0)
}

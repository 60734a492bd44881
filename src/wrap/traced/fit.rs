//! How well a refused call fits a message.

use super::evidence::port_of;
use crate::attempt::{Incident, Object, Operation};
use crate::programs;
use crate::resolve;
use crate::run::trace::Call;

/// How well a call fits a message: the first difference decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Closeness {
    /// See [`object_match`].
    pub object: u8,
    /// Whether it does what the message says.
    pub same_operation: bool,
    /// Whether it does more than look whether something exists.
    pub acts: bool,
    /// Whether no message was about it yet.
    pub is_untold: bool,
    /// When it was last met.
    pub when: u64,
}

/// How well a call's object fits the one that a message names: from 0 (not at all) to 4 (identical).
pub(super) fn object_match(incident: &Incident, call: &Call) -> u8 {
    let address = incident.address.as_deref().and_then(resolve::port);
    if let (Some(Object::Port { port, .. }), Some(Object::Port { port: called, .. })) =
        (address, port_of(call))
    {
        return if port == called { 4 } else { 0 };
    }
    let objects = [call.path.as_deref(), call.to.as_deref()];
    let each = objects.into_iter().flatten().flat_map(|object| {
        incident
            .paths
            .iter()
            .map(move |named| path_match(named, object))
    });
    each.max().unwrap_or(0)
}

/// How well a call's path fits one that a message names.
pub(super) fn path_match(named: &[u8], called: &[u8]) -> u8 {
    let named = named.strip_prefix(b"./").unwrap_or(named);
    let named = named.strip_suffix(b"/").unwrap_or(named);
    let ends_with = |path: &[u8], end: &[u8]| {
        path.strip_suffix(end)
            .is_some_and(|before| before.is_empty() || before.ends_with(b"/"))
    };
    let is_below = |path: &[u8], directory: &[u8]| {
        path.strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with(b"/"))
    };
    if named.is_empty() {
        return 0;
    }
    let absolute = named.starts_with(b"/");
    if named == called {
        4
    } else if !absolute && ends_with(called, named) {
        3
    } else if absolute && (is_below(called, named) || is_below(named, called)) && called != b"/" {
        2
    } else if last(named) == last(called) && !absolute {
        1
    } else {
        0
    }
}

fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Whether the operation of a message can be that of the call. All ways of opening a file count as equal.
pub(super) fn is_alike(told: &Operation, call: &Call) -> bool {
    let Some(called) = &call.operation else {
        return false;
    };
    let opens = |operation: &Operation| matches!(operation, Operation::Open(_) | Operation::List);
    std::mem::discriminant(told) == std::mem::discriminant(called)
        || (opens(told) && opens(called))
        || matches!((told, called), (_, Operation::Stat { .. }))
}

/// Whether a call does what the command line of its process asks the program to do with the object.
pub(super) fn is_asked_for(call: &Call) -> bool {
    let (Some(path), Some(called)) = (&call.path, &call.operation) else {
        return false;
    };
    let words = call.process.cmdline.split(|byte| *byte == 0);
    let words: Vec<Vec<u8>> = words.map(<[u8]>::to_vec).collect();
    let lines = programs::command_lines(&words);
    let mut operands = lines.iter().flat_map(|line| &line.operands);
    let is_called =
        |asked: &Operation| std::mem::discriminant(asked) == std::mem::discriminant(called);
    operands.any(|operand| {
        path_match(&operand.word, path) >= 3 && operand.operation.as_ref().is_some_and(is_called)
    })
}

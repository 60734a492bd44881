//! Records of a server about a request that it answered with a refusal: no process of this machine was refused anything.

use super::{Field, MESSAGES, NAMES, REASONS};
use crate::attempt::Errno;
use crate::detect::words;

/// Fields of a response to a request, and what they are about. Such a record is not about a refused process.
const STATUS: &[&str] = &[
    "status",
    "statuscode",
    "status_code",
    "http_status",
    "response_code",
    "code",
    "statut",
    "estado",
    "stato",
];
const REQUEST: &[&str] = &[
    "url",
    "uri",
    "method",
    "http_method",
    "path",
    "route",
    "endpoint",
    "request",
    "req",
    "caminho",
    "chemin",
    "pfad",
    "percorso",
    "ruta",
];

/// Codes of refusals in responses.
const REFUSALS: &[&str] = &[
    "FORBIDDEN",
    "UNAUTHENTICATED",
    "UNAUTHORIZED",
    "PERMISSION_DENIED",
    "PermissionDenied",
    "permission-denied",
    "permission_denied",
    "Unauthenticated",
    "ACCESS_DENIED",
    "AccessDenied",
    "access_denied",
];

/// Fields of an application's own rules that say whom they refused.
const WHO: &[&str] = &[
    "user",
    "user_id",
    "userid",
    "username",
    "principal",
    "actor",
    "account",
    "tenant",
    "role",
];

/// Whether the record is about a request that was answered with a refusal.
pub fn is_answer(fields: &[Field]) -> bool {
    let is = |field: &Field, keys: &[&str]| keys.contains(&field.key.to_ascii_lowercase().as_str());
    let refused = |field: &Field| ["401", "403"].contains(&field.text.as_str());
    let has = |what: &dyn Fn(&Field) -> bool| fields.iter().any(what);
    has(&|field| is(field, STATUS) && refused(field)) && has(&|field| is(field, REQUEST))
        || has(&|field| field.key.ends_with("code") && REFUSALS.contains(&field.text.as_str()))
        || matches!(fields, [only] if only.string && is_refusal_alone(only))
        || has(&is_refusal_alone) && has(&|field| is(field, WHO)) && !has(&|field| is(field, NAMES))
}

/// Whether this is merely a server's response to a request. A program that logs its own failure adds the time or the object.
fn is_refusal_alone(field: &Field) -> bool {
    let text = field.text.trim_end_matches('.');
    let is_kind = [MESSAGES, REASONS]
        .iter()
        .any(|keys| keys.contains(&field.key.as_str()));
    let mut answers = [Errno::Acces, Errno::Perm].into_iter();
    is_kind && answers.any(|errno| errno.words().eq_ignore_ascii_case(text))
}

/// Whether a text names a system call and its object, as Go does: what a server could not open in order to answer.
pub fn tells_of_a_call(text: &str) -> bool {
    let mut words = text.split(' ').zip(text.split(' ').skip(1));
    words.any(|(call, name)| name.starts_with('/') && words::call(call.as_bytes()).is_some())
}

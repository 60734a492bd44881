//! What source code asks of the kernel that is no file: a port, a signal, a privilege.

use super::literal::called;
use super::{opening, quoted};
use crate::attempt::{Object, Operation};
use crate::detect::{Told, told_by_call};

/// The ports that code passes together with an address: `bind(("0.0.0.0", 443))`.
#[must_use]
pub fn ports(code: &[u8]) -> Vec<Object> {
    let port = |(at, literal): (usize, &[u8])| {
        let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".:-*".contains(byte);
        let before = code[..at - 1].trim_ascii_end();
        let rest = code.get(at + literal.len() + 1..)?.trim_ascii_start();
        let rest = rest.strip_prefix(b",")?.trim_ascii_start();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_pair = before.ends_with(b"(") && rest[digits..].trim_ascii_start().starts_with(b")");
        let number = std::str::from_utf8(&rest[..digits]).ok()?;
        let address = std::str::from_utf8(literal).ok()?.to_owned();
        let port = number.parse().ok()?;
        (is_pair && literal.iter().all(is_host)).then_some(Object::Port { address, port })
    };
    quoted(code).into_iter().filter_map(port).collect()
}

/// The ports on which code starts a server: `app.run(host="0.0.0.0", port=80)`, `server.listen({ port: 80 })`.
#[must_use]
pub fn served_ports(code: &[u8]) -> Vec<Object> {
    const STARTS: [&[u8]; 4] = [b"run", b"serve", b"listen", b"run_simple"];
    const KEY: &[u8] = b"port";
    let port = |at: usize| {
        let begin = opening(&code[..at])?;
        let call = called(&code[..=begin])?;
        let method = call.rsplit(|byte| *byte == b'.').next()?;
        let is_whole = !code[at - 1].is_ascii_alphanumeric() && code[at - 1] != b'_';
        let value = code[at + KEY.len()..].trim_ascii_start();
        let value = value.strip_prefix(b"=").or(value.strip_prefix(b":"))?;
        let value = value.trim_ascii_start();
        let digits = value.iter().take_while(|byte| byte.is_ascii_digit());
        let number = std::str::from_utf8(&value[..digits.count()]).ok()?;
        let port = number.parse().ok()?;
        (is_whole && STARTS.contains(&method)).then_some(Object::Port {
            address: String::new(),
            port,
        })
    };
    let every = memchr::memmem::find_iter(code, KEY);
    every.filter_map(port).collect()
}

/// The address and port that code binds a socket to, in Python's syntax: `s.bind(("0.0.0.0", 80))`.
#[must_use]
pub fn address(code: &[u8]) -> Option<Vec<u8>> {
    const CALL: &[u8] = b"bind(";
    let at = memchr::memmem::find(code, CALL)? + CALL.len();
    let rest = code[at..].trim_ascii_start().strip_prefix(b"(")?;
    let end = rest.iter().position(|&byte| byte == b')')?;
    let (host, port) = std::str::from_utf8(&rest[..end]).ok()?.split_once(',')?;
    let host = host.trim();
    let literal = host
        .strip_prefix(['"', '\''])
        .and_then(|host| host.strip_suffix(['"', '\'']));
    let port: u16 = port.trim().parse().ok()?;
    Some(format!("{}:{port}", literal.unwrap_or_default()).into_bytes())
}

/// The operation in code that takes no file, if there is exactly one.
#[must_use]
pub fn asks_for(code: &[u8]) -> Option<Operation> {
    let words = code.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'));
    let mut asked: Vec<Operation> = words
        .filter_map(|word| match told_by_call(word)? {
            Told::Operation(
                operation @ (Operation::Privileged(_) | Operation::Signal | Operation::Bind),
            ) => Some(operation),
            _ => None,
        })
        .collect();
    asked.dedup();
    match &asked[..] {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// The process that code sends a signal to: `os.kill(4242, 15)`.
#[must_use]
pub fn signalled(code: &[u8]) -> Option<i32> {
    const CALL: &[u8] = b"kill(";
    let at = memchr::memmem::find(code, CALL)? + CALL.len();
    let number = code[at..].split(|byte| *byte == b',').next()?;
    std::str::from_utf8(number).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_and_a_privilege_are_told_by_the_call() {
        let of = |code: &str| address(code.as_bytes()).map(|text| String::from_utf8(text).unwrap());
        assert_eq!(
            of(r#"s.bind(("0.0.0.0", 80))"#),
            Some("0.0.0.0:80".to_owned())
        );
        assert_eq!(of("sock.bind((HOST, 443))"), Some(":443".to_owned()));
        assert_eq!(of(r#"s.bind("/run/app.sock")"#), None);
        assert_eq!(of("sock.bind((HOST, PORT))"), None);
        let asked = asks_for(b"import socket; socket.sethostname('x')");
        assert_eq!(asked.map(|operation| operation.name()), Some("sethostname"));
        let code = b"import os; os.kill(4242, 15)";
        assert_eq!(asks_for(code), Some(Operation::Signal));
        assert_eq!(signalled(code), Some(4242));
        assert_eq!(signalled(b"os.kill(pid, 15)"), None);
        let raw = asks_for(b"socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)");
        assert_eq!(raw.map(|operation| operation.name()), Some("rawsocket"));
        assert_eq!(asks_for(b"open('/f')"), None);
    }

    #[test]
    fn a_pair_of_address_and_port_is_found() {
        for (code, port) in [
            ("s.bind(('0.0.0.0', 443))", Some(443)),
            ("socket.socket().bind((\"\",79))", Some(79)),
            ("print('a', 443)", Some(443)),
            ("f('x/y', 443)", None),
            ("open('notes', 'w')", None),
        ] {
            let found = ports(code.as_bytes());
            let found = found.first().map(|object| match object {
                Object::Port { port, .. } => *port,
                other => panic!("{other:?}"),
            });
            assert_eq!(found, port, "{code}");
        }
    }

    #[test]
    fn the_port_that_a_server_is_started_on_is_found() {
        for (code, port) in [
            ("app.run(host='0.0.0.0', port=80)", Some(80)),
            ("app.run(\n    debug=True,\n    port = 443,\n)", Some(443)),
            ("server.listen({ port: 80 })", Some(80)),
            ("smtp(port=25)\napp.run(port=PORT)", None),
            ("app.run(db_port=80)", None),
            ("port = 80", None),
        ] {
            let expected: Vec<Object> = port
                .map(|port| Object::Port {
                    address: String::new(),
                    port,
                })
                .into_iter()
                .collect();
            assert_eq!(served_ports(code.as_bytes()), expected, "{code}");
        }
    }
}

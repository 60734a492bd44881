//! Addresses with a port.

use crate::attempt::Object;

/// Parses an address with a port, as programs print it: `0.0.0.0:80`, `[::]:80`, `:80`, `*:80`, `80`, `localhost port 80`.
#[must_use]
pub fn port(text: &[u8]) -> Option<Object> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let (address, port) = match text.rsplit_once([':', ' ']) {
        Some((address, port)) => (address.trim_end_matches("port").trim(), port),
        None => ("", text),
    };
    let address = address
        .rsplit("://")
        .next()
        .unwrap_or(address)
        .trim_matches(['[', ']']);
    let port = port.trim_end_matches('/').parse().ok()?;
    let address = if address == "*" {
        String::new()
    } else {
        address.to_owned()
    };
    Some(Object::Port { address, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_programs_print_them() {
        let port_of = |text: &str| match port(text.as_bytes()) {
            Some(Object::Port { address, port }) => Some((address, port)),
            _ => None,
        };
        assert_eq!(port_of("0.0.0.0:80"), Some(("0.0.0.0".into(), 80)));
        assert_eq!(port_of("[::]:443"), Some(("::".into(), 443)));
        assert_eq!(port_of(":::80"), Some(("::".into(), 80)));
        assert_eq!(port_of(":80"), Some((String::new(), 80)));
        assert_eq!(port_of("localhost port 80"), Some(("localhost".into(), 80)));
        assert_eq!(port_of("/run/app.sock"), None);
    }
}

//! connect(2) to a Unix socket, and bind(2) to a port (net/unix/af_unix.c, net/ipv4/af_inet.c).

use super::access::Purpose;
use super::{Code, Decision, Errno, Kernel, Kind, Obstacle, Perms, Rule, Walk, deny, fail};
use crate::attempt::Capability;

impl<'a> Kernel<'a> {
    /// `unix_find_bsd`. Whether anybody listens is not a matter of permission and is not checked.
    pub(super) fn unix_connect(self, walk: &'a Walk) -> Decision {
        let node = self.lookup(walk, true, false)?;
        self.inode_permission(node, Perms::W, Purpose::Object)?;
        match self.kind(node)? {
            Kind::Socket => Ok(()),
            _ => fail(Errno::ConnRefused, node),
        }
    }

    /// `inet_port_requires_bind_service`, and how __inet_bind uses it.
    pub(super) fn inet_bind(self, port: u16) -> Decision {
        if port == 0 {
            return Ok(());
        }
        let settings = &self.facts.settings;
        if u32::from(port) >= settings.unprivileged_port_start.clone()? {
            return Ok(());
        }
        if self.subject.has(Capability::NetBindService) && self.rules_its_network()? {
            return Ok(());
        }
        let needs = Rule::Needs(Capability::NetBindService);
        deny(
            Errno::Acces,
            Code::PrivilegedPort,
            Obstacle::Port(port),
            needs,
        )
    }

    /// Whether the subject's capabilities apply to its network namespace (`ns_capable(net->user_ns)`).
    fn rules_its_network(self) -> Decision<bool> {
        Ok(self.subject.initial_user_ns || self.facts.settings.owns_network_namespace.clone()?)
    }
}

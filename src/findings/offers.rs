//! The ACL entries that the fix of a hint grants, which later hints must take into account.

use crate::change::Change;
use crate::facts::Offer;
use crate::remedy::Fix;
use crate::report::{Conclusion, Finding, Unclear};

/// The ACL entries that the first fix grants.
pub(super) fn offers(finding: &Finding) -> Vec<Offer> {
    let fixes: Vec<&Fix> = match &finding.conclusion {
        Conclusion::Refused(_, remedy) => remedy.fixes.first().into_iter().collect(),
        Conclusion::Unclear(Unclear::Operation(ways)) => {
            let refused = ways.iter().filter_map(|way| way.refused.as_ref());
            refused.filter_map(|(_, fixes)| fixes.first()).collect()
        }
        _ => Vec::new(),
    };
    let changes = fixes.into_iter().flat_map(|fix| &fix.changes);
    let offer = |change: &Change| match change {
        Change::AclGrant { node, tag, perms } => Some(Offer {
            path: finding.facts.nodes.get(node.0)?.path.clone(),
            tag: *tag,
            perms: *perms,
        }),
        _ => None,
    };
    changes.filter_map(offer).collect()
}

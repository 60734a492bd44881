//! The ids that a user may use in containers of his own (subuid(5), subgid(5)).

use std::path::Path;

use super::names;
use crate::attempt::Numbers;
use crate::small_file;

/// The mapping of uids and of gids that rootless containers of permwrap's user have unless told otherwise: the user is root, and
/// the subordinate ids follow.
pub(super) fn numbers_of_own_containers() -> Option<[Numbers; 2]> {
    let (uid, gid) = (
        nix::unistd::geteuid().as_raw(),
        nix::unistd::getegid().as_raw(),
    );
    let name = names::Databases::system().user(uid)?.name;
    let of = |file: &str, own: u32| {
        let text = small_file::read(Path::new(file)).ok()?;
        Some(numbers(&text, &name, uid, own))
    };
    Some([of("/etc/subuid", uid)?, of("/etc/subgid", gid)?])
}

/// The mapping that these lines (`NAME:FIRST:COUNT`) give to a user.
fn numbers(text: &str, name: &str, uid: u32, own: u32) -> Numbers {
    let mut ranges = vec![(0, own, 1)];
    let mut inside = 1u32;
    for line in text.lines() {
        let mut fields = line.trim().split(':');
        let who = fields.next().unwrap_or_default();
        let mut number = || fields.next()?.parse::<u32>().ok();
        if let (Some(first), Some(count)) = (number(), number())
            && (who == name || who.parse() == Ok(uid))
        {
            ranges.push((inside, first, count));
            inside = inside.saturating_add(count);
        }
    }
    Numbers(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_root_and_the_subordinate_ids_follow() {
        let text = "alice:100000:65536\nbob:200000:10\n1001:300000:5\n";
        let numbers = numbers(text, "bob", 1001, 1002);
        assert_eq!(
            numbers.0,
            [(0, 1002, 1), (1, 200_000, 10), (11, 300_000, 5)]
        );
    }
}

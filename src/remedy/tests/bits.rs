//! A fix changes no other bit and nobody else's permissions.

use super::first;

#[test]
fn set_group_id_is_kept_by_root_where_the_owner_would_lose_it() {
    let fix = |group: &str| {
        first(&format!(
            "group 3010 team
             subject alice alice {group}
             attempt create /srv/d/new
             dr-xrwsr-x alice team /srv/d
             missing /srv/d/new"
        ))
    };
    let by_root = fix("");
    assert_eq!(by_root.commands(), ["chmod u+wx /srv/d"]);
    assert!(by_root.needs_root, "{by_root:?}");
    // A member of the group keeps it.
    assert!(!fix("groups=team").needs_root);
}

#[test]
fn an_empty_mask_does_not_turn_members_of_the_owning_group_into_others() {
    let fix = first(
        "group 3010 team
         group 3011 ops
         subject alice alice
         attempt write /srv/d
         -rw----r--+ deploy team /srv/d
         group::---
         group:team:rw-
         group:www:rw-
         mask::---",
    );
    assert_eq!(
        fix.commands(),
        ["setfacl -m g:www:r--,g:team:---,u:alice:rw- /srv/d"]
    );
}

#[test]
fn whoever_an_entry_lets_in_is_not_shut_out_by_the_mask() {
    let fix = first(
        "group 3010 team
         group 3011 ops
         subject alice alice
         attempt read /srv/f
         -rw---xr--+ bob bob /srv/f
         group::r--
         group:alice:r--
         group:ops:r-x
         mask::--x",
    );
    assert_eq!(
        fix.commands(),
        ["setfacl -m g::---,g:alice:---,g:ops:--x,u:alice:r-- /srv/f"]
    );
}

//! Paths as byte strings. They are processed purely as text: nothing is looked up, and symlinks are not considered.
#![forbid(unsafe_code)]

/// The last component; the whole path if it has no slash.
#[must_use]
pub fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

/// The directory that holds the last component: `/srv` for `/srv/app` and `/srv/app/`, `/` for `/srv`. `None` for `/` and for a
/// path without a slash.
#[must_use]
pub fn parent(path: &[u8]) -> Option<&[u8]> {
    let path = match path.strip_suffix(b"/") {
        Some(b"") => return None,
        Some(rest) => rest,
        None => path,
    };
    let slash = path.iter().rposition(|&byte| byte == b'/')?;
    Some(if slash == 0 { b"/" } else { &path[..slash] })
}

/// All directories above, from the nearest to `/`.
pub fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(parent(path), |path| parent(path))
}

/// The path of `name` in `directory`; `name` itself if it is absolute.
#[must_use]
pub fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if name.starts_with(b"/") {
        return name.to_vec();
    }
    let slash: &[u8] = if directory.ends_with(b"/") { b"" } else { b"/" };
    [directory, slash, name].concat()
}

/// The path that a component leads to from a directory whose path has no symlinks: `.` is the directory itself, `..` its
/// parent.
#[must_use]
pub fn step(directory: &[u8], component: &[u8]) -> Vec<u8> {
    match component {
        b"." => directory.to_vec(),
        b".." => parent(directory).unwrap_or(b"/").to_vec(),
        name => join(directory, name),
    }
}

/// The remainder of a path below a directory, with its leading slash; empty for the directory itself.
#[must_use]
pub fn below<'p>(path: &'p [u8], directory: &[u8]) -> Option<&'p [u8]> {
    let rest = path.strip_prefix(directory.strip_suffix(b"/").unwrap_or(directory))?;
    (rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
}

/// Whether the path is `top` or lies below it.
#[must_use]
pub fn is_within(path: &[u8], top: &[u8]) -> bool {
    let rest = path.strip_prefix(top);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || top == b"/")
}

/// The absolute path without `.` components and repeated slashes. `..` remains, because its meaning depends on symlinks.
#[must_use]
pub fn tidy(path: &[u8]) -> Vec<u8> {
    let mut tidy: Vec<u8> = Vec::with_capacity(path.len());
    let is_component = |component: &&[u8]| !component.is_empty() && *component != b".";
    for component in path.split(|byte| *byte == b'/').filter(is_component) {
        tidy.push(b'/');
        tidy.extend_from_slice(component);
    }
    if tidy.is_empty() || (path.ends_with(b"/") && tidy.len() > 1) {
        tidy.push(b'/');
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_is_told_by_whole_components() {
        assert_eq!(below(b"/data/f", b"/data"), Some(&b"/f"[..]));
        assert_eq!(below(b"/data", b"/data"), Some(&b""[..]));
        assert_eq!(below(b"/database", b"/data"), None);
        assert_eq!(below(b"/f", b"/"), Some(&b"/f"[..]));
    }

    #[test]
    fn a_parent_is_what_stands_before_the_last_name() {
        for (path, expected) in [
            (&b"/srv/app"[..], Some(&b"/srv"[..])),
            (b"/srv/app/", Some(b"/srv")),
            (b"/srv", Some(b"/")),
            (b"/", None),
            (b"a/b", Some(b"a")),
            (b"a", None),
        ] {
            assert_eq!(parent(path), expected);
        }
        let all: Vec<&[u8]> = above(b"/srv/app/db").collect();
        assert_eq!(all, [&b"/srv/app"[..], b"/srv", b"/"]);
    }

    #[test]
    fn steps_are_those_of_a_path_without_symlinks() {
        assert_eq!(step(b"/", b"a"), b"/a");
        assert_eq!(step(b"/a/b", b".."), b"/a");
        assert_eq!(step(b"/", b".."), b"/");
        assert_eq!(step(b"/a", b"."), b"/a");
    }

    #[test]
    fn a_longer_name_is_not_within() {
        assert!(is_within(b"/srv/app", b"/srv"));
        assert!(is_within(b"/srv", b"/"));
        assert!(!is_within(b"/srv2", b"/srv"));
    }

    #[test]
    fn dots_go_and_double_dots_stay() {
        assert_eq!(tidy(b"/a//./b/../c/"), b"/a/b/../c/");
        assert_eq!(tidy(b"//"), b"/");
    }
}

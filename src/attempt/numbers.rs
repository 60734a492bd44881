//! The mapping between the ids inside a user namespace and the same ids here (user_namespaces(7)).

/// Ranges of ids: the first id inside, the corresponding id here, and the length of the range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Numbers(pub Vec<(u32, u32, u32)>);

impl Numbers {
    /// The mapping of the reader's own user namespace: every id maps to itself.
    #[must_use]
    pub fn same() -> Numbers {
        Numbers(vec![(0, 0, u32::MAX)])
    }

    /// Parses `/proc/PID/uid_map` or `gid_map` of a namespace that is not the reader's own.
    #[must_use]
    pub fn parse(text: &[u8]) -> Numbers {
        let text = String::from_utf8_lossy(text);
        let ranges = text.lines().filter_map(|line| {
            let mut columns = line.split_whitespace().map(str::parse);
            let range = (
                columns.next()?.ok()?,
                columns.next()?.ok()?,
                columns.next()?.ok()?,
            );
            // An id without a mapping in the reader's namespace is shown as the highest number.
            (range.1 != u32::MAX).then_some(range)
        });
        Numbers(ranges.collect())
    }

    /// The text that [`Numbers::parse`] reads back.
    #[must_use]
    pub fn to_text(&self) -> Vec<u8> {
        let lines = self.0.iter();
        let lines = lines.map(|(inside, outside, count)| format!("{inside} {outside} {count}\n"));
        lines.collect::<String>().into_bytes()
    }

    /// Maps an id inside to the id here.
    #[must_use]
    pub fn outside(&self, id: u32) -> Option<u32> {
        let mut ranges = self.0.iter();
        ranges.find_map(|&(inside, outside, count)| moved(id, inside, outside, count))
    }

    /// Maps an id here to the id inside.
    #[must_use]
    pub fn inside(&self, id: u32) -> Option<u32> {
        let mut ranges = self.0.iter();
        ranges.find_map(|&(inside, outside, count)| moved(id, outside, inside, count))
    }

    /// Composes two mappings: what this one maps to are ids inside the namespace of `outer`.
    #[must_use]
    pub fn through(&self, outer: &Numbers) -> Numbers {
        let mut ranges = Vec::new();
        for &(inside, middle, count) in &self.0 {
            for &(start, outside, length) in &outer.0 {
                let first = middle.max(start);
                let end = (u64::from(middle) + u64::from(count))
                    .min(u64::from(start) + u64::from(length));
                if u64::from(first) < end {
                    let many = (end - u64::from(first)) as u32;
                    ranges.push((inside + (first - middle), outside + (first - start), many));
                }
            }
        }
        Numbers(ranges)
    }
}

fn moved(id: u32, from: u32, to: u32, count: u32) -> Option<u32> {
    let offset = id.checked_sub(from).filter(|offset| *offset < count)?;
    to.checked_add(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_through_every_namespace_on_the_way() {
        let rootless = Numbers::parse(b"0 1001 1\n1 100000 65536\n");
        assert_eq!(rootless.outside(0), Some(1001));
        assert_eq!(rootless.outside(1000), Some(100_999));
        assert_eq!(rootless.outside(70_000), None);
        assert_eq!(rootless.inside(100_999), Some(1000));
        assert_eq!(rootless.inside(1002), None);
        let keep = Numbers(vec![(0, 1, 1000), (1000, 0, 1)]).through(&rootless);
        assert_eq!(keep.outside(1000), Some(1001));
        assert_eq!(keep.outside(0), Some(100_000));
        assert_eq!(Numbers::parse(&keep.to_text()), keep);
    }
}

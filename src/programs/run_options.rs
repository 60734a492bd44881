//! Reads the options of `docker run` and `podman run`: how a container differs from its image.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::built_in::built_in;

/// What the words after `run` say about the container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// The image, as it was named.
    pub image: String,
    /// The words after the image.
    pub command: Vec<String>,
    /// The program to run instead of that of the image.
    pub entrypoint: Option<String>,
    /// The name of the container.
    pub name: String,
    /// The user to run as, if not that of the image.
    pub user: Option<String>,
    /// The working directory, if not that of the image.
    pub directory: Option<String>,
    /// What is mounted.
    pub volumes: Vec<RunVolume>,
    /// The mount points of file systems in memory.
    pub tmpfs: Vec<String>,
    /// Capabilities beyond the default ones.
    pub added: Vec<String>,
    /// Default capabilities that it does not have.
    pub dropped: Vec<String>,
    /// Supplementary groups.
    pub groups: Vec<String>,
    /// Values of `--security-opt`.
    pub security: Vec<String>,
    /// Whether it has all capabilities.
    pub privileged: bool,
    /// Whether its root directory is read-only.
    pub read_only: bool,
}

/// A volume of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunVolume {
    /// A path here, or the name of a volume that the engine keeps.
    pub source: String,
    /// The mount point.
    pub point: String,
    /// Whether it is mounted read-only.
    pub read_only: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    flags: Vec<String>,
    untold: Vec<String>,
    name: Vec<String>,
    user: Vec<String>,
    directory: Vec<String>,
    entrypoint: Vec<String>,
    volume: Vec<String>,
    mount: Vec<String>,
    tmpfs: Vec<String>,
    add: Vec<String>,
    drop: Vec<String>,
    group: Vec<String>,
    security: Vec<String>,
    privileged: Vec<String>,
    read_only: Vec<String>,
    #[cfg(test)]
    #[serde(default)]
    sample: Vec<tests::Sample>,
}

static DATA: LazyLock<Data> = LazyLock::new(|| built_in!("run-options"));

/// The options in the words after `run`. `None` if they name no image, or leave open what its root directory, mounts or ids are.
#[must_use]
pub fn run_options(words: &[Vec<u8>]) -> Option<RunOptions> {
    let words = words
        .iter()
        .map(|word| String::from_utf8(word.clone()).ok());
    let words: Vec<String> = words.collect::<Option<_>>()?;
    let mut told = RunOptions::default();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            told.image = word;
            told.command = words.collect();
            return Some(told);
        }
        let (name, joined) = split(&word);
        let is = |options: &[String]| options.contains(&name);
        if is(&DATA.untold) {
            return None;
        }
        if is_flag(&name) {
            let on = joined.as_deref() != Some("false");
            told.privileged |= on && is(&DATA.privileged);
            told.read_only |= on && is(&DATA.read_only);
            continue;
        }
        let value = joined.or_else(|| words.next())?;
        told.set(&is, value)?;
    }
    None
}

impl RunOptions {
    /// Takes over an option with its value; `None` if that cannot be read.
    fn set(&mut self, is: &impl Fn(&[String]) -> bool, value: String) -> Option<()> {
        match () {
            () if is(&DATA.name) => self.name = value,
            () if is(&DATA.user) => self.user = Some(value),
            () if is(&DATA.directory) => self.directory = Some(value),
            () if is(&DATA.entrypoint) => self.entrypoint = Some(value),
            () if is(&DATA.volume) => self.volumes.extend(volume(&value)?),
            () if is(&DATA.mount) => self.mount(&value)?,
            () if is(&DATA.tmpfs) => self
                .tmpfs
                .extend(value.split(':').next().map(str::to_owned)),
            () if is(&DATA.add) => self.added.push(value),
            () if is(&DATA.drop) => self.dropped.push(value),
            () if is(&DATA.group) => self.groups.push(value),
            () if is(&DATA.security) => self.security.push(value),
            () => {}
        }
        Some(())
    }

    /// `type=bind,source=/srv/a,target=/b,readonly`
    fn mount(&mut self, value: &str) -> Option<()> {
        let fields: Vec<(&str, &str)> = value
            .split(',')
            .map(|field| field.split_once('=').unwrap_or((field, "true")))
            .collect();
        let get = |names: &[&str]| {
            let field = fields.iter().find(|(name, _)| names.contains(name));
            field.map(|(_, value)| (*value).to_owned())
        };
        let point = get(&["target", "destination", "dst"])?;
        match get(&["type"]).as_deref() {
            Some("tmpfs") => self.tmpfs.push(point),
            Some("bind" | "volume") | None => self.volumes.push(RunVolume {
                source: get(&["source", "src"]).unwrap_or_default(),
                point,
                read_only: get(&["readonly", "ro"]).is_some_and(|value| value != "false"),
            }),
            Some(_) => return None,
        }
        Some(())
    }
}

/// The name of an option, and the value that is joined to it: `--user=7`, `-u7`.
fn split(word: &str) -> (String, Option<String>) {
    if word.starts_with("--") {
        return match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word.to_owned(), None),
        };
    }
    // Of a bundle of short options (`-itu7`), the first that takes a value ends it.
    let takes = |(_, letter): &(usize, char)| !DATA.flags.contains(&format!("-{letter}"));
    match word.char_indices().skip(1).find(takes) {
        Some((at, letter)) => {
            let rest = &word[at + letter.len_utf8()..];
            let rest = rest.strip_prefix('=').unwrap_or(rest);
            (
                format!("-{letter}"),
                (!rest.is_empty()).then(|| rest.to_owned()),
            )
        }
        None => (word.to_owned(), None),
    }
}

/// Whether the option, or each of a bundle, takes no value.
fn is_flag(name: &str) -> bool {
    let is_one = |name: &str| DATA.flags.iter().any(|flag| flag == name);
    is_one(name)
        || !name.starts_with("--") && name.chars().skip(1).all(|one| is_one(&format!("-{one}")))
}

/// `SOURCE:POINT[:OPTIONS]`. `Some(None)` for a mount point alone, to which the engine gives a new volume with the content of
/// the image.
fn volume(value: &str) -> Option<Option<RunVolume>> {
    let mut parts = value.split(':');
    let (source, point, options) = (parts.next()?, parts.next(), parts.next());
    let Some(point) = point else {
        return Some(None);
    };
    let mut options = options.into_iter().flat_map(|options| options.split(','));
    parts.next().is_none().then(|| {
        Some(RunVolume {
            source: source.to_owned(),
            point: point.to_owned(),
            read_only: options.any(|option| option == "ro"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::with_samples;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    #[derive(Default)]
    pub(super) struct Sample {
        words: String,
        image: String,
        command: String,
        user: Option<String>,
        directory: Option<String>,
        volumes: Vec<String>,
    }

    #[test]
    fn every_sample_is_read_as_it_says() {
        let data: Data = with_samples!("run-options");
        for sample in data.sample {
            let words: Vec<Vec<u8>> = sample.words.split(' ').map(|word| word.into()).collect();
            let told = run_options(&words);
            if sample.image.is_empty() {
                assert_eq!(told, None, "{sample:?}");
                continue;
            }
            let told = told.unwrap_or_else(|| panic!("{sample:?}"));
            let volumes = told.volumes.iter().map(|volume| {
                let how = if volume.read_only { "ro" } else { "rw" };
                format!("{} on {} {how}", volume.source, volume.point)
            });
            assert_eq!(volumes.collect::<Vec<_>>(), sample.volumes, "{sample:?}");
            assert_eq!(told.image, sample.image, "{sample:?}");
            assert_eq!(told.command.join(" "), sample.command, "{sample:?}");
            assert_eq!((told.user, told.directory), (sample.user, sample.directory));
        }
    }
}

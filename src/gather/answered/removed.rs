//! A container that was removed before its engine could be asked about it: what its command line and its image tell.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Answered, Members, Source};
use crate::attempt::Numbers;
use crate::facts::UnknownFact;
use crate::gather::bundle;
use crate::gather::engine_api::{Config, Engine, HostConfig, Inspected, Member, MountPoint};
use crate::gather::image::{self, Image, ImageConfig, directory_of_the_engine};
use crate::gather::process_stat::parents_start;
use crate::gather::subordinate::numbers_of_own_containers;
use crate::programs::{self, RunOptions};
use crate::quote;

/// The mount points that Podman gives a file system in memory beside a read-only root directory.
const BESIDE_READ_ONLY: [&str; 3] = ["/run", "/tmp", "/var/tmp"];

impl Answered {
    /// The container that was run by these words after `run`, and has been removed since. `stores` says whether the client keeps
    /// images itself, so that there is no server that saw the container.
    #[must_use]
    pub fn removed(
        sockets: &[PathBuf],
        words: &[Vec<u8>],
        client: &[Vec<u8>],
        stores: Option<Option<&Path>>,
    ) -> Option<Answered> {
        let since = Instant::now();
        let told = programs::run_options(words)?;
        let seen = |socket: &PathBuf| {
            let engine = Engine::at(socket);
            // The only one of this image since then: any of several may have written the text.
            let created = engine.created(parents_start()?)?;
            let mut of_image = created.into_iter().filter(|one| one.image == told.image);
            let name = of_image.next()?.name;
            if of_image.next().is_some() || engine.maps_ids() {
                return None;
            }
            Some((Image::of(&engine, &told.image, since)?, name))
        };
        let kept = |root: Option<&Path>| {
            let image = image::stored(&told.image, root)?;
            Some((image, told.name.clone()))
        };
        let seen = sockets.iter().find_map(seen);
        let (image, name) = seen.or_else(|| kept(stores?))?;
        let numbers = match stores {
            Some(_) => numbers_of_client()?,
            None => None,
        };
        let about = about(told, &image.config, name, stores.is_some());
        Some(Answered::from_image(about, image, client, numbers))
    }

    /// The container of the step that a build of an image is at; for a client that keeps images itself, in `root` if it was told
    /// so.
    #[must_use]
    pub fn building(client: &[Vec<u8>], root: Option<&Path>) -> Option<Answered> {
        let image = image::building(root, parents_start()?.as_secs())?;
        let about = Inspected {
            config: Config {
                user: image.config.user.clone(),
                working_dir: image.config.working_dir.clone(),
                ..Config::default()
            },
            of_podman: true,
            ..Inspected::default()
        };
        Some(Answered::from_image(
            about,
            image,
            client,
            numbers_of_client()?,
        ))
    }

    /// The container that has one of these names, for a client that keeps containers itself. `user` is the one that the command
    /// was told to run as.
    #[must_use]
    pub fn kept(
        names: &[String],
        user: Option<&str>,
        client: &[Vec<u8>],
        root: Option<&Path>,
    ) -> Option<Answered> {
        let find = |name: &String| Some((name.clone(), image::kept(name, root)?));
        let (name, (image, id, file)) = names.iter().find_map(find)?;
        let (about, own) = bundle::described(&file)?;
        let about = Inspected { id, name, ..about };
        let numbers = match (numbers_of_client()?, own.iter().all(|own| own.0.is_empty())) {
            (numbers, true) => numbers,
            (None, false) => Some(own),
            (Some(client), false) => {
                let [uids, gids] = own;
                Some([uids.through(&client[0]), gids.through(&client[1])])
            }
        };
        let found = Answered::from_image(about, image, client, numbers);
        Some(Answered {
            user: user.map_or(found.user.clone(), str::to_owned),
            ..found
        })
    }

    /// What it was judged by instead, if it has gone.
    pub(super) fn remains(&self) -> Option<String> {
        let image = self.about.config.image.as_bytes();
        match self.source {
            Source::Engine(_) => None,
            // It has not gone.
            Source::Image(_) if !self.about.id.is_empty() && image.is_empty() => None,
            Source::Image(_) if image.is_empty() => {
                Some("as this step of the build had it when it failed".to_owned())
            }
            Source::Image(_) => Some(format!(
                "as the image {} has it: {}",
                quote::display(image),
                match self.untouched {
                    true => "what the container has changed since its start was not looked at",
                    false => "the container had been removed when it was to be looked at",
                }
            )),
        }
    }

    /// The container as it was when it was started from this image.
    pub(super) fn from_image(
        about: Inspected,
        image: Image,
        client: &[Vec<u8>],
        numbers: Option<[Numbers; 2]>,
    ) -> Answered {
        Answered {
            user: about.config.user.clone(),
            client: client.to_vec(),
            remapped: numbers.is_some(),
            numbers,
            accounts: ["/etc/passwd", "/etc/group"].map(|path| image.content(path)),
            members: Members::new().into(),
            untouched: false,
            source: Source::Image(Box::new(image)),
            about,
        }
    }

    /// What lies at this path, according to the volumes and the image. `Some(None)` if nothing does.
    pub(super) fn at_start(
        &self,
        image: &Image,
        path: &[u8],
    ) -> Option<Option<Result<Member, UnknownFact>>> {
        if self.volume_over(path).is_some() {
            return self.on_volume(path);
        }
        match image.member(path)? {
            Some(member) => Some(Some(Ok(member))),
            // The engine makes mount points, and the directories that lead there.
            None => Some(self.on_volume(path).map(|_| Ok(directory_of_the_engine()))),
        }
    }
}

/// The mapping of ids in the containers of a client without a server, unless they are the same there. `None` if it is not known.
fn numbers_of_client() -> Option<Option<[Numbers; 2]>> {
    match nix::unistd::geteuid().is_root() {
        true => Some(None),
        false => numbers_of_own_containers().map(Some),
    }
}

/// What the engine would have said of the container.
fn about(told: RunOptions, image: &ImageConfig, name: String, of_podman: bool) -> Inspected {
    let (entrypoint, usual) = match told.entrypoint {
        Some(entrypoint) => (vec![entrypoint], None),
        None => (
            image.entrypoint.clone().unwrap_or_default(),
            image.cmd.clone(),
        ),
    };
    let command = match told.command.is_empty() {
        true => usual.unwrap_or_default(),
        false => told.command,
    };
    let mut words = entrypoint.into_iter().chain(command);
    let beside = BESIDE_READ_ONLY
        .iter()
        .filter(|_| of_podman && told.read_only);
    let tmpfs = told
        .tmpfs
        .into_iter()
        .chain(beside.map(|point| (*point).to_owned()));
    Inspected {
        name,
        path: words.next().unwrap_or_default(),
        args: words.collect(),
        config: Config {
            image: told.image,
            user: told.user.unwrap_or_else(|| image.user.clone()),
            working_dir: told.directory.unwrap_or_else(|| image.working_dir.clone()),
        },
        host_config: HostConfig {
            readonly_rootfs: told.read_only,
            auto_remove: false,
            privileged: told.privileged,
            cap_add: Some(told.added),
            cap_drop: Some(told.dropped),
            group_add: Some(told.groups),
            security_opt: Some(told.security),
            tmpfs: Some(tmpfs.map(|point| (point, String::new())).collect()),
        },
        mounts: told.volumes.into_iter().map(mount_of).collect(),
        of_podman,
        ..Inspected::default()
    }
}

/// A path is mounted as it is; a name is that of a volume which the engine keeps.
fn mount_of(volume: programs::RunVolume) -> MountPoint {
    let is_path = volume.source.starts_with(['/', '.']);
    let source = std::path::absolute(&volume.source).unwrap_or_default();
    MountPoint {
        r#type: if is_path { "bind" } else { "volume" }.to_owned(),
        source: match is_path {
            true => source.to_string_lossy().into_owned(),
            false => String::new(),
        },
        destination: volume.point,
        writable: !volume.read_only,
    }
}

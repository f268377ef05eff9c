//! The Quadlet file by which an image is built, and what cleans up behind a build.

use std::time::Duration;

use super::mounts::certificates;
use super::network::below;
use super::{runtime_path, words};
use crate::activation::build::{Build, Recipe, Source, of_git, surroundings};
use crate::image::ImageReference;
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::{build, quadlet, service, unit};
use crate::quadlet::name::{ServerName, UnitName};
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::{Assignment, PodmanOption, Stream, Text};
use crate::settings;

/// How long a build may take.
pub const BUILD_TIMEOUT: Duration = Duration::from_mins(30);

/// How long each of a build's ends may take: its own, that of what cleans up behind it, and that of what is left then.
pub const BUILD_STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// The slice of all builds, within that of the servers.
const BUILD_SLICE: &str = "mcpod-build.slice";

/// The label of all layers that are built here.
const BUILD_LABEL: &str = "io.mcpod.build=1";

/// Puts room aside in Podman's storage for the removal of what the build leaves: where no byte is free Podman cannot even remove that,
/// and the storage would stay full. What is written cannot be compressed; a link in the runtime directory says where it is.
const BALLAST_COMMAND: [&str; 3] = [
    "/bin/sh",
    "-c",
    "storage=$(podman --events-backend=none info --format '{{.Store.GraphRoot}}') || exit; \
     ln -sfn \"$storage/mcpod-ballast\" \"$XDG_RUNTIME_DIR/mcpod/ballast\" && \
     exec head --bytes 8M /dev/urandom >\"$storage/mcpod-ballast\"",
];

/// Removes what a build that did not succeed leaves: containers of the builder's, of which nobody else has any in the transient store,
/// and layers that are no part of an image. What was put aside makes room for that.
pub const CLEAN_COMMAND: [&str; 3] = [
    "/bin/sh",
    "-c",
    "link=$XDG_RUNTIME_DIR/mcpod/ballast; [ ! -L \"$link\" ] || rm -f \"$(readlink \"$link\")\" \"$link\"; \
     [ \"$SERVICE_RESULT\" = success ] && exit; exec >/dev/null; \
     podman --transient-store ps --all --external --format '{{.Command}} {{.ID}}' | while read -r command id; do \
     [ \"$command\" != buildah ] || podman --transient-store --events-backend=none rm --force \"$id\"; done; \
     podman --events-backend=none image prune --force --filter label=io.mcpod.build=1",
];

/// Has Podman build in a mount namespace of its own.
///
/// Every process of Podman's finds its storage mounted onto itself, or mounts it so, and the last to end while no container is
/// mounted takes that away again (containers-storage.conf(5), `skip_mount_home`), also under a build that is between two steps. What the
/// build mounts then is hidden from it by the next process: it fails, with "directory not empty" at the latest. Every server that
/// stops beside a build can bring that about.
const APART: [&str; 5] = [
    "unshare",
    "unshare",
    "--mount",
    "--propagation=private",
    "podman",
];

/// Makes the Quadlet file by which an image is built. It is started by `add`, and by nothing else: no unit depends on it.
///
/// `recipe` is the path that the Containerfile has where we write one. All of the build runs in the unit's own control group, so that its limits hold and nothing
/// outlives it; what a build that was killed leaves in the storage is in the transient one, where nobody but mcpod builds.
pub fn build(
    name: &ServerName,
    built: &Build,
    recipe: &str,
    settings: &settings::Build,
) -> Result<UnitFile, ValueError> {
    let mut file = UnitFile::new();
    file.push(
        unit::DESCRIPTION,
        &Text::from(&*format!("Image of the MCP server {name}")),
    )?;
    file.push(build::IMAGE_TAG, &ImageReference::built(name).to_string())?;
    match &built.source {
        Source::Package(_) => {
            let folder = recipe.rsplit_once('/').map_or(recipe, |(folder, _)| folder);
            file.push(build::SET_WORKING_DIRECTORY, folder)?;
            file.push(build::FILE, recipe)?;
            file.push(build::PULL, "never")?;
        }
        Source::Bundle(bundle) => {
            let folder = bundle.folder.as_deref().unwrap_or_default();
            file.push(build::SET_WORKING_DIRECTORY, folder)?;
            file.push(build::FILE, recipe)?;
            file.push(build::PULL, "never")?;
        }
        Source::Repository(repository) => {
            file.push(build::REPOSITORY, &repository.context())?;
            if let Some(Recipe::Own(own)) = &repository.recipe {
                file.push(build::FILE_INSIDE, own)?;
                // What it is built on is its own affair.
                file.push(build::PULL, "missing")?;
            } else {
                file.push(build::FILE, recipe)?;
                file.push(build::PULL, "never")?;
            }
        }
    }
    push_network(&mut file, name)?;
    file.push(build::GLOBAL_WORDS, words(&APART).as_slice())?;
    file.push(build::GLOBAL_ARGS, &PodmanOption::flag("transient-store"))?;
    file.push(
        build::GLOBAL_ARGS,
        &PodmanOption::with("events-backend", "none"),
    )?;
    file.push(
        build::GLOBAL_ARGS,
        &PodmanOption::with("cgroup-manager", "cgroupfs"),
    )?;
    file.push(
        build::PODMAN_ARGS,
        &PodmanOption::with("runtime-flag", "cgroup-manager=disabled"),
    )?;
    // By it the layers that a build leaves are told from those of others.
    file.push(
        build::PODMAN_ARGS,
        &PodmanOption::with("layer-label", BUILD_LABEL),
    )?;
    if let Some(bundle) = &settings.ca_bundle {
        file.push(build::VOLUME_OPTION, &certificates(bundle))?;
    }
    for variable in surroundings(settings.ca_bundle.as_deref(), settings.proxy.as_deref()) {
        let set = format!("{}={}", variable.name, variable.value);
        file.push(build::PODMAN_ARGS, &PodmanOption::with("env", set))?;
        // They are this host's, and no part of the image.
        file.push(
            build::PODMAN_ARGS,
            &PodmanOption::with("unsetenv", variable.name),
        )?;
    }
    file.push(quadlet::DEFAULT_DEPENDENCIES, &false)?;
    if let Source::Repository(_) = &built.source {
        for variable in of_git(settings) {
            file.push(service::ENVIRONMENT, &variable)?;
        }
    }
    file.push(service::SLICE, &UnitName::from_systemd(BUILD_SLICE))?;
    file.push(service::MEMORY_MAX, &settings.memory.bytes())?;
    file.push(service::MEMORY_SWAP_MAX, &0)?;
    file.push(service::TASKS_MAX, &u64::from(settings.tasks))?;
    file.push(service::TIMEOUT_START, &BUILD_TIMEOUT)?;
    file.push(service::TIMEOUT_STOP, &BUILD_STOP_TIMEOUT)?;
    // What runs in the image is the first process there, and ignores SIGTERM: once Podman has ended it is killed.
    file.push(service::KILL_MODE, "mixed")?;
    file.push(
        service::STANDARD_OUTPUT_FILE,
        &Stream::Append(runtime_path(&name.build_log())),
    )?;
    file.push(service::STANDARD_ERROR, &Stream::Inherit)?;
    // Before as well: what cleans up may have been killed itself.
    file.push(service::EXEC_START_PRE, words(&CLEAN_COMMAND).as_slice())?;
    file.push(service::EXEC_START_PRE, words(&BALLAST_COMMAND).as_slice())?;
    file.push(service::EXEC_STOP_POST, words(&CLEAN_COMMAND).as_slice())?;
    Ok(file)
}

/// What a build's unit says of its network: what connects it, and the hook that closes it to this host.
fn push_network(file: &mut UnitFile, name: &ServerName) -> Result<(), ValueError> {
    file.push(build::NETWORK, "pasta")?;
    // Podman passes over a hook that is not there, and a build in a mere chroot(2) has no network namespace for it to close.
    file.push(unit::ASSERT_PATH_EXISTS, &below(&name.build_hook_file()))?;
    file.push(
        build::PODMAN_ARGS,
        &PodmanOption::with("hooks-dir", below(&name.build_folder())),
    )?;
    file.push(
        build::PODMAN_ARGS,
        &PodmanOption::with("isolation", "rootless"),
    )?;
    // Podman gives neither by default, and its settings may: the one sends past the rules, the other changes them.
    for capability in ["CAP_NET_RAW", "CAP_NET_ADMIN"] {
        file.push(
            build::PODMAN_ARGS,
            &PodmanOption::with("cap-drop", capability),
        )?;
    }
    // The hook writes to the log that is named like it, and Quadlet gives it to containers alone.
    file.push(
        service::ENVIRONMENT,
        &Assignment::new(
            "PODMAN_SYSTEMD_UNIT",
            format!("{}.service", name.build_folder()),
        ),
    )
}

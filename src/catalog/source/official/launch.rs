//! From packages and remotes of a `server.json` to launch options.

use super::document::{Argument, Document, Field, Package, Remote};
use super::values::Values;
use crate::catalog::artifact::{self, Artifact, Bundle, Registry};
use crate::catalog::launch::{
    self, Arg, Endpoint, Header, HttpProtocol, LaunchOption, Local, Network, Run, Transport, Trust,
};
use crate::catalog::mount::Mount;
use crate::catalog::template::{Syntax, Template};
use crate::catalog::text::Line;
use crate::image::ImageReference;

/// What `docker run` is told that decides nothing here: activation has its own way for each.
const OWN_AFFAIRS: [&str; 6] = ["run", "--rm", "-i", "-it", "-t", "--init"];

/// The ways to run a server, best first, and what is odd about them.
pub(super) fn options(document: &Document, warnings: &mut Vec<Line>) -> Vec<LaunchOption> {
    let mut options = Vec::new();
    for package in document.packages.iter().flatten() {
        match local(package, warnings) {
            Ok(option) => options.push(option),
            Err(reason) => warnings.push(Line::new(&format!("packages: {reason}"))),
        }
    }
    for remote in document.remotes.iter().flatten() {
        match self::remote(remote) {
            Ok(option) => options.push(option),
            Err(reason) => warnings.push(Line::new(&format!("remotes: {reason}"))),
        }
    }
    options.sort_by_key(rank);
    options
}

/// An image before a package before a bundle before an address.
fn rank(option: &LaunchOption) -> usize {
    let order = [
        "image", "npm", "pypi", "nuget", "cargo", "mcpb", "git", "remote",
    ];
    order
        .iter()
        .position(|kind| *kind == option.kind())
        .unwrap_or(order.len())
}

fn local(package: &Package, warnings: &mut Vec<Line>) -> Result<LaunchOption, String> {
    let artifact = artifact(package)?;
    let mut values = Values::default();
    for field in package.environment_variables.iter().flatten() {
        values.variable(field, warnings);
    }
    let mut args = Vec::new();
    for (index, argument) in (1..).zip(package.arguments.iter().flatten()) {
        args.extend(arg(argument, index, &mut values));
    }
    if let Artifact::Image(image) = &artifact {
        container_arguments(package, image, &mut values, warnings);
    } else if let Some(argument) = package
        .runtime_arguments
        .iter()
        .flatten()
        .find(|argument| !is_yes(argument))
    {
        let text = format!(
            "runtimeArguments of a package are not passed on: {}",
            words(argument)
        );
        warnings.push(Line::new(&text));
    }
    let transport = match &package.transport {
        None => Transport::Stdio,
        Some(transport) => self::transport(transport, &mut values)?,
    };
    let (env, mounts, inputs) = values.into_parts();
    Ok(LaunchOption {
        trust: Trust::Declared,
        inputs,
        run: Run::Local(Box::new(Local {
            artifact,
            transport,
            args,
            env,
            mounts,
            user: None,
            network: Network::Unstated,
        })),
    })
}

fn artifact(package: &Package) -> Result<Artifact, String> {
    let kind = package.registry_type.as_deref().unwrap_or_default();
    let name = package.identifier.as_deref().unwrap_or_default().trim();
    let version = package
        .version
        .as_deref()
        .filter(|version| !matches!(*version, "" | "latest" | "auto"));
    if kind == "oci" || kind == "docker" {
        let image = image(name, version).map_err(|error| format!("identifier: {error}"))?;
        return Ok(Artifact::Image(image));
    }
    let registry = match kind {
        "npm" => Registry::Npm,
        "pypi" => Registry::Pypi,
        "nuget" => Registry::Nuget,
        "cargo" | "crates" | "crates.io" => Registry::Cargo,
        "mcpb" => return bundle(package, name),
        other => return Err(format!("registryType: {other:?} is no known registry")),
    };
    let own = package
        .registry_base_url
        .as_deref()
        .is_none_or(|url| is_standard(registry, url));
    if !own {
        return Err("registryBaseUrl: not the registry that everybody uses".to_owned());
    }
    let text = format!("{}:{name}", registry.as_str());
    let package: artifact::Package = match version {
        Some(version) => format!("{text}@{version}").parse(),
        None => text.parse(),
    }
    .map_err(|error| format!("identifier: {error}"))?;
    Ok(Artifact::Package(package))
}

/// An image's reference. A version is its tag where the name has none.
fn image(name: &str, version: Option<&str>) -> Result<ImageReference, String> {
    let path = name.rsplit('/').next().unwrap_or_default();
    let tag = version.filter(|_| !path.contains([':', '@']));
    let reference = match tag {
        Some(tag) => format!("{name}:{tag}"),
        None => name.to_owned(),
    };
    reference.parse().map_err(|error| format!("{error}"))
}

fn bundle(package: &Package, url: &str) -> Result<Artifact, String> {
    let file = url
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let foreign = [
        "darwin", "macos", "osx", "windows", "win32", "win-x64", ".exe", ".dmg",
    ];
    if foreign.iter().any(|word| file.contains(word)) {
        return Err("identifier: the bundle is for another operating system".to_owned());
    }
    if !url.starts_with("https://") {
        return Err("identifier: a bundle has an https address".to_owned());
    }
    let sha256 = package.file_sha256.clone().filter(|hash| hash.len() == 64);
    Ok(Artifact::Bundle(Bundle {
        url: Line::new(url),
        sha256: sha256.ok_or("fileSha256: a bundle without it cannot be verified")?,
    }))
}

fn is_standard(registry: Registry, url: &str) -> bool {
    let host = url
        .trim_start_matches("https://")
        .split('/')
        .next()
        .unwrap_or_default();
    match registry {
        Registry::Npm => host.ends_with("npmjs.org") || host.ends_with("npmjs.com"),
        Registry::Pypi => host.ends_with("pypi.org"),
        Registry::Nuget => host.ends_with("nuget.org"),
        Registry::Cargo => host.ends_with("crates.io"),
    }
}

/// An argument of the server itself.
fn arg(argument: &Argument, index: usize, values: &mut Values) -> Option<Arg> {
    let field = &argument.field;
    let name = field.name.as_deref().unwrap_or_default().trim();
    let many = argument.is_repeated == Some(true);
    if !is_named(argument) {
        let hint = argument
            .value_hint
            .as_deref()
            .filter(|hint| !hint.is_empty());
        let path = hint.or(Some(name).filter(|name| !name.is_empty()));
        let own = format!("argument-{index}");
        let value = values.value(field, path.unwrap_or(&own), many);
        return (!value.text().is_empty()).then_some(Arg::Positional(value));
    }
    let option = if name.starts_with('-') {
        name.to_owned()
    } else {
        format!("--{name}")
    };
    // A flag that must stand there, and takes nothing.
    let is_bare = field.value.is_none()
        && field.default.is_none()
        && field.placeholder.is_none()
        && field.format.is_none()
        && argument.value_hint.is_none()
        && field.is_required == Some(true)
        && field.is_secret != Some(true);
    if is_bare {
        return Some(Arg::Positional(Template::of_text(&option)));
    }
    let value = values.value(field, name.trim_start_matches('-'), many);
    Some(Arg::Named {
        name: option,
        value,
    })
}

/// A type that is missing is inferred: what has a name is an option.
fn is_named(argument: &Argument) -> bool {
    let has_name = argument
        .field
        .name
        .as_deref()
        .is_some_and(|name| !name.trim().is_empty());
    has_name && argument.kind.as_deref() != Some("positional")
}

/// What `docker run` is told before the image: variables and mounts are taken over, nothing else is.
fn container_arguments(
    package: &Package,
    image: &ImageReference,
    values: &mut Values,
    warnings: &mut Vec<Line>,
) {
    let mut option: Option<String> = None;
    for argument in package.runtime_arguments.iter().flatten() {
        let field = &argument.field;
        let value = field.value.as_deref().unwrap_or_default();
        let name = if is_named(argument) {
            field.name.clone()
        } else if OWN_AFFAIRS.contains(&value) || is_image(value, image) {
            continue;
        } else {
            option.take()
        };
        // `-e` and its value may be two arguments.
        if is_named(argument) && value.is_empty() {
            option.clone_from(&name);
            continue;
        }
        match name.as_deref() {
            Some(name) if OWN_AFFAIRS.contains(&name) => {}
            Some("-e" | "--env") => values.assignment(field, warnings),
            Some("-v" | "--volume") => mount(value, field, values, warnings),
            Some("--mount") => match volume(value) {
                Some(volume) => mount(&volume, field, values, warnings),
                None => warnings.push(Line::new(&format!(
                    "runtimeArguments: {value:?} is no mount"
                ))),
            },
            _ => {
                let text = format!("runtimeArguments are not passed on: {}", words(argument));
                warnings.push(Line::new(&text));
            }
        }
    }
}

fn mount(text: &str, field: &Field, values: &mut Values, warnings: &mut Vec<Line>) {
    let text = values.rewritten(text, field.variables.as_ref(), false);
    let mount = Mount::parse(&text);
    match mount {
        Ok(mount) => values.mount(mount),
        Err(error) => warnings.push(Line::new(&format!("runtimeArguments: {error}"))),
    }
}

/// `source:target[:ro]` for the long form `type=bind,src=…,dst=…[,ro]`.
fn volume(text: &str) -> Option<String> {
    let pairs: Vec<(&str, &str)> = text
        .split(',')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    let value = |names: &[&str]| {
        pairs
            .iter()
            .find(|(name, _)| names.contains(name))
            .map(|(_, value)| *value)
    };
    let source = value(&["src", "source"])?;
    let target = value(&["dst", "target", "destination"])?;
    let read_only = value(&["ro", "readonly"]).is_some_and(|value| value != "false");
    let target = target.trim_end_matches('/');
    Some(format!(
        "{source}:{target}{}",
        if read_only { ":ro" } else { "" }
    ))
}

fn is_image(text: &str, image: &ImageReference) -> bool {
    let same = |other: ImageReference| other.repository() == image.repository();
    self::image(text, None).is_ok_and(same)
}

/// `npx -y`, which says yes to an installation.
fn is_yes(argument: &Argument) -> bool {
    let is = |text: &Option<String>| matches!(text.as_deref(), Some("-y" | "--yes"));
    is(&argument.field.name) || is(&argument.field.value)
}

fn words(argument: &Argument) -> String {
    let field = &argument.field;
    let words = [field.name.as_deref(), field.value.as_deref()];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn transport(transport: &Remote, values: &mut Values) -> Result<Transport, String> {
    let protocol = match transport.kind.as_deref() {
        None | Some("" | "stdio") => return Ok(Transport::Stdio),
        Some(kind) => protocol(kind)?,
    };
    let url = transport.url.as_deref().unwrap_or_default();
    Ok(Transport::Http(Endpoint {
        protocol,
        url: values.local_url(url, transport.variables.as_ref()),
    }))
}

fn protocol(kind: &str) -> Result<HttpProtocol, String> {
    match kind {
        "streamable-http" | "streamable" | "http" => Ok(HttpProtocol::StreamableHttp),
        "sse" => Ok(HttpProtocol::Sse),
        other => Err(format!(
            "type: {other:?} is neither `streamable-http` nor `sse`"
        )),
    }
}

fn remote(remote: &Remote) -> Result<LaunchOption, String> {
    let protocol = protocol(remote.kind.as_deref().unwrap_or_default())?;
    let url = remote.url.as_deref().unwrap_or_default().trim();
    if !(url.starts_with("https://") || url.starts_with("http://") || url.starts_with('{')) {
        return Err(format!("url: {url:?} is no address of the web"));
    }
    let mut values = Values::default();
    let text = values.rewritten(url, remote.variables.as_ref(), true);
    let headers = remote.headers.iter().flatten();
    let headers: Vec<Header> = headers.filter_map(|field| values.header(field)).collect();
    let (_, _, inputs) = values.into_parts();
    Ok(LaunchOption {
        trust: Trust::Declared,
        inputs,
        run: Run::Remote(launch::Remote {
            endpoint: Endpoint {
                protocol,
                url: Template::parse(&text, Syntax::DoubleBraces),
            },
            headers,
            login: false,
        }),
    })
}

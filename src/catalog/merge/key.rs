//! Keys: what two entries have in common when they are the same server.

use crate::catalog::artifact::{Artifact, Registry};
use crate::catalog::entry::Entry;
use crate::catalog::launch::{LaunchOption, Run};

/// Hosts that are somebody else's at every reader.
const NOBODYS_HOSTS: [&str; 5] = [
    "localhost",
    "127.0.0.1",
    "0.0.0.0",
    "example.com",
    "your-domain.com",
];

/// The keys of everything that an entry can run.
pub(super) fn run_keys(entry: &Entry) -> Vec<String> {
    let mut keys: Vec<String> = entry.launch.iter().filter_map(run_key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The key of what an option runs: an image without tag and digest, a package without version, an address. A repository
/// is no such key, since many servers may lie in it.
pub(super) fn run_key(option: &LaunchOption) -> Option<String> {
    match &option.run {
        Run::Local(local) => match &local.artifact {
            Artifact::Image(image) => {
                let name = image.repository();
                let name = name.strip_prefix("docker.io/").unwrap_or(&name);
                Some(format!("image:{name}"))
            }
            Artifact::Package(package) => {
                let name = package.name.as_str();
                let name = match package.registry {
                    Registry::Npm | Registry::Cargo => name.to_owned(),
                    Registry::Pypi => pep503(name),
                    Registry::Nuget => name.to_ascii_lowercase(),
                };
                Some(format!("{}:{name}", package.registry.as_str()))
            }
            Artifact::Git(_) | Artifact::Tools(_) | Artifact::Command(_) => None,
            Artifact::Bundle(bundle) => Some(format!("mcpb:{}", bundle.url)),
        },
        Run::Remote(remote) => {
            let url = remote.endpoint.url.literal()?;
            let (scheme, rest) = url.split_once("://")?;
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.to_ascii_lowercase();
            let name = host.split(':').next().unwrap_or_default();
            if NOBODYS_HOSTS
                .iter()
                .any(|nobodys| name == *nobodys || name.ends_with(&format!(".{nobodys}")))
            {
                return None;
            }
            let path = path.trim_end_matches('/');
            Some(format!(
                "remote:{}://{host}/{path}",
                scheme.to_ascii_lowercase()
            ))
        }
    }
}

/// How much a key of something that runs says, the strongest first: an image is one server, an address may serve many.
pub(super) fn rank(key: &str) -> usize {
    if key.starts_with("image:") {
        0
    } else if key.starts_with("remote:") {
        2
    } else {
        1
    }
}

/// The key of the code: a repository and the folder in it.
pub(super) fn code_key(entry: &Entry) -> Option<String> {
    let repository = entry.repository.as_ref()?;
    let url = repository
        .url
        .strip_prefix("https://")
        .unwrap_or(&repository.url);
    let url = url
        .trim_end_matches('/')
        .trim_end_matches(".git")
        .to_lowercase();
    let url = url.strip_prefix("www.").unwrap_or(&url);
    let folder = repository
        .folder
        .as_deref()
        .unwrap_or_default()
        .trim_matches('/');
    Some(format!("{url}#{}", folder.to_lowercase()))
}

/// A name as PEP 503 writes it.
fn pep503(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

//! References: what a user types to say which server is meant, and what they stand for.

use super::Error;
use crate::activation::build::BuildError;
use crate::activation::endpoint;
use crate::activation::plan::PlanError;
use crate::catalog::{
    Artifact, Catalog, Endpoint, Git, HttpProtocol, LaunchOption, Line, Listing, Local, Network,
    Package, PackageError, Remote, Resolution, Run, Template, Transport, Trust,
};
use crate::image::ImageReference;
use crate::quadlet::name::ServerName;

/// Words of a name that tell one MCP server from another no better than none.
const EMPTY_WORDS: [&str; 2] = ["mcp", "server"];

/// What a reference stands for.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The entry's id, or the reference itself.
    pub(super) id: String,
    /// Names to be active under, best first; none where nothing in it can stand in a name.
    pub(super) names: Vec<ServerName>,
    /// The ways to run it, best first.
    pub(super) launch: Vec<LaunchOption>,
}

/// What the catalog has under an id or a name.
pub fn listing(catalog: &Catalog, reference: &str) -> Result<Listing, Error> {
    match catalog.find(reference)? {
        Resolution::Found(listing) => Ok(*listing),
        Resolution::Ambiguous(ids) => Err(Error::Ambiguous {
            reference: reference.to_owned(),
            ids,
        }),
        Resolution::Unknown(near) => Err(Error::NoSuchEntry {
            reference: reference.to_owned(),
            near,
        }),
    }
}

/// Whether a reference names something to run by itself, which need not be in the catalog.
pub fn is_direct(reference: &str) -> bool {
    reference.contains("://")
        || !matches!(
            reference.parse::<Package>(),
            Err(PackageError::Registry { .. })
        )
}

/// What `add` is to make active: an entry of the catalog, an image, a package or a repository.
pub(super) fn resolve(catalog: &Catalog, reference: &str) -> Result<Candidate, Error> {
    if let Some(image) = reference.strip_prefix("docker://") {
        let image: ImageReference = image.parse()?;
        let repository = image.repository();
        let last = repository.rsplit('/').next().unwrap_or(&repository);
        return Ok(Candidate {
            id: format!("docker://{image}"),
            names: names(last, None),
            launch: vec![of_artifact(Artifact::Image(image))],
        });
    }
    match reference.parse::<Package>() {
        Ok(package) => {
            return Ok(Candidate {
                id: format!("{}:{}", package.registry.as_str(), package.name),
                names: names(&package.name, None),
                launch: vec![of_artifact(Artifact::Package(package))],
            });
        }
        Err(PackageError::Registry { .. }) => {}
        Err(error) => return Err(BuildError::from(error).into()),
    }
    if let Some(git) = reference.strip_prefix("git+") {
        let git = repository(git);
        let last = git
            .folder
            .as_ref()
            .unwrap_or(&git.url)
            .trim_end_matches('/');
        let last = last.trim_end_matches(".git");
        let last = last.rsplit('/').next().unwrap_or(last);
        return Ok(Candidate {
            id: reference.to_owned(),
            names: names(last, None),
            launch: vec![of_artifact(Artifact::Git(git))],
        });
    }
    if reference.starts_with("https://") || reference.starts_with("http://") {
        return of_address(reference);
    }
    if reference.contains("://") {
        return Err(Error::UnknownReference {
            reference: reference.to_owned(),
        });
    }
    let Listing { entry, .. } = listing(catalog, reference)?;
    Ok(Candidate {
        id: entry.id.to_string(),
        names: names(entry.id.native(), entry.publisher.as_deref()),
        launch: entry.launch,
    })
}

/// Takes `URL[#REF[:FOLDER]]` apart.
fn repository(text: &str) -> Git {
    let (url, picked) = text.split_once('#').unwrap_or((text, ""));
    let (reference, folder) = picked.split_once(':').unwrap_or((picked, ""));
    Git {
        url: Line::new(url),
        reference: Line::some(reference),
        folder: Line::some(folder),
        dockerfile: None,
    }
}

/// A remote server by its address.
fn of_address(reference: &str) -> Result<Candidate, Error> {
    let url = endpoint::address(reference).map_err(PlanError::from)?;
    // What is in it stands for itself, and is no template.
    let url = Template::of_text(url.as_str());
    let host = reqwest::Url::parse(reference).ok();
    let host = host.as_ref().and_then(reqwest::Url::host_str);
    Ok(Candidate {
        id: endpoint::address(reference)
            .map(|url| endpoint::shown(&url))
            .map_err(PlanError::from)?,
        names: host_names(host.unwrap_or_default()),
        launch: vec![LaunchOption {
            trust: Trust::Guessed,
            inputs: Vec::new(),
            run: Run::Remote(Remote {
                endpoint: Endpoint {
                    protocol: HttpProtocol::StreamableHttp,
                    url,
                },
                headers: Vec::new(),
                login: false,
            }),
        }],
    })
}

/// The names that a host's gives: the word in front of the last, as that is what tells hosts apart, and the whole.
fn host_names(host: &str) -> Vec<ServerName> {
    let labels: Vec<&str> = host.split('.').collect();
    let own = labels.len().checked_sub(2).and_then(|at| labels.get(at));
    let is_name = host.contains(|c: char| c.is_ascii_alphabetic());
    let own = own.filter(|_| is_name).copied();
    [own, Some(host)]
        .into_iter()
        .flatten()
        .filter_map(ServerName::from_text)
        .collect()
}

/// Something of which nothing is known: it speaks on its standard input and output, and gets nothing.
fn of_artifact(artifact: Artifact) -> LaunchOption {
    LaunchOption {
        trust: Trust::Guessed,
        inputs: Vec::new(),
        run: Run::Local(Box::new(Local {
            artifact,
            transport: Transport::Stdio,
            args: Vec::new(),
            env: Vec::new(),
            mounts: Vec::new(),
            user: None,
            network: Network::Unstated,
        })),
    }
}

/// The names a server can have: the last part of what its source calls it, and the same behind its publisher.
fn names(native: &str, publisher: Option<&str>) -> Vec<ServerName> {
    let last = native.rsplit(['/', '#']).next().unwrap_or(native);
    let owner = native.rsplit(['/', '#']).nth(1).or(publisher);
    let words: Vec<String> = ServerName::from_text(last)
        .map(|name| name.as_str().split('-').map(str::to_owned).collect())
        .unwrap_or_default();
    let kept: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !EMPTY_WORDS.contains(word))
        .collect();
    let short = kept.join("-");
    let long = owner.map(|owner| format!("{owner}-{short}"));
    // A name that is nothing but `mcp-server` keeps its words.
    [Some(short), long, Some(last.to_owned())]
        .into_iter()
        .flatten()
        .filter_map(|name| ServerName::from_text(&name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_without_empty_words() {
        for (native, publisher, expected) in [
            ("time", None, vec!["time", "time"]),
            (
                "mcp-server-time",
                Some("Example Inc."),
                vec!["time", "example-inc-time", "mcp-server-time"],
            ),
            (
                "io.github.foo/bar-mcp",
                None,
                vec!["bar", "io-github-foo-bar", "bar-mcp"],
            ),
            (
                "owner/repo#packages/thing",
                None,
                vec!["thing", "packages-thing", "thing"],
            ),
            ("com.example/mcp", None, vec!["com-example", "mcp"]),
            ("SQLite", None, vec!["sqlite", "sqlite"]),
        ] {
            let names: Vec<String> = names(native, publisher)
                .into_iter()
                .map(String::from)
                .collect();
            assert_eq!(names, expected, "{native}");
        }
    }

    #[test]
    fn who_claims_to_be_another_is_run_only_by_its_own_id() {
        let entries = |source, text: &str| {
            let parsed = crate::catalog::source::toml::parse(source, text);
            assert_eq!(parsed.refused, []);
            parsed.entries
        };
        // A remote server cannot be run as an image can: what is left must not be somebody else's.
        let ours = "[[server]]\nname = 'x'\n[[server.launch]]\nremote = 'https://x.io/mcp'";
        let theirs = format!(
            "{}\n[[server.launch]]\npackage = 'npm:evil'",
            ours.replace("'x'", "'e'")
        );
        let catalog = Catalog::of(vec![entries("docker", ours), entries("official", &theirs)]);
        let catalog = catalog.unwrap();
        assert_eq!(catalog.size(), 1);
        let kinds = |reference| -> Vec<&str> {
            let launch = resolve(&catalog, reference).unwrap().launch;
            launch.iter().map(LaunchOption::kind).collect()
        };
        assert_eq!(kinds("x"), ["remote"]);
        assert_eq!(kinds("docker:x"), ["remote"]);
        assert_eq!(kinds("official:e"), ["remote", "npm"]);
    }

    #[test]
    fn entries_and_images_are_found_by_what_is_typed() {
        let catalog = Catalog::builtin().unwrap();
        assert_eq!(
            resolve(&catalog, "docker://mcp/time").unwrap().id,
            "docker://docker.io/mcp/time:latest"
        );
        assert!(matches!(
            resolve(&catalog, "docker://-x"),
            Err(Error::Reference(_))
        ));
        let remote = resolve(&catalog, "https://mcp.example.com/mcp?key=1").unwrap();
        assert_eq!(remote.id, "https://mcp.example.com/mcp");
        assert_eq!(remote.names[0].as_str(), "example");
        assert!(matches!(
            resolve(&catalog, "http://example.com/mcp"),
            Err(Error::Plan(PlanError::Address(_)))
        ));
        assert!(matches!(
            resolve(&catalog, "ftp://example.com/mcp"),
            Err(Error::UnknownReference { .. })
        ));
        assert!(matches!(
            resolve(&catalog, "no-such-thing"),
            Err(Error::NoSuchEntry { .. })
        ));
        assert_eq!(resolve(&catalog, "time").unwrap().id, "builtin:time");
    }
}

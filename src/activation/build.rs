//! A build: how a package or a repository becomes an image of this host. Pure.
//!
//! The image holds the package and what it depends on in `/opt/mcpod`, belongs to root and runs as nobody in particular. What of the
//! package is to be started is found while the image is built, and named in a file that the image's entry point reads.

mod bundle;
mod cargo;
mod go;
mod npm;
mod nuget;
mod programs;
mod pypi;
mod repository;
#[cfg(test)]
mod tests;

use std::fmt;

pub use bundle::BundleSource;
pub use repository::{Recipe, Repository};

use super::bundle::{Manifest, ManifestError};
use crate::catalog::{Bundle, Git, Package, PackageError, Registry};
use crate::containerfile::{Containerfile, ContainerfileError};
use crate::egress::policy::{THIS_HOST, is_this_host};
use crate::image::ImageReference;
use crate::quadlet::value::Assignment;
use crate::settings;

/// Where a build finds the certificates of this host, and a server those of its run.
pub const CA_BUNDLE_INSIDE: &str = "/run/mcpod/ca.crt";

/// The user that a server runs as; images of packages have none of their own.
const USER: u32 = 1000;

/// What begins the line by which a build says that it found none, or too many, of the commands that it could start.
pub const NO_ENTRY: &str = "mcpod: this package has no command to start";
/// See [`NO_ENTRY`].
pub const MANY_ENTRIES: &str = "mcpod: this package has several commands: ";
/// The same as [`NO_ENTRY`], as cargo says it.
pub const NO_PROGRAM: &str = cargo::NO_PROGRAM;

/// What an image is built from, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// What it is built from.
    pub source: Source,
    /// The image that it is installed on; none for what has a recipe of its own, or is not known well enough yet.
    pub base: Option<ImageReference>,
    /// Which of the package's commands is started; the only one, or the one named like the package, where nobody says.
    pub entry: Option<String>,
    /// Whether what the package runs when it is installed may run.
    pub scripts: bool,
}

/// What an image is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A package; with its exact version once that is known.
    Package(Package),
    /// A repository; with its commit once that is known.
    Repository(Repository),
    /// A bundle; with what of it is started once that is known.
    Bundle(BundleSource),
}

/// Why nothing can be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A bundle's manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The name of a package is none.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The name of a command is none.
    #[error("{entry:?} is no name of a command")]
    Entry {
        /// What was given.
        entry: String,
    },
    /// A repository is named in a way that could be taken for something else.
    #[error("{text:?} is no {part} of a repository that can be built from")]
    Repository {
        /// The part that is wrong.
        part: &'static str,
        /// What was given.
        text: String,
    },
    /// Nobody knows how a repository is built.
    #[error(
        "{repository} has none of Containerfile, Dockerfile, package.json, pyproject.toml, Cargo.toml and go.mod there"
    )]
    NoRecipe {
        /// The repository.
        repository: String,
    },
    /// A text cannot stand in the recipe.
    #[error(transparent)]
    Containerfile(#[from] ContainerfileError),
    /// The registry has no such package.
    #[error("there is no package {package}")]
    NoSuchPackage {
        /// The package without its version.
        package: String,
    },
    /// The registry has the package, but no such version.
    #[error("{package} has no version {version}")]
    NoSuchVersion {
        /// The package without its version.
        package: String,
        /// The version.
        version: String,
    },
    /// The registry did not answer, or not in a form that is known.
    #[error("cannot find out which version of {package} to install:\n{output}")]
    NoAnswer {
        /// The package.
        package: String,
        /// What the package manager said, its end.
        output: String,
    },
}

/// What a package manager answered when it was asked for versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it ended well.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Build {
    /// Decides how a package is built.
    pub fn of_package(
        package: &Package,
        entry: Option<&str>,
        scripts: bool,
        settings: &settings::Build,
    ) -> Result<Self, BuildError> {
        let base = match package.registry {
            Registry::Npm => &settings.node,
            Registry::Pypi => &settings.python,
            Registry::Nuget => &settings.dotnet,
            Registry::Cargo => &settings.rust,
        };
        Ok(Self {
            // Its parts can be set one by one; together they are to be what is read from a text.
            source: Source::Package(package.to_string().parse()?),
            base: Some(base.clone()),
            entry: checked(entry)?,
            scripts,
        })
    }

    /// Decides how a repository is built, as far as that can be said without looking at it.
    pub fn of_repository(
        git: &Git,
        entry: Option<&str>,
        scripts: bool,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            source: Source::Repository(Repository::of(git)?),
            base: None,
            entry: checked(entry)?,
            scripts,
        })
    }

    /// Decides how a bundle is built, as far as that can be said without looking into it.
    pub fn of_bundle(bundle: &Bundle) -> Self {
        Self {
            source: Source::Bundle(BundleSource {
                bundle: bundle.clone(),
                program: None,
                folder: None,
            }),
            base: None,
            entry: None,
            scripts: false,
        }
    }

    /// Settles on what a bundle's manifest says, and on where its files will lie.
    pub fn settle_on_bundle(
        &mut self,
        manifest: &Manifest,
        folder: &str,
        settings: &settings::Build,
    ) -> Result<(), BuildError> {
        if let Source::Bundle(bundle) = &mut self.source {
            self.base = Some(BundleSource::base(manifest, settings)?.clone());
            bundle.program = Some(manifest.program()?);
            bundle.folder = Some(folder.to_owned());
        }
        Ok(())
    }

    /// Settles on a commit of its repository, and on how that is built.
    pub fn settle_on(&mut self, repository: Repository, settings: &settings::Build) {
        self.base = repository.base(settings).cloned();
        self.source = Source::Repository(repository);
    }

    /// The command that asks, in a container of [`base`](Self::base), for the versions of the package.
    pub fn question(package: &Package) -> Vec<String> {
        match package.registry {
            Registry::Npm => npm::question(package),
            Registry::Pypi => pypi::question(package),
            Registry::Nuget => nuget::question(package),
            Registry::Cargo => cargo::question(package),
        }
    }

    /// Reads the answer: the package with the exact version that is to be installed.
    pub fn exact(package: &Package, answer: &Answer) -> Result<Package, BuildError> {
        let version = match package.registry {
            Registry::Npm => npm::version(package, answer)?,
            Registry::Pypi => pypi::version(package, answer)?,
            Registry::Nuget => nuget::version(package, answer)?,
            Registry::Cargo => cargo::version(package, answer)?,
        };
        Ok(format!("{}@{version}", unversioned(package)).parse()?)
    }

    /// The recipe of the image; none where there is one already, or nobody knows yet whether there is.
    pub fn containerfile(&self) -> Result<Option<Containerfile>, BuildError> {
        let Some(base) = &self.base else {
            return Ok(None);
        };
        let mut file = Containerfile::from(base);
        let find =
            |folder| format!("read -r entry </opt/mcpod/entry && exec {folder}/\"$entry\" \"$@\"");
        let start = match &self.source {
            Source::Bundle(bundle) => {
                let program = bundle.install(self, &mut file)?;
                vec![program]
            }
            source => {
                let folder = self.install(source, &mut file)?;
                let words = ["/bin/sh", "-c", &find(folder), "mcpod"];
                words.map(str::to_owned).into()
            }
        };
        file.set("HOME", "/tmp");
        file.work_in("/tmp");
        file.run_as(USER);
        let start: Vec<&str> = start.iter().map(String::as_str).collect();
        file.start_with(&start)?;
        Ok(Some(file))
    }

    /// Installs what has a command that must be found, and says where that lies.
    fn install(
        &self,
        source: &Source,
        file: &mut Containerfile,
    ) -> Result<&'static str, BuildError> {
        Ok(match source {
            Source::Package(package) => match package.registry {
                Registry::Npm => npm::install(package, self, file)?,
                Registry::Pypi => pypi::install(package, self, file)?,
                Registry::Nuget => nuget::install(package, self, file)?,
                Registry::Cargo => cargo::install(package, self, file)?,
            },
            Source::Repository(repository) => repository.install(self, file)?,
            // It says itself what is started.
            Source::Bundle(_) => crate::activation::bundle::FOLDER,
        })
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Package(package) => package.fmt(f),
            Source::Repository(repository) => repository.fmt(f),
            Source::Bundle(bundle) => {
                let Bundle { url, sha256 } = &bundle.bundle;
                write!(f, "mcpb+{url}#sha256:{sha256}")
            }
        }
    }
}

/// Lets the name of a command pass.
fn checked(entry: Option<&str>) -> Result<Option<String>, BuildError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match entry {
        Some(entry)
            if !entry.chars().all(legal)
                || !entry.starts_with(|c: char| c.is_ascii_alphanumeric()) =>
        {
            Err(BuildError::Entry {
                entry: entry.to_owned(),
            })
        }
        entry => Ok(entry.map(str::to_owned)),
    }
}

fn unversioned(package: &Package) -> String {
    format!("{}:{}", package.registry.as_str(), package.name)
}

/// The error that an answer is nothing that is known.
fn no_answer(package: &Package, answer: &Answer) -> BuildError {
    let output = format!("{}\n{}", answer.stdout.trim(), answer.stderr.trim());
    let output = crate::text::for_terminal(output.trim());
    let skipped = output.chars().count().saturating_sub(OUTPUT_MAX);
    BuildError::NoAnswer {
        package: package.to_string(),
        output: output.chars().skip(skipped).collect(),
    }
}

/// How much of the end of a package manager's output an error repeats, in characters.
const OUTPUT_MAX: usize = 2000;

/// The variables by which package managers and servers are told what certificates to trust and what proxy to take.
pub fn surroundings(ca_bundle: Option<&str>, proxy: Option<&str>) -> Vec<Assignment> {
    let mut variables = Vec::new();
    if ca_bundle.is_some() {
        for name in [
            "SSL_CERT_FILE",
            "NODE_EXTRA_CA_CERTS",
            "PIP_CERT",
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "GIT_SSL_CAINFO",
            "CARGO_HTTP_CAINFO",
        ] {
            variables.push(Assignment::new(name, CA_BUNDLE_INSIDE));
        }
    }
    if let Some(proxy) = proxy {
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            variables.push(Assignment::new(name, proxy));
        }
        for name in ["no_proxy", "NO_PROXY"] {
            variables.push(Assignment::new(name, "localhost,127.0.0.1,::1"));
        }
    }
    variables
}

/// The variables that git finds: nothing of the user's own settings counts, neither rewritten addresses nor helpers that ask for
/// passwords.
pub fn of_git(settings: &settings::Build) -> Vec<Assignment> {
    let mut variables: Vec<Assignment> = [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_ALLOW_PROTOCOL", "https:http:git"),
        ("LC_ALL", "C.UTF-8"),
    ]
    .map(|(name, value)| Assignment::new(name, value))
    .into();
    if let Some(bundle) = &settings.ca_bundle {
        variables.push(Assignment::new("GIT_SSL_CAINFO", bundle));
    }
    let proxy = settings.proxy.as_deref().map(proxy_of_host);
    variables.extend(surroundings(None, proxy.as_deref()));
    variables
}

/// A proxy as processes of this host reach it: what containers know this host by is nothing here.
pub fn proxy_of_host(proxy: &str) -> String {
    let Ok(mut url) = reqwest::Url::parse(proxy) else {
        return proxy.to_owned();
    };
    let is_here = url
        .host_str()
        .is_some_and(|host| is_this_host(host) || host.parse() == Ok(THIS_HOST));
    if is_here && url.set_host(Some("127.0.0.1")).is_ok() {
        url.to_string()
    } else {
        proxy.to_owned()
    }
}

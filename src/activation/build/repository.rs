//! Repositories of git: with a recipe of their own, or in a language whose packages are known.

use super::{Build, BuildError};
use crate::catalog::Git;
use crate::containerfile::{Containerfile, ContainerfileError};
use crate::image::ImageReference;
use crate::settings;

/// Where the files of a repository lie while its image is built.
const SOURCE: &str = "/opt/mcpod/src";

/// What recipes are called, the first that is there counts.
const RECIPES: [&str; 2] = ["Containerfile", "Dockerfile"];

/// A repository that can be built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its address, as Podman takes it for one of a repository.
    pub url: String,
    /// The commit, tag or branch; the default branch, if there is none. The commit's id once that is known.
    pub reference: Option<String>,
    /// The folder in it that is built; the top, if there is none.
    pub folder: Option<String>,
    /// How it is built, once that is known.
    pub recipe: Option<Recipe>,
    /// The recipe's path below the folder, where the source of the entry names it.
    named: Option<String>,
}

/// How a repository is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// By a recipe of its own, of this path below the folder.
    Own(String),
    /// As a package of Node.
    Node,
    /// As a package of Python.
    Python,
    /// As a crate of Rust.
    Rust,
    /// As a module of Go.
    Go,
}

/// The files by which a language's packages are known, the first that is there counts: programs often bring a wrapper for npm along.
const LANGUAGES: [(&str, Recipe); 4] = [
    ("package.json", Recipe::Node),
    ("pyproject.toml", Recipe::Python),
    ("Cargo.toml", Recipe::Rust),
    ("go.mod", Recipe::Go),
];

impl std::fmt::Display for Recipe {
    /// In words: by its own Dockerfile, as a package of Node.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own(own) => write!(f, "by its own {own}"),
            Self::Node => f.write_str("as a package of Node"),
            Self::Python => f.write_str("as a package of Python"),
            Self::Rust => f.write_str("as a crate of Rust"),
            Self::Go => f.write_str("as a module of Go"),
        }
    }
}

impl Repository {
    /// Checks what a source or a user wrote.
    pub fn of(git: &Git) -> Result<Self, BuildError> {
        let refused = |part: &'static str, text: &str| BuildError::Repository {
            part,
            text: text.to_owned(),
        };
        let mut url = git.url.to_string();
        let is_known = ["https://", "http://", "git://"].iter().any(|scheme| {
            url.strip_prefix(scheme).is_some_and(|rest| {
                is_path(rest, ":~+") && rest.starts_with(|c: char| c.is_ascii_alphanumeric())
            })
        });
        if !is_known {
            return Err(refused("address", &url));
        }
        // Podman takes an address without this ending for a file to download.
        let stem = url.trim_end_matches('/');
        url = format!("{}.git", stem.strip_suffix(".git").unwrap_or(stem));
        let part = |name, text: &Option<crate::catalog::Line>| match text {
            Some(text) if !is_path(text.trim_matches('/'), "@+") => Err(refused(name, text)),
            Some(text) => Ok(Some(text.trim_matches('/').to_owned())),
            None => Ok(None),
        };
        Ok(Self {
            url,
            reference: part("commit, tag or branch", &git.reference)?,
            folder: part("folder", &git.folder)?,
            recipe: None,
            named: part("Dockerfile", &git.dockerfile)?,
        })
    }

    /// Settles on a commit, and on how it is built, by the files that the folder has in it.
    pub fn found(&self, commit: &str, files: &[String]) -> Result<Self, BuildError> {
        let legal = |c: char| c.is_ascii_hexdigit();
        if commit.len() != 40 || !commit.chars().all(legal) {
            return Err(BuildError::Repository {
                part: "commit",
                text: commit.to_owned(),
            });
        }
        let has = |name: &str| files.iter().any(|file| file == name);
        let own = RECIPES
            .iter()
            .find(|name| has(name))
            .map(|name| (*name).to_owned());
        // One that is named and not there, or a link, is not replaced by another: nobody agreed to that.
        if let Some(named) = self
            .named
            .as_deref()
            .filter(|named| !has(named.trim_start_matches("./")))
        {
            return Err(BuildError::Repository {
                part: "Dockerfile",
                text: named.to_owned(),
            });
        }
        let language = || LANGUAGES.into_iter().find(|(file, _)| has(file));
        let recipe = match self.named.clone().or(own) {
            Some(own) => Some(Recipe::Own(own)),
            None => language().map(|(_, recipe)| recipe),
        };
        let recipe = recipe.ok_or_else(|| BuildError::NoRecipe {
            repository: self.to_string(),
        })?;
        Ok(Self {
            reference: Some(commit.to_owned()),
            recipe: Some(recipe),
            ..self.clone()
        })
    }

    /// What Podman is told to build from: `URL#COMMIT:FOLDER`.
    pub fn context(&self) -> String {
        let mut context = self.url.clone();
        if let Some(reference) = &self.reference {
            context = format!("{context}#{reference}");
        }
        match &self.folder {
            Some(folder) => format!("{context}:{folder}"),
            None => context,
        }
    }

    /// What it is built on, where it has no recipe of its own.
    pub(super) fn base<'a>(&self, settings: &'a settings::Build) -> Option<&'a ImageReference> {
        match self.recipe.as_ref()? {
            Recipe::Own(_) => None,
            Recipe::Node => Some(&settings.node),
            Recipe::Python => Some(&settings.python),
            Recipe::Rust => Some(&settings.rust),
            Recipe::Go => Some(&settings.go),
        }
    }

    /// Builds and installs what is in the folder, and says where its commands lie.
    pub(super) fn install(
        &self,
        build: &Build,
        file: &mut Containerfile,
    ) -> Result<&'static str, ContainerfileError> {
        file.copy_context(SOURCE);
        match self.recipe {
            Some(Recipe::Python) => super::pypi::install_folder(SOURCE, build, file),
            Some(Recipe::Rust) => super::cargo::install_folder(SOURCE, build, file),
            Some(Recipe::Go) => super::go::install_folder(SOURCE, build, file),
            Some(Recipe::Node | Recipe::Own(_)) | None => {
                super::npm::install_folder(SOURCE, build, file)
            }
        }
    }
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "git+{}", self.context())
    }
}

/// Letters, digits, `.`, `_`, `-`, `/` and some others, a letter or digit or dot first, and no way up.
fn is_path(text: &str, others: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c) || others.contains(c);
    !text.is_empty()
        && text.len() <= 1000
        && text.chars().all(legal)
        && text
            .split('/')
            .all(|part| !part.starts_with('-') && part != "..")
}

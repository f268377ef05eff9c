//! `server.json` as it is written, in every form the registry has served.
//!
//! Today's is camelCase; the flat form of September 2025 was snake_case, and the seed of May 2025 had other names.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::catalog::text::Line;

/// One item of a list: a document beside its `_meta`, or, in the old forms, the document alone.
#[derive(Deserialize)]
pub(super) struct Item<'a> {
    #[serde(borrow)]
    pub(super) server: Option<&'a RawValue>,
    #[serde(rename = "_meta")]
    pub(super) meta: Option<Meta>,
}

/// What the registry says about a document. Other registries may leave it out.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Meta {
    #[serde(rename = "io.modelcontextprotocol.registry/official")]
    pub(super) official: Option<Official>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Official {
    pub(super) status: Option<String>,
    #[serde(rename = "statusMessage", alias = "status_message")]
    pub(super) status_message: Option<Line>,
    #[serde(rename = "publishedAt", alias = "published_at")]
    pub(super) published_at: Option<String>,
    #[serde(rename = "updatedAt", alias = "updated_at")]
    pub(super) updated_at: Option<String>,
    #[serde(rename = "isLatest", alias = "is_latest")]
    pub(super) is_latest: Option<bool>,
}

/// What is needed to choose among the versions of a server.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) version_detail: Option<VersionDetail>,
    pub(super) status: Option<String>,
    #[serde(rename = "_meta")]
    pub(super) meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
pub(super) struct VersionDetail {
    pub(super) version: Option<String>,
    pub(super) release_date: Option<String>,
}

/// A document without what [`Head`] has of it.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) title: Option<Line>,
    pub(super) description: Option<Line>,
    pub(super) repository: Option<Repository>,
    #[serde(rename = "websiteUrl", alias = "website_url")]
    pub(super) website_url: Option<Line>,
    pub(super) packages: Option<Vec<Package>>,
    pub(super) remotes: Option<Vec<Remote>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub(super) url: Option<String>,
    pub(super) subfolder: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Package {
    #[serde(
        rename = "registryType",
        alias = "registry_type",
        alias = "registry_name"
    )]
    pub(super) registry_type: Option<String>,
    #[serde(rename = "registryBaseUrl", alias = "registry_base_url")]
    pub(super) registry_base_url: Option<String>,
    #[serde(alias = "name")]
    pub(super) identifier: Option<String>,
    pub(super) version: Option<String>,
    #[serde(rename = "fileSha256", alias = "file_sha256")]
    pub(super) file_sha256: Option<Line>,
    pub(super) transport: Option<Remote>,
    #[serde(rename = "runtimeArguments", alias = "runtime_arguments")]
    pub(super) runtime_arguments: Option<Vec<Argument>>,
    #[serde(rename = "packageArguments", alias = "package_arguments")]
    pub(super) arguments: Option<Vec<Argument>>,
    #[serde(rename = "environmentVariables", alias = "environment_variables")]
    pub(super) environment_variables: Option<Vec<Field>>,
}

/// A remote server, or how a package is spoken to.
#[derive(Debug, Deserialize)]
pub(super) struct Remote {
    #[serde(rename = "type", alias = "transport_type")]
    pub(super) kind: Option<String>,
    pub(super) url: Option<String>,
    pub(super) headers: Option<Vec<Field>>,
    pub(super) variables: Option<BTreeMap<String, Field>>,
}

/// An argument of a command line.
#[derive(Debug, Deserialize)]
pub(super) struct Argument {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(rename = "valueHint", alias = "value_hint")]
    pub(super) value_hint: Option<String>,
    #[serde(rename = "isRepeated", alias = "is_repeated")]
    pub(super) is_repeated: Option<bool>,
    #[serde(flatten)]
    pub(super) field: Field,
}

/// A value with its description: a variable of the environment, a header, an argument, a variable of a template.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Field {
    #[serde(default)]
    pub(super) name: Option<String>,
    pub(super) description: Option<Line>,
    pub(super) value: Option<String>,
    pub(super) default: Option<String>,
    pub(super) placeholder: Option<Line>,
    pub(super) format: Option<String>,
    pub(super) choices: Option<Vec<String>>,
    #[serde(rename = "isRequired", alias = "is_required")]
    pub(super) is_required: Option<bool>,
    #[serde(rename = "isSecret", alias = "is_secret")]
    pub(super) is_secret: Option<bool>,
    pub(super) variables: Option<BTreeMap<String, Field>>,
}

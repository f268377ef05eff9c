//! Wishes: what an agent wants to do, as far as the user's consent depends on it.

use super::consent::Wish;
use crate::activation::choices::{Choices, Network};
use crate::catalog::{self, Entry, InputPath, LaunchOption, Listing, Run, Template};
use crate::orchestrator::add::Request;
use crate::orchestrator::outline::Outline;
use crate::quadlet::value::Assignment;

/// The sources of which it is known who answers for an entry: those that look at it before they publish it, and the official registry,
/// where whoever publishes has shown that the domain or the account in its name is theirs.
pub(super) const CURATED: [&str; 3] = ["builtin", "docker", "official"];

/// The wish to add a server.
pub(super) fn to_add(request: &Request, outline: &Outline) -> Wish {
    let Choices {
        inputs,
        environment,
        network,
        ..
    } = &request.choices;
    let mut wider = Vec::new();
    let is_open = match &outline.launch.run {
        Run::Local(local) => local.network == catalog::Network::Open,
        Run::Remote(_) => true,
    };
    if *network == Some(Network::Open) && !is_open {
        wider.push("it is to have an open network, which it does not declare".to_owned());
    }
    if let Some(build) = &outline.build {
        wider.push(format!("its image is to be built here from {build}"));
    }
    if let Run::Remote(remote) = &outline.launch.run {
        wider.extend(addressed(inputs, &remote.endpoint.url));
    }
    wider.extend(variables(environment));
    let paths: Vec<String> = outline.paths().collect();
    wider.extend(given_away(inputs, &paths));
    // Whatever the user stored for another server must not become this one's by its name.
    if outline.name != outline.own_name && outline.secrets().next().is_some() {
        wider.push(format!(
            "it gets the secrets that are stored for {}",
            outline.name
        ));
    }
    let listing = outline.listing.as_ref();
    Wish {
        source: listing.map(|listing| source(listing, &outline.launch)),
        declared: outline.is_declared(),
        wider,
    }
}

/// What variables would change.
pub(super) fn variables(environment: &[Assignment]) -> impl Iterator<Item = String> {
    let named = environment.iter();
    named.map(|variable| {
        let name = shown(&variable.name);
        format!("{name} is to be set in its environment")
    })
}

/// What inputs would say of where a remote server is.
fn addressed(inputs: &[Assignment], url: &Template) -> impl Iterator<Item = String> {
    let names: Vec<&str> = url.inputs().map(InputPath::as_str).collect();
    let given = inputs.iter();
    let given = given.filter(move |given| names.contains(&given.name.as_str()));
    given.map(|given| {
        let value = shown(&given.value);
        format!("{value} is to be part of its address")
    })
}

/// What inputs that are files or folders would give away.
pub(super) fn given_away(inputs: &[Assignment], paths: &[String]) -> impl Iterator<Item = String> {
    let given = inputs.iter().filter(|given| paths.contains(&given.name));
    given.map(|given| {
        let path = shown(&given.value);
        format!("it is to see {path}, a file or folder of yours")
    })
}

/// What an agent wrote, as a part of a question to its user: on one line, so that it cannot pass for the question's end.
fn shown(text: &str) -> String {
    crate::text::shortened(&crate::text::one_line(text), 200)
}

/// The source that answers for a way to run a server: a curated one, if any of them declares the same artifact.
fn source(listing: &Listing, option: &LaunchOption) -> String {
    let declares = |entry: &&Entry| {
        entry
            .launch
            .iter()
            .any(|own| match (&own.run, &option.run) {
                (Run::Local(own), Run::Local(wanted)) => own.artifact == wanted.artifact,
                (own, wanted) => own == wanted,
            })
    };
    let single = listing.members.is_empty().then_some(&listing.entry);
    let mut sources = listing
        .members
        .iter()
        .chain(single)
        .filter(declares)
        .map(|entry| entry.id.source());
    let curated = sources.clone().find(|source| CURATED.contains(source));
    curated
        .or_else(|| sources.next())
        .unwrap_or_else(|| listing.entry.id.source())
        .to_owned()
}

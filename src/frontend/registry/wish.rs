//! Wishes: what an agent wants to do, as far as the user's consent depends on it.

use super::consent::Wish;
use crate::activation::choices::{Choices, Network};
use crate::catalog::{
    AllowedHost, Entry, HostPattern, InputKind, InputPath, InputValue, LaunchOption, Listing,
    Network as Declared, Run,
};
use crate::orchestrator::add::Request;
use crate::orchestrator::outline::Outline;
use crate::quadlet::value::Assignment;
use crate::session::definitions::Change;

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
    if let (Some(network), Run::Local(local)) = (network, &outline.launch.run)
        && !network.is_within(&local.network)
    {
        let wanted = match network {
            Network::None | Network::Open => format!("an {network} network"),
            Network::Allow(_) => format!("the network {network}"),
        };
        wider.push(format!("it is to have {wanted}, which it does not declare"));
    }
    if let Some(build) = &outline.build {
        wider.push(format!("its image is to be built here from {build}"));
    }
    if outline.is_command() {
        wider.push(
            "it is a program of this host, which runs in a sandbox but in no container".to_owned(),
        );
    }
    wider.extend(variables(environment));
    let option = outline.known();
    wider.extend(opened(inputs, option));
    if outline.whole.is_none() {
        // What it makes of them is known when it was fetched.
        wider.extend(inputs.iter().map(|given| {
            let (name, value) = (shown(&given.name), shown(&given.value));
            format!("its {name} is to be {value}")
        }));
    }
    let has_secrets = outline.secrets().next().is_some();
    wider.extend(trusted_with_secrets(
        inputs,
        option,
        network.as_ref(),
        has_secrets,
    ));
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

/// What values of inputs would open to a server, or where they would lead it: files and folders of the host, and the address of a remote
/// one, to which its secrets go.
pub(super) fn opened(inputs: &[Assignment], option: &LaunchOption) -> Vec<String> {
    let mounted = option.mounted();
    let is_path = |name: &str| {
        let mut known = option.inputs.iter();
        mounted.contains(name)
            || known.any(|input| input.path.as_str() == name && input.kind == InputKind::Path)
    };
    let addressing: Vec<&str> = match &option.run {
        Run::Remote(remote) => remote
            .endpoint
            .url
            .inputs()
            .map(InputPath::as_str)
            .collect(),
        Run::Local(_) => Vec::new(),
    };
    let words = |given: &Assignment| {
        let value = shown(&given.value);
        if is_path(&given.name) {
            Some(format!("it is to see {value}, a file or folder of yours"))
        } else if addressing.contains(&given.name.as_str()) {
            Some(format!("{value} is to be part of its address"))
        } else {
            None
        }
    };
    inputs.iter().filter_map(words).collect()
}

/// What values of inputs look like addresses that an agent chose, for a server that has secrets and this network: whoever is there gets
/// what the server logs in with.
pub(super) fn trusted_with_secrets(
    inputs: &[Assignment],
    option: &LaunchOption,
    network: Option<&Network>,
    has_secrets: bool,
) -> Vec<String> {
    if !has_secrets || !sees_strangers(network, option) {
        return Vec::new();
    }
    // Where the entry itself lists what can be chosen, or has it by default, it answers for it.
    let is_own = |given: &Assignment| {
        let mut known = option.inputs.iter();
        let input = known.find(|input| input.path.as_str() == given.name);
        input.is_some_and(|input| {
            let default = InputValue::One(given.value.clone());
            input.choices.contains(&given.value) || input.default.as_ref() == Some(&default)
        })
    };
    let given = inputs.iter();
    let given = given.filter(|given| names_host(&given.value) && !is_own(given));
    given
        .map(|given| {
            let value = shown(&given.value);
            format!("its secrets may be sent to {value}")
        })
        .collect()
}

/// What would be accepted unseen of what is held back, in words.
pub(super) fn accepted(held: &[Change]) -> Option<String> {
    if held.is_empty() {
        return None;
    }
    let names: Vec<String> = held.iter().map(|change| shown(&change.tool)).collect();
    Some(format!(
        "its tools {} are not what was accepted, and then they would be",
        shown(&names.join(", "))
    ))
}

/// Whether a server of this network may reach hosts that its entry does not name.
fn sees_strangers(network: Option<&Network>, option: &LaunchOption) -> bool {
    let is_any = |host: &AllowedHost| host.host == HostPattern::Any;
    match (network, &option.run) {
        // Of a remote one its address is asked about.
        (_, Run::Remote(_)) | (Some(Network::None), _) => false,
        (Some(Network::Open), _) => true,
        (Some(Network::Allow(hosts)), _) => hosts.iter().any(is_any),
        (None, Run::Local(local)) => match &local.network {
            Declared::None => false,
            Declared::Open | Declared::Unstated => true,
            Declared::Allow(hosts) => hosts.iter().any(is_any),
        },
    }
}

/// Whether a value is an address, or the name of a host with a dot in it.
fn names_host(value: &str) -> bool {
    if value.contains("://") {
        return true;
    }
    let host = value.split('/').next().unwrap_or_default();
    let is_name = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or_default();
        name.contains('.') && last.chars().all(|c| c.is_ascii_alphabetic())
    };
    match host.parse::<AllowedHost>().map(|allowed| allowed.host) {
        Ok(HostPattern::Name(name)) => is_name(&name),
        Ok(HostPattern::Addresses(_)) => true,
        _ => false,
    }
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

//! The template of the bridges to a server that is spoken to over HTTP: one for each connection.

use std::time::Duration;

use super::container::push_limits;
use super::{push_connection, session};
use crate::activation::build::proxy_of_host;
use crate::activation::endpoint::{Endpoint, Header, Value};
use crate::activation::plan::{Origin, Plan};
use crate::catalog::HttpProtocol;
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::{service, unit};
use crate::quadlet::name::ServerName;
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::Assignment;

/// How long a server in a container may take until it answers: less than a session may take to open, so that its client hears why not.
pub(super) const AWAIT: Duration = Duration::from_secs(40);

/// How long a bridge may take to tell its server that the session is over.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the template of the bridges. `program` is mcpod itself, by a path that stays.
pub(super) fn bridge(
    plan: &Plan,
    endpoint: &Endpoint,
    program: &str,
) -> Result<UnitFile, ValueError> {
    let name = &plan.name;
    let mut file = session(name)?;
    if plan.http.is_some() {
        // It runs as long as it is wanted. Were it required, a client would hear nothing of why it does not start.
        file.push(unit::WANTS, &name.server_unit())?;
        file.push(unit::AFTER, &name.server_unit())?;
    }
    file.push(service::TYPE, "exec")?;
    file.push(
        service::EXEC_START,
        command(plan, endpoint, program).as_slice(),
    )?;
    push_connection(&mut file, name)?;
    if let Some(bundle) = &plan.ca_bundle {
        file.push(
            service::ENVIRONMENT,
            &Assignment::new("SSL_CERT_FILE", bundle),
        )?;
    }
    if let Some(proxy) = &plan.proxy {
        for variable in ["HTTP_PROXY", "HTTPS_PROXY"] {
            file.push(
                service::ENVIRONMENT,
                &Assignment::new(variable, proxy_of_host(proxy)),
            )?;
        }
    }
    file.push(service::NO_NEW_PRIVILEGES, &true)?;
    push_limits(&mut file, &plan.limits)?;
    file.push(service::TIMEOUT_STOP, &STOP_TIMEOUT)?;
    Ok(file)
}

/// The command that returns when a server in a container answers, or does not in [`AWAIT`].
pub(super) fn await_command(name: &ServerName, endpoint: &Endpoint, program: &str) -> Vec<String> {
    let mut words = vec![
        program.to_owned(),
        "bridge".to_owned(),
        format!("--container={name}"),
        format!("--await={}", AWAIT.as_secs()),
    ];
    if endpoint.protocol == HttpProtocol::Sse {
        words.push("--sse".to_owned());
    }
    words.extend(match &endpoint.url {
        Value::Open(url) => Some(format!("--url={url}")),
        Value::Secret(_) => None,
    });
    words
}

/// The command of a bridge. Each value is one word with its option, so that none is read as an option itself.
fn command(plan: &Plan, endpoint: &Endpoint, program: &str) -> Vec<String> {
    let Endpoint {
        protocol,
        shown: _,
        url,
        headers,
    } = endpoint;
    let mut words = vec![program.to_owned(), "bridge".to_owned()];
    if plan.http.is_some() {
        words.push(format!("--container={}", plan.name));
    }
    if *protocol == HttpProtocol::Sse {
        words.push("--sse".to_owned());
    }
    // Whoever shows a key of their own does not log in beside it.
    let shows_key = |header: &Header| header.name.eq_ignore_ascii_case("authorization");
    if matches!(plan.origin, Origin::Remote(_)) && !headers.iter().any(shows_key) {
        words.push(format!("--login={}", plan.name));
    }
    for header in headers {
        words.push(match &header.value {
            Value::Open(value) => format!("--header={}={value}", header.name),
            Value::Secret(secret) => format!("--secret-header={}={secret}", header.name),
        });
    }
    words.push(match url {
        Value::Open(url) => format!("--url={url}"),
        Value::Secret(secret) => format!("--secret-url={secret}"),
    });
    words
}

#[cfg(test)]
mod tests;

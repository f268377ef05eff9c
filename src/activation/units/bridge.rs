//! The template of the bridges to a server that is spoken to over HTTP: one for each connection.

use std::time::Duration;

use super::{instances, limits};
use crate::activation::endpoint::{Endpoint, Value};
use crate::activation::plan::Plan;
use crate::catalog::HttpProtocol;
use crate::guard::SLICE_UNIT;
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::service;
use crate::quadlet::name::UnitName;
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::Assignment;

/// How long a bridge may take to tell its server that the session is over.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the template of the bridges. `program` is mcpod itself, by a path that stays.
pub(super) fn bridge(
    plan: &Plan,
    endpoint: &Endpoint,
    program: &str,
) -> Result<UnitFile, ValueError> {
    let mut file = instances(plan, &command(endpoint, program))?;
    if let Some(bundle) = &plan.ca_bundle {
        file.push(
            service::ENVIRONMENT,
            &Assignment::new("SSL_CERT_FILE", bundle),
        )?;
    }
    if let Some(proxy) = &plan.proxy {
        for variable in ["HTTP_PROXY", "HTTPS_PROXY"] {
            file.push(service::ENVIRONMENT, &Assignment::new(variable, proxy))?;
        }
    }
    file.push(service::SLICE, &UnitName::from_systemd(SLICE_UNIT))?;
    file.push(service::NO_NEW_PRIVILEGES, &true)?;
    limits(&mut file, &plan.limits)?;
    file.push(service::TIMEOUT_STOP, &STOP_TIMEOUT)?;
    Ok(file)
}

/// The command of a bridge. Each value is one word with its option, so that none is read as an option itself.
fn command(endpoint: &Endpoint, program: &str) -> Vec<String> {
    let Endpoint {
        protocol,
        shown: _,
        url,
        headers,
    } = endpoint;
    let mut words = vec![program.to_owned(), "bridge".to_owned()];
    if *protocol == HttpProtocol::Sse {
        words.push("--sse".to_owned());
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

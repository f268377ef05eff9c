//! The template of the bridges to a server that is spoken to over HTTP: one for each connection.

use std::time::Duration;

use crate::activation::endpoint::{Endpoint, Value};
use crate::activation::plan::Plan;
use crate::catalog::HttpProtocol;
use crate::guard::{GUARD_UNIT, SLICE_UNIT};
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::{service, unit};
use crate::quadlet::name::UnitName;
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::{Assignment, CpuShare, Specifier, Stream, Text};
use crate::systemd::journal;

/// How long a bridge may take to tell its server that the session is over.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the template of the bridges. `program` is mcpod itself, by a path that stays.
pub(super) fn bridge(
    plan: &Plan,
    endpoint: &Endpoint,
    program: &str,
) -> Result<UnitFile, ValueError> {
    let name = &plan.name;
    let mut file = UnitFile::new();
    file.push(
        unit::DESCRIPTION,
        &Text::from(&*format!("MCP server {name}, session ")).and(Specifier::Instance),
    )?;
    file.push(unit::COLLECT_MODE, "inactive-or-failed")?;
    file.push(unit::WANTS, &UnitName::from_systemd(GUARD_UNIT))?;
    file.push(service::TYPE, "exec")?;
    file.push(service::EXEC_START, command(endpoint, program).as_slice())?;
    file.push(service::STANDARD_INPUT, "socket")?;
    file.push(service::STANDARD_OUTPUT, "socket")?;
    // As that of a container: see the guard's relay.
    let (before, behind) = journal::log_file_around(name);
    let log = Text::from(Specifier::RuntimeDirectory)
        .and(&*format!("/mcpod/{before}"))
        .and(Specifier::Instance)
        .and(behind);
    file.push(service::STANDARD_ERROR, &Stream::Append(log))?;
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
    file.push(service::MEMORY_MAX, &plan.limits.memory.bytes())?;
    file.push(service::MEMORY_SWAP_MAX, &0)?;
    file.push(service::TASKS_MAX, &u64::from(plan.limits.tasks))?;
    if let Some(cpus) = plan.limits.cpus {
        file.push(service::CPU_QUOTA, &CpuShare(cpus.percent()))?;
    }
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

//! A server as a manifest of Kubernetes, for where one machine is not enough.
//!
//! One session is one pod: its standard input and output are the connection, as with a container here
//! (`kubectl create -f FILE`, `kubectl attach --stdin POD`). What the sandbox is made of has its like there; what has not is said
//! in comments at the top.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::choices::Network;
use super::plan::Plan;
use crate::quadlet::name::ServerName;

/// How much a volume asks for: Podman's have no size, Kubernetes' must have one.
const VOLUME_SIZE: &str = "1Gi";

/// Folders in memory that a server may write to, as Podman gives them to a container that is read-only.
const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/run"];

/// The manifest of a plan whose image is this.
pub fn manifest(plan: &Plan, image: &str) -> String {
    let name = format!("mcpod-{}", plan.name);
    let labels = json!({"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "mcpod"});
    let mut documents = Vec::new();
    for volume in &plan.invocation.volumes {
        documents.push(json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim(&plan.name, &volume.name), "labels": labels},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": VOLUME_SIZE}},
            },
        }));
    }
    let egress = match plan.network {
        Network::None => json!(["Ingress", "Egress"]),
        Network::Open => json!(["Ingress"]),
    };
    documents.push(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "labels": labels},
        "spec": {"podSelector": {"matchLabels": labels}, "policyTypes": egress},
    }));
    documents.push(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": pod(plan, image),
    }));
    let mut text = remarks(plan);
    for document in &documents {
        text.push_str("---\n");
        write(&mut text, document, 0);
    }
    text
}

fn pod(plan: &Plan, image: &str) -> Value {
    let invocation = &plan.invocation;
    let mut mounts = Vec::new();
    let mut volumes = Vec::new();
    for (at, path) in TEMPORARY.iter().enumerate() {
        let name = format!("temporary-{at}");
        mounts.push(json!({"name": name, "mountPath": path}));
        volumes.push(json!({"name": name, "emptyDir": {"medium": "Memory"}}));
    }
    for (at, bind) in invocation.binds.iter().enumerate() {
        let name = format!("host-{at}");
        mounts.push(json!({"name": name, "mountPath": bind.target, "readOnly": bind.read_only}));
        volumes.push(json!({"name": name, "hostPath": {"path": bind.source}}));
    }
    for (at, volume) in invocation.volumes.iter().enumerate() {
        let name = format!("volume-{at}");
        mounts.push(json!({
            "name": name, "mountPath": volume.target, "readOnly": volume.read_only,
        }));
        let claim = claim(&plan.name, &volume.name);
        volumes.push(json!({"name": name, "persistentVolumeClaim": {"claimName": claim}}));
    }
    let mut environment: Vec<Value> = invocation
        .environment
        .iter()
        .map(|variable| json!({"name": variable.name, "value": escaped(&variable.value)}))
        .collect();
    for secret in &invocation.secret_variables {
        environment.push(json!({
            "name": secret.variable,
            "valueFrom": {"secretKeyRef": {"name": secret_name(&secret.secret), "key": "value"}},
        }));
    }
    let mut limits = Map::new();
    limits.insert(
        "memory".to_owned(),
        plan.limits.memory.bytes().to_string().into(),
    );
    if let Some(cpus) = plan.limits.cpus {
        // A hundredth of a processor is ten of its thousandths.
        limits.insert("cpu".to_owned(), format!("{}m", cpus.percent() * 10).into());
    }
    let args: Vec<String> = invocation.args.iter().map(|word| escaped(word)).collect();
    // None are as good as no list: the image's own count.
    let container = json!({
        "name": "server", "image": image, "args": args, "stdin": true, "stdinOnce": true,
        "env": environment, "volumeMounts": mounts,
        "resources": {"limits": limits},
        "securityContext": {
            "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
        },
    });
    json!({
        "restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false,
        "hostUsers": false, "containers": [container], "volumes": volumes,
    })
}

/// Kubernetes puts variables where `$(NAME)` stands; `$$` stands for a `$`.
fn escaped(text: &str) -> String {
    text.replace("$(", "$$(")
}

/// The name of a volume's claim: Kubernetes takes no underscores.
fn claim(server: &ServerName, volume: &str) -> String {
    kubernetes_name(server.volume(volume).as_str())
}

/// The name of the secret that a secret of Podman's becomes.
fn secret_name(podman: &str) -> String {
    kubernetes_name(podman)
}

/// A name as Kubernetes takes it: small letters, digits and dashes, and one of the first two at either end.
fn kubernetes_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    name.trim_matches('-').to_owned()
}

/// What the reader has to know and do.
fn remarks(plan: &Plan) -> String {
    let mut lines = vec![
        format!("The MCP server {}, one pod for one session:", plan.name),
        format!(
            "  kubectl create -f FILE; kubectl attach --stdin --quiet mcpod-{}",
            plan.name
        ),
    ];
    for secret in &plan.invocation.secret_variables {
        lines.push(format!(
            "Needs a secret: kubectl create secret generic {} --from-file=value=FILE",
            secret_name(&secret.secret)
        ));
    }
    for bind in &plan.invocation.binds {
        lines.push(format!(
            "{} is a folder of the node that the pod comes to run on.",
            bind.source
        ));
    }
    if plan.origin.build().is_some() {
        lines.push(
            "Its image was built on one host: push it to a registry, and name it there.".to_owned(),
        );
    }
    if plan.network == Network::None {
        lines.push("It sees no network where the cluster enforces network policies.".to_owned());
    }
    lines.iter().fold(String::new(), |mut text, line| {
        // Writing to a String cannot fail.
        writeln!(
            text,
            "# {}",
            crate::text::for_terminal(line).replace('\n', " ")
        )
        .ok();
        text
    })
}

/// Writes a value as YAML by lines. Scalars are written as JSON, which YAML takes too.
fn write(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                write!(text, "{:indent$}{key}:", "").ok();
                write_below(text, value, indent);
            }
        }
        Value::Array(values) => {
            for value in values {
                match value {
                    Value::Object(table) if !table.is_empty() => {
                        let mut item = String::new();
                        write(&mut item, value, indent + 2);
                        // The dash stands where the first key would be indented.
                        let rest = item.get(indent + 2..).unwrap_or_default();
                        writeln!(text, "{:indent$}- {}", "", rest.trim_end()).ok();
                    }
                    value => {
                        writeln!(text, "{:indent$}- {}", "", scalar(value)).ok();
                    }
                }
            }
        }
        value => {
            writeln!(text, "{:indent$}{}", "", scalar(value)).ok();
        }
    }
}

fn write_below(text: &mut String, value: &Value, indent: usize) {
    let is_empty = match value {
        Value::Object(table) => table.is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => true,
    };
    if is_empty {
        writeln!(text, " {}", scalar(value)).ok();
    } else {
        text.push('\n');
        write(text, value, indent + 2);
    }
}

/// A value on one line, nothing in it hidden.
fn scalar(value: &Value) -> String {
    crate::text::escaped(&value.to_string())
}

#[cfg(test)]
mod tests;

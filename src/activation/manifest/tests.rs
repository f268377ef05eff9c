use super::*;
use crate::activation::choices::Choices;
use crate::catalog::source::builtin;
use crate::quadlet::value::Assignment;
use crate::secret::Secret;
use crate::settings::Settings;

/// The manifest of an entry of the builtin catalog under the name x.
fn manifest_of(entry: &str, choices: &Choices) -> String {
    let catalog = builtin::parse();
    let entry = catalog
        .entries
        .iter()
        .find(|known| known.id.native() == entry)
        .unwrap();
    let plan = Plan::new(
        &entry.id.to_string(),
        &entry.launch,
        "x".parse().unwrap(),
        choices,
        &Settings::default(),
    )
    .unwrap();
    manifest(&plan, "docker.io/mcp/x@sha256:1")
}

/// The documents of a manifest, by kind.
fn document(manifest: &str, kind: &str) -> Value {
    let documents = manifest.split("---\n").skip(1);
    let mut read = documents.map(|text| serde_saphyr::from_str::<Value>(text).unwrap());
    read.find(|document| document["kind"] == kind)
        .unwrap_or_else(|| panic!("no {kind} in {manifest}"))
}

#[test]
fn a_pod_is_as_closed_as_a_container_here() {
    let text = manifest_of("time", &Choices::default());
    let pod = document(&text, "Pod");
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["image"], "docker.io/mcp/x@sha256:1");
    assert_eq!(container["stdin"], true);
    assert_eq!(
        container["securityContext"],
        json!({
            "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
        })
    );
    assert_eq!(container["resources"]["limits"]["memory"], "1073741824");
    assert_eq!(pod["spec"]["hostUsers"], false);
    assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
    let policy = document(&text, "NetworkPolicy");
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(
        policy["spec"]["podSelector"]["matchLabels"],
        pod["metadata"]["labels"]
    );
    let open = Choices {
        network: Some(Network::Open),
        ..Choices::default()
    };
    let policy = document(&manifest_of("time", &open), "NetworkPolicy");
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress"]));
}

#[test]
fn a_secret_is_named_and_what_is_given_stays_what_it_is() {
    let hostile = "a: b # $(HOME) {x} \u{202e}\n- \"c\"";
    let choices = Choices {
        environment: vec![Assignment::new("LABEL", hostile)],
        secrets: [("TOKEN".to_owned(), Some(Secret::from("5ec7e7")))].into(),
        ..Choices::default()
    };
    let text = manifest_of("time", &choices);
    assert!(
        !text.contains("5ec7e7") && !text.contains('\u{202e}'),
        "{text}"
    );
    assert!(
        text.contains("kubectl create secret generic mcpod-x-token"),
        "{text}"
    );
    let pod = document(&text, "Pod");
    let environment = pod["spec"]["containers"][0]["env"].as_array().unwrap();
    let of = |name: &str| {
        let found = environment.iter().find(|variable| variable["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {environment:?}"))
    };
    assert_eq!(of("LABEL")["value"], hostile.replace("$(", "$$("));
    assert_eq!(
        of("TOKEN")["valueFrom"]["secretKeyRef"],
        json!({"name": "mcpod-x-token", "key": "value"})
    );
}

#[test]
fn folders_and_volumes_come_along() {
    let choices = Choices {
        inputs: vec![Assignment::new("paths", "/home/tester/notes")],
        ..Choices::default()
    };
    let text = manifest_of("filesystem", &choices);
    let pod = document(&text, "Pod");
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    assert!(
        volumes
            .iter()
            .any(|volume| volume["hostPath"]["path"] == "/home/tester/notes")
    );
    assert!(
        text.contains("# /home/tester/notes is a folder of the node"),
        "{text}"
    );
    assert_eq!(
        pod["spec"]["containers"][0]["args"],
        json!(["/home/tester/notes"])
    );

    let text = manifest_of("memory", &Choices::default());
    let claim = document(&text, "PersistentVolumeClaim");
    let pod = document(&text, "Pod");
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let name = &claim["metadata"]["name"];
    assert!(
        volumes
            .iter()
            .any(|volume| volume["persistentVolumeClaim"]["claimName"] == *name)
    );
}

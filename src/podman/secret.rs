//! Secrets of Podman: named values that containers get at their start. A driver keeps them (podman-secret-create(1)).

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use zeroize::{Zeroize as _, Zeroizing};

use super::request::Request;
use super::{Podman, PodmanError};
use crate::secret::Secret;

/// Who keeps a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretDriver {
    /// Podman itself, in a file that whoever can read the user's files can read.
    File,
    /// Commands that a shell runs, with the secret's id in `SECRET_ID`.
    Shell {
        /// Takes a value on its standard input.
        store: String,
        /// Prints the value.
        lookup: String,
        /// Forgets the value.
        delete: String,
        /// Prints all ids.
        list: String,
    },
}

/// The label of secrets and volumes that says which entry of the catalog they were made for.
pub const ENTRY_LABEL: &str = "io.mcpod.entry";

/// A secret as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSecret {
    /// Its value.
    pub value: Secret,
    /// The entry that it was stored for, if that was known.
    pub entry: Option<String>,
}

/// A volume as Podman knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVolume {
    /// The entry that it was made for, if that is known.
    pub entry: Option<String>,
}

/// A secret without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretListing {
    /// Its name.
    pub name: String,
    /// The name of the driver that keeps it.
    pub driver: String,
    /// When it was last set, as Podman writes it (RFC 3339).
    pub updated: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    #[serde(default)]
    updated_at: String,
    spec: Spec,
    #[serde(default)]
    secret_data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Spec {
    name: String,
    driver: Driver,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedVolume {
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Driver {
    name: String,
}

impl Podman {
    /// Stores a secret under a name, in place of what has it.
    pub async fn store_secret(
        &self,
        name: &str,
        secret: &KeptSecret,
        driver: &SecretDriver,
    ) -> Result<(), PodmanError> {
        let KeptSecret { value, entry } = secret;
        let mut query = vec![("name", name.to_owned()), ("replace", "true".to_owned())];
        if let Some(entry) = entry {
            let labels = BTreeMap::from([(ENTRY_LABEL, entry)]);
            query.push(("labels", serde_json::json!(labels).to_string()));
        }
        match driver {
            SecretDriver::File => query.push(("driver", "file".to_owned())),
            SecretDriver::Shell {
                store,
                lookup,
                delete,
                list,
            } => {
                let options = BTreeMap::from([
                    ("store", store),
                    ("lookup", lookup),
                    ("delete", delete),
                    ("list", list),
                ]);
                query.push(("driver", "shell".to_owned()));
                query.push(("driveropts", serde_json::json!(options).to_string()));
            }
        }
        let request = Request {
            what: "the storing of a secret",
            method: Method::POST,
            path: "secrets/create".to_owned(),
            query,
            body: value.expose(),
        };
        request.send(&self.socket).await.map(drop)
    }

    /// A secret with its value; none where there is no such.
    pub async fn secret(&self, name: &str) -> Result<Option<KeptSecret>, PodmanError> {
        let what = "a secret";
        let request = Request {
            what,
            method: Method::GET,
            path: format!("secrets/{name}/json"),
            query: vec![("showsecret", "true".to_owned())],
            body: "",
        };
        let answer = match request.send(&self.socket).await {
            Ok(answer) => Zeroizing::new(answer),
            Err(PodmanError::Api { status: 404, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        // The reason could quote the value.
        let inspected: Inspected =
            serde_json::from_slice(&answer).map_err(|_| PodmanError::Unreadable {
                request: what,
                reason: "it is not what the API says".to_owned(),
            })?;
        Ok(Some(KeptSecret {
            value: inspected.secret_data.into(),
            entry: entry_of(inspected.spec.labels),
        }))
    }

    /// All secrets whose names begin so, without their values.
    pub async fn secrets(&self, prefix: &str) -> Result<Vec<SecretListing>, PodmanError> {
        let what = "the list of secrets";
        let request = Request {
            what,
            method: Method::GET,
            path: "secrets/json".to_owned(),
            query: Vec::new(),
            body: "",
        };
        let answer = request.send(&self.socket).await?;
        let all: Vec<Inspected> =
            serde_json::from_slice(&answer).map_err(|error| PodmanError::Unreadable {
                request: what,
                reason: error.to_string(),
            })?;
        let mut found: Vec<SecretListing> = all
            .into_iter()
            .filter(|secret| secret.spec.name.starts_with(prefix))
            .map(|mut secret| {
                secret.secret_data.zeroize();
                SecretListing {
                    name: secret.spec.name,
                    driver: secret.spec.driver.name,
                    updated: secret.updated_at,
                }
            })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Removes a secret; `false` where there is none.
    pub async fn remove_secret(&self, name: &str) -> Result<bool, PodmanError> {
        self.delete("the removal of a secret", format!("secrets/{name}"))
            .await
    }

    /// Removes a volume with all that is in it; `false` where there is none.
    pub async fn remove_volume(&self, name: &str) -> Result<bool, PodmanError> {
        self.delete("the removal of a volume", format!("volumes/{name}"))
            .await
    }

    /// A volume; none where there is no such.
    pub async fn volume(&self, name: &str) -> Result<Option<KeptVolume>, PodmanError> {
        let what = "a volume";
        let request = Request {
            what,
            method: Method::GET,
            path: format!("volumes/{name}/json"),
            query: Vec::new(),
            body: "",
        };
        let answer = match request.send(&self.socket).await {
            Ok(answer) => answer,
            Err(PodmanError::Api { status: 404, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let inspected: InspectedVolume =
            serde_json::from_slice(&answer).map_err(|error| PodmanError::Unreadable {
                request: what,
                reason: error.to_string(),
            })?;
        Ok(Some(KeptVolume {
            entry: entry_of(inspected.labels),
        }))
    }

    async fn delete(&self, what: &'static str, path: String) -> Result<bool, PodmanError> {
        let request = Request {
            what,
            method: Method::DELETE,
            path,
            query: Vec::new(),
            body: "",
        };
        match request.send(&self.socket).await {
            Ok(_) => Ok(true),
            Err(PodmanError::Api { status: 404, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The entry that something was made for, by its labels.
fn entry_of(labels: Option<BTreeMap<String, String>>) -> Option<String> {
    labels?.remove(ENTRY_LABEL)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Answer, FakePodman};
    use super::*;

    const LISTED: &str = r#"{"ID": "1", "UpdatedAt": "2026-11-22T11:22:22Z", "Spec": {"Name": "mcpod-x_A", "Driver": {"Name": "shell"}}}"#;

    #[tokio::test]
    async fn a_value_is_sent_as_it_is() {
        let fake = FakePodman::start(|_| Answer::Json(200, r#"{"ID": "1"}"#.to_owned()));
        let driver = SecretDriver::Shell {
            store: "'m' store".to_owned(),
            lookup: "l".to_owned(),
            delete: "d".to_owned(),
            list: "i".to_owned(),
        };
        let secret = KeptSecret {
            value: "say \"hunter2\"\n".into(),
            entry: Some("docker:x".to_owned()),
        };
        fake.client()
            .store_secret("mcpod-x_A", &secret, &driver)
            .await
            .unwrap();
        let requests = fake.requests();
        let (target, body) = requests[0]
            .split_once(' ')
            .unwrap()
            .1
            .split_once(' ')
            .unwrap();
        assert_eq!(body, secret.value.expose());
        assert!(
            target.starts_with(
                "/v5.0.0/libpod/secrets/create?name=mcpod-x_A&replace=true&labels=%7B%22io.mcpod.entry%22%3A%22docker%3Ax%22%7D&driver=shell&driveropts="
            ),
            "{target}"
        );
        assert!(!target.contains("hunter2"));
    }

    #[tokio::test]
    async fn values_and_lists_are_read_and_what_is_missing_is_none() {
        let fake = FakePodman::start(|request| {
            let with_data = format!(
                r#"{}, "SecretData": "hunter2"}}"#,
                LISTED.trim_end_matches('}').to_owned() + "}}"
            );
            match request.split(' ').nth(1).unwrap() {
                "/v5.0.0/libpod/secrets/mcpod-x_A/json?showsecret=true" => {
                    Answer::Json(200, with_data)
                }
                "/v5.0.0/libpod/secrets/json" => Answer::Json(
                    200,
                    format!(
                        r#"[{LISTED}, {{"Spec": {{"Name": "other", "Driver": {{"Name": "file"}}}}}}]"#
                    ),
                ),
                "/v5.0.0/libpod/secrets/odd/json?showsecret=true" => {
                    Answer::Json(200, r#"{"SecretData": {"x": "hunter2"}}"#.to_owned())
                }
                "/v5.0.0/libpod/volumes/v/json" => Answer::Json(
                    200,
                    r#"{"Name": "v", "Labels": {"io.mcpod.entry": "docker:x", "other": ""}}"#
                        .to_owned(),
                ),
                "/v5.0.0/libpod/volumes/plain/json" => {
                    Answer::Json(200, r#"{"Name": "plain", "Labels": null}"#.to_owned())
                }
                _ => Answer::Json(
                    404,
                    r#"{"message": "no such thing", "response": 404}"#.to_owned(),
                ),
            }
        });
        let podman = fake.client();
        let value = podman.secret("mcpod-x_A").await.unwrap().unwrap();
        assert_eq!(value.value.expose(), "hunter2");
        assert_eq!(value.entry, None);
        assert_eq!(podman.secret("mcpod-x_B").await.unwrap(), None);
        let listed = podman.secrets("mcpod-").await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(
            (listed[0].name.as_str(), listed[0].driver.as_str()),
            ("mcpod-x_A", "shell")
        );
        let volume = podman.volume("v").await.unwrap().unwrap();
        assert_eq!(volume.entry.as_deref(), Some("docker:x"));
        assert_eq!(podman.volume("plain").await.unwrap().unwrap().entry, None);
        assert_eq!(podman.volume("w").await.unwrap(), None);
        assert!(!podman.remove_secret("mcpod-x_B").await.unwrap());
        let error = podman.secret("odd").await.unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
    }
}

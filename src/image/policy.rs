//! Podman's policy of signatures (containers-policy.json(5)): what it demands of an image. Podman enforces it at every pull, of
//! ours as of those of the units; here it is only looked whether it demands enough.

use serde::Deserialize;
use std::collections::BTreeMap;

use super::ImageReference;

/// A policy, as far as images of registries are concerned.
#[derive(Debug, Deserialize)]
pub struct Policy {
    default: Vec<Requirement>,
    #[serde(default)]
    transports: BTreeMap<String, BTreeMap<String, Vec<Requirement>>>,
}

#[derive(Debug, Deserialize)]
struct Requirement {
    r#type: String,
}

impl Policy {
    /// Reads the text of a policy; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| crate::text::one_line(&error.to_string()))
    }

    /// Whether an image must bear a sigstore signature, by whatever key. All requirements of the scope that counts must be met,
    /// so one is enough.
    pub fn demands_sigstore(&self, image: &ImageReference) -> bool {
        let demanding = |requirement: &Requirement| requirement.r#type == "sigstoreSigned";
        self.requirements(image).iter().any(demanding)
    }

    /// The requirements of the most specific scope that an image is in.
    fn requirements(&self, image: &ImageReference) -> &[Requirement] {
        let scopes = self.transports.get("docker");
        let of = |scope: &str| scopes.and_then(|scopes| scopes.get(scope));
        let found = scopes_of(image).iter().find_map(|scope| of(scope));
        found.unwrap_or(&self.default)
    }
}

/// The scopes that an image is in, the most specific first: itself, its repository, the namespaces around that, its registry, the
/// domains around that, and all registries.
fn scopes_of(image: &ImageReference) -> Vec<String> {
    let repository = image.repository();
    let mut scopes = vec![image.to_string(), repository.clone()];
    let mut around = repository.as_str();
    while let Some((namespace, _)) = around.rsplit_once('/') {
        scopes.push(namespace.to_owned());
        around = namespace;
    }
    // A port is no part of a domain.
    let mut domain = image.registry().split(':').next().unwrap_or_default();
    while let Some((_, parent)) = domain.split_once('.') {
        scopes.push(format!("*.{parent}"));
        domain = parent;
    }
    scopes.push(String::new());
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_scope_counts() {
        let policy = |scopes: &str| {
            let text = format!(
                r#"{{"default": [{{"type": "insecureAcceptAnything"}}], "transports": {{"docker-daemon": {{"": []}}, "docker": {{{scopes}}}}}}}"#
            );
            Policy::parse(&text).unwrap()
        };
        let signed = r#"[{"type": "sigstoreSigned", "keyPath": "/k.pub"}]"#;
        let any = r#"[{"type": "insecureAcceptAnything"}]"#;
        let image: ImageReference = "ghcr.io/acme/tools/time:2".parse().unwrap();
        for (scopes, demanded) in [
            (String::new(), false),
            (format!(r#""": {signed}"#), true),
            (format!(r#""ghcr.io": {signed}"#), true),
            (format!(r#""ghcr.io/acme": {signed}"#), true),
            (format!(r#""ghcr.io/acme/tools/time": {signed}"#), true),
            (format!(r#""ghcr.io/acme/tools/time:2": {signed}"#), true),
            (format!(r#""*.io": {signed}"#), true),
            (
                format!(r#""ghcr.io/ac": {signed}, "ghcr.io/acme/tool": {signed}"#),
                false,
            ),
            (
                format!(r#""ghcr.io": {signed}, "ghcr.io/acme": {any}"#),
                false,
            ),
            (
                format!(r#""ghcr.io/acme": {signed}, "ghcr.io": {any}"#),
                true,
            ),
            (format!(r#""ghcr.io": {any}, "*.io": {signed}"#), false),
        ] {
            let policy = policy(&scopes);
            assert_eq!(policy.demands_sigstore(&image), demanded, "{scopes}");
        }
        let strict =
            Policy::parse(r#"{"default": [{"type": "reject"}, {"type": "sigstoreSigned"}]}"#);
        assert!(strict.unwrap().demands_sigstore(&image));
        for bad in ["", "{}", r#"{"default": 1}"#, "[]"] {
            assert!(Policy::parse(bad).is_err(), "{bad}");
        }
    }
}

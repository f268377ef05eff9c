//! What each policy lets an agent add.

use super::*;
use crate::settings::AgentAdd;

/// How a wish ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// It goes to Podman.
    Granted,
    /// The user decides.
    Asked,
    /// Nobody is asked.
    Refused,
}

/// Wishes, with their ends under the policies curated, catalog, ask and deny.
fn wishes() -> Vec<(Value, [End; 4])> {
    use End::{Asked, Granted, Refused};
    vec![
        (json!({"id": "plain"}), [Granted, Granted, Asked, Refused]),
        (
            json!({"id": "published"}),
            [Granted, Granted, Asked, Refused],
        ),
        // An image would be built from a package that anybody may have published.
        (json!({"id": "packed"}), [Asked, Asked, Asked, Refused]),
        (json!({"id": "somebodys"}), [Asked, Granted, Asked, Refused]),
        (json!({"id": "guessed"}), [Asked, Asked, Asked, Refused]),
        (json!({"id": "guess-too"}), [Asked, Asked, Asked, Refused]),
        (
            json!({"id": "docker://example.com/x"}),
            [Asked, Asked, Asked, Refused],
        ),
        (
            json!({"id": "plain", "network": "open"}),
            [Asked, Asked, Asked, Refused],
        ),
        (
            json!({"id": "plain", "network": "none"}),
            [Granted, Granted, Asked, Refused],
        ),
        (
            json!({"id": "plain", "environment": {"TZ": "UTC"}}),
            [Asked, Asked, Asked, Refused],
        ),
        (
            json!({"id": "files", "options": {"folders": ["/srv"], "mode": "ro"}}),
            [Asked, Asked, Asked, Refused],
        ),
        // A folder is one whatever its entry calls it.
        (
            json!({"id": "disguised", "options": {"root": "/srv"}}),
            [Asked, Asked, Asked, Refused],
        ),
        // Where a secret would go is not for an agent to say.
        (
            json!({"id": "vault", "options": {"url": "https://x.example/v1"}}),
            [Asked, Asked, Asked, Refused],
        ),
        (
            json!({"id": "vault", "options": {"url": "https://x.example"}, "network": "none"}),
            [Granted, Granted, Asked, Refused],
        ),
        // The secrets that the user stored for another server.
        (
            json!({"id": "vault", "name": "bank", "options": {"url": "x"}}),
            [Asked, Asked, Asked, Refused],
        ),
    ]
}

#[tokio::test]
async fn each_policy_decides_on_each_kind_of_wish() {
    use AgentAdd::{Ask, Catalog, Curated, Deny};
    use End::{Asked, Granted, Refused};
    let policies = [Curated, Catalog, Ask, Deny];
    let wishes = wishes();
    for (at, policy) in policies.into_iter().enumerate() {
        let mut place = Place::with(&[]).await;
        fill(&place);
        place.settings.policy.agent_add = policy;
        let podman = place.podman(&[
            ("mcpod-bank_token", "s3cret"),
            ("mcpod-vault_token", "s3cret"),
        ]);
        let mut silent = place.agent(Shape::All).await;
        silent.initialize(json!({})).await;
        let mut asking = place.agent(Shape::All).await;
        asking.initialize(json!({"elicitation": {}})).await;
        for (wish, ends) in &wishes {
            let about = format!("{policy:?} {wish}");
            let expected = ends[at];
            let text = failed(&call(&mut silent, "registry-add", wish.clone()).await);
            let seen = if text.contains("Only the user can allow this") {
                Asked
            } else if text.contains("the settings do not let agents add servers") {
                Refused
            } else {
                assert!(text.contains(NOT_HERE), "{about}: {text}");
                Granted
            };
            assert_eq!(seen, expected, "{about}: {text}");
            // The command is the agent's own wish, for the user to run.
            let id = wish["id"].as_str().unwrap();
            let command = format!("the user can run it: mcpod add {id}");
            assert_eq!(seen != Granted, text.contains(&command), "{about}: {text}");
            assert!(!text.contains("s3cret"), "{about}: {text}");

            let params = json!({"name": "registry-add", "arguments": wish});
            asking.send(9, "tools/call", params).await;
            let mut said = asking.message().await;
            assert_eq!(
                said["method"] == "elicitation/create",
                expected == Asked,
                "{about}: {said}"
            );
            if expected == Asked {
                let question = said["params"]["message"].as_str().unwrap();
                assert!(
                    question.contains(&format!("mcpod add {id}")),
                    "{about}: {question}"
                );
                let allowed = json!({"action": "accept", "content": {"allow": true}});
                asking.speaker.answer(&said["id"], &allowed).await;
                said = asking.message().await;
                let text = failed(&said["result"]);
                assert!(
                    text.contains(NOT_HERE) || text.contains("mount"),
                    "{about}: {text}"
                );
            }
            assert_eq!(said["id"], 9);
        }
        drop(podman);
    }
}

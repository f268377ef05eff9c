use async_trait::async_trait;
use rmcp::transport::auth::AuthError;
use serde_json::json;

use super::*;
use crate::login::{Store, StoredCredentials};

/// A store with one token, which is refreshed by nobody.
struct Fixed(StoredCredentials);

#[async_trait]
impl Store for Fixed {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        Ok(Some(self.0.clone()))
    }

    async fn save(&self, _: StoredCredentials) -> Result<(), AuthError> {
        Ok(())
    }

    async fn clear(&self) -> Result<(), AuthError> {
        Ok(())
    }
}

fn store(token: &str) -> Arc<dyn Store> {
    let kept = json!({
        "client_id": "c",
        "token_response": {"access_token": token, "token_type": "bearer"},
    });
    Arc::new(Fixed(serde_json::from_value(kept).unwrap()))
}

#[tokio::test]
async fn a_token_is_sent_once_it_is_wanted_and_a_call_goes_on_with_it() {
    let server = Server::start(|seen| match seen.header("authorization") {
        Some("Bearer hunter2") => json(200, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
        _ => empty(StatusCode::UNAUTHORIZED),
    })
    .await;
    let tokens = Tokens::new(Url::parse(&server.url).unwrap(), store("hunter2"));
    let mut client = Client::bridged(
        &server.url,
        HttpProtocol::StreamableHttp,
        HeaderMap::new(),
        Some(tokens),
    );
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#;
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(client.ask(call).await, answer);
    assert_eq!(client.ask(call).await, answer);
    client.end().await;
    let sent: Vec<bool> = server
        .seen()
        .iter()
        .map(|seen| seen.header("authorization").is_some())
        .collect();
    assert_eq!(sent, [false, true, true]);
}

#[tokio::test]
async fn more_that_is_wanted_is_named() {
    let server = Server::start(|_| {
        let mut response = empty(StatusCode::FORBIDDEN);
        let challenge = r#"Bearer error="insufficient_scope", scope="files:write""#;
        let headers = response.headers_mut();
        headers.insert("www-authenticate", challenge.parse().unwrap());
        response
    })
    .await;
    let mut client = Client::of(&server.url);
    let heard = client
        .ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#)
        .await;
    assert!(heard.contains("needs the scope files:write"), "{heard}");
    client.end().await;
}

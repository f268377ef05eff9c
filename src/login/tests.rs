//! Logins at an authorization server that is made here, over loopback.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rmcp::transport::auth::CredentialRefreshGuard;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What the authorization server knows.
#[derive(Debug, Default)]
struct Known {
    challenge: String,
    redirect: String,
    /// How many tokens were given.
    tokens: usize,
    /// The refresh token that is good for one use.
    refresh: String,
    refreshes: usize,
    registered: usize,
    /// Whether it reads metadata documents of clients.
    reads_documents: bool,
}

struct Issuer {
    url: String,
    known: Arc<Mutex<Known>>,
}

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let known: Arc<Mutex<Known>> = Arc::default();
        let (own, shared) = (url.clone(), Arc::clone(&known));
        let service = axum::Router::new().fallback(move |request: Request| {
            let (own, known) = (own.clone(), Arc::clone(&shared));
            async move {
                let path = request.uri().path().to_owned();
                let body = axum::body::to_bytes(request.into_body(), 1 << 20).await;
                let body = String::from_utf8(body.unwrap().to_vec()).unwrap();
                answer(&own, &path, &body, &mut known.lock().unwrap())
            }
        });
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { url, known }
    }

    fn resource(&self) -> Url {
        Url::parse(&format!("{}/mcp", self.url)).unwrap()
    }

    fn challenge(&self) -> String {
        format!(
            "Bearer resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\", scope=\"read\"",
            self.url
        )
    }

    /// Does what a user does at the address, and gives where the browser is sent then.
    fn agree(&self, address: &str) -> String {
        let url = Url::parse(address).unwrap();
        let given: HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(given["code_challenge_method"], "S256");
        assert_eq!(given["resource"], self.resource().as_str());
        assert_eq!(given["client_id"], "c1");
        let mut known = self.known.lock().unwrap();
        known.challenge.clone_from(&given["code_challenge"]);
        known.redirect.clone_from(&given["redirect_uri"]);
        format!("{}?code=good&state={}", known.redirect, given["state"])
    }
}

fn answer(own: &str, path: &str, body: &str, known: &mut Known) -> Response {
    let given: HashMap<String, String> = Url::parse(&format!("http://x/?{body}"))
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect();
    match path {
        "/.well-known/oauth-protected-resource/mcp" => json_of(
            200,
            &json!({"resource": format!("{own}/mcp"), "authorization_servers": [own]}),
        ),
        "/.well-known/oauth-authorization-server" => json_of(
            200,
            &json!({
                "issuer": own,
                "authorization_endpoint": format!("{own}/authorize"),
                "token_endpoint": format!("{own}/token"),
                "registration_endpoint": format!("{own}/register"),
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": true,
                "client_id_metadata_document_supported": known.reads_documents,
            }),
        ),
        "/register" => {
            known.registered += 1;
            let mut client: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(client["client_name"], "mcpod");
            client["client_id"] = json!("c1");
            json_of(201, &client)
        }
        "/token" if given["grant_type"] == "authorization_code" => {
            let verifier = Sha256::digest(given["code_verifier"].as_bytes());
            assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(verifier), known.challenge);
            assert_eq!(given["redirect_uri"], known.redirect);
            assert_eq!(given["code"], "good");
            token(known)
        }
        "/token" if given["refresh_token"] == known.refresh => {
            known.refreshes += 1;
            token(known)
        }
        "/token" => json_of(400, &json!({"error": "invalid_grant"})),
        _ => json_of(404, &json!({})),
    }
}

fn token(known: &mut Known) -> Response {
    known.tokens += 1;
    known.refresh = format!("r{}", known.tokens);
    json_of(
        200,
        &json!({
            "access_token": format!("a{}", known.tokens),
            "refresh_token": known.refresh,
            "token_type": "Bearer",
            "expires_in": 3600,
        }),
    )
}

fn json_of(status: u16, body: &serde_json::Value) -> Response {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

/// A store as several processes would share it.
#[derive(Default, Clone)]
pub(crate) struct InMemory {
    kept: Arc<Mutex<Option<StoredCredentials>>>,
    guard: Arc<tokio::sync::Mutex<()>>,
}

#[async_trait]
impl Store for InMemory {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        Ok(self.kept.lock().unwrap().clone())
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        *self.kept.lock().unwrap() = Some(credentials);
        Ok(())
    }

    async fn clear(&self) -> Result<(), AuthError> {
        *self.kept.lock().unwrap() = None;
        Ok(())
    }

    async fn acquire_refresh_guard(&self) -> Result<Option<CredentialRefreshGuard>, AuthError> {
        let guard = Arc::clone(&self.guard).lock_owned().await;
        Ok(Some(CredentialRefreshGuard::new(guard)))
    }
}

async fn logged_in(issuer: &Issuer) -> Arc<InMemory> {
    let store = Arc::new(InMemory::default());
    let challenge = issuer.challenge();
    let begun = Begun::at(
        &issuer.resource(),
        Arc::clone(&store) as Arc<dyn Store>,
        Some(&challenge),
        "http://127.0.0.1:1/callback",
        &Wanted::default(),
    )
    .await
    .unwrap();
    let address = begun.address().to_owned();
    assert!(address.contains("scope=read"), "{address}");
    let led_to = issuer.agree(&address);

    // Whoever else sends the browser here is not believed, and spoils nothing.
    for bad in ["nonsense", "http://127.0.0.1:1/callback?code=x"] {
        assert!(matches!(
            begun.finish(bad).await,
            Err(LoginError::BadCallback(_))
        ));
    }
    let forged = format!("{led_to}&iss=https%3A%2F%2Fevil.example");
    assert!(begun.finish(&forged).await.is_err());
    assert!(begun.finish(&led_to).await.is_err(), "iss is required here");
    let iss = issuer.url.replace(':', "%3A").replace('/', "%2F");
    begun.finish(&format!("{led_to}&iss={iss}")).await.unwrap();
    assert_eq!(issuer.known.lock().unwrap().tokens, 1);
    store
}

#[tokio::test]
async fn a_user_agrees_and_the_tokens_are_kept() {
    let issuer = Issuer::start().await;
    let store = logged_in(&issuer).await;
    let tokens = Tokens::new(issuer.resource(), store);
    assert_eq!(tokens.current().await, None);
    assert_eq!(tokens.renewed(None).await.unwrap(), "a1");
    assert_eq!(tokens.current().await.as_deref(), Some("a1"));
}

#[tokio::test]
async fn what_is_refused_is_refreshed_once_for_all() {
    let issuer = Issuer::start().await;
    let store = logged_in(&issuer).await;
    let bridges: Vec<Tokens> = (0..8)
        .map(|_| Tokens::new(issuer.resource(), Arc::clone(&store) as Arc<dyn Store>))
        .collect();
    let renewals = bridges.iter().map(|bridge| bridge.renewed(Some("a1")));
    for renewed in futures_util::future::join_all(renewals).await {
        assert_eq!(renewed.unwrap(), "a2");
    }
    assert_eq!(issuer.known.lock().unwrap().refreshes, 1);

    // What is granted no more is over, until somebody logs in again.
    issuer.known.lock().unwrap().refresh = "revoked".to_owned();
    let over = bridges[0].renewed(Some("a2")).await;
    assert!(matches!(over, Err(LoginError::LoggedOut)), "{over:?}");
}

#[tokio::test]
async fn without_a_login_there_is_no_token() {
    let issuer = Issuer::start().await;
    let tokens = Tokens::new(issuer.resource(), Arc::new(InMemory::default()));
    let none = tokens.renewed(None).await;
    assert!(matches!(none, Err(LoginError::LoggedOut)), "{none:?}");
}

#[tokio::test]
async fn a_metadata_document_says_who_mcpod_is_where_it_is_read() {
    let document = "https://example.com/mcpod.json";
    let issuer = Issuer::start().await;
    for (reads_documents, client) in [(true, document), (false, "c1")] {
        issuer.known.lock().unwrap().reads_documents = reads_documents;
        let wanted = Wanted {
            client: Some(document.to_owned()),
            ..Wanted::default()
        };
        let begun = Begun::at(
            &issuer.resource(),
            Arc::new(InMemory::default()),
            None,
            "http://127.0.0.1:1/callback",
            &wanted,
        )
        .await
        .unwrap();
        let address = Url::parse(begun.address()).unwrap();
        let named = address.query_pairs().find(|(name, _)| name == "client_id");
        assert_eq!(named.unwrap().1, client);
    }
    assert_eq!(issuer.known.lock().unwrap().registered, 1);
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    let issuer = Issuer::start().await;
    let begun = Begun::at(
        &issuer.resource(),
        Arc::new(InMemory::default()),
        None,
        "http://127.0.0.1:1/callback",
        &Wanted::default(),
    )
    .await
    .unwrap();
    let refused = begun
        .finish("http://127.0.0.1:1/callback?error=access_denied&error_description=not%20you")
        .await;
    let Err(LoginError::Refused(why)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(why, "access_denied: not you");
}

#[tokio::test]
async fn the_browser_is_awaited_and_nobody_else() {
    let listener = Listener::bind(None).await.unwrap();
    let port = listener.port();
    let visited = tokio::spawn(async move { listener.visited().await });
    let visit = async |request: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let icon = visit("GET /favicon.ico HTTP/1.1\r\n\r\n").await;
    assert!(icon.starts_with("HTTP/1.1 404"), "{icon}");
    let page = visit("GET /callback?code=1&state=2 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(page.contains("You can close this page"), "{page}");
    assert_eq!(
        visited.await.unwrap().unwrap(),
        format!("http://127.0.0.1:{port}/callback?code=1&state=2")
    );
}

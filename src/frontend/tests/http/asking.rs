//! Secrets that a server needs are asked for on the page, wherever the agent is, and no agent sees them.

use std::sync::Mutex;

use super::page::Browser;
use super::*;
use crate::frontend::http::page_at;
use crate::podman::fake::Answer;

/// A server that needs a secret.
const CATALOG: &str = r#"
[[server]]
name = "vault"
[[server.input]]
path = "token"
secret = true
required = true
description = "What opens it."
[[server.launch]]
image = "docker.io/mcp/vault"
env = { TOKEN = "{{token}}" }
"#;

/// What an agent can that shows its user addresses.
fn shows_addresses() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}})
}

/// A Podman that keeps what is stored, and can nothing else.
fn podman(place: &Place) -> FakePodman {
    std::fs::create_dir_all(place.path("run/podman")).unwrap();
    let kept = Mutex::new(Vec::new());
    FakePodman::at(place.path("run/podman/podman.sock"), move |request| {
        let mut kept = kept.lock().unwrap();
        if request.contains("/version") {
            return Answer::Json(200, json!({"Version": "5.4.2"}).to_string());
        }
        if let Some((_, stored)) = request.split_once("/secrets/create?name=") {
            kept.push(stored.split('&').next().unwrap().to_owned());
            return Answer::Json(200, json!({"ID": "1"}).to_string());
        }
        if request.contains("/secrets/json") {
            return Answer::Json(200, "[]".to_owned());
        }
        if let Some((_, asked)) = request.split_once("/secrets/") {
            let name = asked.split('/').next().unwrap();
            if !kept.iter().any(|kept| kept == name) {
                return Answer::Json(404, json!({"message": "no such secret"}).to_string());
            }
            let spec = json!({"Name": name, "Driver": {"Name": "file"}});
            return Answer::Json(
                200,
                json!({"Spec": spec, "SecretData": "hunter2"}).to_string(),
            );
        }
        Answer::Json(500, json!({"message": NOT_HERE}).to_string())
    })
}

/// A host whose systemd listens for the page, a browser that is signed in, and an agent on standard input that wants the server.
async fn asked(place: &Place, web: &Web) -> (Client, Value) {
    place.systemd.listens(&web.address.to_string()).await;
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(shows_addresses()).await;
    let params = json!({"name": "registry-add", "arguments": {"id": "vault"}});
    agent.send(7, "tools/call", params).await;
    let question = agent.message().await;
    assert_eq!(question["method"], "elicitation/create", "{question}");
    (agent, question)
}

/// The form that a question leads to, as it is found on the page.
fn form(question: &Value, web: &Web) -> String {
    let params = &question["params"];
    assert_eq!(params["mode"], "url");
    let page = page_at("http", web.address, &web.token);
    let address = params["url"].as_str().unwrap();
    let form = address.strip_prefix(&page).expect(address);
    let id = params["elicitationId"].as_str().unwrap();
    assert_eq!(form, format!("ask?id={id}"));
    format!("/{form}")
}

#[tokio::test]
async fn an_agent_on_standard_input_leads_its_user_to_the_page_that_systemd_serves() {
    let place = Place::with(&[]).await;
    place.catalog(&[("docker", CATALOG)]);
    let podman = podman(&place);
    let web = Web::start(&place, Shape::All).await;
    let (mut agent, question) = asked(&place, &web).await;
    let form = form(&question, &web);
    let agreed = json!({"action": "accept"});
    agent.speaker.answer(&question["id"], &agreed).await;

    let mut browser = Browser::new(&web);
    assert_eq!(browser.get(&form).await.status, 401);
    browser.sign_in().await;
    let shown = browser.get(&form).await.text;
    for part in [
        "<strong>test</strong>",
        "<strong>vault</strong>",
        "What opens it.",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    let key = browser.key().await;
    let id = question["params"]["elicitationId"].as_str().unwrap();
    let fields = [("key", key.as_str()), ("id", id), ("secret.token", "")];
    let got = browser.post("/ask", &fields).await;
    assert!(got.text.contains("token is empty"), "{}", got.text);
    let fields = [
        ("key", key.as_str()),
        ("id", id),
        ("secret.token", "hunter2"),
    ];
    let got = browser.post("/ask", &fields).await;
    assert!(got.text.contains("goes on"), "{}", got.text);

    let told = agent.message().await;
    assert_eq!(told["method"], "notifications/elicitation/complete");
    assert_eq!(told["params"]["elicitationId"], id);
    // The call goes on, to the image that no Podman has here.
    let answer = agent.message().await;
    assert_eq!(answer["id"], 7, "{answer}");
    assert!(answer.to_string().contains(NOT_HERE), "{answer}");
    assert!(!answer.to_string().contains("hunter2"), "{answer}");
    let requests = podman.requests();
    let stored = |request: &&String| request.contains("create?name=mcpod-vault_token&");
    assert_eq!(requests.iter().filter(stored).count(), 1, "{requests:?}");

    // It counts once.
    assert_eq!(browser.get(&form).await.status, 404);
    assert_eq!(browser.post("/ask", &fields).await.status, 404);
    web.stop().await;
}

#[tokio::test]
async fn a_question_goes_with_whoever_asked_and_with_the_page() {
    let place = Place::with(&[]).await;
    place.catalog(&[("docker", CATALOG)]);
    let _podman = podman(&place);
    let web = Web::start(&place, Shape::All).await;
    let mut browser = Browser::new(&web);
    browser.sign_in().await;
    let (mut agent, question) = asked(&place, &web).await;
    let form = form(&question, &web);
    assert_eq!(browser.get(&form).await.status, 200);
    let declined = json!({"action": "decline"});
    agent.speaker.answer(&question["id"], &declined).await;
    let answer = agent.message().await;
    assert!(answer.to_string().contains("declined"), "{answer}");
    while browser.get(&form).await.status != 404 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The page ends while somebody waits: the user is given the command after all.
    let (mut agent, question) = asked(&place, &web).await;
    let agreed = json!({"action": "accept"});
    agent.speaker.answer(&question["id"], &agreed).await;
    drop(browser);
    web.stop().await;
    let answer = agent.message().await;
    assert!(
        answer.to_string().contains("mcpod secret set vault_token"),
        "{answer}"
    );
}

#[tokio::test]
async fn where_systemd_serves_no_page_the_user_is_given_the_command() {
    let place = Place::with(&[]).await;
    place.catalog(&[("docker", CATALOG)]);
    let _podman = podman(&place);
    // Somebody serves one, but nobody knows who that is.
    let web = Web::start(&place, Shape::All).await;
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(shows_addresses()).await;
    let vault = json!({"id": "vault"});
    let result = registry::call(&mut agent, "registry-add", vault.clone()).await;
    assert!(
        result.to_string().contains("mcpod secret set vault_token"),
        "{result}"
    );
    web.stop().await;
    // systemd listens, and what it starts ends at once.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    place.systemd.listens(&address).await;
    let ending = tokio::spawn(async move {
        drop(listener.accept().await.unwrap());
    });
    let result = registry::call(&mut agent, "registry-add", vault).await;
    assert!(
        result.to_string().contains("mcpod secret set vault_token"),
        "{result}"
    );
    ending.await.unwrap();
}

#[tokio::test]
async fn questions_are_taken_from_who_has_the_token_alone() {
    let place = Place::with(&[]).await;
    let web = Web::start(&place, Shape::All).await;
    let question =
        json!({"agent": "a", "server": "vault", "id": "x", "secrets": [["token", null]]});
    for (token, question, status) in [
        ("wrong", question.clone(), 401),
        (&web.token, question, 200),
        (
            &web.token,
            json!({"agent": "a", "server": "../x", "id": "x", "secrets": []}),
            400,
        ),
    ] {
        let url = format!("http://{}/question", web.address);
        let request = web.client.post(url).bearer_auth(token).json(&question);
        let answer = timeout(LONG, request.send()).await.unwrap().unwrap();
        assert_eq!(answer.status(), status, "{question}");
    }
    web.stop().await;
}

//! The page, spoken to as a browser does.

use super::*;
use crate::frontend::http::{page_at, page_link};

/// Text that would be markup if anybody took it for that.
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// A browser: it keeps a cookie, and follows nothing by itself.
pub(super) struct Browser<'a> {
    web: &'a Web,
    client: reqwest::Client,
    cookie: String,
}

/// What a browser got.
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    cookie: Option<String>,
    policy: Option<String>,
    pub(super) text: String,
}

impl<'a> Browser<'a> {
    pub(super) fn new(web: &'a Web) -> Self {
        let client = crate::tls::client();
        let client = client.redirect(reqwest::redirect::Policy::none());
        Self {
            web,
            client: client.build().unwrap(),
            cookie: String::new(),
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Got {
        let request = request.header("cookie", &self.cookie);
        let answer = timeout(LONG, request.send()).await.unwrap().unwrap();
        let header = |name| {
            let value = answer.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        Got {
            status: answer.status().as_u16(),
            location: header("location"),
            cookie: header("set-cookie"),
            policy: header("content-security-policy"),
            text: answer.text().await.unwrap(),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Got {
        let url = format!("http://{}{path}", self.web.address);
        self.send(self.client.get(url)).await
    }

    pub(super) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Got {
        let url = format!("http://{}{path}", self.web.address);
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = self.client.post(url).body(body);
        let kind = "application/x-www-form-urlencoded";
        self.send(request.header("content-type", kind)).await
    }

    /// Opens the link of `mcpod ui`.
    pub(super) async fn sign_in(&mut self) {
        let link = page_link(&self.web.token, "/").unwrap();
        let got = self.get(&link).await;
        assert_eq!((got.status, got.location.as_deref()), (303, Some(".")));
        let cookie = got.cookie.unwrap();
        for part in ["HttpOnly", "SameSite=Strict"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        self.cookie = cookie.split(';').next().unwrap().to_owned();
    }

    /// What the forms of this visit carry.
    pub(super) async fn key(&self) -> String {
        let text = self.get("/secrets").await.text;
        let (_, key) = text.split_once("name=\"key\" value=\"").unwrap();
        key.split_once('"').unwrap().0.to_owned()
    }
}

#[tokio::test]
async fn who_is_not_signed_in_sees_how_to_and_nothing_else() {
    let place = Place::with(&[]).await;
    let web = Web::start(&place, Shape::All).await;
    let browser = Browser::new(&web);
    for path in [
        "/",
        "/servers",
        "/server?name=x",
        "/ask?id=x",
        "/events",
        "/sign-in",
        "/sign-in?ticket=1.2.3",
    ] {
        let got = browser.get(path).await;
        assert_eq!(got.status, 401, "{path}");
        assert!(
            got.text.contains("mcpod ui") && !got.text.contains("<nav"),
            "{path}: {}",
            got.text
        );
        assert!(got.policy.unwrap().starts_with("default-src 'none'"));
    }
    let got = browser
        .post("/secrets", &[("name", "a_b"), ("value", "x")])
        .await;
    assert_eq!(got.status, 401);
    // The token itself is no cookie.
    let browser = Browser {
        cookie: format!("mcpod={}", web.token),
        ..browser
    };
    assert_eq!(browser.get("/servers").await.status, 401);
    web.stop().await;
}

#[tokio::test]
async fn a_link_counts_once_and_until_the_token_is_renewed() {
    let place = Place::with(&[]).await;
    let web = Web::start(&place, Shape::All).await;
    let mut browser = Browser::new(&web);
    let link = page_link(&web.token, "/").unwrap();
    assert_eq!(browser.get(&link).await.status, 303);
    assert_eq!(browser.get(&link).await.status, 401);
    browser.sign_in().await;
    assert_eq!(browser.get("/servers").await.status, 200);
    let name = page_at("http", web.address, &web.token);
    assert!(name.starts_with("http://mcpod-"), "{name}");
    TokenFile::below(&place.path("data")).renew().unwrap();
    assert_eq!(browser.get("/servers").await.status, 401);
    web.stop().await;
}

#[tokio::test]
async fn after_signing_in_one_is_where_one_wanted_to_be() {
    let place = Place::with(&[]).await;
    let web = Web::start(&place, Shape::All).await;
    let browser = Browser::new(&web);
    for (next, goes_to) in [
        ("ask%3Fid%3Dabc", "ask?id=abc"),
        ("//evil.example.com", "."),
        ("https%3A//evil.example.com", "."),
    ] {
        let link = page_link(&web.token, "/").unwrap();
        let got = browser.get(&format!("{link}&next={next}")).await;
        assert_eq!(got.location.as_deref(), Some(goes_to));
    }
    web.stop().await;
}

#[tokio::test]
async fn forms_of_others_change_nothing() {
    let place = Place::with(&[]).await;
    let web = Web::start(&place, Shape::All).await;
    let mut browser = Browser::new(&web);
    browser.sign_in().await;
    let key = browser.key().await;
    for form in [
        vec![("name", "a_b"), ("value", "x")],
        vec![("key", ""), ("name", "a_b"), ("value", "x")],
        vec![("key", "0000"), ("name", "a_b"), ("value", "x")],
    ] {
        assert_eq!(browser.post("/secrets", &form).await.status, 403);
    }
    // The right key from a page elsewhere, as a browser tells of it.
    let url = format!("http://{}/secrets", web.address);
    for (name, value) in [
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example.com"),
        ("host", "evil.example.com"),
    ] {
        let request = browser.client.post(&url).header(name, value);
        let got = browser
            .send(request.body(format!("key={key}&name=a_b")))
            .await;
        assert_eq!(got.status, 403, "{name}: {value}");
    }
    web.stop().await;
}

#[tokio::test]
async fn text_of_others_is_shown_as_text() {
    let place = Place::with(&["mcpod-evil.socket"]).await;
    let tool = json!({"name": HOSTILE, "description": HOSTILE, "inputSchema": {"type": "object",
        "properties": {HOSTILE: {"type": "string", "description": HOSTILE, "enum": [HOSTILE]}}}});
    let _server = place.server("evil", &json!({"tools": [tool]}));
    let text = serde_json::to_string(HOSTILE).unwrap();
    place.catalog(&[("mine", &format!(
        "[[server]]\nname = 'x'\ntitle = {text}\ndescription = {text}\ntags = [{text}]\ntools = [{text}]\n\
         [[server.input]]\npath = 'word'\ntitle = {text}\ndescription = {text}\nchoices = [{text}]\n\
         [[server.launch]]\nimage = 'docker.io/mcp/x'\n"
    ))]);
    let web = Web::start(&place, Shape::All).await;
    let mut browser = Browser::new(&web);
    browser.sign_in().await;
    let quoted = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    for path in [
        format!("/?q={}", quoted(HOSTILE)),
        "/?q=x&part=".to_owned(),
        "/entry?id=mine:x".to_owned(),
        format!("/entry?id={}", quoted(HOSTILE)),
        "/add?id=mine:x".to_owned(),
        "/server?name=evil".to_owned(),
        format!("/tool?server=evil&tool={}", quoted(HOSTILE)),
        format!("/tool?server=evil&tool=x{}", quoted(HOSTILE)),
    ] {
        let got = browser.get(&path).await;
        assert!(
            !got.text.contains("<script>") && !got.text.contains("<img"),
            "{path}: {}",
            got.text
        );
    }
    let shown = browser.get("/entry?id=mine:x").await.text;
    assert!(
        shown.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{shown}"
    );
    web.stop().await;
}

#[tokio::test]
async fn a_job_tells_how_it_fails_and_the_form_keeps_no_secret() {
    let mut place = Place::with(&[]).await;
    place.settings.policy.agent_add = crate::settings::AgentAdd::Curated;
    let _podman = place.podman(&[]);
    place.catalog(&[("mine", "[[server]]\nname = 'x'\n[[server.input]]\npath = 'key'\nsecret = true\nrequired = true\n\
        [[server.input]]\npath = 'url'\nrequired = true\n[[server.launch]]\nimage = 'docker.io/mcp/x'\nenv = { KEY = '{{key}}', URL = '{{url}}' }\n")]);
    let web = Web::start(&place, Shape::All).await;
    let mut browser = Browser::new(&web);
    browser.sign_in().await;
    let key = browser.key().await;
    let got = browser
        .post(
            "/add",
            &[("key", &key), ("id", "mine:x"), ("secret.key", "hunter2")],
        )
        .await;
    assert!(got.text.contains("mine:x needs url"), "{}", got.text);
    assert!(
        got.text.contains("fill in the fields below"),
        "{}",
        got.text
    );
    assert!(!got.text.contains("hunter2"), "{}", got.text);
    let form = [
        ("key", key.as_str()),
        ("id", "mine:x"),
        ("secret.key", "hunter2"),
        ("in.url", "u"),
    ];
    let got = browser.post("/add", &form).await;
    assert_eq!(got.status, 303, "{}", got.text);
    let job = format!("/{}", got.location.unwrap());
    let shown = loop {
        let got = browser.get(&job).await;
        if got.text.contains("data-over") {
            break got.text;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(
        shown.contains(NOT_HERE) && !shown.contains("hunter2"),
        "{shown}"
    );
    web.stop().await;
}

#[tokio::test]
async fn on_a_unix_socket_the_file_says_who_may_come() {
    let place = Place::with(&[]).await;
    let frontend = Frontend::start(place.orchestrator(), Shape::All)
        .await
        .unwrap();
    let path = place.path("page.sock");
    let address = format!("unix:{}", path.display()).parse().unwrap();
    let listener = Listener::bind(&address, &Protection::Loopback)
        .await
        .unwrap();
    let file = TokenFile::below(&place.path("data"));
    let face = Face::new(frontend, &listener, file, Vec::new(), Limits::default()).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        http::serve(&face, listener, Stay::Always, stopped).await
    });
    let client = crate::tls::client().unix_socket(path).build().unwrap();
    let got = client
        .get("http://box.example.com/servers")
        .send()
        .await
        .unwrap();
    assert_eq!(got.status(), 200);
    let text = got.text().await.unwrap();
    // Whatever folder a proxy shows it in, its links stay there.
    assert!(
        !text.contains("href=\"/") && !text.contains("src=\"/"),
        "{text}"
    );
    drop(stop);
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_the_host_lacks_is_shown_with_what_mends_it() {
    let place = Place::with(&[]).await;
    let web = Web::start(&place, Shape::All).await;
    let mut browser = Browser::new(&web);
    assert_eq!(browser.get("/doctor").await.status, 401);
    browser.sign_in().await;
    let got = browser.get("/doctor").await;
    // Whatever this host has, nobody listens on the bus of this test.
    let lacking = got.text.split("As it should be").next().unwrap();
    assert!(
        got.status == 200 && lacking.contains("problem") && lacking.contains("<code>"),
        "{}",
        got.text
    );
    web.stop().await;
}

//! Signing in: the link of `mcpod ui` becomes a cookie.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{COOKIE, HeaderValue, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use maud::html;

use super::document::{Document, go};
use super::fields::{Fields, address};
use super::pass::{self, Purpose, TICKET_LIFE, VISIT_LIFE};
use crate::frontend::http::Face;
use crate::frontend::voice::lock;

/// The name of the cookie.
const NAME: &str = "mcpod";

/// The link that opens the page for who has the token: `base` is where it is found, with a slash at its end.
pub fn link(token: &str, base: &str) -> Option<String> {
    let ticket = pass::issue(token, Purpose::Ticket, TICKET_LIFE)?;
    Some(address(&format!("{base}sign-in"), &[("ticket", &ticket)]))
}

/// Where the page is found on an address that is listened on, with a slash at its end. On this host alone it has a name that
/// nobody else knows: see `pass`.
pub fn found_at(scheme: &str, address: SocketAddr, token: &str) -> String {
    let port = address.port();
    match pass::host_name(token) {
        Some(name) if address.ip().to_canonical().is_loopback() => {
            format!("{scheme}://{name}:{port}/")
        }
        _ => format!("{scheme}://{address}/"),
    }
}

/// The visit that a browser's cookie stands for.
pub(super) fn visit(key: &str, headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(COOKIE).iter();
    let cookies = cookies.filter_map(|header| header.to_str().ok());
    let mut pairs = cookies.flat_map(|header| header.split(';'));
    pairs.find_map(|pair| {
        let (name, visit) = pair.trim().split_once('=')?;
        let counts = name == NAME && pass::expiry(key, Purpose::Visit, visit).is_some();
        counts.then(|| visit.to_owned())
    })
}

/// Opens the page with a ticket, which counts once.
pub(super) async fn open(State(face): State<Arc<Face>>, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    let next = next(&fields);
    let ticket = fields.get("ticket");
    let Some(key) = face.key().filter(|_| face.gate.token.is_some()) else {
        return go(&next);
    };
    let Some(expiry) = pass::expiry(&key, Purpose::Ticket, ticket) else {
        return closed(&uri);
    };
    let is_used = {
        let mut used = lock(&face.page.used);
        let now = jiff::Timestamp::now().as_second();
        used.retain(|_, expiry| *expiry > now);
        used.insert(ticket.to_owned(), expiry).is_some()
    };
    let visit = pass::issue(&key, Purpose::Visit, VISIT_LIFE);
    let (false, Some(visit)) = (is_used, visit) else {
        return closed(&uri);
    };
    let mut response = go(&next);
    // Without a path it counts for the folder that the page is shown in (RFC 6265, 5.1.4).
    let secure = if face.page.is_secure { "; Secure" } else { "" };
    let cookie = format!("{NAME}={visit}; HttpOnly; SameSite=Strict; Max-Age={VISIT_LIFE}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// What is shown to who is not signed in: how that is done, and nothing else.
pub(super) fn closed(uri: &Uri) -> Response {
    let asked = uri.path().trim_start_matches('/');
    let asked = match (asked, uri.query()) {
        ("sign-in", _) => next(&Fields::of(uri)),
        (path, Some(query)) => format!("{path}?{query}"),
        (path, None) => path.to_owned(),
    };
    let again = (is_inside(&asked) && !asked.is_empty()).then_some(asked);
    let content = html! {
        p { "This page is opened by a link. Print it in a terminal on the host that mcpod runs on, and open it in this browser:" }
        pre { code { "mcpod ui" } }
        p { "It counts once, and for " (TICKET_LIFE / 60) " minutes. The browser then stays signed in." }
        @if let Some(again) = again {
            p { "Afterwards, " a href=(again) { "go on to where you were going" } "." }
        }
    };
    Document::outside("Sign in", StatusCode::UNAUTHORIZED).with(&content)
}

/// Where somebody wants to go who signs in.
fn next(fields: &Fields) -> String {
    let next = fields.get("next");
    if is_inside(next) && !next.is_empty() {
        next.to_owned()
    } else {
        ".".to_owned()
    }
}

/// Whether an address stays on the page: a word, and fields.
fn is_inside(address: &str) -> bool {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "=&%._-+*".contains(c);
    path.chars().all(|c| c.is_ascii_lowercase() || c == '-') && query.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away() {
        for inside in ["", "servers", "ask?id=ab12", "server?name=a%2Fb"] {
            assert!(is_inside(inside), "{inside}");
        }
        for outside in [
            "//evil.example.com",
            "https://evil.example.com",
            "/\\evil",
            "javascript:alert(1)",
            "a/b",
            "server?x=\"><script>",
            "\u{202e}",
        ] {
            assert!(!is_inside(outside), "{outside}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others_and_counts_if_it_is_signed() {
        let visit_of = |cookie: &str| {
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, HeaderValue::from_str(cookie).unwrap());
            visit("key", &headers)
        };
        let pass = pass::issue("key", Purpose::Visit, 60).unwrap();
        let among = format!("a=b; mcpod=forged; mcpod={pass}; c");
        assert_eq!(visit_of(&among).as_deref(), Some(pass.as_str()));
        let ticket = pass::issue("key", Purpose::Ticket, 60).unwrap();
        for wrong in [
            "",
            "mcpod",
            "mcpod=",
            &format!("mcpod={ticket}"),
            &format!("x{among}").replace("; mcpod=", "; no="),
        ] {
            assert_eq!(visit_of(wrong), None, "{wrong}");
        }
    }
}

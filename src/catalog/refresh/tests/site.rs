//! The site: visited page by page, as its robots say.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::server::{Act, say};
use super::*;

#[tokio::test]
async fn a_site_is_visited_as_its_robots_say() {
    let cache = tempfile::tempdir().unwrap();
    // The sitemap must name the server, whose address is known only once it listens.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sitemap = format!(
        "<urlset><url><loc>{url}/servers/a/b</loc><lastmod>1</lastmod></url><url><loc>{url}/servers/c</loc></url></urlset>"
    );
    let pages = [
        say("200 OK", "", b"User-agent: *\nDisallow: /api/"),
        say("200 OK", "", sitemap.as_bytes()),
        say("200 OK", "", b"<main><h1>B</h1><p>Does b.</p></main>"),
        say("200 OK", "", b"<title>Just a moment...</title>"),
    ];
    tokio::spawn(async move {
        for page in pages {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _read = stream.read(&mut request).await.unwrap();
            if let Act::Say(bytes) = page {
                stream.write_all(&bytes).await.unwrap();
            }
            stream.shutdown().await.ok();
        }
    });
    let refresh = refresh(
        cache.path(),
        &format!("mcpservers = {{ url = '{url}', enabled = true }}"),
    );
    let reports = run(&refresh, false).await;
    let site = report(&reports, "mcpservers");
    assert!(
        site.last_error
            .as_deref()
            .is_some_and(|error| error.contains("challenge")),
        "{site:?}"
    );
    assert_eq!(
        names(&refresh.store, "mcpservers"),
        ["B"],
        "what was read before the challenge counts"
    );
}

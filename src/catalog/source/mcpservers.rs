//! The source `mcpservers`: pages of mcpservers.org, for whoever turns it on.
//!
//! The site has no API. Its sitemap says what pages there are; a page says what it shows as JSON-LD, or else in its
//! markup. Both have changed before and will again: a page without the marks that are expected is an error, never a page
//! about nothing, and a challenge that wants to see a browser ends the visit.

mod robots;

use scraper::{ElementRef, Html, Selector};
use serde::Deserialize;

pub use self::robots::Robots;
use super::{FieldError, Refused, record, repository};
use crate::catalog::entry::Entry;
use crate::catalog::id::EntryId;
use crate::catalog::launch::{Endpoint, HttpProtocol, LaunchOption, Remote, Run, Trust};
use crate::catalog::template::Template;
use crate::catalog::text::Line;

/// How the paths of pages begin: of servers that are run, and of those that run elsewhere.
const LOCAL: &str = "servers/";
const REMOTE: &str = "remote-mcp-servers/";

/// An address in a sitemap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The address.
    pub url: String,
    /// When what is there was changed, as it is written.
    pub changed: Option<String>,
}

/// What a sitemap holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Sitemap {
    /// Other sitemaps.
    Index(Vec<Location>),
    /// Pages.
    Pages(Vec<Location>),
}

/// Why a page is not what it should be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The site wants to see a browser.
    #[error("the site answers with a challenge for browsers")]
    Challenge,
    /// Something else than a sitemap.
    #[error("the answer is no sitemap")]
    NoSitemap,
    /// The page has not the expected marks.
    #[error("{0}")]
    Page(Refused),
}

/// The sitemap of some bytes.
pub fn sitemap(bytes: &[u8]) -> Result<Sitemap, PageError> {
    let text = String::from_utf8_lossy(bytes);
    if is_challenge(&text) {
        return Err(PageError::Challenge);
    }
    let (is_index, item) = if text.contains("<sitemapindex") {
        (true, "<sitemap>")
    } else if text.contains("<urlset") {
        (false, "<url>")
    } else {
        return Err(PageError::NoSitemap);
    };
    let locations = text.split(item).skip(1).filter_map(|item| {
        Some(Location {
            url: element(item, "loc")?.replace("&amp;", "&"),
            changed: element(item, "lastmod").map(str::to_owned),
        })
    });
    let locations = locations.collect();
    Ok(if is_index {
        Sitemap::Index(locations)
    } else {
        Sitemap::Pages(locations)
    })
}

/// The path of a server's page, such as `servers/owner/repo`; nothing for other pages and for copies in other languages.
pub fn server_path(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (_, path) = rest.split_once('/')?;
    let path = path.split(['?', '#']).next()?.trim_end_matches('/');
    is_server_path(path).then_some(path)
}

/// Whether a path is that of a server's page.
pub fn is_server_path(path: &str) -> bool {
    let inside = path.strip_prefix(LOCAL).or(path.strip_prefix(REMOTE));
    inside.is_some_and(|name| !name.is_empty())
}

/// What the source calls the server of a page: its path, of which `servers/` is left out where nothing else is called so.
fn native(path: &str) -> &str {
    match path.strip_prefix(LOCAL) {
        Some(name) if !is_server_path(name) => name,
        _ => path,
    }
}

/// The entry of a server's page, for the source of that name.
pub fn page(source: &str, path: &str, bytes: &[u8]) -> Result<Entry, PageError> {
    let text = String::from_utf8_lossy(bytes);
    if is_challenge(&text) {
        return Err(PageError::Challenge);
    }
    entry(source, path, &text).map_err(|error| PageError::Page(error.in_record(path)))
}

fn entry(source: &str, path: &str, text: &str) -> Result<Entry, FieldError> {
    if !is_server_path(path) {
        return Err(FieldError::new("path", "it is no server's"));
    }
    let id = EntryId::new(source, native(path)).map_err(|error| FieldError::new("path", &error))?;
    let html = Html::parse_document(text);
    let linked = linked_data(&html);
    let about = linked.as_ref().map(|(_, about)| about);
    let main = first(&html, "main").ok_or_else(|| FieldError::new("main", "the page has none"))?;
    let heading = select(main, "h1").map(text_of);
    let name = about.and_then(|about| about.name.clone()).or(heading);
    let name = name
        .filter(|name| !name.is_empty())
        .ok_or_else(|| FieldError::new("main h1", "the page names no server"))?;
    let description = about
        .and_then(|about| about.description.clone())
        .or_else(|| select(main, "h1 ~ p, p").map(text_of));
    let code = about.and_then(|about| about.code_repository.clone());
    let code = code.or_else(|| {
        select(main, "a[href*='github.com/']")?
            .attr("href")
            .map(Line::new)
    });
    let repository = code.and_then(|url| repository(&url, None));
    let launch: Vec<LaunchOption> = endpoint(main).into_iter().collect();
    if repository.is_none() && launch.is_empty() && description.is_none() {
        return Err(FieldError::new(
            "main",
            "the page says nothing about a server",
        ));
    }
    Ok(Entry {
        description: description.filter(|text| !text.is_empty()),
        publisher: repository
            .as_ref()
            .and_then(|repository| repository.owner())
            .and_then(Line::some),
        website: repository
            .is_none()
            .then(|| {
                select(main, "a[rel~='noopener'][href^='https://']")?
                    .attr("href")
                    .map(Line::new)
            })
            .flatten(),
        repository,
        launch,
        records: vec![match &linked {
            Some((script, _)) => record(path, script)?,
            None => record(path, &main.text().collect::<String>())?,
        }],
        ..Entry::new(id, name)
    })
}

/// What a page says about itself to search engines (schema.org).
#[derive(Debug, Default, Deserialize)]
struct LinkedData {
    #[serde(rename = "@type")]
    kind: Option<String>,
    name: Option<Line>,
    description: Option<Line>,
    #[serde(rename = "codeRepository")]
    code_repository: Option<Line>,
}

/// The script that says it, and what it says.
fn linked_data(html: &Html) -> Option<(String, LinkedData)> {
    let selector = Selector::parse("script[type='application/ld+json']").ok()?;
    let scripts = html
        .select(&selector)
        .map(|script| script.text().collect::<String>());
    let mut documents = scripts.filter_map(|script| {
        let about = serde_json::from_str::<LinkedData>(&script).ok()?;
        Some((script, about))
    });
    documents.find(|(_, about)| {
        matches!(
            about.kind.as_deref(),
            Some("SoftwareApplication" | "SoftwareSourceCode" | "WebApplication")
        )
    })
}

/// The address of a remote server, of a page's `<dl>` and the `<code>` with it.
fn endpoint(main: ElementRef) -> Option<LaunchOption> {
    let value = |name: &str| {
        let terms = Selector::parse("dt").ok()?;
        let term = main
            .select(&terms)
            .find(|term| text_of(*term).eq_ignore_ascii_case(name))?;
        let value = term.next_siblings().find_map(ElementRef::wrap)?;
        Some(text_of(value).to_lowercase())
    };
    let transport = value("Transport")?;
    let protocol = match transport.as_str() {
        "sse" => HttpProtocol::Sse,
        _ => HttpProtocol::StreamableHttp,
    };
    let codes = Selector::parse("code").ok()?;
    let url = main
        .select(&codes)
        .map(text_of)
        .find(|code| code.starts_with("https://") && !code.contains(' '))?;
    Some(LaunchOption {
        trust: Trust::Guessed,
        inputs: Vec::new(),
        run: Run::Remote(Remote {
            endpoint: Endpoint {
                protocol,
                url: Template::of_text(&url),
            },
            headers: Vec::new(),
            login: value("Authentication").is_some_and(|kind| kind.contains("oauth")),
        }),
    })
}

/// Whether a page is the one that stands between a program and the site.
fn is_challenge(text: &str) -> bool {
    let start: String = text.chars().take(4096).collect();
    start.contains("<title>Just a moment")
        || start.contains("challenge-platform")
        || start.contains("cf-mitigated")
}

/// The text of the first element of that name in a piece of XML.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inside, _) = rest.split_once(&format!("</{name}>"))?;
    Some(inside.trim())
}

fn first<'h>(html: &'h Html, selector: &str) -> Option<ElementRef<'h>> {
    let selector = Selector::parse(selector).ok()?;
    html.select(&selector).next()
}

fn select<'h>(element: ElementRef<'h>, selector: &str) -> Option<ElementRef<'h>> {
    let selector = Selector::parse(selector).ok()?;
    element.select(&selector).next()
}

fn text_of(element: ElementRef) -> Line {
    Line::new(&element.text().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    //! No page of the site could be had. These are of our own making, in the shape that notes about it describe; they
    //! show that the parser does what it says, not that the site looks so.

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sitemap_names_pages() {
        let index = b"<?xml?><sitemapindex><sitemap><loc>https://a.b/sitemaps/servers/1.xml</loc></sitemap></sitemapindex>";
        assert!(matches!(sitemap(index), Ok(Sitemap::Index(locations)) if locations.len() == 1));
        let pages = b"<urlset><url><loc>https://a.b/servers/o/r</loc><lastmod>2026-08-01</lastmod></url><url><loc>https://a.b/ja/servers/o/r</loc></url></urlset>";
        let Ok(Sitemap::Pages(pages)) = sitemap(pages) else {
            panic!("no pages")
        };
        let paths: Vec<_> = pages.iter().map(|page| server_path(&page.url)).collect();
        assert_eq!(paths, [Some("servers/o/r"), None]);
        assert_eq!(pages[0].changed.as_deref(), Some("2026-08-01"));
        assert_eq!(sitemap(b"<html>"), Err(PageError::NoSitemap));
    }

    #[test]
    fn a_local_servers_page_is_read() {
        let html = b"<html><header><a href='https://github.com/site/own'>x</a></header><main><h1>Notes</h1><p>Reads notes.</p>
            <a href='https://github.com/acme/notes'>GitHub</a><h2>Related Servers</h2></main></html>";
        let entry = page("mcpservers", "servers/acme/notes", html).unwrap();
        assert_eq!(entry.id.to_string(), "mcpservers:acme/notes");
        assert_eq!(
            (entry.name.as_str(), entry.description.as_deref()),
            ("Notes", Some("Reads notes."))
        );
        assert_eq!(
            entry.repository.unwrap().url.as_str(),
            "https://github.com/acme/notes"
        );
    }

    #[test]
    fn a_remote_servers_page_has_its_address() {
        let html = b"<main><h1>Acme</h1><p>Does.</p><dl><dt>Transport</dt><dd>SSE</dd><dt>Authentication</dt><dd>OAuth 2.1</dd></dl>
            <p>Connection details</p><code>https://mcp.acme.example/sse</code></main>";
        let entry = page("mcpservers", "remote-mcp-servers/acme", html).unwrap();
        let Run::Remote(remote) = &entry.launch[0].run else {
            panic!("{entry:?}")
        };
        assert!(remote.login && remote.endpoint.protocol == HttpProtocol::Sse);
    }

    #[test]
    fn no_two_pages_have_one_id() {
        let html = b"<main><h1>N</h1><p>Does.</p></main>";
        let id = |path: &str| page("mcpservers", path, html).unwrap().id.to_string();
        for (path, native) in [
            ("servers/acme/notes", "acme/notes"),
            (
                "remote-mcp-servers/acme/notes",
                "remote-mcp-servers/acme/notes",
            ),
            (
                "servers/remote-mcp-servers/acme/notes",
                "servers/remote-mcp-servers/acme/notes",
            ),
            ("servers/servers/acme", "servers/servers/acme"),
            ("servers/servers", "servers"),
        ] {
            assert_eq!(id(path), format!("mcpservers:{native}"));
        }
        assert!(page("mcpservers", "categories/acme", html).is_err());
    }

    #[test]
    fn linked_data_goes_before_markup() {
        let html = br#"<script type="application/ld+json">{"@type": "SoftwareApplication", "name": "N", "description": "D", "codeRepository": "https://github.com/a/b"}</script><main><h1>Other</h1></main>"#;
        let entry = page("mcpservers", "servers/n", html).unwrap();
        assert_eq!(
            (entry.name.as_str(), entry.description.as_deref()),
            ("N", Some("D"))
        );
    }

    #[test]
    fn a_page_without_its_marks_is_an_error() {
        for html in [
            "",
            "<main></main>",
            "<main><h1> </h1></main>",
            "<main><h1>N</h1></main>",
            "<h1>N</h1><p>text</p>",
        ] {
            assert!(
                matches!(
                    page("mcpservers", "servers/n", html.as_bytes()),
                    Err(PageError::Page(_))
                ),
                "{html:?}"
            );
        }
        let challenge = b"<html><head><title>Just a moment...</title></head></html>";
        assert_eq!(
            page("mcpservers", "servers/n", challenge),
            Err(PageError::Challenge)
        );
        assert_eq!(sitemap(challenge), Err(PageError::Challenge));
    }

    proptest! {
        #[test]
        fn no_page_panics(text in any::<String>(), html in "(<(main|h1|p|dl|dt|code|a href='https://github.com/a/b'|script)>|[a-z ]{0,6}|</(main|h1|dl)>){0,12}") {
            for text in [text, html] {
                if let Ok(entry) = page("mcpservers", "servers/n", text.as_bytes()) {
                    prop_assert!(!entry.name.is_empty());
                }
                drop(sitemap(text.as_bytes()));
            }
        }
    }
}

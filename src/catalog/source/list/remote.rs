//! Remote servers in prose: an address, or the words that tell a client of it.

use crate::catalog::input::{Input, InputPath};
use crate::catalog::launch::{Endpoint, Header, HttpProtocol, LaunchOption, Remote, Run, Trust};
use crate::catalog::template::{Syntax, Template};
use crate::catalog::text::Line;

/// A remote server at that address, if it can be one.
pub(super) fn of_url(url: &str, protocol: HttpProtocol, trust: Trust) -> Option<LaunchOption> {
    let host = url
        .strip_prefix("https://")?
        .split(['/', ':', '?'])
        .next()?;
    let legal = |c: char| {
        c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '`' | '{' | '}' | '\\' | '^' | '|')
    };
    let is_host = host.contains('.')
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    if !is_host || !url.chars().all(legal) || host.ends_with("example.com") {
        return None;
    }
    Some(LaunchOption {
        trust,
        inputs: Vec::new(),
        run: Run::Remote(Remote {
            endpoint: Endpoint {
                protocol,
                url: Template::of_text(url),
            },
            headers: Vec::new(),
            login: false,
        }),
    })
}

/// `[--transport http|sse] [--scope S] NAME URL [--header "NAME: VALUE"]`
pub(super) fn of_words(words: &[&str], trust: Trust) -> Option<LaunchOption> {
    let mut protocol = HttpProtocol::StreamableHttp;
    let mut url = None;
    let mut header = None;
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "--transport" | "-t" => {
                protocol = match words.next()? {
                    "sse" => HttpProtocol::Sse,
                    _ => HttpProtocol::StreamableHttp,
                };
            }
            "--scope" | "-s" => {
                words.next()?;
            }
            "--header" | "-H" => header = words.next()?.split_once(':'),
            word if word.starts_with("https://") => url = Some(word),
            word if word.starts_with('-') => return None,
            _ => {}
        }
    }
    let mut option = of_url(url?, protocol, trust)?;
    if let (Some((name, value)), Run::Remote(remote)) = (header, &mut option.run) {
        let name = name.trim();
        let bearer = if value.trim().starts_with("Bearer ") {
            "Bearer "
        } else {
            ""
        };
        let path: InputPath = name.parse().ok()?;
        remote.headers.push(Header {
            name: name.to_owned(),
            value: Template::parse(&format!("{bearer}{{{{{path}}}}}"), Syntax::DoubleBraces),
        });
        option.inputs.push(Input {
            secret: true,
            required: true,
            example: Line::some(value),
            ..Input::text(path)
        });
    }
    Some(option)
}

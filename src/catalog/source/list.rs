//! Lists of servers in Markdown: headings for categories, a bullet with a link for each server, prose behind it.
//!
//! They say what exists more than how it runs. A command or an address in the prose becomes a launch option that is
//! marked as guessed, one in a sidecar is marked so; see [`Trust`].

mod command;
mod line;
mod remote;
mod sidecar;

use std::collections::HashMap;

use self::line::{Bullet, bullet, plain};
use self::sidecar::{Sidecar, artifact};
use super::{FieldError, Parsed, record, repository};
use crate::catalog::category::Category;
use crate::catalog::entry::{Entry, Repository};
use crate::catalog::id::EntryId;
use crate::catalog::launch::{HttpProtocol, LaunchOption, Trust};
use crate::catalog::text::Line;

/// Headings below which other things than servers are listed, where they come behind servers.
const OTHER_SECTIONS: [&str; 6] = [
    "clients",
    "frameworks",
    "sponsors",
    "tutorials",
    "legend",
    "contributing",
];

/// A file of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The entries of the pages, completed by sidecars, for the source of that name. A server that is listed twice is one
/// entry.
pub fn parse(source: &str, pages: &[File], sidecars: &[File]) -> Parsed {
    let mut list = List {
        source,
        parsed: Parsed::default(),
        places: HashMap::new(),
    };
    for page in pages {
        list.page(page);
    }
    for file in sidecars {
        list.sidecar(file);
    }
    list.parsed
}

struct List<'a> {
    source: &'a str,
    parsed: Parsed,
    /// Where the entry of a native id lies.
    places: HashMap<String, usize>,
}

/// What a heading says of the bullets below it.
#[derive(Default)]
struct Section {
    category: Option<Category>,
    official: bool,
    other: bool,
}

impl Section {
    fn of(heading: &str) -> Self {
        let title = without_tags(heading.trim_start_matches('#'));
        let title: String = title
            .chars()
            .filter(|c| c.is_alphanumeric() || " &-/".contains(*c))
            .collect();
        let title = title.trim().to_lowercase();
        Self {
            category: Category::fold(&title),
            official: matches!(
                title.as_str(),
                "official servers" | "reference servers" | "official"
            ),
            other: OTHER_SECTIONS.contains(&title.as_str()),
        }
    }
}

impl List<'_> {
    fn page(&mut self, page: &File) {
        let text = String::from_utf8_lossy(&page.bytes);
        let mut section = Section::default();
        let mut is_code = false;
        let mut has_entries = false;
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim_start().starts_with("```") {
                is_code = !is_code;
            } else if !is_code && line.starts_with('#') {
                section = Section::of(line);
                section.other &= has_entries;
            } else if !is_code && !section.other {
                let place = format!("{}:{number}", page.path);
                match bullet(line).map(|bullet| self.entry(&bullet, &section, &place, line)) {
                    None => {}
                    Some(Ok(entry)) => {
                        has_entries = true;
                        self.add(entry);
                    }
                    Some(Err(error)) => self.parsed.refused.push(error.in_record(&place)),
                }
            }
        }
    }

    fn entry(
        &self,
        bullet: &Bullet,
        section: &Section,
        place: &str,
        line: &str,
    ) -> Result<Entry, FieldError> {
        let url = bullet.url.split_whitespace().next().unwrap_or_default();
        let native = native(url)
            .ok_or_else(|| FieldError::new("url", &format!("{url:?} is no address of the web")))?;
        let id =
            EntryId::new(self.source, &native).map_err(|error| FieldError::new("url", &error))?;
        let repository = repository(url, None).filter(|repository| hosts_code(&repository.url));
        let short = bullet.name.rsplit('/').next().unwrap_or(bullet.name);
        let is_path = bullet.name.contains('/') && !bullet.name.contains(' ');
        let name = Line::new(match &repository {
            Some(repository) if is_path => repository
                .folder
                .as_deref()
                .unwrap_or(&repository.url)
                .rsplit('/')
                .next()
                .unwrap_or(short),
            _ => bullet.name,
        });
        Ok(Entry {
            title: (!is_path).then(|| Line::some(bullet.name)).flatten(),
            description: Line::some(&plain(bullet.about)),
            publisher: repository
                .as_ref()
                .and_then(Repository::owner)
                .and_then(Line::some),
            categories: section.category.into_iter().collect(),
            official: bullet.official || section.official,
            website: repository.is_none().then(|| Line::some(url)).flatten(),
            launch: guesses(url, bullet.about),
            records: vec![record(place, line)?],
            repository,
            ..Entry::new(id, name)
        })
    }

    /// Adds an entry, to the one of its id if that is there.
    fn add(&mut self, entry: Entry) {
        let native = entry.id.native().to_lowercase();
        let known = self
            .places
            .get(&native)
            .and_then(|at| self.parsed.entries.get_mut(*at));
        let Some(own) = known else {
            self.places.insert(native, self.parsed.entries.len());
            self.parsed.entries.push(entry);
            return;
        };
        let length = |entry: &Entry| entry.description.as_ref().map_or(0, |text| text.len());
        if length(own) < length(&entry) {
            own.description.clone_from(&entry.description);
        }
        own.title = own.title.take().or(entry.title);
        own.official |= entry.official;
        for category in entry.categories {
            if !own.categories.contains(&category) {
                own.categories.push(category);
            }
        }
        for option in entry.launch {
            if !own
                .launch
                .iter()
                .any(|other| artifact(other) == artifact(&option))
            {
                own.launch.push(option);
            }
        }
        own.records.extend(entry.records);
    }

    fn sidecar(&mut self, file: &File) {
        let sidecar = match Sidecar::parse(&file.path, &file.bytes) {
            Ok(sidecar) => sidecar,
            Err(error) => return self.parsed.refused.push(error.in_record(&file.path)),
        };
        let native = native(sidecar.project()).map(|native| native.to_lowercase());
        let at = native.and_then(|native| self.places.get(&native).copied());
        if let Some(entry) = at.and_then(|at| self.parsed.entries.get_mut(at)) {
            sidecar.complete(entry);
        } else {
            let error = FieldError::new("source.projectUrl", "no entry has this address");
            self.parsed.refused.push(error.in_record(&file.path));
        }
    }
}

/// What the list's source calls a server: `owner/repo[#folder]` on GitHub, with another host in front elsewhere, the
/// address without its scheme where it is no repository.
fn native(url: &str) -> Option<String> {
    let url = url.trim();
    let address = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let Some(Repository {
        url: repository,
        folder,
    }) = repository(url, None)
    else {
        let address = address.split(['?', '#']).next()?.trim_end_matches('/');
        let host = address.split('/').next()?;
        return host.contains('.').then(|| address.to_owned());
    };
    let path = repository.strip_prefix("https://")?;
    let path = path.strip_prefix("www.").unwrap_or(path);
    let path = path.strip_prefix("github.com/").unwrap_or(path);
    Some(match folder {
        Some(folder) => format!("{path}#{folder}"),
        None => path.to_owned(),
    })
}

/// Whether addresses there are repositories, as far as can be told.
fn hosts_code(url: &str) -> bool {
    let host = url
        .strip_prefix("https://")
        .unwrap_or(url)
        .split('/')
        .next()
        .unwrap_or_default();
    [
        "github.com",
        "gitlab.",
        "codeberg.org",
        "bitbucket.org",
        "git.sr.ht",
        "gitee.com",
        "gitea.",
        "huggingface.co",
        "tangled.",
    ]
    .iter()
    .any(|code| host.trim_start_matches("www.").starts_with(code))
}

/// The ways to run a server that its link and its description speak of.
fn guesses(url: &str, about: &str) -> Vec<LaunchOption> {
    let mut options: Vec<LaunchOption> = package_page(url).into_iter().collect();
    options.extend(
        about
            .split('`')
            .skip(1)
            .step_by(2)
            .filter_map(|line| command::option(line, Trust::Guessed)),
    );
    let words = about.split(|c: char| c.is_whitespace() || "()<>[]`,".contains(c));
    for word in words.chain([url]) {
        let word = word.trim_end_matches(['.', ';', ':', '*', '"', '\'', '\\']);
        if let Some(protocol) = endpoint(word) {
            options.extend(remote::of_url(word, protocol, Trust::Guessed));
        }
    }
    let mut unique: Vec<LaunchOption> = Vec::new();
    for option in options {
        if !unique
            .iter()
            .any(|other| artifact(other) == artifact(&option))
        {
            unique.push(option);
        }
    }
    unique
}

/// The package whose page a link is.
fn package_page(url: &str) -> Option<LaunchOption> {
    let address = url.strip_prefix("https://")?.trim_start_matches("www.");
    let line = if let Some(name) = address.strip_prefix("npmjs.com/package/") {
        format!("npx {}", name.trim_end_matches('/'))
    } else {
        let name = address.strip_prefix("pypi.org/project/")?;
        format!("uvx {}", name.trim_end_matches('/'))
    };
    command::option(&line, Trust::Guessed)
}

/// How an address speaks MCP, if its host or its path says that it does.
fn endpoint(url: &str) -> Option<HttpProtocol> {
    let address = url.strip_prefix("https://")?;
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let path = path.split(['?', '#']).next()?.trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default();
    if hosts_code(url)
        || host == "mcp.so"
        || host.ends_with("npmjs.com")
        || host.ends_with("pypi.org")
    {
        None
    } else if last == "sse" || (host.starts_with("sse.") && path.is_empty()) {
        Some(HttpProtocol::Sse)
    } else if last == "mcp" || (host.starts_with("mcp.") && path.is_empty()) {
        Some(HttpProtocol::StreamableHttp)
    } else {
        None
    }
}

/// A heading without HTML.
fn without_tags(text: &str) -> String {
    let mut inside = false;
    let visible = text.chars().filter(|c| {
        let was = inside;
        inside = (inside || *c == '<') && *c != '>';
        !inside && !was
    });
    visible.collect()
}

#[cfg(test)]
mod tests;

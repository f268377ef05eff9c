//! `[sources.*]` and `[[sources.extra]]`: which sources there are, and where.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a source is left alone after it was asked. A day, less what a daily timer may be early.
pub const INTERVAL: Duration = Duration::from_mins(24 * 60 - 10);

const DOCKER: &str = "https://github.com/docker/mcp-registry";
const OFFICIAL: &str = "https://registry.modelcontextprotocol.io";
const TENSORBLOCK: &str = "https://github.com/TensorBlock/awesome-mcp-servers";
const WONG2: &str = "https://github.com/wong2/awesome-mcp-servers";
const MCPSERVERS: &str = "https://mcpservers.org";

/// The table `[sources]` of the settings, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourcesFile {
    docker: SourceFile,
    official: SourceFile,
    awesome: SourceFile,
    mcpservers: SourceFile,
    extra: Vec<ExtraFile>,
}

/// A table `[sources.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SourceFile {
    /// A mirror: an address of git or of the web, or a folder.
    url: Option<String>,
    enabled: Option<bool>,
    /// How long it is left alone, such as `24h`.
    interval: Option<Interval>,
}

/// A table `[[sources.extra]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtraFile {
    name: ExtraName,
    kind: Kind,
    url: String,
    enabled: Option<bool>,
    interval: Option<Interval>,
}

/// The name of a source that the user added: small letters, digits and dashes, and none of the names that are taken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct ExtraName(String);

/// A length of time such as `24h` or `90min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Interval(Duration);

/// What a source publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Folders with a `server.yaml`, as Docker's registry.
    Docker,
    /// The API of the official registry.
    Official,
    /// A list in Markdown.
    List,
    /// Our own format.
    Toml,
    /// The pages of mcpservers.org; only for the source of that name.
    #[serde(skip_deserializing)]
    Site,
}

/// A source in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, which stands in front of its entries' ids.
    pub name: String,
    /// What it publishes.
    pub kind: Kind,
    /// Where: addresses or folders. Several are read as one.
    pub urls: Vec<String>,
    /// Whether it is asked and its entries are in the catalog.
    pub enabled: bool,
    /// How long it is left alone after it was asked.
    pub interval: Duration,
}

impl SourcesFile {
    /// Takes over what a later file says. Extra sources are added; one of the same name replaces the earlier one.
    pub fn merge(&mut self, later: Self) {
        let Self {
            docker,
            official,
            awesome,
            mcpservers,
            extra,
        } = later;
        self.docker.merge(docker);
        self.official.merge(official);
        self.awesome.merge(awesome);
        self.mcpservers.merge(mcpservers);
        for source in extra {
            self.extra.retain(|own| own.name != source.name);
            self.extra.push(source);
        }
    }

    /// All sources but the builtin one, the most trusted first.
    pub fn sources(&self) -> Vec<Source> {
        let extra = self.extra.iter().map(|extra| Source {
            name: extra.name.0.clone(),
            kind: extra.kind,
            urls: vec![extra.url.clone()],
            enabled: extra.enabled.unwrap_or(true),
            interval: extra.interval.map_or(INTERVAL, |interval| interval.0),
        });
        let mut sources = vec![self.docker.source("docker", Kind::Docker, &[DOCKER], true)];
        // A user's own source goes before those that anybody can publish in.
        sources.extend(extra);
        sources.extend([
            self.official
                .source("official", Kind::Official, &[OFFICIAL], true),
            self.awesome
                .source("awesome", Kind::List, &[TENSORBLOCK, WONG2], true),
            self.mcpservers
                .source("mcpservers", Kind::Site, &[MCPSERVERS], false),
        ]);
        sources
    }
}

impl Source {
    /// What tells what comes from here from what comes from elsewhere: the kind and all addresses.
    pub(super) fn origin(&self) -> String {
        // No address has a line end in it: it would be none.
        let urls = self.urls.join("\n");
        format!("{:?}\n{urls}", self.kind)
    }
}

impl SourceFile {
    fn merge(&mut self, later: Self) {
        let Self {
            url,
            enabled,
            interval,
        } = later;
        self.url = url.or_else(|| self.url.take());
        self.enabled = enabled.or(self.enabled);
        self.interval = interval.or(self.interval);
    }

    fn source(&self, name: &str, kind: Kind, urls: &[&str], enabled: bool) -> Source {
        let own = |url: &String| vec![url.clone()];
        let urls = || urls.iter().map(|url| (*url).to_owned()).collect();
        Source {
            name: name.to_owned(),
            kind,
            urls: self.url.as_ref().map_or_else(urls, own),
            enabled: self.enabled.unwrap_or(enabled),
            interval: self.interval.map_or(INTERVAL, |interval| interval.0),
        }
    }
}

impl TryFrom<String> for ExtraName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        const TAKEN: [&str; 5] = ["builtin", "docker", "official", "awesome", "mcpservers"];
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 40 || !name.chars().all(legal) {
            return Err(format!(
                "{name:?} is no source's name: small letters, digits and dashes, at most 40"
            ));
        }
        if TAKEN.contains(&name.as_str()) {
            return Err(format!(
                "there is a source {name} already; [sources.{name}] changes it"
            ));
        }
        Ok(Self(name))
    }
}

impl TryFrom<String> for Interval {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let span = text.parse::<jiff::SignedDuration>().ok();
        span.and_then(|span| Duration::try_from(span).ok())
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no length of time such as \"24h\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_files_win_and_extra_sources_are_added() {
        let mut file: SourcesFile = toml::from_str("docker.url = '/mirror'\nofficial.enabled = false\n[[extra]]\nname = 'ours'\nkind = 'toml'\nurl = '/a'").unwrap();
        file.merge(toml::from_str("docker.interval = '1h'\nmcpservers.enabled = true\n[[extra]]\nname = 'ours'\nkind = 'list'\nurl = '/b'").unwrap());
        let sources = file.sources();
        let names: Vec<_> = sources
            .iter()
            .map(|source| (source.name.as_str(), source.enabled))
            .collect();
        assert_eq!(
            names,
            [
                ("docker", true),
                ("ours", true),
                ("official", false),
                ("awesome", true),
                ("mcpservers", true)
            ]
        );
        assert_eq!(
            (sources[0].urls.as_slice(), sources[0].interval),
            (&["/mirror".to_owned()][..], Duration::from_hours(1))
        );
        assert_eq!(
            (sources[1].kind, sources[1].urls[0].as_str()),
            (Kind::List, "/b")
        );
        assert_eq!(sources[3].urls.len(), 2);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "dcoker.url = 'x'",
            "docker.colour = 1",
            "docker.interval = 'soon'",
            "[[extra]]\nname = 'docker'\nkind = 'list'\nurl = 'x'",
            "[[extra]]\nname = 'A b'\nkind = 'list'\nurl = 'x'",
            "[[extra]]\nname = 'a'\nkind = 'site'\nurl = 'x'",
        ] {
            assert!(toml::from_str::<SourcesFile>(text).is_err(), "{text}");
        }
    }
}

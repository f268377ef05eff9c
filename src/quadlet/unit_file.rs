//! A unit file: sections of assignments, in order (systemd.syntax(7)).

use std::fmt;

use super::error::{ParseError, Reason, Unsupported, ValueError};
use super::escape::parse_record;
use super::key::Key;
use super::keys;
use super::version::PodmanVersion;

/// The longest line that systemd reads, in bytes (systemd src/basic/constants.h, LONG_LINE_MAX).
const LINE_MAX: usize = 1024 * 1024;

/// The longest file that is written, in bytes.
///
/// Quadlet makes one line of a container's section. The newer ones write a space as `\x20`, so the line can be four times as long;
/// it must stay below systemd's 1 MiB with what Quadlet adds.
pub const UNIT_MAX: usize = 240 * 1024;

/// A unit file, of systemd or of Quadlet.
///
/// Values are written by [`UnitFile::push`] alone, so whatever text they come from, a file has the sections and keys that the code
/// gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitFile {
    sections: Vec<Section>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Section {
    name: String,
    /// Keys and values in order, the values as they stand in the file.
    entries: Vec<(String, String)>,
}

impl UnitFile {
    /// A file with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an assignment to the key's section. Nothing is appended if the key cannot hold the value.
    pub fn push<V: ?Sized>(&mut self, key: Key<V>, value: &V) -> Result<(), ValueError> {
        let refused = |reason| ValueError {
            section: key.section(),
            key: key.name(),
            reason,
        };
        let written = key.write(value).map_err(refused)?;
        let length =
            self.to_string().len() + key.section().len() + key.name().len() + written.len();
        if length > UNIT_MAX {
            return Err(refused(Reason::UnitTooLong {
                length,
                max: UNIT_MAX,
            }));
        }
        self.open(key.section());
        self.append(key.section(), key.name(), written);
        Ok(())
    }

    /// Takes a section away.
    pub fn drop_section(&mut self, name: &str) {
        self.sections.retain(|section| section.name != name);
    }

    /// The last value of a key, as it stands in the file.
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.all(section, key).last()
    }

    /// Every value of a key, as they stand in the file.
    pub fn all<'a>(&'a self, section: &str, key: &str) -> impl Iterator<Item = &'a str> {
        self.sections
            .iter()
            .filter(move |s| s.name == section)
            .flat_map(|s| &s.entries)
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The last value of a key in a section that only mcpod reads; nothing if the key is missing, or somebody else wrote it.
    pub fn record(&self, key: Key<str>) -> Option<String> {
        parse_record(self.get(key.section(), key.name())?)
    }

    /// Every value of a key in a section that only mcpod reads; those that somebody else wrote are passed over.
    pub fn records(&self, key: Key<str>) -> Vec<String> {
        self.all(key.section(), key.name())
            .filter_map(parse_record)
            .collect()
    }

    /// Finds a key that a version of Podman does not know: its Quadlet would silently make no service of this file.
    pub fn check(&self, podman: PodmanVersion) -> Result<(), Unsupported> {
        for section in &self.sections {
            for (key, _) in &section.entries {
                if let Some(needed) = keys::first_version(&section.name, key)
                    && needed > podman
                {
                    return Err(Unsupported {
                        section: section.name.clone(),
                        key: key.clone(),
                        needed,
                        found: podman,
                    });
                }
            }
        }
        Ok(())
    }

    /// Reads a unit file as systemd does.
    ///
    /// Comments and empty lines are not kept; a section that comes twice is one; lines that continue each other are joined by a
    /// space. Values stay as they are written.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut file = Self::new();
        let mut current = None;
        for (line, content) in logical_lines(text)? {
            if let Some(header) = content.strip_prefix('[') {
                let name = header
                    .strip_suffix(']')
                    .filter(|name| !name.is_empty())
                    .ok_or(ParseError::BadSection { line })?;
                file.open(name);
                current = Some(name.to_owned());
                continue;
            }
            let (key, value) = content
                .split_once('=')
                .map(|(key, value)| (key.trim_matches(BLANK), value.trim_matches(BLANK)))
                .filter(|(key, _)| !key.is_empty())
                .ok_or(ParseError::NoAssignment { line })?;
            let section = current
                .as_deref()
                .ok_or(ParseError::OutsideSection { line })?;
            file.append(section, key, value.to_owned());
        }
        Ok(file)
    }

    /// Makes the section if there is none of that name.
    fn open(&mut self, section: &str) {
        if !self.sections.iter().any(|s| s.name == section) {
            self.sections.push(Section {
                name: section.to_owned(),
                entries: Vec::new(),
            });
        }
    }

    /// Appends to a section that is open.
    fn append(&mut self, section: &str, key: &str, value: String) {
        if let Some(section) = self.sections.iter_mut().find(|s| s.name == section) {
            section.entries.push((key.to_owned(), value));
        }
    }
}

/// What systemd strips from lines, keys and values.
const BLANK: [char; 2] = [' ', '\t'];

/// The lines of a file without comments, with the ones that continue each other joined; each with the number of its last line.
///
/// Carriage returns and NUL end a line too (systemd src/basic/fileio.c, read_line).
fn logical_lines(text: &str) -> Result<Vec<(usize, String)>, ParseError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let text = text.replace("\r\n", "\n");
    let mut lines = Vec::new();
    let mut continued = String::new();
    let mut last = 0;
    for (index, physical) in text.split(['\n', '\r', '\0']).enumerate() {
        last = index + 1;
        if physical.trim_start_matches(BLANK).starts_with(['#', ';']) {
            continue;
        }
        continued.push_str(physical);
        if continued.len() > LINE_MAX {
            return Err(ParseError::TooLong { line: last });
        }
        if ends_in_escape(&continued) {
            continued.pop();
            continued.push(' ');
        } else {
            finish(&mut continued, last, &mut lines);
        }
    }
    finish(&mut continued, last, &mut lines);
    Ok(lines)
}

/// Moves a logical line to the others, unless it is blank.
fn finish(continued: &mut String, number: usize, lines: &mut Vec<(usize, String)>) {
    let line = continued.trim_matches(BLANK);
    if !line.is_empty() {
        lines.push((number, line.to_owned()));
    }
    continued.clear();
}

/// Whether the last backslash of a line escapes the line's end, not being escaped itself.
fn ends_in_escape(line: &str) -> bool {
    let backslashes = line.bytes().rev().take_while(|&byte| byte == b'\\').count();
    backslashes % 2 == 1
}

impl fmt::Display for UnitFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, section) in self.sections.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            writeln!(f, "[{}]", section.name)?;
            for (key, value) in &section.entries {
                // A space behind a backslash that somebody else wrote keeps it from joining the next line.
                let end = if ends_in_escape(value) { " " } else { "" };
                writeln!(f, "{key}={value}{end}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::{container, install, mcpod, quadlet, socket, unit};
    use super::super::name::UnitName;
    use super::super::value::{FileMode, SecretVariable, Specifier, Text};
    use super::*;

    fn socket_file() -> Result<UnitFile, ValueError> {
        let mut file = UnitFile::new();
        file.push(unit::DESCRIPTION, &Text::from("MCP server time"))?;
        file.push(
            socket::LISTEN_STREAM,
            &Text::from(Specifier::RuntimeDirectory).and("/mcpod/100%.sock"),
        )?;
        file.push(socket::ACCEPT, &true)?;
        file.push(socket::SOCKET_MODE, &FileMode(0o600))?;
        file.push(socket::MAX_CONNECTIONS, &16)?;
        file.push(
            install::WANTED_BY,
            &UnitName::from_systemd("sockets.target"),
        )?;
        file.push(mcpod::ID, "docker:time")?;
        file.push(mcpod::INPUT, "zone=Europe/Berlin\n")?;
        file.push(mcpod::INPUT, " [X]=\"\\")?;
        Ok(file)
    }

    #[test]
    fn a_file_is_printed_in_the_order_of_its_making() {
        let mut file = UnitFile::new();
        file.push(
            unit::DESCRIPTION,
            &Text::from("MCP server time, session ").and(Specifier::Instance),
        )
        .unwrap();
        file.push(container::IMAGE, "docker.io/mcp/time@sha256:00")
            .unwrap();
        file.push(quadlet::DEFAULT_DEPENDENCIES, &false).unwrap();
        file.push(
            container::SECRET,
            &SecretVariable {
                secret: "mcpod-time_KEY".to_owned(),
                variable: "KEY".to_owned(),
            },
        )
        .unwrap();
        file.push(
            container::EXEC,
            &["--local".to_owned(), "$HOME 50%\n".to_owned()],
        )
        .unwrap();
        insta::assert_snapshot!(file, @r#"
        [Unit]
        Description=MCP server time, session %i

        [Container]
        Image=docker.io/mcp/time@sha256:00
        Secret=mcpod-time_KEY,type=env,target=KEY
        Exec=--local "$$HOME 50%%\n"

        [Quadlet]
        DefaultDependencies=false
        "#);
        insta::assert_snapshot!(socket_file().unwrap(), @r#"
        [Unit]
        Description=MCP server time

        [Socket]
        ListenStream=%t/mcpod/100%%.sock
        Accept=true
        SocketMode=0600
        MaxConnections=16

        [Install]
        WantedBy=sockets.target

        [X-Mcpod]
        Id=docker:time
        Input=zone=Europe/Berlin\u{a}
        Input=\u{20}[X]="\u{5c}
        "#);
    }

    #[test]
    fn what_was_recorded_is_read_back() {
        let file = socket_file().unwrap();
        let read = UnitFile::parse(&file.to_string()).unwrap();
        assert_eq!(read, file);
        assert_eq!(read.record(mcpod::ID).as_deref(), Some("docker:time"));
        assert_eq!(
            read.records(mcpod::INPUT),
            ["zone=Europe/Berlin\n", " [X]=\"\\"]
        );
        assert_eq!(read.record(mcpod::DIGEST), None);
    }

    #[test]
    fn a_file_is_read_as_systemd_does() {
        let text = "\u{FEFF}# comment\n[A]\r\n Key = one \\\n  # passed over\n   two \nEmpty=\n\
                    ;comment\n[B]\nKey=a=b\\\\\n[A]\nKey=three\\";
        let file = UnitFile::parse(text).unwrap();
        assert_eq!(
            file.all("A", "Key").collect::<Vec<_>>(),
            ["one     two", "three"]
        );
        assert_eq!(file.get("A", "Key"), Some("three"));
        assert_eq!(file.get("A", "Empty"), Some(""));
        assert_eq!(file.get("B", "Key"), Some("a=b\\\\"));
        assert_eq!(file.get("B", "key"), None);
    }

    #[test]
    fn a_line_that_is_nothing_is_an_error_with_its_number() {
        for (text, error) in [
            ("Key=value", ParseError::OutsideSection { line: 1 }),
            ("[A]\nvalue", ParseError::NoAssignment { line: 2 }),
            ("[A]\n=value", ParseError::NoAssignment { line: 2 }),
            ("[A", ParseError::BadSection { line: 1 }),
            ("\n\n[]", ParseError::BadSection { line: 3 }),
            ("[A] x", ParseError::BadSection { line: 1 }),
        ] {
            assert_eq!(UnitFile::parse(text), Err(error), "{text:?}");
        }
        let long = format!("[A]\nKey={}", "x".repeat(LINE_MAX));
        assert_eq!(UnitFile::parse(&long), Err(ParseError::TooLong { line: 2 }));
    }

    #[test]
    fn a_file_stays_below_the_line_that_systemd_reads() {
        let mut file = UnitFile::new();
        let words = vec!["x".repeat(100 * 1024)];
        file.push(container::EXEC, &words).unwrap();
        file.push(container::ENTRYPOINT, &words).unwrap();
        let error = file.push(
            container::HEALTH_CMD,
            &["a".to_owned(), "x".repeat(50 * 1024)],
        );
        let error = error.unwrap_err();
        assert_eq!((error.section, error.key), ("Container", "HealthCmd"));
        assert!(matches!(error.reason, Reason::UnitTooLong { .. }));
        assert_eq!(file.all("Container", "HealthCmd").count(), 0);
    }

    #[test]
    fn a_key_too_new_for_the_host_is_named() {
        let mut file = UnitFile::new();
        file.push(container::IMAGE, "alpine").unwrap();
        file.push(quadlet::DEFAULT_DEPENDENCIES, &false).unwrap();
        assert_eq!(file.check(PodmanVersion::FLOOR), Ok(()));
        let error = file.check(PodmanVersion::new(5, 2)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "DefaultDependencies= in [Quadlet] needs Podman 5.3.0, this is 5.2.0"
        );
    }
}

//! The format of a Containerfile (Containerfile(5)), as a leaf: the recipe of an image that mcpod builds itself.
//!
//! Commands are written in the form of a JSON list, which no shell reads; the image's own variables are set by code alone.
//!
//! Invariant: no text adds an instruction, an option or a word, however hostile it is. What cannot be written is refused.

use std::fmt;

use crate::image::ImageReference;

/// The longest line that is written, in bytes: the builder reads lines of 64 KiB.
const LINE_MAX: usize = 60 * 1024;

/// A recipe of an image, written from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Containerfile {
    lines: Vec<String>,
}

/// Why a text cannot stand in a Containerfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerfileError {
    /// It has a character that is not printed, or that a builder gives a meaning.
    #[error("{word:?} cannot stand in a Containerfile")]
    Word {
        /// The text.
        word: String,
    },
    /// The command is too long.
    #[error("a command of {length} bytes cannot stand in a Containerfile")]
    TooLong {
        /// How long it is.
        length: usize,
    },
}

impl Containerfile {
    /// An image that begins as another.
    pub fn from(base: &ImageReference) -> Self {
        Self {
            lines: vec![format!("FROM {base}")],
        }
    }

    /// Runs a command while the image is built. What it leaves in `/tmp` is not kept.
    pub fn run(&mut self, words: &[&str]) -> Result<(), ContainerfileError> {
        let command = json(words)?;
        self.lines
            .push(format!("RUN --mount=type=tmpfs,target=/tmp {command}"));
        Ok(())
    }

    /// Copies all of the build's context into a folder.
    pub fn copy_context(&mut self, folder: &'static str) {
        self.lines.push(format!("COPY . {folder}"));
    }

    /// Sets the folder that commands and the server itself begin in.
    pub fn work_in(&mut self, folder: &'static str) {
        self.lines.push(format!("WORKDIR {folder}"));
    }

    /// Sets a variable that the server finds.
    pub fn set(&mut self, variable: &'static str, value: &'static str) {
        self.lines.push(format!("ENV {variable}={value}"));
    }

    /// Sets who the server runs as, by number: names need a file that an image may not have.
    pub fn run_as(&mut self, id: u32) {
        self.lines.push(format!("USER {id}:{id}"));
    }

    /// Sets what the server is started by; its arguments come behind it.
    pub fn start_with(&mut self, words: &[&str]) -> Result<(), ContainerfileError> {
        self.lines.push(format!("ENTRYPOINT {}", json(words)?));
        Ok(())
    }
}

impl fmt::Display for Containerfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A command as a JSON list. A builder that could not read it as one would hand the line to a shell, so it is plain ASCII, and has
/// nothing in it that begins a here-document.
fn json(words: &[&str]) -> Result<String, ContainerfileError> {
    for word in words {
        let legal = |c: char| c.is_ascii_graphic() || matches!(c, ' ' | '\n');
        if !word.chars().all(legal) || word.contains("<<") {
            return Err(ContainerfileError::Word {
                word: (*word).to_owned(),
            });
        }
    }
    let json = serde_json::Value::from(words).to_string();
    if json.len() > LINE_MAX {
        return Err(ContainerfileError::TooLong { length: json.len() });
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base() -> ImageReference {
        "node:22-slim".parse().unwrap()
    }

    #[test]
    fn a_recipe_is_written_from_top_to_bottom() {
        let mut file = Containerfile::from(&base());
        file.copy_context("/src");
        file.run(&["npm", "install", "a \"b\\\n"]).unwrap();
        file.work_in("/tmp");
        file.set("HOME", "/tmp");
        file.run_as(1000);
        file.start_with(&["/app/run"]).unwrap();
        insta::assert_snapshot!(file, @r#"
        FROM docker.io/library/node:22-slim
        COPY . /src
        RUN --mount=type=tmpfs,target=/tmp ["npm","install","a \"b\\\n"]
        WORKDIR /tmp
        ENV HOME=/tmp
        USER 1000:1000
        ENTRYPOINT ["/app/run"]
        "#);
    }

    proptest! {
        #[test]
        fn no_word_adds_an_instruction_an_option_or_a_word(words in prop::collection::vec("\\PC{0,12}|[ -~\\n]{0,12}|RUN id|--mount=x|<<EOF|\\\\\n", 1..5)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut file = Containerfile::from(&base());
            let before = file.clone();
            if file.run(&words).is_err() {
                prop_assert_eq!(file, before);
                return Ok(());
            }
            let text = file.to_string();
            prop_assert_eq!(text.lines().count(), 2);
            let line = text.lines().last().unwrap();
            let json = line.strip_prefix("RUN --mount=type=tmpfs,target=/tmp ").unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(json).unwrap(), words);
            prop_assert!(line.ends_with(']') && line.is_ascii() && !line.contains("<<"));
        }
    }
}

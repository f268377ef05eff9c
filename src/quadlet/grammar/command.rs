//! Programs with their arguments, and single arguments.

use super::super::error::Reason;
use super::super::escape::{WORD_MAX, check_word, command_line, quote, refuse, specifiers};
use super::super::value::{Part, PodmanOption};
use super::text::absolute;

/// A program's arguments that Quadlet splits into words: those of a container behind its image.
pub(in crate::quadlet) fn arguments(words: &[String]) -> Result<String, Reason> {
    if words.is_empty() {
        return Err(Reason::Empty);
    }
    let mut written = Vec::with_capacity(words.len());
    for word in words {
        if word.is_empty() {
            return Err(Reason::EmptyWord);
        }
        if word == ";" {
            return Err(Reason::Semicolon);
        }
        written.push(container_word(word)?);
    }
    Ok(written.join(" "))
}

/// One word that Quadlet reads and systemd reads again as an argument.
pub(super) fn container_word(word: &str) -> Result<String, Reason> {
    check_word(word)?;
    Ok(quote(&command_line(word)))
}

/// A program and its arguments that systemd itself splits into words.
///
/// The program's path can have no variable in it, so a `$` there has no escape; systemd refuses quotes and backslashes there too.
pub(in crate::quadlet) fn command(words: &[String]) -> Result<String, Reason> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Reason::Empty);
    };
    absolute(program)?;
    refuse(program, |c| {
        matches!(c, '$' | '"' | '\'' | '\\' | '\t' | '\n')
    })?;
    check_word(program)?;
    let mut written = vec![quote(&specifiers(program))];
    for word in arguments {
        written.push(container_word(word)?);
    }
    Ok(written.join(" "))
}

/// A program and its arguments in the JSON form that podman understands, which has a place for every word.
pub(in crate::quadlet) fn json_command(words: &[String]) -> Result<String, Reason> {
    if words.is_empty() {
        return Err(Reason::Empty);
    }
    for word in words {
        check_word(word)?;
    }
    let json = serde_json::Value::from(words).to_string();
    if json.len() > WORD_MAX {
        return Err(Reason::TooLong {
            length: json.len(),
            max: WORD_MAX,
        });
    }
    Ok(command_line(&json))
}

/// A health check. Podman would hand a single word to a shell, and takes some first words for keywords.
pub(in crate::quadlet) fn health_command(words: &[String]) -> Result<String, Reason> {
    match words {
        [] => Err(Reason::Empty),
        [_] => Err(Reason::NotACommand),
        [first, ..]
            if ["CMD", "CMD-SHELL", "NONE"]
                .iter()
                .any(|keyword| first.eq_ignore_ascii_case(keyword)) =>
        {
            Err(Reason::NotACommand)
        }
        words => json_command(words),
    }
}

/// An option of podman, as one word.
pub(in crate::quadlet) fn podman_option(option: &PodmanOption) -> Result<String, Reason> {
    let mut word = format!("--{}", option.name);
    if let Some(value) = &option.value {
        word.push('=');
        for part in &value.parts {
            match part {
                Part::Literal(literal) => word.push_str(&command_line(literal)),
                Part::Specifier(specifier) => word.push_str(specifier.as_str()),
            }
        }
    }
    check_word(&word)?;
    Ok(quote(&word))
}

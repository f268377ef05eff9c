//! Values that stand on a line as they are: nothing is quoted, so what would need it is refused.

use super::super::error::Reason;
use super::super::escape::{check_line, command_line, quote, record, refuse, specifiers};
use super::super::name::UnitName;
use super::super::value::{Part, Stream, Text};
use crate::text::is_hidden;

/// The longest name of a unit (systemd src/basic/unit-name.h, UNIT_NAME_MAX, without its NUL).
const UNIT_NAME_MAX: usize = 255;

/// The types of units that mcpod names.
const UNIT_TYPES: [&str; 5] = [".service", ".socket", ".target", ".slice", ".timer"];

/// The files that Quadlet looks for when it sees such a name as an image or a network.
const QUADLET_FILES: [&str; 5] = [".build", ".image", ".network", ".container", ".pod"];

/// A text that people read, on one line, nothing of it hidden.
pub(in crate::quadlet) fn shown(text: &Text) -> Result<String, Reason> {
    for part in &text.parts {
        if let Part::Literal(literal) = part {
            refuse(literal, is_hidden)?;
        }
    }
    joined(text)
}

/// An absolute path that systemd itself reads, up to the end of the line.
pub(in crate::quadlet) fn path(text: &Text) -> Result<String, Reason> {
    let absolute = match text.parts.first() {
        Some(Part::Literal(literal)) => literal.starts_with('/'),
        Some(Part::Specifier(specifier)) => specifier.is_path(),
        None => return Err(Reason::Empty),
    };
    if !absolute {
        return Err(Reason::NotAbsolute);
    }
    joined(text)
}

/// Where output goes.
pub(in crate::quadlet) fn stream(stream: &Stream) -> Result<String, Reason> {
    match stream {
        Stream::Journal => Ok("journal".to_owned()),
        Stream::Inherit => Ok("inherit".to_owned()),
        Stream::Append(file) => Ok(format!("append:{}", path(file)?)),
    }
}

/// The parts of a text behind each other: literals escaped, specifiers as they are.
fn joined(text: &Text) -> Result<String, Reason> {
    let written: String = text
        .parts
        .iter()
        .map(|part| match part {
            Part::Literal(literal) => specifiers(literal),
            Part::Specifier(specifier) => specifier.as_str().to_owned(),
        })
        .collect();
    check_line(&written)?;
    Ok(written)
}

/// One word of a small alphabet, such as `none`, `keep-id:uid=1000` or `in-memory`: nothing in it has a meaning for a reader.
pub(in crate::quadlet) fn token(word: &str) -> Result<String, Reason> {
    match word.chars().next() {
        None => return Err(Reason::Empty),
        Some('-') => return Err(Reason::Option),
        Some(character) if !character.is_ascii_alphanumeric() && character != '_' => {
            return Err(Reason::Character { character });
        }
        Some(_) => {}
    }
    refuse(word, |c| {
        !(c.is_ascii_alphanumeric() || "_.:/@+,=-".contains(c))
    })?;
    check_line(word)?;
    Ok(word.to_owned())
}

/// An image: a reference or an id. The names of Quadlet's own files are refused.
pub(in crate::quadlet) fn image(reference: &str) -> Result<String, Reason> {
    let written = token(reference)?;
    no_quadlet_file(&written)?;
    Ok(written)
}

/// A network mode with its options. The names of Quadlet's own files are refused.
pub(in crate::quadlet) fn network(mode: &str) -> Result<String, Reason> {
    let written = token(mode)?;
    no_quadlet_file(written.split_once(':').map_or(&*written, |(name, _)| name))?;
    Ok(written)
}

fn no_quadlet_file(name: &str) -> Result<(), Reason> {
    match QUADLET_FILES
        .into_iter()
        .find(|suffix| name.ends_with(suffix))
    {
        Some(suffix) => Err(Reason::QuadletUnit { suffix }),
        None => Ok(()),
    }
}

/// An absolute path that Quadlet takes up to the end of the line.
///
/// It strips quotes that a value ends in.
pub(in crate::quadlet) fn path_inside(path: &str) -> Result<String, Reason> {
    absolute(path)?;
    check_line(path)?;
    if path.ends_with('"') {
        return Err(Reason::Edge { character: '"' });
    }
    Ok(command_line(path))
}

/// An absolute path that systemd itself reads as one word among others, with options behind a colon.
pub(in crate::quadlet) fn bound_path(path: &str) -> Result<String, Reason> {
    absolute(path)?;
    check_line(path)?;
    // It unquotes words, but knows no escape sequences there.
    refuse(path, |c| matches!(c, ':' | '"' | '\'' | '\\'))?;
    Ok(quote(&specifiers(path)))
}

/// Two of them: where something lies, and where it is seen.
pub(in crate::quadlet) fn bound_paths(
    (source, target): &(String, String),
) -> Result<String, Reason> {
    Ok(format!("{}:{}", bound_path(source)?, bound_path(target)?))
}

/// A single one, passed over where it is not there.
pub(in crate::quadlet) fn bound_path_if_there(path: &str) -> Result<String, Reason> {
    let written = bound_path(path)?;
    Ok(match written.strip_prefix('"') {
        Some(quoted) => format!("\"-{quoted}"),
        None => format!("-{written}"),
    })
}

/// The name of a set of system calls, as `@system-service`.
pub(in crate::quadlet) fn system_calls(set: &str) -> Result<String, Reason> {
    Ok(format!("@{}", token(set.trim_start_matches('@'))?))
}

/// Nothing: what the key lists is emptied.
#[expect(
    clippy::unnecessary_wraps,
    clippy::trivially_copy_pass_by_ref,
    reason = "a key holds a function of this form"
)]
pub(in crate::quadlet) fn nothing(_: &()) -> Result<String, Reason> {
    Ok(String::new())
}

/// Lets an absolute path pass.
pub(super) fn absolute(path: &str) -> Result<(), Reason> {
    if path.is_empty() {
        Err(Reason::Empty)
    } else if path.starts_with('-') {
        Err(Reason::Option)
    } else if !path.starts_with('/') {
        Err(Reason::NotAbsolute)
    } else {
        Ok(())
    }
}

/// `URL#COMMIT:FOLDER` of a repository: of characters that nobody who reads it gives a meaning, and no local path.
pub(in crate::quadlet) fn repository(context: &str) -> Result<String, Reason> {
    let known = ["https://", "http://", "git://"];
    if !known.iter().any(|scheme| context.starts_with(scheme)) {
        return Err(Reason::Address);
    }
    refuse(context, |c| {
        !(c.is_ascii_alphanumeric() || "._~:/@+#-".contains(c))
    })?;
    check_line(context)?;
    Ok(context.to_owned())
}

/// A capability, or `all`.
pub(in crate::quadlet) fn capability(name: &str) -> Result<String, Reason> {
    if name.is_empty() {
        return Err(Reason::Empty);
    }
    refuse(name, |c| !(c.is_ascii_alphabetic() || c == '_'))?;
    Ok(name.to_owned())
}

/// The name of a systemd unit.
pub(in crate::quadlet) fn unit_name(name: &UnitName) -> Result<String, Reason> {
    let name = name.as_str();
    let known = UNIT_TYPES.iter().any(|suffix| {
        name.strip_suffix(suffix)
            .is_some_and(|stem| !stem.is_empty())
    });
    let legal = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_.:@-".contains(c));
    if known && legal && !name.starts_with('-') && name.len() <= UNIT_NAME_MAX {
        Ok(name.to_owned())
    } else {
        Err(Reason::UnitName {
            name: name.to_owned(),
        })
    }
}

/// An address of documentation (uri(7)), of the schemes that systemd accepts.
pub(in crate::quadlet) fn documentation(address: &str) -> Result<String, Reason> {
    let known = ["https://", "http://", "file:/", "man:", "info:"]
        .iter()
        .any(|scheme| address.starts_with(scheme));
    if !known {
        return Err(Reason::Address);
    }
    refuse(address, |c| {
        !c.is_ascii_graphic() || matches!(c, '"' | '\'' | '\\')
    })?;
    check_line(address)?;
    Ok(specifiers(address))
}

/// Any text, for the section that only mcpod reads.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a key holds a function of this form"
)]
pub(in crate::quadlet) fn recorded(text: &str) -> Result<String, Reason> {
    Ok(record(text))
}

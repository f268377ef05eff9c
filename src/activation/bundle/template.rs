//! The templates of a manifest, as those of the catalog.

use super::{FOLDER, ManifestError};
use crate::catalog::{Filter, Input, Part, Syntax, Template};

/// The template of a text with `${user_config.NAME}`, `${__dirname}` and the like.
pub(super) fn template(text: &str, inputs: &[Input]) -> Result<Template, ManifestError> {
    let refused = || ManifestError::Part {
        part: "template",
        text: text.to_owned(),
    };
    // Double braces would be read as one of ours.
    if text.contains("{{") || text.contains("}}") {
        return Err(refused());
    }
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, opened)) = rest.split_once("${") {
        let (name, behind) = opened.split_once('}').ok_or_else(refused)?;
        written.push_str(before);
        match name {
            "__dirname" => written.push_str(FOLDER),
            "HOME" => written.push_str("/tmp"),
            "/" | "pathSeparator" => written.push('/'),
            name => {
                let key = name.strip_prefix("user_config.").ok_or_else(refused)?;
                let input = inputs.iter().find(|input| input.path.as_str() == key);
                let input = input.ok_or_else(refused)?;
                let alone = before.is_empty() && behind.is_empty() && written.is_empty();
                let list = if input.many && alone { "|into" } else { "" };
                written.push_str("{{");
                written.push_str(key);
                written.push_str(list);
                written.push_str("}}");
            }
        }
        rest = behind;
    }
    written.push_str(rest);
    let template = Template::parse(&written, Syntax::DoubleBraces);
    let is_known = |part: &Part| match part {
        Part::Input { path, filters } => {
            inputs.iter().any(|input| input.path == *path)
                && matches!(filters.as_slice(), [] | [Filter::Into])
        }
        Part::Literal(_) => true,
        Part::Variable(_) => false,
    };
    if template.parts().iter().all(is_known) {
        return Ok(template);
    }
    Err(refused())
}

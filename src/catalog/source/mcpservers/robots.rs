//! `robots.txt`: where a program may go (RFC 9309).

/// The rules of a `robots.txt` for us: those of our own group, or of everybody's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Robots {
    /// Beginnings of paths, and whether they are allowed.
    rules: Vec<(String, bool)>,
}

impl Robots {
    /// The rules for the program of that name.
    pub fn parse(text: &str, program: &str) -> Self {
        let mut own = Vec::new();
        let mut everybodys = Vec::new();
        let mut has_own = false;
        let (mut is_own, mut is_everybodys, mut is_heading) = (false, false, false);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            if key == "user-agent" {
                if !is_heading {
                    (is_own, is_everybodys) = (false, false);
                }
                is_heading = true;
                is_own |= value.eq_ignore_ascii_case(program);
                is_everybodys |= value == "*";
                has_own |= is_own;
                continue;
            }
            is_heading = false;
            let allowed = match key.as_str() {
                "allow" => true,
                "disallow" if !value.is_empty() => false,
                _ => continue,
            };
            let rule = (value.to_owned(), allowed);
            if is_own {
                own.push(rule.clone());
            }
            if is_everybodys {
                everybodys.push(rule);
            }
        }
        Self {
            rules: if has_own { own } else { everybodys },
        }
    }

    /// Whether a path may be asked for: the longest rule that fits it decides.
    pub fn allows(&self, path: &str) -> bool {
        let fitting = self.rules.iter().filter(|(rule, _)| fits(rule, path));
        let decisive = fitting.max_by_key(|(rule, allowed)| (rule.len(), *allowed));
        decisive.is_none_or(|(_, allowed)| *allowed)
    }
}

/// Whether a rule, in which `*` stands for anything and `$` for the end, fits the beginning of a path.
fn fits(rule: &str, path: &str) -> bool {
    let (rule, to_end) = match rule.strip_suffix('$') {
        Some(rule) => (rule, true),
        None => (rule, false),
    };
    let mut pieces = rule.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| path.strip_prefix(first)) else {
        return false;
    };
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else {
            return false;
        };
        rest = behind;
    }
    !to_end || rest.is_empty() || rule.ends_with('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rule_decides() {
        let robots = Robots::parse(
            "User-agent: *\nDisallow: /api/ # no\nAllow: /api/public\nDisallow: /*.json$\n\nUser-agent: other\nDisallow: /\n",
            "mcpod",
        );
        for (path, allowed) in [
            ("/servers/a", true),
            ("/api/x", false),
            ("/api/public/x", true),
            ("/a.json", false),
            ("/a.json5", true),
        ] {
            assert_eq!(robots.allows(path), allowed, "{path}");
        }
    }

    #[test]
    fn our_own_group_counts_alone() {
        let robots = Robots::parse(
            "User-agent: *\nDisallow: /a\nUser-agent: x\nUser-agent: MCPOD\nDisallow: /b",
            "mcpod",
        );
        assert!(robots.allows("/a") && !robots.allows("/b"));
        assert!(Robots::parse("", "mcpod").allows("/"));
        assert!(Robots::parse("User-agent: *\nDisallow:", "mcpod").allows("/"));
    }
}

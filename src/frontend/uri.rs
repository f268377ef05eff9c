//! Addresses of resources that several servers have.
//!
//! Such an address `file:///x` of server `notes` is shown as `mcpod+notes:file:///x`, which is an address by RFC 3986
//! (section 3.1: a scheme holds letters, digits, `+`, `-` and `.`) and tells by itself where it leads.

use crate::quadlet::name::ServerName;

/// What such an address begins with.
const SCHEME: &str = "mcpod+";

/// The address with its server in it.
pub(super) fn join(server: &ServerName, own: &str) -> String {
    format!("{SCHEME}{server}:{own}")
}

/// The server and its own address; nothing if there is no server in it.
pub(super) fn split(address: &str) -> Option<(ServerName, &str)> {
    let (server, own) = address.strip_prefix(SCHEME)?.split_once(':')?;
    Some((server.parse().ok()?, own))
}

/// Whether an address looks as if it were made here.
pub(super) fn is_ours(address: &str) -> bool {
    address.starts_with(SCHEME)
}

/// How well an address fits a template (RFC 6570): how many of its bytes stand literally in the template's beginning
/// and end; nothing if it does not fit.
pub(super) fn fit(template: &str, address: &str) -> Option<usize> {
    let (beginning, rest) = template.split_once('{').unwrap_or((template, ""));
    let end = rest.rsplit_once('}').map_or("", |(_, end)| end);
    let inside = address.strip_prefix(beginning)?;
    let whole = rest.is_empty() && !inside.is_empty();
    (inside.ends_with(end) && !whole).then_some(beginning.len() + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_its_server() {
        let server = "my-notes".parse().unwrap();
        let address = join(&server, "file:///a:b");
        assert_eq!(address, "mcpod+my-notes:file:///a:b");
        assert_eq!(split(&address), Some((server, "file:///a:b")));
        for other in ["file:///x", "mcpod+", "mcpod+A:x", "mcpod+notes"] {
            assert_eq!(split(other), None, "{other}");
        }
    }

    #[test]
    fn an_address_fits_a_template_by_its_ends() {
        assert_eq!(fit("test://{id}/data", "test://1/data"), Some(12));
        assert_eq!(fit("test://{id}", "test://1/data"), Some(7));
        assert_eq!(fit("test://fix", "test://fix"), Some(10));
        assert_eq!(fit("test://fix", "test://fixed"), None);
        assert_eq!(fit("test://{id}/data", "test://1"), None);
        assert_eq!(fit("{+all}", "x"), Some(0));
        assert_eq!(fit("a{", "ab"), None);
    }
}

//! Secrets on disk, encrypted by systemd: its service `io.systemd.Credentials` (systemd-creds(1)) over Varlink, by hand and blocking.
//!
//! The key is the host's, and its TPM2's where there is one; the value is bound to the user and to the secret's id, so that no file
//! here opens anywhere else, for anybody else, or in the place of another. Podman runs `mcpod credential` as its `shell` driver, in its
//! own user namespace, where `systemd-creds` itself does not work.

mod protection;
mod store;

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::secret::Secret;
pub use protection::Protection;
pub use store::Store;

/// Where the service listens (systemd 256 and later).
pub const SERVICE: &str = "/run/systemd/io.systemd.Credentials";

/// How long the service may take: a TPM2 needs some seconds at most.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// The longest answer that is read, in bytes.
const ANSWER_MAX: u64 = 4 << 20;

/// The service that encrypts.
#[derive(Debug, Clone)]
pub struct Credentials {
    socket: PathBuf,
}

/// Why a secret could not be encrypted, decrypted or kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The service cannot be spoken to.
    #[error("cannot talk to systemd's credential service at {}", socket.display())]
    Service {
        /// Where it listens.
        socket: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The service refused.
    #[error("systemd's credential service refused with {error}")]
    Refused {
        /// The name of its error.
        error: String,
    },
    /// The service's answer is not what its interface says.
    #[error("systemd's credential service gave an answer that makes no sense")]
    Unreadable,
    /// A file of a secret cannot be used.
    #[error("cannot {action} the secret's file {}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Not an id that Podman gives.
    #[error("{id:?} is no id of a secret")]
    BadId {
        /// What was given.
        id: String,
    },
}

#[derive(Serialize)]
struct Call<'a, P> {
    method: &'a str,
    parameters: P,
}

#[derive(Serialize)]
struct Encrypt<'a> {
    name: &'a str,
    text: &'a str,
    scope: &'a str,
}

#[derive(Serialize)]
struct Decrypt<'a> {
    name: &'a str,
    blob: &'a str,
    scope: &'a str,
}

#[derive(Deserialize)]
struct Reply<'a> {
    error: Option<String>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Encrypted {
    blob: String,
}

#[derive(Deserialize)]
struct Decrypted {
    data: String,
}

impl Credentials {
    /// The service behind a socket.
    pub fn at(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
        }
    }

    /// Whether there is such a service on this host.
    pub fn is_there(&self) -> bool {
        UnixStream::connect(&self.socket).is_ok()
    }

    /// Encrypts a value for this user of this host, under a name.
    pub fn encrypt(&self, name: &str, value: &Secret) -> Result<String, CredentialError> {
        let call = Call {
            method: "io.systemd.Credentials.Encrypt",
            parameters: Encrypt {
                name,
                text: value.expose(),
                scope: "user",
            },
        };
        // Each byte has at most six in JSON.
        let reply = self.call(&call, 6 * value.expose().len())?;
        parameters::<Encrypted>(&reply).map(|encrypted| encrypted.blob)
    }

    /// Decrypts what was encrypted under the same name.
    pub fn decrypt(&self, name: &str, blob: &str) -> Result<Secret, CredentialError> {
        let call = Call {
            method: "io.systemd.Credentials.Decrypt",
            parameters: Decrypt {
                name,
                blob,
                scope: "user",
            },
        };
        let reply = self.call(&call, blob.len())?;
        let data = Zeroizing::new(parameters::<Decrypted>(&reply)?.data);
        let bytes = BASE64_STANDARD
            .decode(data.as_bytes())
            .map_err(|_| CredentialError::Unreadable)?;
        // The bytes become the text; a text that is none is overwritten as well.
        String::from_utf8(bytes).map(Secret::from).map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            CredentialError::Unreadable
        })
    }

    /// One call: a JSON object and a NUL either way.
    fn call(
        &self,
        call: &impl Serialize,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
        let failed = |source| CredentialError::Service {
            socket: self.socket.clone(),
            source,
        };
        // In one piece: a buffer that grows leaves copies behind.
        let mut message = Zeroizing::new(Vec::with_capacity(length + 512));
        serde_json::to_writer(&mut *message, call).map_err(|error| failed(error.into()))?;
        message.push(0);
        let exchange = || -> io::Result<Zeroizing<Vec<u8>>> {
            let mut stream = UnixStream::connect(&self.socket)?;
            stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
            stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
            stream.write_all(&message)?;
            let mut reply = Zeroizing::new(Vec::with_capacity(length + 4096));
            // A larger buffer would keep what went through it.
            let mut reader = io::BufReader::with_capacity(1, stream).take(ANSWER_MAX);
            reader.read_until(0, &mut reply)?;
            Ok(reply)
        };
        let mut reply = exchange().map_err(failed)?;
        match reply.pop() {
            Some(0) => Ok(reply),
            _ => Err(CredentialError::Unreadable),
        }
    }
}

fn parameters<'a, T: Deserialize<'a>>(reply: &'a [u8]) -> Result<T, CredentialError> {
    // What serde says of a text it cannot read could quote it.
    let reply: Reply<'a> =
        serde_json::from_slice(reply).map_err(|_| CredentialError::Unreadable)?;
    if let Some(error) = reply.error {
        return Err(CredentialError::Refused {
            error: crate::text::one_line(&error),
        });
    }
    let parameters = reply.parameters.ok_or(CredentialError::Unreadable)?;
    serde_json::from_str(parameters.get()).map_err(|_| CredentialError::Unreadable)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    /// A service that answers each connection as the function says. It "encrypts" by base64.
    fn service(folder: &Path, answer: impl Fn(&Value) -> Vec<u8> + Send + 'static) -> Credentials {
        let socket = folder.join("service");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut call = Vec::new();
                BufReader::new(&stream).read_until(0, &mut call).unwrap();
                if call.pop().is_some() {
                    let answer = answer(&serde_json::from_slice(&call).unwrap());
                    stream.write_all(&answer).ok();
                }
            }
        });
        Credentials::at(socket)
    }

    fn honest(call: &Value) -> Vec<u8> {
        let parameters = &call["parameters"];
        assert_eq!(parameters["scope"], "user");
        let name = parameters["name"].as_str().unwrap();
        let reply = match call["method"].as_str().unwrap() {
            "io.systemd.Credentials.Encrypt" => {
                let text = format!("{name} {}", parameters["text"].as_str().unwrap());
                json!({"parameters": {"blob": BASE64_STANDARD.encode(text)}})
            }
            "io.systemd.Credentials.Decrypt" => {
                let blob = BASE64_STANDARD.decode(parameters["blob"].as_str().unwrap());
                let text = String::from_utf8(blob.unwrap()).unwrap();
                match text.split_once(' ') {
                    Some((of, value)) if of == name => {
                        json!({"parameters": {"data": BASE64_STANDARD.encode(value)}})
                    }
                    _ => json!({"error": "io.systemd.Credentials.NameMismatch", "parameters": {}}),
                }
            }
            method => panic!("{method}"),
        };
        [reply.to_string().as_bytes(), b"\0"].concat()
    }

    #[test]
    fn a_value_is_kept_found_and_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::new(service(home.path(), honest), home.path().join("a/secrets"));
        assert_eq!(store.ids().unwrap(), Vec::<String>::new());
        for value in ["", "hunter2", "two\nlines \"quoted\" \u{1F511}\0"] {
            store.store("abc123", &value.into()).unwrap();
            assert_eq!(store.lookup("abc123").unwrap().expose(), value);
        }
        let folder = home.path().join("a/secrets");
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&folder), mode(&folder.join("abc123"))),
            (0o700, 0o600)
        );
        assert_eq!(store.ids().unwrap(), ["abc123"]);

        // A file in the place of another does not open.
        fs::rename(folder.join("abc123"), folder.join("other")).unwrap();
        assert!(matches!(
            store.lookup("other"),
            Err(CredentialError::Refused { error }) if error.ends_with("NameMismatch")
        ));
        store.delete("other").unwrap();
        store.delete("other").unwrap();
        assert!(matches!(
            store.lookup("other"),
            Err(CredentialError::File { .. })
        ));
    }

    #[test]
    fn an_id_never_leads_elsewhere() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::new(Credentials::at(home.path().join("none")), home.path());
        for id in ["", "..", "../x", "a/b", "a\0", ".hidden", &"a".repeat(65)] {
            assert!(matches!(
                store.lookup(id),
                Err(CredentialError::BadId { .. })
            ));
            assert!(matches!(
                store.store(id, &"x".into()),
                Err(CredentialError::BadId { .. })
            ));
        }
        assert!(matches!(
            store.store("abc", &"x".into()),
            Err(CredentialError::Service { .. })
        ));
    }

    #[test]
    fn no_answer_makes_a_panic_or_shows_the_value() {
        let answers: [&[u8]; 7] = [
            b"",
            b"\0",
            b"{}\0",
            b"{\"parameters\": {\"data\": \"aHVudGVyMg==",
            b"{\"parameters\": {\"data\": \"hunter2!\"}}\0",
            b"{\"parameters\": {\"data\": {\"x\": \"hunter2\"}}}\0",
            b"{\"error\": \"x\\u001b[31m\"}\0",
        ];
        for answer in answers {
            let home = tempfile::tempdir().unwrap();
            let credentials = service(home.path(), move |_| answer.to_vec());
            let error = credentials.decrypt("x", "blob").unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains("hunter2") && !shown.contains('\x1b'),
                "{shown}"
            );
        }
    }
}

//! Opening a session: connecting, and finding out which era the server speaks.
//!
//! A server whose era is not known is asked `server/discover` (2026-07-28, stdio transport, Backward
//! Compatibility). Some older servers never answer a request before `initialize`: after a while they are asked that too.
//! Others exit at it: those get a fresh connection, and with it a fresh instance, and `initialize` on it.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::ProtocolVersion;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::Session;
use super::call::{Call, CallOptions, after};
use super::era::{Client, Era};
use super::error::{RpcError, SessionError};
use super::excerpt::excerpt;
use super::frame::{Frame, Kind};
use super::incoming::Incoming;
use super::splice::{self, quoted};
use super::wire::Wire;

/// How long a server may be silent at `server/discover` before it is asked `initialize` as well.
const PROBE: Duration = Duration::from_secs(2);

/// How many versions a server names are shown.
const VERSIONS: usize = 16;

/// What a session is opened with.
#[derive(Debug)]
pub struct Opening {
    /// What the client says of itself.
    pub client: Client,
    /// The server's era, if it is remembered. A wrong memory costs a round trip, or a second connection; only where
    /// it is "modern" and the server never answers what it does not know, opening ends with
    /// [`SessionError::TimedOut`], and the memory is better forgotten.
    pub era: Option<Era>,
    /// How long opening may take in all, the start of the server's container included.
    pub timeout: Duration,
    /// Where goes what the server says of its own accord, in its order. Whoever gives this must read it: a full
    /// channel holds up the session. Without it notifications are dropped, and requests are refused.
    pub incoming: Option<mpsc::Sender<Incoming>>,
}

/// What `server/discover` brought.
enum Probed {
    /// The server speaks the modern era, and this is its `DiscoverResult`.
    Modern(Era, Box<RawValue>),
    /// It answered, but not as one of the modern era does.
    Legacy,
    /// It was silent, and opened by `initialize`.
    Initialized(Era, Box<RawValue>),
    /// It exited, or did not answer in time.
    Lost(SessionError),
}

impl Opening {
    /// Opens a session over a connection that `connect` makes.
    ///
    /// It is called a second time if the first connection did not survive finding out the era; the first stream
    /// is closed by then. A cancelled opening closes whatever it had connected.
    pub async fn open<C, F, S>(self, connect: C) -> Result<Session, SessionError>
    where
        C: FnMut() -> F,
        F: Future<Output = io::Result<S>>,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let timeout = self.timeout;
        self.find_out(connect).await.map_err(|error| match error {
            // Of several questions, the last had only what the others left of the time.
            SessionError::TimedOut {
                method, garbage, ..
            } => SessionError::TimedOut {
                method,
                after: timeout,
                garbage,
            },
            error => error,
        })
    }

    async fn find_out<C, F, S>(self, mut connect: C) -> Result<Session, SessionError>
    where
        C: FnMut() -> F,
        F: Future<Output = io::Result<S>>,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let deadline = after(self.timeout);
        let mut wire = self.dial(&mut connect, deadline).await?;
        if let Some(Era::Legacy(_)) = self.era {
            let (era, server) = self.initialize_or_discover(&wire, deadline).await?;
            return Ok(Session::new(wire, self.client, era, server));
        }
        let probed = match self.era {
            Some(_) => self.discover(&wire, deadline).await?,
            None => self.probe(&wire, deadline).await?,
        };
        let (era, server) = match probed {
            Probed::Modern(era, server) | Probed::Initialized(era, server) => (era, server),
            Probed::Legacy => self.initialize(&wire, deadline).await?,
            Probed::Lost(error) if deadline <= Instant::now() => return Err(error),
            Probed::Lost(_) => {
                wire.close().await;
                wire = self.dial(&mut connect, deadline).await?;
                self.initialize_or_discover(&wire, deadline).await?
            }
        };
        Ok(Session::new(wire, self.client, era, server))
    }

    /// Connects.
    async fn dial<F, S>(
        &self,
        connect: &mut impl FnMut() -> F,
        deadline: Instant,
    ) -> Result<Wire, SessionError>
    where
        F: Future<Output = io::Result<S>>,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let connected = timeout_at(deadline, connect()).await;
        let stream = connected
            .unwrap_or_else(|late| Err(late.into()))
            .map_err(|error| SessionError::Connect(Arc::new(error)))?;
        Ok(Wire::start(stream, &self.client, self.incoming.clone()))
    }

    /// Finds out the era of a server of which nothing is known.
    ///
    /// One that is silent for [`PROBE`] may still be starting, which takes seconds on a busy host, or may pass over whatever
    /// comes before `initialize`: it is asked that as well, and the first answer counts. One that is silent at both for
    /// half of the time is lost.
    async fn probe(&self, wire: &Wire, deadline: Instant) -> Result<Probed, SessionError> {
        let halfway = deadline.min(after(self.timeout / 2));
        let mut discover = pin!(self.discover(wire, halfway));
        if let Ok(probed) = timeout_at(halfway.min(after(PROBE)), &mut discover).await {
            return probed;
        }
        let mut initialize = pin!(self.initialize(wire, halfway));
        let opened = tokio::select! {
            biased;
            probed = &mut discover => return match probed? {
                Probed::Legacy => initialized(initialize.await),
                probed => Ok(probed),
            },
            opened = &mut initialize => opened,
        };
        match opened {
            // One of the modern era alone, slow to answer what it was asked first.
            Err(SessionError::Rpc(_)) => discover.await,
            opened => initialized(opened),
        }
    }

    /// Opens by `initialize`; a server that refuses it is asked whether it speaks the modern era after all, since
    /// one that only started slowly was taken for silent.
    async fn initialize_or_discover(
        &self,
        wire: &Wire,
        deadline: Instant,
    ) -> Result<(Era, Box<RawValue>), SessionError> {
        let refused = match self.initialize(wire, deadline).await {
            Err(refused @ (SessionError::Rpc(_) | SessionError::UnsupportedVersion { .. })) => {
                refused
            }
            opened_or_failed => return opened_or_failed,
        };
        match self.discover(wire, deadline).await {
            Ok(Probed::Modern(era, server)) => Ok((era, server)),
            _ => Err(refused),
        }
    }

    /// Opens by `initialize`, as the versions up to 2025-11-25 do (their page on the lifecycle).
    async fn initialize(
        &self,
        wire: &Wire,
        deadline: Instant,
    ) -> Result<(Era, Box<RawValue>), SessionError> {
        let params = self
            .client
            .initialize(&ProtocolVersion::LATEST_WITH_INITIALIZE);
        let call = ask(wire, "initialize", &params, deadline).await?;
        let answer = call.answer().await?;
        if answer.kind() == Kind::Error {
            return Err(SessionError::Rpc(Box::new(RpcError::of(&answer))));
        }
        let broken = |reason: &str| SessionError::Protocol {
            reason: reason.to_owned(),
        };
        let version: String = answer
            .find(&["protocolVersion"])
            .ok()
            .flatten()
            .and_then(|version| serde_json::from_str(version).ok())
            .ok_or_else(|| broken("it answered initialize without a protocol version"))?;
        let Ok(era @ Era::Legacy(_)) = version.parse() else {
            return Err(unsupported(&[version]));
        };
        let server = answer
            .into_payload()
            .ok_or_else(|| broken("it answered initialize with nothing"))?;
        wire.settle(&era);
        wire.notify(Frame::notification("notifications/initialized", None))
            .await?;
        Ok((era, server))
    }

    /// Asks `server/discover`.
    async fn discover(&self, wire: &Wire, deadline: Instant) -> Result<Probed, SessionError> {
        let version = quoted(ProtocolVersion::LATEST.as_str());
        let params =
            splice::put("{}", &["_meta"], &self.client.meta(&version)).map_err(|error| {
                SessionError::Unsendable {
                    method: "server/discover".to_owned(),
                    reason: error.to_string(),
                }
            })?;
        let call = match ask(wire, "server/discover", &params, deadline).await {
            Ok(call) => call,
            Err(lost @ SessionError::Ended { .. }) => return Ok(Probed::Lost(lost)),
            Err(error) => return Err(error),
        };
        match call.answer().await {
            Ok(answer) if answer.kind() == Kind::Error => refused(&answer),
            Ok(answer) => discovered(wire, answer),
            Err(lost @ (SessionError::TimedOut { .. } | SessionError::Ended { .. })) => {
                Ok(Probed::Lost(lost))
            }
            // An answer that cannot be read is no answer of the modern era.
            Err(SessionError::Protocol { .. } | SessionError::TooLarge { .. }) => {
                Ok(Probed::Legacy)
            }
            Err(error) => Err(error),
        }
    }
}

/// What `initialize` brought a server that was silent before.
fn initialized(opened: Result<(Era, Box<RawValue>), SessionError>) -> Result<Probed, SessionError> {
    match opened {
        Ok((era, server)) => Ok(Probed::Initialized(era, server)),
        Err(lost @ (SessionError::TimedOut { .. } | SessionError::Ended { .. })) => {
            Ok(Probed::Lost(lost))
        }
        Err(error) => Err(error),
    }
}

/// Sends a request of the opening.
async fn ask(
    wire: &Wire,
    method: &str,
    params: &str,
    deadline: Instant,
) -> Result<Call, SessionError> {
    let options = CallOptions::within(deadline.saturating_duration_since(Instant::now()));
    let build = |call: &Call| Ok(Frame::ours_asking(&call.id(), method, params).into_string());
    wire.call(method, options, build).await
}

/// Reads a result of `server/discover`: an older server may answer anything with a result.
fn discovered(wire: &Wire, answer: Frame) -> Result<Probed, SessionError> {
    let Some(versions) = versions(&answer, &["supportedVersions"]) else {
        return Ok(Probed::Legacy);
    };
    match (Era::newest(&versions), answer.into_payload()) {
        (Some(era @ Era::Modern(_)), Some(server)) => {
            wire.settle(&era);
            Ok(Probed::Modern(era, server))
        }
        (Some(Era::Legacy(_)), _) => Ok(Probed::Legacy),
        _ => Err(unsupported(&versions)),
    }
}

/// Reads an error of `server/discover`: the codes that 2026-07-28 defines tell a server that knows it.
fn refused(answer: &Frame) -> Result<Probed, SessionError> {
    let error = RpcError::of(answer);
    match error.code {
        RpcError::UNSUPPORTED_VERSION => {
            let versions = versions(answer, &["data", "supported"]).unwrap_or_default();
            match Era::newest(versions.iter().filter(|version| {
                // It has just refused this one.
                *version != ProtocolVersion::LATEST.as_str()
            })) {
                Some(Era::Legacy(_)) => Ok(Probed::Legacy),
                _ => Err(unsupported(&versions)),
            }
        }
        RpcError::HEADER_MISMATCH | RpcError::MISSING_CAPABILITY => {
            Err(SessionError::Rpc(Box::new(error)))
        }
        _ => Ok(Probed::Legacy),
    }
}

/// A list of versions in an answer.
fn versions(answer: &Frame, path: &[&str]) -> Option<Vec<String>> {
    serde_json::from_str(answer.find(path).ok()??).ok()
}

/// The error for a server that speaks none of the versions known here.
fn unsupported(versions: &[String]) -> SessionError {
    SessionError::UnsupportedVersion {
        server: versions
            .iter()
            .take(VERSIONS)
            .map(|version| excerpt(version, 40))
            .collect(),
    }
}

//! Links: the connection to the user's bus, made again when it has ended. The bus can be restarted, as its upgrades do, while
//! a frontend runs for weeks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{io, os::unix::net::UnixStream};

use futures_util::StreamExt as _;
use tokio::sync::{Mutex, OnceCell};
use tokio::task::JoinSet;
use zbus::connection::Builder;
use zbus::{Connection, MessageStream};

use super::manager::ManagerProxy;
use super::{SystemdError, refusal};

/// How long the bus may take to greet us before we say that there is none.
const GREETING: Duration = Duration::from_secs(10);

/// How long systemd may take to answer one call. A reload runs every generator before it answers, which is why systemctl(1) too waits
/// three minutes for it.
const ANSWER: Duration = Duration::from_mins(3);

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) manager: ManagerProxy<'static>,
    /// Set once systemd was asked to send signals to this connection.
    subscribed: OnceCell<()>,
    ended: Arc<AtomicBool>,
    /// Sees it end; it ends with this.
    _watching: JoinSet<()>,
}

/// The link that is used now.
#[derive(Debug)]
pub(super) struct Links {
    /// Where to connect to; nothing where the connection was given.
    bus: Option<PathBuf>,
    present: Mutex<Arc<Link>>,
}

impl Links {
    /// Connects to a bus.
    pub(super) async fn to(bus: &Path) -> Result<Self, SystemdError> {
        Ok(Self {
            bus: Some(bus.to_owned()),
            present: Mutex::new(Arc::new(Link::connect(bus).await?)),
        })
    }

    /// Takes a connection that is up.
    pub(super) async fn of(connection: Connection) -> Result<Self, SystemdError> {
        Ok(Self {
            bus: None,
            present: Mutex::new(Arc::new(Link::new(connection).await?)),
        })
    }

    /// A link that is up, as far as is known; made anew if the last one has ended.
    pub(super) async fn present(&self) -> Result<Arc<Link>, SystemdError> {
        let mut present = self.present.lock().await;
        if present.ended.load(Ordering::Acquire)
            && let Some(bus) = &self.bus
        {
            *present = Arc::new(Link::connect(bus).await?);
        }
        Ok(Arc::clone(&present))
    }
}

impl Link {
    async fn connect(bus: &Path) -> Result<Self, SystemdError> {
        let no_bus = |source| SystemdError::NoBus {
            path: bus.to_owned(),
            source,
        };
        // Connected by hand, since an address would have to be escaped and would say less when it fails.
        let stream = UnixStream::connect(bus).map_err(no_bus)?;
        let connection = Builder::unix_stream(stream).method_timeout(ANSWER).build();
        match tokio::time::timeout(GREETING, connection).await {
            Ok(Ok(connection)) => Self::new(connection).await,
            Ok(Err(source)) => Err(SystemdError::NoEntry {
                path: bus.to_owned(),
                source,
            }),
            Err(_) => Err(no_bus(io::ErrorKind::TimedOut.into())),
        }
    }

    async fn new(connection: Connection) -> Result<Self, SystemdError> {
        let manager = ManagerProxy::builder(&connection)
            // A cached property would be one that is never updated: systemd announces few of them.
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .map_err(SystemdError::Bus)?;
        let ended = Arc::new(AtomicBool::new(false));
        let mut all = MessageStream::from(&connection);
        let mut watching = JoinSet::new();
        let tell = Arc::clone(&ended);
        watching.spawn(async move {
            // An error is the end of the connection, after which the stream ends as well.
            while let Some(Ok(_)) = all.next().await {}
            tell.store(true, Ordering::Release);
        });
        Ok(Self {
            connection,
            manager,
            subscribed: OnceCell::new(),
            ended,
            _watching: watching,
        })
    }

    /// Asks systemd, once for the connection, to send its signals; without this none come.
    pub(super) async fn subscribe(&self) -> Result<(), SystemdError> {
        let subscribed = self.subscribed.get_or_try_init(|| self.manager.subscribe());
        subscribed.await.map_err(refusal("Subscribe")).copied()
    }
}

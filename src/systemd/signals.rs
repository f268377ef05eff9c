//! Signals of systemd, received by a task of their own.
//!
//! zbus hands every message to every stream whose rule it matches, and waits where a stream's queue is full; answers to calls wait behind
//! it. So no stream is ever given to a caller: a task polls it, keeps what matters, and ends when its [`Signals`] is dropped.

use futures_util::StreamExt as _;
use tokio::task::JoinSet;
use zbus::message::Type;
use zbus::{Connection, MatchRule, Message, MessageStream};

use super::manager::{DESTINATION, MANAGER, ROOT};
use super::{SystemdError, object_path};
use crate::quadlet::name::UnitName;

/// A subscription that lives as long as this value.
#[derive(Debug)]
pub(super) struct Signals {
    /// Holds the one task that polls the stream; a set of tasks ends them when it is dropped.
    _task: JoinSet<()>,
}

impl Signals {
    /// Gives each signal that the rule matches to `take`, from when this returns. `take` must not wait.
    pub(super) async fn receive(
        connection: &Connection,
        rule: MatchRule<'static>,
        mut take: impl FnMut(&Message) + Send + 'static,
    ) -> Result<Self, SystemdError> {
        let mut stream = MessageStream::for_match_rule(rule, connection, None)
            .await
            .map_err(SystemdError::Bus)?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            // An error is the end of the connection, after which the stream ends as well.
            while let Some(Ok(message)) = stream.next().await {
                take(&message);
            }
        });
        Ok(Self { _task: task })
    }
}

/// Matches one signal of the manager.
pub(super) fn of_manager(member: &'static str) -> Result<MatchRule<'static>, SystemdError> {
    MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(DESTINATION)
        .path(ROOT)
        .interface(MANAGER)
        .member(member)
        .build()
        .map_err(SystemdError::Bus)
}

/// Matches what is told of changes of one unit.
pub(super) fn of_properties(unit: &UnitName) -> Result<MatchRule<'static>, SystemdError> {
    MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(DESTINATION)
        .path(object_path::of_unit(unit))
        .interface("org.freedesktop.DBus.Properties")
        .member("PropertiesChanged")
        .build()
        .map_err(SystemdError::Bus)
}

/// Matches every signal of the manager and of all units: one rule, so that they arrive in the order in which they were sent.
pub(super) fn of_all() -> Result<MatchRule<'static>, SystemdError> {
    MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(DESTINATION)
        .path_namespace(ROOT)
        .build()
        .map_err(SystemdError::Bus)
}

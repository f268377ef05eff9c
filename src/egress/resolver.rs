//! The resolver of one instance: it answers for allowed names, and opens what it answered.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::message::{self, Answer, Asked, Kind};
use super::namespace::Gate;
use super::policy::{Policy, Ports};
use super::refusals::Refusals;
use super::ruleset::Admission;
use super::upstream;

/// How much longer an address stays open than its name's answer counts: whoever was answered still has to connect.
const GRACE: Duration = Duration::from_secs(5);

/// How long it counts that there is nothing.
const NOTHING: Duration = Duration::from_secs(5);

/// How many answers are remembered.
const REMEMBERED_MAX: usize = 1024;

/// How many questions over UDP, and how many connections, are served at once. More are left unanswered.
const QUESTIONS_MAX: usize = 64;
const CONNECTIONS_MAX: usize = 16;

/// How long a client over TCP may be silent.
const SILENCE: Duration = Duration::from_secs(10);

/// Answers one container.
#[derive(Debug)]
pub struct Resolver {
    policy: Policy,
    gate: Gate,
    refusals: Arc<Mutex<Refusals>>,
    resolv_conf: PathBuf,
    remembered: Mutex<HashMap<(String, Kind), Remembered>>,
}

#[derive(Debug, Clone)]
struct Remembered {
    answer: Answer,
    until: Instant,
}

impl Resolver {
    /// A resolver that goes by a policy, opens addresses by the gate, and asks the servers that a resolv.conf(5) names.
    pub fn new(
        policy: Policy,
        gate: Gate,
        refusals: Arc<Mutex<Refusals>>,
        resolv_conf: impl Into<PathBuf>,
    ) -> Self {
        Self {
            policy,
            gate,
            refusals,
            resolv_conf: resolv_conf.into(),
            remembered: Mutex::default(),
        }
    }

    /// Serves UDP until the socket fails.
    pub async fn serve_udp(self: Arc<Self>, socket: UdpSocket) -> std::io::Result<()> {
        let socket = Arc::new(socket);
        let turns = Arc::new(Semaphore::new(QUESTIONS_MAX));
        let mut buffer = [0; message::UDP_MAX];
        loop {
            let (length, client) = socket.recv_from(&mut buffer).await?;
            let Ok(turn) = Arc::clone(&turns).try_acquire_owned() else {
                continue;
            };
            let question = buffer.get(..length).unwrap_or_default().to_vec();
            let (resolver, socket) = (Arc::clone(&self), Arc::clone(&socket));
            tokio::spawn(async move {
                if let Some(reply) = resolver.reply(&question, None).await {
                    // A client that is gone asks no more.
                    socket.send_to(&reply, client).await.ok();
                }
                drop(turn);
            });
        }
    }

    /// Serves TCP until the listener fails.
    pub async fn serve_tcp(self: Arc<Self>, listener: TcpListener) -> std::io::Result<()> {
        let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let (stream, _) = listener.accept().await?;
            let Ok(turn) = Arc::clone(&turns).try_acquire_owned() else {
                continue;
            };
            let resolver = Arc::clone(&self);
            tokio::spawn(async move {
                resolver.converse(stream).await;
                drop(turn);
            });
        }
    }

    /// Answers one question after the other.
    async fn converse(&self, mut stream: TcpStream) -> Option<()> {
        loop {
            let length = timeout(SILENCE, stream.read_u16()).await.ok()?.ok()?;
            let mut question = vec![0; length.into()];
            timeout(SILENCE, stream.read_exact(&mut question))
                .await
                .ok()?
                .ok()?;
            let reply = self.reply(&question, Some(u16::MAX.into())).await?;
            let reply = upstream::framed(&reply)?;
            timeout(SILENCE, stream.write_all(&reply))
                .await
                .ok()?
                .ok()?;
        }
    }

    /// What is said to a message, in at most so many bytes; over UDP the client says how many.
    async fn reply(&self, message: &[u8], most: Option<usize>) -> Option<Vec<u8>> {
        let asked = match message::asked(message) {
            Ok(asked) => asked,
            Err(unanswerable) => return unanswerable.message(),
        };
        let (answer, left) = self.answer(&asked).await;
        let ttl = u32::try_from(left.as_secs()).unwrap_or(u32::MAX);
        answer.message(&asked, ttl, most.unwrap_or(asked.udp_max))
    }

    /// The answer to a question, and for how long it counts.
    async fn answer(&self, asked: &Asked) -> (Answer, Duration) {
        let Some((name, ports)) = self.allowed(asked) else {
            return (Answer::no_such_name(), Duration::ZERO);
        };
        if asked.kind == Kind::Nothing {
            return (Answer::nothing(), Duration::ZERO);
        }
        let key = (name, asked.kind);
        if let Some(Remembered { answer, until }) = self.remembered(&key) {
            return (answer, until.saturating_duration_since(Instant::now()));
        }
        let Some(mut answer) = upstream::ask(asked, &self.resolv_conf).await else {
            return (Answer::failed(), Duration::ZERO);
        };
        self.keep_out(&key.0, &mut answer);
        let mut counts = Duration::from_secs(answer.ttl.into());
        let admissions = admissions(&answer, &ports, counts + GRACE);
        if admissions.is_empty() && answer.addresses().next().is_none() {
            counts = counts.min(NOTHING);
        }
        if !admissions.is_empty() && !self.gate.admit(admissions).await {
            return (Answer::failed(), Duration::ZERO);
        }
        self.remember(key, &answer, counts);
        (answer, counts)
    }

    /// The name that is asked for and what is opened of it, if it is allowed.
    fn allowed(&self, asked: &Asked) -> Option<(String, Ports)> {
        let allowed = asked
            .name
            .as_deref()
            .and_then(|name| Some((name.to_owned(), self.policy.name(name)?)));
        if allowed.is_none() {
            let name = asked
                .name
                .as_deref()
                .unwrap_or("a name that no host can have");
            self.refuse(name, "it is not among the hosts that this server may reach");
        }
        allowed
    }

    /// Takes addresses out of an answer that its name must not stand for.
    fn keep_out(&self, name: &str, answer: &mut Answer) {
        let may = |address: &IpAddr| self.policy.may_be_answered(*address);
        let refused = answer.addresses().find(|address| !may(address));
        answer.retain_addresses(|address| may(&address));
        if let Some(address) = refused {
            self.refuse(
                name,
                &format!("its address {address} is a private one that is not listed"),
            );
        }
    }

    fn refuse(&self, what: &str, why: &str) {
        super::locked(&self.refusals).tell(what, why);
    }

    fn remembered(&self, key: &(String, Kind)) -> Option<Remembered> {
        let remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Less than a second is told as none.
        let soon = Instant::now() + Duration::from_secs(1);
        remembered
            .get(key)
            .filter(|kept| kept.until > soon)
            .cloned()
    }

    fn remember(&self, key: (String, Kind), answer: &Answer, counts: Duration) {
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        remembered.retain(|_, kept| kept.until > now);
        if remembered.len() < REMEMBERED_MAX {
            let answer = answer.clone();
            remembered.insert(
                key,
                Remembered {
                    answer,
                    until: now + counts,
                },
            );
        }
    }
}

/// What is to be opened for an answer; nothing where the ports are open anyway.
fn admissions(answer: &Answer, ports: &Ports, time: Duration) -> Vec<Admission> {
    if ports.is_none() {
        return Vec::new();
    }
    let admission = |address| Admission {
        address,
        ports: ports.clone(),
        time,
    };
    answer.addresses().map(admission).collect()
}

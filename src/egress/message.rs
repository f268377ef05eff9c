//! Messages of the domain name system, as far as a resolver that passes on what is allowed needs them. Pure.
//!
//! Nothing that came from outside is passed on as it came: an answer is read, what it says of the name that was asked for is taken,
//! and a message of our own says that.

use std::net::IpAddr;

use simple_dns::rdata::{A, AAAA, CNAME, OPT, RData};
use simple_dns::{
    CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE,
};

/// The most that is read or written over UDP, in bytes: what passes every link whole (DNS flag day 2020).
pub const UDP_MAX: usize = 1232;

/// What a client takes over UDP that does not say more (RFC 1035, 4.2.1).
const UDP_LEAST: usize = 512;

/// How many aliases are followed from the name that was asked for.
const ALIASES_MAX: usize = 16;

/// How many records of an answer are passed on.
const RECORDS_MAX: usize = 64;

/// The longest time that an answer counts, in seconds.
const TTL_MAX: u32 = 3600;

/// What a client asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    id: u16,
    question: Question<'static>,
    /// The name in lower case, if it is one that hosts have.
    pub name: Option<String>,
    /// What of it is asked for.
    pub kind: Kind,
    /// How many bytes of answer the client takes over UDP.
    pub udp_max: usize,
}

/// What of a name is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Its addresses of IPv4 or IPv6.
    Addresses(TYPE),
    /// What else some servers need: where a service is (SRV, MX), a text (TXT).
    Other(TYPE),
    /// Anything else. It is answered with nothing: addresses in it (HTTPS, SVCB) would not be open.
    Nothing,
}

/// Why a message is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswerable {
    /// It is no question, or not even a message.
    Silence,
    /// A question of this number that makes no sense.
    Malformed(u16),
    /// A question of this number and another kind than questions for names.
    NotImplemented(u16),
}

/// What there is to say to a question.
#[derive(Debug, Clone)]
pub struct Answer {
    rcode: RCODE,
    records: Vec<ResourceRecord<'static>>,
    /// How long it counts, in seconds.
    pub ttl: u32,
}

/// Why an answer of a name server cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// It is none to this question.
    Stray,
    /// It was cut off: to be asked for over TCP.
    Truncated,
    /// The server failed, or does not serve us: another may.
    Failed,
}

/// Reads what a client asks.
pub fn asked(message: &[u8]) -> Result<Asked, Unanswerable> {
    let id = match message.get(..3) {
        // Its highest bit: an answer.
        Some(&[_, _, flags]) if flags & 0x80 != 0 => return Err(Unanswerable::Silence),
        Some(&[high, low, _]) => u16::from_be_bytes([high, low]),
        _ => return Err(Unanswerable::Silence),
    };
    let packet = Packet::parse(message).map_err(|_| Unanswerable::Malformed(id))?;
    if packet.opcode() != OPCODE::StandardQuery {
        return Err(Unanswerable::NotImplemented(id));
    }
    let [question] = packet.questions.as_slice() else {
        return Err(Unanswerable::Malformed(id));
    };
    let is_internet = question.qclass == QCLASS::CLASS(CLASS::IN);
    let kind = match question.qtype {
        QTYPE::TYPE(kind @ (TYPE::A | TYPE::AAAA)) if is_internet => Kind::Addresses(kind),
        QTYPE::TYPE(kind @ (TYPE::SRV | TYPE::MX | TYPE::TXT)) if is_internet => Kind::Other(kind),
        _ => Kind::Nothing,
    };
    let takes = packet
        .opt()
        .map_or(UDP_LEAST, |opt| opt.udp_packet_size.into());
    Ok(Asked {
        id,
        name: host_name(&question.qname),
        kind,
        udp_max: takes.clamp(UDP_LEAST, UDP_MAX),
        question: question.clone().into_owned(),
    })
}

/// The question for a name server, under a number of our own.
pub fn question(asked: &Asked, id: u16) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(asked.question.clone());
    *packet.opt_mut() = Some(OPT {
        opt_codes: Vec::new(),
        udp_packet_size: u16::try_from(UDP_MAX).ok()?,
        version: 0,
    });
    packet.build_bytes_vec().ok()
}

/// Reads what a name server answers to the question of this number.
pub fn answer(message: &[u8], asked: &Asked, id: u16) -> Result<Answer, Unusable> {
    let packet = Packet::parse(message).map_err(|_| Unusable::Stray)?;
    let [question] = packet.questions.as_slice() else {
        return Err(Unusable::Stray);
    };
    let is_ours = packet.id() == id
        && packet.has_flags(PacketFlag::RESPONSE)
        && question.qtype == asked.question.qtype
        && question.qclass == asked.question.qclass
        && host_name(&question.qname) == asked.name;
    if !is_ours {
        return Err(Unusable::Stray);
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Err(Unusable::Truncated);
    }
    if !matches!(packet.rcode(), RCODE::NoError | RCODE::NameError) {
        return Err(Unusable::Failed);
    }
    let mut answer = Answer {
        rcode: packet.rcode(),
        records: Vec::new(),
        ttl: TTL_MAX,
    };
    let mut current = asked.name.clone();
    // Only what the name itself leads to: whatever else is in the message was not asked for.
    for _ in 0..ALIASES_MAX {
        let of_name = packet
            .answers
            .iter()
            .filter(|record| record.class == CLASS::IN && host_name(&record.name) == current);
        let mut alias = None;
        for record in of_name {
            let is_wanted = match (&record.rdata, asked.kind) {
                (RData::CNAME(CNAME(target)), _) if alias.is_none() => {
                    alias = Some(host_name(target));
                    true
                }
                (data, Kind::Addresses(kind) | Kind::Other(kind)) => {
                    !matches!(data, RData::CNAME(_)) && data.type_code() == kind
                }
                _ => false,
            };
            if is_wanted && answer.records.len() < RECORDS_MAX {
                answer.ttl = answer.ttl.min(record.ttl);
                answer.records.push(record.clone().into_owned());
            }
        }
        let Some(Some(next)) = alias else {
            break;
        };
        current = Some(next);
    }
    Ok(answer)
}

impl Answer {
    /// That there is no such name.
    pub fn no_such_name() -> Self {
        Self::empty(RCODE::NameError)
    }

    /// That there is nothing of that kind.
    pub fn nothing() -> Self {
        Self::empty(RCODE::NoError)
    }

    /// That it could not be found out.
    pub fn failed() -> Self {
        Self::empty(RCODE::ServerFailure)
    }

    fn empty(rcode: RCODE) -> Self {
        Self {
            rcode,
            records: Vec::new(),
            ttl: 0,
        }
    }

    /// The addresses in it.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.records
            .iter()
            .filter_map(|record| address(&record.rdata))
    }

    /// Takes addresses out of it that are not to be passed on.
    pub fn retain_addresses(&mut self, keep: impl Fn(IpAddr) -> bool) {
        self.records
            .retain(|record| address(&record.rdata).is_none_or(&keep));
    }

    /// The message that tells a client, in at most so many bytes; one that says only that it is too long, where it is.
    pub fn message(&self, asked: &Asked, ttl: u32, most: usize) -> Option<Vec<u8>> {
        let mut packet = Packet::new_reply(asked.id);
        packet.set_flags(PacketFlag::RECURSION_DESIRED | PacketFlag::RECURSION_AVAILABLE);
        *packet.rcode_mut() = self.rcode;
        packet.questions.push(asked.question.clone());
        for record in &self.records {
            let mut record = record.clone();
            record.ttl = ttl;
            packet.answers.push(record);
        }
        let message = packet.build_bytes_vec_compressed().ok()?;
        if message.len() <= most {
            return Some(message);
        }
        packet.answers.clear();
        packet.set_flags(PacketFlag::TRUNCATION);
        packet.build_bytes_vec().ok()
    }
}

impl Unanswerable {
    /// What is said to it, if anything.
    pub fn message(self) -> Option<Vec<u8>> {
        let (id, rcode) = match self {
            Self::Silence => return None,
            Self::Malformed(id) => (id, RCODE::FormatError),
            Self::NotImplemented(id) => (id, RCODE::NotImplemented),
        };
        let mut packet = Packet::new_reply(id);
        *packet.rcode_mut() = rcode;
        packet.build_bytes_vec().ok()
    }
}

fn address(data: &RData<'_>) -> Option<IpAddr> {
    match data {
        RData::A(A { address }) => Some(IpAddr::V4((*address).into())),
        RData::AAAA(AAAA { address }) => Some(IpAddr::V6((*address).into())),
        _ => None,
    }
}

/// A name as a list of hosts has it; none where it is no name of a host.
fn host_name(name: &Name<'_>) -> Option<String> {
    let mut text = String::new();
    for label in name.iter() {
        let label: &[u8] = label.as_ref();
        if !text.is_empty() {
            text.push('.');
        }
        // Whatever else stands in a label is in no name that could be listed, and a dot in one must not pass for one between two.
        if !label
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        {
            return None;
        }
        text.extend(
            label
                .iter()
                .map(|byte| char::from(byte.to_ascii_lowercase())),
        );
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;

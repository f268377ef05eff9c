use proptest::prelude::{any, prop, prop_assert, proptest};
use simple_dns::rdata::{SRV, TXT};

use super::*;

fn query(name: &str, kind: TYPE) -> Vec<u8> {
    let mut packet = Packet::new_query(7);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).unwrap();
    packet.questions.push(Question::new(
        name,
        QTYPE::TYPE(kind),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    packet.build_bytes_vec().unwrap()
}

fn record(name: &str, ttl: u32, data: RData<'static>) -> ResourceRecord<'static> {
    ResourceRecord::new(Name::new(name).unwrap().into_owned(), CLASS::IN, ttl, data)
}

fn v4(name: &str, ttl: u32, address: &str) -> ResourceRecord<'static> {
    let address: std::net::Ipv4Addr = address.parse().unwrap();
    record(
        name,
        ttl,
        RData::A(A {
            address: address.into(),
        }),
    )
}

fn alias(name: &str, ttl: u32, target: &str) -> ResourceRecord<'static> {
    record(
        name,
        ttl,
        RData::CNAME(CNAME(Name::new(target).unwrap().into_owned())),
    )
}

/// What a name server answers to a question of ours.
fn reply(asked: &Asked, id: u16, records: Vec<ResourceRecord<'static>>) -> Packet<'static> {
    let mut packet = Packet::new_reply(id);
    packet.questions.push(asked.question.clone());
    packet.answers = records;
    packet
}

fn read(asked: &Asked, packet: &Packet<'_>) -> Result<Answer, Unusable> {
    answer(&packet.build_bytes_vec_compressed().unwrap(), asked, 9)
}

fn addresses(answer: &Answer) -> Vec<String> {
    answer
        .addresses()
        .map(|address| address.to_string())
        .collect()
}

#[test]
fn a_question_is_read_and_asked_again() {
    let asked = asked(&query("API.Example.COM", TYPE::A)).unwrap();
    assert_eq!(asked.name.as_deref(), Some("api.example.com"));
    assert_eq!(
        (asked.kind, asked.udp_max),
        (Kind::Addresses(TYPE::A), UDP_LEAST)
    );
    let again = super::asked(&question(&asked, 77).unwrap()).unwrap();
    assert_eq!(
        (again.id, again.udp_max, again.name),
        (77, UDP_MAX, asked.name)
    );
    for (kind, expected) in [
        (TYPE::AAAA, Kind::Addresses(TYPE::AAAA)),
        (TYPE::SRV, Kind::Other(TYPE::SRV)),
        (TYPE::HTTPS, Kind::Nothing),
        (TYPE::NS, Kind::Nothing),
    ] {
        assert_eq!(super::asked(&query("a.b", kind)).unwrap().kind, expected);
    }
}

#[test]
fn a_dot_within_a_label_is_none_between_two() {
    for name in [
        r"evil\.example.com",
        r"a\000.example.com",
        r"a\ .b",
        "é.example",
    ] {
        let asked = asked(&query(name, TYPE::A)).unwrap();
        assert_eq!(asked.name, None, "{name}");
    }
}

#[test]
fn what_is_no_question_is_told_so_or_nothing() {
    assert_eq!(asked(b"").unwrap_err(), Unanswerable::Silence);
    assert_eq!(asked(&[0; 2]).unwrap_err(), Unanswerable::Silence);
    assert_eq!(
        asked(&[0, 5, 0, 0]).unwrap_err(),
        Unanswerable::Malformed(5)
    );
    assert_eq!(
        asked(&[0, 5, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap_err(),
        Unanswerable::Silence
    );
    assert_eq!(
        asked(&[0, 5, 0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap_err(),
        Unanswerable::NotImplemented(5)
    );
    let told = Unanswerable::Malformed(5).message().unwrap();
    assert_eq!(Packet::parse(&told).unwrap().rcode(), RCODE::FormatError);
}

#[test]
fn aliases_are_followed_and_nothing_else_is_taken() {
    let asked = asked(&query("a.example", TYPE::A)).unwrap();
    let packet = reply(
        &asked,
        9,
        vec![
            v4("other.example", 1, "203.0.113.66"),
            alias("a.example", 300, "b.example"),
            v4("c.example", 30, "203.0.113.7"),
            alias("B.example", 200, "C.example"),
            record(
                "c.example",
                1,
                RData::TXT(TXT::new().with_string("no").unwrap()),
            ),
        ],
    );
    let answer = read(&asked, &packet).unwrap();
    assert_eq!(addresses(&answer), ["203.0.113.7"]);
    assert_eq!((answer.ttl, answer.records.len()), (30, 3));

    let told = answer.message(&asked, 30, UDP_MAX).unwrap();
    let told = Packet::parse(&told).unwrap();
    assert_eq!(
        (told.id(), told.answers.len(), told.rcode()),
        (7, 3, RCODE::NoError)
    );
    assert!(told.has_flags(PacketFlag::RESPONSE | PacketFlag::RECURSION_AVAILABLE));

    // One that leads to itself ends.
    let round = reply(
        &asked,
        9,
        vec![
            alias("a.example", 1, "b.example"),
            alias("b.example", 1, "a.example"),
        ],
    );
    assert_eq!(addresses(&read(&asked, &round).unwrap()).len(), 0);
}

#[test]
fn only_the_answer_to_the_question_is_taken() {
    let asked = asked(&query("a.example", TYPE::A)).unwrap();
    let good = reply(&asked, 9, vec![v4("a.example", 60, "203.0.113.7")]);
    assert!(read(&asked, &good).is_ok());
    let other = super::asked(&query("b.example", TYPE::A)).unwrap();
    let other_kind = super::asked(&query("a.example", TYPE::AAAA)).unwrap();
    let mut question = good.clone();
    question.remove_flags(PacketFlag::RESPONSE);
    for packet in [
        reply(&asked, 8, Vec::new()),
        reply(&other, 9, Vec::new()),
        reply(&other_kind, 9, Vec::new()),
        question,
    ] {
        assert_eq!(read(&asked, &packet).unwrap_err(), Unusable::Stray);
    }
    let mut cut = good.clone();
    cut.set_flags(PacketFlag::TRUNCATION);
    assert_eq!(read(&asked, &cut).unwrap_err(), Unusable::Truncated);
    let mut refused = good;
    *refused.rcode_mut() = RCODE::Refused;
    assert_eq!(read(&asked, &refused).unwrap_err(), Unusable::Failed);
}

#[test]
fn addresses_are_taken_out_and_what_is_too_long_is_cut_off() {
    let asked = asked(&query("a.example", TYPE::A)).unwrap();
    let many: Vec<_> = (0..60)
        .map(|last| v4("a.example", 9000, &format!("203.0.113.{last}")))
        .collect();
    let mut answer = read(&asked, &reply(&asked, 9, many)).unwrap();
    assert_eq!((answer.ttl, answer.records.len()), (TTL_MAX, 60));
    let cut = answer.message(&asked, 1, UDP_LEAST).unwrap();
    let cut = Packet::parse(&cut).unwrap();
    assert!(cut.has_flags(PacketFlag::TRUNCATION) && cut.answers.is_empty());
    let keep: IpAddr = "203.0.113.5".parse().unwrap();
    answer.retain_addresses(|address| address == keep);
    assert_eq!(addresses(&answer), ["203.0.113.5"]);
}

#[test]
fn a_service_is_passed_on() {
    let asked = asked(&query("_mongodb._tcp.a.example", TYPE::SRV)).unwrap();
    let target = Name::new("db.example").unwrap();
    let service = RData::SRV(SRV {
        priority: 1,
        weight: 2,
        port: 27017,
        target,
    });
    let answer = read(
        &asked,
        &reply(
            &asked,
            9,
            vec![record("_mongodb._tcp.a.example", 60, service)],
        ),
    )
    .unwrap();
    let told = answer.message(&asked, 60, UDP_MAX).unwrap();
    assert_eq!(Packet::parse(&told).unwrap().answers.len(), 1);
}

proptest! {
    #[test]
    fn no_message_makes_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let asked = asked(&query("a.example", TYPE::A)).unwrap();
        drop(super::asked(&bytes));
        drop(answer(&bytes, &asked, 9));
        // And such as get further than their head.
        let mut message = reply(&asked, 9, Vec::new()).build_bytes_vec().unwrap();
        message[7] = 200;
        message.extend(&bytes);
        drop(answer(&message, &asked, 9));
        let mut message = query("a.example", TYPE::A);
        message[11] = 3;
        message.extend(&bytes);
        drop(super::asked(&message));
    }

    #[test]
    fn a_message_with_flipped_bytes_opens_nothing_that_it_does_not_answer(flips in prop::collection::vec((0_usize..200, any::<u8>()), 0..8)) {
        let asked = asked(&query("a.example", TYPE::A)).unwrap();
        let packet = reply(&asked, 9, vec![alias("a.example", 300, "b.example"), v4("b.example", 30, "203.0.113.7"), v4("x.example", 30, "203.0.113.8")]);
        let mut message = packet.build_bytes_vec_compressed().unwrap();
        for (at, byte) in flips {
            let length = message.len();
            message[at % length] = byte;
        }
        if let Ok(answer) = answer(&message, &asked, 9) {
            prop_assert!(answer.records.len() <= RECORDS_MAX && answer.ttl <= TTL_MAX);
            let told = answer.message(&asked, 1, UDP_MAX);
            prop_assert!(told.is_none_or(|told| told.len() <= UDP_MAX && Packet::parse(&told).is_ok()));
        }
    }
}

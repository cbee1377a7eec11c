//! Messages as hickory reads them, and broken ones.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use futures_util::FutureExt;
use hickory_resolver::proto::op::Edns;
use hickory_resolver::proto::op::OpCode;
use hickory_resolver::proto::rr::DNSClass;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::Record;
use hickory_resolver::proto::rr::rdata::CNAME;

use super::*;

/// Some records, of three names and three types.
fn records(n: usize) -> Vec<Record> {
    let name = |index: usize| Name::from_ascii(format!("n{index}.test.")).unwrap();
    let data = |index: u8| match index % 3 {
        0 => RData::A(Ipv4Addr::new(127, 0, 0, index).into()),
        1 => RData::AAAA(Ipv6Addr::from([index; 16]).into()),
        _ => RData::CNAME(CNAME(name(index.into()))),
    };
    (0..n)
        .map(|index| {
            Record::from_rdata(
                name(index / 3 % 3),
                60,
                data(u8::try_from(index % 251).unwrap()),
            )
        })
        .collect()
}

/// What hickory finds in a message of a name and a type.
fn data<'m>(message: &'m Message, name: &Name, kind: RecordType) -> Vec<&'m RData> {
    let answers = message.answers.iter();
    let wanted = answers.filter(|record| {
        record.dns_class == DNSClass::IN && record.name == *name && record.record_type() == kind
    });
    wanted.map(|record| &record.data).collect()
}

#[tokio::test]
async fn hickory_reads_the_same_at_once() {
    for (n_answers, n_authorities, n_additionals) in [
        (0, 0, 0),
        (8, 2, 8),
        (63, 0, 0),
        (1_000, 0, 300),
        (0, 129, 0),
    ] {
        let case = format!("{n_answers}, {n_authorities}, {n_additionals}");
        let mut message = Message::response(7, OpCode::Query);
        let name = |index| Name::from_ascii(format!("N{index}.TEST.")).unwrap();
        message.add_query(Query::query(name(1), RecordType::A));
        message.add_answers(records(n_answers));
        message.add_authorities(records(n_authorities));
        message.add_additionals(records(n_additionals));
        message.set_edns(Edns::new());
        message.metadata.response_code = ResponseCode::from(1, 0);
        let bytes = message.to_vec().unwrap();
        let at_once = Message::from_vec(&bytes).unwrap();
        let reply = Reply::read(bytes.clone()).await.unwrap();
        assert_eq!(reply.code(), at_once.metadata.response_code, "{case}");
        assert!(reply.answers(&message), "{case}");
        for name in (0..3).map(name) {
            for kind in [RecordType::A, RecordType::AAAA] {
                let found: Vec<_> = reply.addresses(&name, kind).map(RData::from).collect();
                let found: Vec<_> = found.iter().collect();
                assert_eq!(found, data(&at_once, &name, kind), "{case}: {name}");
            }
            let alias = reply.alias(&name).map(|target| RData::CNAME(CNAME(target)));
            let aliases = data(&at_once, &name, RecordType::CNAME);
            assert_eq!(alias.as_ref(), aliases.first().copied(), "{case}: {name}");
        }
        // Wherever it is cut, both say the same of it.
        for end in (0..bytes.len()).step_by(1 + bytes.len() / 500) {
            let is_message = Message::from_vec(&bytes[..end]).is_ok();
            let reply = Reply::read(bytes[..end].to_vec()).await;
            assert_eq!(reply.is_ok(), is_message, "{case}: {end} bytes");
        }
    }
}

/// A record of the root, or of `n1.test.` if `is_named`: type, class and data.
fn raw(is_named: bool, kind: u16, class: u16, data: &[u8]) -> Vec<u8> {
    let name: &[u8] = if is_named { b"\x02n1\x04test\0" } else { b"\0" };
    let length = u16::try_from(data.len()).unwrap();
    let fields = [kind, class, 0, 0, length].map(u16::to_be_bytes);
    [name, fields.as_flattened(), data].concat()
}

#[tokio::test]
async fn what_nobody_looks_for_is_left_alone_and_the_rest_has_its_length() {
    const MX: u16 = 15;
    const CHAOS: u16 = 3;
    let address = &[127, 0, 0, 1];
    for (section, record, expected) in [
        (6, raw(true, 1, 1, address), Ok(1)),
        (6, raw(true, 1, CHAOS, address), Ok(0)),
        (6, raw(true, 1, CHAOS, b"x"), Ok(0)),
        (6, raw(true, MX, 1, b"\xff"), Ok(0)),
        (6, raw(true, MX, 1, b""), Ok(0)),
        (6, raw(true, 1, 1, b""), Err("0 bytes are no A record")),
        (
            6,
            raw(true, 28, 1, address),
            Err("4 bytes are no AAAA record"),
        ),
        (
            6,
            raw(true, 5, 1, b"\0x"),
            Err("2 bytes are no CNAME record"),
        ),
        (
            6,
            raw(false, 41, 1, b""),
            Err("a record of type OPT is no answer"),
        ),
        (
            8,
            raw(false, 41, 1, b""),
            Err("a record of type OPT is no answer"),
        ),
        (8, raw(true, 1, 1, address), Ok(0)),
        (10, raw(false, 41, 1, b"\xff"), Ok(0)),
        (
            10,
            raw(true, 41, 1, b""),
            Err("an OPT record has the name n1.test."),
        ),
    ] {
        // Update is an operation in which records without data are usual.
        for op_code in [OpCode::Query, OpCode::Update] {
            let mut message = Message::response(7, op_code).to_vec().unwrap();
            message[section + 1] = 1;
            message.extend(&record);
            let reply = Reply::read(message).await;
            let found = reply.map_err(|why| why.to_string()).map(|reply| {
                let name = Name::from_ascii("n1.test.").unwrap();
                reply.addresses(&name, RecordType::A).count()
            });
            let expected = expected.map_err(str::to_owned);
            assert_eq!(found, expected, "{section}: {record:?}");
        }
    }
}

#[tokio::test]
async fn what_may_be_there_once_is_not_there_twice() {
    let mut message = Message::query();
    message.set_edns(Edns::new());
    let bytes = message.to_vec().unwrap();
    let edns = &bytes[12..];
    for n_others in [0_u16, 1, 300] {
        // Records of the root of an unknown type.
        let other = [0, 0xff, 0x01, 0, 1, 0, 0, 0, 0, 0, 1, 9].repeat(n_others.into());
        let mut twice = [&bytes[..12], edns, &other, edns].concat();
        twice[10..12].copy_from_slice(&(n_others + 2).to_be_bytes());
        let reply = Reply::read(twice).await;
        let is_told = matches!(reply, Err(Malformed::TwoOpts));
        assert!(is_told, "{n_others} between them: {reply:?}");
    }
}

#[tokio::test]
async fn a_reply_belongs_to_one_question() {
    let question = |name: &str| Query::query(Name::from_ascii(name).unwrap(), RecordType::A);
    let mut asked = Message::query();
    asked.add_query(question("a."));
    for (names, expected) in [
        (&["a."][..], true),
        (&["A."], true),
        (&[], true),
        (&["b."], false),
        (&["a.", "a."], false),
    ] {
        let mut message = Message::response(asked.metadata.id, asked.metadata.op_code);
        message.add_queries(names.iter().map(|name| question(name)));
        let reply = Reply::read(message.to_vec().unwrap()).await.unwrap();
        assert_eq!(reply.answers(&asked), expected, "{names:?}");
        asked.metadata.id ^= 1;
        assert!(!reply.answers(&asked), "{names:?}, of another id");
        asked.metadata.id ^= 1;
    }
}

#[tokio::test]
async fn small_replies_are_read_at_once_and_large_ones_in_turns() {
    for (n_records, at_once) in [(0, true), (20, true), (1_000, false)] {
        for section in 0..3 {
            let mut message = Message::response(7, OpCode::Query);
            match section {
                0 => message.add_answers(records(n_records)),
                1 => message.add_authorities(records(n_records)),
                _ => message.add_additionals(records(n_records)),
            };
            let reading = Reply::read(message.to_vec().unwrap()).now_or_never();
            assert_eq!(
                reading.is_some(),
                at_once,
                "{n_records} of section {section}"
            );
        }
    }
}

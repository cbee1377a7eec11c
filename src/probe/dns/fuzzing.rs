//! Answers of name servers as fuzzers write them.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::op::OpCode;
use hickory_resolver::proto::rr::DNSClass;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RecordType;

use crate::outcome::reason::Reason;
use crate::probe::dns::answer;
use crate::probe::dns::answer::Answer;
use crate::probe::dns::query::no_message;
use crate::probe::dns::reply::Reply;
use crate::probe::stop::Stop;

/// Reads the bytes as an answer about `a.example.`, for each of the families: there are few
/// addresses, of the family that was asked for.
pub fn run(data: &[u8]) {
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
    let asked = Name::from_ascii("a.example.").expect("a name");
    let Some(reply) = read(server, data, &asked) else {
        return;
    };
    if let Err(stop) = answer::usable(&reply, &asked, server) {
        return check(&stop);
    }
    for kind in [RecordType::A, RecordType::AAAA] {
        match finish(answer::read(&reply, &asked, kind)) {
            Answer::Addresses(addresses) => {
                assert!((1..=answer::MAX_ADDRESSES).contains(&addresses.len()));
                let is_right = |ip: &IpAddr| ip.is_ipv4() == (kind == RecordType::A);
                assert!(addresses.iter().all(is_right), "{kind}: {addresses:?}");
            }
            Answer::Alias(next) => {
                assert_ne!(next, asked, "an alias that leads nowhere else");
                assert!(next.len() <= 255, "a name that cannot be asked for: {next}");
            }
            Answer::Nothing | Answer::Loop => {}
        }
    }
}

/// What comes of something that only ever waits for its next turn.
fn finish<F: Future>(reading: F) -> F::Output {
    let mut reading = pin!(reading);
    loop {
        let polled = reading
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(read) = polled {
            return read;
        }
    }
}

/// The reply that bytes are. It is one wherever hickory says that they are a message, with the same
/// addresses in it; hickory also minds what is in records that nobody looks for.
fn read(server: SocketAddr, data: &[u8], asked: &Name) -> Option<Reply> {
    let at_once = Message::from_vec(data);
    let reply = match finish(Reply::read(data.to_vec())) {
        Ok(reply) => reply,
        Err(why) => {
            // An update may have records without data.
            let is_message =
                at_once.is_ok_and(|message| message.metadata.op_code != OpCode::Update);
            assert!(!is_message, "it is a message: {why}");
            check(&no_message(server, &why));
            return None;
        }
    };
    if let Ok(at_once) = at_once {
        assert_eq!(reply.code(), at_once.metadata.response_code);
        for kind in [RecordType::A, RecordType::AAAA] {
            let answers = at_once.answers.iter().filter(|record| {
                record.dns_class == DNSClass::IN
                    && record.record_type() == kind
                    && record.name == *asked
            });
            let found = reply.addresses(asked, kind).map(Some);
            assert!(
                found.eq(answers.map(|record| record.data.ip_addr())),
                "{kind}"
            );
        }
    }
    Some(reply)
}

fn check(stop: &Stop) {
    let Stop::Failed(failure) = stop else {
        panic!("an answer is never this machine's fault");
    };
    assert_ne!(failure.reason, Reason::DnsOther, "{}", failure.detail);
}

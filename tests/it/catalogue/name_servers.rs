//! Look-ups, by the bytes of the answers and by how they come.

use std::sync::Arc;
use std::time::Duration;

use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::target::module::IpFamily;
use httpcycle_exporter::target::reach::{Range, Reach, Rules};

use crate::catalogue::{Behaviour, Stage};
use crate::support::name_server::{
    A, AAAA, ASKED, CHAOS, CNAME, CUT, IN, NS, OK, OPT, OverTcp, Question, TXT, address, alias,
    framed, record, serve, wire_name,
};
use crate::support::peer;
use crate::support::peer::Then;

const NXDOMAIN: u16 = 0x8183;
const SERVFAIL: u16 = 0x8182;

type OverUdp = fn(&Question) -> Vec<Vec<u8>>;

pub fn all() -> Vec<Behaviour> {
    let mut rows = of_datagrams();
    rows.extend(of_records());
    rows.extend(of_delegations());
    rows.extend(of_aliases());
    rows.extend(of_families());
    rows.extend(over_tcp());
    rows
}

/// A peer that answers 204 under a name that is asked for like this.
fn named(name: &str, over_udp: OverUdp, over_tcp: OverTcp) -> Behaviour {
    behaving(name, over_udp, over_tcp, Duration::ZERO, false)
}

fn behaving(
    name: &str,
    over_udp: OverUdp,
    over_tcp: OverTcp,
    delay: Duration,
    from_elsewhere: bool,
) -> Behaviour {
    Behaviour::new(format!("look-up: {name}"), move || async move {
        let answer = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
        let peer = peer::answering(answer, Then::Hold).await;
        let server = serve(over_udp, over_tcp, delay, from_elsewhere).await;
        let mut stage = Stage::at(format!("http://orders.test:{}/", peer.address.port()));
        stage.place.resolver = Some(server.address);
        stage.held_by(peer).held_by(server)
    })
    .probed(|module| module.preferred_family = IpFamily::V6)
    .also("the look-up has a time", |outcome| {
        outcome.timeline.phase(Phase::Dns).is_some()
    })
}

fn over_udp(name: &str, answers: OverUdp) -> Behaviour {
    named(name, answers, OverTcp::Refuse)
}

fn right(question: &Question) -> Vec<u8> {
    question.answer(OK, &question.here())
}

/// The question with another id.
fn another(question: &Question) -> Question {
    Question {
        id: question.id.wrapping_add(1),
        ..question.clone()
    }
}

fn of_datagrams() -> Vec<Behaviour> {
    let right_in_the_end = |name: &str, answers: OverUdp| over_udp(name, answers).counts(204);
    let nothing_of_use =
        |name: &str, answers: OverUdp| over_udp(name, answers).fails(R::DnsTimeout);
    vec![
        nothing_of_use("another id", |q| vec![right(&another(q))]),
        nothing_of_use("another question", |q| {
            let mut other = q.clone();
            other.bytes[1] ^= 1;
            vec![right(&other)]
        }),
        nothing_of_use("the question sent back", |q| vec![q.answer(0x0100, &[])]),
        behaving(
            "an answer from another port",
            |q| vec![right(q)],
            OverTcp::Refuse,
            Duration::ZERO,
            true,
        )
        .fails(R::DnsTimeout),
        behaving(
            "an answer that comes too late",
            |q| vec![right(q)],
            OverTcp::Refuse,
            Duration::from_secs(3),
            false,
        )
        .fails(R::DnsTimeout),
        right_in_the_end("garbage before the answer", |q| {
            vec![b"garbage".to_vec(), vec![0xff; 600], right(q)]
        }),
        right_in_the_end("another id before the answer", |q| {
            vec![right(&another(q)), right(q)]
        }),
        right_in_the_end("an answer twice", |q| vec![right(q), right(q)]),
        right_in_the_end("records that nobody asked for", |q| {
            let text = record(ASKED, TXT, IN, b"\x05hello");
            let unknown = record(&wire_name("elsewhere.test"), 65_280, IN, b"any");
            vec![q.answer(OK, &[vec![text, unknown], q.here()].concat())]
        }),
    ]
}

fn of_records() -> Vec<Behaviour> {
    let broken = |name: &str, answers: OverUdp| over_udp(name, answers).fails(R::DnsMalformed);
    vec![
        broken("garbage behind the right head", |q| {
            vec![q.message(OK, 1, vec![0xff; 40])]
        }),
        broken("fewer records than said", |q| {
            vec![q.message(OK, 5, q.here().concat())]
        }),
        broken("a name that points at itself", |q| {
            let at = u8::try_from(12 + q.bytes.len()).unwrap();
            vec![q.answer(OK, &[record(&[0xc0, at], A, IN, &[127, 0, 0, 1])])]
        }),
        broken("names that point at each other", |q| {
            let at = u8::try_from(12 + q.bytes.len()).unwrap();
            let first = record(&[0xc0, at + 16], A, IN, &[127, 0, 0, 1]);
            let second = record(&[0xc0, at], A, IN, &[127, 0, 0, 1]);
            vec![q.answer(OK, &[first, second])]
        }),
        broken("a label that is too long", |q| {
            let name = [&[0x7f][..], &[b'a'; 127], &[0]].concat();
            vec![q.answer(OK, &[record(&name, A, IN, &[127, 0, 0, 1])])]
        }),
        broken("an address that is too short", |q| {
            vec![q.answer(OK, &[record(ASKED, q.kind, IN, &[127, 0, 1])])]
        }),
        broken("a record longer than the message", |q| {
            let mut cut = record(ASKED, q.kind, IN, &[127; 16]);
            cut.truncate(cut.len() - 9);
            vec![q.answer(OK, &[cut])]
        }),
        over_udp("an address of another class", |q| {
            let chaos = record(ASKED, q.kind, CHAOS, &[127, 0, 0, 1]);
            vec![q.answer(OK, &if q.kind == A { vec![chaos] } else { vec![] })]
        })
        .fails(R::DnsNodata),
        over_udp("an address of another name", |q| {
            let other = record(&wire_name("other.test"), A, IN, &[127, 0, 0, 1]);
            vec![q.answer(OK, &[other])]
        })
        .fails(R::DnsNodata),
        over_udp("an answer of version 1", |q| {
            // The rest of the code stands in what would be the time to live.
            let opt = [&[0][..], &OPT.to_be_bytes(), &[4, 208, 1, 1, 0, 0, 0, 0]].concat();
            let mut message = q.message(OK, 0, opt);
            message[11] = 1;
            vec![message]
        })
        .fails(R::DnsServfail),
    ]
}

/// Servers that are said to have a zone, and what they say of what they do not know.
fn of_delegations() -> Vec<Behaviour> {
    const LAME: u16 = 0x8000;
    const AUTHORITATIVE: u16 = 0x8400;
    vec![
        over_udp("a server that says nothing, not even who else", |q| {
            vec![q.answer(LAME, &[])]
        })
        .fails(R::DnsNodata),
        over_udp("a server that sends on to others", |q| {
            let others = record(&wire_name("test"), NS, IN, &wire_name("ns.elsewhere.test"));
            let mut message = q.message(LAME, 0, others);
            message[9] = 1;
            vec![message]
        })
        .fails(R::DnsServfail),
        over_udp("a server that knows that there is nothing", |q| {
            vec![q.answer(AUTHORITATIVE, &[])]
        })
        .fails(R::DnsNodata),
    ]
}

fn of_aliases() -> Vec<Behaviour> {
    let looping = |name: &str, answers: OverUdp| over_udp(name, answers).fails(R::DnsCnameLoop);
    vec![
        looping("two aliases of each other", |q| {
            vec![q.answer(
                OK,
                &[
                    alias("orders.test", "b.test"),
                    alias("b.test", "orders.test"),
                ],
            )]
        }),
        looping("two aliases of each other, one at a time", |q| {
            let next = match q.is_for("orders.test") {
                true => alias("orders.test", "b.test"),
                false => alias("b.test", "orders.test"),
            };
            vec![q.answer(OK, &[next])]
        }),
        over_udp("an alias that is asked for again", |q| {
            let found = match q.is_for("orders.test") {
                true => vec![alias("orders.test", "b.test")],
                false => q.here(),
            };
            vec![q.answer(OK, &found)]
        })
        .counts(204),
        over_udp("an alias of a name that does not exist", |q| {
            vec![q.answer(NXDOMAIN, &[alias("orders.test", "b.test")])]
        })
        .fails(R::DnsNxdomain),
        over_udp("30 aliases", |q| vec![chain(q, 30)]).counts(204),
        named(
            "1,000 aliases",
            |q| vec![q.answer(CUT, &[])],
            OverTcp::Bytes(|q| framed(chain(q, 1_000))),
        )
        .fails(R::DnsCnameLoop),
    ]
}

/// So many aliases, each of the next, and the address of the last.
fn chain(question: &Question, length: usize) -> Vec<u8> {
    let name = |at: usize| match at {
        0 => "orders.test".to_owned(),
        _ => format!("n{at}"),
    };
    let mut records: Vec<Vec<u8>> = (0..length)
        .map(|at| record(&wire_name(&name(at)), CNAME, IN, &wire_name(&name(at + 1))))
        .collect();
    if question.kind == A {
        records.push(record(&wire_name(&name(length)), A, IN, &[127, 0, 0, 1]));
    }
    question.answer(OK, &records)
}

fn of_families() -> Vec<Behaviour> {
    let found = |name: &str, answers: OverUdp| over_udp(name, answers).counts(204);
    vec![
        found("nothing but IPv4, the rest SERVFAIL", |q| {
            vec![q.answer(if q.kind == A { OK } else { SERVFAIL }, &q.here())]
        }),
        found("nothing but IPv4, the rest NXDOMAIN", |q| {
            vec![q.answer(if q.kind == A { OK } else { NXDOMAIN }, &q.here())]
        }),
        found("nothing but IPv4, the rest silence", |q| {
            if q.kind == A { vec![right(q)] } else { vec![] }
        }),
        over_udp("NXDOMAIN for one family, SERVFAIL for the other", |q| {
            vec![q.answer(if q.kind == A { SERVFAIL } else { NXDOMAIN }, &[])]
        })
        .fails(R::DnsServfail),
        found("an IPv4 address where IPv6 is asked for", |q| {
            vec![q.answer(OK, &[address([127, 0, 0, 1])])]
        }),
        found("an IPv4 address written as IPv6", |q| {
            let mapped = [&[0; 10][..], &[0xff, 0xff, 127, 0, 0, 1]].concat();
            let mapped = record(ASKED, AAAA, IN, &mapped);
            vec![q.answer(OK, &if q.kind == A { vec![] } else { vec![mapped] })]
        }),
        found("an IPv6 address that leads nowhere", |q| {
            let nowhere = [&[0xfe, 0x80][..], &[0; 13], &[1]].concat();
            let nowhere = record(ASKED, AAAA, IN, &nowhere);
            vec![q.answer(OK, &if q.kind == A { q.here() } else { vec![nowhere] })]
        })
        // Addresses of the link may not be probed unless somebody says so.
        .probed(|module| module.reach = reach_links_too()),
        found("the address of every address", |q| {
            vec![q.answer(
                OK,
                &if q.kind == A {
                    vec![address([0; 4])]
                } else {
                    vec![]
                },
            )]
        }),
        over_udp("a broadcast address", |q| {
            let all = address([127, 255, 255, 255]);
            vec![q.answer(OK, &if q.kind == A { vec![all] } else { vec![] })]
        })
        .fails(R::ConnectUnreachable),
    ]
}

fn many(question: &Question, count: usize) -> Vec<u8> {
    let found = match question.kind {
        A => vec![address([127, 0, 0, 1]); count],
        _ => Vec::new(),
    };
    question.answer(OK, &found)
}

/// The answer does not fit a datagram.
fn over_tcp() -> Vec<Behaviour> {
    let cut: OverUdp = |q| vec![q.answer(CUT, &[])];
    vec![
        named(
            "an answer cut within a record",
            |q| {
                let mut message = q.answer(CUT, &q.here());
                message.truncate(message.len() - 3);
                vec![message]
            },
            OverTcp::Bytes(|q| framed(right(q))),
        )
        .counts(204),
        named(
            "an answer too long for a datagram, which is sent all the same",
            |q| vec![many(q, 300)],
            OverTcp::Bytes(|q| framed(right(q))),
        )
        .counts(204),
        named(
            "2,500 addresses",
            cut,
            OverTcp::Bytes(|q| framed(many(q, 2_500))),
        )
        .counts(204),
        named(
            "4,000 addresses, 64 KiB",
            cut,
            OverTcp::Bytes(|q| framed(many(q, 4_000))),
        )
        .counts(204),
        named("no answer over TCP", cut, OverTcp::Silent).fails(R::DnsTimeout),
        named("TCP closed", cut, OverTcp::Close).fails(R::DnsMalformed),
        named("TCP refused", cut, OverTcp::Refuse).fails(R::DnsUnreachable),
        named(
            "a long answer, byte by byte",
            cut,
            OverTcp::Drip(|q| framed(many(q, 2_500))),
        )
        .fails(R::DnsTimeout),
        named(
            "a length beyond the answer, then silence",
            cut,
            OverTcp::Bytes(|q| [&[0xff, 0xff][..], &right(q)].concat()),
        )
        .fails(R::DnsTimeout),
        named(
            "a length beyond the answer, then closed",
            cut,
            OverTcp::BytesThenClose(|q| [&[0xff, 0xff][..], &right(q)].concat()),
        )
        .fails(R::DnsMalformed),
        named(
            "a length within the answer",
            cut,
            OverTcp::Bytes(|q| [&[0, 9][..], &right(q)].concat()),
        )
        .fails(R::DnsMalformed),
        named("a length of nothing", cut, OverTcp::Bytes(|_| vec![0, 0])).fails(R::DnsMalformed),
        named(
            "another id over TCP",
            cut,
            OverTcp::Bytes(|q| framed(right(&another(q)))),
        )
        .fails(R::DnsMalformed),
    ]
}

fn reach_links_too() -> Reach {
    let allow = ["fe80::/10", "0.0.0.0/0"].map(|text| Range::parse(text).unwrap());
    let own = Rules {
        allow: allow.to_vec(),
        ..Rules::default()
    };
    Reach {
        own: Arc::new(own),
        ..Reach::default()
    }
}

//! Look-ups, by what the name server does.

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::target::module::{IpFamily, Module};
use tokio::net::UdpSocket;

use crate::catalogue::{Behaviour, Stage};
use crate::support::dns::Script;
use crate::support::peer::Then;
use crate::support::{dns, peer};

pub fn all() -> Vec<Behaviour> {
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    let there: IpAddr = "::1".parse().unwrap();
    let now = Duration::ZERO;
    // Without IPv6 on this machine the fallback stands in.
    let v6 = std::net::UdpSocket::bind("[::1]:0").is_ok();
    let code = |code| Script::Code(code);
    let v6_alone = |module: &mut Module| module.family_fallback = false;
    vec![
        named("an address", Script::Addresses(vec![here], now)).counts(204),
        named(
            "a forged answer before the true one",
            Script::Forged(vec![here]),
        )
        .counts(204),
        named("an answer too long for UDP", Script::Truncated(vec![here])).counts(204),
        named("no address", Script::Addresses(vec![], now)).fails(R::DnsNodata),
        named(
            "an address of the other family",
            Script::Addresses(vec![here], now),
        )
        .probed(v6_alone)
        .fails(R::DnsNoAddressFamily),
        named("NXDOMAIN", code(ResponseCode::NXDomain)).fails(R::DnsNxdomain),
        named("SERVFAIL", code(ResponseCode::ServFail)).fails(R::DnsServfail),
        named("NOTIMP", code(ResponseCode::NotImp)).fails(R::DnsServfail),
        named("REFUSED", code(ResponseCode::Refused)).fails(R::DnsRefused),
        named("FORMERR", code(ResponseCode::FormErr)).fails(R::DnsMalformed),
        named("garbage", Script::Garbage).fails(R::DnsMalformed),
        named(
            "an alias of itself",
            Script::Alias("orders.test.".to_owned()),
        )
        .fails(R::DnsCnameLoop),
        named("an alias of nothing", Script::AliasOfNothing).fails(R::DnsNodata),
        named("silence", Script::Silent).fails(R::DnsTimeout),
        named(
            "both families, and nobody listens at the one preferred",
            Script::Addresses(vec![here, there], now),
        )
        .fails(v6.then_some(R::ConnectRefused))
        .counts((!v6).then_some(204)),
        nobody_there(),
    ]
}

/// A peer that answers 204 under a name that `script` looks up.
fn named(name: &str, script: Script) -> Behaviour {
    let name = format!("look-up: {name}");
    Behaviour::new(name, move || {
        let script = script.clone();
        async move {
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
            let peer = peer::answering(answer, Then::Hold).await;
            let server = dns::serve(script).await;
            let url = format!("http://orders.test:{}/", peer.address.port());
            let mut stage = Stage::at(url);
            stage.place.resolver = Some(server.address);
            stage.held_by(peer).held_by(server)
        }
    })
    .probed(|module| {
        module.preferred_family = IpFamily::V6;
    })
    .also("the look-up has a time", |outcome| {
        outcome.timeline.phase(Phase::Dns).is_some()
    })
}

fn nobody_there() -> Behaviour {
    Behaviour::new("look-up: no name server at the address", || async {
        // An address of its own, so that nothing else takes the port meanwhile.
        let socket = UdpSocket::bind(("127.0.0.77", 0)).await.unwrap();
        let mut stage = Stage::at("http://orders.test/");
        stage.place.resolver = Some(socket.local_addr().unwrap());
        stage
    })
    .fails(R::DnsUnreachable)
}

//! Where servers send who asks.

use httpcycle_exporter::outcome::reason::Reason as R;

use crate::catalogue::Behaviour;
use crate::support::peer::Then::Hold;

#[rustfmt::skip]
pub fn all() -> Vec<Behaviour> {
    let to = |name: &str, location: &str| {
        let bytes = format!("HTTP/1.1 301 Moved\r\n{location}Content-Length: 0\r\n\r\n");
        Behaviour::answering(format!("redirect: {name}"), bytes, Hold).counts(301)
    };
    vec![
        to("without an end", "Location: /x\r\n").fails(R::RedirectLimit),
    ]
}

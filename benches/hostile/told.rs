//! Where a behaviour is to be found, as a line that one process writes and another reads.

use crate::catalogue::Place;

/// Writes a place as a line.
pub fn line(place: &Place) -> String {
    let resolver = place.resolver.map(|address| address.to_string());
    let authorities = place.authorities.as_ref().map(|all| {
        let all: Vec<String> = all.iter().map(|der| hex(der)).collect();
        all.join(",")
    });
    let identity = place.identity.as_ref();
    let identity = identity.map(|(chain, key)| format!("{},{}", hex(chain), hex(key)));
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        place.url.clone(),
        or_none(resolver),
        or_none(authorities),
        or_none(identity),
    ]
    .join("\t")
}

/// Reads what [`line`] wrote.
pub fn place(line: &str) -> Place {
    let fields: Vec<&str> = line.split('\t').collect();
    let given = |index: usize| Some(fields[index]).filter(|text| *text != "-");
    let list = |text: &str| text.split(',').map(bytes).collect::<Vec<_>>();
    Place {
        url: fields[0].to_owned(),
        resolver: given(1).map(|address| address.parse().unwrap()),
        authorities: given(2).map(list),
        identity: given(3).map(|text| {
            let (chain, key) = text.split_once(',').unwrap();
            (bytes(chain), bytes(key))
        }),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    let pairs = pairs.map(|pair| str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

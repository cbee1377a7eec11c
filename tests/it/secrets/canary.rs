//! Texts that stand for secrets, and the search for them in whatever form they may come out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Where a secret stands; each place has a text of its own. Nothing else looks like it.
pub const PLACES: [&str; 38] = [
    "header",
    "cookie",
    "value",
    "secret",
    "headerfile",
    "credentials",
    "body",
    "user",
    "password",
    "userfile",
    "passwordfile",
    "credentialsfile",
    "bearer",
    "bearerfile",
    "bodyfile",
    "proxyuser",
    "proxypassword",
    "proxyheader",
    "noproxy",
    "urluser",
    "urlpassword",
    "urlquery",
    "urlbare",
    "keycomment",
    "setcookie",
    "locationuser",
    "locationquery",
    "clientsecret",
    "clientsecretfile",
    "tokenquery",
    "tokenparam",
    "token",
    "listuser",
    "listpassword",
    "listquery",
    "listheader",
    "listclient",
    "listpasswordfile",
];

/// The text of a place.
pub fn canary(place: &str) -> String {
    assert!(PLACES.contains(&place), "{place}");
    match place {
        // One of pieces that are too short to tell anything.
        "password" => "Cn@ry!pa+s$7x".to_owned(),
        place => format!("Cnry{place}Zq7x"),
    }
}

/// `text` with `{place}` made the text of that place.
pub fn filled(text: &str) -> String {
    PLACES.iter().fold(text.to_owned(), |text, place| {
        text.replace(&format!("{{{place}}}"), &canary(place))
    })
}

/// The places whose secrets are in a text, whatever its capitals, percent-encoded, or in base64 at
/// any offset, as in `user:password`.
pub fn found(text: &str) -> Vec<&'static str> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    let lower = [text.to_ascii_lowercase(), decoded.to_ascii_lowercase()];
    let is_in = |place: &&&str| {
        let canary = canary(place);
        let lower_canary = canary.to_ascii_lowercase();
        lower.iter().any(|text| text.contains(&lower_canary))
            || in_base64(&canary).iter().any(|core| text.contains(core))
    };
    PLACES.iter().filter(is_in).copied().collect()
}

/// What base64 makes of a text, wherever it stands in what is encoded, without the digits that hold
/// bits of its neighbours.
fn in_base64(text: &str) -> [String; 3] {
    [0, 1, 2].map(|offset| {
        let encoded = BASE64.encode([&vec![0; offset], text.as_bytes()].concat());
        let n_bits = 8 * (offset + text.len());
        encoded[(8 * offset).div_ceil(6)..n_bits / 6].to_owned()
    })
}

#[test]
fn canaries_are_found_in_every_form() {
    let canary = canary("urlpassword");
    let encoded = |before: &str| BASE64.encode(format!("{before}{canary}:x"));
    for text in [
        canary.clone(),
        canary.to_uppercase(),
        canary.replace('C', "%43").replace('7', "%37"),
        encoded(""),
        encoded("u:"),
        encoded("us:"),
        encoded("use:"),
    ] {
        assert_eq!(found(&format!("x{text}y")), ["urlpassword"], "{text}");
    }
    assert!(found(&canary[..10]).is_empty());
}

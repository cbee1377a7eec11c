use std::cell::Cell;
use std::fs;

use super::*;

fn keeper(path: &Path, make: Make) -> (Keeper, watch::Receiver<Arc<Door>>) {
    let reader = Reader::default();
    let (config, judged) = reader.load(path, file::read);
    let config = config.expect("a web configuration");
    let door = Door::new(&config, None).expect("a door");
    let (send, doors) = watch::channel(Arc::new(door));
    let keeper = Keeper {
        path: path.to_owned(),
        reader,
        make,
        config,
        judged,
        changed: None,
        trouble: None,
        send,
    };
    (keeper, doors)
}

/// Whether a look makes a new door.
fn looks(keeper: &mut Keeper, doors: &mut watch::Receiver<Arc<Door>>) -> bool {
    keeper.look();
    let has_changed = doors.has_changed().expect("a sender");
    doors.mark_unchanged();
    has_changed
}

#[test]
fn a_change_counts_once_it_has_settled() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("web.yml");
    let write = |text: &str| fs::write(&path, text).expect("written");
    write("rate_limit: {interval: 1s, burst: 1}");
    let (mut keeper, mut doors) = keeper(&path, Door::new);
    let mut looks = |text: &str| {
        write(text);
        looks(&mut keeper, &mut doors)
    };
    assert!(!looks("rate_limit: {interval: 1s, burst: 1}"));
    // Half of it is valid as well.
    assert!(!looks("http_server_config: {}"));
    let whole = "http_server_config: {http2: false}";
    assert!(!looks(whole));
    assert!(looks(whole));
    assert!(!looks(whole));
    // What is broken is judged once, and what was there before counts again.
    assert!(!looks("a: b"));
    assert!(!looks("a: b"));
    assert!(!looks("a: b"));
    assert!(!looks(whole));
    assert!(looks(whole));
}

/// Writes a certificate that signs itself, with its key, to these files.
fn write_own(folder: &Path, names: &[&str]) -> String {
    let names_of_own = vec!["own.example".to_owned()];
    let own = rcgen::generate_simple_self_signed(names_of_own).expect("a certificate");
    let text = own.cert.pem() + &own.signing_key.serialize_pem();
    for name in names {
        fs::write(folder.join(name), &text).expect("written");
    }
    text
}

/// What a configuration names for the first time has to settle as well.
#[test]
fn what_was_judged_is_what_is_adopted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("web.yml");
    let write = |name: &str, text: &[u8]| {
        fs::write(folder.path().join(name), text).expect("written");
    };
    let names = |ca: &str| {
        format!(
            "tls_server_config: {{cert_file: own.pem, key_file: own.pem, \
             client_auth_type: RequireAndVerifyClientCert, client_ca_file: {ca}}}"
        )
    };
    let own = write_own(folder.path(), &["own.pem", "a.pem", "b.pem"]);
    write("web.yml", names("a.pem").as_bytes());
    let (mut keeper, mut doors) = keeper(&path, Door::new);
    write("web.yml", names("b.pem").as_bytes());
    assert!(!looks(&mut keeper, &mut doors));
    write("b.pem", own.repeat(2).as_bytes());
    assert!(!looks(&mut keeper, &mut doors), "b.pem had not settled");
    assert!(looks(&mut keeper, &mut doors));
}

#[test]
fn no_half_of_a_file_opens_the_door() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("web.yml");
    write_own(folder.path(), &["own.pem"]);
    let no = "";
    let asked = "  client_auth_type: RequestClientCert\n";
    let any = "  client_auth_type: RequireAnyClientCert\n";
    let if_given = "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: own.pem\n";
    let verified = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: own.pem\n";
    let of_two = &format!("{verified}  client_allowed_sans: [a.example, b.example]\n");
    let of_one = &format!("{verified}  client_allowed_sans: [a.example]\n");
    for (before, then, is_adopted) in [
        (no, asked, true),
        (asked, no, true),
        (asked, any, true),
        (any, no, false),
        (any, asked, false),
        (any, if_given, false),
        (any, verified, true),
        (if_given, no, false),
        (if_given, any, false),
        (if_given, verified, true),
        (verified, no, false),
        (verified, asked, false),
        (verified, any, false),
        (verified, if_given, false),
        (verified, of_one, true),
        (of_one, no, false),
        (of_one, verified, false),
        (of_one, of_two, true),
        (of_two, of_one, true),
    ] {
        let web = |clients: &str| {
            let tls = "tls_server_config:\n  cert_file: own.pem\n  key_file: own.pem\n";
            fs::write(&path, format!("{tls}{clients}")).expect("written");
        };
        web(before);
        let (mut keeper, mut doors) = keeper(&path, Door::new);
        web(then);
        assert!(!looks(&mut keeper, &mut doors));
        let found = looks(&mut keeper, &mut doors);
        assert_eq!(found, is_adopted, "before:\n{before}then:\n{then}");
    }
}

/// Fails and panics, each of them once for each thread.
fn fail_and_panic(config: &WebConfig, before: Option<(&WebConfig, &Door)>) -> Result<Door, String> {
    thread_local!(static N_CALLS: Cell<u32> = const { Cell::new(0) });
    N_CALLS.set(N_CALLS.get() + 1);
    match N_CALLS.get() {
        1 => Err("no threads".to_owned()),
        3 => panic!("a panic of a test"),
        _ => Door::new(config, before),
    }
}

#[test]
fn trouble_does_not_keep_it_from_looking_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("web.yml");
    let write = |text: &str| fs::write(&path, text).expect("written");
    write("");
    let (mut keeper, mut doors) = keeper(&path, fail_and_panic);
    let mut found = Vec::new();
    for text in [
        "rate_limit: {interval: 1s, burst: 1}",
        "rate_limit: {interval: 1s, burst: 2}",
        "rate_limit: {interval: 1s, burst: 3}",
    ] {
        write(text);
        found.push([(); 3].map(|()| looks(&mut keeper, &mut doors)));
    }
    // What failed is tried again, what panicked is not.
    let [settles, works, never] = [false, true, false];
    assert_eq!(
        found,
        [
            [settles, false, works],
            [settles, never, never],
            [settles, works, false]
        ]
    );
}

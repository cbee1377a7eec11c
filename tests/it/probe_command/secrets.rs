//! What `probe` was given in secret is in nothing that it says.

use std::fs;

use crate::probe_command::{run, words};
use crate::support::peer;

/// Neither what the command was given nor what the server gives back of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_probe_command_shows_no_secret() {
    let peer = peer::serve(|mut stream| async move {
        let head = peer::read_request(&mut stream).await;
        let sent = head
            .lines()
            .find_map(|line| line.strip_prefix("x-api-key: "));
        let sent = sent.unwrap_or("nothing").to_owned();
        let answer = format!(
            "HTTP/1.1 302 Found\r\nETag: \"{sent}\"\r\nServer: {sent}\r\n\
             Location: http://u:{sent}@b.test/?{sent}\r\nContent-Length: 0\r\n\r\n"
        );
        peer::write(&mut stream, answer.as_bytes()).await;
        peer::finish(stream, peer::Then::Close).await;
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let modules = "modules:\n  keyed:\n    prober: http\n    http: {follow_redirects: false, \
                   headers: {X-Api-Key: canary-of-header}}\n";
    fs::write(folder.path().join("httpcycle.yml"), modules).unwrap();
    let address = peer.address;
    let url = format!("http://canary-of-user:canary-of-password@{address}/?q=canary-of-query");
    let unusable = "http://u:canary-of-password@host:port/";
    for arguments in [
        words(&["probe", &url, "--module=keyed"]),
        words(&["probe", &url, "--module=keyed", "-o", "json"]),
        words(&[
            "probe",
            &url,
            "--module=keyed",
            "--count=2",
            "--interval=10ms",
        ]),
        words(&["probe", unusable]),
    ] {
        let output = run(folder.path(), &arguments).await;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(!said.contains("canary"), "{arguments:?}: {said}");
        let is_single = arguments[1] == url && !arguments[3..].contains(&"--count=2".to_owned());
        assert_eq!(
            said.contains("<secret>"),
            is_single,
            "{arguments:?}: {said}"
        );
    }
}

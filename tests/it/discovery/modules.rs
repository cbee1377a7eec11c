//! What discovered targets have from their modules: files that change, and tokens.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::discovery::{Folder, json};
use crate::support::exporter::Exporter;
use crate::support::peer::{self, Peer};

/// A peer that answers 200 and shows the last request, by tokens too.
async fn showing() -> (Peer, watch::Receiver<String>) {
    let (send, heads) = watch::channel(String::new());
    let send = Arc::new(send);
    let peer = peer::serve(move |mut stream| {
        let send = send.clone();
        async move {
            let head = peer::read_request(&mut stream).await;
            let body = "{\"access_token\": \"of-oauth2\", \"expires_in\": 3600}";
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            if !head.contains("/token") {
                send.send_replace(head);
            }
            stream.write_all(answer.as_bytes()).await.ok();
        }
    })
    .await;
    (peer, heads)
}

/// Waits until a probe shows this.
async fn shows(heads: &mut watch::Receiver<String>, part: &str) {
    let wait = heads.wait_for(|head| head.contains(part));
    let seen = timeout(Duration::from_secs(30), wait).await;
    seen.unwrap_or_else(|_| panic!("no probe shows {part}"))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_modules_are_followed_whenever_a_target_comes() {
    let (peer, mut heads) = showing().await;
    let folder = Folder::new();
    folder.write("token", "one");
    folder.write("a.json", "[]");
    let module = format!(
        "modules: {{m: {{prober: http, http: {{bearer_token_file: '{}'}}}}}}\n",
        folder.path().join("token").display()
    );
    let config = module + &folder.config("a.json");
    let exporter = Exporter::start(&config);
    // The target comes when the file has changed already.
    folder.replace("token", "two");
    exporter.wait_for_log("the files of the module are read again");
    let labels = "\"__param_module\": \"m\", \"__scrape_interval__\": \"100ms\"";
    let list = |path: &str| json(&[format!("{}/{path}", peer.address)], labels);
    folder.replace("a.json", &list("a"));
    shows(&mut heads, "Bearer two").await;
    folder.replace("token", "three");
    shows(&mut heads, "Bearer three").await;
    // A reload reads all anew, and the target is as it was.
    exporter.reload(&config);
    exporter.wait_for_log("configuration reloaded");
    folder.replace("token", "four");
    shows(&mut heads, "Bearer four").await;
    // Without the file nothing is probed, the targets that come meanwhile neither.
    fs::remove_file(folder.path().join("token")).unwrap();
    exporter.wait_for_log("cannot be used");
    folder.replace("a.json", &list("b"));
    let skipped = format!(
        "httpcycle_probes_skipped_total{{target=\"http://{}/b\",reason=\"secret_unreadable\"}}",
        peer.address
    );
    exporter.wait_for(&skipped, |value| value > Some(1.0));
    let probes = format!(
        "httpcycle_probes_total{{target=\"http://{}/b\"}}",
        peer.address
    );
    assert_eq!(exporter.value(&probes), Some(0.0));
    folder.write("token", "five");
    shows(&mut heads, "Bearer five").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_shown_by_discovered_targets_and_to_who_lists_them() {
    let (peer, mut heads) = showing().await;
    let oauth2 = format!(
        "{{client_id: me, client_secret: x, token_url: 'http://{}/token'}}",
        peer.address
    );
    let folder = Folder::new();
    let labels = "\"__param_module\": \"m\", \"__scrape_interval__\": \"100ms\"";
    folder.write(
        "a.json",
        &json(&[format!("{}/probed", peer.address)], labels),
    );
    let exporter = Exporter::start(&format!(
        "modules: {{m: {{prober: http, http: {{oauth2: {oauth2}}}}}}}\n{}\
         http_sd_configs: [{{url: 'http://{}/listed', refresh_interval: 200ms, oauth2: {oauth2}}}]\n",
        folder.config("a.json"),
        peer.address
    ));
    for path in ["GET /probed", "GET /listed"] {
        let wait = heads.wait_for(|head| head.contains(path));
        let head = timeout(Duration::from_secs(30), wait)
            .await
            .unwrap()
            .unwrap()
            .to_lowercase();
        assert!(head.contains("authorization: bearer of-oauth2"), "{head}");
    }
    let config = exporter.get_text("GET /config");
    assert!(
        config.contains("http_sd_configs") && config.contains("client_secret: <secret>"),
        "{config}"
    );
}

//! A server that lists targets to who shows a token.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;

use crate::discovery::{json, wait_for_targets};
use crate::oauth2::api::Api;
use crate::oauth2::client;
use crate::oauth2::server::{Reply, TokenServer, header};
use crate::support::exporter::Exporter;
use crate::support::peer;

/// Nothing is asked without a token, another is fetched when the first is refused, and targets do not
/// see either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_of_targets_is_asked_with_a_token() {
    let (is_up, n_given) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
    let up = is_up.clone();
    let tokens = TokenServer::start({
        let n_given = Arc::new(n_given);
        move |_, _| match up.load(Ordering::SeqCst) {
            true => {
                let n = n_given.fetch_add(1, Ordering::SeqCst);
                Reply::token(&format!("token-{n}"), 3600)
            }
            false => Reply::Json("503 Service Unavailable", "{}".to_owned()),
        }
    })
    .await;
    let target = Api::start(Arc::new(|_: &str| "204 No Content".to_owned())).await;
    let list = json(
        &[target.address.to_string()],
        "\"__scrape_interval__\": \"100ms\"",
    );
    let shown = Arc::<Mutex<Vec<String>>>::default();
    let known = shown.clone();
    let lister = peer::serve(move |mut stream| {
        let (list, known) = (list.clone(), known.clone());
        async move {
            let head = peer::read_request(&mut stream).await;
            let value = header(&head, "authorization").unwrap_or("none").to_owned();
            let (status, body) = match &*value {
                "Bearer token-1" => ("200 OK", &*list),
                _ => ("401 Unauthorized", ""),
            };
            known.lock().unwrap().push(value);
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\
                 Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).await.ok();
        }
    })
    .await;
    let url = format!("http://{}/sd", lister.address);
    let exporter = Exporter::start(&format!(
        "http_sd_configs:\n- url: '{url}'\n  refresh_interval: 300ms\n  oauth2: {{{}}}\n",
        client(&tokens.url())
    ));
    let said = exporter.wait_for_log("no token to show");
    assert!(said.contains("what was listed stays"), "{said}");
    assert!(shown.lock().unwrap().is_empty(), "asked without a token");
    is_up.store(true, Ordering::SeqCst);
    wait_for_targets(&exporter, 1);
    exporter.wait_for_log("targets are listed again");
    let series = format!("httpcycle_probes_total{{target=\"http://{}", target.address);
    exporter.wait_for(&series, |probes| probes >= Some(2.0));
    let n_before = shown.lock().unwrap().len();
    while shown.lock().unwrap().len() < n_before + 3 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let shown = shown.lock().unwrap().clone();
    assert_eq!(shown[0], "Bearer token-0");
    let later = shown.iter().skip_while(|value| *value == "Bearer token-0");
    assert!(later.clone().count() >= 3 && later.clone().all(|value| value == "Bearer token-1"));
    assert!(target.shown().iter().all(|value| value == "none"));
}

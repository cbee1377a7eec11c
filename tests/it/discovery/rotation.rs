//! Files of modules that change: discovered targets see it like others, over reloads as well.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use crate::discovery::{Folder, json};
use crate::support::exporter::Exporter;
use crate::support::peer::{self, Peer};

type Heads = Arc<Mutex<Vec<String>>>;

/// A server that answers everything with this body, and the heads of what it was asked by path.
async fn server(body: fn(&str) -> String) -> (Peer, Heads) {
    let heads = Heads::default();
    let seen = heads.clone();
    let peer = peer::serve(move |mut stream| {
        let seen = seen.clone();
        async move {
            let head = peer::read_request(&mut stream).await;
            let body = body(&head);
            seen.lock().unwrap().push(head);
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).await.ok();
        }
    })
    .await;
    (peer, heads)
}

/// Waits until what was asked last of this path shows this.
async fn wait_for_last(heads: &Heads, path: &str, shown: &str) {
    let begin = format!("GET {path} ");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let last = {
            let heads = heads.lock().unwrap();
            let mut heads = heads.iter().rev();
            heads.find(|head| head.starts_with(&begin)).cloned()
        };
        if last.as_ref().is_some_and(|head| head.contains(shown)) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{path} never shows {shown}: {last:?}"
        );
        sleep(Duration::from_millis(20)).await;
    }
}

fn list(peer: &Peer, paths: &[&str]) -> String {
    let targets = paths.iter().map(|path| format!("{}{path}", peer.address));
    let labels = "\"__param_module\": \"m\", \"__scrape_interval__\": \"100ms\"";
    json(&targets.collect::<Vec<_>>(), labels)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_rotates_after_a_reload_counts() {
    let (peer, heads) = server(|_| String::new()).await;
    let folder = Folder::new();
    folder.write("password", "one\n");
    folder.write("a.json", &list(&peer, &["/a"]));
    let file = folder.path().join("password");
    let config = folder.config("a.json")
        + &format!(
            "modules: {{m: {{prober: http, http: {{basic_auth: {{username: u, password_file: '{}'}}}}}}}}\n",
            file.display()
        );
    let exporter = Exporter::start(&config);
    let (one, two, three) = ("Basic dTpvbmU=", "Basic dTp0d28=", "Basic dTp0aHJlZQ==");
    wait_for_last(&heads, "/a", one).await;
    exporter.reload(&config);
    exporter.wait_for_log("configuration reloaded");
    folder.replace("password", "two\n");
    wait_for_last(&heads, "/a", two).await;
    // One that comes later is like those that are there, and follows the file as well.
    folder.replace("a.json", &list(&peer, &["/a", "/b"]));
    wait_for_last(&heads, "/b", two).await;
    folder.replace("password", "three\n");
    wait_for_last(&heads, "/a", three).await;
    wait_for_last(&heads, "/b", three).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_of_tokens_that_rotates_stays_over_other_targets() {
    // A token shows the secret that it was had by.
    let (tokens, asked) = server(|head| {
        let secret = match head.contains("Basic bWU6dHdv") {
            true => "two",
            false => "one",
        };
        format!("{{\"access_token\": \"of-{secret}\", \"token_type\": \"Bearer\", \"expires_in\": 3600}}")
    })
    .await;
    let (peer, heads) = server(|_| String::new()).await;
    let folder = Folder::new();
    folder.write("secret", "one\n");
    folder.write("a.json", &list(&peer, &["/a"]));
    let file = folder.path().join("secret");
    let config = folder.config("a.json")
        + &format!(
            "modules: {{m: {{prober: http, http: {{oauth2: {{client_id: me, client_secret_file: '{}', \
             token_url: 'http://{}/'}}}}}}}}\n",
            file.display(),
            tokens.address
        );
    let exporter = Exporter::start(&config);
    wait_for_last(&heads, "/a", "Bearer of-one").await;
    folder.replace("secret", "two\n");
    wait_for_last(&heads, "/a", "Bearer of-two").await;
    let n_asked = asked.lock().unwrap().len();
    folder.replace("a.json", &list(&peer, &["/a", "/b"]));
    wait_for_last(&heads, "/b", "Bearer of-two").await;
    exporter.reload(&config);
    exporter.wait_for_log("configuration reloaded");
    folder.replace("a.json", &list(&peer, &["/a", "/b", "/c"]));
    wait_for_last(&heads, "/c", "Bearer of-two").await;
    let asked = asked.lock().unwrap().len();
    assert_eq!(asked, n_asked, "the token that is there will do");
}

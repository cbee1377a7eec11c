//! Tokens: one for a module, fetched beside the probes, renewed in time; who cannot have one probes
//! nothing and charges nobody.

mod api;
mod life;
mod server;

/// A configuration with a module `m` that gets tokens, and so many targets of it.
fn config(oauth2: &str, n_targets: usize, url: &str, interval: &str) -> String {
    let mut text = format!(
        "modules:\n  m:\n    prober: http\n    http:\n      oauth2: {{{oauth2}}}\ntargets:\n"
    );
    if n_targets == 0 {
        text += "  []\n";
    }
    for n in 0..n_targets {
        text += &format!("  - {{name: t{n}, url: '{url}', module: m, interval: {interval}}}\n");
    }
    text
}

/// Who asks, and whom.
fn client(token_url: &str) -> String {
    format!("client_id: me, client_secret: hunter2, token_url: '{token_url}'")
}

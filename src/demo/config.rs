//! What the demo probes, as text that the ordinary reader of configurations reads.

use std::net::SocketAddr;

/// The text, with words where addresses belong.
const TEMPLATE: &str = include_str!("configuration.yml");

/// The configuration that probes the API at `api`, and at `shut` a port where nobody listens.
pub fn text(api: SocketAddr, shut: SocketAddr) -> String {
    TEMPLATE
        .replace("//API/", &format!("//{api}/"))
        .replace(":PORT/", &format!(":{}/", api.port()))
        .replace("//SHUT/", &format!("//{shut}/"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;
    use crate::demo::orders::Change;
    use crate::demo::orders::Orders;
    use crate::demo::orders::Wish;

    fn loaded() -> config::Config {
        let text = text(([127, 0, 0, 1], 1234).into(), ([127, 0, 0, 1], 9).into());
        config::parse("demo", Path::new(""), &text, &|_| Ok(())).expect("without mistakes")
    }

    #[test]
    fn it_loads_and_leaves_nothing_to_warn_of() {
        let config = loaded();
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        let urls: Vec<String> = config
            .targets
            .iter()
            .map(|t| t.url.masked().to_string())
            .collect();
        for url in &urls {
            let known = ["//127.0.0.1:1234/", "//localhost:1234/", "//127.0.0.1:9/"];
            assert!(known.iter().any(|part| url.contains(part)), "{url}");
        }
        assert_eq!(urls.len(), 9);
    }

    #[test]
    fn what_it_sends_is_what_the_orders_are_like() {
        let config = loaded();
        let orders = Orders::new();
        let body = |module: &str| {
            let module = &config.modules.get(module).expect("there").module;
            module.body.expose().clone()
        };
        let change: Change = serde_json::from_slice(&body("save_order")).expect("a change");
        let before = orders.all();
        let version = change.version;
        assert_eq!(
            orders.save(7, &change).map(|order| order.version),
            Ok(version)
        );
        assert_eq!(orders.all(), before, "saved as it was");
        let wish: Wish = serde_json::from_slice(&body("place_order")).expect("a wish");
        assert!(wish.validate_only);
        assert!(orders.place(&wish).is_ok());
        orders.batch_saves();
        assert!(orders.place(&wish).is_err(), "the batch takes that name");
    }
}

//! The parameters of `/probe`.

use crate::blackbox::case::{Case, case, ok};

pub fn cases() -> Vec<Case> {
    let asked = |name| case(name).at("/", ok(""));
    vec![
        asked("http_2xx").query("target=http://127.0.0.1:{plain}/"),
        asked("module_unknown").query("module=nothing&target=http://127.0.0.1:{plain}/"),
        asked("module_empty").query("module=&target=http://127.0.0.1:{plain}/"),
        asked("target_missing").query("module=target_missing"),
        asked("target_empty").query("module=target_empty&target="),
        asked("target_twice").query(
            "module=target_twice&target=http://127.0.0.1:{plain}/&target=http://127.0.0.1:1/",
        ),
        asked("parameter_unknown").further("&what=ever"),
        asked("parameter_debug").further("&debug=true"),
        asked("parameter_debug_off").further("&debug=1"),
        asked("parameter_hostname").further("&hostname=orders.test"),
        asked("parameter_hostname_empty").further("&hostname="),
        asked("parameter_hostname_as_host")
            .http("headers: {Host: orders.test}")
            .further("&hostname=orders.test"),
        asked("parameter_hostname_unlike_host")
            .http("headers: {host: orders.test}")
            .further("&hostname=other.test"),
        asked("target_with_escapes")
            .query("module=target_with_escapes&target=http%3A%2F%2F127.0.0.1%3A{plain}%2Fa%2520b"),
    ]
}

//! What is sent: methods, headers, bodies; and which statuses are right.

use crate::blackbox::case::{Case, case, ok, raw, status};

pub fn cases() -> Vec<Case> {
    let mut cases = statuses();
    cases.extend(methods());
    cases.extend(headers());
    cases.extend(headers_of_the_connection());
    cases.extend(urls());
    cases
}

fn statuses() -> Vec<Case> {
    let listed = "valid_status_codes: [404, 500]";
    vec![
        case("status_200").at("/", ok("hello")),
        case("status_204").at("/", raw("HTTP/1.1 204 No Content\r\n\r\n")),
        case("status_299").at("/", status("299 Fine")),
        case("status_300").at("/", status("300 Multiple Choices")),
        case("status_304").at("/", raw("HTTP/1.1 304 Not Modified\r\n\r\n")),
        case("status_404").at("/", status("404 Not Found")),
        case("status_409").at("/", status("409 Conflict")),
        case("status_500").at("/", status("500 Internal Server Error")),
        case("status_599").at("/", status("599 Odd")),
        case("status_999").at("/", status("999 Odder")),
        case("status_without_reason").at("/", raw("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n")),
        case("listed_404")
            .http(listed)
            .at("/", status("404 Not Found")),
        case("listed_500").http(listed).at("/", status("500 No")),
        case("listed_not_200").http(listed).at("/", ok("hello")),
        case("listed_409")
            .http("valid_status_codes: [409]")
            .at("/", status("409 Conflict")),
        case("interim_100").at(
            "/",
            raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ),
        case("interim_103").at(
            "/",
            raw("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n\
                 HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ),
    ]
}

fn methods() -> Vec<Case> {
    vec![
        case("method_post").http("method: POST").at("/", ok("")),
        case("method_put").http("method: PUT").at("/", ok("")),
        case("method_patch").http("method: PATCH").at("/", ok("")),
        case("method_delete").http("method: DELETE").at("/", ok("")),
        case("method_options")
            .http("method: OPTIONS")
            .at("/", ok("")),
        case("method_head")
            .http("method: HEAD")
            .at("/", ok("hello")),
        case("method_head_of_nothing")
            .http("method: HEAD")
            .at("/", raw("HTTP/1.1 200 OK\r\n\r\n")),
        case("method_of_their_own")
            .http("method: PURGE")
            .at("/", ok("")),
        case("method_in_small_letters")
            .http("method: get")
            .at("/", ok("")),
        case("body_of_post")
            .http("method: POST, body: '{\"a\": 1}', headers: {Content-Type: application/json}")
            .at("/", ok("")),
        case("body_of_put")
            .http("method: PUT, body: hello")
            .at("/", ok("")),
        case("body_of_get").http("body: hello").at("/", ok("")),
        case("body_of_delete")
            .http("method: DELETE, body: hello")
            .at("/", ok("")),
        case("body_that_is_empty")
            .http("method: POST, body: ''")
            .at("/", ok("")),
    ]
}

fn headers() -> Vec<Case> {
    vec![
        case("headers_of_their_own")
            .http("headers: {X-One: '1', x-two: two words, Accept: text/plain}")
            .at("/", ok("")),
        case("headers_user_agent")
            .http("headers: {User-Agent: probe/1}")
            .at("/", ok("")),
        case("headers_host")
            .http("headers: {Host: orders.test}")
            .at("/", ok("")),
        case("headers_host_with_port")
            .http("headers: {host: 'orders.test:81'}")
            .at("/", ok("")),
        case("headers_accept_encoding")
            .http("headers: {Accept-Encoding: gzip}")
            .at("/", ok("hello")),
        case("headers_with_an_empty_value")
            .http("headers: {X-Empty: ''}")
            .at("/", ok("")),
        case("headers_last_modified").at(
            "/",
            ok("").with("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ),
        case("headers_last_modified_rfc_850").at(
            "/",
            ok("").with("Last-Modified", "Sunday, 06-Nov-94 08:49:37 GMT"),
        ),
        case("headers_last_modified_asctime").at(
            "/",
            ok("").with("Last-Modified", "Sun Nov  6 08:49:37 1994"),
        ),
        case("headers_last_modified_of_404").at(
            "/",
            status("404 No").with("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ),
        case("headers_last_modified_in_words").at("/", ok("").with("Last-Modified", "yesterday")),
        case("headers_last_modified_before_1970")
            .at(
                "/",
                ok("").with("Last-Modified", "Wed, 31 Dec 1969 23:59:59 GMT"),
            )
            .differs(
                "nothing on the web is older than that",
                &[("*probe_http_last_modified_timestamp_seconds", "*", "absent")],
            ),
    ]
}

fn headers_of_the_connection() -> Vec<Case> {
    const WEB_SOCKET: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                              Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";
    let asked = "valid_status_codes: [101], headers: {Connection: Upgrade, Upgrade: websocket, \
                 Sec-WebSocket-Version: '13', Sec-WebSocket-Key: eA==}";
    let expecting = "method: POST, body: hello, headers: {Expect: 100-continue}";
    let with = |name, keys| case(name).http(keys).at("/", ok("hello"));
    vec![
        with(
            "headers_keep_alive",
            "headers: {Connection: keep-alive, Keep-Alive: timeout=5}",
        )
        .differs(
            "the exporter closes the connection itself",
            &[("request 1 connection", "keep-alive | close", "keep-alive")],
        ),
        with("headers_close", "headers: {Connection: close}"),
        with(
            "headers_proxy_connection",
            "headers: {Proxy-Connection: close}",
        ),
        with("headers_te", "headers: {TE: trailers}"),
        with(
            "headers_upgrade_not_taken",
            "headers: {Connection: Upgrade, Upgrade: h2c}",
        ),
        with(
            "headers_that_frame",
            "method: POST, body: hello, headers: {Content-Length: '1', Transfer-Encoding: gzip, Trailer: X-A}",
        ),
        with("headers_expect_of_get", "headers: {Expect: 100-continue}"),
        with("headers_expect_without_an_answer", expecting),
        case("headers_expect").http(expecting).at(
            "/",
            raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ),
        case("headers_expect_refused")
            .http(expecting)
            .at("/", status("417 No")),
        case("headers_web_socket")
            .http(asked)
            .at("/", raw(WEB_SOCKET)),
        case("headers_web_socket_refused")
            .http(asked)
            .at("/", status("400 No")),
        case("headers_web_socket_not_valid")
            .http("headers: {Connection: Upgrade, Upgrade: websocket}")
            .at("/", raw(WEB_SOCKET)),
    ]
}

fn urls() -> Vec<Case> {
    vec![
        case("url_with_query")
            .target("http://127.0.0.1:{plain}/search?q=a%20b&r=%2F#end")
            .at("/search?q=a%20b&r=%2F", ok("found")),
        case("url_without_path")
            .target("http://127.0.0.1:{plain}")
            .at("/", ok("")),
        case("url_without_scheme")
            .target("127.0.0.1:{plain}/there")
            .at("/there", ok("")),
        case("url_with_dots")
            .target("http://127.0.0.1:{plain}/a/../b/./c")
            .at("/", ok(""))
            .differs(
                "URLs are read as browsers read them",
                &[(
                    "request 1",
                    "to plain: GET /a/../b/./c HTTP/1.1",
                    "to plain: GET /b/c HTTP/1.1",
                )],
            ),
        case("url_with_a_space")
            .target("http://127.0.0.1:{plain}/a b")
            .at("/a%20b", ok("")),
        case("url_with_letters")
            .target("http://127.0.0.1:{plain}/ä")
            .at("/%C3%A4", ok("")),
        case("url_with_brackets")
            .target("http://127.0.0.1:{plain}/[a]|^b")
            .at("/", ok(""))
            .differs(
                "URLs are read as browsers read them",
                &[(
                    "request 1",
                    "to plain: GET /%5Ba%5D%7C%5Eb HTTP/1.1",
                    "to plain: GET /[a]|^b HTTP/1.1",
                )],
            ),
        case("url_with_an_empty_query")
            .target("http://127.0.0.1:{plain}/?")
            .at("/?", ok("")),
        case("url_with_a_port_that_is_none").target("http://127.0.0.1:port/"),
        case("url_with_a_port_too_high")
            .target("http://127.0.0.1:70000/")
            .differs(
                "no such URL is resolved",
                &[
                    ("probe_ip*", "*", "absent"),
                    ("probe_dns_lookup_time_seconds", "some time", "absent"),
                    ("probe_http_duration_seconds*", "some time", "absent"),
                    ("type of *", "gauge", "absent"),
                ],
            ),
        case("url_without_host").target("http:///path"),
    ]
}

//! What lets a request in.

use crate::blackbox::case::{Case, case, ok, status};

pub fn cases() -> Vec<Case> {
    let asking = |name| case(name).at("/", ok(""));
    vec![
        asking("basic").http("basic_auth: {username: u, password: 'p:w'}"),
        asking("basic_from_file")
            .http("basic_auth: {username: u, password_file: '{dir}/password.txt'}"),
        asking("basic_without_password").http("basic_auth: {username: u}"),
        asking("basic_without_name").http("basic_auth: {password: p}"),
        asking("basic_with_letters").http("basic_auth: {username: ü, password: ß}"),
        case("basic_refused")
            .http("basic_auth: {username: u, password: wrong}")
            .at(
                "/",
                status("401 Unauthorized").with("WWW-Authenticate", "Basic"),
            ),
        asking("bearer_of_authorization").http("authorization: {credentials: t0ken}"),
        asking("bearer_of_another_type").http("authorization: {type: Token, credentials: t0ken}"),
        asking("bearer_from_file").http("authorization: {credentials_file: '{dir}/token.txt'}"),
        asking("bearer_in_the_old_way").http("bearer_token: t0ken"),
        asking("bearer_from_file_in_the_old_way").http("bearer_token_file: '{dir}/token.txt'"),
        asking("authorization_of_headers").http("headers: {Authorization: Own 1}"),
        asking("authorization_of_headers_and_basic")
            .http("headers: {Authorization: Own 1}, basic_auth: {username: u, password: p}"),
        asking("credentials_of_the_url").target("http://u:p%3Aw@127.0.0.1:{plain}/"),
        asking("credentials_of_the_url_without_password").target("http://u@127.0.0.1:{plain}/"),
        asking("credentials_of_the_url_and_basic")
            .target("http://u:p@127.0.0.1:{plain}/")
            .http("basic_auth: {username: v, password: q}"),
        asking("credentials_of_the_url_and_bearer")
            .target("http://u:p@127.0.0.1:{plain}/")
            .http("bearer_token: t0ken"),
    ]
}

//! One scrape: the series in the format that the scraper asks for.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header;
use axum::response::Response;

use crate::metrics::format::Format;
use crate::metrics::page::Page;
use crate::server::Site;
use crate::server::chunks;

/// Answers `GET /metrics` in the format and coding that the headers ask for.
pub async fn metrics(State(site): State<Site>, headers: HeaderMap) -> Response {
    let format = Format::negotiate(chunks::text_of(&headers, header::ACCEPT).as_deref());
    let mut page = Page::new(format, &site.own, &site.store);
    let content_type = format.content_type();
    chunks::answer(move |out| page.next_chunk(out), content_type, &headers)
}

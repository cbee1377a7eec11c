//! `POST /-/reload`: has the configuration read again and says what came of it. The reading is
//! another's: whoever serves hands in a [`Reload`].

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::post;

/// Who can have the configuration read again.
pub trait Reload: fmt::Debug + Send + Sync {
    /// Reads it again, and says why the old one stays if it does. What is in the file when this is
    /// called counts, or what comes after it. Dropping the future stops nothing.
    fn reload(&self) -> Reloading;
}

/// A reload that was asked for.
pub type Reloading = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// The route of the page.
pub fn router(reload: Arc<dyn Reload>) -> Router {
    let answer = move || {
        let reloading = reload.reload();
        async move { answer(reloading.await) }
    };
    Router::new().route("/-/reload", post(answer))
}

fn answer(result: Result<(), String>) -> Response {
    match result {
        Ok(()) => "Configuration reloaded\n".into_response(),
        Err(why) => {
            let page = format!("Configuration not reloaded, the old one stays:\n{why}\n");
            // It quotes the file.
            let headers = [(header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
            (StatusCode::INTERNAL_SERVER_ERROR, headers, page).into_response()
        }
    }
}

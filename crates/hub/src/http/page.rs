//! The page: files that are part of the program.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use include_dir::{Dir, include_dir};

use super::problem::Problem;

static ASSETS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets");

/// The page's files by their path.
static FILES: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let mut files = BTreeMap::new();
    collect(&ASSETS, &mut files);
    files
});

const INDEX: &str = "index.html";
/// The folder whose files carry their hash in their name: they never change.
const HASHED: &str = "assets/";

struct Asset {
    content: &'static [u8],
    tag: String,
    content_type: &'static str,
    cache: &'static str,
}

fn collect(folder: &Dir<'static>, files: &mut BTreeMap<String, Asset>) {
    for file in folder.files() {
        let path = file.path().to_string_lossy().into_owned();
        let content = file.contents();
        let hash = blake3::hash(content).to_hex();
        let asset = Asset {
            content,
            // Weak: it is the same however the content is compressed.
            tag: format!("W/\"{}\"", &hash[..32]),
            content_type: content_type(&path),
            cache: match path.starts_with(HASHED) {
                true => "public, max-age=31536000, immutable",
                false => "no-cache",
            },
        };
        files.insert(path, asset);
    }
    folder.dirs().for_each(|folder| collect(folder, files));
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/vnd.microsoft.icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Sends a file of the page; every other path is unknown.
pub(super) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => INDEX,
        path => path,
    };
    match FILES.get(path) {
        Some(asset) if matches!(method, Method::GET | Method::HEAD) => asset.send(&headers),
        Some(_) => super::router::not_allowed().await.into_response(),
        None => Problem::not_found(format!(
            "there is nothing at this path; the API is described at {}",
            super::openapi::PATH
        ))
        .into_response(),
    }
}

impl Asset {
    fn send(&self, headers: &HeaderMap) -> Response {
        let mut response = match is_known(headers, &self.tag) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => Bytes::from_static(self.content).into_response(),
        };
        let of_response = response.headers_mut();
        let content_type = HeaderValue::from_static(self.content_type);
        of_response.insert(CONTENT_TYPE, content_type);
        of_response.insert(CACHE_CONTROL, HeaderValue::from_static(self.cache));
        of_response.insert("vary", HeaderValue::from(ACCEPT_ENCODING));
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            of_response.insert(ETAG, tag);
        }
        response
    }
}

/// Whether the client has the version of this tag already.
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let values = headers.get_all(IF_NONE_MATCH).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut known = texts.flat_map(|text| text.split(','));
    known.any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}

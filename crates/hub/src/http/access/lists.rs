//! Lists: pages of items, and the tag that tells whether one has changed.

use axum::Json;
use axum::http::header::ETAG;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::page::is_known;
use crate::http::problem::Problem;

/// Items of a page, at most and where no number is given.
const MAX_ITEMS: usize = 500;

/// The page that is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListPage {
    /// The member `next` of the page before.
    #[param(min_length = 1)]
    pub(in crate::http) after: Option<String>,
    /// Items of a page, at most; 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
    /// The value of `after` for the next page; null on the last one.
    pub(crate) next: Option<String>,
}

impl ListPage {
    pub(in crate::http) fn limit(&self) -> Result<usize, Problem> {
        match self.limit.unwrap_or(MAX_ITEMS) {
            limit @ 1..=MAX_ITEMS => Ok(limit),
            _ => Err(Problem::bad_request(format!("limit is 1 to {MAX_ITEMS}"))),
        }
    }

    /// The items behind the asked place, cut to the asked number. The core gives `whole` at once,
    /// and may have more.
    pub(super) fn cut<T>(
        &self,
        mut items: Vec<T>,
        whole: u32,
        cursor: impl Fn(&T) -> String,
    ) -> Result<List<T>, Problem> {
        let limit = self.limit()?;
        let is_whole = u32::try_from(items.len()).is_ok_and(|count| count >= whole);
        let has_more = items.len() > limit || is_whole;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(cursor);
        Ok(List { items, next })
    }
}

/// The reply with its tag, or that the client has it already.
pub(crate) fn tagged(headers: &HeaderMap, document: &impl Serialize) -> Result<Response, Problem> {
    Ok(reply(headers, &tag_of(document)?, document))
}

/// The reply with a weak tag of the document as it is, or that the client has it already. What `finish`
/// changes is another thing each time, and of no concern to the tag.
pub(in crate::http) fn tagged_weakly<T: Serialize>(
    headers: &HeaderMap,
    mut document: T,
    finish: impl FnOnce(&mut T),
) -> Result<Response, Problem> {
    let tag = format!("W/{}", tag_of(&document)?);
    finish(&mut document);
    Ok(reply(headers, &tag, &document))
}

fn tag_of(document: &impl Serialize) -> Result<String, Problem> {
    let text = serde_json::to_vec(document).map_err(|e| Problem::internal(e.to_string()))?;
    Ok(format!("\"{}\"", &blake3::hash(&text).to_hex()[..32]))
}

fn reply(headers: &HeaderMap, tag: &str, document: &impl Serialize) -> Response {
    let mut response = match is_known(headers, tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Json(document).into_response(),
    };
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::http::header::IF_NONE_MATCH;

    use super::*;

    fn page(limit: Option<usize>) -> ListPage {
        ListPage { after: None, limit }
    }

    #[test]
    fn a_page_has_a_next_one_where_more_may_follow() {
        let cut = |limit, count: u32, whole| {
            let list = page(limit).cut((0..count).collect(), whole, u32::to_string);
            list.map(|list| (list.items.len(), list.next))
        };
        assert_eq!(cut(None, 3, 500).unwrap(), (3, None));
        assert_eq!(cut(Some(3), 3, 500).unwrap(), (3, None));
        assert_eq!(cut(Some(2), 3, 500).unwrap(), (2, Some("1".to_owned())));
        assert_eq!(cut(None, 3, 3).unwrap(), (3, Some("2".to_owned())));
        assert_eq!(cut(None, 0, 3).unwrap(), (0, None));
        assert!(cut(Some(0), 3, 3).is_err() && cut(Some(501), 3, 3).is_err());
    }

    #[test]
    fn a_tag_is_of_the_content() {
        let first = tagged(&HeaderMap::new(), &[1]).unwrap();
        let tag = first.headers()[ETAG].clone();
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, tag);
        let status = |document: &[u32]| tagged(&headers, &document).unwrap().status();
        assert_eq!(status(&[1]), StatusCode::NOT_MODIFIED);
        assert_eq!(status(&[2]), StatusCode::OK);
    }
}

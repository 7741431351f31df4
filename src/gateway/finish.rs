//! The last that happens to an answer: one that passes through, or has another API's guise, gets the head that it is to leave with.

use std::convert::Infallible;

use http::header::CONNECTION;
use http::{HeaderValue, Request};
use tower::Service;

use super::guise::FinalHeaders;
use super::layers::{Answer, Around};
use super::upstream::RequestRead;
use crate::body::Body;

#[derive(Clone)]
pub(super) struct Finish;

impl Around<Infallible> for Finish {
    type Error = Infallible;

    fn call<S>(&self, inner: &mut S, request: Request<Body>) -> Answer<Infallible>
    where
        S: Service<Request<Body>, Error = Infallible, Future = Answer<Infallible>>,
    {
        let answer = inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            if let Some(FinalHeaders(mut headers)) = response.extensions_mut().remove::<FinalHeaders>() {
                // The connection ends with an answer before whose request was read: a client has to be told, whoever answers.
                let is_read = response.extensions().get::<RequestRead>().is_some_and(RequestRead::is_whole);
                if response.headers().contains_key(CONNECTION) && !is_read {
                    headers.insert(CONNECTION, HeaderValue::from_static("close"));
                }
                *response.headers_mut() = headers;
            }
            Ok(response)
        })
    }
}

//! What does a caller see when a handler panics, or when tonic refuses a message before any handler sees it? An
//! answer from the one table of errors, as for everything else.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use http::{Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;

use crate::error::ApiError;

/// The layer around all services.
#[derive(Debug, Clone)]
pub(crate) struct Guard<S>(pub(crate) S);

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let call = self.0.call(request);
        Box::pin(async move {
            // Handlers hold no lock across a panic: the rulebook is immutable and swapped whole.
            match AssertUnwindSafe(call).catch_unwind().await {
                Ok(Ok(response)) => Ok(in_our_words(response)),
                Err(panic) => Ok(ApiError::Bug(format!("panic: {}", said(&*panic))).into_status().into_http()),
            }
        })
    }
}

/// Handlers always bring details; a refusal without any is tonic's own: bytes that do not decode are `INTERNAL` there,
/// and a message beyond the limit is `OUT_OF_RANGE`. Both are the caller's fault, and are told so.
fn in_our_words(response: Response<Body>) -> Response<Body> {
    let Some(status) = response.extensions().get::<Status>() else { return response };
    if !status.details().is_empty() {
        return response;
    }
    match status.code() {
        Code::Internal => ApiError::Malformed(status.message().to_owned()).into_status().into_http(),
        Code::OutOfRange => ApiError::TooLarge(status.message().to_owned()).into_status().into_http(),
        _ => response,
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt;
    use tower::ServiceExt;

    use super::*;

    async fn guarded<F>(handler: impl FnMut(Request<Body>) -> F) -> Status
    where
        F: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
    {
        let response = Guard(tower::service_fn(handler)).oneshot(Request::new(Body::empty())).await.expect("an answer");
        Status::from_header_map(response.headers()).expect("a status")
    }

    #[tokio::test]
    async fn a_panic_is_answered_with_a_log_id() {
        let status = guarded(|_| async { panic!("the shelf fell over") }).await;
        assert_eq!(status.code(), Code::Internal);
        assert!(status.get_details_error_info().expect("an ErrorInfo").metadata.contains_key("log_id"));
        assert!(!status.message().contains("shelf"));
    }

    #[tokio::test]
    async fn refusals_of_the_transport_are_the_callers_fault() {
        for (theirs, reason) in [(Code::Internal, "MALFORMED_MESSAGE"), (Code::OutOfRange, "MESSAGE_TOO_LARGE")] {
            let status = guarded(move |_| async move { Ok(Status::new(theirs, "no").into_http()) }).await;
            assert_eq!(status.code(), Code::InvalidArgument);
            assert_eq!(status.get_details_error_info().expect("an ErrorInfo").reason, reason);
        }
    }

    #[tokio::test]
    async fn our_own_answers_pass() {
        let bug = guarded(|_| async { Ok(ApiError::Bug("x".to_owned()).into_status().into_http()) }).await;
        assert_eq!(bug.code(), Code::Internal);
        let unknown = guarded(|_| async { Ok(Status::unimplemented("").into_http()) }).await;
        assert_eq!(unknown.code(), Code::Unimplemented);
    }
}

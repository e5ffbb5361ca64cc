//! How is a call of an operator made? With attempts and a deadline, the same way for every service.

use tokka_proto::v1;

use crate::retry::Kind;

/// One call, attempts and deadline included. A macro, since the methods of the generated client differ in type only.
macro_rules! calls {
    ($client:ident: $($(#[$comment:meta])* $kind:ident $method:ident($request:ident) -> $answer:ident;)+) => {
        impl $client {$(
            $(#[$comment])*
            ///
            /// # Errors
            /// [`Error`].
            pub async fn $method(&self, request: v1::$request) -> Result<v1::$answer, Error> {
                let Config { retries, deadlines, .. } = &self.config;
                let kind = $crate::calls::calls!(@$kind request);
                with_retries(retries, kind, deadlines.operate, request, |request| {
                    let mut calls = self.calls.clone();
                    async move { calls.$method(request).await }
                })
                .await
            }
        )+}
    };
    (@read $request:ident) => { $crate::retry::Kind::Read };
    (@change $request:ident) => { $crate::calls::changing($request.change.as_ref()) };
    (@try_or_change $request:ident) => {
        if $request.validate_only { $crate::retry::Kind::Read } else { $crate::calls::changing($request.change.as_ref()) }
    };
}

pub(crate) use calls;

/// Without a request id a second attempt would be another change.
pub(crate) fn changing(change: Option<&v1::Change>) -> Kind {
    if change.is_some_and(|change| !change.request_id.is_empty()) { Kind::Change } else { Kind::Once }
}

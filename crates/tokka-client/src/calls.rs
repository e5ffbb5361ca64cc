//! How is a call of an operator made? With attempts and a deadline, the same way for every service.

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
                with_retries(retries, Kind::$kind, deadlines.operate, request, |request| {
                    let mut calls = self.calls.clone();
                    async move { calls.$method(request).await }
                })
                .await
            }
        )+}
    };
}

pub(crate) use calls;

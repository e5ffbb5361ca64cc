//! What can an operator do with the catalogue that a server's store keeps? One method a call, at the admin address.

use tokka_proto::v1;
use tokka_proto::v1::promotion_service_client::PromotionServiceClient;
use tonic::transport::Channel;

use crate::client::{ConnectError, endpoint};
use crate::config::Config;
use crate::error::Error;
use crate::id::fresh_id;
use crate::retry::{Kind, with_retries};

/// What changes a whole catalogue tells all of it, before and after.
const ANSWER_BYTES_MAX: usize = 512 << 20;

/// Asks the admin address of one server about its catalogue. A clone shares its connection. A change is repeated only where it
/// has a `request_id`; [`Promotions::change`] makes one.
#[derive(Debug, Clone)]
pub struct Promotions {
    calls: PromotionServiceClient<Channel>,
    config: Config,
}

/// One call, attempts and deadline included. A macro, since the methods of the generated client differ in type only.
macro_rules! calls {
    ($($(#[$comment:meta])* $kind:ident $method:ident($request:ident) -> $answer:ident;)+) => {
        impl Promotions {$(
            $(#[$comment])*
            ///
            /// # Errors
            /// [`Error`].
            pub async fn $method(&self, request: v1::$request) -> Result<v1::$answer, Error> {
                let Config { retries, deadlines, .. } = &self.config;
                let kind = calls!(@$kind request);
                with_retries(retries, kind, deadlines.operate, request, |request| {
                    let mut calls = self.calls.clone();
                    async move { calls.$method(request).await }
                })
                .await
            }
        )+}
    };
    (@read $request:ident) => { Kind::Read };
    (@change $request:ident) => { changing($request.change.as_ref()) };
    (@try_or_change $request:ident) => {
        if $request.validate_only { Kind::Read } else { changing($request.change.as_ref()) }
    };
}

/// Without a request id a second attempt would be another change.
fn changing(change: Option<&v1::Change>) -> Kind {
    if change.is_some_and(|change| !change.request_id.is_empty()) { Kind::Change } else { Kind::Once }
}

calls! {
    /// One document, as it stands or as it was.
    read get_document(GetDocumentRequest) -> GetDocumentResponse;
    /// Documents by kind and id.
    read list_documents(ListDocumentsRequest) -> ListDocumentsResponse;
    /// Creates or replaces one document.
    change write_document(WriteDocumentRequest) -> WriteDocumentResponse;
    /// Takes a document away.
    change delete_document(DeleteDocumentRequest) -> DeleteDocumentResponse;
    /// Puts drafts in force.
    change publish(PublishRequest) -> PublishResponse;
    /// Stops promotions.
    change pause(PauseRequest) -> PauseResponse;
    /// Lets paused promotions go on.
    change resume(ResumeRequest) -> ResumeResponse;
    /// Ends promotions for good.
    change archive(ArchiveRequest) -> ArchiveResponse;
    /// Brings all documents of some files in one step, or says what that would change.
    try_or_change apply(ApplyRequest) -> ApplyResponse;
    /// Says what is wrong with documents before they are published.
    read check(CheckRequest) -> CheckResponse;
    /// Revisions, the newest first.
    read list_revisions(ListRevisionsRequest) -> ListRevisionsResponse;
    /// One revision, and what it changed.
    read get_revision(GetRevisionRequest) -> GetRevisionResponse;
    /// Makes a new revision in which everything is as it was.
    try_or_change restore_revision(RestoreRevisionRequest) -> RestoreRevisionResponse;
}

impl Promotions {
    /// A client of an admin address. The connection comes up with the first call, and again whenever it broke.
    ///
    /// # Errors
    /// [`ConnectError`]: the address is none, or asks for TLS, which takes [`Promotions::over`].
    pub fn new(config: Config) -> Result<Self, ConnectError> {
        let endpoint = endpoint(&config)?;
        Ok(Self::over(endpoint.connect_lazy(), config))
    }

    /// A client over a channel that the caller made; the address of the configuration means nothing then.
    ///
    /// Needs a Tokio runtime, as does [`Promotions::new`].
    #[must_use]
    pub fn over(channel: Channel, config: Config) -> Self {
        let calls = PromotionServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Self { calls, config }
    }

    /// Who changes something and why, under a request id of its own: a call with it is safe to repeat.
    #[must_use]
    pub fn change(author: impl Into<String>, message: impl Into<String>) -> v1::Change {
        v1::Change { author: author.into(), message: message.into(), request_id: fresh_id() }
    }
}

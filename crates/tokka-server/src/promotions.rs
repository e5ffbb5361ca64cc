//! How does a promotion live? `PromotionService`: draft, published, paused, archived; every change of what is in force is a
//! revision of the catalogue that the store keeps.
//!
//! `edit` decides what a call changes, `gate` whether that may come into force, `line` puts it behind all others, `keep` reads and writes, `state` is one moment.

use std::sync::Arc;

use prost::Message;
use tokka_catalog::{Kind, Source};
use tokka_proto::v1;
use tokka_proto::v1::promotion_service_server::PromotionService;
use tonic::{Request, Response, Status};
use xxhash_rust::xxh3::xxh3_128;

use self::edit::{Asked, Move};
use self::gate::Terms;
use self::line::Done;
use crate::error::ApiError;
use crate::error::operator::Refused;
use crate::reservations::to_the_end;

mod edit;
mod gate;
mod line;

mod keep;
mod state;
mod stored;

mod answer;
mod check;
mod history;
mod page;
mod request;

pub(crate) use line::Line;
pub(crate) use stored::Key;

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct Promotions {
    /// `None`: the catalogue is a folder of files.
    line: Option<Arc<Line>>,
}

impl Promotions {
    /// Of the catalogue in the store, or of none where it is a folder of files.
    pub(crate) fn new(line: Option<Arc<Line>>) -> Self {
        Self { line }
    }

    fn line(&self) -> Result<Arc<Line>, ApiError> {
        self.line.clone().ok_or_else(|| Refused::Files.into())
    }

    /// The catalogue as the store has it now.
    async fn fresh(&self) -> Result<Arc<Line>, ApiError> {
        let line = self.line()?;
        line.look().await?;
        Ok(line)
    }

    async fn moved(
        &self,
        to: Move,
        promotions: Vec<v1::PromotionRef>,
        change: Option<v1::Change>,
        terms: Result<Terms, ApiError>,
        call: &impl Message,
    ) -> Result<Moved, ApiError> {
        let line = self.line()?;
        let looks_only = terms.as_ref().is_ok_and(|terms| terms.validate_only);
        let by = if looks_only { Ok(line::By::default()) } else { request::by(change, call_hash(to as u8, call)) };
        let (by, (promotions, terms)) = request::both(by, request::both(request::promotions(promotions), terms))?;
        let keys: Vec<Key> = promotions.iter().map(|(id, _)| Key::new(Kind::Promotion, id)).collect();
        to_the_end(async move {
            let done = line.change(Asked::Move { to, promotions }, by, terms).await?;
            let documents = keys.iter().filter_map(|key| Some(answer::document(key, done.after.entries.get(key)?, true)));
            let documents = documents.collect();
            let number = if looks_only { done.before.number } else { done.after.number };
            Ok(Moved { revision: answer::number(number), documents, findings: done.findings, blocked: done.blocked })
        })
        .await
    }
}

/// Promotions that came to stand somewhere.
struct Moved {
    revision: i64,
    documents: Vec<v1::Document>,
    findings: Vec<v1::Finding>,
    blocked: bool,
}

#[tonic::async_trait]
impl PromotionService for Promotions {
    async fn get_document(&self, request: Request<v1::GetDocumentRequest>) -> Result<Response<v1::GetDocumentResponse>, Status> {
        let v1::GetDocumentRequest { kind, id, revision } = request.into_inner();
        let line = self.fresh().await?;
        let key = request::key(kind, id)?;
        let document = history::document(&line, &key, revision).await?;
        Ok(Response::new(v1::GetDocumentResponse { document: Some(document) }))
    }

    async fn list_documents(
        &self,
        request: Request<v1::ListDocumentsRequest>,
    ) -> Result<Response<v1::ListDocumentsResponse>, Status> {
        let line = self.fresh().await?;
        Ok(Response::new(page::documents(&line.now().state, request.into_inner())?))
    }

    async fn write_document(
        &self,
        request: Request<v1::WriteDocumentRequest>,
    ) -> Result<Response<v1::WriteDocumentResponse>, Status> {
        let request = request.into_inner();
        let hash = call_hash(b'w', &request);
        let v1::WriteDocumentRequest { text, etag, change } = request;
        let (line, by) = (self.line()?, request::by(change, hash)?);
        let text = request::text(text)?;
        let done = to_the_end(async move {
            // Which document a repetition speaks of is in its text.
            let source = Source { name: String::new(), text: text.clone() };
            let done = line.change(Asked::Write { text, etag }, by, Terms::default()).await?;
            let named = match done.edit.named.first() {
                Some(key) => Some(key.clone()),
                None => edit::first_key(&source, &done.after),
            };
            Ok((named, done))
        });
        let (key, done) = done.await?;
        let document = key.and_then(|key| Some(answer::document(&key, done.after.entries.get(&key)?, true)));
        Ok(Response::new(v1::WriteDocumentResponse { document, revision: answer::number(done.after.number) }))
    }

    async fn delete_document(
        &self,
        request: Request<v1::DeleteDocumentRequest>,
    ) -> Result<Response<v1::DeleteDocumentResponse>, Status> {
        let request = request.into_inner();
        let hash = call_hash(b'd', &request);
        let v1::DeleteDocumentRequest { kind, id, etag, change } = request;
        let (line, key, by) = (self.line()?, request::key(kind, id)?, request::by(change, hash)?);
        if etag.is_empty() {
            return Err(edit::invalid("etag", "is missing: read the document first").into());
        }
        let done = to_the_end(async move { line.change(Asked::Delete { key, etag }, by, Terms::default()).await }).await?;
        Ok(Response::new(v1::DeleteDocumentResponse { revision: answer::number(done.after.number) }))
    }

    async fn publish(&self, request: Request<v1::PublishRequest>) -> Result<Response<v1::PublishResponse>, Status> {
        let request = request.into_inner();
        let (promotions, change) = (request.promotions.clone(), request.change.clone());
        let terms = request::terms(request.validate_only, &request.acknowledge, request.products.clone());
        let moved = self.moved(Move::Publish, promotions, change, terms, &request).await?;
        let Moved { revision, documents, findings, blocked } = moved;
        Ok(Response::new(v1::PublishResponse { revision, documents, findings, blocked }))
    }

    async fn pause(&self, request: Request<v1::PauseRequest>) -> Result<Response<v1::PauseResponse>, Status> {
        let request = request.into_inner();
        let (promotions, change) = (request.promotions.clone(), request.change.clone());
        let moved = self.moved(Move::Pause, promotions, change, Ok(Terms::default()), &request).await?;
        let Moved { revision, documents, .. } = moved;
        Ok(Response::new(v1::PauseResponse { revision, documents }))
    }

    async fn resume(&self, request: Request<v1::ResumeRequest>) -> Result<Response<v1::ResumeResponse>, Status> {
        let request = request.into_inner();
        let (promotions, change) = (request.promotions.clone(), request.change.clone());
        let moved = self.moved(Move::Resume, promotions, change, Ok(Terms::default()), &request).await?;
        let Moved { revision, documents, .. } = moved;
        Ok(Response::new(v1::ResumeResponse { revision, documents }))
    }

    async fn archive(&self, request: Request<v1::ArchiveRequest>) -> Result<Response<v1::ArchiveResponse>, Status> {
        let request = request.into_inner();
        let (promotions, change) = (request.promotions.clone(), request.change.clone());
        let moved = self.moved(Move::Archive, promotions, change, Ok(Terms::default()), &request).await?;
        let Moved { revision, documents, .. } = moved;
        Ok(Response::new(v1::ArchiveResponse { revision, documents }))
    }

    async fn apply(&self, request: Request<v1::ApplyRequest>) -> Result<Response<v1::ApplyResponse>, Status> {
        let request = request.into_inner();
        let hash = call_hash(b'a', &request);
        let v1::ApplyRequest { files, prune, validate_only, etag, change, acknowledge, products } = request;
        let line = self.line()?;
        let by = if validate_only { Ok(line::By::default()) } else { request::by(change, hash) };
        let (by, terms) = request::both(by, request::terms(validate_only, &acknowledge, products))?;
        let files = request::files(files);
        let answer = to_the_end(async move {
            let done = line.change(Asked::Apply { files, prune, etag }, by, terms).await?;
            let number = if validate_only { done.before.number } else { done.after.number };
            let etag = if validate_only { done.before.etag() } else { done.after.etag() };
            Ok(v1::ApplyResponse {
                changes: changes(&line, &done).await?,
                unchanged: i64::try_from(done.edit.unchanged).unwrap_or(i64::MAX),
                revision: answer::number(number),
                etag,
                findings: done.findings,
                blocked: done.blocked,
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn check(&self, request: Request<v1::CheckRequest>) -> Result<Response<v1::CheckResponse>, Status> {
        let v1::CheckRequest { files, drafts, products, acknowledge } = request.into_inner();
        let files = request::files(files);
        let terms = request::terms(true, &acknowledge, products)?;
        let (state, at) = match &self.line {
            Some(_) => {
                let line = self.fresh().await?;
                (line.now().state.clone(), line.ledger.now().await.map_err(ApiError::from)?)
            }
            None => (Arc::default(), jiff::Timestamp::now().as_millisecond()),
        };
        Ok(Response::new(to_the_end(check::check(state, files, drafts, terms, at)).await?))
    }

    async fn list_revisions(
        &self,
        request: Request<v1::ListRevisionsRequest>,
    ) -> Result<Response<v1::ListRevisionsResponse>, Status> {
        let line = self.fresh().await?;
        Ok(Response::new(page::revisions(&line, request.into_inner()).await?))
    }

    async fn get_revision(&self, request: Request<v1::GetRevisionRequest>) -> Result<Response<v1::GetRevisionResponse>, Status> {
        let v1::GetRevisionRequest { number, against } = request.into_inner();
        let line = self.fresh().await?;
        Ok(Response::new(history::revision(&line, number, against).await?))
    }

    async fn restore_revision(
        &self,
        request: Request<v1::RestoreRevisionRequest>,
    ) -> Result<Response<v1::RestoreRevisionResponse>, Status> {
        let request = request.into_inner();
        let hash = call_hash(b'r', &request);
        let v1::RestoreRevisionRequest { number, validate_only, change } = request;
        let line = self.fresh().await?;
        let by = if validate_only { line::By::default() } else { request::by(change, hash)? };
        let answer = to_the_end(async move {
            let (then, etag) = history::then(&line, number).await?;
            let asked = Asked::Restore { number: u64::try_from(number).unwrap_or(0), then, etag };
            let terms = Terms { validate_only, ..Terms::default() };
            let done = line.change(asked, by, terms).await?;
            let revision = if validate_only { done.before.number } else { done.after.number };
            let changes = changes(&line, &done).await?;
            Ok(v1::RestoreRevisionResponse {
                revision: answer::number(revision),
                changes,
                left_archived: done.edit.left_archived,
            })
        });
        Ok(Response::new(answer.await?))
    }
}

/// What a call changed; of a repetition, what the revision changed that it made.
async fn changes(line: &Line, done: &Done) -> Result<Vec<v1::DocumentChange>, ApiError> {
    match done.repeated {
        Some((number, true)) => history::changes_of(line, number).await,
        _ => Ok(answer::changes(done)),
    }
}

/// What a repetition of a call is equal in.
fn call_hash(call: u8, request: &impl Message) -> u128 {
    let mut bytes = vec![call];
    bytes.extend_from_slice(&request.encode_to_vec());
    xxh3_128(&bytes)
}

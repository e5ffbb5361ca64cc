//! How does a promotion live? `PromotionService`: draft, published, paused, archived; every change of what is in force is a
//! revision of the catalogue that the store keeps.
//!
//! `edit` decides what a call changes, `line` puts it behind all others, `keep` reads and writes, `state` is one moment.

use std::sync::Arc;

use prost::Message;
use tokka_catalog::{Kind, Source};
use tokka_proto::v1;
use tokka_proto::v1::promotion_service_server::PromotionService;
use tonic::{Request, Response, Status};
use xxhash_rust::xxh3::xxh3_128;

use self::edit::{Asked, Move};
use self::line::Done;
use crate::error::ApiError;
use crate::error::operator::Refused;
use crate::reservations::to_the_end;

mod edit;
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
        call: &impl Message,
    ) -> Result<(i64, Vec<v1::Document>), ApiError> {
        let line = self.line()?;
        let by = request::by(change, call_hash(to as u8, call));
        let promotions = request::promotions(promotions);
        let (by, promotions) = request::both(by, promotions)?;
        let keys: Vec<Key> = promotions.iter().map(|(id, _)| Key::new(Kind::Promotion, id)).collect();
        to_the_end(async move {
            let done = line.change(Asked::Move { to, promotions }, by, false).await?;
            let documents = keys.iter().filter_map(|key| Some(answer::document(key, done.after.entries.get(key)?, true)));
            Ok((answer::number(done.after.number), documents.collect()))
        })
        .await
    }
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
            let done = line.change(Asked::Write { text, etag }, by, false).await?;
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
        let done = to_the_end(async move { line.change(Asked::Delete { key, etag }, by, false).await }).await?;
        Ok(Response::new(v1::DeleteDocumentResponse { revision: answer::number(done.after.number) }))
    }

    async fn publish(&self, request: Request<v1::PublishRequest>) -> Result<Response<v1::PublishResponse>, Status> {
        let request = request.into_inner();
        request::nothing_acknowledged(&request.acknowledge)?;
        let (promotions, change) = (request.promotions.clone(), request.change.clone());
        let (revision, documents) = self.moved(Move::Publish, promotions, change, &request).await?;
        Ok(Response::new(v1::PublishResponse { revision, documents, findings: Vec::new() }))
    }

    async fn pause(&self, request: Request<v1::PauseRequest>) -> Result<Response<v1::PauseResponse>, Status> {
        let request = request.into_inner();
        let (promotions, change) = (request.promotions.clone(), request.change.clone());
        let (revision, documents) = self.moved(Move::Pause, promotions, change, &request).await?;
        Ok(Response::new(v1::PauseResponse { revision, documents }))
    }

    async fn resume(&self, request: Request<v1::ResumeRequest>) -> Result<Response<v1::ResumeResponse>, Status> {
        let request = request.into_inner();
        let (promotions, change) = (request.promotions.clone(), request.change.clone());
        let (revision, documents) = self.moved(Move::Resume, promotions, change, &request).await?;
        Ok(Response::new(v1::ResumeResponse { revision, documents }))
    }

    async fn archive(&self, request: Request<v1::ArchiveRequest>) -> Result<Response<v1::ArchiveResponse>, Status> {
        let request = request.into_inner();
        let (promotions, change) = (request.promotions.clone(), request.change.clone());
        let (revision, documents) = self.moved(Move::Archive, promotions, change, &request).await?;
        Ok(Response::new(v1::ArchiveResponse { revision, documents }))
    }

    async fn apply(&self, request: Request<v1::ApplyRequest>) -> Result<Response<v1::ApplyResponse>, Status> {
        let request = request.into_inner();
        let hash = call_hash(b'a', &request);
        let v1::ApplyRequest { files, prune, validate_only, etag, change, acknowledge } = request;
        request::nothing_acknowledged(&acknowledge)?;
        let line = self.line()?;
        let by = if validate_only { line::By::default() } else { request::by(change, hash)? };
        let files = request::files(files);
        let answer = to_the_end(async move {
            let done = line.change(Asked::Apply { files, prune, etag }, by, validate_only).await?;
            let number = if validate_only { done.before.number } else { done.after.number };
            let etag = if validate_only { done.before.etag() } else { done.after.etag() };
            Ok(v1::ApplyResponse {
                changes: changes(&line, &done).await?,
                unchanged: i64::try_from(done.edit.unchanged).unwrap_or(i64::MAX),
                revision: answer::number(number),
                etag,
                findings: Vec::new(),
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn check(&self, request: Request<v1::CheckRequest>) -> Result<Response<v1::CheckResponse>, Status> {
        let v1::CheckRequest { files, drafts } = request.into_inner();
        let files = request::files(files);
        let state = match &self.line {
            Some(_) => self.fresh().await?.now().state.clone(),
            None => Arc::default(),
        };
        Ok(Response::new(to_the_end(check::check(state, files, drafts)).await?))
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
            let done = line.change(asked, by, validate_only).await?;
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

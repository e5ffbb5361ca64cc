//! How do tests change the catalogue that a server's store keeps?

use std::time::Duration;

use tempfile::TempDir;
use tokka_proto::v1;
use tokka_proto::v1::promotion_service_client::PromotionServiceClient;
use tokka_server::Config;
use tonic::Status;
use tonic::transport::Channel;

use crate::kept::Kept;
use crate::running::{Running, connect};

/// A server whose store keeps the catalogue, and its operators' entrance.
pub(crate) struct Desk {
    pub(crate) server: Running,
    pub(crate) calls: PromotionServiceClient<Channel>,
}

/// Every finding that blocks: what most tests sell is hardly meant, and is sold all the same.
const ALL_MEANT: [&str; 4] = ["ITEM_PRICE_ON_EVERYTHING", "STACKING_NOT_STATED", "DISCOUNT_OVER_70", "FLASH_WITHOUT_LIMIT"];

pub(crate) fn all_meant() -> Vec<String> {
    ALL_MEANT.map(str::to_owned).to_vec()
}

fn stored(config: &mut Config) {
    config.catalogue = None;
    config.admin = Some(([127, 0, 0, 1], 0).into());
    config.revisions_poll = Duration::from_millis(10);
}

impl Desk {
    /// With an empty store.
    pub(crate) async fn empty() -> Self {
        Self::over(tempfile::tempdir().expect("a folder"), Kept::new()).await
    }

    /// With these documents in force.
    pub(crate) async fn of(text: &str) -> Self {
        let mut desk = Self::empty().await;
        desk.apply(&[("shop.yaml", text)], false).await.expect("applied");
        desk
    }

    pub(crate) async fn over(folder: TempDir, data: Kept) -> Self {
        let server = Running::over(folder, data, stored).await;
        let calls = PromotionServiceClient::new(connect(server.admin.expect("an admin address")).await);
        Self { server, calls: calls.max_decoding_message_size(64 << 20) }
    }

    /// Ends the server and begins another one over the same data.
    pub(crate) async fn restarted(self) -> Self {
        let Self { server, calls } = self;
        drop(calls);
        let Running { client, channel, folder, data, stop, served, .. } = server;
        drop((client, channel));
        stop.send(()).expect("a server");
        served.await.expect("no panic").expect("a clean end");
        Self::over(folder, data).await
    }

    pub(crate) async fn apply(&mut self, files: &[(&str, &str)], prune: bool) -> Result<v1::ApplyResponse, Status> {
        let request = v1::ApplyRequest { prune, change: Some(by("ada")), ..apply(files) };
        Ok(self.calls.apply(request).await?.into_inner())
    }

    pub(crate) async fn write(&mut self, text: &str, etag: &str) -> Result<v1::Document, Status> {
        let request = v1::WriteDocumentRequest { text: text.to_owned(), etag: etag.to_owned(), change: Some(by("ada")) };
        Ok(self.calls.write_document(request).await?.into_inner().document.expect("a document"))
    }

    pub(crate) async fn get(&mut self, id: &str) -> Result<v1::Document, Status> {
        let request = v1::GetDocumentRequest { kind: v1::DocumentKind::Promotion.into(), id: id.to_owned(), revision: 0 };
        Ok(self.calls.get_document(request).await?.into_inner().document.expect("a document"))
    }

    pub(crate) async fn publish(&mut self, id: &str) -> Result<i64, Status> {
        let (promotions, change) = (vec![named(id)], Some(by("ada")));
        let request = v1::PublishRequest { promotions, change, acknowledge: all_meant(), ..Default::default() };
        Ok(self.calls.publish(request).await?.into_inner().revision)
    }

    pub(crate) async fn pause(&mut self, id: &str) -> Result<i64, Status> {
        let request = v1::PauseRequest { promotions: vec![named(id)], change: Some(by("grace")) };
        Ok(self.calls.pause(request).await?.into_inner().revision)
    }

    pub(crate) async fn archive(&mut self, id: &str) -> Result<i64, Status> {
        let request = v1::ArchiveRequest { promotions: vec![named(id)], change: Some(by("grace")) };
        Ok(self.calls.archive(request).await?.into_inner().revision)
    }

    /// The number of the revision in force, and what changed in it.
    pub(crate) async fn revision(&mut self, number: i64) -> Result<v1::GetRevisionResponse, Status> {
        Ok(self.calls.get_revision(v1::GetRevisionRequest { number, against: 0 }).await?.into_inner())
    }
}

pub(crate) fn apply(files: &[(&str, &str)]) -> v1::ApplyRequest {
    let file = |(name, text): &(&str, &str)| v1::SourceFile { name: (*name).to_owned(), text: (*text).to_owned() };
    v1::ApplyRequest { files: files.iter().map(file).collect(), acknowledge: all_meant(), ..Default::default() }
}

pub(crate) fn by(author: &str) -> v1::Change {
    v1::Change { author: author.to_owned(), message: "a test".to_owned(), request_id: String::new() }
}

pub(crate) fn named(id: &str) -> v1::PromotionRef {
    v1::PromotionRef { id: id.to_owned(), etag: String::new() }
}

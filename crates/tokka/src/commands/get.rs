//! What does the catalogue of a server hold?

use std::str::FromStr;

use clap::Args;
use tokka_client::v1;

use crate::desk::{Desk, called, moment, stands};
use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::money::count;
use crate::output;
use crate::remote::print_json;

/// Which documents.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka get
  tokka get promotion
  tokka get promotion/flash-1111
  tokka get promotion/flash-1111 --draft
  tokka get promotion/flash-1111 --revision 12 > flash.json
  tokka get catalogue --json

A list shows where each document stands; a document is printed as JSON of the file format, which `tokka apply -f` reads again.

Exit codes: 0 printed, 1 there is no such document, 2 called wrongly or no answer.")]
pub(crate) struct Get {
    /// A kind, or a kind and an id: `promotion`, `promotion/flash-1111`, `catalogue`; without it, everything
    #[arg(value_name = "KIND[/ID]")]
    what: Option<What>,
    #[command(flatten)]
    desk: Desk,
    /// As it was in this revision
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    revision: Option<i64>,
    /// The draft beside what is in force; in a list, only what has drafts
    #[arg(long)]
    draft: bool,
    /// Lists what is archived
    #[arg(long)]
    archived: bool,
    /// Prints the API's answer as JSON, with etags
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct What {
    kind: v1::DocumentKind,
    id: Option<String>,
}

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, id) = text.split_once('/').map_or((text, None), |(kind, id)| (kind, Some(id.to_owned())));
        let kind = match kind {
            "catalogue" => v1::DocumentKind::Catalogue,
            "store" | "stores" => v1::DocumentKind::Store,
            "gift" | "gifts" => v1::DocumentKind::Gift,
            "promotion" | "promotions" | "coupon" | "coupons" => v1::DocumentKind::Promotion,
            "distribution" | "distributions" => v1::DocumentKind::Distribution,
            _ => return Err("write one of catalogue, store, gift, promotion, distribution, with `/ID` for one".to_owned()),
        };
        let id = if kind == v1::DocumentKind::Catalogue { Some(String::new()) } else { id };
        Ok(Self { kind, id })
    }
}

/// Prints documents.
pub(crate) fn run(arguments: &Get) -> Result<(), Failure> {
    match &arguments.what {
        Some(What { kind, id: Some(id) }) => one(arguments, *kind, id),
        Some(What { kind, id: None }) => list(arguments, *kind),
        None => list(arguments, v1::DocumentKind::Unspecified),
    }
}

fn one(arguments: &Get, kind: v1::DocumentKind, id: &str) -> Result<(), Failure> {
    let revision = arguments.revision.unwrap_or(0);
    let request = v1::GetDocumentRequest { kind: kind.into(), id: id.to_owned(), revision };
    let answer = arguments.desk.ask(async |client| client.get_document(request).await)?;
    if arguments.json {
        return print_json("GetDocumentResponse", &answer);
    }
    let document = answer.document.unwrap_or_default();
    let is_draft = document.state() == v1::DocumentState::Draft;
    let text = match (arguments.draft, is_draft) {
        (true, false) if document.draft.is_empty() => {
            return Err(Failure::because(format!("`{}` has no draft", called(kind, id))));
        }
        (true, false) => &document.draft,
        _ => &document.text,
    };
    let json: serde_json::Value = serde_json::from_str(text).map_err(Failure::because)?;
    output::print(&format!("{json:#}\n"))
}

fn list(arguments: &Get, kind: v1::DocumentKind) -> Result<(), Failure> {
    if arguments.revision.is_some() {
        return Err(Failure::Usage(
            "`--revision` is of one document; `tokka history NUMBER` shows what a revision changed".to_owned(),
        ));
    }
    let state = if arguments.archived { v1::DocumentState::Archived } else { v1::DocumentState::Unspecified };
    let request = v1::ListDocumentsRequest {
        kind: kind.into(),
        state: state.into(),
        drafts: arguments.draft,
        texts: false,
        page_size: 1_000,
        page_token: String::new(),
    };
    let all = arguments.desk.ask(async |client| {
        let mut all = client.list_documents(request.clone()).await?;
        let mut token = std::mem::take(&mut all.next_page_token);
        while !token.is_empty() {
            let page = client.list_documents(v1::ListDocumentsRequest { page_token: token, ..request.clone() }).await?;
            all.documents.extend(page.documents);
            token = page.next_page_token;
        }
        Ok(all)
    })?;
    if arguments.json {
        return print_json("ListDocumentsResponse", &all);
    }
    let mut grid = Grid::new([
        ("document", Side::Left),
        ("stands", Side::Left),
        ("draft", Side::Left),
        ("name", Side::Left),
        ("owner", Side::Left),
        ("rule", Side::Left),
        ("starts", Side::Left),
        ("ends", Side::Left),
        ("revision", Side::Right),
    ]);
    for document in &all.documents {
        let of = document.promotion.clone().unwrap_or_default();
        grid.row([
            called(document.kind(), &document.id),
            stands(document.state()).to_owned(),
            if document.has_draft { "yes".to_owned() } else { String::new() },
            of.name,
            of.owner,
            of.rule,
            moment(of.starts_at.as_ref()),
            moment(of.ends_at.as_ref()),
            if document.revision == 0 { String::new() } else { document.revision.to_string() },
        ]);
    }
    let number = count(i64::try_from(all.documents.len()).unwrap_or(i64::MAX), "document");
    output::print(&format!("{}\n{number}, revision {} is in force\n", grid.text(), all.revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_called_by_kind_and_id() {
        let what = |text: &str| text.parse::<What>().ok().map(|what| (what.kind, what.id));
        assert_eq!(what("promotion/flash"), Some((v1::DocumentKind::Promotion, Some("flash".to_owned()))));
        assert_eq!(what("stores"), Some((v1::DocumentKind::Store, None)));
        assert_eq!(what("catalogue"), Some((v1::DocumentKind::Catalogue, Some(String::new()))));
        assert_eq!(what("flash"), None);
    }
}

//! What does a server doubt about what is published, and what of it is meant?

use std::path::PathBuf;

use clap::Args;
use tokka_catalog::check::Code;
use tokka_catalog::{Problems, Source};
use tokka_client::v1;

use crate::failure::Failure;
use crate::money::{count, grouped};
use crate::output::Paint;

/// Of one code so many are printed.
const SHOWN_MAX: usize = 20;

/// What somebody says beside a publication.
#[derive(Debug, Args)]
pub(crate) struct Meant {
    /// Takes findings of this code as meant, on top of what the documents acknowledge; may be given several times
    #[arg(long, value_name = "CODE", value_parser = Code::acknowledgeable)]
    acknowledge: Vec<Code>,
    /// The range of the shops, so that prices and costs are looked at: sku,store,name,categories,unit_price,list_price,floor_price,unit_cost,tax_class
    #[arg(long, value_name = "CSV")]
    products: Option<PathBuf>,
}

impl Meant {
    /// As the API takes it.
    pub(crate) fn codes(&self) -> Vec<String> {
        self.acknowledge.iter().map(|code| code.name().to_owned()).collect()
    }

    /// The products, read.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) fn products(&self) -> Result<Option<v1::SourceFile>, Failure> {
        let Some(path) = &self.products else { return Ok(None) };
        let Source { name, text } = Source::read(path).map_err(|problem| Failure::of_files(&Problems::from(problem)))?;
        Ok(Some(v1::SourceFile { name, text }))
    }
}

/// One line a finding, in the server's order: what blocks is first.
pub(crate) fn text(findings: &[v1::Finding], paint: Paint) -> String {
    let mut text = String::new();
    let same = |a: &v1::Finding, b: &v1::Finding| (&a.code, a.blocking) == (&b.code, b.blocking);
    for group in findings.chunk_by(same) {
        for finding in group.iter().take(SHOWN_MAX) {
            let weight = match (finding.acknowledged, finding.severity()) {
                (true, _) => "acknowledged".to_owned(),
                (false, v1::FindingSeverity::Blocking) => paint.red("blocking"),
                (false, v1::FindingSeverity::Warning) => "warning".to_owned(),
                (false, v1::FindingSeverity::Note | v1::FindingSeverity::Unspecified) => "note".to_owned(),
            };
            let field = if finding.field.is_empty() { String::new() } else { format!("{}: ", finding.field) };
            let beside: Vec<String> = finding.numbers.iter().map(number).chain(finding.others.iter().cloned()).collect();
            let beside = if beside.is_empty() { String::new() } else { format!(" ({})", beside.join(", ")) };
            let (document, message, code) = (&finding.document, &finding.message, &finding.code);
            text.push_str(&format!("{weight}: {document}: {field}{message}{beside} [{code}]\n"));
        }
        if let (Some(first), more @ 1..) = (group.first(), group.len().saturating_sub(SHOWN_MAX)) {
            text.push_str(&format!("{} more of {}; `--json` prints them\n", grouped(more as i64), first.code));
        }
    }
    text
}

fn number(number: &v1::FindingNumber) -> String {
    use v1::finding_number::Value;
    let name = &number.name;
    match &number.value {
        Some(Value::Amount(number) | Value::Count(number)) => format!("{name} {}", grouped(*number)),
        Some(Value::Percent(percent)) => format!("{name} {percent} %"),
        None => name.clone(),
    }
}

/// What keeps it from being published, where something does.
///
/// # Errors
/// That it is blocked, and by which codes.
pub(crate) fn none_blocks(findings: &[v1::Finding]) -> Result<(), Failure> {
    let blocking: Vec<&v1::Finding> = findings.iter().take_while(|finding| finding.blocking).collect();
    if blocking.is_empty() {
        return Ok(());
    }
    let codes: std::collections::BTreeSet<&str> = blocking.iter().map(|finding| finding.code.as_str()).collect();
    let can_be = |code: &&str| Code::acknowledgeable(code).is_ok();
    let said: Vec<String> = codes.iter().copied().filter(can_be).map(|code| format!("`--acknowledge {code}`")).collect();
    let otherwise =
        if said.is_empty() { String::new() } else { format!(": change it, or say that it is meant: {}", said.join(" ")) };
    Err(Failure::because(format!("{} (CHECK_REFUSED){otherwise}", count(blocking.len() as i64, "blocking finding"))))
}

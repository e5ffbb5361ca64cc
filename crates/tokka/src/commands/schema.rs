//! What may stand in a document? The JSON Schema of each kind, for editors that complete and check as one types.

use clap::Args;
use tokka_catalog::documents::kind_names;
use tokka_catalog::problem::did_you_mean;

use crate::failure::Failure;
use crate::output;

/// Which schema is printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka schema
  tokka schema promotion > promotion.schema.json

A first line `# yaml-language-server: $schema=promotion.schema.json` in a file makes editors use it.

Exit codes: 0 printed, 2 there is no such kind.")]
pub(crate) struct Schema {
    /// The kind of document; without one, the kinds are listed
    #[arg(value_name = "KIND")]
    kind: Option<String>,
}

/// Prints a schema, or the kinds that there are.
pub(crate) fn run(arguments: &Schema) -> Result<(), Failure> {
    let kinds = kind_names();
    let Some(kind) = &arguments.kind else {
        return output::print(&(kinds.join("\n") + "\n"));
    };
    let Some(schema) = tokka_scenario::schema(kind).or_else(|| tokka_catalog::schema(kind)) else {
        let hint = did_you_mean(kind, &kinds).map(|hint| format!(" ({hint})")).unwrap_or_default();
        return Err(Failure::Usage(format!("`{kind}` is not a kind of document{hint}; the kinds are {}", kinds.join(", "))));
    };
    output::print(&format!("{schema:#}\n"))
}

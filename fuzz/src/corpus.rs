//! What is there to begin with? The examples and the scenarios of the project, and cases that are made up.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use tokka_catalog::{Source, read_folder};
use tokka_tests::generate::Random;

use crate::case::CASE;

/// The directory that holds the project.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Inputs for a target that are known to go deep.
///
/// # Errors
/// An example that cannot be read, and a target of another name.
pub fn of(target: &str) -> Result<Vec<Vec<u8>>> {
    let root = root();
    let examples = |folder: &str| read_folder(&root.join("examples").join(folder)).map_err(|problems| anyhow!("{problems}"));
    let (yen, dollars, baskets) = (examples("marketplace")?, examples("us-store")?, examples("baskets")?);
    let mut inputs = Vec::new();
    match target {
        "catalogue" => {
            let scenarios = read_folder(&root.join("tests/scenarios")).map_err(|problems| anyhow!("{problems}"))?;
            let heads: Vec<&Source> = [&yen, &dollars].into_iter().flatten().collect();
            let head = heads.iter().find(|source| source.name.ends_with("catalogue.yaml")).context("no catalogue document")?;
            inputs.extend(heads.iter().map(|source| format!("{}\n---\n{}", head.text, source.text).into_bytes()));
            inputs.extend(scenarios.into_iter().map(|source| source.text.into_bytes()));
            inputs.extend([joined(&yen), joined(&dollars)].map(String::into_bytes));
        }
        "quote" => {
            // The dollars' catalogue is the small one: most of the time goes into parsing.
            for basket in &baskets {
                let catalogue = if basket.name.contains("us-") { joined(&dollars) } else { joined(&yen) };
                let basket = basket.text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
                inputs.push(format!("{catalogue}\n---\n{basket}\n").into_bytes());
            }
        }
        other => return Err(anyhow!("there is no target `{other}`; there are `catalogue` and `quote`")),
    }
    ensure!(inputs.len() > 10, "only {} inputs to begin with", inputs.len());
    Ok(inputs)
}

fn joined(sources: &[Source]) -> String {
    sources.iter().map(|source| source.text.as_str()).collect::<Vec<_>>().join("\n---\n")
}

/// A case that nobody has seen, with up to four changes.
pub(crate) fn made_up(random: &mut Random) -> Vec<u8> {
    let mut data = CASE.to_vec();
    let changes = random.from(0, 4).max(random.from(0, 4)) - 1;
    for _ in 0..8 + 4 * changes.max(0) {
        data.push(u8::try_from(random.from(0, 255)).unwrap_or_default());
    }
    data
}

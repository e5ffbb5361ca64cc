//! May this crate know that one? The rules over every `Cargo.toml`.

use toml::{Table, Value};

use super::Finding;
use super::tree::Tree;

/// Starts servers and panics: for tests only.
const RIG: &str = "tokka-rig";
/// Starts servers and measures them, and is the plainest service that could do their work, for comparison: it is not shipped.
const BENCH: &str = "xtask-bench";
/// Which of our crates a crate may depend on. Core and ledger never see each other; wire types stop at the server.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("tokka-core", &[]),
    ("tokka-rig", &[]),
    ("tokka-ledger", &[RIG]),
    ("tokka-proto", &[]),
    ("tokka-catalog", &["tokka-core"]),
    ("tokka-scenario", &["tokka-core", "tokka-catalog"]),
    ("tokka-client", &["tokka-proto"]),
    ("tokka-server", &["tokka-core", "tokka-catalog", "tokka-ledger", "tokka-proto", RIG]),
];
/// The crates at the top: they tie everything together, and nothing may depend on them …
const TOP: [&str; 7] = ["tokka", "tokka-tests", "tokka-fuzz", "tokka-erp-postgres", "xtask", BENCH, "xtask-demo"];
/// … but for the hunt, which makes up its cases as the tests do.
const ABOVE_THE_TOP: (&str, &str) = ("tokka-fuzz", "tokka-tests");
/// What the core is made of besides itself: values and containers, nothing that reads, waits or guesses.
const OF_THE_CORE: [&str; 6] = ["foldhash", "hashbrown", "jiff", "rust_decimal", "smallvec", "xxhash-rust"];

pub(super) fn directions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests(tree) {
        let name = manifest.name();
        let allowed = DIRECTIONS.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
        let top = TOP.contains(&name);
        if allowed.is_none() && !top {
            findings.push(Finding::file(manifest.path, format!("no direction is written down for `{name}`: add it to xtask")));
        }
        for (dependency, _) in manifest.dependencies() {
            let ours = DIRECTIONS.iter().any(|(known, _)| *known == dependency);
            let above = TOP.contains(&dependency) && (name, dependency) != ABOVE_THE_TOP;
            if above || (ours && !top && !allowed.is_some_and(|to| to.contains(&dependency))) {
                findings.push(Finding::file(manifest.path, format!("`{name}` may not depend on `{dependency}`")));
            }
        }
    }
    findings
}

pub(super) fn rig(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests(tree).filter(|manifest| manifest.name() != BENCH) {
        for (dependency, _) in manifest.dependencies_of(&["dependencies", "build-dependencies"]) {
            if dependency == RIG {
                findings.push(Finding::file(manifest.path, format!("`{RIG}` is for tests: it belongs to [dev-dependencies]")));
            }
        }
    }
    findings
}

pub(super) fn pure_core(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests(tree).filter(|manifest| manifest.name() == "tokka-core") {
        for (dependency, _) in manifest.dependencies_of(&["dependencies", "build-dependencies"]) {
            if !OF_THE_CORE.contains(&dependency) {
                let message =
                    format!("the core may not be linked with `{dependency}`: if it has no I/O, clock or chance, add it to xtask");
                findings.push(Finding::file(manifest.path, message));
            }
        }
    }
    findings
}

pub(super) fn redis(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests(tree).filter(|manifest| !["tokka-ledger", BENCH].contains(&manifest.name())) {
        for (dependency, _) in manifest.dependencies().filter(|(name, _)| *name == "redis" || name.starts_with("redis-")) {
            findings.push(Finding::file(manifest.path, format!("`{dependency}` belongs to `tokka-ledger` alone")));
        }
    }
    findings
}

pub(super) fn versions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests(tree) {
        for (dependency, value) in manifest.dependencies() {
            if !inherits(value) {
                findings.push(Finding::file(
                    manifest.path,
                    format!(
                        "`{dependency}` names its own version: write it into [workspace.dependencies], here `workspace = true`"
                    ),
                ));
            }
        }
    }
    findings
}

pub(super) fn inherited(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests(tree) {
        if !manifest.table.get("lints").is_some_and(inherits) {
            findings.push(Finding::file(manifest.path, "has no `[lints] workspace = true`"));
        }
        let package = manifest.package();
        for key in ["license", "publish", "edition", "rust-version"] {
            if !package.and_then(|package| package.get(key)).is_some_and(inherits) {
                findings.push(Finding::file(manifest.path, format!("has no `{key}.workspace = true`")));
            }
        }
    }
    let root = tree.text("Cargo.toml").and_then(|text| text.parse::<Table>().ok()).unwrap_or_default();
    let package = root.get("workspace").and_then(|workspace| workspace.get("package"));
    for (key, wanted) in [("license", Value::String("Apache-2.0".to_owned())), ("publish", Value::Boolean(false))] {
        if package.and_then(|package| package.get(key)) != Some(&wanted) {
            findings.push(Finding::file("Cargo.toml", format!("[workspace.package] does not say `{key} = {wanted}`")));
        }
    }
    findings
}

/// The manifest of one crate.
struct Manifest<'a> {
    path: &'a str,
    table: Table,
}

impl Manifest<'_> {
    fn package(&self) -> Option<&Table> {
        self.table.get("package").and_then(Value::as_table)
    }

    fn name(&self) -> &str {
        self.package().and_then(|package| package.get("name")).and_then(Value::as_str).unwrap_or_default()
    }

    /// Those for running, testing and building, also of single platforms.
    fn dependencies(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.dependencies_of(&["dependencies", "dev-dependencies", "build-dependencies"])
    }

    fn dependencies_of(&self, kinds: &'static [&'static str]) -> impl Iterator<Item = (&str, &Value)> {
        let platforms = self.table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
        let tables = std::iter::once(&self.table).chain(platforms.filter_map(Value::as_table));
        tables
            .flat_map(|table| kinds.iter().map(|kind| table.get(*kind)))
            .flatten()
            .filter_map(Value::as_table)
            .flatten()
            .map(|(name, value)| (name.as_str(), value))
    }
}

/// Every crate's manifest; one that cannot be read is cargo's to complain about.
fn manifests(tree: &Tree) -> impl Iterator<Item = Manifest<'_>> {
    tree.ending("/Cargo.toml").filter_map(|(path, text)| Some(Manifest { path, table: text.parse().ok()? }))
}

fn inherits(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: (&str, &str) = ("Cargo.toml", "[workspace.package]\nlicense = 'Apache-2.0'\npublish = false\n");
    const HEAD: &str = "license.workspace = true\npublish.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\n[lints]\nworkspace = true\n";

    fn complaints(rule: fn(&Tree) -> Vec<Finding>, name: &str, rest: &str) -> Vec<String> {
        let path = format!("crates/{name}/Cargo.toml");
        let text = format!("[package]\nname = '{name}'\n{HEAD}{rest}");
        rule(&Tree::of(&[ROOT, (&path, &text)])).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_crate_knows_only_what_lies_below_it() {
        let depends = |on: &str| format!("[dependencies]\n{on}.workspace = true\n");
        assert!(complaints(directions, "tokka-catalog", &depends("tokka-core")).is_empty());
        assert!(complaints(directions, "tokka", &depends("tokka-server")).is_empty());
        assert_eq!(
            complaints(directions, "tokka-core", &depends("tokka-catalog")),
            ["`tokka-core` may not depend on `tokka-catalog`"]
        );
        assert_eq!(
            complaints(directions, "tokka-ledger", "[dev-dependencies]\ntokka-core.workspace = true"),
            ["`tokka-ledger` may not depend on `tokka-core`"]
        );
        assert_eq!(
            complaints(directions, "tokka-client", "[target.'cfg(unix)'.dependencies]\ntokka-server.workspace = true"),
            ["`tokka-client` may not depend on `tokka-server`"]
        );
        assert_eq!(complaints(directions, "tokka-tests", &depends("xtask")), ["`tokka-tests` may not depend on `xtask`"]);
        assert!(complaints(directions, "tokka-fuzz", &depends("tokka-tests")).is_empty());
        assert_eq!(complaints(directions, "tokka-server", &depends("tokka-tests")).len(), 1);
        assert_eq!(complaints(directions, "tokka-new", "").len(), 1);
    }

    #[test]
    fn the_core_is_linked_with_nothing_that_acts() {
        let depends = "[dependencies]\njiff.workspace = true\n[dev-dependencies]\ncriterion.workspace = true\n";
        assert!(complaints(pure_core, "tokka-core", depends).is_empty());
        let depends = "[dependencies]\ntokio.workspace = true\n[target.'cfg(unix)'.dependencies]\nlibc.workspace = true\n";
        assert_eq!(complaints(pure_core, "tokka-core", depends).len(), 2);
        assert!(complaints(pure_core, "tokka-server", depends).is_empty());
    }

    #[test]
    fn redis_is_the_ledgers() {
        let depends = "[dependencies]\nredis.workspace = true\n";
        assert!(complaints(redis, "tokka-ledger", depends).is_empty());
        assert_eq!(complaints(redis, "tokka-server", depends), ["`redis` belongs to `tokka-ledger` alone"]);
    }

    #[test]
    fn the_rig_is_for_tests() {
        assert!(complaints(rig, "tokka-ledger", "[dev-dependencies]\ntokka-rig.workspace = true\n").is_empty());
        assert_eq!(
            complaints(rig, "tokka-ledger", "[dependencies]\ntokka-rig.workspace = true\n"),
            ["`tokka-rig` is for tests: it belongs to [dev-dependencies]"]
        );
        assert_eq!(complaints(directions, "tokka-core", "[dev-dependencies]\ntokka-rig.workspace = true\n").len(), 1);
    }

    #[test]
    fn a_version_beside_the_root_manifest_is_found() {
        assert!(complaints(versions, "a", "[dependencies]\nserde = { workspace = true, features = ['derive'] }").is_empty());
        assert_eq!(complaints(versions, "a", "[build-dependencies]\nserde = '1'").len(), 1);
        assert_eq!(complaints(versions, "a", "[dependencies]\nb = { path = '../b' }").len(), 1);
    }

    #[test]
    fn lints_licence_and_publish_are_inherited() {
        assert!(complaints(inherited, "a", "").is_empty());
        let bare = Tree::of(&[ROOT, ("crates/a/Cargo.toml", "[package]\nname = 'a'\nlicense = 'MIT'\n")]);
        assert_eq!(inherited(&bare).len(), 5);
        let loose = Tree::of(&[("Cargo.toml", "[workspace.package]\nlicense = 'MIT'\n")]);
        assert_eq!(inherited(&loose).len(), 2);
    }
}

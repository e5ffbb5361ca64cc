//! Is each mistake told as it should be? One bad file a mistake, in `bad/`; its first lines are what has to be told of it.
//!
//! `# expect: LINE:COLUMN: field: message (hint)`, once for each problem, is the whole answer: nothing else may be told.
//! A file is loaded beside `beside.yaml`, or by itself where it says `# alone`.

use std::fs;
use std::path::{Path, PathBuf};

use tokka_catalog::yaml::{Documents, Node};
use tokka_catalog::{Problems, Source, load, schema};

/// A bad file, with what has to be told of it.
struct Bad {
    name: String,
    alone: bool,
    expected: Vec<String>,
    text: String,
}

/// All of them, by name.
fn bad_files() -> Result<Vec<Bad>, std::io::Error> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(tests().join("bad"))?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).map(|text| Bad::of(path, text))).collect()
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

impl Bad {
    fn of(path: &Path, text: String) -> Self {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let expected = text.lines().filter_map(|line| line.strip_prefix("# expect: ")).map(str::to_owned).collect();
        Self { name, alone: text.starts_with("# alone\n"), expected, text }
    }

    /// What is told of it.
    fn told(&self, beside: &Source) -> Vec<String> {
        let bad = Source { name: self.name.clone(), text: self.text.clone() };
        let sources = if self.alone { vec![bad] } else { vec![beside.clone(), bad] };
        let problems = load(&sources).err().map_or_else(Vec::new, Problems::into_vec);
        let told = problems.iter().map(ToString::to_string);
        told.map(|told| told.strip_prefix(&format!("{}:", self.name)).unwrap_or(&told).to_owned()).collect()
    }

    /// Does the schema of its kind refuse one of its documents?
    fn is_refused_by_schema(&self) -> bool {
        let roots = Documents::new(&self.name, &self.text).filter_map(|document| document.root);
        roots.into_iter().any(|root| {
            let kind = root.get("kind").and_then(Node::text).unwrap_or_default();
            let validator = schema(kind).and_then(|schema| jsonschema::validator_for(&schema).ok());
            validator.is_some_and(|validator| !validator.is_valid(&root.to_json()))
        })
    }
}

#[test]
fn each_bad_file_is_told_with_its_line_its_field_and_a_hint() {
    let text = fs::read_to_string(tests().join("beside.yaml")).unwrap();
    let beside = Source { name: "beside.yaml".to_owned(), text };
    assert!(load(std::slice::from_ref(&beside)).is_ok(), "what they stand beside is right");
    let files = bad_files().unwrap();
    assert!(files.len() >= 100, "{} files", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let told = file.told(&beside);
        if told != file.expected || told.is_empty() {
            wrong.push(format!("{}\n  expected {:#?}\n  told {told:#?}", file.name, file.expected));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

#[test]
fn what_is_wrong_in_shape_the_schema_refuses_too() {
    let files = bad_files().unwrap();
    let refused = files.iter().filter(|file| file.is_refused_by_schema()).count();
    // The others need several documents, the currency, or a calendar to be found wrong.
    assert!(refused >= 40, "{refused} of {}", files.len());
}

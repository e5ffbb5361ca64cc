//! Does the naive pricing come to what somebody worked out by hand, in every example of `tests/scenarios`?

use std::path::Path;

use tokka_tests::pricer::{Naive, Pricer};
use tokka_tests::scenario;

fn come_out_of(pricer: &dyn Pricer) {
    let worked = scenario::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"));
    assert!(worked.len() >= 60, "only {} examples were found", worked.len());
    let mut wrong = Vec::new();
    for example in &worked {
        let differences = example.differences(pricer);
        if !differences.is_empty() {
            wrong.push(format!("{}\n    {}", example.name, differences.join("\n    ")));
        }
    }
    assert!(wrong.is_empty(), "{} of {} by {}:\n{}", wrong.len(), worked.len(), pricer.name(), wrong.join("\n"));
}

#[test]
fn worked_examples_come_out_of_the_naive_pricing() {
    come_out_of(&Naive::default());
}

//! Has every code its page, and every page its code?

use std::fs;

use tokka_catalog::check::Code;

use crate::catalogues::root;

#[test]
fn every_code_has_its_page_and_every_page_a_code() {
    let folder = root().join("docs/findings");
    let overview = fs::read_to_string(root().join("docs/checks.md")).unwrap();
    for code in Code::ALL {
        let text = fs::read_to_string(folder.join(format!("{code}.md"))).unwrap_or_else(|error| panic!("{code}: {error}"));
        assert_eq!(text.lines().next(), Some(format!("# {code}").as_str()));
        for part in ["**Example.**", "**What to do.**"] {
            assert!(text.contains(part), "{code} has no {part}");
        }
        let row = format!("| [{code}](findings/{code}.md) | {} |", code.severity().name());
        assert!(overview.contains(&row), "docs/checks.md has no row `{row}`");
        let acknowledged = text.contains(&format!("acknowledge: [{code}]"));
        assert_eq!(acknowledged, code.can_be_acknowledged(), "{code} and how to acknowledge it");
    }
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let code = name.strip_suffix(".md").unwrap_or_else(|| panic!("`{name}` is no page"));
        assert!(code.parse::<Code>().is_ok(), "`{name}` explains a code that nothing gives");
    }
}

#[test]
fn codes_are_read_as_they_are_printed() {
    for code in Code::ALL {
        assert_eq!(code.name().parse(), Ok(*code));
    }
    let error = "DISCOUNT_OVER_7".parse::<Code>().unwrap_err();
    assert_eq!(error.to_string(), "no finding has the code `DISCOUNT_OVER_7`, did you mean `DISCOUNT_OVER_70`?");
}

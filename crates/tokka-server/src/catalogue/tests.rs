//! Is a copy of many files one change? The clock stands still in these tests but for the sleeps, so no machine is too slow.

use tempfile::TempDir;

use super::*;

const SETTINGS: &str = "{kind: catalogue, currency: JPY, time_zone: Asia/Tokyo}";

/// A promotion that anybody may write at any time.
fn write(folder: &TempDir, number: usize) {
    let text = format!("{{kind: promotion, id: p{number}, name: x, owner: platform, item_price: {{amount_off: 10}}}}");
    std::fs::write(folder.path().join(format!("p{number}.yaml")), text).expect("a file");
}

async fn catalogue() -> (TempDir, Catalogue) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("catalogue.yaml"), SETTINGS).expect("a file");
    let catalogue = Catalogue::open(folder.path().to_owned()).await.expect("a catalogue");
    (folder, catalogue)
}

#[tokio::test(start_paused = true)]
async fn files_that_follow_one_another_quickly_are_one_revision() {
    let (folder, catalogue) = catalogue().await;
    write(&folder, 0);
    let writing = async {
        for number in 1..20 {
            sleep(QUIET / 2).await;
            write(&folder, number);
        }
    };
    let ((), looked) = tokio::join!(writing, catalogue.look());
    assert_eq!(looked, Looked::Swapped);
    let state = catalogue.state().borrow().clone();
    assert_eq!((state.promotions, state.revision.starts_with("2-")), (20, true), "{}", state.revision);
    assert_eq!(catalogue.look().await, Looked::Same);
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_never_holds_still_is_left_for_the_next_look() {
    let (folder, catalogue) = catalogue().await;
    let mut number = 0;
    let writing = async {
        loop {
            write(&folder, number);
            number += 1;
            sleep(QUIET / 2).await;
        }
    };
    tokio::select! {
        () = writing => {}
        looked = catalogue.look() => assert_eq!(looked, Looked::Same),
    }
    assert!(number > READINGS_MAX, "only {number} files were written");
    assert_eq!(catalogue.state().borrow().promotions, 0);
    assert_eq!(catalogue.look().await, Looked::Swapped);
    assert_eq!(catalogue.state().borrow().promotions, number);
}

#[tokio::test(start_paused = true)]
async fn the_same_errors_are_told_once() {
    let (folder, catalogue) = catalogue().await;
    std::fs::write(folder.path().join("bad.yaml"), "kind: nonsense").expect("a file");
    assert_eq!(catalogue.look().await, Looked::Refused);
    assert_eq!(catalogue.look().await, Looked::Same);
    let refused = catalogue.state().borrow().refused.clone();
    assert!(refused.iter().any(|problem| problem.contains("bad.yaml:1:")), "{refused:?}");
    std::fs::remove_dir_all(folder.path()).expect("removed");
    assert_eq!(catalogue.look().await, Looked::Refused);
    assert_eq!(catalogue.look().await, Looked::Same);
    assert!(catalogue.current().revision.starts_with("1-"));
}

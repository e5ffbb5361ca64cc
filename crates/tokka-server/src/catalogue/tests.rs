//! Is a copy of many files one change, and is what is wrong told once?

use super::*;
use crate::captured_log::CapturedLog;

/// What comes of readings of the folder, each given by the hash of its texts; with how many of them were made.
async fn settled_of(readings: &[u128], known: u128) -> (Option<u128>, usize) {
    let mut made = 0;
    let read = || {
        let hash = readings.get(made).copied().unwrap_or(made as u128);
        made += 1;
        std::future::ready((Seen::Texts(hash), hash))
    };
    let settled = settled(|seen| *seen == Seen::Texts(known), Duration::ZERO, read).await;
    (settled.map(|(_, hash)| hash), made)
}

#[tokio::test]
async fn a_folder_is_taken_once_two_readings_are_the_same() {
    assert_eq!(settled_of(&[7, 7], 1).await, (Some(7), 2));
    assert_eq!(settled_of(&[7, 8, 9, 9], 1).await, (Some(9), 4));
    assert_eq!(settled_of(&[7, 8, 7, 8, 8], 1).await, (Some(8), 5));
}

#[tokio::test]
async fn what_is_known_needs_no_second_reading() {
    assert_eq!(settled_of(&[1, 2], 1).await, (Some(1), 1));
    assert_eq!(settled_of(&[2, 1, 3], 1).await, (Some(1), 2));
}

#[tokio::test]
async fn a_folder_that_never_holds_still_is_left_for_the_next_look() {
    assert_eq!(settled_of(&[], 1_000).await, (None, READINGS_MAX));
}

#[tokio::test]
async fn errors_are_told_with_their_places_and_told_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("catalogue.yaml", "{kind: catalogue, currency: JPY, time_zone: Asia/Tokyo}");
    let catalogue = Catalogue::open(folder.path().to_owned()).await.expect("a catalogue");
    let log = CapturedLog::start();

    write("bad.yaml", "kind: nonsense");
    assert_eq!(catalogue.look().await, Looked::Refused);
    assert_eq!(catalogue.look().await, Looked::Same);
    let refused = catalogue.state().borrow().refused.clone();
    assert!(refused.iter().any(|problem| problem.contains("bad.yaml:1:")), "{refused:?}");
    let lines = log.lines();
    for problem in &refused {
        assert_eq!(lines.iter().filter(|line| line.contains(problem.as_str())).count(), 1, "{problem} in {lines:#?}");
    }

    std::fs::remove_dir_all(folder.path()).expect("removed");
    assert_eq!(catalogue.look().await, Looked::Refused);
    assert_eq!(catalogue.look().await, Looked::Same);
    assert!(catalogue.current().revision.starts_with("1-"));
}

//! Files that are written, changed together and removed in folders of their own, and who waits for whom.

use super::*;

#[tokio::test]
async fn a_file_is_written_whole_read_back_and_removed_twice() {
    let home = tempfile::tempdir().unwrap();
    let dir = UnitDir::below(home.path());
    let lock = dir.lock(|| panic!("nobody else is here")).await.unwrap();
    let file = UnitPath::unit("mcpod-time.socket");

    assert_eq!(dir.read(&file).unwrap(), None);
    dir.write(&lock, &file, "one").unwrap();
    dir.write(&lock, &file, "two").unwrap();
    assert_eq!(dir.read(&file).unwrap().as_deref(), Some("two"));
    assert_eq!(dir.socket_files().unwrap(), std::slice::from_ref(&file));
    dir.remove(&lock, &file).unwrap();
    dir.remove(&lock, &file).unwrap();
    assert_eq!(dir.read(&file).unwrap(), None);
    assert_eq!(
        std::fs::read_dir(home.path().join("systemd/user"))
            .unwrap()
            .count(),
        0
    );
}

#[tokio::test]
async fn a_drop_in_brings_its_folder_and_takes_it_away_unless_it_is_used() {
    let home = tempfile::tempdir().unwrap();
    let dir = UnitDir::below(home.path());
    let lock = dir.lock(|| ()).await.unwrap();
    let file = UnitPath::unit("mcpod-time@.service.d/mcpod.conf");
    let folder = home.path().join("systemd/user/mcpod-time@.service.d");
    dir.write(&lock, &file, "ours").unwrap();
    assert_eq!(dir.read(&file).unwrap().as_deref(), Some("ours"));
    std::fs::write(folder.join("mine.conf"), "the user's").unwrap();
    dir.remove(&lock, &file).unwrap();
    assert!(folder.join("mine.conf").exists());
    std::fs::remove_file(folder.join("mine.conf")).unwrap();
    dir.remove(&lock, &file).unwrap();
    dir.remove(&lock, &file).unwrap();
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_change_that_was_begun_is_finished_by_whoever_has_the_lock_next() {
    let home = tempfile::tempdir().unwrap();
    let dir = UnitDir::below(home.path());
    let lock = dir.lock(|| ()).await.unwrap();
    let [one, two] = ["mcpod-a.socket", "mcpod-b.socket"].map(UnitPath::unit);
    dir.write(&lock, &two, "old").unwrap();
    let change = [
        Replacement {
            path: one.clone(),
            text: Some("new".to_owned()),
        },
        Replacement {
            path: two.clone(),
            text: None,
        },
    ];
    // As one is that was killed after it had begun.
    let text = serde_json::to_string(&change).unwrap();
    std::fs::write(home.path().join("systemd/user").join(CHANGE), text).unwrap();
    drop(lock);
    let lock = dir.lock(|| ()).await.unwrap();
    assert!(lock.finished_another());
    let read = |file| dir.read(file).unwrap();
    assert_eq!((read(&one).as_deref(), read(&two)), (Some("new"), None));

    let back = Replacement {
        path: one.clone(),
        text: None,
    };
    dir.replace(&lock, &[back]).unwrap();
    assert_eq!(read(&one), None);
    let left = std::fs::read_dir(home.path().join("systemd/user"));
    assert_eq!(left.unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_second_waits_until_the_first_is_done() {
    let home = tempfile::tempdir().unwrap();
    let dir = UnitDir::below(home.path());
    let first = dir.lock(|| ()).await.unwrap();
    let waits = std::cell::Cell::new(false);

    let mut second = std::pin::pin!(dir.lock(|| waits.set(true)));
    assert!(
        tokio::time::timeout(Duration::from_secs(1), &mut second)
            .await
            .is_err()
    );
    assert!(waits.get());
    drop(first);
    second.await.unwrap();
}

#[tokio::test]
async fn what_a_killed_writer_left_is_removed_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let dir = UnitDir::below(home.path());
    drop(dir.lock(|| ()).await.unwrap());
    let units = home.path().join("systemd/user");
    std::fs::write(units.join(".mcpod-x1y2z3"), "half").unwrap();
    std::fs::write(units.join(".other"), "kept").unwrap();
    std::fs::write(units.join("mcpod-a.socket"), "kept").unwrap();

    drop(dir.lock(|| ()).await.unwrap());

    assert!(!units.join(".mcpod-x1y2z3").exists());
    assert!(units.join(".other").exists() && units.join("mcpod-a.socket").exists());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("systemd"), "a file where a folder belongs").unwrap();
    let error = UnitDir::below(home.path()).lock(|| ()).await.unwrap_err();
    assert!(error.to_string().contains("systemd/user"), "{error}");
}

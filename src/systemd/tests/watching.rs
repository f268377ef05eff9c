//! What is told of units as it happens, and of deaths.

use super::*;
use crate::systemd::Deaths;

/// What is told of the deaths of a server's instances.
async fn deaths(fake: &Fake) -> Deaths {
    let name = "time".parse().unwrap();
    fake.systemd.watch_deaths(&name).await.unwrap()
}

#[tokio::test]
async fn a_watch_tells_what_happens_to_our_units() {
    let fake = Fake::new(Script::default()).await;
    let mut watch = fake.systemd.watch().await.unwrap();
    fake.unit("UnitNew", INSTANCE).await;
    fake.unit("UnitNew", "other.service").await;
    fake.systemd
        .start(&unit("mcpod-time.socket"), LONG)
        .await
        .unwrap();
    fake.die(INSTANCE, "success", 1, 0, 5).await;
    fake.unit("UnitRemoved", INSTANCE).await;
    fake.manager_signal("UnitFilesChanged", &()).await;
    for state in ["active", "failed"] {
        let state = [("ActiveState", Variant::from(state))];
        fake.changed("mcpod-time.socket", "Unit", &state).await;
    }
    // A reload unloads and loads every unit, which is not told.
    fake.manager_signal("Reloading", &true).await;
    fake.unit("UnitRemoved", "mcpod-time.socket").await;
    fake.unit("UnitNew", "mcpod-time.socket").await;
    fake.manager_signal("Reloading", &false).await;

    assert_eq!(watch.next().await, Some(Event::UnitNew(unit(INSTANCE))));
    let job = Event::JobRemoved {
        unit: unit("mcpod-time.socket"),
        result: JobResult::Done,
    };
    assert_eq!(watch.next().await, Some(job));
    let Some(Event::Died(death)) = watch.next().await else {
        panic!("the death comes before the unit is unloaded");
    };
    assert_eq!(
        (death.result, death.exit),
        (UnitResult::Success, Some(Exit::Code(0)))
    );
    assert_eq!(watch.next().await, Some(Event::UnitRemoved(unit(INSTANCE))));
    assert_eq!(watch.next().await, Some(Event::UnitFilesChanged));
    let down = Event::NotListening(unit("mcpod-time.socket"));
    assert_eq!(watch.next().await, Some(down));
    assert_eq!(watch.next().await, Some(Event::Reloaded));
}

#[tokio::test]
async fn an_idle_watch_stalls_nothing_and_hears_that_it_missed_something() {
    let fake = Fake::new(Script::default()).await;
    let mut watch = fake.systemd.watch().await.unwrap();
    let deaths = deaths(&fake).await;
    for round in 0..20 {
        for _ in 0..50 {
            fake.unit("UnitNew", INSTANCE).await;
        }
        fake.systemd.list(&["*"]).await.unwrap();
        let started = fake.systemd.start(&unit("mcpod-time.socket"), LONG).await;
        started.unwrap_or_else(|error| panic!("round {round}: {error}"));
    }
    let mut told = 0;
    while watch.next().await != Some(Event::Missed) {
        told += 1;
    }
    assert!((1..1020).contains(&told), "{told} events");
    fake.manager_signal("UnitFilesChanged", &()).await;
    assert_eq!(watch.next().await, Some(Event::UnitFilesChanged));
    drop(deaths);
}

#[tokio::test]
async fn a_death_is_known_after_the_unit_is_gone() {
    let fake = Fake::new(Script::default()).await;
    let deaths = deaths(&fake).await;
    assert_eq!(deaths.of_client(1278, Duration::ZERO).await, None);
    let running = [("ActiveState", Variant::from("active"))];
    fake.changed(INSTANCE, "Unit", &running).await;
    fake.die(INSTANCE, "oom-kill", 2, 9, 5).await;
    fake.unit("UnitRemoved", INSTANCE).await;
    fake.die("mcpod-other@0-1278-1000.service", "exit-code", 1, 1, 6)
        .await;
    fake.die("mcpod-time@4-unknown.service", "exit-code", 1, 3, 7)
        .await;

    let death = deaths.of(&unit(INSTANCE), LONG).await.unwrap();
    assert_eq!(death.to_string(), format!("{INSTANCE}: oom-kill, signal 9"));
    assert_eq!(death.invocation, InvocationId::from_bytes(&[5; 16]));
    assert_eq!(deaths.of_client(1278, LONG).await, Some(death));
    let other = deaths
        .of(&unit("mcpod-time@4-unknown.service"), LONG)
        .await
        .unwrap();
    assert_eq!(other.exit, Some(Exit::Code(3)));
    assert_eq!(deaths.of_client(99, SHORT).await, None);
}

#[tokio::test]
async fn an_instance_that_could_not_be_loaded_is_dead_too() {
    let fake = Fake::new(Script::default()).await;
    let deaths = deaths(&fake).await;
    let mut watch = fake.systemd.watch().await.unwrap();
    fake.unit("UnitNew", INSTANCE).await;
    fake.unit("UnitRemoved", INSTANCE).await;
    // What has no runs cannot die.
    fake.unit("UnitRemoved", "mcpod-time.socket").await;
    fake.unit("UnitRemoved", "mcpod-time@internal.service")
        .await;
    fake.manager_signal("UnitFilesChanged", &()).await;

    let death = deaths.of_client(1278, LONG).await.unwrap();
    assert_eq!(death.to_string(), format!("{INSTANCE}: resources"));
    let mut told = Vec::new();
    while told.last() != Some(&Event::UnitFilesChanged) {
        told.push(watch.next().await.unwrap());
    }
    let expected = [
        Event::UnitNew(unit(INSTANCE)),
        Event::Died(death),
        Event::UnitRemoved(unit(INSTANCE)),
        Event::UnitRemoved(unit("mcpod-time.socket")),
        Event::UnitRemoved(unit("mcpod-time@internal.service")),
        Event::UnitFilesChanged,
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn of_many_deaths_the_last_are_kept() {
    let fake = Fake::new(Script::default()).await;
    let deaths = deaths(&fake).await;
    for number in 0..100 {
        fake.die(
            &format!("mcpod-time@{number}-1278-1000.service"),
            "success",
            1,
            0,
            5,
        )
        .await;
    }
    let last = deaths
        .of(&unit("mcpod-time@99-1278-1000.service"), LONG)
        .await
        .unwrap();
    assert_eq!(deaths.of_client(1278, LONG).await, Some(last));
    assert_eq!(
        deaths
            .of(&unit("mcpod-time@0-1278-1000.service"), Duration::ZERO)
            .await,
        None
    );
}

#[tokio::test]
async fn a_run_dies_once() {
    let fake = Fake::new(Script::default()).await;
    let mut watch = fake.systemd.watch().await.unwrap();
    // Loaded, and waiting for its first start: no death.
    let waiting = [("ActiveState", Variant::from("inactive"))];
    fake.changed("mcpod-time.service", "Unit", &waiting).await;
    fake.die("mcpod-time.service", "exit-code", 1, 1, 5).await;
    fake.die("mcpod-time.service", "exit-code", 1, 1, 5).await;
    fake.die("mcpod-time.service", "signal", 2, 15, 6).await;
    fake.manager_signal("UnitFilesChanged", &()).await;
    let mut results = Vec::new();
    while let Some(Event::Died(death)) = watch.next().await {
        results.push(death.result);
    }
    assert_eq!(results, [UnitResult::ExitCode, UnitResult::Signal]);
}

//! Commands in units of their own.

use super::super::command::UnitCommand;
use super::*;

const COMMAND: UnitCommand<'_> = UnitCommand {
    description: "Say it",
    slice: "mcpod.slice",
    words: &["/bin/sh", "-c", "echo ${HOME} $$"],
    patience: LONG,
};

#[tokio::test]
async fn what_a_command_prints_is_read_and_how_it_ended() {
    for (result, success) in [("done", true), ("failed", false)] {
        let script = Script {
            job_result: Some(result),
            other_jobs: 3,
            ..Script::default()
        };
        let fake = Fake::new(script).await;
        let output = fake.systemd.run_command(&COMMAND, "input").await.unwrap();
        assert_eq!(output.success, success, "{result}");
        assert_eq!(output.stdout, "to StandardOutputFileDescriptor\n");
        assert_eq!(output.stderr, "to StandardErrorFileDescriptor\n");
        let calls = fake.calls();
        let [_, call] = calls.as_slice() else {
            panic!("{calls:?}");
        };
        // Nothing is put in the place of what looks like a variable.
        for part in [
            "StartTransientUnit run-mcpod-",
            ".service fail ",
            "mcpod.slice",
            "ExecStartEx",
            "echo ${HOME} $$",
            "no-env-expand",
            "inactive-or-failed",
        ] {
            assert!(call.contains(part), "{part}: {call}");
        }
    }
}

#[tokio::test]
async fn a_command_that_somebody_else_ended_has_no_answer() {
    let script = Script {
        job_result: Some("canceled"),
        ..Script::default()
    };
    let fake = Fake::new(script).await;
    let error = fake.systemd.run_command(&COMMAND, "").await.unwrap_err();
    assert!(matches!(error, SystemdError::JobFailed { .. }), "{error:?}");
}

#[tokio::test]
async fn no_two_commands_have_one_unit() {
    let fake = Fake::new(Script::default()).await;
    let mut units = Vec::new();
    for _ in 0..2 {
        fake.systemd.run_command(&COMMAND, "").await.unwrap();
        units.extend(fake.calls().into_iter().filter_map(|call| {
            let unit = call.strip_prefix("StartTransientUnit ")?.split_once(' ')?;
            Some(unit.0.to_owned())
        }));
    }
    assert!(units.len() == 2 && units[0] != units[1], "{units:?}");
}

#[tokio::test]
async fn a_command_that_takes_too_long_or_is_not_waited_for_is_ended() {
    for patience in [SHORT, LONG] {
        let script = Script {
            job_result: None,
            ..Script::default()
        };
        let fake = Fake::new(script).await;
        let command = UnitCommand {
            patience,
            ..COMMAND
        };
        let ran = tokio::time::timeout(SHORT * 2, fake.systemd.run_command(&command, "")).await;
        if patience == SHORT {
            let error = ran.unwrap().unwrap_err();
            assert_eq!(error.to_string(), "Say it: it was not done after 50ms");
        } else {
            ran.unwrap_err();
        }
        let mut calls = fake.calls();
        while !calls.iter().any(|call| call.starts_with("StopUnit run-")) {
            tokio::task::yield_now().await;
            calls.extend(fake.calls());
        }
    }
}

#[tokio::test]
async fn a_command_that_was_begun_already_is_not_begun_again() {
    let fake = Fake::new(Script::default()).await;
    for name in ["run-it.service", INSTANCE] {
        let begun = fake.systemd.begin_command(&unit(name), &COMMAND).await;
        begun.unwrap();
        let calls = fake.calls();
        assert!(calls[0].contains("on-failure"), "{calls:?}");
    }
}

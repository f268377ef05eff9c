//! Openings: both eras, and servers that are neither.

use super::*;

#[tokio::test]
async fn a_modern_server_is_known_by_its_answer() {
    let (session, _peer) = modern(opening(None)).await;
    assert_eq!(*session.era(), "2026-07-28".parse().unwrap());
    assert!(matches!(session.era(), Era::Modern(_)));
    assert!(session.offers("tools"));
    assert!(!session.offers("prompts"));
}

#[tokio::test]
async fn an_older_server_gets_initialize_on_the_same_connection() {
    for code in [-32601, -32602, -32600, 0] {
        let (stream, mut peer) = pipe();
        let server = async {
            let probe = peer.message().await;
            assert_eq!(probe["method"], "server/discover");
            assert_eq!(
                probe["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"],
                "2026-07-28"
            );
            peer.refuse(&probe["id"], code).await;
            let asked = peer.message().await;
            assert_eq!(asked["params"]["protocolVersion"], "2025-11-25");
            assert_eq!(asked["params"]["clientInfo"]["name"], "mcpod");
            peer.answer(&asked["id"], initialized("2024-11-05")).await;
            assert_eq!(peer.message().await["method"], "notifications/initialized");
        };
        let (session, ()) = tokio::join!(opening(None).open(streams([stream])), server);
        assert_eq!(*session.unwrap().era(), "2024-11-05".parse().unwrap());
    }
}

#[tokio::test]
async fn an_error_without_an_id_is_about_the_probe() {
    let (stream, mut peer) = pipe();
    let server = async {
        peer.asked("server/discover").await;
        peer.refuse(&Value::Null, -32700).await;
        peer.initialize().await;
    };
    let (session, ()) = tokio::join!(opening(None).open(streams([stream])), server);
    assert!(matches!(session.unwrap().era(), Era::Legacy(_)));
}

#[tokio::test]
async fn a_server_that_answers_anything_is_an_older_one() {
    for odd in [json!({}), json!(null), json!({"supportedVersions": "all"})] {
        let (stream, mut peer) = pipe();
        let server = async {
            let id = peer.asked("server/discover").await;
            peer.answer(&id, odd).await;
            peer.initialize().await;
        };
        let (session, ()) = tokio::join!(opening(None).open(streams([stream])), server);
        session.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_exits_at_the_probe_gets_a_fresh_connection() {
    let (first, mut dying) = pipe();
    let (second, mut peer) = pipe();
    let server = async {
        dying.asked("server/discover").await;
        drop(dying);
        peer.initialize().await;
    };
    let (session, ()) = tokio::join!(opening(None).open(streams([first, second])), server);
    assert!(matches!(session.unwrap().era(), Era::Legacy(_)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_passes_over_the_probe_is_asked_to_initialize_after_two_seconds() {
    let (stream, mut peer) = pipe();
    let started = tokio::time::Instant::now();
    let server = async {
        peer.asked("server/discover").await;
        peer.initialize().await;
        assert_eq!(started.elapsed().as_secs(), 2);
    };
    let (session, ()) = tokio::join!(opening(None).open(streams([stream])), server);
    assert!(matches!(session.unwrap().era(), Era::Legacy(_)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_starts_slowly_keeps_its_connection_and_its_era() {
    for modern in [true, false] {
        let (stream, mut peer) = pipe();
        let server = async {
            let discover = peer.asked("server/discover").await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            if modern {
                peer.answer(&discover, discovered(&["2026-07-28"])).await;
            } else {
                peer.refuse(&discover, -32601).await;
                peer.initialize().await;
            }
        };
        let (session, ()) = tokio::join!(opening(None).open(streams([stream])), server);
        assert_eq!(matches!(session.unwrap().era(), Era::Modern(_)), modern);
    }
}

#[tokio::test(start_paused = true)]
async fn a_modern_server_may_refuse_to_initialize_before_it_answers_the_probe() {
    let (stream, mut peer) = pipe();
    let server = async {
        let discover = peer.asked("server/discover").await;
        let initialize = peer.asked("initialize").await;
        peer.refuse(&initialize, -32601).await;
        peer.answer(&discover, discovered(&["2026-07-28"])).await;
    };
    let (session, ()) = tokio::join!(opening(None).open(streams([stream])), server);
    assert!(matches!(session.unwrap().era(), Era::Modern(_)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_the_probe_struck_dumb_gets_a_fresh_connection() {
    let (first, mut dumb) = pipe();
    let (second, mut peer) = pipe();
    let server = async {
        dumb.asked("server/discover").await;
        dumb.asked("initialize").await;
        while dumb.line().await.is_some() {}
        peer.initialize().await;
    };
    let (session, ()) = tokio::join!(opening(None).open(streams([first, second])), server);
    assert!(matches!(session.unwrap().era(), Era::Legacy(_)));
}

#[tokio::test]
async fn a_remembered_era_goes_straight_and_can_be_wrong() {
    let (session, _peer) = modern(opening(Some("2026-07-28"))).await;
    assert!(matches!(session.era(), Era::Modern(_)));

    let (stream, mut peer) = pipe();
    let server = async {
        let id = peer.asked("server/discover").await;
        peer.refuse(&id, -32601).await;
        peer.initialize().await;
    };
    let open = opening(Some("2026-07-28")).open(streams([stream]));
    let (session, ()) = tokio::join!(open, server);
    assert!(matches!(session.unwrap().era(), Era::Legacy(_)));

    let (first, mut dying) = pipe();
    let (second, mut peer) = pipe();
    let server = async {
        dying.asked("server/discover").await;
        drop(dying);
        peer.initialize().await;
    };
    let open = opening(Some("2026-07-28")).open(streams([first, second]));
    let (session, ()) = tokio::join!(open, server);
    assert!(matches!(session.unwrap().era(), Era::Legacy(_)));

    let (stream, mut peer) = pipe();
    let server = async {
        let id = peer.asked("initialize").await;
        peer.refuse(&id, -32600).await;
        let id = peer.asked("server/discover").await;
        peer.answer(&id, discovered(&["2026-07-28"])).await;
    };
    let open = opening(Some("2025-06-18")).open(streams([stream]));
    let (session, ()) = tokio::join!(open, server);
    assert!(matches!(session.unwrap().era(), Era::Modern(_)));
}

#[tokio::test]
async fn a_server_of_an_unknown_version_is_refused() {
    let (stream, mut peer) = pipe();
    let server = async {
        let id = peer.asked("server/discover").await;
        peer.answer(&id, discovered(&["2031-01-01"])).await;
    };
    let (session, ()) = tokio::join!(opening(None).open(streams([stream])), server);
    let error = session.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server speaks no known version of MCP, but 2031-01-01"
    );

    let (stream, mut peer) = pipe();
    let server = async {
        let id = peer.asked("server/discover").await;
        let error = json!({"code": -32022, "message": "no", "data": {"supported": ["2031-01-01"]}});
        peer.say(json!({"jsonrpc": "2.0", "id": id, "error": error}))
            .await;
    };
    let (session, ()) = tokio::join!(opening(None).open(streams([stream])), server);
    assert!(matches!(
        session,
        Err(SessionError::UnsupportedVersion { .. })
    ));

    let (stream, mut peer) = pipe();
    let server = async {
        let id = peer.asked("initialize").await;
        peer.answer(&id, initialized("1.0")).await;
        let id = peer.asked("server/discover").await;
        peer.refuse(&id, -32601).await;
    };
    let open = opening(Some("2025-11-25")).open(streams([stream]));
    let (session, ()) = tokio::join!(open, server);
    assert!(
        matches!(session, Err(SessionError::UnsupportedVersion { server }) if server == ["1.0"])
    );
}

#[tokio::test]
async fn a_server_that_knows_discover_but_only_older_versions_gets_initialize() {
    let (stream, mut peer) = pipe();
    let server = async {
        let id = peer.asked("server/discover").await;
        let error = json!({"code": -32022, "message": "no", "data": {"supported": ["2025-06-18"]}});
        peer.say(json!({"jsonrpc": "2.0", "id": id, "error": error}))
            .await;
        peer.initialize().await;
    };
    let (session, ()) = tokio::join!(opening(None).open(streams([stream])), server);
    session.unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_an_error_of_connecting() {
    let error = opening(None).open(streams([])).await.unwrap_err();
    assert!(matches!(error, SessionError::Connect(_)));
    assert!(error.hint().is_some());
}

#[tokio::test(start_paused = true)]
async fn opening_ends_in_time_whatever_the_server_does() {
    let (first, _silent) = pipe();
    let (second, _silent_too) = pipe();
    let started = tokio::time::Instant::now();
    let error = opening(None)
        .open(streams([first, second]))
        .await
        .unwrap_err();
    assert!(
        matches!(error, SessionError::TimedOut { after, .. } if after == LONG),
        "{error}"
    );
    assert_eq!(started.elapsed(), LONG);

    let stuck = || std::future::pending::<io::Result<DuplexStream>>();
    let error = opening(None).open(stuck).await.unwrap_err();
    assert!(matches!(error, SessionError::Connect(_)), "{error}");
}

#[tokio::test]
async fn a_server_that_prints_only_garbage_is_quoted() {
    let (first, mut one) = pipe();
    let (second, mut two) = pipe();
    let server = async {
        one.write("Usage: server [options]\n").await;
        drop(one);
        two.write("Usage: server\x1b[2J [options]\nmore\n").await;
        drop(two);
    };
    let (session, ()) = tokio::join!(opening(None).open(streams([first, second])), server);
    let error = session.unwrap_err();
    assert!(
        matches!(&error, SessionError::Ended { garbage: Some(text), .. } if text == "Usage: server[2J [options]"),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("standard output"));
}

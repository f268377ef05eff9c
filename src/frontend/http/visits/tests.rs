use futures_util::FutureExt as _;

use super::*;
use crate::frontend::Shape;
use crate::frontend::http::streams::Asked;
use crate::frontend::tests::Place;

async fn frontend() -> (Place, Arc<Frontend>) {
    let place = Place::with(&[]).await;
    let frontend = Frontend::start(place.orchestrator(), Shape::All).await;
    (place, frontend.unwrap())
}

fn session(visits: &Visits, frontend: &Arc<Frontend>) -> (String, Arc<Visit>) {
    let version = ProtocolVersion::V_2025_11_25;
    visits.begin(&None, frontend, version).unwrap()
}

#[tokio::test]
async fn a_visit_is_closed_even_if_nobody_waits_for_that() {
    let (_place, frontend) = frontend().await;
    let visits = Visits::new(8, Duration::from_mins(5));
    let (id, visit) = session(&visits, &frontend);
    // A session with a server, which takes a while to be closed.
    let call =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"registry-active"}}"#;
    visit.agent.take(Frame::parse(call).unwrap()).await;
    let mut standing = visit.streams.stand().unwrap();
    let ended = visits.end(&id, &None).unwrap();
    assert!(Box::pin(ended.close()).now_or_never().is_none());
    while standing.next().await.is_some() {}
    // Nobody keeps it any more.
    let agent = Arc::downgrade(&visit.agent);
    drop((visit, ended));
    while agent.upgrade().is_some() {
        tokio::task::yield_now().await;
    }
}

/// The visit of a process that says nothing of itself.
fn visit(visits: &Visits, caller: &Caller, frontend: &Arc<Frontend>) -> Arc<Visit> {
    let who = Who {
        door: None,
        caller: caller.clone(),
        info: String::new(),
        capabilities: "{}".to_owned(),
    };
    visits.of(who, frontend).unwrap()
}

/// A process that has ended: its number is another's by now.
fn ended() -> Caller {
    Caller::Process(std::process::id(), 0)
}

#[tokio::test]
async fn a_visit_ends_with_its_process_before_the_next_one_begins() {
    let (_place, frontend) = frontend().await;
    let visits = Visits::new(8, Duration::from_mins(5));
    let first = visit(&visits, &ended(), &frontend);
    let listening = visit(&visits, &Caller::Process(std::process::id(), 1), &frontend);
    let asked = Asked {
        id: 1.into(),
        own: None,
    };
    let reader = listening.streams.open(vec![asked]).unwrap();
    let hidden = visit(&visits, &Caller::Hidden, &frontend);
    assert_eq!(visits.present().agents, 2);
    assert!(Arc::ptr_eq(
        &hidden,
        &visit(&visits, &Caller::Hidden, &frontend)
    ));
    drop((first, reader));
    visits.sweep().await;
    assert_eq!(visits.present().agents, 1);
}

#[tokio::test]
async fn a_session_outlives_its_process_for_a_while() {
    let (_place, frontend) = frontend().await;
    tokio::time::pause();
    let visits = Visits::new(8, Duration::from_mins(30));
    let (id, session) = session(&visits, &frontend);
    session.is_of(ended());
    visits.sweep().await;
    assert!(visits.session(&id, &None).is_some());
    tokio::time::advance(ORPHANED).await;
    visits.sweep().await;
    assert!(visits.session(&id, &None).is_none());
}

#[tokio::test]
async fn an_agent_is_silent_from_when_it_stopped_to_listen() {
    let (_place, frontend) = frontend().await;
    tokio::time::pause();
    let idle = Duration::from_mins(30);
    let visits = Visits::new(8, idle);
    let (id, session) = session(&visits, &frontend);
    let reader = session.streams.stand().unwrap();
    tokio::time::advance(idle).await;
    drop(reader);
    visits.sweep().await;
    tokio::time::advance(idle / 2).await;
    visits.sweep().await;
    assert_eq!(visits.present().sessions, 1);
    tokio::time::advance(idle / 2).await;
    visits.sweep().await;
    assert!(visits.session(&id, &None).is_none());
}
